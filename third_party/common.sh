# shellcheck shell=bash
# Sourced by the scripts of this folder: the pins, the cache and the wording of
# messages. Results go to stdout, messages to stderr, one line each.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# The checks put their own pins, of small local sources, in the place of ours.
# shellcheck source=third_party/pins.env
. "${CEILING_PINS:-$here/pins.env}"

# A hook or an outer git command may have pointed git at another repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
# Never wait for a password: a source that asks for one is one that failed.
export GIT_TERMINAL_PROMPT=0

cache_root=${CEILING_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or CEILING_CACHE}/.cache}/ceiling}
work=

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# die STATUS MESSAGE ends the script with one line.
die() {
    local status=$1
    shift
    say "$*"
    exit "$status"
}

# new_work makes $work, a temporary folder inside the cache: what is complete
# is renamed out of it, so that nobody ever sees a half-written result.
new_work() {
    mkdir -p "$cache_root" || die 1 "cannot make the cache folder '$cache_root': set CEILING_CACHE to a folder that can be written"
    work=$(mktemp -d "$cache_root/.fetch.XXXXXX") || die 1 "cannot write to the cache folder '$cache_root'"
    trap 'rm -rf "$work"' EXIT
}

# last_line FILE is a failed command's own last word, for a one-line reason.
last_line() { grep -v '^[[:space:]]*$' "$1" | tail -n 1 | cut -c1-200; }
