#!/usr/bin/env bash
# Does the gfx908 code of this build compute what it should? Runs it on four
# stand-in MI100, whose machine code is executed on the CPU under Debian's
# unmodified ROCm (docs/standin.md), in the root that hip-check.sh makes.
# HIP_ROOT_SUITE=experimental takes the newest ROCm that Debian has, and its RCCL.
#
# Usage, as root: scripts/standin-check.sh
#
# It shows results. It shows nothing about time, clocks, caches or links.
set -euo pipefail

name=standin-check
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/hip-root.sh
. "$repo/scripts/hip-root.sh"

# on_cards COMMAND... runs a shell command in the root with the four cards, and
# keeps what kernels counted.
# shellcheck disable=SC2016  # expanded by the inner shell
on_cards() {
    in_root 'cd ceiling && exec build/standin/standin run -tree hip/testdata/hive -counters build/standin/counters -- /bin/bash -c "$1"' "$1"
}

# Less memory for RCCL to fill when it starts, which it does in every test here;
# doctor lets it have what it wants.
quick='NCCL_BUFFSIZE=65536 NCCL_MAX_NCHANNELS=2'

# What runs on the cards, and what runs the cards.
build_tools() {
    told tools.log in_root 'cd ceiling &&
        PRESET=gfx908 CMAKE_ARGS=-DCEILING_PEERS=OFF scripts/build-native.sh test-backend-ops &&
        mkdir -p build/standin &&
        go build -o build/standin/standin ./cmd/standin &&
        go build -buildmode=c-shared -o build/standin/libstandin.so ./hip/standin/preload &&
        rm -f build/standin/counters &&
        go test -c -tags cards -o build/standin/engine.test ./engine &&
        go test -c -tags cards -o build/standin/faults.test ./cmd/standin &&
        go test -c -tags cards -o build/standin/probes.test ./kernels/gpu &&
        cc -O1 -shared -fPIC -o build/standin/librccl.so.1 hip/testdata/rccl.c'
}

# Our reading of every instruction in the library is LLVM's.
decoder_agrees() {
    in_root 'cd ceiling && exec build/standin/standin check-decoder build/bin/libggml-hip.so'
}

# The four cards are seen by the runtime, by devices and by doctor.
sees_cards() {
    on_cards 'build/bin/ceiling devices && { build/bin/ceiling doctor || [ $? -eq 3 ]; }' >"$out/devices" 2>&1 || {
        cat "$out/devices"
        return 1
    }
    cat "$out/devices"
    ! has_rccl || grep -q "^ok  *links  *RCCL's sum " "$out/devices" || return 1
    [ "$(grep -c '^ROCm[0-3] ' "$out/devices")" -eq 4 ] && grep -q '^ok  *GPU  *driver  *4× AMD Instinct MI100 (gfx908)' "$out/devices" &&
        grep -q '^ok  *links  *xGMI ' "$out/devices" &&
        grep -q '^ok  *GPU  *device files  */dev/kfd, /dev/dri/renderD128, ' "$out/devices"
}

# operations OP PATTERN: llama.cpp's cases of an operation whose parameters
# match give the CPU's results on a card.
operations() {
    local log=$out/operations
    on_cards "build/bin/test-backend-ops test -b ROCm0 -o '$1' -p '$2'" >"$log" 2>&1 || {
        grep -E 'FAIL|standin:' "$log" | head -n 20
        return 1
    }
    # As many passed as there were, and there were some.
    local line
    line=$(grep -oE '[0-9]+/[0-9]+ tests passed' "$log" | head -n 1)
    local count=${line%% *}
    say "  $1: $line"
    [ -n "$line" ] && [ "${count%/*}" = "${count#*/}" ] && [ "${count%/*}" -gt 0 ] || return 1
    cases=$((cases + ${count%/*}))
}

cases=0
quantised='type_a=(q4_0|q4_1|q5_0|q8_0|f16|bf16),type_b=f32,m=16,n=[0-9]+,k=256,bs=.1,1.,nr=.1,1.'
small='ne=.[0-9]+,[0-9]{1,2},[0-9],[0-9].'

backend_operations() {
    operations MUL_MAT "$quantised" &&
        operations FLASH_ATTN_EXT 'hsk=128,hsv=128,nh=4,nr23=.1,1.,kv=(113|512),nb=(1|3|32),mask=1,sinks=0,max_bias=0.000000,logit_softcap=0.000000,prec=f32,type_K=f16,type_V=f16,permute=.0,1,2,3.' &&
        operations RMS_NORM 'type=f32,ne=.(64|1025),5,4,3.' &&
        operations ROPE 'type=f32,ne_a=.128,(32|40),2,1.,n_dims=(20|128),mode=0' &&
        operations SWIGLU '.' &&
        operations GET_ROWS 'type=(f32|f16|q4_0|q8_0),n=256,m=(5|80),r=4,be1=1' &&
        operations SET_ROWS 'type_src=f32,type_dst=(f32|f16|q8_0)' &&
        operations ADD "type=f32,$small" &&
        operations MUL "type=f32,$small" &&
        operations CPY 'type_src=(f32|f16),type_dst=(f32|f16),ne_src=.256,[234],[34],4.' &&
        operations SOFT_MAX 'type=f32,ne=.(15|16|199|200),[0-9]{1,2},1,1.' &&
        operations ARGMAX . &&
        say "$cases cases of test-backend-ops"
}

# A product over chosen experts that mul_mat_f computes: its search for an
# expert's rows is the library's only use of DPP that was found. test-backend-ops
# has no case that reaches it on gfx908, but reads more from a file: operation,
# type, shape, parameters, then type, shape and strides of each operand. Each of
# 9 tokens goes to all 8192 experts of 64 x 64 f32, in an order of its own, so that
# every lane finds some expert.
lanes=build/standin/lanes
# shellcheck disable=SC2016  # expanded by the inner shell
write_lanes() {
    local op='/^ *enum ggml_op \{/ { n = -1 } /^ *GGML_OP_/ { n++ } /GGML_OP_MUL_MAT_ID,/ { print n; exit }'
    local weights='0 64 64 8192 1 4 256 16384 134217728' tokens='0 64 1 9 1 4 256 256 2304' chosen='26 8192 9 1 1 4 32768 294912 294912'
    in_root 'cd ceiling && echo "$(awk "$1" build/include/ggml.h) $2" >"$3"' "$op" "0  64 8192 9 1  0  3  $weights  $tokens  $chosen  -" "$lanes"
}

# planted FAULT KERNEL CASES [VALUE]: with a fault in the machine code of the
# kernels, the cases of test-backend-ops do not all pass.
planted() {
    in_root 'cd ceiling && rm -rf build/planted && cp -a build/bin build/planted && rm build/planted/libggml-hip.so &&
        build/standin/standin plant -fault "$1" -kernel "$2" -value "${3:-0}" build/bin/libggml-hip.so build/planted/libggml-hip.so' \
        "$1" "$2" "${4:-0}" >"$out/plant" 2>&1 || {
        cat "$out/plant"
        return 1
    }
    if on_cards "build/planted/test-backend-ops test -b ROCm0 $3" >"$out/planted" 2>&1; then
        say "  $(cat "$out/plant"): not noticed"
        return 1
    fi
    # Not for another reason: a case that failed, or a kernel that was ended.
    local found
    found=$(grep -m 1 -oE 'standin: .*|.*NMSE = .*|.*FAIL.*' "$out/planted") || {
        tail -n 5 "$out/planted"
        return 1
    }
    say "  $1 in $2: ${found:0:150}"
}

# Without a fault the case of the file passes.
operation_file() {
    on_cards "build/bin/test-backend-ops test -b ROCm0 --test-file $lanes" >"$out/lanes" 2>&1 &&
        grep -q '1/1 tests passed' "$out/lanes" || {
        tail -n 5 "$out/lanes"
        return 1
    }
}

faults_are_found() {
    local one='type_a=q4_0,type_b=f32,m=16,n=1,k=256,bs=.1,1.,nr=.1,1.' many='type_a=q4_0,type_b=f32,m=16,n=16,k=256,bs=.1,1.,nr=.1,1.'
    write_lanes &&
        operation_file &&
        planted lane mul_mat_f "--test-file $lanes" &&
        planted swap mul_mat_q "-o MUL_MAT -p '$many'" &&
        planted wait mul_mat_vec_q "-o MUL_MAT -p '$one'" &&
        planted stride mul_mat_vec_q "-o MUL_MAT -p '$one'" 18
}

# engine_on_cards RUN LOG LOGITS runs tests of the engine on the cards.
engine_on_cards() {
    on_cards "cd engine && CEILING_TEST_ENGINE_LOG=\$PWD/../build/standin/$2.log CEILING_CARDS_LOGITS=\$PWD/../build/standin/$2.logits $quick ${3:-} \
        ../build/standin/engine.test -test.v -test.run '$1' -test.timeout 40m" >"$out/$2" 2>&1 || {
        tail -n 60 "$out/$2"
        return 1
    }
    grep -E '^ +cards_.*test.go|^(--- |ok|PASS)' "$out/$2"
}

# The engine on one card and on four, against the CPU.
engine_agrees() {
    in_root 'cd ceiling/build/standin && rm -f ./*.log ./*.logits'
    engine_on_cards '^TestCards' captured &&
        [ "$(grep -c '^--- PASS: TestCards' "$out/captured")" -eq "$(cat "$repo"/engine/cards_*test.go | grep -c '^func TestCards')" ]
}

# Captured graphs compute what the kernels compute one by one, to the last bit.
graphs_agree() {
    engine_on_cards '^TestCardsAlternate$' direct GGML_CUDA_DISABLE_GRAPHS=1 || return 1
    local at=$root/root/ceiling/build/standin
    local with without
    with=$(grep -c 'CUDA graph warmup complete' "$at/captured.log") || true
    without=$(grep -c 'CUDA graph warmup complete' "$at/direct.log") || true
    say "  graphs captured: $with, with GGML_CUDA_DISABLE_GRAPHS $without; $(stat -c %s "$at/direct.logits") bytes of logits"
    [ "$with" -gt 0 ] && [ "$without" -eq 0 ] && [ -s "$at/direct.logits" ] && cmp "$at/captured.logits" "$at/direct.logits"
}

# Cards that fail in the middle of a run.
faults_are_survived() {
    in_root "cd ceiling/cmd/standin && export $quick"' && exec ../../build/standin/faults.test -test.v -test.run "^TestFault|^TestOne" -test.timeout 40m' >"$out/faults" 2>&1 || {
        tail -n 60 "$out/faults"
        return 1
    }
    grep -E '^ *--- ' "$out/faults"
    [ "$(grep -cE '^--- PASS: Test(Fault|One)' "$out/faults")" -eq "$(grep -cE '^func Test(Fault|One)' "$repo/cmd/standin/faults_test.go")" ]
}

# How much of the library's code was executed by all this.
coverage() {
    in_root 'cd ceiling && exec build/standin/standin coverage build/bin/libggml-hip.so build/standin/counters'
}

# Every probe of kernels/gpu computes what it should, on one card and on four, and
# planted faults are found. No time is shown. Where the root has no RCCL, a library
# that adds up on the host takes its place.
probes_right() {
    local libraries=build/standin
    ! has_rccl || libraries=
    on_cards "LD_LIBRARY_PATH=$libraries $quick"' CEILING_TEST_RCCL=1 build/standin/probes.test -test.v -test.run "^TestCards" -test.timeout 40m' >"$out/probes" 2>&1 || {
        grep -vE '^ +cards_test.go:[0-9]+: [a-z0-9.]+ .*\[[0-9 ]+\]$' "$out/probes" | tail -n 60
        return 1
    }
    grep -E 'measurements of|^(--- |ok|PASS)' "$out/probes"
    [ "$(grep -c '^--- PASS: TestCards' "$out/probes")" -eq "$(grep -c '^func TestCards' "$repo/kernels/gpu/cards_test.go")" ]
}

# A whole run over four cards.
runs() {
    cat >"$root/root/ceiling/two.yaml" <<'YAML'
name: two
scenarios:
  - {name: Two at once, category: Throughput, purpose: Does it run, input: 24, output: 4, concurrency: 2, prompts: 3}
YAML
    cat >"$root/root/ceiling/tiny.json" <<'JSON'
{"name": "tiny", "layers": 2, "hidden": 256, "heads": 8, "kv_heads": 4, "head_dim": 128, "ffn": 1024, "vocab": 1024, "context": 4096,
 "rms_epsilon": 1e-5, "rope_freq_base": 1e8}
JSON
    in_root 'cd ceiling && exec build/bin/ceiling synth --geometry tiny.json --type q4_0 --out tiny.gguf --force' >"$out/synth" 2>&1 || {
        cat "$out/synth"
        return 1
    }
    rm -rf "$root/root/ceiling/cards"
    on_cards "$quick"' build/bin/ceiling run --model tiny.gguf --suite two.yaml --out cards --prose rules --check off --step-timeout 10m' >"$out/run" 2>&1 || {
        cat "$out/run"
        return 1
    }
    local way=butterfly
    ! has_rccl || way=rccl
    grep -q '"split_mode": "tensor"' "$root/root/ceiling/cards/manifest.json" &&
        grep -q "\"allreduce\": \"$way\"" "$root/root/ceiling/cards/results.json" &&
        [ "$(grep -vc '"error":' "$root/root/ceiling/cards/requests.jsonl")" -eq 3 ]
}

prepare_root
check "make build PRESET=gfx908" build_gfx908
check "the stand-in, test-backend-ops and the engine's tests build" build_tools
check "every instruction of libggml-hip.so is read as LLVM reads it" decoder_agrees
check "four cards are there for the runtime, devices and doctor" sees_cards
check "llama.cpp's own tests of its operations pass on a card" backend_operations
check "the engine computes on one card and on four what it computes on the CPU" engine_agrees
check "captured graphs compute what single kernels do" graphs_agree
check "every probe's result is right on the cards, and faults in probes are found" probes_right
check "ceiling run goes over four cards, split by tensors" runs
check "a run on cards that fail ends as it should" faults_are_survived
check "faults in the library's machine code are noticed" faults_are_found
check "forms of instructions are counted" coverage
say "no figure here is a time: that needs an MI100"
printf 'standin-check: %d passed, 0 failed\n' "$passed"
