package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

// Recovery, from a crash, gets the results of a run out of an engine call that never returns.
// An engine may end the process on a fault, after one last callback on
// whatever thread met it, or wait for a device that never answers: Results,
// called elsewhere, ends the run in the driving goroutine's place. The zero
// value is ready for one run at a time.
type Recovery struct {
	// Calls are the run's calls into the engine.
	Calls Calls

	mu  sync.Mutex // held by the run, except while it is inside the engine
	run *runner
}

// Calls counts calls that may never return, so that another goroutine can see
// whether one does. They come one after the other.
type Calls struct{ n atomic.Uint64 }

// Begin and End enclose a call.
func (c *Calls) Begin() { c.n.Add(1) }

// End says that the call has returned.
func (c *Calls) End() { c.n.Add(1) }

// Now tells whether a call is under way, and its number, which no other call
// has.
func (c *Calls) Now() (call uint64, inside bool) {
	n := c.n.Load()
	return n, n%2 == 1
}

// Results ends the scenario that runs, stores it as the run would have, and
// returns what there is. The scenario and all its requests in flight have
// failed with the reason; where that is context.Canceled they were interrupted.
// It returns nil where no run is under way.
//
// It waits while the run is outside the engine. Afterwards the run stands
// still for good: the caller ends the process.
func (s *Recovery) Results(reason error) (*result.Run, error) {
	s.mu.Lock() // never unlocked
	if s.run == nil {
		return nil, nil
	}
	if errors.Is(reason, context.Canceled) {
		return s.run.recover(fmt.Errorf("%w: %w", errInterrupted, reason))
	}
	return s.run.recover(fmt.Errorf("%w: %w", result.ErrEngineLost, reason))
}

// begin and end enclose a run.
func (s *Recovery) begin(r *runner) {
	s.mu.Lock()
	s.run = r
}

func (s *Recovery) end() {
	s.run = nil
	s.mu.Unlock()
}

// leave and enter enclose a call into the engine.
func (s *Recovery) leave() {
	s.Calls.Begin()
	s.mu.Unlock()
}

func (s *Recovery) enter() {
	s.mu.Lock()
	s.Calls.End()
}

// attempt is the unit of the plan that runs.
type attempt struct {
	unit     int // in the plan
	sc       result.Scenario
	m        *result.Measured
	executor *executor // nil before its first request
	ended    bool      // the executor came to its end, with err; what is left is clean-up
	err      error
}

// recover does what the end of scenario, run and Run would have done.
func (r *runner) recover(fatal error) (*result.Run, error) {
	var err error
	if a := r.now; a != nil {
		end := fatal
		var records []result.Record
		if d := a.executor; d != nil {
			switch {
			case a.ended:
				end = a.err
			case errors.Is(fatal, errInterrupted):
				end = errors.Join(fatal, d.store())
				d.measured(a.m)
			default:
				end = errors.Join(fatal, d.fail(oneline.Err(fatal)))
				d.measured(a.m)
			}
			records = d.records
		}
		// Whether the caller had stopped the run too is not the reason.
		entry, _ := r.outcome(context.Background(), a.sc, records, end, a.m)
		r.entries[a.unit] = &entry
		r.track.end()
		err = r.save(entry)
	}
	r.rep.close()
	return r.results(fatal), err
}

// guardedOpener lets go of the recovery's lock while the engine is called.
type guardedOpener struct {
	Opener
	recovery *Recovery
}

func (o guardedOpener) Open(ctx context.Context, spec SessionSpec) (Engine, error) {
	o.recovery.leave()
	defer o.recovery.enter()
	eng, err := o.Opener.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	guarded := &guardedEngine{eng, o.recovery}
	if d, ok := eng.(Drafter); ok {
		return &guardedDrafter{guarded, d}, nil
	}
	return guarded, nil
}

type guardedEngine struct {
	Engine
	recovery *Recovery
}

func (e *guardedEngine) Step(ctx context.Context, b *StepBatch) error {
	e.recovery.leave()
	defer e.recovery.enter()
	return e.Engine.Step(ctx, b)
}

func (e *guardedEngine) RemoveSeq(seq, from int32) error {
	e.recovery.leave()
	defer e.recovery.enter()
	return e.Engine.RemoveSeq(seq, from)
}

func (e *guardedEngine) CopySeq(src, dst, n int32) error {
	e.recovery.leave()
	defer e.recovery.enter()
	return e.Engine.CopySeq(src, dst, n)
}

func (e *guardedEngine) Close() error {
	e.recovery.leave()
	defer e.recovery.enter()
	return e.Engine.Close()
}

// guardedDrafter is a guardedEngine that drafts too.
type guardedDrafter struct {
	*guardedEngine
	drafter Drafter
}

func (e *guardedDrafter) BeginDraft(seq int32, prompt []int32, first int32) error {
	e.recovery.leave()
	defer e.recovery.enter()
	return e.drafter.BeginDraft(seq, prompt, first)
}

func (e *guardedDrafter) Draft(ctx context.Context, asks []DraftAsk) error {
	e.recovery.leave()
	defer e.recovery.enter()
	return e.drafter.Draft(ctx, asks)
}

func (e *guardedDrafter) Accept(seq int32, drafted int, tokens []int32) error {
	e.recovery.leave()
	defer e.recovery.enter()
	return e.drafter.Accept(seq, drafted, tokens)
}

func (e *guardedEngine) Links() []result.NetworkLink { return linksOf(e.Engine) }

func (e *guardedEngine) Graphs() *result.GraphCounts { return graphsOf(e.Engine) }
