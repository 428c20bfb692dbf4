package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
)

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

// saveOnAbort keeps what a run has finished when the engine ends the process:
// the scenario that runs has failed with the reason, the report is partial.
func (r *runner) saveOnAbort(c *cli.Command) {
	engine.OnAbort(func(reason string) int {
		defer r.dir.close()
		if r.writing.Load() {
			return r.proseLost(c, reason)
		}
		err := endedError(reason)
		results, saveErr := r.rescue.Results(errors.New(reason))
		if results == nil {
			results = r.measured.Load() // freeing the model met the fault
		}
		r.show.clear()
		if results == nil || len(results.Results) == 0 {
			r.discard(err)
		} else {
			results.Engine.Sampling, results.Engine.PeakRSSBytes = r.opener.sampling(), peakRSS()
			units, _ := r.suite.Plan()
			err = fmt.Errorf("%w; %d of %d scenarios complete%s, the partial result is in %s, go on with --resume %q",
				err, complete(results), len(units), inPasses(r.suite), r.dir.path, r.dir.path)
			// The run's context may have ended too; this is the reason.
			err = r.conclude(context.Background(), c, results, err)
		}
		printError(c.Root().ErrWriter, errors.Join(err, saveErr))
		return exitFailed
	})
}

// proseLost ends a run whose scenarios are all measured: the rules write the
// report, and the exit code is that of the run.
func (r *runner) proseLost(c *cli.Command, reason string) int {
	r.show.line("warning: prose: %s; the rules write the report", endedError(reason))
	err := r.conclude(context.Background(), c, r.measured.Load(), nil)
	if err != nil {
		printError(c.Root().ErrWriter, err)
	}
	return exitCode(err)
}
