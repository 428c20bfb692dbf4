package report

import (
	"strings"
	"testing"

	"ceiling/bench/result"
)

// tunedRun is a search in which flash attention was switched off and the threads
// stayed.
func tunedRun() *result.Run {
	ratio := func(v float64) result.SpeedRatio {
		lo, hi := v-0.01, v+0.01
		return result.SpeedRatio{Value: v, Lo: &lo, Hi: &hi}
	}
	goals := []result.TuningGoal{{Name: "decode", Figure: result.TuningDecode, Concurrency: 1}, {Name: "prefill", Figure: result.TuningPrefill, Concurrency: 1}}
	best := []result.Setting{{Name: "flash-attn", Value: "off"}}
	return &result.Run{Tuning: &result.Tuning{
		TuningPlan: result.TuningPlan{Goals: goals, BudgetS: 600, Pairs: 5, Skipped: []result.SkippedKnob{{Name: "devices", Why: "one device"}, {Name: "p2p", Why: "it is for several GPUs"}, {Name: "split-mode", Why: "one device"}},
			Knobs: []result.TunedKnob{
				{Name: "threads", Rounds: 3, Values: []result.TunedValue{{Value: "2", Rounds: 3}, {Value: "1", Rounds: 2, Out: "slower", Ratios: []result.SpeedRatio{ratio(0.55), ratio(0.5)}}}},
				{Name: "flash-attn", Rounds: 2, Chosen: 1, Values: []result.TunedValue{{Value: "auto", Rounds: 2, Out: "slower"}, {Value: "off", Rounds: 2, Ratios: []result.SpeedRatio{ratio(1.04), {Value: 1}}}}},
				{Name: "sampling", Values: []result.TunedValue{{Value: "auto"}, {Value: "backend"}}},
			}},
		Best:         best,
		Confirmation: &result.Confirmation{Pairs: 5, Confirmed: true, Ratios: []result.SpeedRatio{ratio(1.041), ratio(1.002)}},
		Probes: []result.TuningProbe{{Kind: result.ProbeBaseline, Values: []float64{50, 500}, TookS: 3}, {Kind: result.ProbeRace, TookS: 2, Settings: best, Dropped: true, Values: []float64{52, 500}},
			{Kind: result.ProbeConfirm, TookS: 4, Verdict: "disturbed"}},
	}}
}

// Each way in which a search can end says what it rests on.
func TestTuningLines(t *testing.T) {
	for what, tc := range map[string]struct {
		change func(*result.Tuning)
		want   string
	}{
		"confirmed": {func(*result.Tuning) {}, "tuned     confirmed: flash-attn=off; decode at c=1 1.041 (1.031 to 1.051) times as fast, prefill at c=1 1.002 (0.992 to 1.012) times as fast as the defaults, over 5 pairs of fresh processes"},
		"not confirmed": {func(x *result.Tuning) {
			x.Confirmation.Confirmed, x.Confirmation.Why = false, "prefill at c=1 is slower than with the defaults"
		}, "tuned     the defaults: flash-attn=off won the races and is not confirmed: prefill at c=1 is slower than with the defaults; decode"},
		"without confirmation": {func(x *result.Tuning) { x.Confirmation = nil }, "the defaults: flash-attn=off won the races and was not confirmed"},
		"nothing":              {func(x *result.Tuning) { x.Best, x.Confirmation = nil, nil }, "tuned     the defaults: nothing that was tried is told to be faster"},
		"unfinished":           {func(x *result.Tuning) { x.Unfinished = "interrupted" }, "unfinished (interrupted): the best so far, not confirmed: flash-attn=off"},
		"unfinished early":     {func(x *result.Tuning) { x.Unfinished, x.Best = "interrupted", nil }, "nothing faster than the defaults so far"},
		"goals":                {func(*result.Tuning) {}, "for       decode at c=1, and prefill at c=1 no slower"},
		"worth":                {func(*result.Tuning) {}, "worth     flash-attn: off is 1.040 (1.030 to 1.050) times as fast as auto"},
		"stays":                {func(*result.Tuning) {}, "worth     threads: 2 stays; next is 1, 0.550 (0.540 to 0.560) times as fast"},
		"not raced":            {func(*result.Tuning) {}, "worth     sampling: not raced"},
		"left out":             {func(*result.Tuning) {}, "left out  devices, split-mode (one device); p2p (it is for several GPUs)"},
		"probes":               {func(*result.Tuning) {}, "probes    3 in 9 s of 600: 1 of the defaults between the races, 1 of races, 1 of the confirmation; 1 dropped because the machine had drifted; 1 disturbed to the end"},
		"a note":               {func(x *result.Tuning) { x.Notes = []string{"the budget is over"} }, "note      the budget is over"},
		"missed": {func(x *result.Tuning) {
			x.Goals[0] = result.TuningGoal{Figure: result.TuningSLO, Concurrency: 8, Bounds: []result.Bound{{Figure: "ttft", Stat: "p90", MaxMs: 10}}}
			x.Probes[0].Values[0], x.Probes[1].Values[0] = 180, 120
		}, "note      no settings keep TTFT p90 ≤ 10 ms at c=8: the nearest probe, with flash-attn=off, is at 120 % of a limit"},
	} {
		r := tunedRun()
		tc.change(r.Tuning)
		if got := strings.Join(TuningLines(r), "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%s:\n%s\nwant %s", what, got, tc.want)
		}
	}
	kept := tunedRun()
	kept.Tuning.Goals[0] = result.TuningGoal{Figure: result.TuningSLO, Concurrency: 8}
	if missed := TuningMissed(kept); missed != "" {
		t.Error(missed)
	}
}

// The table has what was raced, and how each value ended.
func TestTuningTable(t *testing.T) {
	head, rows := TuningTable(tunedRun())
	var lines []string
	for _, row := range append([][]string{head}, rows...) {
		lines = append(lines, strings.Join(row, ", "))
	}
	const want = `Setting, Value, decode at c=1, prefill at c=1, Rounds, Result
threads, 2, 1 (default), 1 (default), 3, stays
threads, 1, 0.550 (0.540 to 0.560), 0.500 (0.490 to 0.510), 2, slower
flash-attn, auto, 1 (default), 1 (default), 2, slower
flash-attn, off, 1.040 (1.030 to 1.050), 1.000 (no interval), 2, taken`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
