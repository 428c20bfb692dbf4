#!/usr/bin/env bash
# Is a bundle all that a machine without a network needs? Copies it into the
# Debian root of hip-check, which has a compiler, CMake, Ninja, git, make, Go and
# Debian's HIP, and there, without a network, without the cache and without this
# machine's Go modules: checks it, installs it, runs the smoke suite, and builds
# the cpu and gfx908 presets from its source.
#
# Usage, as root: scripts/airgap-check.sh [BUNDLE.tar.zst]
#   BUNDLE.tar.zst   check this one (default: make one of the commit)
#
# Objects that ccache has kept from hip-check are used; what they were compiled
# from, compiler and flags included, is then the same.
set -euo pipefail

name=airgap-check
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/hip-root.sh
. "$repo/scripts/hip-root.sh"
bundle=${1:-}

# sealed SCRIPT runs in the root with no network but a loopback that is down.
# The source lies where hip-check has the project, so that ccache finds it.
sealed() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    in_root 'mkdir -p /mnt/ccache /root/ceiling
        mount --bind /cache/ccache /mnt/ccache
        mount -t tmpfs none /cache
        mount -t tmpfs none /gomod
        mount --bind /root/airgap/work /root/ceiling
        unset SSL_CERT_FILE GIT_SSL_CAINFO HTTP_PROXY HTTPS_PROXY http_proxy https_proxy ALL_PROXY
        export CCACHE_DIR=/mnt/ccache GOPROXY=off
        exec unshare --net -- bash -ec "$1"' "$1"
}

# unpack leaves the bundle in the root, and its source where it may be built.
unpack() {
    local inside=$root/root/airgap
    rm -rf --one-file-system "$inside"
    mkdir -p "$inside/unpacked" "$inside/work"
    tar -C "$inside/unpacked" --zstd -xf "$bundle"
    mv "$inside"/unpacked/* "$inside/bundle"
    cp -R "$inside/bundle/src/." "$inside/work/"
}

# shellcheck disable=SC2016  # expanded by the inner shell
is_sealed() {
    sealed '[ "$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " ")" = lo ]
        [ -z "$(ls /cache /gomod | grep -v :)" ]
        ! timeout 20 git ls-remote https://github.com/ggml-org/llama.cpp >/dev/null 2>&1'
}

stands_alone() {
    told ldd sealed 'ldd airgap/bundle/bin/ceiling airgap/bundle/bin/libggml* airgap/bundle/bin/libllama*' &&
        ! grep '=> /' "$out/ldd" | grep -v -e '=> /root/airgap/bundle/bin/' -e 'lib[cm]\.so'
}

runs_smoke() {
    told smoke sealed 'cd airgap
        installed/bin/ceiling synth --geometry demo --type q4_0 --out demo.gguf
        installed/bin/ceiling run --suite smoke --out run demo.gguf
        installed/bin/ceiling summary run'
}

builds() {
    told "build-$1" sealed "cd ceiling && make build PRESET=$1 CMAKE_ARGS=-DCEILING_PEERS=OFF && build/bin/ceiling version" &&
        grep 'llama.cpp.*pinned' "$out/build-$1"
}

finds_no_card() {
    told devices sealed 'cd ceiling && exec build/bin/ceiling devices' && grep -q 'no ROCm-capable device' "$out/devices"
}

# timed WHAT COMMAND... is a check with its time.
timed() {
    local start=$SECONDS
    check "$@"
    say "    $((SECONDS - start)) s"
}

prepare_root
if [ -z "$bundle" ]; then
    bundle=$repo/$("$repo/scripts/bundle.sh")
fi
unpack
say "bundle: $(du -m "$bundle" | cut -f1) MB packed, $(du -sm "$root/root/airgap/bundle" | cut -f1) MB unpacked"
check "no network, no cache, no modules" is_sealed
check "the program needs nothing but the C library" stands_alone
timed "ceiling bundle verify" told verify sealed 'airgap/bundle/bin/ceiling bundle verify'
timed "install.sh" told install sealed 'airgap/bundle/install.sh --prefix /root/airgap/installed'
timed "the smoke suite, from the bundle" runs_smoke
timed "make build" builds cpu
timed "make build PRESET=gfx908" builds gfx908
check "ceiling devices: the HIP back end loads, and there is no card" finds_no_card
rm -rf --one-file-system "$root/root/airgap"
printf 'airgap-check: %d passed, 0 failed\n' "$passed"
