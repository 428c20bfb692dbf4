package chart

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// TTFT by turn, and beside it what of each prompt was reused; a turn that nobody got
// to is a gap. Requests that stand alone have neither.
func TestTurns(t *testing.T) {
	turn := func(ttft, input, reused float64) result.TurnFigures {
		return result.TurnFigures{Requests: 2, Input: input, Reused: reused, New: input - reused, TTFT: &result.Dist{Count: 2, Mean: ttft, P99: 2 * ttft}, TPOT: &result.Dist{Count: 2, Mean: 0.01}}
	}
	in := Input{Results: &result.Run{Results: []result.Summary{{Name: "Talks"}, {Name: "Alone"}}, Details: []result.Detail{
		{Turns: []result.TurnFigures{turn(0.1, 75, 0), turn(0.05, 171, 138), {}}}, {}}}}
	fs := figures(t, in)
	if len(fs) != 2 {
		t.Fatalf("%d figures", len(fs))
	}
	f := fs["turns-01"]
	want := [][]string{{"1", "2", "100.00", "200.00", "10.00", "75.00", "0.00", "75.00"}, {"2", "2", "50.00", "100.00", "10.00", "171.00", "138.00", "33.00"}, {"3", "0", "—", "—", "—", "—", "—", "—"}}
	if diff := cmp.Diff(want, f.Rows); diff != "" || f.Title != "TTFT by turn: Talks" || f.Place != InScenario {
		t.Errorf("%q: %s", f.Title, diff)
	}
	f = fs["turn-tokens-01"]
	want = [][]string{{"1", "75.00", "0.00", "75.00"}, {"2", "171.00", "138.00", "33.00"}, {"3", "—", "—", "—"}}
	if diff := cmp.Diff(want, f.Rows); diff != "" || f.Title != "Prompt tokens by turn: Talks" {
		t.Errorf("%q: %s", f.Title, diff)
	}
	if want := "Prompt tokens by turn: 75.00 in turn 1, 0.00 of them reused; — in turn 3, — of them reused."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
	parseSVG(t, f.SVG)
}
