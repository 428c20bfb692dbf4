// Package bench runs the scenarios of a suite, in process or through a server, and
// keeps what happened.
package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

// Run runs the suite, one scenario after the other, and returns its results:
// one entry per scenario that was attempted, in the suite's order. A scenario
// that can't run is an entry that says why, and the others run.
//
// The results are returned with the error too, and say that they are partial.
// The error wraps the context's error when the run was interrupted,
// result.ErrEngineLost when the engine can't go on, and is the
// journal's or OnScenario's when results can't be stored. A mistake in the
// configuration gives no results.
//
// Run makes every engine call from the calling goroutine, locked to its
// thread.
func Run(ctx context.Context, cfg Config) (*result.Run, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	// OpenMP keeps a pool of worker threads for each thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer rareCollections()()

	if cfg.Recovery != nil && cfg.Opener != nil {
		cfg.Opener = guardedOpener{cfg.Opener, cfg.Recovery}
	}
	r := newRunner(cfg)
	defer r.rep.close()
	if cfg.Recovery != nil {
		cfg.Recovery.begin(r)
		defer cfg.Recovery.end()
	}
	err := r.run(ctx)
	out := r.results(err)
	// A session that does not close cleanly takes nothing from what was
	// measured.
	return out, errors.Join(err, r.sessions.close())
}

// gcPercent lets the heap grow to five times what lives, and to 16 MB at
// least, before Go collects garbage.
const gcPercent = 400

// rareCollections keeps Go's collector out of the scenarios, and returns what
// undoes that. A collection takes a core from the engine and stops the thread
// that calls it, for up to 20 ms where every core computes; a scenario's own
// records fit into what is left after the collection before it.
func rareCollections() (undo func()) {
	old := debug.SetGCPercent(gcPercent)
	if old < 0 || old > gcPercent { // the user's own wish
		debug.SetGCPercent(old)
	}
	return func() { debug.SetGCPercent(old) }
}

// runner is one run.
type runner struct {
	cfg      Config
	clock    *result.Clock
	rep      *reporter
	track    *tracker
	sessions sessions
	units    []ScenarioPass  // what there is to do, in order
	entries  []*result.Entry // by unit; nil: not attempted
	prompts  int             // in the whole run, warm-up included
	warmedUp bool
	now      *attempt // nil between scenarios
	meter    Meter
	process  int // of the run, that this one is
}

func newRunner(cfg Config) *runner {
	r := &runner{cfg: cfg, clock: cfg.Clock, rep: newReporter(cfg.Progress), meter: cfg.Meter}
	if r.meter == nil {
		r.meter = noMeter{}
	}
	r.sessions = sessions{cfg: cfg, tooLarge: maps.Collect(maps.All(cfg.Refused))}
	budget := cfg.Budget
	if budget == 0 {
		budget = DefaultBudget
	}
	r.track = newTracker(cfg.Suite, r.rep, budget)
	r.units, r.prompts = Plan(cfg.Suite)
	r.entries = make([]*result.Entry, len(r.units))
	var offset time.Duration
	if cfg.Resume != nil {
		offset = cfg.Resume.Offset
	}
	for k := range r.units {
		r.takeOver(k)
	}
	// What can't run is of a process too: the settings of this one were set for
	// the first that is not done.
	if u, ok := cfg.Resume.Next(cfg.Suite); ok {
		r.process = cfg.Suite.Process(u.Pass, u.Scenario)
	}
	r.refuse()
	if r.clock == nil {
		r.clock = result.NewClock(offset)
	}
	if cfg.Sleep != nil {
		r.clock.Block = cfg.Sleep
	}
	return r
}

func (r *runner) run(ctx context.Context) error {
	for {
		u, ok := next(r.cfg.Suite, r.done)
		switch {
		case !ok:
			return nil
		case r.cfg.Suite.Process(u.Pass, u.Scenario) != r.process:
			return ErrNextProcess
		}
		k := slices.Index(r.units, u)
		if k < 0 {
			k = len(r.units)
			r.append(u)
		}
		if err := r.unit(ctx, k); err != nil {
			return err
		}
	}
}

// append adds a unit to the plan, with what an earlier part of the run has of
// it.
func (r *runner) append(u ScenarioPass) {
	r.units, r.entries = append(r.units, u), append(r.entries, nil)
	r.track.append(u, r.cfg.Suite.Scenarios[u.Scenario])
	r.takeOver(len(r.units) - 1)
}

// takeOver enters the k-th unit where an earlier part of the run has done it.
func (r *runner) takeOver(k int) {
	if r.cfg.Resume == nil {
		return
	}
	u := r.units[k]
	if done, ok := r.cfg.Resume.Done[place(r.cfg.Suite, u.Pass, u.Scenario)]; ok {
		r.entries[k] = &done
		r.track.begin(k, "")
		r.track.end()
	}
}

// done is the outcome of a pass over a scenario; ok is false before it.
func (r *runner) done(pass, scenario int) (e result.Entry, ok bool) {
	for k, u := range r.units {
		if u.Pass == pass && u.Scenario == scenario && r.entries[k] != nil {
			return *r.entries[k], true
		}
	}
	return e, false
}

// unit runs the k-th unit of the plan, unless it is done. Its error ends the
// run.
func (r *runner) unit(ctx context.Context, k int) error {
	if r.entries[k] != nil {
		return nil
	}
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	if r.cfg.OnStart != nil {
		if err := r.cfg.OnStart(r.units[k].Pass, r.units[k].Scenario); err != nil {
			return err
		}
	}
	entry, fatal := r.scenario(ctx, k)
	r.entries[k], r.now = &entry, nil
	r.track.end()
	if err := r.save(entry); fatal == nil {
		fatal = err
	}
	return fatal
}

// save stores what is finished, and tells.
func (r *runner) save(entry result.Entry) error {
	var err error
	if r.cfg.Journal != nil {
		err = r.cfg.Journal.Flush()
	}
	if r.cfg.OnScenario != nil {
		// A journal that fails does not keep the figures from being saved.
		err = errors.Join(err, r.cfg.OnScenario(r.results(nil)))
	}
	e := r.track.event(EventScenarioFinished)
	e.Result, e.Detail = &entry.Result, &entry.Detail
	e.RequestsDone, e.Requests = int(entry.Result.SuccessfulRequests+entry.Result.FailedRequests), entry.Result.NumPrompts
	r.rep.send(e)
	return err
}

// results assembles what there is. err is what ended the run, nil while it
// goes on and at its end.
func (r *runner) results(err error) *result.Run {
	out := r.cfg.Template
	out.Planned = r.cfg.Suite.Names()
	out.Results, out.Details = []result.Summary{}, nil
	out.Partial, out.PartialReason = false, ""
	passes := make([][]result.Pass, len(r.cfg.Suite.Scenarios))
	for k, e := range r.entries {
		if e == nil || e.Detail.Status == result.StatusPartial {
			out.Partial, out.PartialReason = true, "the run did not finish"
		}
		if e != nil {
			u := r.units[k]
			passes[u.Scenario] = append(passes[u.Scenario], result.Pass{Pass: u.Pass, Result: e.Result, Detail: e.Detail})
		}
	}
	for i, sc := range r.cfg.Suite.Scenarios {
		if len(passes[i]) > 0 {
			result, detail := result.Combine(sc.Passes(), passes[i])
			out.Results = append(out.Results, result)
			out.Details = append(out.Details, detail)
		}
	}
	out.Verdict = result.JudgeRun(&out)
	if err != nil {
		out.Partial, out.PartialReason = true, PartialReason(err)
	}
	return &out
}

// PartialReason is why a run that ended with err is partial, for its results.
func PartialReason(err error) string {
	if errors.Is(err, errInterrupted) {
		return errInterrupted.Error()
	}
	return oneline.Err(err)
}

// interrupted is the error of a run whose context has ended.
func interrupted(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return fmt.Errorf("%w: %w (%w)", errInterrupted, cause, ctx.Err())
	}
	return fmt.Errorf("%w: %w", errInterrupted, ctx.Err())
}
