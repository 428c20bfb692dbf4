package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	peerSequences = 17 // one, and 16 others in flight
	peerTokens    = 24 // greedy tokens compared per sequence
	peerPrompt    = 24 // prompt tokens per sequence
	peerContext   = 256
	// One thread on either side: more of them wait for each other in a spin,
	// for minutes where something else keeps a core busy.
	peerThreads = 1
	// peerTolerance is the largest difference of two logits that the order of
	// floating-point sums may turn around.
	peerTolerance = 1e-3
	peerStartup   = 60 * time.Second
	peerReply     = 120 * time.Second
)

// TestGreedyEqualsServer: for the same token ids, our greedy tokens are those
// that llama.cpp's own server returns, alone and in a full batch.
func TestGreedyEqualsServer(t *testing.T) {
	binary := peerBinary(t, "llama-server")
	for _, c := range []struct {
		name  string
		model func(testing.TB) string
		seed  int // of the first prompt
	}{
		{"real", realModel, 100},
		{"demo", func(t testing.TB) string { return synthModel(t, "q4_0") }, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.model(t)
			m := load(t, path)
			prompts := make([][]int32, peerSequences)
			for i := range prompts {
				prompts[i] = prompt(m, c.seed+i, peerPrompt)
			}
			server := startServer(t, binary, path)

			s := open(t, m, SessionOptions{Sequences: peerSequences, TokensPerSequence: peerContext, Threads: peerThreads, Greedy: true})
			alone := generate(t, s, prompts[:1], peerTokens)
			s.Clear()
			full := generate(t, s, prompts, peerTokens)

			theirsAlone := server.complete(t, prompts[:1])
			theirsFull := server.complete(t, prompts)
			n := compareGreedy(t, m, "alone", prompts[:1], alone, theirsAlone)
			n += compareGreedy(t, m, "in flight with 16 others", prompts, full, theirsFull)
			// The comparison of a text ends at its first difference, so ties
			// could hide everything.
			all := (peerSequences + 1) * peerTokens
			t.Logf("%d of %d tokens are equal", n, all)
			if n < all*3/4 {
				t.Errorf("%d of %d tokens could be compared; choose another seed", n, all)
			}
		})
	}
}

// compareGreedy checks each text up to its first difference, which must be a
// tie of the two logits. It returns the number of equal tokens.
func compareGreedy(t *testing.T, m *Model, when string, prompts, ours, theirs [][]int32) (equal int) {
	t.Helper()
	for i, p := range prompts {
		if len(theirs[i]) != len(ours[i]) {
			t.Errorf("%s, sequence %d: %d tokens, the server gave %d", when, i, len(ours[i]), len(theirs[i]))
			continue
		}
		k := 0
		for k < len(ours[i]) && ours[i][k] == theirs[i][k] {
			k++
		}
		equal += k
		if k == len(ours[i]) {
			continue
		}
		logits := logitsAfter(t, m, append(slices.Clone(p), ours[i][:k]...))
		a, b := ours[i][k], theirs[i][k]
		if m.EndsGeneration(a) {
			// We ignore that a text ends, the server never lets it end: it
			// must have taken the best of the other tokens.
			t.Logf("%s, sequence %d: token %d is %d, which ends a text, with logit %.6f", when, i, k, a, logits[a])
			a = bestContinuation(m, logits)
		}
		text := fmt.Sprintf("%s, sequence %d: token %d is %d with logit %.6f, the server's is %d with logit %.6f",
			when, i, k, a, logits[a], b, logits[b])
		if d := logits[a] - logits[b]; d < peerTolerance && d > -peerTolerance {
			t.Log(text)
		} else {
			t.Error(text)
		}
	}
	return equal
}

// bestContinuation is the token with the largest logit of those that end no
// text.
func bestContinuation(m *Model, logits []float32) int32 {
	best := int32(-1)
	for id := range int32(len(logits)) {
		if !m.EndsGeneration(id) && (best < 0 || logits[id] > logits[best]) {
			best = id
		}
	}
	return best
}

// logitsAfter are the logits of the token that follows ids.
func logitsAfter(t *testing.T, m *Model, ids []int32) []float32 {
	t.Helper()
	s, err := m.Open(context.Background(), SessionOptions{Sequences: 1, TokensPerSequence: peerContext, Threads: peerThreads})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b Batch
	b.add(0, 0, ids...)
	if err := s.Decode(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return s.Logits(len(ids) - 1)
}

// peerBinary finds a program that `make peers` builds. Without it a test says
// what it did not run; under CI it fails.
func peerBinary(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("CEILING_PEERS_DIR")
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("CEILING_PEERS_DIR is not set: run `make peers`, or `make test`")
		}
		t.Skipf("%s not run: CEILING_PEERS_DIR is not set; `make peers` builds %s into build/bin, set it to that folder", t.Name(), name)
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `make peers`", err)
	}
	return path
}

type peerServer struct {
	url    string
	client http.Client
}

// startServer runs llama-server with the session's own settings until the
// test ends.
func startServer(t *testing.T, binary, model string) *peerServer {
	t.Helper()
	port := freePort(t)
	logPath := filepath.Join(t.TempDir(), "server.log")
	logFile, err := os.Create(logPath)
	if err != nil {
		t.Fatal(err)
	}
	defer logFile.Close()
	threads := strconv.Itoa(peerThreads)
	cmd := exec.Command(binary, "--model", model, "--host", "127.0.0.1", "--port", port, "--offline",
		"--device", "none", "--threads", threads, "--threads-batch", threads, "--parallel", strconv.Itoa(peerSequences),
		"--ctx-size", strconv.Itoa(peerSequences*peerContext), "--no-kv-unified", "--ubatch-size", "512", "--batch-size", "2048",
		"--flash-attn", "auto", "--fit", "off", "--cache-ram", "0", "--no-cache-prompt")
	cmd.Stdout, cmd.Stderr = logFile, logFile
	// A test that runs out of time skips its clean-up: then the server ends
	// with the thread that started it.
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		if t.Failed() {
			text, _ := os.ReadFile(logPath)
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-4000):])
		}
	})
	p := &peerServer{url: "http://127.0.0.1:" + port, client: http.Client{Timeout: peerReply}}
	// The server may close a connection that it has kept just as the next
	// request is sent on it.
	p.client.Transport = &http.Transport{DisableKeepAlives: true}
	p.wait(t, exited)
	return p
}

// wait returns when the server has loaded its model.
func (p *peerServer) wait(t *testing.T, exited <-chan struct{}) {
	t.Helper()
	deadline := time.Now().Add(peerStartup)
	for time.Now().Before(deadline) {
		reply, err := p.client.Get(p.url + "/health")
		if err == nil {
			reply.Body.Close()
			if reply.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-exited:
			t.Fatal("llama-server ended before it was ready")
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("llama-server was not ready after %v", peerStartup)
}

// freePort returns a TCP port that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// complete sends all prompts at once and returns the tokens that followed
// each. It fails unless all of them were in flight together.
func (p *peerServer) complete(t *testing.T, prompts [][]int32) [][]int32 {
	t.Helper()
	out, errs := make([][]int32, len(prompts)), make([]error, len(prompts))
	sent, ended := make([]time.Time, len(prompts)), make([]time.Time, len(prompts))
	var wg sync.WaitGroup
	for i := range prompts {
		wg.Go(func() {
			sent[i] = time.Now()
			out[i], errs[i] = p.completion(prompts[i])
			ended[i] = time.Now()
		})
	}
	wg.Wait()
	lastSent, firstEnded := sent[0], ended[0]
	for i, err := range errs {
		if err != nil {
			t.Fatalf("prompt %d: %v", i, err)
		}
		if sent[i].After(lastSent) {
			lastSent = sent[i]
		}
		if ended[i].Before(firstEnded) {
			firstEnded = ended[i]
		}
	}
	if !lastSent.Before(firstEnded) {
		t.Fatalf("the server ended a text %v before it had all %d prompts", lastSent.Sub(firstEnded), len(prompts))
	}
	return out
}

// completion asks the server for the greedy tokens that follow a prompt.
func (p *peerServer) completion(ids []int32) ([]int32, error) {
	body, err := json.Marshal(map[string]any{
		"prompt": ids, "n_predict": peerTokens, "temperature": 0, "ignore_eos": true,
		"cache_prompt": false, "return_tokens": true,
	})
	if err != nil {
		return nil, err
	}
	reply, err := p.client.Post(p.url+"/completion", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %s: %s", reply.Status, text)
	}
	var got struct {
		Tokens    []int32 `json:"tokens"`
		Evaluated int     `json:"tokens_evaluated"`
		Timings   struct {
			Cached int `json:"cache_n"`
		} `json:"timings"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return nil, err
	}
	// BOS put in front, or a cut prompt, would make the comparison a different one.
	if got.Evaluated != len(ids) || got.Timings.Cached != 0 {
		return nil, fmt.Errorf("the server computed %d prompt tokens and took %d from a cache, of %d", got.Evaluated, got.Timings.Cached, len(ids))
	}
	return got.Tokens, nil
}
