package outfile

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// readerTime is how long a pipe may be without a reader.
const readerTime = 5 * time.Second

// opened returns what bytes for path are written into as it is: this process's
// own output where path leads there (/dev/stdout, also in a file), a pipe or a
// character device. nil: neither, path is to be written as a file.
func opened(path string, info fs.FileInfo) (*os.File, error) {
	if own := ownOutput(info); own != nil || !takesBytes(info) {
		return own, nil
	}
	// A pipe can't be opened while nobody reads; waiting in open would be deaf
	// to Ctrl-C, and for ever.
	for limit := time.Now().Add(readerTime); ; time.Sleep(20 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		if errors.Is(err, unix.ENXIO) && info.Mode()&fs.ModeNamedPipe != 0 {
			if time.Now().Before(limit) {
				continue
			}
			err = errors.New("nobody reads from this pipe; start the reader first")
		}
		return f, err
	}
}

// ownOutput is this process's output that info describes, nil for none.
func ownOutput(info fs.FileInfo) *os.File {
	for _, own := range []*os.File{os.Stdout, os.Stderr} {
		if is, err := own.Stat(); err == nil && os.SameFile(is, info) {
			return own
		}
	}
	return nil
}

// takesBytes tells whether bytes are written into something as it is.
func takesBytes(info fs.FileInfo) bool {
	return info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0 || ownOutput(info) != nil
}

// writeInto writes data and closes f, but for the process's own outputs.
func writeInto(f *os.File, data []byte) error {
	if f == nil {
		return nil
	}
	_, err := f.Write(data)
	if f == os.Stdout || f == os.Stderr {
		return err
	}
	return errors.Join(err, f.Close())
}
