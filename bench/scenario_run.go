package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/internal/oneline"
)

// scenario runs the k-th unit of the plan. fatal is an error that ends the
// run.
func (r *runner) scenario(ctx context.Context, k int) (entry result.Entry, fatal error) {
	u := r.units[k]
	sc := r.cfg.Suite.Scenarios[u.Scenario]
	r.track.begin(k, sc.Name)
	started := r.track.event(EventScenarioStarted)
	started.Requests = sc.Requests()
	r.rep.send(started)

	m := result.Measured{Status: result.StatusComplete, Cache: result.CacheCold, StartS: r.clock.Seconds()}
	if r.cfg.PrefixCache {
		m.Cache = result.CacheWarm
	}
	if s := r.cfg.point(u.Scenario).Speculation; s != nil {
		m.Speculation = &result.Speculation{SpecSettings: *s}
	}
	r.now = &attempt{unit: k, sc: sc, m: &m}
	var records []result.Record
	work, err := suite.NewWorkload(ctx, r.workload(u, sc))
	if err == nil {
		r.track.load(work)
		runtime.GC() // now rather than between two tokens: see rareCollections
		if r.cfg.Client != nil {
			records, err = r.measureClient(ctx, u, work, &m)
		} else {
			records, err = r.measure(ctx, u, work, &m)
		}
	}
	entry, fatal = r.outcome(ctx, sc, records, err, &m)
	entry.Detail.Process = r.cfg.Suite.Process(u.Pass, u.Scenario)
	return entry, fatal
}

// outcome makes a scenario's figures of its records and the error that ended
// it, nil for none. fatal is an error that ends the run.
func (r *runner) outcome(ctx context.Context, sc result.Scenario, records []result.Record, err error, m *result.Measured) (entry result.Entry, fatal error) {
	if err != nil {
		fatal = r.classify(ctx, err, m)
		m.Dropped = sc.Requests() - len(records) - m.InFlight
	}
	if m.Steps == 0 {
		m.EndS = r.clock.Seconds()
	}
	if r.cfg.Resume != nil && r.cfg.PrefixCache && r.cfg.Client == nil {
		m.Notes = append(m.Notes, "resumed: the prefix cache was empty at the start of this part of the run")
	}
	entry.Result, entry.Detail = result.Summarize(sc, records, *m)
	if r.cfg.Observe != nil {
		r.cfg.Observe(&entry.Result, &entry.Detail)
	}
	entry.Detail.Verdict = result.Judge(&entry.Result, &entry.Detail)
	return entry, fatal
}

func (r *runner) workload(u ScenarioPass, sc result.Scenario) suite.WorkloadSpec {
	spec := r.cfg.draw(sc, max(r.cfg.TotalPrompts, r.prompts))
	spec.First, spec.Warm = r.cfg.FirstPrompt+u.FirstPrompt, r.cfg.PrefixCache
	return spec
}

// classify sets the status that an error gives the scenario, and returns the
// error if it ends the run.
func (r *runner) classify(ctx context.Context, err error, m *result.Measured) error {
	var sink *result.StoreError
	switch {
	case errors.As(err, &sink):
		m.Status, m.Error = result.StatusPartial, oneline.Err(err)
		return err
	case errors.Is(err, result.ErrEngineLost):
		m.Status, m.Error = result.StatusFailed, oneline.Err(err)
		return err
	case canceled(ctx, err):
		m.Status, m.Error = result.StatusPartial, errInterrupted.Error()
		if ctx.Err() == nil {
			return fmt.Errorf("%w: %w", errInterrupted, err)
		}
		return interrupted(ctx)
	}
	m.Status, m.Error = result.StatusFailed, oneline.Err(err)
	return nil
}

// measure opens a session, warms it up, and drives the workload. The
// scenario's clock starts when all that is done.
func (r *runner) measure(ctx context.Context, u ScenarioPass, work *suite.Workload, m *result.Measured) (records []result.Record, err error) {
	s, err := r.sessions.acquire(ctx, u.Scenario, work)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := r.sessions.release(s, err != nil); err != nil {
			m.Notes = append(m.Notes, oneline.Err(err))
		}
	}()
	budget := r.cfg.budget(u.Scenario, s.eng)
	behind := work.Spec.Scenario.Behind()
	if err := fits(work, s.spec, budget); err != nil {
		return nil, err
	}
	if err := r.prepare(ctx, u.Scenario, s, work, budget, m); err != nil {
		return nil, err
	}
	r.meter.Start()
	d := newExecutor(s.eng, r.clock, work, u.Scenario, budget)
	d.pass, d.cache, d.sink, d.watch = u.Pass, s.cache, r.cfg.Journal, r.track
	d.batcher.bridging, d.batcher.base = !s.spec.Unified, behind
	if err := d.speculate(r.cfg.point(u.Scenario).Speculation); err != nil {
		return nil, err
	}
	r.now.executor = d
	links, graphs := linksOf(s.eng), graphsOf(s.eng)
	err = r.execute(ctx, d)
	m.Disturbance = r.meter.Stop()
	m.Links, m.Graphs = result.LinksSince(links, linksOf(s.eng)), result.GraphsSince(graphs, graphsOf(s.eng))
	d.measured(m)
	r.now.ended, r.now.err = true, err
	return d.records, err
}

// prepare empties the session of what is of no use to scenario i, and warms it up
// with steps of at most budget tokens.
func (r *runner) prepare(ctx context.Context, i int, s *session, work *suite.Workload, budget int, m *result.Measured) (err error) {
	if s.cache != nil {
		if err := empty(s.eng, s.cache.keepFor(work)); err != nil {
			return err
		}
	}
	if r.cfg.NoWarmup && s.context == nil {
		return nil
	}
	r.rep.send(r.track.event(EventWarmup))
	behind := work.Spec.Scenario.Behind()
	if s.context != nil {
		if m.Context, err = s.context.lay(ctx, s.eng, work.Spec.Scenario.InFlight(), behind, budget); err != nil {
			return err
		}
	}
	if r.cfg.NoWarmup {
		return nil
	}
	w := newWarmer(s.eng, work, r.cfg.point(i).UBatch, budget)
	w.base = behind
	if drafter, ok := s.eng.(Drafter); ok && s.spec.Drafts > 0 {
		w.drafter, w.drafts, w.texts = drafter, s.spec.Drafts, make([][]int32, len(w.held))
	}
	m.Warmup, err = w.run(ctx, r.clock)
	return err
}

// execute runs d, and fails what is in flight after an engine error. What an
// interruption stops has neither succeeded nor failed, and leaves no record.
func (r *runner) execute(ctx context.Context, d *executor) error {
	err := d.run(ctx)
	var sink *result.StoreError
	if err == nil || canceled(ctx, err) || errors.As(err, &sink) {
		return err
	}
	return errors.Join(err, d.fail(oneline.Err(err)))
}

// measured hands over what the executor has measured.
func (d *executor) measured(m *result.Measured) {
	m.StartS, m.EndS = result.Seconds(d.start), result.Seconds(d.now)
	m.Steps, m.GraphsInSteps = d.meter.steps, d.meter.graphs
	m.EngineS = d.meter.inside.Seconds()
	m.OutsideS = d.meter.outside().Seconds()
	m.PromptTokens, m.PromptS = d.meter.prompt, d.meter.promptS
	m.InFlight = d.batcher.inFlight
	m.Mix = &d.meter.mix
	if d.drafter != nil {
		m.Mix, m.Speculation = nil, &d.drafts.sum
	}
	m.Steadiness = d.log.steadiness()
	if d.cache != nil {
		m.KeptCells = d.cache.most
	}
}
