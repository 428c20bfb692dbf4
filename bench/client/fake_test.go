package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ceiling/bench/suite"
)

// fake is a server of some kind. The zero value of each field is a server
// that does all as it should.
type fake struct {
	t    testing.TB
	kind string // kindLlama, kindVLLM, kindSGLang; "": lists a model of nobody's
	// loading is how many requests are answered 503 at first.
	loading int
	key     string
	slots   int                                  // 0: 4
	vocab   int                                  // 0: that of testVocab
	draft   bool                                 // it speculates, three drafts for each token
	cached  func(n int, body map[string]any) int // of the n-th completion's prompt
	refuse  func(body map[string]any) string     // a message for HTTP 400
	extra   int                                  // tokens that it adds to a prompt
	early   bool                                 // ends at the token that logit_bias names
	random  bool                                 // answers differ
	bundle  int                                  // tokens to a piece
	silent  bool                                 // tells no counts
	noIDs   bool                                 // gives no token ids, though asked
	closes  bool                                 // closes the connection behind an answer, against its word
	list    func(w http.ResponseWriter)          // writes the list of models
	metrics func(w http.ResponseWriter)          // answers at /metrics
	// answer writes the n-th completion in the place of the usual one.
	answer func(w http.ResponseWriter, r *http.Request, n int) bool

	mu          sync.Mutex
	completions int
	bodies      []map[string]any
	connections int
	server      *httptest.Server
}

func (f *fake) start(t testing.TB) *fake {
	f.t = t
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", f.models)
	mux.HandleFunc("GET /props", f.props)
	mux.HandleFunc("GET /slots", f.slotList)
	mux.HandleFunc("GET /version", f.version)
	mux.HandleFunc("GET /get_server_info", f.version)
	if f.metrics != nil {
		mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { f.metrics(w) })
	}
	mux.HandleFunc("POST /completion", f.complete)
	mux.HandleFunc("POST /v1/completions", f.complete)
	f.server = httptest.NewUnstartedServer(mux)
	f.server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			f.mu.Lock()
			f.connections++
			f.mu.Unlock()
		}
	}
	f.server.Start()
	t.Cleanup(f.server.Close)
	return f
}

// counted returns how many connections there were, and completions asked for.
func (f *fake) counted() (connections, completions int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connections, f.completions
}

func (f *fake) models(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.loading--
	loading := f.loading >= 0
	f.mu.Unlock()
	switch {
	case loading:
		http.Error(w, `{"error":{"message":"Loading model","code":503}}`, http.StatusServiceUnavailable)
		return
	case f.key != "" && r.Header.Get("Authorization") != "Bearer "+f.key:
		http.Error(w, `{"error":{"message":"Invalid API Key"}}`, http.StatusUnauthorized)
		return
	}
	if f.list != nil {
		f.list(w)
		return
	}
	vocab := f.vocab
	if vocab == 0 {
		vocab = testVocab().Size
	}
	switch f.kind {
	case kindLlama:
		fmt.Fprintf(w, `{"data":[{"id":"m.gguf","owned_by":"llamacpp","meta":{"n_vocab":%d,"n_params":1000,"size":600}}]}`, vocab)
	case kindVLLM:
		fmt.Fprint(w, `{"data":[{"id":"org/m","owned_by":"vllm","root":"/models/m","max_model_len":4096},{"id":"other","owned_by":"vllm"}]}`)
	case kindSGLang:
		fmt.Fprint(w, `{"data":[{"id":"org/m","owned_by":"sglang","root":"org/m","max_model_len":4096}]}`)
	default:
		fmt.Fprint(w, `{"object":"list","data":[{"id":"m"}]}`)
	}
}

func (f *fake) props(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, `{"default_generation_settings":{"n_ctx":512},"total_slots":%d,"model_path":"/srv/m.gguf","build_info":"b7-abc"}`, max(f.slots, 4))
}

func (f *fake) slotList(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, `[{"id":0,"speculative":%v}]`, f.draft)
}

func (f *fake) version(w http.ResponseWriter, r *http.Request) {
	if (r.URL.Path == "/version") == (f.kind == kindVLLM) {
		fmt.Fprint(w, `{"version":"0.19.1"}`)
		return
	}
	http.NotFound(w, r)
}

func (f *fake) complete(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		f.t.Errorf("request: %v", err)
	}
	f.mu.Lock()
	f.completions++
	n := f.completions
	f.bodies = append(f.bodies, body)
	f.mu.Unlock()
	if f.refuse != nil {
		if why := f.refuse(body); why != "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":{"message":%q}}`, why)
			return
		}
	}
	if f.answer != nil && f.answer(w, r, n) {
		return
	}
	native := r.URL.Path == "/completion"
	length := "max_tokens"
	if native {
		length = "n_predict"
	}
	want := int(body[length].(float64))
	if f.early && body["logit_bias"] != nil {
		want = 1
	}
	s := stream{w: w, native: native, prompt: len(body["prompt"].([]any)) + f.extra, silent: f.silent, ids: body[askIDs] == true && !f.noIDs, draft: f.draft}
	if f.cached != nil {
		s.cached = f.cached(n, body)
	}
	if f.closes {
		raw := newRawWriter(f.t, w)
		defer raw.close()
		w, s.w = raw, raw
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for k := 0; k < want; {
		k = min(k+max(f.bundle, 1), want)
		text := fmt.Sprintf("t%d ", k)
		if f.random {
			text = fmt.Sprintf("t%d-%d ", k, n)
		}
		s.token(k, text)
	}
	s.end(want)
}

// stream writes an answer in either protocol.
type stream struct {
	w              http.ResponseWriter
	native, silent bool
	ids, draft     bool
	prompt, cached int
}

func (s *stream) event(format string, args ...any) {
	fmt.Fprintf(s.w, "data: "+format+"\n\n", args...)
	s.w.(http.Flusher).Flush()
}

func (s *stream) token(count int, text string) {
	switch {
	case s.native:
		s.event(`{"content":%q,"tokens":[%d],"stop":false,"tokens_predicted":%d,"tokens_evaluated":%d}`, text, count, count, s.prompt)
	case s.silent:
		s.event(`{"choices":[{"text":%q,"finish_reason":null}]}`, text)
	case s.ids:
		s.event(`{"choices":[{"text":%q,"finish_reason":null,"token_ids":[%d]}],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, text, count, s.prompt, count)
	default:
		s.event(`{"choices":[{"text":%q,"finish_reason":null}],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, text, s.prompt, count)
	}
}

func (s *stream) end(count int) {
	switch {
	case s.native:
		drafts := ""
		if s.draft {
			drafts = fmt.Sprintf(`,"draft_n":%d,"draft_n_accepted":%d`, 3*count, count/2)
		}
		s.event(`{"stop":true,"stop_type":"limit","tokens_predicted":%d,"tokens_evaluated":%d,"timings":{"cache_n":%d,"prompt_ms":2.5,"predicted_ms":4%s}}`, count, s.prompt, s.cached, drafts)
		return
	case s.silent:
		s.event(`{"choices":[{"text":"","finish_reason":"length"}]}`)
	default:
		s.event(`{"choices":[{"text":"","finish_reason":"length"}]}`)
		s.event(`{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}}`, s.prompt, count, s.cached)
	}
	s.event("[DONE]")
}

// testVocab has 100 ids; 0 to 9 are special, 1 is BOS.
func testVocab() suite.Vocab {
	v := suite.Vocab{Size: 100, BOS: 1, AddBOS: true}
	for id := int32(10); id < 100; id++ {
		v.Allowed = append(v.Allowed, id)
	}
	return v
}

// options are those of a run that the fake is fit for.
func (f *fake) options() ServerOptions {
	closing := time.Millisecond
	if f.closes {
		closing = closingPause
	}
	return ServerOptions{URL: f.server.URL, Timeout: 20 * time.Second, Vocab: testVocab(), EOS: 2, closing: closing, pace: deliveries(1),
		ModelFile: "m.gguf", ModelBytes: 600, ModelParams: 1000, Concurrency: 4, Longest: 300}
}

// deliveries has so many events come in one read, 0: all, and a millisecond
// pass from read to read, however fast they are: what is tested is not how the
// machine fares.
func deliveries(events int) pacing {
	return func(now func() time.Duration) (func() time.Duration, func(io.Reader) io.Reader) {
		var reads atomic.Int64
		return func() time.Duration { return now() + time.Duration(reads.Load())*time.Millisecond },
			func(r io.Reader) io.Reader { return &delivery{in: bufio.NewReader(r), events: events, reads: &reads} }
	}
}

type delivery struct {
	in     *bufio.Reader
	events int
	reads  *atomic.Int64
	held   []byte
	err    error
}

func (d *delivery) Read(p []byte) (int, error) {
	if len(d.held) == 0 {
		for n := 0; d.err == nil && (d.events == 0 || n < d.events); {
			var line []byte
			line, d.err = d.in.ReadBytes('\n')
			d.held = append(d.held, line...)
			if len(line) == 1 {
				n++
			}
		}
		d.reads.Add(1)
	}
	if len(d.held) == 0 {
		return 0, d.err
	}
	n := copy(p, d.held)
	d.held = d.held[n:]
	return n, nil
}

func (f *fake) connect(change func(*ServerOptions)) (*Server, error) {
	o := f.options()
	if change != nil {
		change(&o)
	}
	c, err := Connect(context.Background(), o)
	if err == nil {
		f.t.Cleanup(c.Close)
	}
	return c, err
}

func (f *fake) mustConnect(t testing.TB, change func(*ServerOptions)) *Server {
	t.Helper()
	c, err := f.connect(change)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// outcomes are the conditions as "name: outcome", and the details of those
// that begin with one of the names.
func outcomes(c *Server, names ...string) map[string]string {
	out := map[string]string{}
	for _, v := range c.Info().Conditions {
		text := v.Outcome
		for _, name := range names {
			if strings.HasPrefix(v.Name, name) {
				text += ": " + v.Detail
			}
		}
		if before := out[v.Name]; before != "" {
			text = before + " / " + text
		}
		out[v.Name] = text
	}
	return out
}

// rawWriter answers in chunks on the bare connection, so that the connection
// can be closed without a header that says so.
type rawWriter struct {
	http.ResponseWriter
	t    testing.TB
	conn net.Conn
}

func newRawWriter(t testing.TB, w http.ResponseWriter) *rawWriter {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nKeep-Alive: timeout=5, max=100\r\nTransfer-Encoding: chunked\r\n\r\n")
	return &rawWriter{w, t, conn}
}

func (r *rawWriter) Header() http.Header { return http.Header{} }
func (r *rawWriter) Flush()              {}

func (r *rawWriter) Write(b []byte) (int, error) {
	_, err := fmt.Fprintf(r.conn, "%x\r\n%s\r\n", len(b), b)
	return len(b), err
}

func (r *rawWriter) close() {
	fmt.Fprint(r.conn, "0\r\n\r\n")
	r.conn.Close()
}
