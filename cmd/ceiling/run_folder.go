package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"ceiling/bench/folder"
	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/engine/checkpoint/hf"
	"ceiling/internal/files"
	"ceiling/report/render"
)

// takeDir takes the folder that the settings name, before anything is written.
func takeDir(s *settings) (dir *folder.Folder, err error) {
	switch {
	case s.out == "-":
		return nil, usagef("--out -: a run is a folder of files; name a folder")
	case s.earlier != nil:
		dir, err = folder.Earlier(s.out)
	case s.out == "":
		dir, err = folder.NewDefault(defaultOut(s.model, time.Now()))
	default:
		dir, err = folder.New(s.out)
	}
	if errors.As(err, new(folder.Refusal)) {
		err = codedError{exitUsage, err}
	}
	return dir, err
}

// defaultOut is results/<model>-<UTC time>.
func defaultOut(model string, now time.Time) string {
	name := strings.TrimSuffix(filepath.Base(model), ".gguf")
	if files.IsDir(model) {
		name = hf.ModelName(model)
	}
	return filepath.Join(folder.Runs, name+"-"+now.UTC().Format("20060102T150405Z"))
}

// pointLatest makes results/latest point to the run.
func (r *runner) pointLatest() {
	if err := r.dir.Point(); err != nil {
		r.show.line("note: %v", err)
	}
}

// intoHistory brings the page of all runs up to date, where the run lies among
// them. What goes wrong there is no failure of the run.
func (r *runner) intoHistory() {
	runs, ok := r.dir.Among()
	if !ok {
		return
	}
	if err := render.UpdateHistory(runs, version); err != nil {
		r.show.line("note: the history of the runs in %q is not brought up to date: %v", runs, err)
	}
}

// mark leaves the marker of a scenario that is about to begin.
func (r *runner) mark(pass, scenario int) error {
	return r.dir.Mark(folder.Marker{Name: r.suite.Scenarios[scenario].Name, Scenario: scenario, Pass: pass, Started: time.Now().Format(time.RFC3339)})
}

// keepCrash prepares for what can be written in a crash.
func (r *runner) keepCrash() error {
	f, err := r.dir.KeepCrash()
	if err != nil {
		return err
	}
	return engine.CrashOutput(f)
}

// findDeath looks whether the earlier part of the run died in a scenario, and
// says so. One that the process crashed in is recorded as failed, because it
// may do so again and the others would never get their turn; one that it was
// killed in is tried again.
func (r *runner) findDeath() error {
	m, err := r.dir.Marked()
	if m == nil && err == nil {
		return nil
	}
	if err != nil || m.Scenario < 0 || m.Scenario >= len(r.suite.Scenarios) || r.suite.Scenarios[m.Scenario].Name != m.Name {
		return usagef("--resume %q: %s does not fit the run; remove it, or start a new run", r.dir.Path, result.MarkerFile)
	}
	if r.resumed.Complete(r.suite, m.Pass, m.Scenario) {
		return nil
	}
	if word := r.dir.Crash(); word != "" {
		reason := fmt.Sprintf("the process crashed in it: %s", word)
		r.resumed.Fail(r.suite, m.Pass, m.Scenario, reason)
		r.show.line("note: scenario %q is recorded as failed: %s; the next --resume tries it again", m.Name, reason)
		return nil
	}
	why := "killed, out of memory, or ended by a library"
	if !m.SameBoot() {
		why = "the machine went down"
	}
	r.died = m
	r.show.line("note: the process died while scenario %q ran (%s); it is tried again", m.Name, why)
	return nil
}

// observeDeath marks a scenario that the process died in before.
func (r *runner) observeDeath(d *result.Detail) {
	if r.died != nil && r.died.Name == d.Name {
		d.Warnings = append(d.Warnings, fmt.Sprintf("the process died in this scenario in the run's earlier part, which began it at %s", r.died.Started))
	}
}
