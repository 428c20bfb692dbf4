package result

import (
	"errors"
)

// ErrEngineLost is what an Engine or Opener wraps when nothing can be run on
// the loaded model any more (the device is gone, the back end is in an
// undefined state). The run stops, and keeps what is finished. Every other
// engine error fails only the scenario that met it.
var ErrEngineLost = errors.New("the engine can't be used any more")

// sinkError is a failure to store a record. It is the run's failure, not the
// scenario's.
type StoreError struct{ Err error }

func (e *StoreError) Error() string { return e.Err.Error() }

func (e *StoreError) Unwrap() error { return e.Err }
