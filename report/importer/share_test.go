package importer

import (
	"testing"

	"ceiling/bench/result"
	"ceiling/kernels"
	"ceiling/report/metric"
)

// A run that knows its limits has the shares as figures, so a comparison shows
// and a gate can hold them.
func TestLimitShares(t *testing.T) {
	tpot := 125.0
	mix := &kernels.Mix{}
	mix.Add(kernels.Work{Decode: 1}, 0.125)
	run := ceilingRun(&result.Run{
		Results: []result.Summary{{Name: "A", Concurrency: 1, TPOTMeanMs: &tpot}},
		Details: []result.Detail{{Name: "A", Mix: mix}},
		Ceilings: &kernels.Used{Roofs: kernels.Roofs{Devices: 1, Read: []kernels.Level{{Rate: 1e10}}},
			Load: kernels.Demand{Layers: []kernels.Weights{{Bytes: 1e9}}}},
	}, "none/results.json")
	values := run.Loads[0].Values
	if v := values[metric.DecodeShare]; v.V != 80 || !v.Same || v.Note != "bound by memory" {
		t.Errorf("%+v", v)
	}
	if _, ok := values[metric.PrefillShare]; ok {
		t.Error("a share of no prefill")
	}
}
