package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

func testSettings() *settings {
	return &settings{Models: []string{"m.gguf"}, Sequences: []int{2}, Prompt: 128, Output: 3, Threads: 2,
		UBatch: 512, Batch: 2048, FlashAttn: "auto", Rounds: 2, Waves: 2, timeout: time.Minute}
}

// Lines of llama-batched-bench v0.5.0, two sequences, the log's blank lines
// included.
const batchedOutput = `
{"n_kv_max": 512, "n_batch": 2048, "n_ubatch": 512, "flash_attn": -1, "is_pp_shared": 0, "n_gpu_layers": -1, "n_threads": 2, "n_threads_batch": 2, "pp": 128, "tg": 3, "pl": 2, "n_kv": 262, "t_pp": 1.0, "speed_pp": 256.0, "t_tg": 0.5, "speed_tg": 12.0, "t": 1.5, "speed": 174.666667}
{"n_kv_max": 512, "pp": 128, "tg": 3, "pl": 2, "n_kv": 262, "t_pp": 0.5, "speed_pp": 512.0, "t_tg": 0.25, "speed_tg": 24.0, "t": 0.75, "speed": 349.333333}
{"n_kv_max": 512, "pp": 128, "tg": 3, "pl": 2, "n_kv": 262, "t_pp": 0.25, "speed_pp": 1024.0, "t_tg": 0.125, "speed_tg": 48.0, "t": 0.375, "speed": 698.666667}

`

func TestParseBatched(t *testing.T) {
	got, err := parseBatched([]byte(batchedOutput), testSettings(), 2)
	want := []batchedLine{
		{PP: 128, TG: 3, PL: 2, TimePP: 0.5, TimeTG: 0.25, SpeedPP: 512, SpeedTG: 24, number: 2},
		{PP: 128, TG: 3, PL: 2, TimePP: 0.25, TimeTG: 0.125, SpeedPP: 1024, SpeedTG: 48, number: 3},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v; want all but the first: %+v", got, err, want)
	}
	for name, text := range map[string]string{
		"nothing":        "",
		"too few":        strings.Join(strings.Split(batchedOutput, "\n")[:3], "\n"),
		"other shape":    strings.ReplaceAll(batchedOutput, `"pl": 2`, `"pl": 4`),
		"no rate":        strings.ReplaceAll(batchedOutput, "24.0", "0"),
		"no time":        strings.ReplaceAll(batchedOutput, `"t_tg": 0.25`, `"t_tg": 0`),
		"not a number":   strings.ReplaceAll(batchedOutput, "24.0", "-nan"),
		"line cut short": batchedOutput[:len(batchedOutput)-20],
	} {
		if got, err := parseBatched([]byte(text), testSettings(), 2); err == nil {
			t.Errorf("%s gave %v", name, got)
		}
	}
}

func TestParseLlamaBench(t *testing.T) {
	pp, tg, err := parseLlamaBench([]byte(`[{"n_prompt":128,"n_gen":0,"avg_ts":300.5},{"n_prompt":0,"n_gen":64,"avg_ts":90.25}]`))
	if err != nil || pp != 300.5 || tg != 90.25 {
		t.Errorf("%v, %v, %v", pp, tg, err)
	}
	for _, text := range []string{"", "[]", `[{"n_prompt":128,"n_gen":0,"avg_ts":300.5}]`} {
		if pp, tg, err := parseLlamaBench([]byte(text)); err == nil {
			t.Errorf("%q gave %v and %v", text, pp, tg)
		}
	}
}

func TestReadStream(t *testing.T) {
	events := `data: {"index":0,"content":" a","tokens":[5],"stop":false,"id_slot":-1,"tokens_predicted":1,"tokens_evaluated":4}

data: {"index":0,"content":"é \"tokens_predicted\":9","tokens":[6],"stop":false,"id_slot":-1,"tokens_predicted":3,"tokens_evaluated":4}

: ping
data: {"index":0,"content":"","tokens":[],"stop":true,"tokens_predicted":3,"prompt":"` + strings.Repeat("x", 1<<17) + `"}

`
	clock := 0.0
	tick := func() float64 { clock++; return clock }
	got, err := readStream(strings.NewReader(events), 3, tick)
	if err != nil || !slices.Equal(got.At, []float64{1, 3}) || !slices.Equal(got.Tokens, []int{1, 3}) {
		t.Errorf("%v, %v; want tokens 1 and 3 at lines 1 and 3", got, err)
	}
	if _, err := readStream(strings.NewReader(events), 4, tick); err == nil || !strings.Contains(err.Error(), "3 tokens came, asked for 4") {
		t.Errorf("a stream that ends early gave %v", err)
	}
}

// TestWave: every request is in flight before the first reply ends, and asks
// for what the comparison needs.
func TestWave(t *testing.T) {
	var inFlight, most atomic.Int32
	all := make(chan struct{})
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Prompt      []int
			NPredict    int   `json:"n_predict"`
			CachePrompt *bool `json:"cache_prompt"`
			IgnoreEOS   bool  `json:"ignore_eos"`
			Stream      bool
			Temperature *float64
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		if len(body.Prompt) != 7 || body.NPredict != 2 || !body.IgnoreEOS || !body.Stream ||
			body.CachePrompt == nil || *body.CachePrompt || body.Temperature == nil || *body.Temperature != 0 {
			t.Errorf("asked for %+v", body)
		}
		for _, id := range body.Prompt {
			if id < 25 || id >= 100 {
				t.Errorf("prompt token %d of a vocabulary of 100", id)
			}
		}
		if n := inFlight.Add(1); n == 3 {
			close(all)
		}
		most.Store(max(most.Load(), inFlight.Load()))
		<-all
		for n := range 2 {
			fmt.Fprintf(w, "data: {\"tokens_predicted\":%d,\"stop\":false}\n\n", n+1)
			w.(http.Flusher).Flush()
		}
	}))
	defer fake.Close()
	v := &server{url: fake.URL, vocab: 100, rng: rand.New(rand.NewPCG(1, 2))}
	got, err := v.wave(t.Context(), 3, 7, 2)
	if err != nil || most.Load() != 3 {
		t.Fatalf("%v, %d requests in flight", err, most.Load())
	}
	for i, s := range got.streams {
		if !slices.Equal(s.Tokens, []int{1, 2}) || s.At[0] <= got.begin || s.At[1] < s.At[0] {
			t.Errorf("stream %d: %v, begun at %v", i, s, got.begin)
		}
	}
}

func TestWaveReportsErrors(t *testing.T) {
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no slot", http.StatusServiceUnavailable)
	}))
	defer fake.Close()
	v := &server{url: fake.URL, vocab: 100, rng: rand.New(rand.NewPCG(1, 2))}
	if _, err := v.wave(t.Context(), 2, 7, 2); err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "no slot") {
		t.Errorf("got %v", err)
	}
}

// TestSuiteText: ceiling reads the suite, and it is the shape under test.
func TestSuiteText(t *testing.T) {
	suite, err := suite.Parse("suite.yaml", []byte(suiteText(testSettings(), 8)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, sc := range suite.Scenarios {
		got = append(got, fmt.Sprintf("%s %d %d %d %d", sc.Name, sc.Input, sc.Output, sc.Concurrency, sc.Prompts))
	}
	want := []string{"prefill 128 1 8 24", "decode 1 128 3 8 8", "decode 2 128 3 8 8"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// journalOf writes a run of two sequences, two waves: prefill of 256 tokens in
// 8 s, not counted, in 1 s and in 2 s, then decode in lock step at 2 sequences
// × 1/dt.
func journalOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	line := func(scenario, request int, begin float64, times ...float64) {
		start := begin
		text, err := json.Marshal(result.Record{Scenario: scenario, Name: "x", Request: request, Intended: begin, Admitted: begin,
			PrefillStart: &start, FirstToken: &times[0], TokenTimes: times, End: times[len(times)-1],
			InputTokens: 128, OutputTokens: len(times)})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	// Lines come as requests end, in whatever order that is.
	line(0, 5, 20, 22)
	line(0, 0, 1, 5)
	line(0, 1, 5, 9)
	line(0, 2, 10, 10.5)
	line(0, 3, 10.5, 11)
	line(0, 4, 20, 21)
	for i, dt := range []float64{0.5, 0.25} {
		at := 30 + 10*float64(i)
		line(1+i, 0, at, at+1, at+1+dt, at+1+2*dt)
		line(1+i, 1, at, at+1, at+1+dt, at+1+2*dt)
	}
	results := `{"model":"m","date":"2026-03-01T10:00:00.500000","results":[],"details":[{"name":"prefill","overhead_ratio":0.9},
		{"name":"decode 1","overhead_ratio":0.002},{"name":"decode 2","overhead_ratio":0.004}]}`
	for name, text := range map[string]string{"requests.jsonl": b.String(), "results.json": results} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadRun(t *testing.T) {
	var got sample
	if err := readRun(journalOf(t), testSettings(), 2, nil, &got); err != nil {
		t.Fatal(err)
	}
	got.average()
	if want := (256.0/1 + 256.0/2) / 2; got.Prefill != want {
		t.Errorf("prefill %v, want %v", got.Prefill, want)
	}
	if want := (2/0.5 + 2/0.25) / 2; got.Decode != want {
		t.Errorf("decode %v, want %v", got.Decode, want)
	}
	if got.Overhead == nil || *got.Overhead != 0.003 {
		t.Errorf("overhead %v, want 0.003", got.Overhead)
	}
	if err := readRun(journalOf(t), testSettings(), 3, nil, &got); err == nil || !strings.Contains(err.Error(), "6 requests, asked for 9") {
		t.Errorf("a run with too few requests gave %v", err)
	}
	more := testSettings()
	more.Waves = 1
	if err := readRun(journalOf(t), more, 2, nil, &got); err == nil || !strings.Contains(err.Error(), "unexpected scenario") {
		t.Errorf("a run with too many scenarios gave %v", err)
	}
	if err := readRun(t.TempDir(), testSettings(), 2, nil, &got); err == nil {
		t.Error("an empty folder is a run")
	}
}

// TestChild: what a process leaves, ends with and says last.
func TestChild(t *testing.T) {
	s := testSettings()
	c, err := start(t.Context(), s, "/bin/sh", "-c", "echo out; echo err >&2")
	if err != nil {
		t.Fatal(err)
	}
	end, err := c.finish()
	if err != nil || string(end.stdout) != "out\n" || end.peakRSS < 100_000 {
		t.Errorf("%q, %d bytes, %v", end.stdout, end.peakRSS, err)
	}
	c, err = start(t.Context(), s, "/bin/sh", "-c", "echo reason >&2; exit 7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.finish(); err == nil || !strings.Contains(err.Error(), "exit status 7") || !strings.Contains(err.Error(), "reason") {
		t.Errorf("a failed process gave %v", err)
	}
	// One that does not listen is killed after the grace.
	deaf := filepath.Join(t.TempDir(), "deaf")
	c, err = start(t.Context(), s, "/bin/sh", "-c", `trap '' TERM; : >"$0"; while :; do sleep 0.1; done`, deaf)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := os.Stat(deaf); err != nil; _, err = os.Stat(deaf) {
		select {
		case <-c.exited:
			t.Fatal("the process ended before it was asked to")
		case <-time.After(time.Millisecond):
		}
	}
	if _, err := c.terminate(50 * time.Millisecond); err != nil {
		t.Errorf("terminate: %v", err)
	}
	if errors.Is(c.ctx.Err(), context.DeadlineExceeded) {
		t.Error("the process was left running until its timeout")
	}
	s.timeout = 50 * time.Millisecond
	c, err = start(t.Context(), s, "/bin/sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.finish(); err == nil || !strings.Contains(err.Error(), "--timeout") {
		t.Errorf("a process past its time gave %v", err)
	}
	if _, err := start(context.Background(), s, filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a program that is not there was started")
	}
}

// TestTimedLines: each line has the time at which its end came, not its beginning.
func TestTimedLines(t *testing.T) {
	var o output
	var between []time.Time
	for _, text := range []string{"a\nb", "\n", "c\n"} {
		if n, err := o.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
		between = append(between, time.Now())
	}
	if o.text.String() != "a\nb\nc\n" || len(o.ends) != 3 {
		t.Fatalf("%q, line ends %v", o.text.String(), o.ends)
	}
	if o.ends[0].After(between[0]) || o.ends[1].Before(between[0]) || o.ends[1].After(between[1]) || o.ends[2].Before(between[1]) {
		t.Errorf("lines ended at %v, the writes at %v", o.ends, between)
	}
}
