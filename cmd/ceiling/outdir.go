package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ceiling/engine/checkpoint/hf"
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

// runFiles are all of them.
var runFiles = []string{resultsFile, manifestFile, journalFile, reportFile, pageFile, proseFile, telemetryFile, logFile, markerFile, crashFile}

// outDir is the folder of a run, which holds its lock: no other run starts in
// it, or goes on with it.
type outDir struct {
	path  string
	lock  *os.File
	fresh bool     // the run began in it, with nothing there
	made  []string // folders that this run made, the outermost first
}

// takeDir takes the folder that the settings name, before anything is written.
func takeDir(s *settings) (*outDir, error) {
	switch {
	case s.earlier != nil:
		return takeEarlier(s.out)
	case s.out == "":
		return takeDefault(defaultOut(s.model, time.Now()))
	}
	return takeNew(s.out)
}

// takeNew takes a folder for a new run, and makes it where there is none. One
// that holds anything is refused: a run's results would be lost, and nothing
// else is to be mixed with a run.
func takeNew(path string) (*outDir, error) {
	if err := vacant(path, nil); err != nil {
		return nil, err
	}
	d := &outDir{path: path, fresh: true}
	err := d.makeAll(filepath.Clean(path))
	if err == nil {
		err = d.take()
	}
	if err == nil {
		err = vacant(path, d.lock) // and under the lock it stays so
	}
	if err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

// takeDefault takes path or, where another run has that, path-2 and so on.
func takeDefault(path string) (*outDir, error) {
	d := &outDir{path: path, fresh: true}
	err := d.makeAll(filepath.Dir(path))
	for n := 2; err == nil; n++ {
		err = os.Mkdir(d.path, 0o755)
		if err == nil {
			d.made = append(d.made, d.path)
			err = d.take()
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			err = unwritable(path, err)
			break
		}
		d.path, err = fmt.Sprintf("%s-%d", path, n), nil
	}
	if err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

// takeEarlier takes the folder of a run to go on with.
func takeEarlier(path string) (*outDir, error) {
	if !isDir(path) {
		return nil, usagef("--resume %q: no such folder; name the folder of a run", path)
	}
	d := &outDir{path: path}
	if err := d.take(); err != nil {
		return nil, err
	}
	for _, name := range runFiles {
		if info, err := os.Lstat(d.file(name)); err == nil && !info.Mode().IsRegular() {
			d.close()
			return nil, usagef("--resume %q: %s is no regular file; put the run's own file there", path, name)
		}
	}
	return d, nil
}

// vacant refuses a folder that holds anything but a lock that is this run's
// own, or nobody's.
func vacant(path string, own *os.File) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unwritable(path, err)
	}
	other, left := "", ""
	for _, e := range entries {
		switch e.Name() {
		case lockFile:
			if own != nil {
				continue
			}
			f, err := tryLock(filepath.Join(path, lockFile))
			if err != nil {
				return lockError("--out", path, err)
			}
			f.Close()
		case resultsFile, journalFile, manifestFile:
			return usagef("--out %q holds a run already (%s); choose another folder, or go on with --resume %q", path, e.Name(), path)
		case logFile, crashFile:
			left = e.Name()
		default:
			other = e.Name()
		}
	}
	if other == "" && left != "" {
		return usagef("--out %q holds what a run left that died before it measured anything (%s); remove it, or choose another folder", path, left)
	}
	if other != "" {
		return usagef("--out %q holds something else (%s); choose a new folder, or an empty one", path, other)
	}
	return nil
}

func lockError(flag, path string, err error) error {
	if !errors.Is(err, errLocked) {
		return unwritable(path, err)
	}
	return usagef("%s %q: another run is at work there: %w; wait for its end, or choose another folder", flag, path, err)
}

func unwritable(path string, err error) error {
	return fmt.Errorf("output folder %q: %w; choose one that can be written to with --out", path, cause(err))
}

// makeAll makes a folder and those above it, and keeps in mind which.
func (d *outDir) makeAll(path string) error {
	err := os.Mkdir(path, 0o755)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		if err := d.makeAll(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o755)
	}
	switch {
	case err == nil:
		d.made = append(d.made, path)
	case errors.Is(err, fs.ErrExist) && isDir(path):
	default:
		return unwritable(d.path, err)
	}
	return nil
}

// take locks the folder.
func (d *outDir) take() error {
	lock, err := tryLock(d.file(lockFile))
	switch {
	case err == nil:
		d.lock = lock
		return nil
	case d.fresh:
		return lockError("--out", d.path, err)
	}
	return lockError("--resume", d.path, err)
}

// close lets go of the folder.
func (d *outDir) close() {
	if d.lock != nil {
		os.Remove(d.lock.Name())
		d.lock.Close()
		d.lock = nil
	}
}

// file is the path of one of the run's files.
func (d *outDir) file(name string) string { return filepath.Join(d.path, name) }

// discard lets go of the folder of a run that measured nothing. What it has
// written goes, which is all that a folder holds that was empty before, and so
// do the folders that it made.
func (d *outDir) discard() {
	if d.fresh && d.lock != nil {
		for _, name := range runFiles {
			os.Remove(d.file(name))
		}
	}
	d.close()
	for i := len(d.made) - 1; i >= 0; i-- {
		os.Remove(d.made[i]) // as far as it is empty
	}
}

// lastLines are the last few lines of a log; none where it can't be read.
func lastLines(path string) []string {
	const most, tail = 8, 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tail {
		_, _ = f.Seek(-tail, io.SeekEnd) // else the first lines are those shown
	}
	text, _ := io.ReadAll(io.LimitReader(f, tail)) // half a log is better than none
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return lines[max(len(lines)-most, 0):]
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
