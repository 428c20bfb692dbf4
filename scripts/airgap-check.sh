#!/usr/bin/env bash
# Is a bundle all that a machine without a network needs? Copies it into the
# Debian root of hip-check, which has a compiler, CMake, Ninja, git, make, Go and
# Debian's HIP, and there, without a network, without the cache and without this
# machine's Go modules: checks it, finds damage, installs it, runs the smoke
# suite, and builds the cpu and gfx908 presets from its source.
#
# Usage, as root: scripts/airgap-check.sh [BUNDLE.tar.zst]
#   BUNDLE.tar.zst   check this one. Default: one of the commit, made twice, in
#                    two clones at different paths, which must be equal
#
# With BUNDLE_BIN, as for bundle.sh, the bundles hold a program that is there
# already. Without it the program is compiled in either clone.
#
# Objects that ccache has kept from hip-check are used; what they were compiled
# from, compiler and flags included, is then the same.
set -euo pipefail

name=airgap-check
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/hip-root.sh
. "$repo/scripts/hip-root.sh"
bundle=${1:-}
[ -z "${BUNDLE_BIN:-}" ] || BUNDLE_BIN=$(cd "$BUNDLE_BIN" && pwd)

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

# The program finds its libraries beside itself, and nowhere else.
# shellcheck disable=SC2016  # $ORIGIN is the loader's
stands_alone() {
    [ "$(objdump -p "$root/root/airgap/bundle/bin/ceiling" | sed -n 's/.*R\(UN\)\{0,1\}PATH *//p')" = '$ORIGIN' ] || return 1
    told ldd sealed 'ldd airgap/bundle/bin/ceiling airgap/bundle/bin/libggml* airgap/bundle/bin/libllama*' &&
        ! grep '=> /' "$out/ldd" | grep -v -e '=> /root/airgap/bundle/bin/' -e 'lib[cm]\.so'
}

# pack FOLDER makes the bundle and its Debian package in a clone, and prints
# their paths.
pack() {
    local made
    made=$1/$("$1/scripts/bundle.sh") && echo "$made $1/$("$1/scripts/deb.sh" "$made")"
}

# pack_twice packs here, and in a clone elsewhere in another time zone and with
# other default rights. Sets $bundle and $package.
pack_twice() {
    local clone=$out/elsewhere/a-second-clone again
    git clone --quiet "$repo" "$clone" &&
        read -r bundle package <<<"$(pack "$repo")" &&
        again=$(umask 077 && TZ=Asia/Tokyo LC_ALL=C pack "$clone") &&
        cmp "$bundle" "${again% *}" && cmp "$package" "${again#* }"
}

# flip FILE changes one bit of one byte.
flip() {
    local at byte
    at=$(((RANDOM << 15 | RANDOM) % $(stat -c %s "$1")))
    byte=$(od -An -tu1 -j "$at" -N 1 "$1")
    # shellcheck disable=SC2059  # the byte is the format
    printf "\\x$(printf %x $((byte ^ 1 << RANDOM % 8)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# Twenty files of the bundle with one bit changed are named, and no other is.
finds_damage() {
    local at=$root/root/airgap/bundle file
    find "$at" -type f -size +0c ! -name SHA256SUMS -printf '%P\n' | shuf -n 20 | sort >"$out/damaged"
    while read -r file; do flip "$at/$file"; done <"$out/damaged"
    ! sealed 'exec airgap/installed/bin/ceiling bundle verify airgap/bundle' >"$out/found" 2>&1 &&
        sed -n 's/^ceiling: \(.*\): SHA-256 is .*/\1/p' "$out/found" | sort | diff "$out/damaged" - &&
        [ "$(grep -c '^ceiling: ' "$out/found")" -eq 21 ]
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
# Root may pack what another user has cloned.
printf '[safe]\n\tdirectory = *\n' >"$out/gitconfig"
export GIT_CONFIG_GLOBAL=$out/gitconfig
if [ -n "$bundle" ]; then
    package=$repo/$("$repo/scripts/deb.sh" "$bundle")
else
    timed "two clones pack the same bytes, bundle and Debian package${BUNDLE_BIN:+, of the program in $BUNDLE_BIN, which was not compiled for it}" pack_twice
fi
unpack
say "bundle: $(du -m "$bundle" | cut -f1) MB packed, $(du -sm "$root/root/airgap/bundle" | cut -f1) MB unpacked; package: $(du -m "$package" | cut -f1) MB"
check "no network, no cache, no modules" is_sealed
check "the program needs nothing but the C library" stands_alone
timed "ceiling bundle verify" told verify sealed 'airgap/bundle/bin/ceiling bundle verify'
timed "install.sh" told install sealed 'airgap/bundle/install.sh --prefix /root/airgap/installed'
timed "one bit changed in each of 20 files: they are named" finds_damage
timed "the smoke suite, from the bundle" runs_smoke
timed "make build" builds cpu
timed "make build PRESET=gfx908" builds gfx908
check "ceiling devices: the HIP back end loads, and there is no card" finds_no_card
rm -rf --one-file-system "$root/root/airgap"
printf 'airgap-check: %d passed, 0 failed\n' "$passed"
