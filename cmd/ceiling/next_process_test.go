package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"ceiling/bench/folder"
	"ceiling/bench/result"
)

// TestInterruptedBetweenProcesses: Ctrl-C after a process's last pass, which no
// call into the engine notices any more, ends the run instead of being lost when
// the program starts anew. What was measured is on the disk, and the folder is
// still this process's.
func TestInterruptedBetweenProcesses(t *testing.T) {
	dir, err := folder.New(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	r := &runner{dir: dir, show: newProgress(io.Discard)}
	r.suite = result.Suite{Scenarios: []result.Scenario{{Name: "S", Prompts: 1, Repeat: 2}}, PassesPerProcess: 1}
	r.environ = []string{strings.Repeat("x", 1<<20)} // no program starts with that, should it come so far
	results := &result.Run{Results: []result.Summary{{Name: "S", NumPrompts: 1, SuccessfulRequests: 1}},
		Details: []result.Detail{{Status: result.StatusComplete, Repeat: 2}}, Partial: true}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.nextProcess(ctx, results); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v; a signal was lost", err)
	}
	for _, name := range []string{result.ResultsFile, result.ReportFile, result.PageFile} {
		if _, err := os.Stat(dir.File(name)); err != nil {
			t.Error(err)
		}
	}
	if other, err := folder.Earlier(dir.Path); err == nil {
		other.Close()
		t.Error("another run may go on in the folder")
	}
	if err := r.howEnded(results, ctx.Err()); exitCode(err) != exitInterrupted {
		t.Errorf("%v, exit code %d", err, exitCode(err))
	}
}
