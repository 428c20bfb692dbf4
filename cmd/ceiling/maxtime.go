package main

import (
	"context"
	"errors"
	"time"
)

// errMaxTime is why a run ends whose --max-time is over.
var errMaxTime = errors.New("--max-time is over")

// withMaxTime ends a run in time, as the user's interruption would.
func (r *runner) withMaxTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.maxTime == 0 {
		return ctx, func() {}
	}
	r.ends = time.Now().Add(r.maxTime)
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(r.maxTime, func() { cancel(errMaxTime) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}
