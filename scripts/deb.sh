#!/usr/bin/env bash
# Packs the CPU part of a bundle as a Debian package,
# build/bundle/ceiling_VERSION_ARCH.deb, and prints its path: what the bundle's
# install.sh installs, with /usr as its prefix. It depends on the C library alone. The same bundle gives the same bytes.
#
# Usage: scripts/deb.sh [BUNDLE.tar.zst]     (default: make one, as bundle.sh does)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'deb: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

command -v dpkg-deb >/dev/null || die "dpkg-deb is missing: it is in the package dpkg"
bundle=${1:-}
[ -n "$bundle" ] || bundle=$(scripts/bundle.sh)
[ -f "$bundle" ] || die "there is no bundle '$bundle'"
out=build/bundle
mkdir -p "$out"
work=$(mktemp -d "$PWD/$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# debian_version NAME: Debian's versions begin with a digit, and a hyphen has a
# meaning of its own. A commit without a tag sorts by its time, below any release.
debian_version() {
    local version=${1#v}
    case $version in
    [0-9]*.*) echo "${version//-/+}" ;;
    *) echo "0~$(date -u -d "@$epoch" +%Y%m%d%H%M%S).$version" ;;
    esac
}

# lay_out puts the files where Debian has them.
lay_out() {
    "$unpacked/install.sh" --prefix "$tree/usr" 2>"$work/log" || die "the bundle's install.sh failed: $(tail -n 1 "$work/log")"
    local share=$tree/usr/share doc=$tree/usr/share/doc/ceiling
    mkdir -p "$share/zsh/vendor-completions"
    mv "$share/zsh/site-functions/_ceiling" "$share/zsh/vendor-completions/"
    rmdir "$share/zsh/site-functions"
    gzip -9n "$share/man/man1/ceiling.1"
    echo 'licences/ holds the licences of ceiling'\''s modules, of llama.cpp, of Go and of the run-time libraries in /usr/lib/ceiling.' >"$doc/copyright"
}

write_control() {
    mkdir "$tree/DEBIAN"
    cat >"$tree/DEBIAN/control" <<CONTROL
Package: ceiling
Version: $(debian_version "$version")
Architecture: $arch
Maintainer: ceiling <ceiling@localhost>
Section: utils
Priority: optional
Depends: libc6 (>= $(sed 's/^GLIBC //' "$unpacked/bin/glibc"))
Installed-Size: $(du -sk --apparent-size "$tree/usr" | cut -f1)
Description: what an LLM engine can do on this machine
 Measures llama.cpp inside its own process, with no server in between, and writes
 a report. This package has the CPU back ends; the documentation says how to build
 those for GPUs.
CONTROL
    (cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
}

tar -C "$work" --zstd -xf "$bundle"
unpacked=$(echo "$work"/ceiling-*)
base=${unpacked##*/ceiling-}
arch=${base##*-}
version=${base%-linux-"$arch"}
epoch=$(stat -c %Y "$unpacked/SHA256SUMS")
tree=$work/tree
lay_out
write_control
package=$out/ceiling_$(debian_version "$version")_$arch.deb
# Every file has the commit's time and the same rights, as in the bundle.
chmod -R u=rwX,go=rX "$tree"
find "$tree" -exec touch --no-dereference --date "@$epoch" {} +
SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zgzip --build "$tree" "$package" >&2
echo "$package"
