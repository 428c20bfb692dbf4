package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"ceiling/bench/result"
)

// Probe is what a few steps tell of the time that a suite takes.
type Probe struct {
	// Seconds that one pass over each scenario would take, by its index; NaN
	// where no session for the steps could be opened, or the scenario can't run.
	Seconds []float64
	Steps   int // made
}

// RunProbe makes a few steps with each of the engine's settings that the suite
// uses, in sessions of their own: a full physical batch of a prompt, and decode
// steps with one sequence and with as many as the suite needs at most. The time
// of a scenario follows from those by the model of the ETA, which leaves out that
// attention grows with the context: long contexts take longer. Of the
// configuration it reads what Refusals reads, and Opener.
//
// The error wraps the context's where that has ended.
func RunProbe(ctx context.Context, cfg Config) (Probe, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := Probe{Seconds: make([]float64, len(cfg.Suite.Scenarios))}
	costs := map[int]*costModel{} // by the number of the settings
	for i, sc := range cfg.Suite.Scenarios {
		p.Seconds[i] = math.NaN()
		at := cfg.point(i)
		if cfg.Refused[i] != nil {
			continue
		}
		cost, probed := costs[at.Engine]
		if !probed {
			var err error
			cost, err = cfg.probe(ctx, i)
			if ctx.Err() != nil {
				return p, interrupted(ctx)
			}
			if err == nil {
				p.Steps += int(cost.steps)
			}
			costs[at.Engine] = cost
		}
		if cost != nil {
			p.Seconds[i] = max(cost.predict(nominal(sc), at.Budget), arriving(sc))
		}
	}
	return p, nil
}

// nominal is a scenario's work by its nominal lengths.
func nominal(sc result.Scenario) work {
	input, output := sc.Tokens()
	return work{int64(sc.Behind()) + input, output, sc.InFlight()}
}

// arriving is the time that the arrivals of an open loop take, in seconds.
func arriving(sc result.Scenario) float64 {
	if !sc.OpenLoop() {
		return 0
	}
	if d := sc.Dataset; d != nil && d.Lengths != nil && sc.RequestRate == 0 {
		return d.Lengths.LastArrival
	}
	return float64(sc.Prompts) / sc.RequestRate
}

// probe times steps with the settings of scenario i.
func (c *Config) probe(ctx context.Context, i int) (*costModel, error) {
	at, most := c.point(i), 0
	for k, sc := range c.Suite.Scenarios {
		if c.point(k).Engine == at.Engine && c.Refused[k] == nil {
			most = max(most, sc.InFlight())
		}
	}
	prompt := min(at.UBatch, at.Budget)
	spec := SessionSpec{Sequences: most, TokensPerSequence: prompt + 2*costSteps + 2, Unified: at.KVUnified != nil && *at.KVUnified, Engine: at.Engine}
	eng, err := c.Opener.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	defer eng.Close()
	cost := &costModel{}
	for _, seqs := range []int{1, most} {
		w := &warmer{eng: eng, ids: c.Vocab.Allowed, held: make([]int, seqs), prompt: prompt, fit: spec.TokensPerSequence, full: max(prompt, seqs), step: at.Budget}
		if err := c.timeSteps(ctx, w, cost); err != nil {
			return nil, fmt.Errorf("probe: %w", err)
		}
	}
	cost.fit()
	return cost, nil
}

// timeSteps times a prompt's step and decode steps. The first of each kind is not
// counted: it touches memory for the first time.
func (c *Config) timeSteps(ctx context.Context, w *warmer, cost *costModel) error {
	clock := result.NewClock(0)
	timed := func(prompt, decode, tokens int) error {
		begin := clock.Now()
		err := w.compute(ctx, w.prompt, tokens)
		cost.add(prompt, decode, clock.Now()-begin)
		return err
	}
	full := min(w.full, len(w.held)*w.prompt)
	for k := range costSteps {
		if err := w.clear(); err != nil {
			return err
		}
		if k == 0 {
			if err := w.compute(ctx, w.prompt, w.full); err != nil {
				return err
			}
			continue
		}
		if err := timed(full, 0, w.full); err != nil {
			return err
		}
	}
	for k := range costSteps {
		if k == 0 {
			if err := w.compute(ctx, 1, w.full); err != nil {
				return err
			}
			continue
		}
		if err := timed(0, len(w.held), w.full); err != nil {
			return err
		}
	}
	return w.clear()
}
