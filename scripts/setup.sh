#!/usr/bin/env bash
# Is everything here that a step needs? With root on Debian or Ubuntu what is
# missing is installed; elsewhere the exact command is printed and the exit
# status is 1. With nothing missing it asks nobody anything.
#
# Usage: setup.sh [build|npm|pip|hip|browser|bundle|network]...     (default: build)
set -euo pipefail

say() { printf 'setup: %s\n' "$*" >&2; }

missing=()  # Debian packages
want=()     # what they are for, in words

# need COMMAND PACKAGE
need() {
    command -v "$1" >/dev/null && return
    missing+=("$2")
    want+=("$1")
}

# older FOUND WANTED compares dotted versions.
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

check_go() {
    local have oldest=1.21
    if ! have=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null); then
        say "Go is missing: install it (https://go.dev/doc/install) and put it on the PATH"
        exit 1
    fi
    # Any Go from 1.21 on fetches by itself the version that go.mod asks for.
    if older "${have#go}" "$oldest"; then
        say "Go ${have#go} is too old: $oldest or later is needed"
        exit 1
    fi
}

check_build() {
    check_go
    need cmake cmake
    need ninja ninja-build
    need gcc gcc
    need g++ g++
    need git git
    # git, the one client here without certificates of its own
    [ -n "${SSL_CERT_FILE:-}${GIT_SSL_CAINFO:-}" ] || [ -e /etc/ssl/certs/ca-certificates.crt ] ||
        [ -e /etc/pki/tls/certs/ca-bundle.crt ] || [ -e /etc/ssl/cert.pem ] || {
        missing+=(ca-certificates)
        want+=("CA certificates")
    }
}

check_cmake_version() {
    local have
    have=$(cmake --version | sed -n '1s/.*version //p')
    if older "$have" 3.21; then
        say "cmake $have is too old, 3.21 or later is needed: python3 -m pip install --user cmake"
        exit 1
    fi
}

check_pip() {
    python3 -m pip --version >/dev/null 2>&1 && return
    missing+=(python3-pip)
    want+=(pip)
}

# A browser for the tests that open a report. Ubuntu's package of that name is a
# stub that wants a snap, which a container has not: only one that answers counts.
check_browser() {
    local name
    for name in "${CEILING_TEST_BROWSER:-}" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        [ -z "$name" ] || ! "$name" --version >/dev/null 2>&1 || return 0
        [ -z "${CEILING_TEST_BROWSER:-}" ] || {
            say "CEILING_TEST_BROWSER is '$CEILING_TEST_BROWSER', which does not start: name a Chromium or Chrome"
            exit 1
        }
    done
    if grep -qs '^ID=ubuntu' /etc/os-release; then
        say "missing: a browser. Ubuntu's own package needs snap: install Google Chrome or a Chromium and name it in CEILING_TEST_BROWSER"
        exit 1
    fi
    missing+=(chromium-headless-shell)
    want+=("a browser")
}

install_missing() {
    local as_root=(apt-get install -y --no-install-recommends "${missing[@]}")
    if ! command -v apt-get >/dev/null; then
        say "missing: ${want[*]}. Install them with this system's package manager; on Debian they are: ${missing[*]}"
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        say "missing: ${want[*]}. Run: sudo apt-get update && sudo ${as_root[*]}"
        exit 1
    fi
    say "missing: ${want[*]}. Installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    local log
    log=$(mktemp)
    # An unreachable extra repository must not stop the set-up: whether the
    # packages can be had is seen in the next step.
    apt-get -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 </dev/null || say "apt-get update: $(tail -n 1 "$log")"
    if ! "${as_root[@]:0:1}" -o DPkg::Lock::Timeout=300 "${as_root[@]:1}" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        say "installing failed. Run: apt-get update && ${as_root[*]}"
        exit 1
    fi
    rm -f "$log"
    hash -r
}

[ $# -gt 0 ] || set -- build
for step in "$@"; do
    case $step in
    build) check_build ;;
    npm) need npm npm ;;
    pip) check_pip ;;
    hip) need debootstrap debootstrap ;;
    browser) check_browser ;;
    bundle)
        need zstd zstd
        need objdump binutils
        ;;
    network) # sees what a program sends, and makes hosts with a link between them
        need strace strace
        need ip iproute2
        need nsenter util-linux
        ;;
    *)
        say "unknown step '$step': use build, npm, pip, hip, browser, bundle or network"
        exit 2
        ;;
    esac
done
[ ${#missing[@]} -eq 0 ] || install_missing
case " $* " in *" build "*) check_cmake_version ;; esac
