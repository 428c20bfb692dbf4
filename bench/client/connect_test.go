package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// all are the outcomes of a llama-server that does everything as asked, less
// what differs.
func all(differs map[string]string) map[string]string {
	out := map[string]string{
		"speculative decoding": "equal", "vocabulary": "equal", "weights": "equal", "prompt": "equal", "streaming": "equal",
		"sampling": "equal", "prefix cache": "equal", "end of text": "equal", "slots": "equal", "context": "equal",
		"server's own timings": "equal", "connections": "equal",
		"KV layout": "unknown", "checkpoints": "unknown", "idle slots": "unknown", "batch sizes": "unknown",
	}
	for k, v := range differs {
		if out[k] = v; v == "" {
			delete(out, k)
		}
	}
	return out
}

// vllm is what differs with a server that tells less.
func vllm(differs map[string]string) map[string]string {
	out := all(map[string]string{
		"speculative decoding": "", "vocabulary": "unknown", "weights": "unknown", "slots": "unknown", "server's own timings": "unknown",
		"KV layout": "", "checkpoints": "", "idle slots": "", "batch sizes": "",
	})
	for k, v := range differs {
		out[k] = v
	}
	return out
}

func lacks(field string) func(map[string]any) string {
	return func(body map[string]any) string {
		if _, ok := body[field]; ok {
			return "unknown field " + field
		}
		return ""
	}
}

type connectCase struct {
	name    string
	server  *fake
	options func(*ServerOptions)
	detail  []string // conditions whose detail is compared too
	want    map[string]string
}

// connectCases are made anew for each run: a server counts.
func connectCases() []connectCase {
	return []connectCase{
		{name: "llama-server", server: &fake{kind: kindLlama}, detail: []string{"prompt", "slots", "context", "streaming"}, want: all(map[string]string{
			"prompt":    "equal: 64 token ids sent, 64 counted by the server: nothing added",
			"slots":     "equal: 4, for at most 4 requests in flight",
			"context":   "equal: 512 tokens a request, 300 needed",
			"streaming": "equal: 16 tokens at 16 instants"})},
		{name: "llama-server by OpenAI's protocol", server: &fake{kind: kindLlama}, options: func(o *ServerOptions) { o.API = result.APIOpenAI },
			want: all(map[string]string{"server's own timings": "unknown"})},
		{name: "too few slots, too small a context", server: &fake{kind: kindLlama}, options: func(o *ServerOptions) { o.Concurrency, o.Longest = 9, 513 },
			want: all(map[string]string{"slots": "differs", "context": "differs"})},
		{name: "another vocabulary and other weights", server: &fake{kind: kindLlama, vocab: 120}, options: func(o *ServerOptions) { o.ModelBytes = 601 },
			want: all(map[string]string{"vocabulary": "differs", "weights": "differs"})},
		{name: "a draft model", server: &fake{kind: kindLlama, draft: true}, want: all(map[string]string{"speculative decoding": "differs"})},
		{name: "BOS added", server: &fake{kind: kindLlama, extra: 1}, detail: []string{"prompt"}, want: all(map[string]string{
			"prompt": "differs: 64 token ids sent, 65 counted by the server: it adds or drops tokens"})},
		{name: "the end of a text is not ignored", server: &fake{kind: kindLlama, early: true}, detail: []string{"end of text"}, want: all(map[string]string{
			"end of text": "differs: not ignored: with its token forced the answer has 1 of 4 tokens; answers will be shorter than asked"})},
		{name: "a model without such a token", server: &fake{kind: kindLlama}, options: func(o *ServerOptions) { o.EOS = -1 }, want: all(map[string]string{"end of text": "set"})},
		{name: "connections closed behind the answer", server: &fake{kind: kindLlama, closes: true}, want: all(map[string]string{"connections": "differs"})},
		{name: "answers that differ", server: &fake{kind: kindLlama, random: true}, want: all(map[string]string{"sampling": "differs"})},
		{name: "four tokens to a piece", server: &fake{kind: kindLlama, bundle: 4}, detail: []string{"streaming"}, want: all(map[string]string{
			"streaming": "differs: 16 tokens came at 4 instants: those in between are estimates"})},
		{name: "a prefix cache that can't be switched off", server: &fake{kind: kindLlama, cached: secondCached}, want: all(map[string]string{"prefix cache": "differs"})},
		{name: "warm: a prefix cache", server: &fake{kind: kindLlama, cached: secondCached}, options: func(o *ServerOptions) { o.Warm = true },
			detail: []string{"prefix cache"}, want: all(map[string]string{"prefix cache": "equal: on: 63 tokens of an equal prompt were reused"})},
		{name: "warm: none", server: &fake{kind: kindLlama}, options: func(o *ServerOptions) { o.Warm = true }, want: all(map[string]string{"prefix cache": "differs"})},
		{name: "vLLM", server: &fake{kind: kindVLLM}, want: vllm(nil)},
		{name: "SGLang", server: &fake{kind: kindSGLang}, want: vllm(nil)},
		{name: "vLLM that refuses a salt", server: &fake{kind: kindVLLM, refuse: lacks("cache_salt")}, detail: []string{"prefix cache"}, want: vllm(map[string]string{
			"prefix cache": "differs: the server refuses cache_salt: HTTP 400: unknown field cache_salt / equal: off: nothing of an equal prompt was reused"})},
		{name: "llama-server, conversations", server: &fake{kind: kindLlama}, options: withTurns, detail: []string{"answers"},
			want: all(map[string]string{"answers": "equal: come with their token ids: later turns have them token by token"})},
		{name: "characters of several tokens", server: &fake{kind: kindLlama, bundle: 2}, options: withTurns, want: all(map[string]string{"answers": "differs", "streaming": "differs"})},
		{name: "vLLM, conversations", server: &fake{kind: kindVLLM}, options: withTurns, want: vllm(map[string]string{"answers": "equal"})},
		{name: "SGLang, conversations", server: &fake{kind: kindSGLang}, options: withTurns, want: vllm(map[string]string{"answers": "equal"})},
		{name: "an older vLLM, which does not look at what it does not know", server: &fake{kind: kindVLLM, noIDs: true}, options: withTurns, want: vllm(map[string]string{"answers": "differs"})},
		{name: "vLLM that refuses to give ids", server: &fake{kind: kindVLLM, refuse: lacks(askIDs)}, options: withTurns, detail: []string{"answers"}, want: vllm(map[string]string{
			"answers": "differs: the server refuses return_token_ids: HTTP 400: unknown field return_token_ids / differs: come as text, without token ids: later turns have what it is tokenised into, and are served from the prefix cache only as far as that is the same"})},
		{name: "a server of nobody's, conversations", server: &fake{}, options: withTurns, want: vllm(map[string]string{"answers": "differs", "context": "unknown"})},
		{name: "vLLM that refuses logit_bias", server: &fake{kind: kindVLLM, refuse: lacks("logit_bias")}, want: vllm(map[string]string{"end of text": "set"})},
		{name: "a server of nobody's that tells nothing", server: &fake{silent: true}, detail: []string{"streaming"}, want: vllm(map[string]string{
			"prompt": "set", "prefix cache": "unknown", "context": "unknown", "streaming": "equal: 16 tokens at 16 instants"})},
		{name: "one that does not know ignore_eos", server: &fake{refuse: lacks("ignore_eos")}, detail: []string{"end of text"}, want: vllm(map[string]string{
			"end of text": "differs: the server refuses ignore_eos: HTTP 400: unknown field ignore_eos", "context": "unknown"})},
		{name: "one that does not know stream_options", server: &fake{refuse: lacks("stream_options"), silent: true}, want: vllm(map[string]string{
			"token counts": "differs", "prompt": "set", "prefix cache": "unknown", "context": "unknown"})},
	}
}

// withTurns are the options of a run that has conversations.
func withTurns(o *ServerOptions) {
	o.Turns = true
	o.Tokenize = func(text string) (ids []int32, err error) {
		for range strings.Fields(text) {
			ids = append(ids, 90)
		}
		return ids, nil
	}
}

// secondCached is a cache that holds the last prompt.
func secondCached(n int, _ map[string]any) int {
	if n == 2 {
		return 63
	}
	return 0
}

func TestConnect(t *testing.T) {
	for _, tc := range connectCases() {
		t.Run(tc.name, func(t *testing.T) {
			c := tc.server.start(t).mustConnect(t, tc.options)
			if diff := cmp.Diff(tc.want, outcomes(c, tc.detail...)); diff != "" {
				t.Error(diff)
			}
			if c.Info().RoundTripS == nil || *c.Info().RoundTripS <= 0 {
				t.Errorf("no round trip: %v", c.Info().RoundTripS)
			}
		})
	}
}

// What the server is, and the form of the requests that it gets.
func TestIdentity(t *testing.T) {
	for _, tc := range []struct {
		kind, api, version, model, path string
	}{
		{kindLlama, result.APILlama, "b7-abc", "m.gguf", "/srv/m.gguf"},
		{kindVLLM, result.APIOpenAI, "0.19.1", "org/m", "/models/m"},
		{kindSGLang, result.APIOpenAI, "0.19.1", "org/m", "org/m"},
		{"", result.APIOpenAI, "", "m", ""},
	} {
		f := (&fake{kind: tc.kind}).start(t)
		v := f.mustConnect(t, func(o *ServerOptions) { o.URL += "/v1/" }).Info()
		if v.Kind != tc.kind || v.API != tc.api || v.Version != tc.version || v.Model != tc.model || v.ModelPath != tc.path || v.URL != f.server.URL {
			t.Errorf("%+v, want %+v", v, tc)
		}
		salts := map[any]bool{}
		prompt := f.bodies[0]["prompt"].([]any)
		for _, b := range f.bodies {
			salts[b["cache_salt"]] = true
			if b["prompt"].([]any)[0] != float64(1) || len(b["prompt"].([]any)) != len(prompt) {
				t.Errorf("%s: prompt %v", tc.kind, b["prompt"])
			}
		}
		if want := map[string]int{kindVLLM: 3, kindSGLang: 3}[tc.kind]; want > 0 && len(salts) != want || want == 0 && !salts[nil] {
			t.Errorf("%s: salts %v", tc.kind, salts)
		}
		// Another probe has another prompt.
		f.mustConnect(t, nil)
		if again := f.bodies[3]["prompt"].([]any); cmp.Equal(again, prompt) {
			t.Errorf("%s: two probes sent the same prompt", tc.kind)
		}
	}
}

func TestConnectErrors(t *testing.T) {
	gone := (&fake{}).start(t)
	gone.server.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>hello</html>")) }))
	defer other.Close()
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer mute.Close()
	moved := httptest.NewServer(http.RedirectHandler("http://elsewhere.example/v1/models", http.StatusTemporaryRedirect))
	defer moved.Close()
	for _, tc := range []struct {
		name    string
		server  *fake
		options func(*ServerOptions)
		want    string
	}{
		{"nobody listens", gone, nil, "connection refused; start it, or correct --url"},
		{"not a model server", &fake{}, func(o *ServerOptions) { o.URL = other.URL }, "its answer to /v1/models is not what a model server sends; start it, or correct --url"},
		{"a server that says nothing", &fake{}, func(o *ServerOptions) { o.URL, o.Timeout = mute.URL, 50*time.Millisecond }, "no answer for 50ms (--timeout); start it, or correct --url"},
		{"a redirect", &fake{}, func(o *ServerOptions) { o.URL = moved.URL }, "HTTP 307: moved to http://elsewhere.example/v1/models"},
		{"no key", &fake{key: "secret"}, nil, "refuses the key: HTTP 401: Invalid API Key; give the right one in CEILING_API_KEY or with --api-key"},
		{"no such model", &fake{kind: kindVLLM}, func(o *ServerOptions) { o.Model = "x" }, `has no model "x", it has ["org/m" "other"]; name one of them with --served-model`},
		{"no such api", &fake{}, func(o *ServerOptions) { o.API = "grpc" }, `api "grpc" is unknown; use auto, llama or openai`},
		{"the other protocol", &fake{}, func(o *ServerOptions) { o.API = result.APILlama }, ""},
		{"no token ids", &fake{refuse: lacks("prompt")}, nil, "a request to /v1/completions failed: HTTP 400: unknown field prompt; it must take a prompt of token ids; try another --api or --served-model"},
		{"still loading", &fake{loading: 1 << 30}, func(o *ServerOptions) { o.Timeout = 600 * time.Millisecond }, "is not ready: HTTP 503: Loading model; wait until it has loaded its model"},
		{"no address", &fake{}, func(o *ServerOptions) { o.URL = "127.0.0.1:8080" }, `server "127.0.0.1:8080" is no address; use http://HOST:PORT`},
		{"a password in the address", &fake{}, func(o *ServerOptions) { o.URL = "ftp://me:secret@host" }, `server "ftp://me:xxxxx@host" is no address; use http://HOST:PORT`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.server.server == nil {
				tc.server.start(t)
			}
			tc.server.t = t
			_, err := tc.server.connect(tc.options)
			switch {
			case tc.want == "":
				if err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "secret"):
				t.Errorf("error %v, want …%s", err, tc.want)
			}
		})
	}
}

// A server that is loading is waited for, one with a key gets it.
func TestConnectWaits(t *testing.T) {
	f := (&fake{loading: 1, key: "secret"}).start(t)
	f.mustConnect(t, func(o *ServerOptions) { o.Key = "secret" })

	// The wait ends with the caller's patience.
	f = (&fake{loading: 1 << 30}).start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Connect(ctx, f.options()); err == nil || ctx.Err() == nil {
		t.Errorf("error %v", err)
	}
}

// A server without a list of models is taken as it is.
func TestConnectWithoutList(t *testing.T) {
	f := (&fake{}).start(t)
	handler := f.server.Config.Handler
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.NotFound(w, r)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	defer bare.Close()
	c := f.mustConnect(t, func(o *ServerOptions) { o.URL, o.Model = bare.URL, "named" })
	if v := c.Info(); v.Model != "named" || v.RoundTripS != nil || f.bodies[0]["model"] != "named" {
		t.Errorf("%+v", v)
	}
}

func TestIsLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://[::1]:8080/v1": true, "https://localhost": true,
		"http://10.0.0.1:8080": false, "http://example.com": false, "://": false,
	} {
		if got := IsLocal(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// A request whose text may end says so, to a server that knows the word.
func TestEndingRequests(t *testing.T) {
	for _, tc := range []struct {
		server *fake
		want   any
	}{{&fake{kind: kindLlama}, false}, {&fake{kind: kindVLLM}, false}, {&fake{refuse: lacks("ignore_eos")}, nil}} {
		c := tc.server.start(t).mustConnect(t, nil)
		var body map[string]any
		if err := json.Unmarshal(c.ending.body([]int32{1}, 4, "s"), &body); err != nil {
			t.Fatal(err)
		}
		if body["ignore_eos"] != tc.want {
			t.Errorf("%q: ignore_eos is %v, want %v", tc.server.kind, body["ignore_eos"], tc.want)
		}
		if c.Prepare([]int32{1}, 4, true) == nil || tc.want != nil && c.proto.fields["ignore_eos"] != true {
			t.Errorf("%q: the other requests have %v", tc.server.kind, c.proto.fields)
		}
	}
}
