package chart

import (
	"slices"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// TestLimitLines: limits of the user's are drawn where they lie near the values,
// and told where they lie far above.
func TestLimitLines(t *testing.T) {
	r := series4()
	for _, tc := range []struct {
		slo   *result.SLO
		drawn string
		note  string
	}{
		{nil, "", ""},
		{&result.SLO{TPOTMs: 30}, "limit 30 ms", ""},
		{&result.SLO{TPOTMs: 60}, "limit 60 ms", ""},
		{&result.SLO{TPOTMs: 5000}, "", "The limit 5 s lies above the chart."},
		{&result.SLO{TTFTMs: 100}, "", ""},
	} {
		r.SLO = tc.slo
		f := figures(t, Input{Results: r})["tpot"]
		got := slices.DeleteFunc(texts(parseSVG(t, f.SVG)), func(s string) bool { return !strings.HasPrefix(s, "limit") })
		if strings.Join(got, "") != tc.drawn || strings.Contains(f.Note, "lies above") != (tc.note != "") || !strings.Contains(f.Note, tc.note) {
			t.Errorf("%+v: %q drawn, note %q", tc.slo, got, f.Note)
		}
	}
	// Without one of the run's, that of all scenarios counts.
	r.SLO, r.Details = nil, make([]result.Detail, len(r.Results))
	for i := range r.Details {
		r.Details[i].SLO = &result.SLO{TPOTMs: 20}
	}
	if got := texts(parseSVG(t, figures(t, Input{Results: r})["tpot"].SVG)); !slices.Contains(got, "limit 20 ms") {
		t.Errorf("texts %q", got)
	}
	r.Details[3].SLO = &result.SLO{TPOTMs: 21}
	if got := texts(parseSVG(t, figures(t, Input{Results: r})["tpot"].SVG)); slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "limit") }) {
		t.Errorf("two limits: %q", got)
	}
}

// TestCapacityFigure: each limited figure is a line in percent of its limit.
func TestCapacityFigure(t *testing.T) {
	point := func(load, ttft, tpot float64, holds bool) result.CapacityPoint {
		of := func(v float64) result.CapacityFigure {
			lo, hi := 0.9*v, 1.1*v
			return result.CapacityFigure{Value: v, Lo: &lo, Hi: &hi}
		}
		return result.CapacityPoint{Load: load, Probes: 1, Figures: []result.CapacityFigure{of(ttft), of(tpot)}, Holds: holds}
	}
	c := &result.Capacity{Of: result.Concurrency, Load: 4,
		Bounds: []result.Bound{{Figure: "ttft", Stat: "p99", MaxMs: 200}, {Figure: "tpot", Stat: "p99", MaxMs: 50}},
		Points: []result.CapacityPoint{point(1, 50, 10, true), point(4, 120, 40, true), point(5, 130, 52, false), {Load: 8, Failed: "no memory"}}}
	r := &result.Run{Capacity: c, Results: []result.Summary{scaled(1, 1, 1, 1)}}
	f := figures(t, Input{Results: r})["capacity"]
	if want := "Limited figures in percent of their limits at 4 loads. TTFT p99 at c=4: 60.00 % of 200 ms. TTFT p99 at c=5: 65.00 % of 200 ms. TPOT p99 at c=4: 80.00 % of 50 ms. TPOT p99 at c=5: 104.00 % of 50 ms."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
	if last := f.Rows[3]; !slices.Equal(last, []string{"c=8", "0", "—", "—", "—", "—"}) || f.Rows[2][5] != "104.00" || f.Place != InCapacity {
		t.Errorf("rows %q in %q", f.Rows, f.Place)
	}
	es := parseSVG(t, f.SVG)
	for i := range 2 { // one beside the name
		if m := markers(es, series[i]); m != 4 {
			t.Errorf("line %d: %d markers", i+1, m)
		}
	}
	if got := texts(es); !slices.Contains(got, "limit") || !slices.Contains(got, "TPOT p99") {
		t.Errorf("texts %q", got)
	}
}
