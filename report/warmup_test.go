package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func TestKeptNotes(t *testing.T) {
	all := make([]scenario, 2)
	all[0].Summary, all[0].detail = result.Summary{Name: "A"}, &result.Detail{KeptCells: 14336}
	all[1].Summary, all[1].detail = result.Summary{Name: "B"}, &result.Detail{}
	if diff := cmp.Diff([]string{"Most KV cells that finished prompts kept, all of which every step reads past: A 14,336."}, keptNotes(all)); diff != "" {
		t.Error(diff)
	}
	if got := keptNotes(all[1:]); got != nil {
		t.Errorf("nothing kept: %q", got)
	}
}

func TestWarmupNotes(t *testing.T) {
	all := make([]scenario, 4)
	for i, name := range []string{"A", "B", "C", "D"} {
		all[i].Summary = result.Summary{Name: name}
		all[i].detail = &result.Detail{}
	}
	all[0].detail.Warmup = &result.Warmup{Rounds: 2, Spread: ptr(0.0125)}
	all[1].detail.Warmup = &result.Warmup{Rounds: 31, Spread: ptr(0.2)}
	all[2].detail.Warmup = &result.Warmup{Rounds: 1}
	want := []string{
		"Warm-up before each clock, in rounds, with the difference of the last two: A 2 (1.2%), B 31 (20.0%), C 1.",
		"Not settled when the warm-up's ten seconds were over: B, C. The machine's speed was not steady.",
	}
	if diff := cmp.Diff(want, warmupNotes(all)); diff != "" {
		t.Error(diff)
	}
	if got := warmupNotes(all[3:]); got != nil {
		t.Errorf("without a warm-up: %q", got)
	}
}
