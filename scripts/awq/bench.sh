#!/usr/bin/env bash
# Measures the conversion of a synthetic checkpoint of the 24B geometry beside
# a plain copy of the same bytes, in turns. Arguments go to the measurement;
# `scripts/awq/bench.sh -h` lists them. The whole model needs 31 GB of disk (AutoAWQ: 34 GB).
#
# Needs `make build`, and a machine that does nothing else meanwhile.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

mkdir -p "$root/build"
go build -C "$root" -o build/awq-bench ./scripts/awq/bench
for arg in "$@"; do
    case $arg in
    -ceiling | --ceiling | -ceiling=* | --ceiling=*) exec "$root/build/awq-bench" "$@" ;;
    esac
done
exec "$root/build/awq-bench" --ceiling "$root/build/bin/ceiling" "$@"
