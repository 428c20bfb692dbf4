package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Rescue gets the results of a run out of an engine call that never returns.
// An engine may end the process on a fault, after one last callback on
// whatever thread met it: Results, called there, ends the run in the driving
// goroutine's place. The zero value is ready for one run at a time.
type Rescue struct {
	mu  sync.Mutex // held by the run, except while it is inside the engine
	run *runner
}

// Results fails the scenario that runs with the reason, and all its requests
// in flight, stores it as the run would have, and returns what there is. It
// returns nil where no run is under way.
//
// It waits while the run is outside the engine. Afterwards the run stands
// still for good: the caller ends the process.
func (s *Rescue) Results(reason error) (*Results, error) {
	s.mu.Lock() // never unlocked
	if s.run == nil {
		return nil, nil
	}
	return s.run.rescue(fmt.Errorf("%w: %w", ErrEngineLost, reason))
}

// begin and end enclose a run.
func (s *Rescue) begin(r *runner) {
	s.mu.Lock()
	s.run = r
}

func (s *Rescue) end() {
	s.run = nil
	s.mu.Unlock()
}

// attempt is the unit of the plan that runs.
type attempt struct {
	unit  int // in the plan
	sc    Scenario
	m     *Measured
	drive *drive // nil before its first request
	ended bool   // the drive came to its end, with err; what is left is clean-up
	err   error
}

// rescue does what the end of scenario, run and Run would have done.
func (r *runner) rescue(fatal error) (*Results, error) {
	var err error
	if a := r.now; a != nil {
		end := fatal
		var records []Record
		if d := a.drive; d != nil {
			if a.ended {
				end = a.err
			} else {
				end = errors.Join(fatal, d.fail(oneLine(fatal)))
				a.m.from(d)
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

// guardedOpener lets go of the rescue's lock while the engine is called.
type guardedOpener struct {
	Opener
	rescue *Rescue
}

func (o guardedOpener) Open(ctx context.Context, spec SessionSpec) (Engine, error) {
	o.rescue.mu.Unlock()
	defer o.rescue.mu.Lock()
	eng, err := o.Opener.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &guardedEngine{eng, &o.rescue.mu}, nil
}

type guardedEngine struct {
	Engine
	mu *sync.Mutex
}

func (e *guardedEngine) Step(ctx context.Context, b *Batch) error {
	e.mu.Unlock()
	defer e.mu.Lock()
	return e.Engine.Step(ctx, b)
}

func (e *guardedEngine) RemoveSeq(seq, from int32) error {
	e.mu.Unlock()
	defer e.mu.Lock()
	return e.Engine.RemoveSeq(seq, from)
}

func (e *guardedEngine) CopySeq(src, dst, n int32) error {
	e.mu.Unlock()
	defer e.mu.Lock()
	return e.Engine.CopySeq(src, dst, n)
}

func (e *guardedEngine) Close() error {
	e.mu.Unlock()
	defer e.mu.Lock()
	return e.Engine.Close()
}
