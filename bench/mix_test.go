package bench

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/kernels"
)

// Three slots: one decodes its third token, one has a part of its prompt left of
// which a step takes all, and one has just begun.
func TestWork(t *testing.T) {
	b := newBatcher(3, 100, 1000)
	b.admit(0, make([]int32, 10), 0, 8)
	b.admit(1, make([]int32, 20), 12, 8)
	b.admit(2, make([]int32, 50), 0, 8)
	b.slots[0].phase, b.slots[0].got = decode, 2
	b.queue = b.queue[1:]
	var batch StepBatch
	b.fill(&batch, 1+8+30)
	want := kernels.Work{
		Decode: 1, Context: 12, Wanted: 2, Graphs: 4,
		Prompt: 38, PromptContext: (8*12 + 8*9/2) + 30*31/2,
	}
	if diff := cmp.Diff(want, b.work(4)); diff != "" {
		t.Error(diff)
	}
}

// A scenario's mix adds up to its tokens.
func TestMixOfScenario(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		cfg.Suite.Scenarios = []result.Scenario{{Name: "A", Input: 16, Output: 32, Concurrency: 3, Prompts: 7}}
		results, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		m := results.Details[0].Mix
		if m == nil {
			t.Fatal("no mix")
		}
		if got := m.Prompt.Sum.Prompt + m.Mixed.Sum.Prompt; got != 7*16 {
			t.Errorf("%g prompt tokens", got)
		}
		if got := m.Decode.Sum.Decode + m.Mixed.Sum.Decode; got != 7*31 {
			t.Errorf("%g tokens decoded", got)
		}
		steps := m.Decode.Steps + m.Mixed.Steps + m.Prompt.Steps
		if steps != results.Details[0].Steps {
			t.Errorf("%d steps of %d", steps, results.Details[0].Steps)
		}
		// What the sequences saw is their TPOT, but for what is between steps.
		tpot := (m.Decode.SeenSeconds + m.Mixed.SeenSeconds) / (7 * 31)
		if got := results.Details[0].TPOT.Mean; tpot > got*1.000001 || tpot < 0.9*got {
			t.Errorf("%g s a token in steps, TPOT %g s", tpot, got)
		}
	})
}
