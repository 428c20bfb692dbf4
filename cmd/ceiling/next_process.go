package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"ceiling/bench/result"
)

// nextProcess makes this process the run's next one: the program starts anew in
// it, with a memory layout and an environment of its own, and goes on with the run
// as --resume does. Everything that is finished is on the disk, with a report, in
// case that the user ends the next one early. The error is ctx's where the user has
// ended this one.
func (r *runner) nextProcess(ctx context.Context, results *result.Run) error {
	next := r.process + 1
	args := []string{"run", "--resume", r.dir.Path, "--" + nextProcess, strconv.Itoa(next)}
	if !r.ends.IsZero() {
		args = append(args, "--max-time", max(time.Until(r.ends), time.Millisecond).String())
	}
	return r.startAgain(ctx, results, fmt.Sprintf("process %d of %d", next+1, r.suite.Processes()), args)
}

// startAgain does that with the arguments behind the program's name, and tells
// that it does.
func (r *runner) startAgain(ctx context.Context, results *result.Run, told string, args []string) error {
	err := errors.Join(result.Save(r.dir.File(result.ResultsFile), results), r.saveReport(results, r.reportOptions()))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("starting the next process: %w; go on with --resume %q", err, r.dir.Path)
	}
	r.show.line("%s", told)
	// A signal that ended the context from now on would be lost: nobody looks at it
	// any more. It ends the program instead, in this process or in the next one.
	signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := ctx.Err(); err != nil {
		return err
	}
	r.dir.Unmark()
	r.dir.Close()
	args = append([]string{os.Args[0]}, args...)
	if r.json {
		args = append(args, "--json")
	}
	err = syscall.Exec(self, args, r.environ)
	return fmt.Errorf("starting the next process: %w; go on with --resume %q", err, r.dir.Path)
}
