package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ceiling/bench/result"
)

// send makes one request of 20 ids for the given output.
func send(ctx context.Context, c *Server, output int) (Reply, int) {
	ids := make([]int32, 20)
	for i := range ids {
		ids[i] = int32(10 + i)
	}
	seen := 0
	r := c.Prepare(ids, output, false)(ctx, result.NewClock(0), func(n int) { seen += n })
	return r, seen
}

func TestAnswer(t *testing.T) {
	for _, tc := range []struct {
		name          string
		server        *fake
		chunks, split int
		finish        string
		timings       bool
	}{
		{"llama-server", &fake{kind: kindLlama}, 7, 0, "limit", true},
		{"vLLM", &fake{kind: kindVLLM}, 7, 0, "length", false},
		{"no counts", &fake{silent: true}, 7, 0, "length", false},
		{"three tokens to a piece", &fake{kind: kindLlama, bundle: 3}, 3, 6, "limit", true},
		{"three tokens to a piece, OpenAI", &fake{kind: kindVLLM, bundle: 3}, 3, 6, "length", false},
	} {
		c := tc.server.start(t).mustConnect(t, nil)
		r, seen := send(context.Background(), c, 7)
		v := r.Server
		if r.Err != nil || len(r.Tokens) != 7 || seen != 7 || v.Chunks != tc.chunks || v.SplitTokens != tc.split || v.Finish != tc.finish {
			t.Errorf("%s: %v, %d tokens, %d seen, %+v", tc.name, r.Err, len(r.Tokens), seen, v)
		}
		if !slices.IsSorted(r.Tokens) || r.Tokens[6] > r.End || v.Header == nil || *v.Header > r.Tokens[0].Seconds() {
			t.Errorf("%s: instants %+v", tc.name, r)
		}
		if tc.timings != (v.PromptS != nil) || tc.timings && (*v.PromptS != 0.0025 || *v.DecodeS != 0.004) {
			t.Errorf("%s: timings %+v", tc.name, v)
		}
		if !tc.server.silent && (*v.PromptTokens != 20 || *v.CachedTokens != 0) {
			t.Errorf("%s: prompt %+v", tc.name, v)
		}
	}
}

// What a server or a proxy holds back comes in few deliveries. Tokens of one
// delivery share the gap since the last, in however many pieces they came; of
// a whole answer at once nothing is seen but its end.
func TestHeldBack(t *testing.T) {
	for _, tc := range []struct {
		name       string
		server     *fake
		deliveries int // pieces in one
		chunks     int
		split      int // tokens that came with others
		streaming  string
	}{
		{"a piece at a time", &fake{kind: kindLlama}, 1, 7, 0, "equal: 16 tokens at 16 instants"},
		{"three pieces at a time", &fake{kind: kindLlama}, 3, 3, 6, "differs: 16 tokens came at 6 instants: those in between are estimates"},
		{"three at a time, without counts", &fake{silent: true}, 3, 3, 6, "differs: 16 tokens came at 6 instants: those in between are estimates"},
		{"all at once", &fake{kind: kindLlama}, 0, 1, 7, "differs: all 16 tokens came at once: the server, or a proxy before it, holds its answers back; TTFT is the time of a whole answer, and TPOT and ITL can't be seen; turn its buffering off"},
	} {
		c := tc.server.start(t).mustConnect(t, func(o *ServerOptions) { o.pace = deliveries(tc.deliveries) })
		if got := outcomes(c, "streaming")["streaming"]; got != tc.streaming {
			t.Errorf("%s: %s", tc.name, got)
		}
		r, seen := send(context.Background(), c, 7)
		if r.Err != nil || seen != 7 || len(r.Tokens) != 7 || r.Server.Chunks != tc.chunks || r.Server.SplitTokens != tc.split {
			t.Errorf("%s: %v, %d seen, %d tokens, %+v", tc.name, r.Err, seen, len(r.Tokens), r.Server)
		}
		for i := 1; i < len(r.Tokens); i++ {
			// Only those that came along with the first have no gap.
			if together := i < tc.deliveries || tc.deliveries == 0; (r.Tokens[i] == r.Tokens[i-1]) != together {
				t.Errorf("%s: token %d after %v", tc.name, i, r.Tokens[i]-r.Tokens[i-1])
			}
		}
	}
}

// breaks is a server that spoils every answer after the three of the probe.
func breaks(spoil func(w http.ResponseWriter, r *http.Request)) *fake {
	return &fake{kind: kindLlama, answer: func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n <= 3 {
			return false
		}
		spoil(w, r)
		return true
	}}
}

// begin writes the head of a stream and two tokens.
func begin(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	s := &stream{w: w, native: true, prompt: 20}
	s.token(1, "a")
	s.token(2, "b")
	return s
}

func cutConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	conn.(*net.TCPConn).SetLinger(0) // a reset, as the kernel sends for a dead process
	conn.Close()
}

func TestAnswersThatFail(t *testing.T) {
	for _, tc := range []struct {
		name   string
		server *fake
		tokens int
		want   string
	}{
		{"refused", breaks(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`))
		}), 0, "HTTP 400: the request exceeds the available context size"},
		{"a server error without words", breaks(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }), 0, "HTTP 502"},
		{"a key that is not taken any more", breaks(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusUnauthorized) }), 0, "HTTP 401"},
		{"no stream", breaks(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"content":"a"}`))
		}), 0, `the server did not stream: its answer is "application/json"`},
		{"an error in the middle", breaks(func(w http.ResponseWriter, _ *http.Request) {
			begin(w).event(`{"error":{"message":"decode failed"}}`)
		}), 2, "the server stopped: decode failed"},
		{"an event that is not JSON", breaks(func(w http.ResponseWriter, _ *http.Request) { begin(w).event("{") }), 2, "an event that is not JSON: unexpected end of JSON input"},
		{"half a stream", breaks(func(w http.ResponseWriter, _ *http.Request) { begin(w) }), 2, "the stream ended before the answer did"},
		{"an answer of nothing", breaks(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			(&stream{w: w, native: true}).end(0)
		}), 0, "the answer holds no token"},
		{"a connection that breaks in the middle", breaks(func(w http.ResponseWriter, _ *http.Request) {
			begin(w)
			cutConnection(w)
		}), 2, "the connection broke: connection reset by peer"},
		{"a connection that breaks at once", breaks(func(w http.ResponseWriter, _ *http.Request) { cutConnection(w) }), 0, "the connection broke: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.server.start(t).mustConnect(t, nil)
			r, _ := send(context.Background(), c, 7)
			if r.Err == nil || !strings.HasPrefix(r.Err.Error(), tc.want) || errors.Is(r.Err, result.ErrEngineLost) {
				t.Errorf("error %v, want %s", r.Err, tc.want)
			}
			if len(r.Tokens) != tc.tokens || r.End <= 0 {
				t.Errorf("%d tokens, want %d: %+v", len(r.Tokens), tc.tokens, r)
			}
		})
	}
}

// A request that gets no token for --timeout is given up; one that keeps
// getting them is not, however long it takes.
func TestTimeout(t *testing.T) {
	hangs := breaks(func(w http.ResponseWriter, r *http.Request) {
		begin(w)
		fmt.Fprint(w, ": a comment is no token\n\n")
		<-r.Context().Done()
	})
	c := hangs.start(t).mustConnect(t, nil)
	c.opt.Timeout = 50 * time.Millisecond
	if r, _ := send(context.Background(), c, 7); r.Err == nil || r.Err.Error() != "no token for 50ms: given up (--timeout)" || len(r.Tokens) != 2 {
		t.Errorf("%d tokens, error %v", len(r.Tokens), r.Err)
	}

	mute := breaks(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c = mute.start(t).mustConnect(t, nil)
	c.opt.Timeout = 50 * time.Millisecond
	if r, _ := send(context.Background(), c, 7); r.Err == nil || r.Err.Error() != "no token for 50ms: given up (--timeout)" || len(r.Tokens) != 0 {
		t.Errorf("a server that says nothing: %d tokens, error %v", len(r.Tokens), r.Err)
	}

	slow := breaks(func(w http.ResponseWriter, r *http.Request) {
		s := begin(w)
		for k := 3; k <= 14; k++ {
			time.Sleep(100 * time.Millisecond)
			s.token(k, "x")
		}
		s.end(14)
	})
	c = slow.start(t).mustConnect(t, nil)
	c.opt.Timeout = time.Second
	if r, _ := send(context.Background(), c, 14); r.Err != nil || len(r.Tokens) != 14 || r.End < c.opt.Timeout {
		t.Errorf("%d tokens, error %v", len(r.Tokens), r.Err)
	}
}

// The caller's wish to stop ends a request at once, and is no failure of it.
func TestInterrupt(t *testing.T) {
	f := breaks(func(w http.ResponseWriter, r *http.Request) {
		begin(w)
		<-r.Context().Done()
	})
	c := f.start(t).mustConnect(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	if r, _ := send(ctx, c, 7); !errors.Is(r.Err, context.Canceled) || time.Since(start) > 10*time.Second {
		t.Errorf("error %v after %v", r.Err, time.Since(start))
	}
}

// A server that is gone is told from a request that failed.
func TestLost(t *testing.T) {
	f := (&fake{kind: kindLlama}).start(t)
	c := f.mustConnect(t, nil)
	f.server.CloseClientConnections()
	f.server.Close()
	r, _ := send(context.Background(), c, 7)
	if !errors.Is(r.Err, result.ErrEngineLost) || !strings.Contains(r.Err.Error(), "connection refused; the server at "+f.server.URL+" does not answer any more") {
		t.Errorf("error %v", r.Err)
	}
}

// One connection serves one request after the other; one that the server has
// closed meanwhile is replaced without a failure.
func TestConnectionReuse(t *testing.T) {
	f := (&fake{kind: kindLlama}).start(t)
	c := f.mustConnect(t, nil)
	before, _ := f.counted()
	for range 20 {
		if r, _ := send(context.Background(), c, 3); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if after, _ := f.counted(); after != before {
		t.Errorf("20 requests took %d new connections", after-before)
	}
	for range 5 {
		f.server.CloseClientConnections()
		if r, _ := send(context.Background(), c, 3); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// With a server that closes every connection behind its answer, each request
// has one of its own: none is sent into a connection that is being closed.
func TestClosingServer(t *testing.T) {
	f := (&fake{kind: kindLlama, closes: true}).start(t)
	c := f.mustConnect(t, nil)
	before, completions := f.counted()
	for range 50 {
		if r, _ := send(context.Background(), c, 3); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if after, sent := f.counted(); after-before != 50 || sent-completions != 50 {
		t.Errorf("50 requests took %d connections and came %d times", after-before, sent-completions)
	}
}
