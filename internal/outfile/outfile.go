// Package outfile writes the program's files: each is there whole or not at
// all, and nothing but a regular file is ever replaced.
//
// A file has no name until it is whole, so a process that is killed leaves
// nothing behind. Where the file system has no nameless files it gets a hidden
// name beside its own, and the next write to the same place removes what a
// killed process has left.
package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"
)

// mode is what new files are created with, less the umask.
const mode = 0o644

// PendingFile is a file being written. Its Write goes to the end.
type PendingFile struct {
	*os.File
	path     string // the name that it will have
	temp     string // the name that it has until then; "": none
	replaces bool   // a file of that name
}

// Write makes path hold data: either all of it, or what was there before, also
// after a power cut. A link is followed. A pipe, a terminal or another
// character device gets the bytes and stays what it is; what else is no
// regular file is refused, and so is a file that is read-only.
func Write(path string, data []byte) error { return Put(path, data, true) }

// Put is Write to a name that somebody gave: a file that is there already is an
// error that wraps fs.ErrExist, unless replace allows it.
func Put(path string, data []byte, replace bool) error {
	if err := put(path, data, replace); err != nil {
		return named(path, err)
	}
	return nil
}

// Check returns the error that Put would, as far as it can be told before anything
// is written.
func Check(path string, replace bool) error {
	if info, err := os.Stat(path); err == nil && takesBytes(info) {
		return nil
	}
	return CheckFile(path, replace)
}

// CheckFile is Check for a file that Create begins: a pipe or a device won't do.
func CheckFile(path string, replace bool) error {
	real, _, err := target(path, replace)
	if err == nil {
		err = unix.Access(filepath.Dir(real), unix.W_OK|unix.X_OK)
	}
	if err == nil {
		err = folder(filepath.Dir(real))
	}
	if err != nil {
		return named(path, err)
	}
	return nil
}

// folder refuses what is no folder.
func folder(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = unix.ENOTDIR
	}
	return err
}

func named(path string, err error) error { return fmt.Errorf("write %q: %w", path, Cause(err)) }

func put(path string, data []byte, replace bool) error {
	if info, err := os.Stat(path); err == nil {
		if into, err := opened(path, info); into != nil || err != nil {
			return errors.Join(err, writeInto(into, data))
		}
	}
	f, err := Create(path, replace)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// Create begins a file that Commit gives its name. Abort must be called in any
// case. What is at path already is an error that wraps fs.ErrExist, unless
// replace allows it; then it must be a regular file that is not read-only, or
// a link to one.
func Create(path string, replace bool) (*PendingFile, error) {
	path, perm, err := target(path, replace)
	if err != nil {
		return nil, err
	}
	sweep(path)
	f := &PendingFile{path: path, replaces: replace}
	if f.File, err = nameless(filepath.Dir(path)); err != nil {
		f.temp = besides(path)
		if f.File, err = locked(f.temp); err != nil {
			return nil, err
		}
	}
	if perm != 0 {
		if err := f.Chmod(perm); err != nil {
			f.Abort()
			return nil, err
		}
	}
	return f, nil
}

// target is where the new file goes: path, or what a link there leads to. perm
// are the permissions of the file that it replaces, 0 where there is none.
func target(path string, replace bool) (real string, perm fs.FileMode, err error) {
	link, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, 0, nil
	case err != nil:
		return "", 0, err
	case link.Mode().IsRegular() && !replace:
		return "", 0, fs.ErrExist
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", 0, errors.New("it is a link to nothing; name the file itself")
	case err != nil:
		return "", 0, err
	case !info.Mode().IsRegular():
		return "", 0, fmt.Errorf("it is a %s; name a file", kind(info.Mode()))
	case !replace:
		return "", 0, fs.ErrExist
	case info.Mode()&0o222 == 0 || unix.Access(path, unix.W_OK) != nil:
		return "", 0, errors.New("the file there is read-only; name another one, or make it writable")
	}
	real, err = filepath.EvalSymlinks(path)
	return real, info.Mode().Perm(), err
}

// kind is what a file that is not regular is called.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeCharDevice != 0:
		return "character device"
	case m&fs.ModeDevice != 0:
		return "block device"
	}
	return "socket"
}

// tmpfile is the flag for a file without a name; tests take it away.
var tmpfile = unix.O_TMPFILE

// nameless opens a file without a name in a folder. Its error says that the
// file system, or a system without procfs, has none.
func nameless(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, tmpfile|unix.O_RDWR|unix.O_APPEND|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), dir)
	if _, err := os.Lstat(throughProc(f)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// throughProc is a name by which this process can open a file of its own.
func throughProc(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// besides is a hidden name beside path that nothing else has.
func besides(path string) string {
	dir, base := filepath.Split(path)
	// A name has 255 bytes at most.
	return filepath.Join(dir, fmt.Sprintf(".%s.%016x.tmp", base[:min(len(base), 220)], rand.Uint64()))
}

// locked creates a file under a lock that ends with the process: sweep leaves
// it alone until then.
func locked(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) // without it a sweep may cost this write, and no more
	return f, nil
}

var tempSuffix = regexp.MustCompile(`^\.[0-9a-f]{1,16}\.tmp$`)

// sweep removes what killed processes have left of writes to path. What can't
// be removed is in nobody's way.
func sweep(path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	base := filepath.Base(path)
	prefix := "." + base[:min(len(base), 220)]
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), prefix); ok && tempSuffix.MatchString(rest) && e.Type().IsRegular() {
			removeUnlocked(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}

func removeUnlocked(name string) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		_ = os.Remove(name)
	}
}

// Unfinished is a name by which this process can read the file before it has
// its own.
func (f *PendingFile) Unfinished() string {
	if f.temp != "" {
		return f.temp
	}
	return throughProc(f.File)
}

// Commit flushes the file to the disk and gives it its name. The error wraps
// fs.ErrExist where a file appeared that may not be replaced.
func (f *PendingFile) Commit() error {
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.name(); err != nil {
		return err
	}
	f.temp = ""
	syncDir(filepath.Dir(f.path))
	err := f.Close() // some file systems report a full disk only here
	f.File = nil
	return err
}

// name gives the file its name.
func (f *PendingFile) name() error {
	if f.temp == "" {
		err := f.link(f.path)
		if !f.replaces || !errors.Is(err, fs.ErrExist) {
			return err
		}
		// A link can't replace a file, a rename can.
		temp := besides(f.path)
		if err := f.link(temp); err != nil {
			return err
		}
		f.temp = temp
	}
	if f.replaces {
		return os.Rename(f.temp, f.path)
	}
	return renameNew(f.temp, f.path)
}

func (f *PendingFile) link(name string) error {
	err := unix.Linkat(unix.AT_FDCWD, throughProc(f.File), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: f.Name(), New: name, Err: err}
	}
	return nil
}

// renameNew renames a file unless there is one of the new name. The kernel
// itself sees to that; a file system that can't gets a check just before.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

// Abort gives a file up that was not committed; else it does nothing.
func (f *PendingFile) Abort() {
	if f.File == nil {
		return
	}
	if f.temp != "" {
		_ = os.Remove(f.temp)
	}
	_ = f.Close()
	f.File = nil
}

// syncDir makes a new name durable where the file system can. The file's own
// bytes are safe already, so a failure is none of the caller's concern.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}

// Cause is an error of the file system without the path, for messages that name
// the one that the user knows.
func Cause(err error) error {
	var p *fs.PathError
	var l *os.LinkError
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &l):
		return l.Err
	}
	return err
}
