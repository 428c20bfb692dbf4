#!/usr/bin/env bash
# Packs all that a machine without a network needs into one file,
# build/bundle/ceiling-VERSION-linux-ARCH.tar.zst, and prints its path. The same
# commit gives the same bytes, with the same compiler and the same Go.
#
# From the environment:
#   PORTABLE=OFF       only the instruction sets of this machine (default ON)
#   BUNDLE_GO=1        the Go toolchain, too
#   BUNDLE_MODEL=PATH  a model file, any file of a split one, or the folder of a
#                      checkpoint
#   BUNDLE_BIN=DIR     pack this build/bin; nothing is compiled
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
repo=$PWD

say() { printf 'bundle: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

[ -z "$(git status --porcelain)" ] || die "there are changes that no commit holds: commit them, a bundle is of a commit"
# Git's own length of a commit's short name grows with what a clone holds.
version=$(git describe --tags --always --abbrev=10)
epoch=$(git log -1 --format=%ct)
name=ceiling-$version-linux-$(cd / && go env GOARCH)
out=build/bundle
mkdir -p "$out"
work=$(mktemp -d "$repo/$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
stage=$work/$name
mkdir -p "$stage/bin" "$stage/licences"

# Our source, its modules, and llama.cpp as plain files: no .git, whose packs
# differ from one clone to the next.
stage_source() {
    local llama
    mkdir "$stage/src"
    git archive HEAD | tar -xf - -C "$stage/src"
    echo "$version" >"$stage/src/VERSION"
    go mod vendor -o "$stage/src/vendor"
    llama=$(LLAMA_CPP_DIR='' third_party/fetch-llama.sh)
    mkdir "$stage/src/third_party/llama.cpp"
    git -C "$llama" ls-files -z | tar -C "$llama" --null -T - -cf - | tar -C "$stage/src/third_party/llama.cpp" -xf -
}

# build_program compiles in a copy of what is packed, without a network's help.
# The folder's name is kept out of the objects.
build_program() {
    say "compiling the program, PORTABLE=${PORTABLE:-ON}"
    cp -R "$stage/src" "$work/build"
    CEILING_CACHE=$work/cache PORTABLE=${PORTABLE:-ON} PRESET=cpu LLAMA_CPP_DIR='' CMAKE_ARGS=-DCEILING_PEERS=OFF \
        CC="${CC:-gcc} -ffile-prefix-map=$work=." CXX="${CXX:-g++} -ffile-prefix-map=$work=." \
        make -C "$work/build" build >&2
    built=$work/build/build/bin
}

# stage_program takes each library by the name that others load it by, and the
# compiler's own run-time libraries, which a bare machine lacks.
stage_program() {
    local file needed
    [ -x "$built/ceiling" ] || die "'$built' holds no program: run make build, or leave BUNDLE_BIN out"
    cp -L "$built/ceiling" "$built/engine.json" "$stage/bin/"
    for file in "$built"/libllama.so.? "$built"/libllama-spec.so "$built"/libggml.so.? "$built"/libggml-base.so.? "$built"/libggml-*.so; do
        case $file in */libggml-base.so) continue ;; esac
        cp -L "$file" "$stage/bin/"
    done
    for needed in $(ldd "$built/ceiling" "$built"/libggml-*.so | sed -n 's/.* => \(.*lib\(gomp\|stdc++\|gcc_s\)\.so[^ ]*\) .*/\1/p' | sort -u); do
        cp -L "$needed" "$stage/bin/"
    done
    chmod 755 "$stage"/bin/*
    chmod 644 "$stage/bin/engine.json"
    objdump -T "$stage"/bin/ceiling "$stage"/bin/*.so* | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | tr _ ' ' >"$stage/bin/glibc"
}

stage_texts() {
    local share=$stage/share shell
    mkdir -p "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
    "$stage/bin/ceiling" man >"$share/man/man1/ceiling.1"
    "$stage/bin/ceiling" completion bash >"$share/bash-completion/completions/ceiling"
    "$stage/bin/ceiling" completion zsh >"$share/zsh/site-functions/_ceiling"
    "$stage/bin/ceiling" completion fish >"$share/fish/vendor_completions.d/ceiling.fish"
    cp scripts/bundle/install.sh scripts/bundle/INSTALL.md "$stage/"
    "$work/tool" pages . "$stage/doc"
}

stage_licences() {
    "$work/tool" licences "$stage/src" "$stage/licences"
    mkdir "$stage/licences/llama.cpp" "$stage/licences/go"
    cp "$stage/src/third_party/llama.cpp/LICENSE" "$stage"/src/third_party/llama.cpp/licenses/* "$stage/licences/llama.cpp/"
    cp "$(cd / && go env GOROOT)/LICENSE" "$stage/licences/go/"
    # Debian keeps them apart from GCC's own files; elsewhere they must be added.
    local package
    for package in libgomp1 libstdc++6 libgcc-s1; do
        [ ! -e "/usr/share/doc/$package/copyright" ] || cp -L "/usr/share/doc/$package/copyright" "$stage/licences/$package"
    done
}

# stage_model takes every file of a split model, and looks whether what was
# copied can be read.
stage_model() {
    local part='-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9].gguf'
    # shellcheck disable=SC2295,SC2086  # a pattern
    case $BUNDLE_MODEL in
    *$part) cp -L "${BUNDLE_MODEL%$part}"$part "$stage/models/" ;;
    *) cp -RL "$BUNDLE_MODEL" "$stage/models/" ;;
    esac
    "$stage/bin/ceiling" inspect "$stage/models/$(basename "$BUNDLE_MODEL")" >"$work/inspect" 2>&1 ||
        die "BUNDLE_MODEL '$BUNDLE_MODEL' is no model that can be read: $(tail -n 1 "$work/inspect")"
}

stage_extras() {
    if [ "${BUNDLE_GO:-0}" = 1 ]; then
        cp -RL "$(cd / && go env GOROOT)" "$stage/go"
    fi
    if [ -n "${BUNDLE_MODEL:-}" ]; then
        [ -e "$BUNDLE_MODEL" ] || die "BUNDLE_MODEL '$BUNDLE_MODEL' is not there"
        mkdir "$stage/models"
        stage_model
    fi
}

pack() {
    local file=$name.tar.zst
    "$work/tool" sums "$stage"
    chmod -R u=rwX,go=rX "$stage"
    tar -C "$work" --sort=name --format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f \
        --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -cf - "$name" |
        zstd -q -10 -T2 -o "$work/$file"
    mv "$work/$file" "$out/$file"
    (cd "$out" && sha256sum "$file" >"$file.sha256")
    say "$(find "$stage" -type f | wc -l) files, $(du -sm "$stage" | cut -f1) MB, packed $(du -m "$out/$file" | cut -f1) MB"
    echo "$out/$file"
}

go build -o "$work/tool" ./cmd/bundle
stage_source
if [ -n "${BUNDLE_BIN:-}" ]; then
    built=$(cd "$BUNDLE_BIN" && pwd)
    say "the program is the one in '$built': nothing is compiled"
else
    build_program
fi
stage_program
stage_texts
stage_licences
stage_extras
pack
