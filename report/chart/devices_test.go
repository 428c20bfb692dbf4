package chart

import (
	"ceiling/internal/figure"
	"ceiling/internal/machine"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ceiling/bench/result"
)

func sample(t float64, device string, watts float64) Sample {
	return Sample{T: t, Device: device, Kind: machine.EnergyGPU, PowerW: watts, ClockMHz: nan, TempC: nan}
}

func TestDevices(t *testing.T) {
	in := Input{
		Results: &result.Run{Results: []result.Summary{{Name: "First"}, {Name: "Second"}},
			Details: []result.Detail{{StartS: 1, EndS: 3}, {Passes: []result.Pass{{Detail: result.Detail{StartS: 3, EndS: 4}}, {Detail: result.Detail{StartS: 4, EndS: 5}}}}}},
		Telemetry: []Sample{sample(0, "b", 40), sample(0, "a", 100), sample(1, "b", 60), sample(1, "a", nan), sample(2, "a", 300), {T: 2, Device: "package-0", Kind: machine.EnergyCPU, PowerW: nan, ClockMHz: nan, TempC: nan}},
	}
	fs := figures(t, in)
	f := fs["power"]
	if f == nil || len(fs) != 1 {
		t.Fatalf("%d figures: clocks and temperatures were not read", len(fs))
	}
	if f.Place != InEnergy || f.Scenario != -1 {
		t.Errorf("in %q about %d", f.Place, f.Scenario)
	}
	if want := "Power of 2 devices over 2.00 s: b from 40.0 to 60.0 W (mean 50.0) and a from 100.0 to 300.0 W (mean 200.0)."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
	if want := "Shaded stretches are scenarios, numbered in the order of the report: 1 First and 2 Second."; f.Note != want {
		t.Errorf("note %q", f.Note)
	}
	want := [][]string{{"b", "2", "40.0", "50.0", "60.0"}, {"a", "2", "100.0", "200.0", "300.0"}}
	if d := cmp.Diff(want, f.Rows); d != "" {
		t.Error(d)
	}
	es := parseSVG(t, f.SVG)
	if got := texts(es); !slices.Contains(got, "Power (W)") || !slices.Contains(got, "0") || !slices.Contains(got, "1") || !slices.Contains(got, "a") {
		t.Errorf("texts %q", got)
	}
	for i := range 2 {
		if l := lines(es, series[i]); l != 2 { // one is beside the name
			t.Errorf("device %d: %d lines", i, l)
		}
	}
}

// TestSpans: every pass has its time, the one that the figures are of once.
func TestSpans(t *testing.T) {
	pass := func(from, to float64) result.Pass { return result.Pass{Detail: result.Detail{StartS: from, EndS: to}} }
	got := newSpans(&result.Run{Details: []result.Detail{
		{StartS: 5, EndS: 6, Passes: []result.Pass{pass(1, 2), pass(5, 6)}}, {StartS: 3, EndS: 4}, {}, {StartS: 9, EndS: math.Inf(1)},
	}})
	if want := []scenarioSpan{{0, 1, 2}, {1, 3, 4}, {0, 5, 6}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestTemperatureAxis: zero on the Celsius scale is no natural origin, and
// leaving it out is said.
func TestTemperatureAxis(t *testing.T) {
	in := Input{Results: &result.Run{}, Telemetry: []Sample{{T: 0, Device: "a", TempC: 50, PowerW: nan, ClockMHz: 300}, {T: 1, Device: "a", TempC: 58, PowerW: nan, ClockMHz: 1502}}}
	fs := figures(t, in)
	if f := fs["temperature"]; f.Note != "The vertical axis does not begin at zero." || slices.Contains(texts(parseSVG(t, f.SVG)), "40") {
		t.Errorf("temperature: note %q, texts %q", f.Note, texts(parseSVG(t, f.SVG)))
	}
	if f := fs["clock"]; f.Note != "" || !slices.Contains(texts(parseSVG(t, f.SVG)), "2000") {
		t.Errorf("clock: note %q", f.Note)
	}
}

func TestThinned(t *testing.T) {
	equal := cmpopts.EquateNaNs()
	// Two slices of time: 0 to 1 and 1 to 2 of 0 to 420.
	tr := trace{device: "a", t: []float64{0, 0.2, 0.4, 0.6, 0.8, 1.1, 1.3}, v: []float64{5, 9, 1, 6, 7, 3, 4}}
	got := tr.thinned(0, columns)
	if d := cmp.Diff([]float64{5, 9, 1, 7, 3, 4}, got.v, equal) + cmp.Diff([]float64{0, 0.2, 0.4, 0.8, 1.1, 1.3}, got.t); d != "" {
		t.Errorf("extremes and ends: %s", d)
	}
	// Readings are missing from 2 to 9 s: the line breaks.
	tr = trace{t: []float64{0, 1, 2, 9, 10}, v: []float64{1, 2, 3, 4, 5}}
	got = tr.thinned(0, 10)
	if d := cmp.Diff([]float64{1, 2, 3, math.NaN(), 4, 5}, got.v, equal); d != "" {
		t.Errorf("hole: %s", d)
	}
	// An hour of readings at 100 Hz.
	tr = trace{}
	for i := range 360000 {
		tr.t, tr.v = append(tr.t, float64(i)/100), append(tr.v, float64(i%777))
	}
	if got := tr.thinned(0, 3600); len(got.v) > 4*(columns+1) {
		t.Errorf("%d of %d points are left", len(got.v), len(tr.v))
	}
	if lo, hi := span(tr.thinned(0, 3600).v); lo != 0 || hi != 776 {
		t.Errorf("extremes %g to %g of 0 to 776", lo, hi)
	}
}

// TestManyDevices: sixteen names beside the chart need their room, and times
// and values that no sensor gives are left out.
func TestManyDevices(t *testing.T) {
	in := Input{Results: &result.Run{}}
	for d := range 16 {
		name := "0000:" + string(rune('a'+d)) + "0:00.0"
		in.Telemetry = append(in.Telemetry, sample(0, name, 40), sample(1, name, 41), sample(math.Inf(1), name, 1), sample(2, name, 1e300))
	}
	f := figures(t, in)["power"]
	if len(f.Rows) != 16 || f.Rows[0][1] != "2" {
		t.Errorf("rows %q", f.Rows)
	}
	// No two of so many lines look alike.
	seen := map[string]bool{}
	for i := range 16 {
		p := penOf(i)
		key := p.tone.name
		for _, d := range p.dashes {
			key += " " + figure.Fixed(float64(d), 1)
		}
		if seen[key] {
			t.Errorf("line %d looks like another: %s", i, key)
		}
		seen[key] = true
	}
}
