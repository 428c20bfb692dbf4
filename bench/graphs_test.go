package bench

import (
	"context"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

// countingEngine has three graphs a step, of which two are used again.
type countingEngine struct {
	Engine
	n result.GraphCounts
}

func (e *countingEngine) Step(ctx context.Context, b *StepBatch) error {
	e.n.Computed += 3
	e.n.Reused += 2
	if e.n.Captured != nil {
		*e.n.Captured++
	}
	return e.Engine.Step(ctx, b)
}

func (e *countingEngine) Graphs() *result.GraphCounts {
	n := e.n
	if n.Captured != nil {
		captured := *n.Captured
		n.Captured = &captured
	}
	return &n
}

type countingOpener struct {
	Opener
	captured func() *int64
}

func (o countingOpener) Open(ctx context.Context, spec SessionSpec) (Engine, error) {
	e, err := o.Opener.Open(ctx, spec)
	return &countingEngine{e, result.GraphCounts{Computed: 100, Reused: 50, Plans: 7, Captured: o.captured()}}, err
}

// TestGraphsOfScenario: what a scenario's own steps became is its own, neither what
// came before nor its warm-up, and what nobody counts stays unknown.
func TestGraphsOfScenario(t *testing.T) {
	for _, counts := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			cfg, o := testConfig(t)
			cfg.Opener, cfg.NoWarmup, cfg.Recovery = countingOpener{o, func() *int64 {
				if counts {
					return new(int64)
				}
				return nil
			}}, false, new(Recovery)
			got, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range got.Details {
				g := d.Graphs
				if g == nil || g.Computed != 3*d.Steps || g.Reused != 2*d.Steps || g.Plans != 0 || d.Steps == 0 {
					t.Errorf("%s: %+v in %d steps", d.Name, g, d.Steps)
				}
				if (g.Captured != nil) != counts || counts && *g.Captured != d.Steps {
					t.Errorf("%s: captured %v, counted %v", d.Name, g.Captured, counts)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		got, err := Run(t.Context(), cfg)
		if err != nil || got.Details[0].Graphs != nil {
			t.Errorf("an engine that does not count: %+v, %v", got.Details[0].Graphs, err)
		}
	})
}
