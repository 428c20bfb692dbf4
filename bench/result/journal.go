package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"ceiling/internal/oneline"
)

// RecordSink takes the records of finished requests. Append is called between
// two steps, with all requests that the step before has ended, and the next
// step begins when it returns: it must not block for long. The records do not
// change afterwards. An error of Append ends the run. Flush returns when
// everything appended would survive a loss of power.
type RecordSink interface {
	Append([]Record) error
	Flush() error
}

// syncEvery is how often what was written is forced to the disk, so that a
// loss of power costs the last second at most.
const syncEvery = 500 * time.Millisecond

// Journal appends records to requests.jsonl. Append hands them to the system
// in one write: what has ended before a step survives whatever happens to the
// process in it. A goroutine of its own forces them to the disk within a
// second; Flush and Close do it at once.
type Journal struct {
	file journalFile
	quit chan struct{}
	done chan struct{}

	mu    sync.Mutex
	lines bytes.Buffer
	dirty bool  // something was written since the last sync began
	size  int64 // bytes of whole lines
	err   error // the first one
}

// journalFile is what a journal needs of its file.
type journalFile interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
}

// CreateJournal makes a new journal. A file that is there already is an error:
// its records would be lost or mixed with these.
func CreateJournal(path string) (*Journal, error) {
	return openJournal(path, os.O_CREATE|os.O_EXCL)
}

// AppendJournal goes on with the journal of an earlier run, which Cut has cut
// back to its complete scenarios. A run that was killed early has none yet.
func AppendJournal(path string) (*Journal, error) { return openJournal(path, os.O_CREATE) }

func openJournal(path string, mode int) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("journal %q: %w: use another --out", path, oneline.Cause(err))
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal %q: %w", path, oneline.Cause(err)), f.Close())
	}
	return newJournal(f, info.Size()), nil
}

func newJournal(file journalFile, size int64) *Journal {
	j := &Journal{file: file, size: size, quit: make(chan struct{}), done: make(chan struct{})}
	go j.keepSynced()
	return j
}

// Append writes records, one line each, and returns the first error that the
// journal has met so far.
func (j *Journal) Append(records []Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	j.lines.Reset()
	enc := json.NewEncoder(&j.lines)
	for i := range records {
		if err := enc.Encode(&records[i]); err != nil {
			j.fail("encode", err)
			return j.err
		}
	}
	n, err := j.file.Write(j.lines.Bytes())
	if err == nil {
		j.size += int64(n)
		j.dirty = true
		return nil
	}
	j.fail("write", err)
	if n > 0 {
		// A full disk cuts a line short: take the piece back, so that every line
		// of the file is a record.
		whole := int64(bytes.LastIndexByte(j.lines.Bytes()[:n], '\n') + 1)
		j.size += whole
		if err := j.file.Truncate(j.size); err != nil {
			j.fail("truncate", err)
		}
	}
	return j.err
}

// Flush forces every record appended so far to the disk, and returns the first
// error of the journal.
func (j *Journal) Flush() error {
	j.sync()
	return j.Err()
}

// Err is the first error of the journal, or nil.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Close flushes and closes the file. Nothing may be appended afterwards.
func (j *Journal) Close() error {
	close(j.quit)
	<-j.done
	flushed := j.Flush()
	if err := j.file.Close(); flushed == nil && err != nil {
		return fmt.Errorf("journal: close: %w", oneline.Cause(err))
	}
	return flushed
}

func (j *Journal) keepSynced() {
	defer close(j.done)
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-j.quit:
			return
		case <-ticker.C:
			j.sync()
		}
	}
}

// sync forces what was written to the disk, without keeping Append waiting.
func (j *Journal) sync() {
	j.mu.Lock()
	dirty := j.dirty
	j.dirty = false
	j.mu.Unlock()
	if !dirty {
		return
	}
	err := j.file.Sync()
	// Pipes and some network file systems can't sync; what was written is still
	// with the kernel.
	if err == nil || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fail("sync", err)
}

// fail keeps the first error. It needs the lock.
func (j *Journal) fail(what string, err error) {
	if j.err == nil {
		j.err = fmt.Errorf("journal: %s: %w: free some space or use another --out", what, oneline.Cause(err))
	}
}
