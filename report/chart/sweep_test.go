package chart

import (
	"fmt"
	"testing"

	"ceiling/bench/result"
)

// A sweep is drawn along its numbers, a line for each combination of the rest; with
// more lines than can be told apart, or without numbers, as bars.
func TestSweepFigures(t *testing.T) {
	for _, c := range []struct {
		axes  map[string][]string
		axis  string
		lines int
	}{
		{map[string][]string{"concurrency": {"1", "4", "16"}, "kv-type": {"f16", "q8_0"}}, "concurrency", 2},
		{map[string][]string{"concurrency": {"1", "4"}, "depth": {"0", "4k"}}, "depth", 2},
		{map[string][]string{"concurrency": {"2"}, "kv-type": {"f16", "q8_0"}}, "", 2},
	} {
		r := &result.Run{}
		points := [][]result.Setting{nil}
		for _, name := range []string{"concurrency", "depth", "kv-type"} {
			var longer [][]result.Setting
			for _, p := range points {
				for _, v := range c.axes[name] {
					longer = append(longer, append(append([]result.Setting{}, p...), result.Setting{Name: name, Value: v}))
				}
			}
			if longer != nil {
				points = longer
			}
		}
		for i, at := range points {
			v := float64(10 + i)
			r.Results = append(r.Results, result.Summary{Name: fmt.Sprint(i), OutputThroughput: &v, TGSpeed: &v})
			r.Details = append(r.Details, result.Detail{Status: result.StatusComplete, Sweep: &result.SweepPoint{Of: "A", At: at}, EnginePrefill: &v})
		}
		axis, swept := sweptPoints(r, "A")
		if lines := sweptLines(swept, make([]float64, len(swept))); axis != c.axis || len(lines) != c.lines {
			t.Errorf("%v: along %q, %d lines", c.axes, axis, len(lines))
		}
		figures, undrawn := Figures(Input{Results: r})
		n := 0
		for _, f := range figures {
			if f.Place == InSweeps {
				n++
				if len(f.Rows) != len(points) || len(f.Inline) == 0 {
					t.Errorf("%v: %d rows, %d bytes", c.axes, len(f.Rows), len(f.Inline))
				}
			}
		}
		if want := map[bool]int{true: 2, false: 1}[c.axis == "depth"]; n != want || len(undrawn) > 0 {
			t.Errorf("%v: %d figures, %v", c.axes, n, undrawn)
		}
	}
}
