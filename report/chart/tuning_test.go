package chart

import (
	"slices"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// TestTuningFigure: each value but a default has a row, without an interval where
// there is none; only the defaults and the best settings have charts of their own.
func TestTuningFigure(t *testing.T) {
	lo, hi := 1.03, 1.05
	tuning := &result.Tuning{Best: []result.Setting{{Name: "flash-attn", Value: "off"}}}
	tuning.Goals = []result.TuningGoal{{Figure: result.TuningDecode, Concurrency: 1}}
	tuning.Knobs = []result.TunedKnob{
		{Name: "threads", Values: []result.TunedValue{{Value: "2"}, {Value: "1", Ratios: []result.SpeedRatio{{Value: 0.5}}}, {Value: "4", Out: "failed"}}},
		{Name: "flash-attn", Values: []result.TunedValue{{Value: "auto"}, {Value: "off", Ratios: []result.SpeedRatio{{Value: 1.04, Lo: &lo, Hi: &hi}}}}},
	}
	r := &result.Run{Tuning: tuning, Results: []result.Summary{scaled(1, 1, 1, 1)}, Details: []result.Detail{{}, {Settings: tuning.Best}, {Settings: []result.Setting{{Name: "threads", Value: "1"}}}}}
	f := figures(t, Input{Results: r})["tuning"]
	if want := [][]string{{"threads=1", "0.50", "—", "—"}, {"flash-attn=off", "1.04", "1.03", "1.05"}}; !slices.EqualFunc(f.Rows, want, slices.Equal) {
		t.Errorf("rows %v, want %v", f.Rows, want)
	}
	if f.Place != InTuning || !strings.Contains(f.Alt, "flash-attn=off: 1.04 times as fast.") || !strings.Contains(string(f.SVG), "flash-attn=off") {
		t.Errorf("%s: %s", f.Place, f.Alt)
	}
	for i, want := range []bool{true, true, false} {
		if shownAlone(r, i) != want {
			t.Errorf("scenario %d has charts of its own: %v", i, !want)
		}
	}
}
