package bench

import (
	"context"
	"fmt"
	"testing"

	"ceiling/bench/result"
)

// instantEngine answers at once, so that what is left is our own work.
type instantEngine struct{}

func (instantEngine) Step(_ context.Context, b *StepBatch) error {
	b.Out = b.Out[:0]
	for _, w := range b.Want {
		if w == 1 {
			b.Out = append(b.Out, 1)
		}
	}
	return nil
}
func (instantEngine) BeginDraft(int32, []int32, int32) error { return nil }
func (instantEngine) Accept(int32, int, []int32) error       { return nil }

// Draft proposes two tokens, of which Step samples the first.
func (instantEngine) Draft(_ context.Context, asks []DraftAsk) error {
	for i := range asks {
		for k := range min(asks[i].Max, 2) {
			asks[i].Tokens = append(asks[i].Tokens, int32(1+k))
		}
	}
	return nil
}
func (instantEngine) RemoveSeq(int32, int32) error      { return nil }
func (instantEngine) CopySeq(int32, int32, int32) error { return nil }
func (instantEngine) BatchLimit() int                   { return 512 }
func (instantEngine) Close() error                      { return nil }

// steadyExecutor is an executor whose slots are all decoding, with left steps to go
// before the first request ends, and everything attached that a run attaches.
func steadyExecutor(t testing.TB, concurrency, left int) *executor {
	return steadySpeculating(t, concurrency, left, nil)
}

func steadySpeculating(t testing.TB, concurrency, left int, s *result.SpecSettings) *executor {
	t.Helper()
	w := testWorkload(t, result.Scenario{Name: "s", Input: 8, Output: left + 64, Concurrency: concurrency, Prompts: concurrency})
	d := newExecutor(instantEngine{}, result.NewClock(0), w, 0, 512)
	rep := newReporter(nil)
	t.Cleanup(rep.close)
	d.watch = newTracker(result.Suite{Scenarios: []result.Scenario{w.Spec.Scenario}}, rep, 512)
	if err := d.speculate(s); err != nil {
		t.Fatal(err)
	}
	if err := d.admitDue(); err != nil {
		t.Fatal(err)
	}
	for range 32 {
		if err := d.step(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestStepAllocatesNothing(t *testing.T) {
	d := steadyExecutor(t, 16, 4000)
	ctx := context.Background()
	allocs := testing.AllocsPerRun(3000, func() {
		if err := d.admitDue(); err != nil {
			t.Fatal(err)
		}
		if err := d.step(ctx); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per step, want 0", allocs)
	}
}

func TestDraftsAllocateNothing(t *testing.T) {
	for _, rates := range [][]float64{nil, {0.9, 0.5, 0.1}} {
		d := steadySpeculating(t, 16, 9000, &result.SpecSettings{Kind: "draft", DraftMax: 3, SynthRates: rates})
		ctx := context.Background()
		allocs := testing.AllocsPerRun(2000, func() {
			if err := d.step(ctx); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 || d.drafts.sum.Accepted == 0 || d.batcher.inFlight < 16 {
			t.Errorf("%v allocations per step, want 0; %d accepted, %d in flight", allocs, d.drafts.sum.Accepted, d.batcher.inFlight)
		}
	}
}

// What lets a hung call be seen, and its results be saved, costs no allocation.
func TestGuardAllocatesNothing(t *testing.T) {
	s := new(Recovery)
	s.mu.Lock()
	e := &guardedEngine{instantEngine{}, s}
	b := &StepBatch{Tokens: []int32{1}, Pos: []int32{0}, Seqs: []int32{0}, Want: []int8{1}, Out: make([]int32, 0, 1)}
	allocs := testing.AllocsPerRun(1000, func() {
		if err := e.Step(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	})
	if n, inside := s.Calls.Now(); allocs != 0 || inside || n < 2000 {
		t.Errorf("%v allocations per step, %d ends of calls, inside %v", allocs, n, inside)
	}
}

// Chunks of a prompt allocate nothing either.
func TestPrefillAllocatesNothing(t *testing.T) {
	w := testWorkload(t, result.Scenario{Name: "s", Input: 40_000, Output: 1, Concurrency: 2, Prompts: 2})
	d := newExecutor(instantEngine{}, result.NewClock(0), w, 0, 64)
	if err := d.admitDue(); err != nil {
		t.Fatal(err)
	}
	allocs := testing.AllocsPerRun(1000, func() {
		if err := d.step(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per step, want 0", allocs)
	}
}

// BenchmarkStep is what one step costs outside the engine.
func BenchmarkStep(b *testing.B) {
	for _, c := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("c=%d", c), func(b *testing.B) {
			const batch = 4096
			b.ReportAllocs()
			ctx := context.Background()
			d, left := (*executor)(nil), 0
			for range b.N {
				if left == 0 {
					b.StopTimer()
					d, left = steadyExecutor(b, c, batch), batch
					b.StartTimer()
				}
				if err := d.step(ctx); err != nil {
					b.Fatal(err)
				}
				left--
			}
		})
	}
}
