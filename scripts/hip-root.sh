# The Debian root in which the gfx908 preset is built and looked at, for
# hip-check.sh, standin-check.sh and airgap-check.sh: they set $name and $repo,
# source this file, and call prepare_root.
#
# From the environment: HIP_ROOT_SUITE (whose ROCm: forky, which has 6.4, or
# experimental, which has 7.2 and RCCL; each has a root of its own),
# HIP_CHECK_MIRROR (a Debian mirror), CEILING_CACHE, JOBS.
# What is mounted is mounted in a mount namespace of its own, so no mount
# outlives the script, and removing the root can never reach through one.
# shellcheck shell=bash

say() { printf '%s: %s\n' "$name" "$*" >&2; }
die() {
    say "$*"
    exit 1
}

cache=${CEILING_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or CEILING_CACHE}/.cache}/ceiling}
suite=${HIP_ROOT_SUITE:-forky}
mirror=${HIP_CHECK_MIRROR:-http://deb.debian.org/debian}
# What the build needs, and nothing that a package merely recommends. Forky has
# no RCCL: the build says so, and that is checked too.
packages=(make cmake ninja-build ccache git ca-certificates gcc g++
    llvm) # llvm-mc: the decoder of cmd/standin is checked against it
rocm=(hipcc libamdhip64-dev librocblas-dev libhipblas-dev)
base=$suite
roots=$cache/hip-root
case $suite in
forky) ;;
experimental) # on top of unstable
    base=sid roots=$cache/hip-$suite-root rocm+=(librccl-dev)
    ;;
*) die "HIP_ROOT_SUITE is '$suite': use forky or experimental" ;;
esac

need_tools() {
    local missing=() tool
    for tool in debootstrap unshare chroot flock git go; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    if [ "$(id -u)" -ne 0 ]; then
        die "nothing was checked: root is needed for debootstrap and chroot. Run: sudo $0${missing[*]:+ (missing as well: ${missing[*]})}"
    fi
    [ ${#missing[@]} -eq 0 ] ||
        die "nothing was checked: missing ${missing[*]}. On Debian: apt-get install debootstrap util-linux git; Go from its own site"
}

has_rccl() { [[ ${rocm[*]} = *librccl-dev* ]]; }

# The root is named after all that decides what is in it; the stamp is written
# last, so a root that was not finished is never taken for one that was.
root_key() {
    { printf '%s %s %s\n' "$suite" "$mirror" "${packages[*]} ${rocm[*]}" && declare -f make_root; } | sha256sum | cut -c1-12
}

remove_root() {
    [ -e "$1" ] || return 0
    ! grep -q " $1/" /proc/self/mounts || die "something is mounted under $1: unmount it first"
    rm -rf --one-file-system "$1"
}

make_root() {
    local log=$root.log old
    for old in "$roots"-*; do # of other packages, or not finished
        [ ! -d "$old" ] || remove_root "$old"
    done
    mkdir -p "$root"
    # debootstrap of an older Debian has no script of that name; the newer
    # releases all use this one.
    debootstrap --variant=minbase "$base" "$root" "$mirror" /usr/share/debootstrap/scripts/sid >"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; die "debootstrap failed: the whole output is in $log"; }
    install_certificates
    # rocBLAS brings 3 GB of kernels: only those of gfx908 are unpacked, for the
    # stand-in cards. The root can be made again, so nothing has to reach the
    # disk at once.
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/lib/*-linux-gnu/rocblas/*gfx*' \
        'path-include=/usr/lib/*-linux-gnu/rocblas/*gfx908*' \
        'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*' \
        >"$root/etc/dpkg/dpkg.cfg.d/hip-check"
    # A mirror may lag behind by more than a Release file of Debian testing
    # lasts. Its signature is checked all the same.
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/hip-check"
    [ "$base" = "$suite" ] || echo "deb $mirror $suite main" >"$root/etc/apt/sources.list.d/$suite.list"
    { in_root 'apt-get -qq update' && add "$base" "${packages[@]}" && add "$suite" "${rocm[@]}"; } >>"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; die "installing into the root failed: the whole output is in $log"; }
    touch "$root/.complete"
}

# add SUITE PACKAGE... installs packages of a suite into the root.
add() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    in_root 'export DEBIAN_FRONTEND=noninteractive
        apt-get install -y -qq --no-install-recommends -t "$@" && apt-get clean' "$@"
}

# How this machine reaches the network comes along: its resolver and the
# certificates that it trusts.
install_certificates() {
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    cp -L "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/host-ca.crt" 2>/dev/null || true
}

# in_root SCRIPT [ARG...] runs a shell script in the root, as on a machine of
# its own: with the cache and this machine's Go, and nothing of this
# environment but the way to the network.
in_root() {
    local pass=() name
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY \
        GOPROXY GOSUMDB GONOSUMDB GOPRIVATE JOBS; do
        [ -z "${!name:-}" ] || pass+=("$name=${!name}")
    done
    [ ! -e "$root/etc/host-ca.crt" ] || pass+=(SSL_CERT_FILE=/etc/host-ca.crt GIT_SSL_CAINFO=/etc/host-ca.crt)
    # shellcheck disable=SC2016  # expanded by the inner shell
    env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        CEILING_CACHE=/cache CCACHE_DIR=/cache/ccache CCACHE_MAXSIZE=2G GOTOOLCHAIN=local GOMODCACHE=/gomod "${pass[@]}" \
        unshare --mount --propagation private -- bash -c '
            set -e
            root=$1 cache=$2 goroot=$3 gomod=$4
            shift 4
            mkdir -p "$root/cache" "$root/usr/local/go" "$root/gomod"
            mount -t proc proc "$root/proc"
            mount --rbind /sys "$root/sys"
            mount --rbind /dev "$root/dev"
            mount --bind "$cache" "$root/cache"
            mount --bind "$goroot" "$root/usr/local/go"
            mount --bind "$gomod" "$root/gomod"
            script=$1
            shift
            exec chroot "$root" /bin/bash -c "set -e; cd /root; $script" - "$@"' \
        - "$root" "$cache" "$goroot" "$gomod" "$@" </dev/null
}

# copy_project puts the working copy into the root, and leaves the build of the
# last time where it is.
copy_project() {
    mkdir -p "$root/root/ceiling"
    find "$root/root/ceiling" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf --one-file-system {} +
    # shellcheck disable=SC2154  # set by the script that sources this file
    git -C "$repo" -c "safe.directory=$repo" ls-files -co --exclude-standard -z |
        tar -C "$repo" --null --ignore-failed-read -T - -cf - | tar -C "$root/root/ceiling" -xf -
    [ "${clean:-no}" = no ] || rm -rf --one-file-system "$root/root/ceiling/build"
}

# prepare_root makes the root where it is not there, and puts the project into
# it. Sets $root, and $out, a folder for what commands print.
prepare_root() {
    need_tools
    mkdir -p "$cache/ccache"
    exec 9>"$roots.lock" # one at a time in a root
    flock -n 9 || {
        say "waiting for another check in the root of $suite to end"
        flock 9
    }
    goroot=$(cd / && GOTOOLCHAIN=local go env GOROOT)
    gomod=$(cd / && GOTOOLCHAIN=local go env GOMODCACHE)
    mkdir -p "$gomod"
    root=$roots-$(root_key)
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
    trap 'exit 130' INT TERM
    [ "${clean:-no}" = no ] || rm -rf --one-file-system "$cache/ccache"
    if [ "${clean:-no}" = yes ] || [ ! -e "$root/.complete" ]; then
        say "making a Debian $suite root in $root (once; 3 GB and the build)"
        make_root
    fi
    install_certificates
    copy_project
    mkdir -p "$cache/ccache"
}

# told LOG COMMAND... keeps a command's output, and shows its end if it fails.
told() {
    local log=$out/$1
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        return 1
    }
}

# build_gfx908 is the README's command for the GPU box, in the root.
build_gfx908() {
    say "building the gfx908 preset (the first time about a quarter of an hour on two cores)"
    local start=$SECONDS
    told build.log in_root 'cd ceiling && exec make build PRESET=gfx908 CMAKE_ARGS=-DCEILING_PEERS=OFF' || return 1
    grep 'ceiling:' "$out/build.log" >&2 || true
    say "built in $((SECONDS - start)) s"
}

passed=0
# check NAME COMMAND... counts a check that holds, and ends with one that does not.
check() {
    local what=$1
    shift
    "$@" || die "FAILED: $what"
    passed=$((passed + 1))
    say "ok: $what"
}
