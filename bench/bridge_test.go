package bench

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

// bridged drives requests of the given output lengths, one a slot, and returns
// the steps and the graphs that the library makes of them.
func bridged(t *testing.T, bridging bool, room int, outputs ...int) (steps []string, graphs int64) {
	synctest.Test(t, func(t *testing.T) {
		n := len(outputs)
		w := testWorkload(t, result.Scenario{Name: "s", Input: 3, Output: slices.Max(outputs), Concurrency: n, Prompts: n})
		for i, out := range outputs {
			w.Requests[i].Output = out
		}
		d, f := executorOver(t, w, 64)
		d.batcher.bridging = bridging
		if room > 0 {
			d.room = room
		}
		watched := 0
		d.watch = watchFunc(func(_ *executor, prompt, decode int) { watched += prompt + decode })
		if err := d.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, out := range outputs {
			want += 3 + out - 1
		}
		if watched != want {
			t.Errorf("%d tokens are told of, want %d: a bridge has tokens of nobody", watched, want)
		}
		steps, graphs = f.steps, d.meter.graphs
	})
	return steps, graphs
}

// A token of nobody in each free slot between two others keeps a step of a
// session that is not unified one graph.
func TestBridge(t *testing.T) {
	steps, graphs := bridged(t, true, 0, 5, 2, 2, 5)
	want := []string{
		"0@0+3* 1@0+3* 2@0+3* 3@0+3*", "0@3+1* 1@3+1* 2@3+1* 3@3+1*",
		"0@4+1* 1@0+1 2@0+1 3@4+1*", "0@5+1* 1@1+1 2@1+1 3@5+1*", "0@6+1* 1@2+1 2@2+1 3@6+1*",
	}
	if !slices.Equal(steps, want) || graphs != 5 {
		t.Errorf("%d graphs of\n%s\nwant 5 of\n%s", graphs, strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
	if _, graphs := bridged(t, false, 0, 5, 2, 2, 5); graphs != 5+3 {
		t.Errorf("without bridges %d graphs, want 8", graphs)
	}
	// A long gap costs less as a graph more.
	steps, graphs = bridged(t, true, 0, 3, 2, 2, 2, 2, 2, 2, 3)
	if last := steps[2]; last != "0@4+1* 7@4+1*" || graphs != 4 {
		t.Errorf("%d graphs, last step %s", graphs, last)
	}
	// Free slots above and below all others are no gap.
	if steps, _ = bridged(t, true, 0, 2, 3, 2); steps[2] != "1@4+1*" {
		t.Errorf("last step %s", steps[2])
	}
	// A sequence that its dummies fill up begins anew.
	if steps, _ = bridged(t, true, 2, 6, 2, 6); steps[2] != "0@4+1* 1@0+1 2@4+1*" || steps[3] != "0@5+1* 1@1+1 2@5+1*" || steps[4] != "0@6+1* 1@0+1 2@6+1*" {
		t.Errorf("steps %q", steps)
	}
}

// A request that gets the slot of a bridge finds its sequence empty, which the
// fake engine checks; a full step has no room for a bridge.
func TestBridgeThenRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorkload(t, result.Scenario{Name: "s", Input: 3, Output: 8, Concurrency: 3, Prompts: 4, RequestRate: 1})
		for i, at := range []float64{0, 0, 0, 0.045} {
			w.Requests[i].Arrival, w.Requests[i].Output = at, []int{8, 2, 8, 2}[i]
		}
		d, f := executorOver(t, w, 9)
		d.batcher.bridging = true
		if err := d.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		want := []string{"0@0+3* 1@0+3* 2@0+3*", "0@3+1* 1@3+1* 2@3+1*",
			"0@4+1* 1@0+1 2@4+1*", "0@5+1* 1@1+1 2@5+1*", "0@6+1* 1@2+1 2@6+1*", "0@7+1* 1@0+3* 2@7+1*"}
		if got := f.steps[:6]; !slices.Equal(got, want) {
			t.Errorf("steps\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
	b := newBatcher(3, 8, 100)
	b.bridging = true
	b.admit(0, []int32{5}, 0, 3)
	b.admit(2, []int32{5, 6, 7}, 0, 3)
	var batch StepBatch
	if b.fill(&batch, 4); len(batch.Tokens) != 4 || b.dummies != 0 {
		t.Errorf("%d tokens, %d of a bridge, in a step of 4", len(batch.Tokens), b.dummies)
	}
}
