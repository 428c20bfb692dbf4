#!/usr/bin/env bash
# Tries to break build/bin/ceiling: kills, signals, two runs in one folder,
# damaged models, checkpoints, result files and suites, hostile servers, and
# RPC servers that fail. Prints what was tried and what failed, and keeps the
# evidence of failures. `scripts/break.sh -h` lists the arguments; a short form
# is part of the tests.
#
# Needs `make build`, and `make peers` for the RPC servers.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

mkdir -p "$root/build"
go build -C "$root" -o build/break ./scripts/break
exec "$root/build/break" --bin "$root/build/bin" --data "$root" "$@"
