package main

import (
	"fmt"
	"strings"
	"testing"

	"ceiling/bench/result"
	"ceiling/bench/tune"
	"ceiling/engine"
)

// roomOf is a machine with n GPUs of one back end and a model that is split over
// them in a mode.
func roomOf(n int, mode, target string) *knobRoom {
	goals, _ := tune.ParseGoals(target, "auto")
	k := &knobRoom{cores: 16, cpus: 32, collectives: "rccl 2.22", goals: goals, input: 512}
	k.set.session = engine.SessionOptions{Threads: 16, Batch: 2048, UBatch: 512, KVType: "f16"}
	k.set.split.Mode = mode
	for i := range n {
		k.set.split.Devices = append(k.set.split.Devices, engine.Device{Name: fmt.Sprintf("ROCm%d", i), Backend: "ROCm", Type: engine.DeviceGPU})
	}
	return k
}

// What a machine, a build and a load have no use for is left out with its reason;
// the rest is what one would try by hand.
func TestKnobs(t *testing.T) {
	for what, tc := range map[string]struct {
		room  *knobRoom
		given string
		want  []string // settings with their values
		why   []string // settings that are left out
	}{
		"a CPU, decode": {roomOf(0, "none", "decode"), "", []string{"threads: 16 1 8 12 15 32", "flash-attn: auto off", "sampling: auto backend"},
			[]string{"devices: the model is on the CPU alone", "graphs: it is for GPUs", "p2p: it is for several GPUs", "allreduce: it is for a tensor split of several GPUs",
				"ubatch: steps of one request's decode have one token", "kv-unified: one request at a time has one buffer", "kv-type: other types change what the model computes"}},
		"a CPU, prefill": {roomOf(0, "none", "prefill"), "threads", []string{"flash-attn: auto off", "sampling: auto backend", "ubatch: 512 128 256"},
			[]string{"threads: it stands on the command line", "step-tokens: a step has at most 512 tokens"}},
		"many at a time": {roomOf(0, "none", "throughput@c=8"), "threads,flash-attn,sampling", []string{"ubatch: 512 128 256 1024 2048", "step-tokens: 2048 512 1024 4096", "kv-unified: auto on"}, nil},
		"one GPU": {roomOf(1, "none", "decode"), "threads,flash-attn", []string{"sampling: auto cpu", "graphs: auto off"},
			[]string{"split-mode: the model is on one device", "nccl-algo: it is for a tensor split of several GPUs"}},
		"four GPUs by tensors": {roomOf(4, engine.SplitTensor, "decode"), "threads", []string{"devices: ROCm0/ROCm1/ROCm2/ROCm3 ROCm0 ROCm0/ROCm1", "split-mode: auto layer", "tensor-split: auto 10/10/10/10 10/10/10/8",
			"graphs: auto off", "p2p: auto on", "allreduce: auto internal none nccl", "nccl-algo: auto ring tree", "nccl-proto: auto simple ll ll128"},
			[]string{"flash-attn: a tensor split needs it", "sampling: a tensor split samples on the CPU"}},
	} {
		given := strings.Split(tc.given, ",")
		knobs, skipped := tc.room.knobs(func(name string) bool {
			for _, g := range given {
				if g == name {
					return true
				}
			}
			return false
		})
		var got []string
		for _, k := range knobs {
			text := k.Name + ":"
			for _, v := range k.Values {
				text += " " + v.Value
			}
			got = append(got, text)
		}
		if a, b := strings.Join(got, "\n"), strings.Join(tc.want, "\n"); a != b {
			t.Errorf("%s:\n%s\nwant\n%s", what, a, b)
		}
		left := map[string]string{}
		for _, s := range skipped {
			left[s.Name] = s.Name + ": " + s.Why
		}
		for _, why := range tc.why {
			name, _, _ := strings.Cut(why, ":")
			if !strings.HasPrefix(left[name], why) {
				t.Errorf("%s: %q, want %q", what, left[name], why)
			}
		}
		if len(knobs)+len(skipped) != len(knobRules) {
			t.Errorf("%s: %d settings and %d left out of %d", what, len(knobs), len(skipped), len(knobRules))
		}
	}
}

// Every setting that a search may choose is one of a scenario's, and what a build
// lacks is left out.
func TestKnobRules(t *testing.T) {
	known := strings.Join(result.SettingNames(), " ")
	for _, rule := range knobRules {
		if !strings.Contains(" "+known+" ", " "+rule.name+" ") {
			t.Errorf("%s is no setting", rule.name)
		}
	}
	bare := roomOf(4, engine.SplitTensor, "decode")
	bare.collectives, bare.quantKV, bare.env = "none", true, map[string]string{"GGML_CUDA_P2P": "1", "GGML_CUDA_DISABLE_GRAPHS": "1"}
	for _, rule := range knobRules {
		values, why := rule.values(bare)
		want, known := map[string]string{"allreduce": "[auto internal none]", "nccl-algo": "this build has no RCCL or NCCL", "kv-type": "[f16 q8_0 q4_0]", "p2p": "[auto off]", "graphs": "[auto on]"}[rule.name]
		if got := why + fmt.Sprint(values); known && got != want && why != want {
			t.Errorf("%s: %s, want %s", rule.name, got, want)
		}
	}
}

// A probe of the confirmation has a process that has measured nothing, and one of a
// setting that the back ends read when they are loaded one with that environment.
func TestElsewhere(t *testing.T) {
	off, small := []result.Setting{{Name: "graphs", Value: "off"}}, []result.Setting{{Name: "ubatch", Value: "64"}}
	for _, tc := range []struct {
		env   string
		made  int
		trial tune.Trial
		want  bool
	}{
		{"", 0, tune.Trial{}, false},
		{"", 7, tune.Trial{Settings: small}, false},
		{"", 0, tune.Trial{Settings: small, Fresh: true}, false},
		{"", 1, tune.Trial{Fresh: true}, true},
		{"", 0, tune.Trial{Settings: off}, true},
		{"graphs=off", 3, tune.Trial{Settings: off}, false},
		{"graphs=off", 0, tune.Trial{Settings: small}, true},
	} {
		task := tuneTask{env: tc.env, made: tc.made}
		if got := task.elsewhere(tc.trial); got != tc.want {
			t.Errorf("%q after %d probes, %+v: %v", tc.env, tc.made, tc.trial, got)
		}
	}
}
