#!/usr/bin/env bash
# Compares ceiling with llama.cpp's own tools on the same files, threads and
# shapes, and prints a table of ratios. Arguments go to the comparison;
# `scripts/peers.sh -h` lists them. Without --model it takes the real small
# model of the tests and the demo model.
#
# Needs `make build peers`, and a machine that does nothing else meanwhile.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

mkdir -p "$root/build"
go build -C "$root" -o build/peers-compare ./cmd/peers

models=default bin=default
for arg in "$@"; do
    case $arg in
    -h | -help | --help) exec "$root/build/peers-compare" --help ;;
    -model | --model | -model=* | --model=*) models=named ;;
    -bin | --bin | -bin=* | --bin=*) bin=named ;;
    esac
done
if [ "$bin" = default ]; then
    set -- --bin "$root/build/bin" "$@"
fi
if [ "$models" = default ]; then
    real=$("$root/third_party/fetch-model.sh")
    demo=$root/build/models/demo-q4_0.gguf
    if [ ! -e "$demo" ]; then
        mkdir -p "${demo%/*}"
        "$root/build/bin/ceiling" synth --geometry demo --type q4_0 --out "$demo"
    fi
    set -- --model "$real" --model "$demo" "$@"
fi
exec "$root/build/peers-compare" "$@"
