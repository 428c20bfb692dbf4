package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// RecordSink takes the records of finished requests. Append is called from
// the goroutine that drives the engine, between steps, and must not block for
// long; the record does not change afterwards. An error of Append, which may
// be that of an earlier record, ends the run. Flush returns when everything
// appended is stored, with the first error there was.
type RecordSink interface {
	Append(*Record) error
	Flush() error
}

// journalBacklog is how many finished requests may wait for the writer. It is
// far more than can end in one step, so Append blocks only where the disk
// stands still; then it waits, because a record is never dropped.
const journalBacklog = 1024

// Journal appends records to requests.jsonl. Encoding and writing happen in a
// goroutine of its own, outside the timed loop. Each record is one write of
// one line, so what is finished survives a crash of the process at once; it
// is forced to the disk at each Flush and at Close, which is at scenario
// ends.
type Journal struct {
	file *os.File
	in   chan journalItem
	done chan struct{}

	mu   sync.Mutex
	err  error // the first one
	size int64 // bytes of whole lines
}

// journalItem is a record to write, or a request to report that everything
// before it is on the disk.
type journalItem struct {
	record *Record
	synced chan<- struct{}
}

// CreateJournal makes a new journal. A file that is there already is an error:
// its records would be lost or mixed with these.
func CreateJournal(path string) (*Journal, error) {
	return openJournal(path, os.O_CREATE|os.O_EXCL)
}

// AppendJournal goes on with the journal of an earlier run, which Resume has
// cut back to its complete scenarios.
func AppendJournal(path string) (*Journal, error) { return openJournal(path, 0) }

func openJournal(path string, mode int) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("journal %q: %w: use another --out", path, unwrapPath(err))
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal %q: %w", path, unwrapPath(err)), f.Close())
	}
	j := &Journal{file: f, size: info.Size(), in: make(chan journalItem, journalBacklog), done: make(chan struct{})}
	go j.write()
	return j, nil
}

// Append hands a record to the writer, and returns the first error that the
// writer has met so far. The record must not change afterwards.
func (j *Journal) Append(r *Record) error {
	j.in <- journalItem{record: r}
	return j.Err()
}

// Flush waits until every record appended so far is on the disk, and returns
// the first error of the journal.
func (j *Journal) Flush() error {
	synced := make(chan struct{})
	j.in <- journalItem{synced: synced}
	<-synced
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
	flushed := j.Flush()
	close(j.in)
	<-j.done
	if err := j.file.Close(); flushed == nil && err != nil {
		return fmt.Errorf("journal: close: %w", unwrapPath(err))
	}
	return flushed
}

func (j *Journal) write() {
	defer close(j.done)
	for item := range j.in {
		switch {
		case item.synced != nil:
			j.sync()
			close(item.synced)
		case j.Err() == nil:
			j.line(item.record)
		}
	}
}

func (j *Journal) line(r *Record) {
	line, err := json.Marshal(r)
	if err != nil {
		j.fail("encode", err)
		return
	}
	n, err := j.file.Write(append(line, '\n'))
	if err != nil {
		j.fail("write", err)
		if n > 0 {
			// A full disk cuts the line short: take the piece back, so that
			// every line of the file is a record.
			if err := j.file.Truncate(j.size); err != nil {
				j.fail("truncate", err)
			}
		}
		return
	}
	j.size += int64(n)
}

func (j *Journal) sync() {
	// Pipes and some network file systems can't sync; what was written is
	// still with the kernel.
	if err := j.file.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		j.fail("sync", err)
	}
}

func (j *Journal) fail(what string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err == nil {
		j.err = fmt.Errorf("journal: %s: %w: free some space or use another --out", what, unwrapPath(err))
	}
}
