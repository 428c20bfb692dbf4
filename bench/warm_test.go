package bench

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// Three scenarios of one shape: the first computes its 4 prompts, the others
// reuse all but the last token of each. The fake engine checks that what is
// reused is what was asked for: its tokens depend on everything before them.
func TestWarmRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		cfg.PrefixCache, cfg.NoWarmup = true, false
		cfg.Suite.Scenarios = []result.Scenario{
			{Name: "A", Input: 32, Output: 4, Concurrency: 1, Prompts: 4},
			{Name: "B", Input: 32, Output: 4, Concurrency: 2, Prompts: 4},
			{Name: "C", Input: 32, Output: 4, Concurrency: 4, Prompts: 4},
		}
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		var reused []int64
		for _, d := range got.Details {
			reused = append(reused, d.ReusedTokens)
			if d.Cache != result.CacheWarm {
				t.Errorf("%s is %s", d.Name, d.Cache)
			}
		}
		if diff := cmp.Diff([]int64{0, 4 * 31, 4 * 31}, reused); diff != "" {
			t.Error("reused tokens:\n" + diff)
		}
		if len(o.opened) != 1 || !o.opened[0].closed {
			t.Fatalf("%d sessions", len(o.opened))
		}
		// 4 in flight of 36 cells, and 4 prompts of 32; 4 and 12 sequences.
		if spec := o.opened[0].spec; spec != (SessionSpec{Sequences: 16, TokensPerSequence: 36, TotalTokens: 4*36 + 4*32, Unified: true}) {
			t.Errorf("session %+v", spec)
		}

		// A request's tokens, cold and alone, after its prompt. Each prompt
		// of the warm run must have ended with the same, whatever it reused.
		w := mustWorkload(t, suite.WorkloadSpec{Scenario: cfg.Suite.Scenarios[0], Vocab: cfg.Vocab, Seed: cfg.Seed, Total: 15, Warm: true})
		alone, f := executorOver(t, w, 64)
		if err := alone.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for i, want := range f.ended {
			n := 0
			for _, tokens := range o.opened[0].ended {
				if slices.Equal(tokens, want) {
					n++
				}
			}
			if n != 3 {
				t.Errorf("request %d ended %d times as it does cold, want 3", i, n)
			}
		}
	})
}

// A shared session that can't be opened gives up the longest scenario, and
// runs the others; an engine error closes it, and the cache starts anew.
func TestWarmSessionFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		cfg.PrefixCache = true
		cfg.Suite.Scenarios = []result.Scenario{
			{Name: "A", Input: 32, Output: 4, Concurrency: 1, Prompts: 2},
			{Name: "long", Input: 500, Output: 4, Concurrency: 1, Prompts: 2},
			{Name: "B", Input: 32, Output: 4, Concurrency: 1, Prompts: 2},
			{Name: "C", Input: 32, Output: 4, Concurrency: 1, Prompts: 2},
		}
		o.refuse = func(s SessionSpec) error {
			if s.TokensPerSequence > 100 {
				return errors.New("context too small")
			}
			return nil
		}
		o.prepare = func(n int, f *fakeEngine) {
			if n == 1 {
				f.failAt, f.failErr = 13, errFake // the 8 steps of A, then 5 of B
			}
		}
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"A: complete 2+0", "long: failed 0+0 (context too small)",
			"B: failed 1+1 (no KV slot: try a smaller batch)", "C: complete 2+0"}
		if diff := cmp.Diff(want, statuses(got)); diff != "" {
			t.Error(diff)
		}
		if len(o.opened) != 2 || got.Details[2].ReusedTokens != 31 || got.Details[3].ReusedTokens != 0 {
			t.Errorf("%d sessions, reused %d and %d", len(o.opened), got.Details[2].ReusedTokens, got.Details[3].ReusedTokens)
		}
	})
}

// With hardly any room for kept prompts, none of the cells that requests in
// flight need is ever missing; the fake engine counts them.
func TestWarmUnderPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		cfg.PrefixCache, cfg.CacheTokens, cfg.MaxSequences = true, 10, 7
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"A: complete 3+0", "B: complete 6+0", "Concurrency Scaling (c=2): complete 6+0"}, statuses(got)); diff != "" {
			t.Error(diff)
		}
		if spec := o.opened[0].spec; spec.Sequences != 7 || spec.TotalTokens != 4*72+10 {
			t.Errorf("session %+v", spec)
		}
	})
}

// Prompts of a scenario with which the next one shares nothing are gone when it
// begins, and no more cells are kept than the budget: a unified buffer reads
// past all of them in every step.
func TestWarmKeepsWhatIsOfUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		cfg.PrefixCache, cfg.NoWarmup, cfg.CacheTokens = true, false, 700
		cfg.Suite.Scenarios = []result.Scenario{
			{Name: "long", Input: 200, Output: 2, Concurrency: 2, Prompts: 4},
			{Name: "short", Input: 32, Output: 2, Concurrency: 1, Prompts: 2},
			{Name: "short again", Input: 32, Output: 2, Concurrency: 2, Prompts: 2},
		}
		var before []int // cells in use when each step begins
		o.prepare = func(_ int, f *fakeEngine) {
			f.onStep = func(int) { before = append(before, f.cells()) }
		}
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		at, block := 0, []int{5, 4, 5} // steps of a round of the warm-up
		for i, want := range []struct{ begins, most int }{{0, 600}, {0, 64}, {64, 64}} {
			d := got.Details[i]
			if before[at] != want.begins || d.KeptCells != want.most {
				t.Errorf("%s begins beside %d cells and keeps %d at most, want %d and %d", d.Name, before[at], d.KeptCells, want.begins, want.most)
			}
			at += d.Warmup.Rounds*block[i] + int(d.Steps)
		}
		if at != len(before) {
			t.Errorf("%d steps, counted %d", len(before), at)
		}
	})
}
