package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/internal/files"
	"ceiling/internal/outfile"
)

// earlierRun is what the run that --resume names has left.
type earlierRun struct {
	path     string
	manifest result.Manifest
	// processes are attempted, where the run's own process goes on with the next.
	processes int
	recorded  map[string]any // the manifest, with what this program may not know of
	then      *cli.Command   // the command line that began it
}

// takeOver reads the run that --resume names, and gives each flag that does
// not stand on the command line the value it had there. nil: a new run.
func takeOver(ctx context.Context, c *cli.Command, same func() *cli.Command) (*earlierRun, error) {
	if c.String("resume") == "" {
		return nil, nil
	}
	e, err := readEarlier(c.String("resume"))
	if err != nil {
		return nil, err
	}
	then, err := e.parse(ctx, same())
	if err != nil {
		return nil, err
	}
	e.then = then
	// The suite is in the manifest as it was run, and may lie nowhere else.
	own := []string{"resume", "out", "json", "model", "api-key", "settings"}
	if !slices.ContainsFunc([]string{"suite", "sweep", "only", "repeat", "repeat-process"}, c.IsSet) {
		own = append(own, "suite", "sweep", "only", "repeat", "repeat-process", "retry")
	}
	for _, f := range then.Flags {
		name := f.Names()[0]
		if !then.IsSet(name) || c.IsSet(name) || slices.Contains(own, name) {
			continue
		}
		value := flagText(f)
		if name == "url" && strings.Contains(value, ":xxxxx@") {
			continue // its password was not recorded
		}
		if err := c.Set(name, value); err != nil {
			return nil, usagef("--resume %q: --%s %s of its command line: %w; start a new run", e.path, name, value, err)
		}
	}
	if c.IsSet("model") {
		return e, nil
	}
	path := e.manifest.Model.Path
	if from := e.manifest.Model.ConvertedFrom; from != nil {
		path = from.Path
	}
	return e, c.Set("model", path)
}

// sameFlags refuses flags that have another value than the run began with. nil, of a
// new run, refuses nothing.
func (e *earlierRun) sameFlags(c *cli.Command, names ...string) error {
	if e == nil {
		return nil
	}
	var errs []error
	for _, name := range names {
		if then, now := flagText(findFlag(e.then, name)), flagText(findFlag(c, name)); then != now {
			errs = append(errs, fmt.Errorf("--resume: another --%s: %s then, %s now", name, then, now))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return usagef("%w\nuse the same, or start a new search", errors.Join(errs...))
}

func readEarlier(dir string) (*earlierRun, error) {
	if !files.IsDir(dir) {
		return nil, usagef("--resume %q: no such folder; name the folder of a run", dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, result.ManifestFile))
	if err != nil {
		return nil, usagef("--resume %q: %w; name the folder of a run that has its %s", dir, outfile.Cause(err), result.ManifestFile)
	}
	e := &earlierRun{path: dir}
	if err = json.Unmarshal(text, &e.manifest); err == nil {
		e.recorded, err = result.DecodeManifest(text)
	}
	if err != nil {
		return nil, usagef("--resume %q: %s does not parse: %w; start a new run", dir, result.ManifestFile, err)
	}
	return e, nil
}

// parse reads the command line that began the run, without doing what it says.
func (e *earlierRun) parse(ctx context.Context, same *cli.Command) (*cli.Command, error) {
	args := e.manifest.CommandLine
	if len(args) < 2 || args[1] != same.Name {
		return nil, usagef("--resume %q: the run was not begun by `ceiling %s`, but by %q; go on with it by that, or start a new one", e.path, same.Name, args[:min(len(args), 2)])
	}
	var then *cli.Command
	same.Action = func(_ context.Context, c *cli.Command) error { then = c; return nil }
	same.Writer, same.ErrWriter = io.Discard, io.Discard
	same.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err }
	err := same.Run(ctx, args[1:])
	if err == nil && then == nil {
		err = errors.New("it runs nothing")
	}
	if err != nil {
		return nil, usagef("--resume %q: the command line in its %s: %w; start a new run", e.path, result.ManifestFile, err)
	}
	return then, nil
}

// results are those that were saved; nil: none yet.
func (e *earlierRun) results() (*result.Run, error) {
	saved, err := result.Load(filepath.Join(e.path, result.ResultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return saved, err
}

// state is what of the suite is finished.
func (e *earlierRun) state(suite result.Suite) (*bench.ResumeState, error) {
	saved, err := e.results()
	if err != nil {
		return nil, err
	}
	return bench.Resume(filepath.Join(e.path, result.JournalFile), saved, suite, e.processes)
}

// finished says whether nothing of the run is left to do.
func (e *earlierRun) finished(suite result.Suite) (bool, error) {
	for _, name := range []string{result.JournalFile, result.ReportFile, result.PageFile} {
		if _, err := os.Stat(filepath.Join(e.path, name)); err != nil {
			return false, nil
		}
	}
	state, err := e.state(suite)
	if err != nil {
		return false, err
	}
	return state.Finished(suite), nil
}

// nothingLeft says so where the run that --resume names is finished. Nothing
// of it is touched.
func (s *settings) nothingLeft(c *cli.Command) (bool, error) {
	if s.earlier == nil {
		return false, nil
	}
	done, err := s.earlier.finished(s.suite)
	if done {
		fmt.Fprintf(c.Root().ErrWriter, "the run in %s is finished: nothing to do\n", s.out)
	}
	return done, err
}

// readState reads what is finished, now that nobody else is at work in the
// folder.
func (r *runner) readState() error {
	if r.earlier == nil {
		return nil
	}
	var err error
	if r.resumed, err = r.earlier.state(r.suite); err != nil {
		return err
	}
	return r.findDeath()
}

// searchFinished says so where the search that --resume names has its answer.
func (r *runner) searchFinished() (bool, error) {
	saved, err := r.earlier.results()
	done := err == nil && saved != nil && !saved.Partial
	if done {
		r.show.line("the search in %s is finished: nothing to do", r.out)
	}
	return done, err
}

// readProbes reads what an earlier part of a search has measured; nil where there is
// none.
func (r *runner) readProbes() (past *bench.EarlierProbes, saved *result.Run, err error) {
	if r.earlier == nil {
		return nil, nil, nil
	}
	if saved, err = r.earlier.results(); err != nil {
		return nil, nil, err
	}
	if past, err = bench.ReadEarlierProbes(r.dir.File(result.JournalFile), saved); err != nil {
		return nil, nil, err
	}
	r.resumed = past.State
	return past, saved, nil
}

// mostDifferences is how many lines of differences are printed.
const mostDifferences = 20

// sameRun compares all that two manifests record of the parts that are named,
// all for none. Its error has a line for each difference.
func (e *earlierRun) sameRun(now *result.Manifest, parts ...string) error {
	lines, err := now.Differences(e.recorded, parts...)
	if err != nil || len(lines) == 0 {
		return err
	}
	if n := len(lines) - mostDifferences; n > 0 {
		lines = append(lines[:mostDifferences], fmt.Sprintf("%d differences more", n))
	}
	for i, line := range lines {
		lines[i] = fmt.Sprintf("--resume: %s", line)
	}
	return usagef("%s\nuse the same, or start a new run", strings.Join(lines, "\n"))
}
