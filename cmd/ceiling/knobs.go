package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/engine"
)

// knobRoom is what of the machine, the build and the load decides which settings a
// search has to choose from.
type knobRoom struct {
	set         engineSettings // the defaults
	devices     []engine.Device
	cores, cpus int
	collectives string            // of the build: "rccl 2.22", "nccl", "none"
	env         map[string]string // as of engine.Environment
	quantKV     bool
	goals       []result.TuningGoal
	input       int // tokens of a prompt
}

// knobRules say of each setting which values to try, the default first, or why
// there are none. They are raced in this order: what moves most comes first.
var knobRules = []struct {
	name   string
	values func(*knobRoom) (values []string, why string)
}{
	{"devices", (*knobRoom).deviceSets},
	{"split-mode", (*knobRoom).splitModes},
	{"tensor-split", (*knobRoom).shares},
	{"threads", (*knobRoom).threads},
	{"flash-attn", (*knobRoom).flash},
	{"sampling", (*knobRoom).sampling},
	{"graphs", (*knobRoom).graphs},
	{"p2p", (*knobRoom).p2p},
	{"allreduce", (*knobRoom).reductions},
	{"nccl-algo", func(k *knobRoom) ([]string, string) { return k.collective(engine.NCCLAlgoWords) }},
	{"nccl-proto", func(k *knobRoom) ([]string, string) { return k.collective(engine.NCCLProtoWords) }},
	{"ubatch", func(k *knobRoom) ([]string, string) {
		return k.sizes(k.set.session.UBatch, []int{128, 256, 512, 1024, 2048})
	}},
	{"step-tokens", func(k *knobRoom) ([]string, string) {
		return k.sizes(k.set.session.Batch, []int{512, 1024, 2048, 4096, 8192})
	}},
	{"kv-unified", (*knobRoom).layouts},
	{"kv-type", (*knobRoom).kvTypes},
}

// knobs are the settings to search, and those that are left out. given tells
// whether a flag stands on the command line.
func (k *knobRoom) knobs(given func(name string) bool) (knobs []result.TunedKnob, skipped []result.SkippedKnob) {
	for _, rule := range knobRules {
		values, why := rule.values(k)
		if why == "" && given(rule.name) {
			why = "it stands on the command line"
		}
		if why == "" && len(values) < 2 {
			why = "there is no other value to try"
		}
		if why != "" {
			skipped = append(skipped, result.SkippedKnob{Name: rule.name, Why: why})
			continue
		}
		knobs = append(knobs, knobOf(rule.name, values))
	}
	return knobs, skipped
}

func knobOf(name string, values []string) result.TunedKnob {
	knob := result.TunedKnob{Name: name}
	for _, v := range values {
		knob.Values = append(knob.Values, result.TunedValue{Value: v})
	}
	return knob
}

// gpus are the devices that the model is spread over by default, as far as they
// are GPUs of this machine.
func (k *knobRoom) gpus() []engine.Device {
	return slices.DeleteFunc(slices.Clone(k.set.split.Devices), func(d engine.Device) bool {
		return d.Backend != "ROCm" && d.Backend != "CUDA"
	})
}

// few says why a setting needs more devices; "": there are n.
func (k *knobRoom) few(n int) string {
	switch has := len(k.set.split.Devices); {
	case has >= n:
		return ""
	case has == 0:
		return "the model is on the CPU alone"
	}
	return "the model is on one device"
}

func (k *knobRoom) deviceSets() ([]string, string) {
	if why := k.few(2); why != "" {
		return nil, why
	}
	var names []string
	for _, d := range k.set.split.Devices {
		names = append(names, d.Name)
	}
	values := []string{strings.Join(names, "/")}
	for n := 1; n < len(names); n *= 2 {
		values = append(values, strings.Join(names[:n], "/"))
	}
	return values, ""
}

func (k *knobRoom) splitModes() ([]string, string) {
	if why := k.few(2); why != "" {
		return nil, why
	}
	values := []string{engine.SplitAuto}
	for _, mode := range []string{engine.SplitLayer, engine.SplitTensor} {
		if mode != k.set.split.Mode {
			values = append(values, mode)
		}
	}
	return values, ""
}

// shares spares the last device, which has the output layer too, and where the
// default is by free memory divides evenly.
func (k *knobRoom) shares() ([]string, string) {
	n := len(k.set.split.Devices)
	if why := k.few(2); why != "" {
		return nil, why
	}
	even := slices.Repeat([]string{"10"}, n)
	less := append(slices.Clone(even[:n-1]), "8")
	return []string{auto, strings.Join(even, "/"), strings.Join(less, "/")}, ""
}

func (k *knobRoom) threads() ([]string, string) {
	now := k.set.session.Threads
	values := []string{strconv.Itoa(now)}
	for _, n := range []int{1, k.cores / 2, k.cores * 3 / 4, k.cores - 1, k.cores, k.cpus} {
		if text := strconv.Itoa(n); n >= 1 && !slices.Contains(values, text) {
			values = append(values, text)
		}
	}
	return values, ""
}

func (k *knobRoom) flash() ([]string, string) {
	if k.set.split.Mode == engine.SplitTensor {
		return nil, "a tensor split needs it"
	}
	return []string{"auto", "off"}, ""
}

func (k *knobRoom) sampling() ([]string, string) {
	switch {
	case k.set.split.Mode == engine.SplitTensor:
		return nil, "a tensor split samples on the CPU"
	case k.set.split.GreedyInBackend(auto):
		return []string{auto, "cpu"}, ""
	}
	return []string{auto, "backend"}, ""
}

func (k *knobRoom) graphs() ([]string, string) {
	if len(k.gpus()) == 0 {
		return nil, "it is for GPUs"
	}
	if _, off := k.env["GGML_CUDA_DISABLE_GRAPHS"]; off {
		return []string{auto, "on"}, ""
	}
	return []string{auto, "off"}, ""
}

func (k *knobRoom) p2p() ([]string, string) {
	if len(k.gpus()) < 2 {
		return nil, "it is for several GPUs"
	}
	if _, on := k.env["GGML_CUDA_P2P"]; on {
		return []string{auto, "off"}, ""
	}
	return []string{auto, "on"}, ""
}

func (k *knobRoom) reductions() ([]string, string) {
	if why := k.summing(); why != "" {
		return nil, why
	}
	values := []string{auto, "internal", "none"}
	if k.hasCollectives() {
		values = append(values, "nccl")
	}
	return values, ""
}

// summing says why nothing is added up between GPUs; "": it is.
func (k *knobRoom) summing() string {
	if len(k.gpus()) < 2 || k.set.split.Mode != engine.SplitTensor {
		return "it is for a tensor split of several GPUs"
	}
	return ""
}

func (k *knobRoom) hasCollectives() bool { return k.collectives != "" && k.collectives != "none" }

func (k *knobRoom) collective(words []string) ([]string, string) {
	if why := k.summing(); why != "" {
		return nil, why
	}
	if !k.hasCollectives() {
		return nil, "this build has no RCCL or NCCL"
	}
	return words, ""
}

// sizes are numbers of tokens that make a difference: not those beyond what a step
// of the first goal has.
func (k *knobRoom) sizes(now int, all []int) ([]string, string) {
	first := k.goals[0]
	most := first.Concurrency * k.input
	if first.Figure == result.TuningDecode && first.Concurrency == 1 {
		return nil, "steps of one request's decode have one token"
	}
	values, effects := []string{strconv.Itoa(now)}, []int{min(now, most)}
	for _, n := range all {
		if effect := min(n, most); !slices.Contains(effects, effect) {
			values, effects = append(values, strconv.Itoa(n)), append(effects, effect)
		}
	}
	if len(values) < 2 {
		return nil, fmt.Sprintf("a step has at most %d tokens", most)
	}
	return values, ""
}

func (k *knobRoom) layouts() ([]string, string) {
	if k.goals[0].Concurrency == 1 {
		return nil, "one request at a time has one buffer"
	}
	return []string{auto, "on"}, ""
}

// kvTypes are the ones that people quantise to; others are for --search.
func (k *knobRoom) kvTypes() ([]string, string) {
	if !k.quantKV {
		return nil, "other types change what the model computes; --allow-kv-quant tries q8_0 and q4_0"
	}
	return []string{k.set.session.KVType, "q8_0", "q4_0"}, ""
}

// environment are the switches of this process.
func environment() map[string]string { return engine.Environment(os.Environ()) }
