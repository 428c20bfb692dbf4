package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/engine/gguf"
)

// auto leaves a setting to the engine and the environment.
const auto = "auto"

// gpuFlags are switches of llama.cpp's GPU back ends that one would compare.
// They are environment variables there, read when the back ends are loaded.
func gpuFlags() []cli.Flag {
	return group("Between GPUs",
		choice("p2p", "copies between GPUs without the host; auto: as GGML_CUDA_P2P says", p2pWords),
		choice("graphs", "replay captured graphs of kernels; auto: as GGML_CUDA_DISABLE_GRAPHS says", graphWords),
		choice("allreduce", "how a tensor split adds up between GPUs; auto: as GGML_CUDA_ALLREDUCE says, else RCCL or NCCL where the build has it", allReduceWords),
	)
}

var (
	p2pWords       = []string{auto, "on", "off"}
	graphWords     = []string{auto, "on", "off"}
	allReduceWords = []string{auto, "nccl", "internal", "none"}
)

// setGPUSwitches turns the flags into the environment of this process, before
// the engine looks at it. The manifest records it from there.
func setGPUSwitches(c *cli.Command) error {
	for _, change := range gpuSwitches(c.String("p2p"), c.String("graphs"), c.String("allreduce")) {
		var err error
		if change.set {
			err = os.Setenv(change.name, change.value)
		} else {
			err = os.Unsetenv(change.name)
		}
		if err != nil {
			return fmt.Errorf("environment switch %s: %w", change.name, err)
		}
	}
	return nil
}

type envChange struct {
	name, value string
	set         bool
}

// gpuSwitches are the changes that the words ask for. The back ends only look
// whether the first two variables are there: "0" would switch them on too.
func gpuSwitches(p2p, graphs, reduce string) []envChange {
	var out []envChange
	if p2p != auto {
		out = append(out, envChange{"GGML_CUDA_P2P", "1", p2p == "on"})
	}
	if graphs != auto {
		out = append(out, envChange{"GGML_CUDA_DISABLE_GRAPHS", "1", graphs == "off"})
	}
	if reduce != auto {
		out = append(out, envChange{"GGML_CUDA_ALLREDUCE", reduce, true})
	}
	return out
}

// planSplit decides how the model is spread before it is loaded. What can't be
// done is a mistake in the arguments.
func (s *settings) planSplit() (engine.Split, error) {
	file, err := gguf.Open(s.model)
	if err != nil {
		return engine.Split{}, err
	}
	session := s.session
	session.Greedy = s.sampling == "backend"
	split, err := engine.PlanSplit(file, s.load, session)
	if err != nil {
		return split, codedError{exitUsage, err}
	}
	return split, nil
}

// usedDevices are those that the model's layers lie on.
func usedDevices(split engine.Split, all []engine.Device) []engine.Device {
	if len(split.Devices) > 0 {
		return split.Devices
	}
	if i := slices.IndexFunc(all, func(d engine.Device) bool { return d.Type == engine.DeviceCPU }); i >= 0 {
		return all[i : i+1]
	}
	return nil
}

// The ways in which a tensor split adds up what its devices computed.
const (
	reduceRCCL      = "rccl"
	reduceNCCL      = "nccl"
	reduceInternal  = "internal"
	reduceButterfly = "butterfly"
)

// allReduce tells which way a tensor split takes, "" where nothing is split.
// The back end says in its log when it could not do what it was to do
// (warnings, of the session's opening), and nothing when it could.
func allReduce(split engine.Split, wish, collectives string, warnings []string) string {
	if split.Mode != engine.SplitTensor || len(split.Devices) < 2 {
		return ""
	}
	backend := split.Devices[0].Backend
	foreign := func(d engine.Device) bool { return d.Backend != backend }
	if backend != "ROCm" && backend != "CUDA" || slices.ContainsFunc(split.Devices, foreign) {
		return reduceButterfly // other back ends have no reduction of their own
	}
	said := func(text string) bool {
		return slices.ContainsFunc(warnings, func(line string) bool { return strings.Contains(line, text) })
	}
	switch {
	case said("falling back to meta-backend butterfly"), said("unknown GGML_CUDA_ALLREDUCE"), wish == "none":
		return reduceButterfly
	case said("falling back to internal AllReduce"), wish == "internal":
		return reduceInternal
	case strings.HasPrefix(collectives, reduceRCCL):
		return reduceRCCL
	case strings.HasPrefix(collectives, reduceNCCL):
		return reduceNCCL
	case len(split.Devices) == 2:
		return reduceInternal // on ROCm the library does not say so
	}
	return reduceButterfly
}

// bf16From is the number of tokens in a physical batch from which the sums of
// n devices are rounded to bfloat16 on their way, 0 for never: by the number of
// values, tokens × embedding, as ggml-cuda.cu and allreduce.cu of llama.cpp
// v0.5.0 decide. threshold is the environment's GGML_CUDA_AR_BF16_THRESHOLD, in
// bytes.
func bf16From(way string, n, embedding int, threshold string) int {
	values := 0
	switch {
	case embedding < 1:
		return 0
	case way == reduceInternal:
		bytes := 1
		if threshold != "" {
			fmt.Sscanf(threshold, "%d", &bytes) // as strtoull: what is no number leaves the default
		}
		if bytes <= 0 {
			return 0
		}
		values = (bytes-1)/4 + 1
	case way != reduceRCCL && way != reduceNCCL:
		return 0
	case n <= 2:
		values = 1 << 15
	case n == 3:
		values = 1 << 17
	default:
		values = 1 << 18
	}
	return (values-1)/embedding + 1
}

// allReduceNote is what a user should know of the way, "" for nothing.
func allReduceNote(way string, split engine.Split, collectives string) string {
	if way != reduceButterfly || split.Devices[0].Backend == "RPC" {
		return ""
	}
	why := "RCCL or NCCL was switched off or did not start (engine.log says why)"
	if collectives == "none" || collectives == "" {
		why = "this build has no RCCL or NCCL"
	}
	return fmt.Sprintf("all-reduce: butterfly: the %d GPUs add up through copies that the host drives, which costs most of what the split gains; %s",
		len(split.Devices), why)
}
