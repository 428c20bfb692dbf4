#!/usr/bin/env bash
# Does the cuda preset build, and does its library load? Builds it in a copy of
# the project where nvcc is, and says what the program makes of the GPUs that
# are there. Without nvcc nothing is checked, and that is what it says.
set -euo pipefail

say() { printf 'cuda-check: %s\n' "$*" >&2; }

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${CEILING_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or CEILING_CACHE}/.cache}/ceiling}
nvcc=${CUDACXX:-$(command -v nvcc || true)}
if [ -z "$nvcc" ]; then
    say "nothing was checked: nvcc is not on the PATH, and CUDACXX does not name it"
    exit 0
fi

copy=$cache/cuda-check
mkdir -p "$copy"
find "$copy" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf --one-file-system {} +
git -C "$repo" -c "safe.directory=$repo" ls-files -co --exclude-standard -z |
    tar -C "$repo" --null --ignore-failed-read -T - -cf - | tar -C "$copy" -xf -

# Where there is no GPU to compile for, one architecture is enough to see
# whether it compiles.
arguments=-DCEILING_PEERS=OFF
[ -e /dev/nvidia0 ] || arguments+=" -DCMAKE_CUDA_ARCHITECTURES=80"
say "building the cuda preset with $nvcc"
make -C "$copy" build PRESET=cuda CMAKE_ARGS="$arguments"
library=$copy/build/bin/libggml-cuda.so
[ -s "$library" ] || {
    say "FAILED: there is no $library"
    exit 1
}
"$copy/build/bin/ceiling" devices >"$copy/devices" 2>&1 || {
    cat "$copy/devices" >&2
    say "FAILED: ceiling devices"
    exit 1
}
cat "$copy/devices"
if [ -e /dev/nvidia0 ]; then
    grep -q '^CUDA0 ' "$copy/devices" || {
        say "FAILED: there is a GPU and no device CUDA0"
        exit 1
    }
    say "ok: the library was built, loads, and finds the GPU"
else
    grep -qi 'cuda' "$copy/devices" || {
        say "FAILED: no word about why there is no CUDA device"
        exit 1
    }
    say "ok: the library was built; no kernel ran: that needs a GPU"
fi
