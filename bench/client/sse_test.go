package client

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// parts is a body that arrives in the given pieces, one a millisecond.
type parts struct {
	left []string
	end  error
	now  time.Duration
}

func (p *parts) Read(b []byte) (int, error) {
	p.now += time.Millisecond
	if len(p.left) == 0 {
		return 0, p.end
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

func (p *parts) clock() time.Duration { return p.now }

var errReset = errors.New("connection reset")

var eventCases = []struct {
	name string
	in   []string
	end  error
	want []string // "data @ms", then the error
}{
	{"one a read", []string{"data: a\n\n", "data: b\n\n"}, io.EOF, []string{"a @1", "b @2", "EOF"}},
	{"two in one read have its instant", []string{"data: a\n\ndata: b\n\n"}, io.EOF, []string{"a @1", "b @1", "EOF"}},
	{"cut anywhere: the read that completes it counts", []string{"da", "ta: ", "a", "\n", "\nda", "ta: b\n\n"}, io.EOF, []string{"a @5", "b @6", "EOF"}},
	{"carriage returns", []string{"data: a\r\n\r\n", "data: b\r\n", "\r\n"}, io.EOF, []string{"a @1", "b @3", "EOF"}},
	{"no space after the colon", []string{"data:{}\n\n"}, io.EOF, []string{"{} @1", "EOF"}},
	{"comments and other fields", []string{": ping\n\n:\n\nevent: x\nid: 4\ndata: a\nretry: 1\n\n"}, io.EOF, []string{"a @1", "EOF"}},
	{"several data lines are one event", []string{"data: a\ndata: b\n\n"}, io.EOF, []string{"a\nb @1", "EOF"}},
	{"the last one without its empty line", []string{"data: a\n\n", "data: b\n"}, io.EOF, []string{"a @1", "b @3", "EOF"}},
	{"the last one without its line's end", []string{"data: b"}, io.EOF, []string{"b @2", "EOF"}},
	{"an empty event", []string{"data:\n\n"}, io.EOF, []string{" @1", "EOF"}},
	{"nothing", nil, io.EOF, []string{"EOF"}},
	{"a connection that breaks", []string{"data: a\n\nda"}, errReset, []string{"a @1", "connection reset"}},
}

func TestEvents(t *testing.T) {
	for _, tc := range eventCases {
		t.Run(tc.name, func(t *testing.T) {
			p := &parts{left: slices.Clone(tc.in), end: tc.end}
			e := newEvents(p, p.clock)
			var got []string
			for {
				data, at, err := e.next()
				if err != nil {
					got = append(got, err.Error())
					break
				}
				got = append(got, fmt.Sprintf("%s @%d", data, at.Milliseconds()))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An event larger than the buffer is read whole, one without an end is not
// read for ever.
func TestLargeEvents(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	e := newEvents(strings.NewReader("data: "+long+"\n\ndata: b\n\n"), func() time.Duration { return 0 })
	if data, _, err := e.next(); err != nil || string(data) != long {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if data, _, err := e.next(); err != nil || string(data) != "b" {
		t.Errorf("%q, %v", data, err)
	}
	endless := io.MultiReader(strings.NewReader("data: "), zeros{})
	if _, _, err := newEvents(endless, func() time.Duration { return 0 }).next(); err == nil || !strings.Contains(err.Error(), "an event of more than") {
		t.Errorf("an endless line: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}

func FuzzEvents(f *testing.F) {
	for _, tc := range eventCases {
		f.Add(strings.Join(tc.in, ""), 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		whole := collect(strings.NewReader(text))
		// However a stream is cut, its events are the same.
		cut := collect(&small{strings.NewReader(text), max(1, size%7)})
		if diff := cmp.Diff(whole, cut); diff != "" {
			t.Error(diff)
		}
	})
}

type small struct {
	io.Reader
	n int
}

func (s *small) Read(b []byte) (int, error) { return s.Reader.Read(b[:min(len(b), s.n)]) }

func collect(in io.Reader) []string {
	e := newEvents(in, func() time.Duration { return 0 })
	var out []string
	for {
		data, _, err := e.next()
		if err != nil {
			return append(out, err.Error())
		}
		out = append(out, string(data))
	}
}
