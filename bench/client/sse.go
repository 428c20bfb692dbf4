package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// longestEvent bounds one event of a stream, in bytes: with a token in it, it
// has a few hundred.
const longestEvent = 1 << 20

var errLongEvent = &requestError{reason: fmt.Sprintf("an event of more than %d bytes in the stream", longestEvent)}

// events reads server-sent events. Each is stamped with the return of the
// read that completed it, so what is done with one event is not charged to
// the next one that came along with it.
type events struct {
	in   io.Reader
	now  func() time.Duration
	buf  []byte
	r, w int           // what is read and not taken yet is buf[r:w]
	at   time.Duration // of the last read
	data []byte
	err  error // of the last read
}

func newEvents(in io.Reader, now func() time.Duration) *events {
	return &events{in: in, now: now, buf: make([]byte, 16<<10)}
}

// next returns the data of the next event, valid until the next call, and
// when it arrived. Comments and other fields are skipped. At the end of the
// stream the error is io.EOF; an event that the stream ended in, without its
// empty line, is still returned before.
func (e *events) next() (data []byte, at time.Duration, err error) {
	e.data = e.data[:0]
	lines := 0
	for {
		line, err := e.line()
		if err != nil {
			if errors.Is(err, io.EOF) && lines > 0 {
				return e.data, e.at, nil
			}
			return nil, 0, err
		}
		if len(line) == 0 {
			if lines > 0 {
				return e.data, e.at, nil
			}
			continue
		}
		value, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		if len(e.data)+len(value) > longestEvent {
			return nil, 0, errLongEvent
		}
		if lines++; lines > 1 {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, bytes.TrimPrefix(value, []byte(" "))...)
	}
}

// line returns the next line without its end, valid until the next call. A
// last line without an end is returned like any other.
func (e *events) line() ([]byte, error) {
	from := e.r
	for {
		if i := bytes.IndexByte(e.buf[from:e.w], '\n'); i >= 0 {
			line := e.buf[e.r : from+i]
			e.r = from + i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if e.err != nil {
			if e.r < e.w && errors.Is(e.err, io.EOF) {
				line := e.buf[e.r:e.w]
				e.r = e.w
				return bytes.TrimSuffix(line, []byte("\r")), nil
			}
			return nil, e.err
		}
		if e.w-e.r > longestEvent {
			return nil, errLongEvent
		}
		from = e.fill()
	}
}

// fill reads once and returns where the new bytes begin.
func (e *events) fill() int {
	if e.r > 0 {
		e.w = copy(e.buf, e.buf[e.r:e.w])
		e.r = 0
	}
	if e.w == len(e.buf) {
		e.buf = append(e.buf, make([]byte, len(e.buf))...)
	}
	from := e.w
	n, err := e.in.Read(e.buf[e.w:])
	e.at = e.now()
	e.w += n
	e.err = err
	return from
}
