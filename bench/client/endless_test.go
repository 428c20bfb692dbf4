package client

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// repeat writes the text until the client has gone.
func repeat(w io.Writer, text string) {
	block := []byte(strings.Repeat(text, 1+(64<<10)/len(text)))
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func streamOf(write func(w http.ResponseWriter)) *fake {
	return breaks(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		write(w)
	})
}

// TestEndless: no answer costs more than a bounded amount of memory and time;
// the request fails with what was wrong.
func TestEndless(t *testing.T) {
	for _, tc := range []struct {
		name   string
		server *fake
		want   string
	}{
		{"a line without an end", streamOf(func(w http.ResponseWriter) { fmt.Fprint(w, "data: "); repeat(w, "x") }), "an event of more than 1048576 bytes"},
		{"an event of many lines", streamOf(func(w http.ResponseWriter) { repeat(w, "data: "+strings.Repeat("x", 1000)+"\n") }), "an event of more than 1048576 bytes"},
		{"comments", streamOf(func(w http.ResponseWriter) { repeat(w, ": still here\n\n") }), "the answer does not end: far more bytes"},
		{"events without tokens", streamOf(func(w http.ResponseWriter) { repeat(w, "data: {}\n\n") }), "the answer does not end: far more bytes"},
		{"empty pieces", streamOf(func(w http.ResponseWriter) { repeat(w, "data: {\"content\":\"\",\"stop\":false}\n\n") }), "the answer has more than the 7 tokens asked for"},
		{"pieces of one token", streamOf(func(w http.ResponseWriter) { repeat(w, "data: {\"content\":\"a\",\"stop\":false}\n\n") }), "the answer has more than the 7 tokens asked for"},
		{"ids", streamOf(func(w http.ResponseWriter) { repeat(w, "data: {\"tokens\":[1,2,3],\"stop\":false}\n\n") }), "the answer has more than the 7 tokens asked for"},
		{"a count of 50,000,000", streamOf(func(w http.ResponseWriter) {
			(&stream{w: w, native: true}).token(50_000_000, "a")
		}), "the answer has more than the 7 tokens asked for"},
		{"a count of 50,000,000 at the end", streamOf(func(w http.ResponseWriter) { (&stream{w: w, native: true}).end(50_000_000) }), "the answer has more than the 7 tokens asked for"},
		{"no end behind the end", streamOf(func(w http.ResponseWriter) {
			s := &stream{w: w, native: true}
			s.token(7, "a")
			s.end(7)
			repeat(w, ": still here\n\n")
		}), "the answer does not end: far more bytes"},
		{"a header line", breaks(func(w http.ResponseWriter, _ *http.Request) { endlessHeader(w, "X: "+strings.Repeat("x", 1<<20)) }), "the connection broke: net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 65536 bytes"},
		{"header lines", breaks(func(w http.ResponseWriter, _ *http.Request) { endlessHeader(w, strings.Repeat("X: x\r\n", 1<<20)) }), "the connection broke: net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 65536 bytes"},
		{"a small answer that unpacks to a huge one", breaks(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 64 {
				z.Write(make([]byte, 1<<20))
			}
			z.Close()
		}), "its answer is compressed, which was not asked for: Content-Encoding gzip"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.server.start(t).mustConnect(t, nil)
			c.opt.pace = nil
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, _ := send(context.Background(), c, 7)
			runtime.ReadMemStats(&after)
			if r.Err == nil || !strings.HasPrefix(r.Err.Error(), tc.want) || len(r.Tokens) > 7+tokensBeyond {
				t.Errorf("%d tokens, %v", len(r.Tokens), r.Err)
			}
			if grown := (after.HeapSys - before.HeapSys) >> 20; grown > 64 && grown < 1<<40 {
				t.Errorf("%d MiB more", grown)
			}
		})
	}
}

// endlessHeader answers with header lines only.
func endlessHeader(w http.ResponseWriter, lines string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n")
	repeat(conn, lines)
}

// A list of models without an end is no list.
func TestEndlessDocument(t *testing.T) {
	f := (&fake{list: func(w http.ResponseWriter) {
		fmt.Fprint(w, `{"data":[{"id":"m"}`)
		repeat(w, ",{}")
	}}).start(t)
	if _, err := f.connect(nil); err == nil || !strings.Contains(err.Error(), "its answer to /v1/models has more than 1048576 bytes") {
		t.Error(err)
	}
}

// A request that does not end has a limit of its own beside that of silence.
func TestRequestTimeout(t *testing.T) {
	c := breaks(func(w http.ResponseWriter, r *http.Request) {
		begin(w)
		<-r.Context().Done()
	}).start(t).mustConnect(t, nil)
	c.opt.Limit = 50 * time.Millisecond
	if r, _ := send(context.Background(), c, 7); r.Err == nil || r.Err.Error() != "not at its end after 50ms: given up (--request-timeout)" {
		t.Errorf("%d tokens, %v", len(r.Tokens), r.Err)
	}
}
