package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"ceiling/bench"
	"ceiling/engine"
)

// preflight finds out, while the weights are not loaded yet, which scenarios
// can't run, and tells all of them with their reasons.
func (r *runner) preflight(ctx context.Context) error {
	if err := r.planPoints(); err != nil {
		return err
	}
	// The run's own settings stay those of the flags, but how the model is loaded
	// is the first scenario's.
	first := r.firstPoint()
	r.load, r.split = first.load, first.split
	r.session.Greedy = r.split.GreedyInBackend(r.sampling)
	plans := planner{model: r.model, plans: map[string]*engine.ModelPlan{}}
	defer plans.close()
	plan, err := plans.of(ctx, first)
	if err != nil {
		return err
	}
	if r.prefixCache && plan.Model().Recurrent() {
		return usagef("--prefix-cache: %s keeps a state instead of a cache of every position (architecture %s), so it can't go back to a part of a prompt; leave --prefix-cache out",
			filepath.Base(r.model), plan.Model().Architecture())
	}
	if _, err := r.readTexts(ctx, plan.Model(), plan.Model().Context()); err != nil {
		return err
	}
	if r.prefixCache && r.cacheTokens == 0 {
		r.cacheTokens = bench.Recurring(r.suite)
	}
	r.needs = map[bench.SessionSpec][]engine.Need{}
	return r.task.fit(ctx, &plans, plan.Model())
}

func (t suiteTask) fit(ctx context.Context, plans *planner, model *engine.Model) error {
	cfg := t.plan(model)
	var err error
	if t.refused, err = t.refusals(ctx, plans, cfg); err != nil {
		return err
	}
	cfg.Refused = t.refused
	if err := t.tellRefused(cfg.Left()); err != nil {
		return err
	}
	return engine.Together(slices.Collect(maps.Values(t.needs)))
}

// refusals says of each scenario of a configuration that can't run why it can't,
// and keeps what sessions need.
func (r *runner) refusals(ctx context.Context, plans *planner, cfg bench.Config) (map[int]error, error) {
	failed := map[bench.SessionSpec]error{}
	refused := cfg.Refusals(func(s bench.SessionSpec) error {
		r.dog.alive()
		if _, asked := failed[s]; !asked {
			r.needs[s], failed[s] = plans.check(ctx, &r.points[s.Engine], s)
		}
		return failed[s]
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("interrupted before anything was measured: %w", err)
	}
	return refused, nil
}

// planner holds a plan of the model for each way to load it.
type planner struct {
	model string
	plans map[string]*engine.ModelPlan
}

func (p *planner) of(ctx context.Context, s *engineSettings) (*engine.ModelPlan, error) {
	if s.err != nil {
		return nil, s.err
	}
	if plan := p.plans[s.loaded()]; plan != nil {
		return plan, nil
	}
	load := s.load
	load.SplitMode = s.split.Mode
	plan, err := engine.NewPlan(ctx, p.model, load, engine.SessionOptions{})
	if err == nil {
		p.plans[s.loaded()] = plan
	}
	return plan, err
}

// check tells what a session takes, and what keeps it from being opened.
func (p *planner) check(ctx context.Context, s *engineSettings, spec bench.SessionSpec) ([]engine.Need, error) {
	plan, err := p.of(ctx, s)
	if err != nil {
		return nil, err
	}
	if spec.Keep && plan.Model().Recurrent() {
		return nil, fmt.Errorf("a depth needs a cache of every position, and a model of architecture %s keeps a state instead: leave depth out", plan.Model().Architecture())
	}
	draft, err := p.draft(ctx, s)
	if err != nil {
		return nil, err
	}
	options := sessionOptions(s, spec, draft)
	if options.Speculation != nil {
		if err := plan.Model().CheckSpeculation(*options.Speculation); err != nil {
			return nil, err
		}
	}
	return plan.Check(ctx, options)
}

// draft is the plan of the model that drafts, nil for none.
func (p *planner) draft(ctx context.Context, s *engineSettings) (*engine.Model, error) {
	if s.spec.model == "" {
		return nil, nil
	}
	key := "draft " + s.spec.model + fmt.Sprint(s.draftLoad().Devices)
	if plan := p.plans[key]; plan != nil {
		return plan.Model(), nil
	}
	plan, err := engine.NewPlan(ctx, s.spec.model, s.draftLoad(), engine.SessionOptions{})
	if err != nil {
		return nil, fmt.Errorf("draft model: %w", err)
	}
	p.plans[key] = plan
	return plan.Model(), nil
}

func (p *planner) close() {
	for _, plan := range p.plans {
		plan.Close()
	}
}

// plan is the configuration as far as it needs no loaded model: what is run,
// and in which sessions.
func (r *runner) plan(model *engine.Model) bench.Config {
	return bench.Config{
		Suite: r.suite, Vocab: vocabOf(model), Texts: r.texts, Context: model.Context(), Seed: r.seed, Budget: r.session.Batch, UBatch: r.session.UBatch,
		MaxSequences: engine.MaxSequences(), PrefixCache: r.prefixCache, CacheTokens: r.cacheTokens, KVUnified: &r.unified, Points: r.benchPoints(), Refused: r.refused, Resume: r.resumed,
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
