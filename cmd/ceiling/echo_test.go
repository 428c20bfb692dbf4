package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// echoedKey has what URLs, JSON and base64 each write in another way.
const echoedKey = `sk-Zq/9+x=7&y"Kw_3~vB?>>~`

// keyForms are the ways in which a server sends the key back.
var keyForms = map[string]string{
	"plain": echoedKey, "query": url.QueryEscape(echoedKey), "path": url.PathEscape(echoedKey), "percent": percent(echoedKey),
	"base64": base64.StdEncoding.EncodeToString([]byte(echoedKey)), "base64 for URLs, bare": base64.RawURLEncoding.EncodeToString([]byte(echoedKey)),
	"bearer": base64.StdEncoding.EncodeToString([]byte("Bearer " + echoedKey + " and more")), "user": base64.URLEncoding.EncodeToString([]byte("user:" + echoedKey)),
	"json":     jsonText(echoedKey),
	"long":     strings.Repeat("x", 180) + echoedKey, // a cut at 200 would leave half of it
	"controls": "\x1b[31m" + echoedKey + "\x00\u202e" + echoedKey + "\n",
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

func jsonText(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text[1 : len(text)-1])
}

// echoes is a server that puts a text into one place of what it says: from
// the first completion on, or from the one behind those of the probe and the
// warm-up.
type echoes struct {
	place, text string
	late        bool
	completions atomic.Int32
}

// in is the text at its place, and what is usual at any other.
func (e *echoes) in(place, usual string) string {
	if place == e.place {
		return e.text
	}
	return usual
}

func (e *echoes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	owner := "vllm"
	if strings.HasPrefix(e.place, "props.") {
		owner = "llamacpp"
	}
	switch r.URL.Path {
	case "/v1/models":
		if e.place == "models.error" {
			http.Error(w, fmt.Sprintf(`{"error":{"message":"bad key %s"}}`, jsonText(e.text)), http.StatusUnauthorized)
			return
		}
		if e.place == "models.text" {
			http.Error(w, "<pre>"+e.text+"</pre>", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"data":[{"id":"%s","root":"%s","owned_by":"%s","max_model_len":4096}]}`,
			jsonText(e.in("models.id", "m")), jsonText(e.in("models.root", "/m")), jsonText(e.in("models.owner", owner)))
	case "/version":
		fmt.Fprintf(w, `{"version":"%s"}`, jsonText(e.in("version", "1")))
	case "/props":
		fmt.Fprintf(w, `{"total_slots":4,"model_path":"%s","build_info":"%s"}`, jsonText(e.in("props.path", "/m")), jsonText(e.in("props.build", "b1")))
	default:
		e.complete(w, r)
	}
}

func (e *echoes) complete(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	quiet := e.late && e.completions.Add(1) <= 5
	if !quiet && e.refuses(w, body) {
		return
	}
	in := e.in
	if quiet {
		in = func(_, usual string) string { return usual }
	}
	w.Header().Set("Content-Type", in("type", "text/event-stream"))
	want, _ := body["max_tokens"].(float64)
	if r.URL.Path == "/completion" {
		want, _ = body["n_predict"].(float64)
		for k := 1; k <= int(want); k++ {
			fmt.Fprintf(w, "data: {\"content\":\"x\",\"stop\":false,\"tokens_predicted\":%d}\n\n", k)
		}
		fmt.Fprintf(w, "data: {\"stop\":true,\"stop_type\":\"limit\",\"tokens_predicted\":%d}\n\n", int(want))
		return
	}
	for k := 1; k <= int(want); k++ {
		fmt.Fprintf(w, "data: {\"choices\":[{\"text\":\"%s\"}],\"usage\":{\"completion_tokens\":%d}}\n\n", jsonText(in("stream.text", "x")), k)
	}
	switch place := in("stream.junk", ""); {
	case place != "":
		fmt.Fprintf(w, "data: %s\n\n", place)
	case e.place == "stream.error" && !quiet:
		fmt.Fprintf(w, "data: {\"error\":{\"message\":\"%s\"}}\n\n", jsonText(e.text))
	}
	fmt.Fprintf(w, "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"%s\"}]}\n\ndata: [DONE]\n\n", jsonText(in("stream.finish", "length")))
}

// refuses answers with something else than a stream.
func (e *echoes) refuses(w http.ResponseWriter, body map[string]any) bool {
	switch e.place {
	case "error":
		http.Error(w, fmt.Sprintf(`{"error":{"message":"no: %s"}}`, jsonText(e.text)), http.StatusInternalServerError)
	case "detail":
		http.Error(w, fmt.Sprintf(`{"detail":[{"input":"%s"}]}`, jsonText(e.text)), http.StatusInternalServerError)
	case "body":
		http.Error(w, "<p>"+e.text+"</p>", http.StatusBadGateway)
	case "redirect":
		w.Header().Set("Location", "/login?key="+url.QueryEscape(e.text))
		w.WriteHeader(http.StatusTemporaryRedirect)
	case "concession":
		if body["cache_salt"] == nil {
			return false
		}
		http.Error(w, fmt.Sprintf(`{"message":"no cache_salt with %s"}`, jsonText(e.text)), http.StatusBadRequest)
	case "status line", "header line":
		raw(w, map[string]string{"status line": e.text, "header line": "HTTP/1.1 200 OK\r\n" + e.text}[e.place])
	default:
		return false
	}
	return true
}

// raw answers with bytes that are no HTTP.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	fmt.Fprint(conn, text+"\r\n\r\n")
	conn.Close()
}

// TestKeyEchoed: whatever a server does with the key, it is in no file of the
// run and in neither output, not even in part.
func TestKeyEchoed(t *testing.T) {
	type mode struct {
		echoes
		form string
	}
	var modes []mode
	for _, place := range []string{"models.id", "models.root", "models.owner", "models.error", "models.text", "version", "props.path", "props.build",
		"error", "detail", "body", "redirect", "concession", "type", "status line", "header line", "stream.text", "stream.error", "stream.junk", "stream.finish"} {
		modes = append(modes, mode{echoes{place: place}, "plain"})
	}
	for _, place := range []string{"error", "redirect", "type", "stream.error", "stream.finish"} {
		modes = append(modes, mode{echoes{place: place, late: true}, "plain"})
	}
	for form := range keyForms {
		modes = append(modes, mode{echoes{place: "body"}, form})
	}
	setup := newEchoSetup(t)
	for i := range modes {
		m := &modes[i]
		m.text = "echo " + keyForms[m.form]
		t.Run(fmt.Sprintf("%s %s %v", m.place, m.form, m.late), func(t *testing.T) {
			t.Parallel()
			setup.check(t, &m.echoes)
		})
	}
}

// echoSetup is what the runs of TestKeyEchoed share.
type echoSetup struct{ model, suite string }

func newEchoSetup(t *testing.T) echoSetup {
	s := echoSetup{writeDemo(t), filepath.Join(t.TempDir(), "s.yaml")}
	text := "name: s\nscenarios:\n  - {name: A, category: Latency, purpose: A test, input: 20, output: 3, concurrency: 1, prompts: 2}\n"
	if err := os.WriteFile(s.suite, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// neverKept are the places whose text is compared and not kept.
var neverKept = map[string]bool{"models.owner": true, "stream.text": true, "stream.junk": true, "status line": true, "header line": true}

func (s echoSetup) check(t *testing.T, e *echoes) {
	server := httptest.NewServer(e)
	defer server.Close()
	out := filepath.Join(t.TempDir(), "run")
	cmd := exec.Command("ceiling", "drive", "--url", server.URL, "--model", s.model, "--suite", s.suite, "--out", out, "--no-hash", "--timeout", "20s")
	cmd.Env = append(os.Environ(), keyVariable+"="+echoedKey)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // many of these servers fail the run
	texts := map[string][]byte{"stdout": stdout.Bytes(), "stderr": stderr.Bytes()}
	_ = filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			texts[filepath.Base(path)], err = os.ReadFile(path)
		}
		return err
	})
	if stderr.Len() == 0 || e.late && len(texts) < 6 {
		t.Fatalf("nothing to look at: %d texts, %s", len(texts), stderr.String())
	}
	seen := false
	for name, text := range texts {
		seen = seen || bytes.Contains(text, []byte("echo"))
		if part := keyPart(text); part != "" {
			t.Errorf("%s holds %q:\n%.600s", name, part, text)
		}
	}
	// A text that never arrived proves nothing.
	if !seen && !neverKept[e.place] {
		t.Errorf("the server's text is nowhere to be seen: %s", stderr.String())
	}
}

// keyPart finds eight characters in a row of any form of the key.
func keyPart(text []byte) string {
	const least = 8
	forms := []string{echoedKey, jsonText(echoedKey), url.QueryEscape(echoedKey), url.PathEscape(echoedKey), percent(echoedKey)}
	for _, code := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			forms = append(forms, code.EncodeToString([]byte("\xff\xff\xff"[:before] + echoedKey))[(8*before+5)/6:])
		}
	}
	for _, form := range forms {
		for i := 0; i+least <= len(form); i++ {
			if bytes.Contains(text, []byte(form[i:i+least])) {
				return form[i : i+least]
			}
		}
	}
	return ""
}
