// Package dirlock gives a folder to one process at a time.
package dirlock

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Name is that of a folder's lock. Who holds it works in the folder.
const Name = ".lock"

// ErrLocked is the error of a folder that another process holds.
var ErrLocked = errors.New("locked by another process")

// Take takes a folder's lock, a file that it makes and writes this process's
// number into. The lock ends when the file is closed, with the process at the
// latest. ErrLocked comes with the number of the process that has it.
func Take(dir string) (*os.File, error) {
	path := filepath.Join(dir, Name)
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o644)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil && !isAt(f, path) { // its holder has removed it meanwhile
			f.Close()
			continue
		}
		if err == nil {
			if err = f.Truncate(0); err == nil {
				_, err = fmt.Fprintln(f, os.Getpid())
			}
		}
		if err == nil {
			return f, nil
		}
		defer f.Close()
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			holder := make([]byte, 32)
			n, _ := f.Read(holder)
			return nil, fmt.Errorf("%w (process %s)", ErrLocked, cmp.Or(strings.TrimSpace(string(holder[:n])), "unknown"))
		case errors.Is(err, syscall.EINTR):
			continue
		}
		return nil, err
	}
}

func isAt(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(open, now)
}
