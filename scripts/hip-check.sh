#!/usr/bin/env bash
# Does the gfx908 preset build, and does its library load, on a machine that has
# neither ROCm nor a GPU? Makes a Debian forky root in the cache, which has
# Debian's own HIP, copies the project into it, runs the README's command for
# the GPU box there, and looks at what came out: which code objects the library
# carries, and what the program says when it finds no card.
#
# Usage, as root: scripts/hip-check.sh [--clean]
#   --clean   make the root anew, and compile everything anew
#
# It shows that the code compiles for gfx908, links, loads and fails in words.
# It does not show that a kernel computes what it should: that needs a card.
#
# From the environment: HIP_CHECK_MIRROR (a Debian mirror), CEILING_CACHE, JOBS.
# What is mounted is mounted in a mount namespace of its own, so no mount
# outlives the script, and removing the root can never reach through one.
set -euo pipefail

say() { printf 'hip-check: %s\n' "$*" >&2; }
die() {
    say "$*"
    exit 1
}

clean=no
case ${1:-} in
'') ;;
--clean) clean=yes ;;
*)
    say "unknown argument '$1'"
    sed -n '/^# Usage/,/^$/s/^# \{0,1\}//p' "$0" | head -n 2 >&2
    exit 2
    ;;
esac

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${CEILING_CACHE:-${XDG_CACHE_HOME:-${HOME:?set HOME or CEILING_CACHE}/.cache}/ceiling}
suite=forky
mirror=${HIP_CHECK_MIRROR:-http://deb.debian.org/debian}
# What the build needs, and nothing that a package merely recommends. rccl is
# not in Debian: the build says so, and that is checked too.
packages=(make cmake ninja-build ccache git ca-certificates gcc g++
    hipcc libamdhip64-dev librocblas-dev libhipblas-dev)

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

# The root is named after all that decides what is in it; the stamp is written
# last, so a root that was not finished is never taken for one that was.
root_key() {
    { printf '%s %s %s\n' "$suite" "$mirror" "${packages[*]}" && declare -f make_root; } | sha256sum | cut -c1-12
}

remove_root() {
    [ -e "$1" ] || return 0
    ! grep -q " $1/" /proc/self/mounts || die "something is mounted under $1: unmount it first"
    rm -rf --one-file-system "$1"
}

make_root() {
    local log=$root.log
    say "making a Debian $suite root in $root (once; about 2 GB)"
    local old
    for old in "$cache"/hip-root-*; do # of other packages, or not finished
        [ ! -d "$old" ] || remove_root "$old"
    done
    mkdir -p "$root"
    # debootstrap of an older Debian has no script of that name; the newer
    # releases all use this one.
    debootstrap --variant=minbase "$suite" "$root" "$mirror" /usr/share/debootstrap/scripts/sid >"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; die "debootstrap failed: the whole output is in $log"; }
    install_certificates
    # rocBLAS brings 3 GB of kernels, and nothing here can run one: they are not
    # unpacked. The root can be made again, so nothing has to reach the disk at
    # once.
    printf '%s\n' force-unsafe-io 'path-exclude=/usr/lib/*-linux-gnu/rocblas/*gfx*' \
        'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*' \
        >"$root/etc/dpkg/dpkg.cfg.d/hip-check"
    # A mirror may lag behind by more than a Release file of Debian testing
    # lasts. Its signature is checked all the same.
    echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/hip-check"
    in_root 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" && apt-get clean' \
        "${packages[@]}" >>"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; die "installing into the root failed: the whole output is in $log"; }
    touch "$root/.complete"
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
    git -C "$repo" -c "safe.directory=$repo" ls-files -co --exclude-standard -z |
        tar -C "$repo" --null --ignore-failed-read -T - -cf - | tar -C "$root/root/ceiling" -xf -
    [ "$clean" = no ] || rm -rf --one-file-system "$root/root/ceiling/build"
}

passed=0
# check NAME COMMAND... counts a check that holds, and ends with one that does not.
check() {
    local name=$1
    shift
    "$@" || die "FAILED: $name"
    passed=$((passed + 1))
    say "ok: $name"
}

build() {
    say "building the gfx908 preset (the first time about a quarter of an hour on two cores)"
    local start=$SECONDS
    in_root 'cd ceiling && exec make build PRESET=gfx908 CMAKE_ARGS=-DCEILING_PEERS=OFF' >"$out/build.log" 2>&1 || {
        tail -n 30 "$out/build.log" >&2
        return 1
    }
    grep 'ceiling:' "$out/build.log" >&2 || true
    say "built in $((SECONDS - start)) s"
}

# The build must say what it does without: Debian has no RCCL.
says_no_rccl() {
    grep -q 'ceiling: no RCCL' "$out/build.log" "$root/root/ceiling/build/configure.log" &&
        grep -q '"collectives": "none"' "$root/root/ceiling/build/bin/engine.json"
}

# Each compiled source that has GPU code has left one code object for gfx908 in
# the library, and there is none for anything else.
list_code_objects() {
    in_root 'cd ceiling && go run ./scripts/codeobjects build/bin/libggml-hip.so' >"$out/objects" || return 1
    cat "$out/objects"
    local compiled listed
    # shellcheck disable=SC2016  # expanded by the inner shell
    compiled=$(in_root 'find ceiling/build/llama.cpp/ggml/src/ggml-hip -name "*.cu.o" | while read -r o; do
        readelf -SW "$o" | grep "[.]hip_fatbin " || true; done' | wc -l)
    listed=$(grep -c ' gfx908 ' "$out/objects")
    if [ "$compiled" -lt 50 ] || [ "$listed" -ne "$compiled" ]; then
        say "$listed code objects for gfx908 in the library, $compiled were compiled"
        return 1
    fi
    ! grep -q ' gfx[0-9a-f]* ' <(grep -v ' gfx908 ' "$out/objects")
}

# LLVM's own reader says the same of the library's first code object as ours.
llvm_agrees() {
    # shellcheck disable=SC2016  # expanded by the inner shell
    in_root 'cd ceiling && go run ./scripts/codeobjects -extract /tmp/object build/bin/libggml-hip.so mul_mat_q &&
        reader=$(command -v llvm-readelf || ls /usr/lib/llvm-*/bin/llvm-readelf | tail -n 1) && "$reader" -h /tmp/object' >"$out/readelf" 2>&1 || {
        cat "$out/readelf" >&2
        return 1
    }
    sed -n '/Machine:/p;/Flags:/p' "$out/readelf"
    grep -q 'Machine: .*AMDGPU' "$out/readelf" && grep -q 'Flags: .*gfx908' "$out/readelf"
}

# The kernels that make an MI100 fast are in it: matrix instructions in the
# quantised products, flash attention, and the calls that replay a graph.
has_fast_paths() {
    local library=$root/root/ceiling/build/bin/libggml-hip.so
    # shellcheck disable=SC2016  # expanded by the inner shell
    in_root 'dump=$(command -v llvm-objdump || ls /usr/lib/llvm-*/bin/llvm-objdump | tail -n 1)
        "$dump" --disassemble --no-show-raw-insn /tmp/object' >"$out/mmq.s" || return 1
    say "matrix instructions in one object of mul_mat_q: $(grep -c 'v_mfma_' "$out/mmq.s")"
    grep -q 'v_mfma_i32_' "$out/mmq.s" &&
        grep -q ' flash_attn_ext_f16\( \|$\)' "$out/objects" &&
        in_root 'cd ceiling && nm -D --undefined-only build/bin/libggml-hip.so' | grep -q ' hipGraphLaunch' &&
        [ -s "$library" ]
}

# Our own program loads the library next to the CPU's, and says in words that
# there is no card.
says_no_device() {
    in_root 'cd ceiling && exec build/bin/ceiling devices' >"$out/devices" 2>"$out/devices.err" || {
        cat "$out/devices.err" >&2
        return 1
    }
    cat "$out/devices" "$out/devices.err"
    grep -q 'ROCm.*no ROCm-capable device' "$out/devices" "$out/devices.err" && grep -q '^CPU ' "$out/devices"
}

# Asking for a card by name is an error with the same words; without a name a
# run goes to the CPU and says so.
refuses_a_card() {
    local status=0
    in_root 'cd ceiling && exec build/bin/ceiling run --model demo.gguf --suite one.yaml --out refused --devices ROCm0' \
        >"$out/refused" 2>&1 || status=$?
    cat "$out/refused"
    [ "$status" -eq 2 ] && grep -q 'unknown device "ROCm0"' "$out/refused" && grep -q 'no ROCm-capable device' "$out/refused"
}

runs_on_the_cpu() {
    in_root 'cd ceiling && exec build/bin/ceiling run --model demo.gguf --suite one.yaml --out run' >"$out/run" 2>&1 || {
        cat "$out/run" >&2
        return 1
    }
    cat "$out/run"
    grep -q 'no ROCm-capable device' "$out/run" &&
        grep -q '"backends": \[[^]]*"ROCm"' <(tr -d '\n' <"$root/root/ceiling/run/manifest.json")
}

small_run() {
    cat >"$root/root/ceiling/one.yaml" <<'YAML'
name: one
scenarios:
  - {name: One request, category: Latency, purpose: Does it run, input: 32, output: 8, concurrency: 1, prompts: 1}
YAML
    rm -rf "$root/root/ceiling/run"
    in_root 'cd ceiling && exec build/bin/ceiling synth --geometry demo --type q4_0 --out demo.gguf --force' >"$out/synth" 2>&1 ||
        { cat "$out/synth" >&2; die "FAILED: a model to run"; }
}

need_tools
mkdir -p "$cache/ccache"
exec 9>"$cache/hip-check.lock"
flock -n 9 || die "another hip-check is at work in $cache"
goroot=$(cd / && GOTOOLCHAIN=local go env GOROOT)
gomod=$(cd / && GOTOOLCHAIN=local go env GOMODCACHE)
mkdir -p "$gomod"
root=$cache/hip-root-$(root_key)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT TERM

[ "$clean" = no ] || rm -rf --one-file-system "$cache/ccache"
if [ "$clean" = yes ] || [ ! -e "$root/.complete" ]; then
    make_root
fi
install_certificates
copy_project
mkdir -p "$cache/ccache"
check "make build PRESET=gfx908" build
check "the build says that there is no RCCL" says_no_rccl
check "libggml-hip.so carries gfx908 code, every object that was compiled, and no other" list_code_objects
check "LLVM reads the same" llvm_agrees
check "matrix instructions, flash attention and graphs are in it" has_fast_paths
check "ceiling devices: the library loads, and there is no card" says_no_device
small_run
check "ceiling run --devices ROCm0 is refused" refuses_a_card
check "ceiling run goes to the CPU, and says why" runs_on_the_cpu
say "no kernel ran: that needs an MI100"
printf 'hip-check: %d passed, 0 failed\n' "$passed"
