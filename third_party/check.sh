#!/usr/bin/env bash
# Checks of this folder: that bad sources are refused, that fetching falls
# through as it says, that a planted fault is seen by the probes. Offline, on
# small sources made here; takes seconds.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
export CEILING_CACHE=$box/cache CEILING_PINS=$box/pins.env HOME=$box
unset LLAMA_CPP_DIR
ok=0

fail() {
    printf 'third_party/check.sh: FAILED: %s\n' "$1" >&2
    sed 's/^/    /' "$box/err" >&2
    exit 1
}

# expect STATUS NAME COMMAND... runs COMMAND; stdout to $out, stderr to $box/err.
expect() {
    local want=$1 name=$2 got=0
    shift 2
    out=$("$@" 2>"$box/err") || got=$?
    [ "$got" -eq "$want" ] || fail "$name: exit status $got, want $want"
    ok=$((ok + 1))
}

# says TEXT NAME: the last command's messages hold TEXT.
says() {
    grep -qF -- "$1" "$box/err" || fail "$2: no message with '$1'"
    ok=$((ok + 1))
}

git_quiet() { git -c user.name=check -c user.email=check@localhost -c init.defaultBranch=main "$@" >/dev/null 2>&1; }

# write_pins TREE URL: the release's place is taken by a small repository.
write_pins() {
    cat >"$CEILING_PINS" <<PINS
LLAMA_RELEASE=v0.0.1
LLAMA_TREE=$1
LLAMA_GIT_URL=$2
LLAMA_GIT_TAG=v0.0.1
LLAMA_NPM_PACKAGE=bundle-of-check
LLAMA_NPM_VERSION=1.0.0
LLAMA_NPM_BUNDLE=package/llama/gitRelease.bundle
PINS
}

make_source() {
    mkdir -p "$box/source/include"
    echo '// header' >"$box/source/include/llama.h"
    git_quiet -C "$box/source" init
    git_quiet -C "$box/source" add .
    git_quiet -C "$box/source" commit -m source
    git_quiet -C "$box/source" tag v0.0.1
    tree=$(git -C "$box/source" rev-parse 'HEAD^{tree}')
    other=4b825dc642cb6eb9a060e54bf8d69288fbee4904 # git's empty tree
}

# fake_npm puts an npm on the PATH whose package holds the source as a bundle.
fake_npm() {
    mkdir -p "$box/npm/package/llama" "$box/bin"
    git_quiet -C "$box/source" bundle create "$box/npm/package/llama/gitRelease.bundle" HEAD
    tar -czf "$box/npm/bundle.tgz" -C "$box/npm" package
    cat >"$box/bin/npm" <<NPM
#!/bin/sh
cp "$box/npm/bundle.tgz" . && echo bundle.tgz
NPM
    chmod +x "$box/bin/npm"
    PATH=$box/bin:$PATH
}

check_fetch() {
    local fetch=$here/fetch-llama.sh cached url=file://$box/source
    make_source
    cached=$CEILING_CACHE/llama.cpp-${tree:0:12}

    write_pins "$other" "$url"
    expect 1 "a wrong tree" "$fetch"
    says "fetched tree $tree, pinned tree $other" "a wrong tree"
    [ -z "$(find "$CEILING_CACHE" -mindepth 1)" ] || fail "a wrong tree was left in the cache"

    write_pins "$tree" "$url"
    expect 0 "a clone of the tag" "$fetch"
    [ "$out" = "$cached" ] || fail "a clone of the tag: printed '$out', want '$cached'"

    mv "$box/source" "$box/source.away"
    expect 0 "a second run, source gone" "$fetch"
    [ ! -s "$box/err" ] || fail "a second run, source gone: it did more than look"

    echo '// edited' >>"$cached/include/llama.h"
    expect 0 "a modified cache" "$fetch"
    says "cache was modified (1 files differ" "a modified cache"
    says "the old cache was kept" "a modified cache"
    [ -z "$(git -C "$cached" status --porcelain)" ] || fail "a modified cache was used"

    mv "$box/source.away" "$box/source"
    rm -rf "$CEILING_CACHE"
    fake_npm
    write_pins "$tree" "file://$box/nowhere"
    expect 0 "an unreachable clone" "$fetch"
    says "clone of file://$box/nowhere failed" "an unreachable clone"
    says "fetching npm package" "an unreachable clone"
    [ "$(git -C "$out" rev-parse 'HEAD^{tree}')" = "$tree" ] || fail "an unreachable clone: wrong source"

    rm -rf "$CEILING_CACHE"
    printf '#!/bin/sh\necho "npm error network" >&2\nexit 1\n' >"$box/bin/npm"
    expect 1 "no source at all" "$fetch"
    says "no source of llama.cpp v0.0.1 could be reached" "no source at all"
    [ -z "$(find "$CEILING_CACHE" -mindepth 1)" ] || fail "no source at all: something was left in the cache"

    # A bundle has the source as plain files beside the script.
    mkdir "$box/packed"
    cp "$here"/*.sh "$box/packed/"
    cp -R "$box/source" "$box/packed/llama.cpp"
    rm -rf "$box/packed/llama.cpp/.git"
    expect 0 "a packed source" env GIT_AUTHOR_NAME=somebody "$box/packed/fetch-llama.sh"
    [ "$(git -C "$out" rev-parse 'HEAD^{tree}')" = "$tree" ] || fail "a packed source: wrong tree"
    [ "$(git -C "$out" log -1 --format='%at %ct %an %cn')" = '0 0 ceiling ceiling' ] || fail "a packed source: another commit each time"
    rm -rf "$CEILING_CACHE"
    echo '// edited' >>"$box/packed/llama.cpp/include/llama.h"
    expect 1 "an edited packed source" "$box/packed/fetch-llama.sh"
    says "pinned tree $tree" "an edited packed source"
    [ -z "$(find "$CEILING_CACHE" -mindepth 1)" ] || fail "an edited packed source was left in the cache"

    expect 0 "a named folder" env LLAMA_CPP_DIR="$box/source" "$fetch"
    [ "$out" = "$(cd "$box/source" && pwd -P)" ] || fail "a named folder: printed '$out'"
    expect 1 "a folder without llama.cpp" env LLAMA_CPP_DIR="$box/npm" "$fetch"
    says "holds no include/llama.h" "a folder without llama.cpp"
}

# probed OPTION... prints what the probes find.
probed() { cmake -S "$here/check" -B "$box/probe-$RANDOM" "$@"; }

check_probes() {
    local set plain
    case $(uname -m) in
    x86_64) set=BMI2 ;;
    aarch64) set=DOTPROD ;;
    *) return ;;
    esac
    expect 0 "the probes" probed
    plain=$out
    grep -qE "(on: .*|off: )$set" <<<"$plain" || fail "the probes do not speak of $set"
    # A fault is planted where this machine has the set and where it has not.
    expect 0 "a planted fault" probed "-DCEILING_PLANT_FAULT=$set;AMX_TILE"
    grep -q "off: $set: advertised, but faults" <<<"$out" || fail "a planted fault in $set was not seen"
    if [ "$set" = BMI2 ]; then
        # A compiler without AMX cannot build that probe, with or without a fault.
        grep -qE "off: AMX_TILE: (advertised, but faults|this compiler)" <<<"$out" ||
            fail "a planted fault in AMX_TILE was not seen"
    fi
    # Nothing but the planted sets may have changed.
    [ "$(sed -n 's/^-- on: //p' <<<"$plain" | tr ';' '\n' | grep -vx "$set" | grep -v '^AMX_')" = \
        "$(sed -n 's/^-- on: //p' <<<"$out" | tr ';' '\n' | grep -v '^AMX_')" ] ||
        fail "a planted fault in $set changed other sets"
    ok=$((ok + 2))
}

check_fetch
check_probes
printf 'third_party: %d checks of fetching and probing passed\n' "$ok"
