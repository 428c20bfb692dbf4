package report

import (
	"testing"

	"ceiling/bench/result"
)

func TestAllReduceText(t *testing.T) {
	for _, c := range []struct {
		way          string
		from, ubatch int
		want         string
	}{
		{"rccl", 52, 512, "rccl, in bf16 where a batch has 52 tokens or more, else in f32"},
		{"rccl", 52, 32, "rccl, in f32 (bf16 from 52 tokens on, a batch has at most 32)"},
		{"internal", 1, 512, "internal, in bf16"},
		{"internal", 0, 512, "internal"},
		{"butterfly", 0, 512, "butterfly: driven by the host, without RCCL or NCCL"},
		{"rccl", 0, 512, "rccl"}, // of a run that did not record it
	} {
		if got := allReduceText(&result.EngineInfo{AllReduce: c.way, BF16From: c.from, UBatch: c.ubatch}); got != c.want {
			t.Errorf("%s from %d: %q, want %q", c.way, c.from, got, c.want)
		}
	}
}
