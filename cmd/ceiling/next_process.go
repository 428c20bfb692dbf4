package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"ceiling/bench/result"
)

// nextProcess makes this process the one of the next pass: the program starts
// anew in it, with a memory layout of its own, and goes on with the run as
// --resume does. Everything that is finished is on the disk, with a report, in
// case that the user ends the next one early.
func (r *runner) nextProcess(results *result.Run) error {
	err := errors.Join(result.Save(r.dir.File(result.ResultsFile), results), r.saveReport(results, r.reportOptions()))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("starting the next process: %w; go on with --resume %q", err, r.dir.Path)
	}
	passes := 0
	for i := range results.Details {
		for _, p := range passesOf(results, i) {
			passes = max(passes, p.Pass+1)
		}
	}
	r.show.line("process %d of %d", r.suite.Process(passes)+1, r.suite.Process(r.suite.Passes()-1)+1)
	r.dir.Unmark()
	r.dir.Close()
	args := []string{os.Args[0], "run", "--resume", r.dir.Path, "--" + nextPass, strconv.Itoa(passes)}
	if r.json {
		args = append(args, "--json")
	}
	err = syscall.Exec(self, args, os.Environ())
	return fmt.Errorf("starting the next process: %w; go on with --resume %q", err, r.dir.Path)
}
