// Package folder is the folder of a run: who may work in it, and what is left of
// a run that measured nothing or died.
package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ceiling/bench/result"
	"ceiling/internal/dirlock"
	"ceiling/internal/files"
	"ceiling/internal/outfile"
)

// runFiles are all of them.
var runFiles = []string{result.ResultsFile, result.ManifestFile, result.JournalFile, result.ReportFile, result.PageFile, result.ProseFile, result.TelemetryFile, result.LogFile, result.TunedFile, result.MarkerFile, result.CrashFile}

// Refusal is the error of a folder that is not for this run, which names
// another one to take.
type Refusal struct{ err error }

func (r Refusal) Error() string { return r.err.Error() }

// Unwrap is what was met.
func (r Refusal) Unwrap() error { return r.err }

func refusef(format string, args ...any) error { return Refusal{fmt.Errorf(format, args...)} }

// Folder is the folder of a run, which holds its lock: no other run starts in
// it, or goes on with it.
type Folder struct {
	Path  string
	lock  *os.File
	fresh bool     // the run began in it, with nothing there
	made  []string // folders that this run made, the outermost first
}

// New takes a folder for a new run, and makes it where there is none. One
// that holds anything is refused: a run's results would be lost, and nothing
// else is to be mixed with a run.
func New(path string) (*Folder, error) {
	if err := vacant(path, nil); err != nil {
		return nil, err
	}
	d := &Folder{Path: path, fresh: true}
	err := d.makeAll(filepath.Clean(path))
	if err == nil {
		err = d.take()
	}
	if err == nil {
		err = vacant(path, d.lock) // and under the lock it stays so
	}
	if err != nil {
		d.Discard()
		return nil, err
	}
	return d, nil
}

// NewDefault takes path or, where another run has that, path-2 and so on.
func NewDefault(path string) (*Folder, error) {
	d := &Folder{Path: path, fresh: true}
	err := d.makeAll(filepath.Dir(path))
	for n := 2; err == nil; n++ {
		err = os.Mkdir(d.Path, 0o755)
		if err == nil {
			d.made = append(d.made, d.Path)
			err = d.take()
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			err = unwritable(path, err)
			break
		}
		d.Path, err = fmt.Sprintf("%s-%d", path, n), nil
	}
	if err != nil {
		d.Discard()
		return nil, err
	}
	return d, nil
}

// Earlier takes the folder of a run to go on with.
func Earlier(path string) (*Folder, error) {
	if !files.IsDir(path) {
		return nil, refusef("--resume %q: no such folder; name the folder of a run", path)
	}
	d := &Folder{Path: path}
	if err := d.take(); err != nil {
		return nil, err
	}
	for _, name := range runFiles {
		if info, err := os.Lstat(d.File(name)); err == nil && !info.Mode().IsRegular() {
			d.Close()
			return nil, refusef("--resume %q: %s is no regular file; put the run's own file there", path, name)
		}
	}
	return d, nil
}

// vacant refuses a folder that holds anything but a lock that is this run's
// own, or nobody's.
func vacant(path string, own *os.File) error {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return unwritable(path, syscall.ENOTDIR) // a pipe would be waited for
	}
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
		case dirlock.Name:
			if own != nil {
				continue
			}
			f, err := dirlock.Take(path)
			if err != nil {
				return lockError("--out", path, err)
			}
			f.Close()
		case result.ResultsFile, result.JournalFile, result.ManifestFile:
			return refusef("--out %q holds a run already (%s); choose another folder, or go on with --resume %q", path, e.Name(), path)
		case result.LogFile, result.CrashFile:
			left = e.Name()
		default:
			other = e.Name()
		}
	}
	if other == "" && left != "" {
		return refusef("--out %q holds what a run left that died before it measured anything (%s); remove it, or choose another folder", path, left)
	}
	if other != "" {
		return refusef("--out %q holds something else (%s); choose a new folder, or an empty one", path, other)
	}
	return nil
}

func lockError(flag, path string, err error) error {
	if !errors.Is(err, dirlock.ErrLocked) {
		return unwritable(path, err)
	}
	return refusef("%s %q: another run is at work there: %w; wait for its end, or choose another folder", flag, path, err)
}

func unwritable(path string, err error) error {
	return fmt.Errorf("output folder %q: %w; choose one that can be written to with --out", path, outfile.Cause(err))
}

// makeAll makes a folder and those above it, and keeps in mind which.
func (d *Folder) makeAll(path string) error {
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
	case errors.Is(err, fs.ErrExist) && files.IsDir(path):
	default:
		return unwritable(d.Path, err)
	}
	return nil
}

// take locks the folder.
func (d *Folder) take() error {
	lock, err := dirlock.Take(d.Path)
	switch {
	case err == nil:
		d.lock = lock
		return nil
	case d.fresh:
		return lockError("--out", d.Path, err)
	}
	return lockError("--resume", d.Path, err)
}

// Close lets go of the folder.
func (d *Folder) Close() {
	if d.lock != nil {
		os.Remove(d.lock.Name())
		d.lock.Close()
		d.lock = nil
	}
}

// File is the path of one of the run's files.
func (d *Folder) File(name string) string { return filepath.Join(d.Path, name) }

// Discard lets go of the folder of a run that measured nothing. What it has
// written goes, which is all that a folder holds that was empty before, and so
// do the folders that it made.
func (d *Folder) Discard() {
	if d.fresh && d.lock != nil {
		for _, name := range runFiles {
			os.Remove(d.File(name))
		}
	}
	d.Close()
	for i := len(d.made) - 1; i >= 0; i-- {
		os.Remove(d.made[i]) // as far as it is empty
	}
}

// LastLines are the last few lines of a log; none where it can't be read.
func LastLines(path string) []string {
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
