package main

import (
	"fmt"
	"sync"
	"time"

	"ceiling/bench/result"
)

// pauses are the times in which the whole process was stopped: by SIGSTOP, or
// by Ctrl-Z in a terminal. The clock goes on in them, so they are in the times
// of whatever ran.
type pauses struct {
	mu    sync.Mutex
	clock *result.Clock // nil: nothing is measured yet
	ends  []float64     // seconds on the clock
	long  []time.Duration
}

func (p *pauses) begin(clock *result.Clock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock = clock
}

// add notes a pause that has just ended, and tells whether it was in a
// measurement.
func (p *pauses) add(long time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clock == nil {
		return false
	}
	p.ends, p.long = append(p.ends, p.clock.Seconds()), append(p.long, long)
	return true
}

// observe warns in the detail of a scenario that the process was stopped in it.
func (p *pauses) observe(d *result.Detail) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, end := range p.ends {
		if end >= d.StartS && end-p.long[i].Seconds() <= d.EndS {
			d.Warnings = append(d.Warnings, fmt.Sprintf("the process was stopped for %s while the scenario ran (SIGSTOP or Ctrl-Z), which is in its times: run it again", stopTime(p.long[i])))
		}
	}
}

// stopTime is a pause in words. The watchdog does not see how long one was that
// fits between two of its looks.
func stopTime(d time.Duration) string {
	if d < standstill {
		return "a moment"
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// paused is told of a pause that has just ended.
func (r *runner) paused(long time.Duration) {
	if r.pauses.add(long) {
		r.show.line("warning: the process was stopped for %s, which is in the times of the running scenario", stopTime(long))
	}
}
