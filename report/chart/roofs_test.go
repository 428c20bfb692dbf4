package chart

import (
	"strings"
	"testing"

	"ceiling/bench/result"
	"ceiling/kernels"
)

// roofed is a model of 1 GB on a machine that reads 10 GB/s and makes 200 Gop/s:
// a decode step takes 0.125 s, 100 prompt tokens take 1 s.
func roofed() *result.Run {
	mix := &kernels.Mix{}
	mix.Add(kernels.Work{Decode: 1, Graphs: 1}, 0.125)
	mix.Add(kernels.Work{Prompt: 100, Graphs: 1}, 1)
	return &result.Run{
		Results: []result.Summary{{Name: "A", Concurrency: 1, TPOTMeanMs: ptr(125)}, {Name: "B"}},
		Details: []result.Detail{{Name: "A", Mix: mix, EnginePrefill: ptr(100)}, {Name: "B"}},
		Ceilings: &kernels.Used{
			Roofs: kernels.Roofs{Name: "CPU", Devices: 1, Read: []kernels.Level{{Rate: 1e10}}, Compute: map[kernels.Class]float64{kernels.F16: 2e11}},
			Load:  kernels.Demand{Layers: []kernels.Weights{{Type: "F16", Bytes: 1e9, Ops: 1e9}}},
		},
	}
}

func TestRoofs(t *testing.T) {
	charts, undrawn := Figures(Input{Results: roofed()})
	if len(undrawn) > 0 || len(charts) != 1 {
		t.Fatalf("%d charts, %q", len(charts), undrawn)
	}
	c := charts[0]
	if c.Place != InCeilings || c.ID != "roofs" || len(c.PNG) == 0 || !strings.Contains(string(c.SVG), "roof of f16") {
		t.Errorf("%s %s", c.ID, c.Place)
	}
	// One token is one operation a byte at 8 G a second, of 10; a prompt of 100 a
	// hundred, at 100 of 200.
	want := [][]string{{"A", "decode", "1.00", "8.00", "80.00"}, {"A", "prefill", "100.00", "100.00", "50.00"}}
	if len(c.Rows) != 2 || strings.Join(c.Rows[0], "|") != strings.Join(want[0], "|") || strings.Join(c.Rows[1], "|") != strings.Join(want[1], "|") {
		t.Errorf("%q", c.Rows)
	}
	if !strings.Contains(c.Alt, "Closest to the limit is decode of A, with 80.00% of it.") {
		t.Error(c.Alt)
	}
}

// Without limits, or without steps, there is nothing to draw.
func TestRoofsAbsent(t *testing.T) {
	for name, spoil := range map[string]func(*result.Run){
		"no limits": func(r *result.Run) { r.Ceilings = nil },
		"no steps":  func(r *result.Run) { r.Details[0].Mix = nil },
		"no time":   func(r *result.Run) { r.Details[0].Mix = &kernels.Mix{} },
		"roofs of its own": func(r *result.Run) {
			own := *r.Ceilings
			r.Ceilings.SetOwn("devices=none", &own, nil)
			r.Details[0].Settings = []result.Setting{{Name: "devices", Value: "none"}}
		},
	} {
		r := roofed()
		spoil(r)
		if got := roofFigures(r); got != nil {
			t.Errorf("%s: %d figures", name, len(got))
		}
	}
}

// The plan of a suite; without arithmetic there is no chart, and no error.
func TestPlan(t *testing.T) {
	scenarios := []result.Scenario{{Name: "A", Input: 128, Output: 32, Concurrency: 1}, {Name: "of a file"}}
	load := kernels.Demand{Layers: []kernels.Weights{{Type: "F16", Bytes: 1e9, Ops: 1e9}}}
	for compute, drawn := range map[float64]bool{0: false, 1e12: true} {
		roofs := kernels.Roofs{Name: "CPU", Devices: 1, Read: []kernels.Level{{Rate: 1e10}}, Compute: map[kernels.Class]float64{kernels.F16: compute}}
		svg, err := Plan(roofs, load, scenarios, 512)
		if err != nil || strings.Contains(string(svg), "roof of f16") != drawn {
			t.Errorf("%g op/s: %v, %.80s", compute, err, svg)
		}
	}
}
