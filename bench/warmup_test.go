package bench

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// A block is a full step of prompts, three decode steps with all sequences,
// and one in which the last sequence begins anew. It is repeated until two
// agree, in each scenario's own session and before its clock.
func TestWarmup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		cfg.NoWarmup, cfg.UBatch = false, 64
		cfg.Suite.Scenarios = []result.Scenario{
			{Name: "three", Input: 40, Output: 8, Concurrency: 3, Prompts: 6},
			{Name: "one", Input: 20, Output: 4, Concurrency: 1, Prompts: 3},
		}
		o.prepare = func(_ int, f *fakeEngine) {
			f.onStep = func(step int) {
				if step <= 2 { // cold: the first block takes longer
					time.Sleep(15 * time.Millisecond)
				}
			}
		}
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		three := []string{"0@0+40* 1@0+23* 2@0+1*", "0@40+1* 1@23+1* 2@1+1*", "0@41+1* 1@24+1* 2@2+1*", "0@42+1* 1@25+1* 2@3+1*", "0@43+1* 1@26+1* 2@0+40*"}
		one := []string{"0@0+20*", "0@20+1*", "0@21+1*", "0@22+1*"}
		start := 0.0
		for i, block := range [][]string{three, one} {
			n, d := len(block), got.Details[i]
			for round := range 3 {
				if diff := cmp.Diff(block, o.opened[i].steps[round*n:(round+1)*n]); diff != "" {
					t.Errorf("%s, block %d (-want +got):\n%s", d.Name, round+1, diff)
				}
			}
			took := 0.030 + 3*float64(n)*0.010
			start += took
			if d.Warmup == nil || d.Warmup.Rounds != 3 || *d.Warmup.Spread != 0 || math.Abs(d.Warmup.TookS-took) > 1e-9 || !d.Warmup.Settled() {
				t.Errorf("%s: warm-up %+v, want 3 rounds in %v s", d.Name, d.Warmup, took)
			}
			if steps := int64(len(o.opened[i].steps) - 3*n); d.Steps != steps || math.Abs(d.StartS-start) > 1e-9 {
				t.Errorf("%s: %d steps from %v s, want %d from %v", d.Name, d.Steps, d.StartS, steps, start)
			}
			start = d.EndS
		}
	})
}

// Where steps hold several physical batches, one such step comes first.
func TestWarmupFullestStep(t *testing.T) {
	for step, want := range map[int]string{64: "0@0+40* 1@0+24*", 200: "0@0+40* 1@0+40*", 16: "0@0+15* 1@0+1*"} {
		synctest.Test(t, func(t *testing.T) {
			w := testWorkload(t, result.Scenario{Name: "s", Input: 40, Output: 8, Concurrency: 2, Prompts: 2})
			_, _, both := w.Longest()
			f := newFake(t, SessionSpec{Sequences: 2, TokensPerSequence: both})
			got, err := newWarmer(f, w, 16, step).run(context.Background(), result.NewClock(0))
			if err != nil || got.Rounds != 2 || f.steps[0] != want {
				t.Errorf("steps of %d: %+v, %v, first %s, want %s", step, got, err, f.steps[0], want)
			}
			if round := f.steps[len(f.steps)-10]; round != "0@0+15* 1@0+1*" {
				t.Errorf("steps of %d: a round begins with %s", step, round)
			}
		})
	}
}

// Blocks that never agree end after ten seconds, and the result says so.
func TestWarmupDoesNotSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorkload(t, result.Scenario{Name: "s", Input: 20, Output: 4, Concurrency: 1, Prompts: 1})
		f := newFake(t, SessionSpec{Sequences: 1, TokensPerSequence: 24})
		f.base = 0
		f.onStep = func(step int) { // blocks of 1, 2, 1, 2 … seconds
			time.Sleep(time.Duration(1+(step-1)/4%2) * time.Second / 4)
		}
		got, err := newWarmer(f, w, 64, 64).run(context.Background(), result.NewClock(0))
		if err != nil || got.Rounds != 7 || got.TookS != 10 || *got.Spread != 0.5 || got.Settled() {
			t.Errorf("%+v, %v", got, err)
		}
		f.onStep = func(int) { time.Sleep(3 * time.Second) }
		if got, err = newWarmer(f, w, 64, 64).run(context.Background(), result.NewClock(0)); err != nil || got.Rounds != 1 || got.Spread != nil || got.Settled() {
			t.Errorf("one block of 12 s: %+v, %v", got, err)
		}
	})
}

// However little room a sequence has, and however many there are, a block
// stays within the session, which the fake engine checks.
func TestWarmupFits(t *testing.T) {
	for _, sc := range []result.Scenario{
		{Input: 1, Output: 1, Concurrency: 1}, {Input: 1, Output: 1, Concurrency: 3}, {Input: 2, Output: 2, Concurrency: 2},
		{Input: 3, Output: 1, Concurrency: 64}, {Input: 200, Output: 1, Concurrency: 2}, {Input: 1, Output: 9, Concurrency: 2},
	} {
		t.Run(fmt.Sprintf("%d in, %d out, c=%d", sc.Input, sc.Output, sc.Concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sc.Name, sc.Prompts = "s", sc.Concurrency
				w := testWorkload(t, sc)
				_, _, both := w.Longest()
				f := newFake(t, SessionSpec{Sequences: sc.Concurrency, TokensPerSequence: both})
				f.limit = max(32, sc.Concurrency)
				got, err := newWarmer(f, w, 32, 32).run(context.Background(), result.NewClock(0))
				if err != nil || got.Rounds != 2 || len(f.steps) == 0 || len(f.kv) != 0 {
					t.Errorf("%+v, %v, %d steps, %d sequences left", got, err, len(f.steps), len(f.kv))
				}
			})
		})
	}
}
