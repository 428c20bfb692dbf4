package main

import (
	"context"
	"fmt"
	"path/filepath"

	"ceiling/bench"
	"ceiling/engine"
)

// preflight finds out, while the weights are not loaded yet, which scenarios
// can't run, and tells all of them with their reasons.
func (r *runner) preflight(ctx context.Context) error {
	var err error
	if r.split, err = r.planSplit(); err != nil {
		return err
	}
	r.session.Greedy = r.greedyInBackend(r.split)
	load := r.load
	load.SplitMode = r.split.Mode
	plan, err := engine.NewPlan(ctx, r.model, load, engine.SessionOptions{})
	if err != nil {
		return err
	}
	defer plan.Close()
	if r.prefixCache && plan.Model().Recurrent() {
		return usagef("--prefix-cache: %s keeps a state instead of a cache of every position (architecture %s), so it can't go back to a part of a prompt; leave --prefix-cache out",
			filepath.Base(r.model), plan.Model().Architecture())
	}
	cfg := r.plan(plan.Model())
	r.needs = map[bench.SessionSpec][]engine.Need{}
	r.refused = cfg.Refusals(func(s bench.SessionSpec) (err error) {
		r.dog.alive()
		r.needs[s], err = plan.Check(ctx, sessionOptions(r.session, s))
		return err
	})
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted before anything was measured: %w", err)
	}
	return r.tellRefused()
}

// plan is the configuration as far as it needs no loaded model: what is run,
// and in which sessions.
func (r *runner) plan(model *engine.Model) bench.Config {
	return bench.Config{
		Suite: r.suite, Vocab: vocabOf(model), Seed: r.seed, Budget: r.session.Batch, UBatch: r.session.UBatch,
		MaxSequences: engine.MaxSequences(), PrefixCache: r.prefixCache, CacheTokens: r.cacheTokens, KVUnified: &r.unified, Refused: r.refused, Resume: r.resumed,
	}
}

// tellRefused lists the scenarios that can't run. It is an error if there is
// no other.
func (r *runner) tellRefused() error {
	for i, sc := range r.suite.Scenarios {
		if err := r.refused[i]; err != nil {
			r.show.line("scenario %q can't run: %v", sc.Name, err)
		}
	}
	if len(r.refused) == len(r.suite.Scenarios) {
		return fmt.Errorf("no scenario of suite %q can run on %s", r.suite.Name, filepath.Base(r.model))
	}
	return nil
}
