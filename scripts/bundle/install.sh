#!/bin/sh
# Installs the program of this bundle for the CPU: checks every file, then
# copies. Needs no root and no network.
#
# Usage: install.sh [--prefix DIR]     (default: ~/.local)
set -eu

say() { printf 'install: %s\n' "$*" >&2; }

prefix=${HOME:-}/.local
case ${1:-} in
'') ;;
--prefix)
    [ $# -eq 2 ] && [ -n "$2" ] || { say '--prefix takes one folder'; exit 2; }
    prefix=$2
    ;;
*)
    say "unknown argument '$1'; usage: install.sh [--prefix DIR]"
    exit 2
    ;;
esac
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac

here=$(CDPATH='' cd "$(dirname "$0")" && pwd -P)
cd "$here"
sha256sum --check --strict --quiet SHA256SUMS >&2 || {
    say "the files above are not as they were packed: copy the bundle again; nothing was installed"
    exit 1
}
"$here/bin/ceiling" version >/dev/null || {
    say "the program does not start on this machine (it needs $(cat bin/glibc) or later); nothing was installed; INSTALL.md says how to build it here"
    exit 1
}

# The new folder takes the old one's place in one step.
lib=$prefix/lib/ceiling
mkdir -p "$prefix/lib" "$prefix/bin"
rm -rf "$lib.new" "$lib.old"
cp -R "$here/bin" "$lib.new"
[ ! -e "$lib" ] || mv "$lib" "$lib.old"
mv "$lib.new" "$lib"
rm -rf "$lib.old"
ln -sf ../lib/ceiling/ceiling "$prefix/bin/ceiling"
mkdir -p "$prefix/share/doc"
cp -R "$here/share/." "$prefix/share/"
rm -rf "$prefix/share/doc/ceiling"
cp -R "$here/doc" "$prefix/share/doc/ceiling"
cp -R "$here/licences" "$prefix/share/doc/ceiling/licences"
say "ceiling is at $prefix/bin/ceiling, its documentation in $prefix/share/doc/ceiling; to build it for a GPU, see INSTALL.md"
case :$PATH: in *":$prefix/bin:"*) ;; *) say "$prefix/bin is not on the PATH: export PATH=\"$prefix/bin:\$PATH\"" ;; esac
