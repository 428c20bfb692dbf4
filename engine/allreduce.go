package engine

import (
	"fmt"
	"slices"
	"strings"
)

// The ways in which a tensor split adds up what its devices computed.
const (
	ReduceRCCL      = "rccl"
	ReduceNCCL      = "nccl"
	ReduceInternal  = "internal"
	ReduceButterfly = "butterfly"
)

// AllReduce tells which way a tensor split takes, "" where nothing is s.
// wish is GGML_CUDA_ALLREDUCE, collectives the build's. The back end says in its
// log when it could not do what it was to do (warnings, of the session's
// opening), and nothing when it could.
func (s Split) AllReduce(wish, collectives string, warnings []string) string {
	if s.Mode != SplitTensor || len(s.Devices) < 2 {
		return ""
	}
	backend := s.Devices[0].Backend
	foreign := func(d Device) bool { return d.Backend != backend }
	if backend != "ROCm" && backend != "CUDA" || slices.ContainsFunc(s.Devices, foreign) {
		return ReduceButterfly // other back ends have no reduction of their own
	}
	said := func(text string) bool {
		return slices.ContainsFunc(warnings, func(line string) bool { return strings.Contains(line, text) })
	}
	switch {
	case said("falling back to meta-backend butterfly"), said("unknown GGML_CUDA_ALLREDUCE"), wish == "none":
		return ReduceButterfly
	case said("falling back to internal AllReduce"), wish == "internal":
		return ReduceInternal
	case strings.HasPrefix(collectives, ReduceRCCL):
		return ReduceRCCL
	case strings.HasPrefix(collectives, ReduceNCCL):
		return ReduceNCCL
	case len(s.Devices) == 2:
		return ReduceInternal // on ROCm the library does not say so
	}
	return ReduceButterfly
}

// BF16From is the number of tokens in a physical batch from which the sums of
// n devices are rounded to bfloat16 on their way, 0 for never: by the number of
// values, tokens × embedding, as ggml-cuda.cu and allreduce.cu of llama.cpp
// v0.5.0 decide. threshold is the environment's GGML_CUDA_AR_BF16_THRESHOLD, in
// bytes.
func BF16From(way string, n, embedding int, threshold string) int {
	values := 0
	switch {
	case embedding < 1:
		return 0
	case way == ReduceInternal:
		bytes := 1
		if threshold != "" {
			fmt.Sscanf(threshold, "%d", &bytes) // as strtoull: what is no number leaves the default
		}
		if bytes <= 0 {
			return 0
		}
		values = (bytes-1)/4 + 1
	case way != ReduceRCCL && way != ReduceNCCL:
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

// AllReduceNote is what a user should know of the way, "" for nothing.
func (s Split) AllReduceNote(way, collectives string) string {
	if way != ReduceButterfly || s.Devices[0].Backend == "RPC" {
		return ""
	}
	why := "RCCL or NCCL was switched off or did not start (engine.log says why)"
	if collectives == "none" || collectives == "" {
		why = "this build has no RCCL or NCCL"
	}
	return fmt.Sprintf("all-reduce: butterfly: the %d GPUs add up through copies that the host drives, which costs most of what the split gains; %s",
		len(s.Devices), why)
}
