#!/usr/bin/env bash
# Does the project build and pass on a machine that has nothing? Makes a Debian
# bookworm root with debootstrap, puts in Go, CA certificates and make, clones
# the project into it and runs the README's two commands there. A machine that
# one develops on has cmake and ninja already, and hides a missing step.
#
# Usage, as root: scripts/fresh-check.sh [--keep] [--only demo|test|engine]
#                                        [--working-copy]
#   --keep          leave the root where it is and say where
#   --only STEP     one command; engine is the native build alone
#   --working-copy  take the files as they are now, committed or not
#
# Everything is mounted in a mount namespace of its own, so no mount outlives
# the script, and removing the root can never reach through one.
set -euo pipefail

say() { printf 'fresh-check: %s\n' "$*" >&2; }

keep=no
only=
working_copy=no
while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=yes ;;
    --working-copy) working_copy=yes ;;
    --only)
        only=${2:-}
        shift
        case $only in demo | test | engine) ;; *)
            say "--only takes demo, test or engine, not '$only'"
            exit 2
            ;;
        esac
        ;;
    *)
        say "unknown argument '$1'"
        sed -n '/^# Usage/,/^$/s/^# \{0,1\}//p' "$0" | head -n 5 >&2
        exit 2
        ;;
    esac
    shift
done

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
suite=bookworm
[ "$(id -u)" -eq 0 ] || {
    say "root is needed for debootstrap and chroot: sudo $0"
    exit 1
}
for tool in debootstrap unshare chroot git go; do
    command -v "$tool" >/dev/null || {
        say "'$tool' is missing (on Debian: apt-get install debootstrap util-linux coreutils git; Go from its own site)"
        exit 1
    }
done

base=$(mktemp -d "${TMPDIR:-/var/tmp}/ceiling-fresh.XXXXXX")
root=$base/root

clean_up() {
    if [ "$keep" = yes ]; then
        say "the root was kept: $root"
    elif grep -q " $base/" /proc/self/mounts; then
        say "something is still mounted under $base: not removed"
    else
        rm -rf --one-file-system "$base"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# timed NAME COMMAND... runs COMMAND and remembers how long it took.
timings=
timed() {
    local name=$1 start=$SECONDS status=0
    shift
    say "$name"
    "$@" || status=$?
    timings+=$(printf '\n  %-42s %4d s   exit status %d' "$name" $((SECONDS - start)) "$status")
    [ "$status" -eq 0 ] || {
        say "FAILED: $name$timings"
        exit 1
    }
}

make_root() {
    debootstrap --variant=minbase --include=ca-certificates,make "$suite" "$root" >"$base/debootstrap.log" 2>&1 || {
        tail -n 5 "$base/debootstrap.log" >&2
        return 1
    }
    cp -a "$(cd / && GOTOOLCHAIN=local go env GOROOT)" "$root/usr/local/go"
    # How this machine reaches the network is not what is under test: its
    # resolver and the certificates that it trusts come along.
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    cp -L "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/ssl/host-ca.crt"
    ! compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null || {
        cp -L /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
        chroot "$root" update-ca-certificates >/dev/null 2>&1
    }
}

clone_project() {
    if [ "$working_copy" = yes ]; then
        mkdir "$root/root/ceiling"
        git -C "$repo" ls-files -co --exclude-standard -z |
            tar -C "$repo" --null --ignore-failed-read -T - -cf - | tar -C "$root/root/ceiling" -xf -
        return
    fi
    [ -z "$(git -C "$repo" status --porcelain)" ] || say "note: uncommitted changes are not in the clone"
    git -c "safe.directory=$repo" clone --quiet --no-hardlinks "file://$repo" "$root/root/ceiling"
    git -C "$root/root/ceiling" remote remove origin
}

# The README must name the two commands that are run here.
readme_agrees() {
    local command
    for command in 'make demo' 'make test'; do
        grep -qE "^ *(\\$ )?$command( .*)?\$" "$root/root/ceiling/README.md" || {
            say "README.md does not give the command '$command'"
            return 1
        }
    done
}

# inside COMMAND runs a shell command in the clone, in the root, with nothing
# of this environment but the way to the network.
inside() {
    local pass=() name
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY \
        GOPROXY GOSUMDB GONOSUMDB GOPRIVATE PIP_INDEX_URL npm_config_registry JOBS; do
        [ -z "${!name:-}" ] || pass+=("$name=${!name}")
    done
    for name in SSL_CERT_FILE GIT_SSL_CAINFO CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT \
        NODE_EXTRA_CA_CERTS npm_config_cafile; do
        pass+=("$name=/etc/ssl/host-ca.crt")
    done
    # shellcheck disable=SC2016  # expanded by the inner shell
    env -i HOME=/root TERM=dumb LANG=C.UTF-8 CI=true \
        PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${pass[@]}" \
        unshare --mount --propagation private -- bash -c '
            set -e
            mount -t proc proc "$1/proc"
            mount --rbind /sys "$1/sys"
            mount --rbind /dev "$1/dev"
            mount -t tmpfs tmpfs "$1/dev/shm"
            exec chroot "$1" /bin/sh -c "cd /root/ceiling && $2"' \
        - "$root" "$1" </dev/null
}

timed "a bare Debian $suite" make_root
timed "a clone of the project" clone_project
case ${only:-all} in
all)
    timed "README names the commands" readme_agrees
    timed "make demo" inside 'make demo'
    timed "make build again, without any network" inside 'unshare --net make build'
    timed "make test" inside 'make test'
    ;;
engine) timed "the native build alone" inside 'make engine' ;;
*) timed "make $only" inside "make $only" ;;
esac
say "passed$timings"
