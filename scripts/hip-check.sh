#!/usr/bin/env bash
# Does the gfx908 preset build, and does its library load, on a machine that has
# neither ROCm nor a GPU? Makes a Debian root in the cache, which has Debian's
# own HIP, copies the project into it, runs the README's command for
# the GPU box there, and looks at what came out: which code objects the library
# carries, and what the program says when it finds no card.
#
# Usage, as root: scripts/hip-check.sh [--clean]
#   --clean   make the root anew, and compile everything anew
#
# It shows that the code compiles for gfx908, links, loads and fails in words.
# It does not show that a kernel computes what it should: that needs a card.
set -euo pipefail

name=hip-check
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/hip-root.sh
. "$repo/scripts/hip-root.sh"

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

# The build must say whether it has RCCL: forky has none.
says_rccl() {
    local said='no RCCL' recorded=none
    if has_rccl; then
        said='.*RCCL ON' recorded='rccl [0-9.]*'
    fi
    grep -h "ceiling: $said" "$out/build.log" "$root/root/ceiling/build/configure.log" | head -n 1 &&
        grep -q "ceiling: $said" "$root/root/ceiling/build/configure.log" &&
        grep "\"collectives\": \"$recorded\"" "$root/root/ceiling/build/bin/engine.json"
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

# The probes of kernels/gpu compile for gfx908 at run time, as on a machine with a
# card, and their machine code is what they claim to measure.
probes_as_claimed() {
    in_root 'cd ceiling && exec go test -count=1 -v -tags hiprtc -run "TestCompiled|TestClaims" ./kernels/gpu' >"$out/probes" 2>&1 || {
        cat "$out/probes"
        return 1
    }
    grep -E 'waves a SIMD|kernels$' "$out/probes"
    [ "$(grep -c '^--- PASS' "$out/probes")" -eq 2 ]
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

prepare_root
check "make build PRESET=gfx908" build_gfx908
check "the build says whether it has RCCL" says_rccl
check "libggml-hip.so carries gfx908 code, every object that was compiled, and no other" list_code_objects
check "LLVM reads the same" llvm_agrees
check "matrix instructions, flash attention and graphs are in it" has_fast_paths
check "ceiling devices: the library loads, and there is no card" says_no_device
check "the probes compile for gfx908, to the instructions that they claim" probes_as_claimed
small_run
check "ceiling run --devices ROCm0 is refused" refuses_a_card
check "ceiling run goes to the CPU, and says why" runs_on_the_cpu
say "no kernel ran: that needs an MI100"
printf 'hip-check: %d passed, 0 failed\n' "$passed"
