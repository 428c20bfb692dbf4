package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stubVariable makes this test program a stub server, in a process of its own
// so that its CPU time is not the client's.
const stubVariable = "CEILING_REMOTE_STUB"

func TestMain(m *testing.M) {
	if os.Getenv(stubVariable) != "" {
		stub()
		return
	}
	os.Exit(m.Run())
}

// stub answers at once, or with a pause before each token; the text of a token
// is the time at which it was written. It ends with its standard input.
func stub() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Tokens int           `json:"n_predict"`
			Pause  time.Duration `json:"pause"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		out := stream{w: w, native: true, prompt: 20}
		next := time.Now()
		for k := 1; k <= body.Tokens; k++ {
			next = next.Add(body.Pause)
			time.Sleep(time.Until(next))
			out.token(k, strconv.FormatInt(time.Now().UnixNano(), 10))
		}
		out.end(body.Tokens)
	}))
	fmt.Println(s.URL)
	bufio.NewReader(os.Stdin).ReadString('\n')
}

// startStub returns the address of a stub that ends with the test.
func startStub(t testing.TB) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), stubVariable+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// unix is a clock that two processes share.
func unix() time.Duration { return time.Duration(time.Now().UnixNano()) }

// load sends requests of tokens each, some at a time, and returns how long
// each token took from the stub's writing it to the client's stamp.
func load(t testing.TB, c *Server, requests, concurrency, tokens int, pause time.Duration) []time.Duration {
	t.Helper()
	p := llamaProtocol(false).with(map[string]any{"pause": pause})
	body := p.body(make([]int32, 512), tokens, "")
	var mu sync.Mutex
	var delays []time.Duration
	var wg sync.WaitGroup
	for range concurrency {
		wg.Go(func() {
			for range requests / concurrency {
				written := make([]time.Duration, 0, tokens)
				a := c.exchange(context.Background(), p, body, tokens, unix, func(int) {}, func(piece *chunk) {
					if n, err := strconv.ParseInt(string(piece.text), 10, 64); err == nil {
						written = append(written, time.Duration(n))
					}
				})
				r := a.reply
				mu.Lock()
				if r.Err != nil || len(r.Tokens) != tokens || len(written) != tokens {
					t.Errorf("%d tokens, %v", len(r.Tokens), r.Err)
				} else {
					for i, p := range a.pieces[:tokens] {
						delays = append(delays, p.at-written[i])
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(delays)
	return delays
}

func stubClient(t testing.TB, concurrency int) *Server {
	u, err := parseURL(startStub(t))
	if err != nil {
		t.Fatal(err)
	}
	return &Server{opt: ServerOptions{Timeout: time.Minute}, base: u, http: newHTTP(concurrency, true)}
}

// No token is stamped before it was written: the figures of the benchmark
// below mean something.
func TestStub(t *testing.T) {
	delays := load(t, stubClient(t, 2), 4, 2, 50, 0)
	if len(delays) != 4*50 || delays[0] < 0 {
		t.Errorf("%d delays from %v", len(delays), delays)
	}
}

// BenchmarkClient measures what the client itself costs, against a stub in
// another process. An operation is one token. cpu-µs is this process's CPU
// time for it; delay is from just before the stub's write call to the
// client's stamp, so the write, the loopback device and the wake-up are in it.
// At once: as fast as the stub writes, the most that the client can take.
// Paced: 5 ms between the tokens of a stream, as a model would.
func BenchmarkClient(b *testing.B) {
	const tokens = 256
	for _, c := range []struct {
		name        string
		concurrency int
		pause       time.Duration
	}{
		{"at once/c=1", 1, 0}, {"at once/c=32", 32, 0},
		{"paced/c=1", 1, 5 * time.Millisecond}, {"paced/c=32", 32, 5 * time.Millisecond},
	} {
		b.Run(c.name, func(b *testing.B) {
			client := stubClient(b, c.concurrency)
			load(b, client, c.concurrency, c.concurrency, 8, 0)
			requests := max(b.N/tokens, 1)
			requests += c.concurrency - 1
			requests -= requests % c.concurrency
			b.ResetTimer()
			before := cpu()
			delays := load(b, client, requests, c.concurrency, tokens, c.pause)
			used := cpu() - before
			n := float64(len(delays))
			if n == 0 {
				b.Fatal("no token arrived")
			}
			b.ReportMetric(float64(used.Microseconds())/n, "cpu-µs/token")
			b.ReportMetric(float64(delays[len(delays)/2].Nanoseconds())/1e3, "delay-p50-µs")
			b.ReportMetric(float64(delays[len(delays)*99/100].Nanoseconds())/1e3, "delay-p99-µs")
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
