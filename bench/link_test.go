package bench

import (
	"context"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

// linkedEngine sends a byte more for each step than for the one before.
type linkedEngine struct {
	Engine
	sent int64
}

func (e *linkedEngine) Step(ctx context.Context, b *StepBatch) error {
	e.sent++
	return e.Engine.Step(ctx, b)
}

func (e *linkedEngine) Links() []result.NetworkLink {
	return []result.NetworkLink{{Server: "a:1", SentBytes: e.sent}}
}

// linkedOpener opens engines that know a link.
type linkedOpener struct{ Opener }

func (o linkedOpener) Open(ctx context.Context, spec SessionSpec) (Engine, error) {
	e, err := o.Opener.Open(ctx, spec)
	return &linkedEngine{e, 1000}, err
}

// TestLinksOfScenario: what a scenario's own steps sent is its own, neither
// what came before nor its warm-up.
func TestLinksOfScenario(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		cfg.Opener, cfg.NoWarmup, cfg.Recovery = linkedOpener{o}, false, new(Recovery)
		got, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got.Details {
			if len(d.Links) != 1 || d.Links[0].SentBytes != d.Steps || d.Steps == 0 {
				t.Errorf("%s: links %+v in %d steps", d.Name, d.Links, d.Steps)
			}
		}
	})
}
