package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ceiling/engine/awq/hf"
)

// The files of a run.
const (
	resultsFile   = "results.json"
	manifestFile  = "manifest.json"
	journalFile   = "requests.jsonl"
	reportFile    = "report.md"
	pageFile      = "report.html"
	telemetryFile = "telemetry.jsonl"
	logFile       = "engine.log"
)

// outDir is the folder of a run. What did not exist before is taken away
// again by discard, as long as nothing was measured.
type outDir struct {
	path    string
	created []string // folders that this run made, the outermost first
}

// newOutDir makes the folder and checks that it can be written to. A folder
// that holds a run already is refused: its results would be lost.
func newOutDir(path string) (*outDir, error) {
	d := &outDir{path: path}
	for _, name := range []string{resultsFile, journalFile, manifestFile} {
		if _, err := os.Lstat(filepath.Join(path, name)); err == nil {
			return nil, usagef("--out %q holds a run already (%s); choose another folder, or go on with --resume %q", path, name, path)
		}
	}
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p) {
			break
		}
		d.created = append([]string{p}, d.created...)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		d.discard()
		return nil, fmt.Errorf("output folder %q: %w; choose one that can be written to with --out", path, cause(err))
	}
	probe, err := os.CreateTemp(path, ".write-*")
	if err != nil {
		d.discard()
		return nil, fmt.Errorf("output folder %q: %w; choose one that can be written to with --out", path, cause(err))
	}
	probe.Close()
	os.Remove(probe.Name())
	return d, nil
}

// file is the path of one of the run's files.
func (d *outDir) file(name string) string { return filepath.Join(d.path, name) }

// discard removes what a run that measured nothing has left: its files and
// the folders it made, as far as they are empty then.
func (d *outDir) discard() {
	for _, name := range []string{resultsFile, manifestFile, journalFile, reportFile, pageFile, proseFile, telemetryFile, logFile} {
		os.Remove(d.file(name))
	}
	for i := len(d.created) - 1; i >= 0; i-- {
		os.Remove(d.created[i])
	}
}

// defaultOut is results/<model>-<UTC time>.
func defaultOut(model string, now time.Time) string {
	name := strings.TrimSuffix(filepath.Base(model), ".gguf")
	if isDir(model) {
		name = hf.ModelName(model)
	}
	return filepath.Join("results", name+"-"+now.UTC().Format("20060102T150405Z"))
}

// cause is an error without the path that the message names already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
