package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// secret is the key that no file and no output may hold.
const secret = "sk-break-1234567890abcdef"

// hostile are the things that a server does in place of an answer. Each ends
// when the client has gone.
var hostile = []struct {
	name string
	do   func(w http.ResponseWriter, r *http.Request)
}{
	{"hangs up", func(w http.ResponseWriter, _ *http.Request) { raw(w, "") }},
	{"is no HTTP", func(w http.ResponseWriter, _ *http.Request) { raw(w, "220 smtp ready\r\n\r\n") }},
	{"says nothing", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	{"an empty answer", func(http.ResponseWriter, *http.Request) {}},
	{"an error that echoes the key", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, `{"error":{"message":"bad `+r.Header.Get("Authorization")+`"}}`, http.StatusUnauthorized)
	}},
	{"a redirect that echoes the key", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/login?"+url.QueryEscape(r.Header.Get("Authorization")), http.StatusFound)
	}},
	{"a stream that echoes the key", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "data: {\"choices\":[{\"text\":\"%[1]s\",\"finish_reason\":\"%[1]s\"}],\"id\":\"%[1]s\"}\n\ndata: %[1]s\n\n", secret)
	}},
	{"broken JSON", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "data: {\"choices\":[{\"te\n\ndata: [DONE]\n\n")
	}},
	{"fifty million tokens", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "data: {\"choices\":[{\"text\":\"x\",\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":50000000,\"completion_tokens\":50000000}}\n\ndata: [DONE]\n\n")
	}},
	{"a line without an end", func(w http.ResponseWriter, r *http.Request) { forever(w, r, bytes.Repeat([]byte("x"), 1<<16)) }},
	{"a stream without an end", func(w http.ResponseWriter, r *http.Request) {
		forever(w, r, []byte("data: {\"choices\":[{\"text\":\"x\"}]}\n\n"))
	}},
	{"bytes that drip", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			_ = http.NewResponseController(w).Flush() // the client may have gone
			time.Sleep(100 * time.Millisecond)
		}
	}},
	{"an archive that unpacks to gigabytes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		forever(gzipped{w}, r, make([]byte, 1<<20))
	}},
}

// places are the requests that are answered so: by path, or by the number of
// the completion.
var places = []string{"/v1/models", "/version", "first", "fifth", "all"}

// forever writes until the client has gone.
func forever(w http.ResponseWriter, r *http.Request, p []byte) {
	for r.Context().Err() == nil {
		if _, err := w.Write(p); err != nil {
			return
		}
	}
}

// gzipped packs each write into a member of its own.
type gzipped struct{ http.ResponseWriter }

func (g gzipped) Write(p []byte) (int, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(p); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	_, err := g.ResponseWriter.Write(b.Bytes())
	return len(p), err
}

// raw answers with bytes of its own and hangs up.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return // the client has gone
	}
	fmt.Fprint(conn, text)
	conn.Close()
}

func (b *breaker) driveArgs(address, out string) []string {
	return []string{"drive", "--url", address, "--model", b.model, "--api", "openai", "--timeout", "1s",
		"--suite", b.path("one.yaml"), "--no-hash", "--out", out}
}

func (b *breaker) soundServer() error {
	server := httptest.NewServer(http.HandlerFunc(answer))
	defer server.Close()
	out := b.path("sound-drive")
	return cmp.Or(b.must(b.driveArgs(server.URL, out)...), os.RemoveAll(out))
}

// serverMode drives a suite through a server that is hostile in one place.
func (b *breaker) serverMode(n int) error {
	mode, place := hostile[n%len(hostile)], places[n/len(hostile)%len(places)]
	var completions atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.URL.Path
		if strings.HasSuffix(at, "completions") {
			k := completions.Add(1)
			if place == "all" || place == "first" && k == 1 || place == "fifth" && k >= 5 {
				at = place
			}
		}
		if at == place {
			// Only then does the server notice that the client has gone.
			_, _ = io.Copy(io.Discard, r.Body)
			mode.do(w, r)
			return
		}
		answer(w, r)
	}))
	defer server.Close()
	defer server.CloseClientConnections()
	out := b.path("drive")
	r, err := b.run(b.driveArgs(server.URL, out)...)
	if err == nil {
		err = leaked(out, r.text)
	}
	if err != nil {
		err = fmt.Errorf("%s, place %s: %w", mode.name, place, err)
	}
	return cmp.Or(err, os.RemoveAll(out))
}

// answer is what a good server says.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/models":
		fmt.Fprint(w, `{"data":[{"id":"m","owned_by":"vllm","max_model_len":4096}]}`)
	case "/version":
		fmt.Fprint(w, `{"version":"1"}`)
	case "/v1/completions":
		var body struct {
			MaxTokens int `json:"max_tokens"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body) // 0 tokens then
		w.Header().Set("Content-Type", "text/event-stream")
		for k := range body.MaxTokens {
			fmt.Fprintf(w, "data: {\"choices\":[{\"text\":\"x\"}],\"usage\":{\"completion_tokens\":%d}}\n\n", k+1)
		}
		fmt.Fprint(w, "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n")
	default:
		http.NotFound(w, r)
	}
}

// leaked looks for the key in an output and in the files of a folder.
func leaked(out, text string) error {
	if strings.Contains(text, secret) {
		return fmt.Errorf("the output holds the key: %s", tail(text))
	}
	if _, err := os.Stat(out); err != nil {
		return nil
	}
	return filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(secret)) {
			err = fmt.Errorf("%s holds the key", d.Name())
		}
		return err
	})
}
