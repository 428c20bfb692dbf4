#!/usr/bin/env bash
# All tests, after the build: checks of the build's own scripts, go vet, go test.
# The integration tests' real model is fetched first, and the browser that opens
# reports installed. Where one of them cannot be had the tests say what they
# skipped; with CI=true that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

third_party/check.sh

status=0
model=$(third_party/fetch-model.sh) || status=$?
if [ "$status" -ne 0 ] && { [ "$status" -ne 3 ] || [ "${CI:-}" = true ]; }; then
    exit 1
fi
export CEILING_TEST_MODEL=$model
export CEILING_PEERS_DIR=$PWD/build/bin

scripts/setup.sh browser || {
    [ "${CI:-}" != true ] || exit 1
    echo 'test: no browser: the tests that open report.html in one are skipped' >&2
}
scripts/setup.sh network || {
    [ "${CI:-}" != true ] || exit 1
    echo 'test: no strace or no ip: the tests that watch sockets, or link two hosts, are skipped' >&2
}

# As `make build` compiles, so that what it has compiled is not compiled again.
export GOFLAGS="${GOFLAGS:-} -trimpath"
go vet ./...
# Last, so that the output ends with go test's own lines. Package by package:
# tests that load models should not fight over two cores. They are vetted.
exec go test -vet=off -p 1 -timeout 20m "$@" ./...
