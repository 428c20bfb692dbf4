package bench

import (
	"context"
	"errors"
)

// ErrEngineLost is what an Engine or Opener wraps when nothing can be run on
// the loaded model any more (the device is gone, the back end is in an
// undefined state). The run stops, and keeps what is finished. Every other
// engine error fails only the scenario that met it.
var ErrEngineLost = errors.New("the engine can't be used any more")

// errInterrupted is wrapped by the error of a run that the caller stopped.
var errInterrupted = errors.New("interrupted")

// canceled tells whether err, met under ctx, is the caller's wish to stop
// rather than a fault: engines report an aborted step in their own words, so
// the context decides.
func canceled(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
