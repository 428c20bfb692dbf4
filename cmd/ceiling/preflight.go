package main

import (
	"context"
	"fmt"
	"path/filepath"

	"ceiling/bench"
	"ceiling/engine"
	"ceiling/engine/gguf"
)

// preflight finds out, while the weights are not loaded yet, which scenarios
// can't run, and tells all of them with their reasons.
func (r *runner) preflight(ctx context.Context) error {
	var err error
	if r.split, err = r.planSplit(); err != nil {
		return err
	}
	r.session.Greedy = r.split.GreedyInBackend(r.sampling)
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
	failed := map[bench.SessionSpec]error{}
	r.refused = cfg.Refusals(func(s bench.SessionSpec) error {
		r.dog.alive()
		if _, asked := r.needs[s]; !asked {
			r.needs[s], failed[s] = plan.Check(ctx, sessionOptions(r.session, s))
		}
		return failed[s]
	})
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted before anything was measured: %w", err)
	}
	cfg.Refused = r.refused
	return r.tellRefused(cfg.Left())
}

// planSplit decides how the model is spread before it is loaded. What can't be
// done is a mistake in the arguments.
func (s *settings) planSplit() (engine.Split, error) {
	file, err := gguf.Open(s.model)
	if err != nil {
		return engine.Split{}, err
	}
	session := s.session
	session.Greedy = s.sampling == "backend"
	split, err := engine.PlanSplit(file, s.load, session)
	if err != nil {
		return split, codedError{exitUsage, err}
	}
	return split, nil
}

// plan is the configuration as far as it needs no loaded model: what is run,
// and in which sessions.
func (r *runner) plan(model *engine.Model) bench.Config {
	return bench.Config{
		Suite: r.suite, Vocab: vocabOf(model), Seed: r.seed, Budget: r.session.Batch, UBatch: r.session.UBatch,
		MaxSequences: engine.MaxSequences(), PrefixCache: r.prefixCache, CacheTokens: r.cacheTokens, KVUnified: &r.unified, Refused: r.refused, Resume: r.resumed,
	}
}

// tellRefused lists the scenarios that can't run. It is an error if no other is
// left.
func (r *runner) tellRefused(left int) error {
	for i, sc := range r.suite.Scenarios {
		if err := r.refused[i]; err != nil {
			r.show.line("scenario %q can't run: %v", sc.Name, err)
		}
	}
	if len(r.refused) == 0 || left > 0 {
		return nil
	}
	which := "no scenario"
	if r.resumed != nil {
		which = "no scenario that is left"
	}
	return fmt.Errorf("%s of suite %q can run on %s", which, r.suite.Name, filepath.Base(r.model))
}
