package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// lockFile is the name of a folder's lock. Who holds it works in the folder.
const lockFile = ".lock"

// errLocked is the error of a lock that another process holds.
var errLocked = errors.New("locked by another process")

// tryLock takes a lock, a file that it makes and writes this process's number
// into. The lock ends when the file is closed, with the process at the latest.
// errLocked comes with the number of the process that has it.
func tryLock(path string) (*os.File, error) {
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
			return nil, fmt.Errorf("%w (process %s)", errLocked, orWord(strings.TrimSpace(string(holder[:n])), "unknown"))
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

func orWord(word, otherwise string) string {
	if word == "" {
		return otherwise
	}
	return word
}
