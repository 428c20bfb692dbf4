package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// With --slice the tools run at once and all but one of them are stopped, so
// that each gets the same share of a machine whose speed changes by more, and
// for longer, than what is to be told apart. What follows stops and continues
// the processes, and takes the stops out of the times.

// lane is one process's share of the time. The nil lane is that of a process
// which has the machine to itself and is never stopped.
type lane struct {
	child atomic.Pointer[child] // nil until it is started

	mu    sync.Mutex
	spans []span // when the process was let run, in order
}

// span is open, with no end, while the process runs.
type span struct{ from, to time.Time }

// start runs a program in the lane: it waits, stopped, for its first slice.
func (l *lane) start(ctx context.Context, s *settings, path string, args ...string) (*child, error) {
	c, err := start(ctx, s, path, args...)
	if err != nil || l == nil {
		return c, err
	}
	if err := c.signal(syscall.SIGSTOP); err != nil {
		c.cancel()
		return nil, errors.Join(err, c.wait())
	}
	l.child.Store(c)
	return c, nil
}

// live tells whether there is a process to run.
func (l *lane) live() bool {
	c := l.child.Load()
	if c == nil {
		return false
	}
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

func (l *lane) resume() error {
	l.mu.Lock()
	l.spans = append(l.spans, span{from: time.Now()})
	l.mu.Unlock()
	return l.child.Load().signal(syscall.SIGCONT)
}

func (l *lane) stop() error {
	err := l.child.Load().signal(syscall.SIGSTOP)
	l.mu.Lock()
	l.spans[len(l.spans)-1].to = time.Now()
	l.mu.Unlock()
	return err
}

// ran is how long, in seconds, the process had been let run at that instant.
func (l *lane) ran(at time.Time) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sum time.Duration
	for _, s := range l.spans {
		if !s.from.Before(at) {
			break
		}
		end := at
		if !s.to.IsZero() && s.to.Before(at) {
			end = s.to
		}
		sum += end.Sub(s.from)
	}
	return sum.Seconds()
}

// clock puts an instant, in seconds after zero, on the clock of the lane's
// process, which stands still while that is stopped.
func (l *lane) clock(zero time.Time, at float64) float64 {
	if l == nil {
		return at
	}
	return l.ran(after(zero, at))
}

// settle is how long after its process was continued an output may still be
// one from before the stop.
const settle = 10 * time.Millisecond

// steady tells whether what arrived at that instant was written shortly before:
// neither before a stop that has just ended, nor while it began.
func (l *lane) steady(at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.spans {
		if at.Before(s.from) {
			break
		}
		if s.to.IsZero() || !at.After(s.to) {
			return at.Sub(s.from) > settle
		}
	}
	return false
}

func after(zero time.Time, seconds float64) time.Time {
	return zero.Add(time.Duration(seconds * float64(time.Second)))
}

// takeTurns lets one lane's process run at a time, until done is closed. The
// order changes from turn to turn, so that none always runs on what another
// one left in the caches.
func takeTurns(lanes []*lane, slice time.Duration, done <-chan struct{}) error {
	order := slices.Clone(lanes)
	var current *lane
	for {
		rand.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
		idle := true
		for _, l := range order {
			if !l.live() {
				continue
			}
			idle = false
			if err := hand(current, l); err != nil {
				return err
			}
			current = l
			select {
			case <-l.child.Load().exited:
			case <-done:
				return nil
			case <-time.After(slice):
			}
		}
		if idle { // nothing is started yet, or what ended is being read
			select {
			case <-done:
				return nil
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// hand stops one lane's process and continues another one's.
func hand(from, to *lane) error {
	if from == to {
		return nil
	}
	if from != nil {
		if err := from.stop(); err != nil {
			return err
		}
	}
	return to.resume()
}

// together runs the tools at once, one slice each in turn, and returns a
// sample of each over the times in which all of them measured the same. A
// single tool runs alone.
func (s *settings) together(ctx context.Context, tools []tool, model string, sequences int) ([]sample, error) {
	if len(tools) == 1 {
		got, err := tools[0].run(ctx, s, model, sequences, nil)
		got.average()
		return []sample{got}, err
	}
	// The first error ends all: the others need not go on.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	others := watchOthers()
	samples, lanes := make([]sample, len(tools)), make([]*lane, len(tools))
	var running sync.WaitGroup
	for i, t := range tools {
		lanes[i] = &lane{}
		running.Go(func() {
			var err error
			if samples[i], err = t.run(ctx, s, model, sequences, lanes[i]); err != nil {
				cancel(err)
			}
		})
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	if err := takeTurns(lanes, s.slice, done); err != nil {
		cancel(err)
	}
	<-done
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	cpu := 0.0
	for _, x := range samples {
		cpu += x.cpu
	}
	share := others.cores(cpu)
	err := errors.Join(
		keepCommon(samples, "prefill", func(x *sample) *[]wave { return &x.prefills }),
		keepCommon(samples, "decode", func(x *sample) *[]wave { return &x.decodes }))
	for i := range samples {
		samples[i].Others = share
		samples[i].average()
	}
	return samples, err
}

// keepCommon drops the waves of one kind that do not lie in the time in which
// all tools measured it.
func keepCommon(samples []sample, kind string, of func(*sample) *[]wave) error {
	var from, to time.Time
	for i := range samples {
		waves := *of(&samples[i])
		if len(waves) == 0 {
			return fmt.Errorf("%s: no %s could be told from the stops; use a larger --waves", samples[i].Tool, kind)
		}
		first, last := waves[0].from, waves[len(waves)-1].to
		if i == 0 || first.After(from) {
			from = first
		}
		if i == 0 || last.Before(to) {
			to = last
		}
	}
	for i := range samples {
		waves := of(&samples[i])
		*waves = slices.DeleteFunc(*waves, func(w wave) bool { return w.from.Before(from) || w.to.After(to) })
		if len(*waves) == 0 {
			return fmt.Errorf("%s measured %s at no time at which all tools did; use a larger --waves", samples[i].Tool, kind)
		}
	}
	return nil
}
