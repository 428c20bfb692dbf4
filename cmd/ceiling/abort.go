package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/hip/host"
)

// errInterrupted is what a user reads who ended a command early.
var errInterrupted error = interruption{}

type interruption struct{}

func (interruption) Error() string        { return "interrupted" }
func (interruption) Is(target error) bool { return target == context.Canceled }

// savingTime is how long saving may take once the process is being ended: a
// disk may stand still too.
const savingTime = time.Minute

// sayWhyEnded makes an end that the engine forces on the process one line
// like any other error. Commands that have something to lose set a function of
// their own.
func sayWhyEnded(stderr io.Writer) {
	engine.OnAbort(func(reason string) int {
		printError(stderr, endedError(reason))
		return exitFailed
	})
}

// errAborted is what ggml does on a fault that it can't go on after.
var errAborted = errors.New("the engine ended the process")

func endedError(reason string) error { return fmt.Errorf("%w: %s", errAborted, reason) }

// lastWords keeps what a run has finished where the thread that drives the
// engine does not come back: the engine is about to end the process, or a call
// into it does not return. The scenario that runs has failed with the reason,
// or was interrupted where that is context.Canceled, and the report is partial.
// It tells err and returns the exit code. Where the run has begun to conclude by
// itself, it does not return.
func (r *runner) lastWords(c *cli.Command, reason, err error) int {
	r.claimEnd()
	time.AfterFunc(savingTime, func() { os.Exit(exitFailed) })
	defer r.dir.Close()
	if r.writing.Load() {
		return r.proseLost(c, err)
	}
	results, saveErr := r.recovery.Results(reason)
	if results == nil {
		results = r.measured.Load() // freeing the model met the fault
	} else {
		results = r.task.whole(results)
	}
	r.show.clear()
	if results == nil || len(results.Results) == 0 {
		r.discard(err)
		err = nothingMeasured(err)
	} else {
		results.Engine.Sampling, results.Engine.PeakRSSBytes = r.opener.sampling(), host.PeakRSS()
		if !errors.Is(err, errInterrupted) {
			err = fmt.Errorf("%w; %s", err, r.task.soFar(results))
		}
		err = r.task.conclude(c, results, err)
	}
	printError(c.Root().ErrWriter, errors.Join(err, saveErr))
	return exitCode(err)
}

// nothingMeasured says so where a user ended a run before its first scenario.
func nothingMeasured(err error) error {
	if errors.Is(err, errInterrupted) {
		return codedError{exitInterrupted, fmt.Errorf("%w before anything was measured", err)}
	}
	return err
}

// claimEnd gives the run's end to one goroutine. For any other it does not
// return: the process is about to end.
func (r *runner) claimEnd() {
	if !r.ending.CompareAndSwap(false, true) {
		select {}
	}
}

// proseLost ends a run whose scenarios are all measured: the rules write the
// report, and the exit code is that of the run.
func (r *runner) proseLost(c *cli.Command, why error) int {
	r.show.line("warning: prose: %s; the rules write the report", why)
	err := r.task.conclude(c, r.measured.Load(), nil)
	if err != nil {
		printError(c.Root().ErrWriter, err)
	}
	return exitCode(err)
}
