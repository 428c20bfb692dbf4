package bench

import (
	"context"
	"errors"
)

// errInterrupted is wrapped by the error of a run that the caller stopped.
var errInterrupted = errors.New("interrupted")

// ErrNextProcess ends a run whose next pass is another process's: it goes on with
// ResumeAfter.
var ErrNextProcess = errors.New("the next pass is another process's")

// canceled tells whether err, met under ctx, is the caller's wish to stop
// rather than a fault: engines report an aborted step in their own words, so
// the context decides.
func canceled(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
