package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/client"
	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// fakeServer is a server with slots enough: an answer takes ttft to its first
// token and tpot to each later one, on the virtual clock.
type fakeServer struct {
	ttft, tpot time.Duration
	build      time.Duration // what it takes to prepare a request
	drafts     int           // that it says of each request, half of them accepted
	// fail makes the n-th request, from 1, fail when it has got its first
	// token.
	fail func(n int) error
	// onSend is called when the n-th request is sent.
	onSend func(n int)

	mu           sync.Mutex
	prompts      [][]int32
	flying, most int
	sentInFlight []int // requests in flight when each one is sent, itself included
}

func newFakeServer() *fakeServer {
	return &fakeServer{ttft: 100 * time.Millisecond, tpot: 10 * time.Millisecond}
}

func (f *fakeServer) Prepare(ids []int32, output int, _ bool) client.Send {
	f.mu.Lock()
	f.prompts = append(f.prompts, slices.Clone(ids))
	f.mu.Unlock()
	time.Sleep(f.build)
	return func(ctx context.Context, clock *result.Clock, seen func(int)) client.Reply {
		f.mu.Lock()
		f.flying++
		f.most = max(f.most, f.flying)
		f.sentInFlight = append(f.sentInFlight, f.flying)
		n := len(f.sentInFlight)
		f.mu.Unlock()
		if f.onSend != nil {
			f.onSend(n)
		}
		r := client.Reply{}
		for k := range output {
			pause := f.tpot
			if k == 0 {
				pause = f.ttft
			}
			if err := clock.Wait(ctx, clock.Now()+pause); err != nil {
				r.Err = err
				break
			}
			r.Tokens, r.Said = append(r.Tokens, clock.Now()), append(r.Said, int32(50+k))
			seen(1)
			if f.fail != nil && r.Err == nil {
				if r.Err = f.fail(n); r.Err != nil {
					break
				}
			}
		}
		r.End = clock.Now()
		r.Drafted, r.Accepted = f.drafts, f.drafts/2
		promptS, cached := 0.04, 0
		r.Server = result.ServerRecord{Chunks: len(r.Tokens), PromptS: &promptS, CachedTokens: &cached}
		f.mu.Lock()
		f.flying--
		f.mu.Unlock()
		return r
	}
}

func serverConfig(t *testing.T) (Config, *fakeServer) {
	cfg, _ := testConfig(t)
	f := newFakeServer()
	cfg.Opener, cfg.Client, cfg.NoWarmup = nil, f, false
	return cfg, f
}

// The same suite in process and through a server: equal prompts, request for
// request, and equal token counts; through the server what can't be seen is
// missing.
func TestServerEqualsInProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg, _ := testConfig(t)
		inside, err := runWithJournal(t, context.Background(), cfg, filepath.Join(dir, "in.jsonl"), result.CreateJournal)
		if err != nil {
			t.Fatal(err)
		}
		cfg, f := serverConfig(t)
		through, err := runWithJournal(t, context.Background(), cfg, filepath.Join(dir, "out.jsonl"), result.CreateJournal)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(hashes(t, filepath.Join(dir, "in.jsonl")), hashes(t, filepath.Join(dir, "out.jsonl"))); diff != "" {
			t.Error(diff)
		}
		for i := range inside.Results {
			a, b, d := inside.Results[i], through.Results[i], through.Details[i]
			if a.TotalInputTokens != b.TotalInputTokens || a.TotalOutputTokens != b.TotalOutputTokens || b.FailedRequests != 0 {
				t.Errorf("%s: %v+%v tokens in process, %v+%v through the server", a.Name, a.TotalInputTokens, a.TotalOutputTokens, b.TotalInputTokens, b.TotalOutputTokens)
			}
			if d.Prefill != nil || d.EnginePrefill != nil || d.OverheadRatio != nil || d.Server == nil || d.Server.ClientCPUS == nil {
				t.Errorf("%s: %+v", a.Name, d)
			}
			if inside.Details[i].Server != nil {
				t.Errorf("%s: a server in process", a.Name)
			}
		}
		// Three warm-up requests and fifteen others, all different.
		seen := map[int32]bool{}
		for _, p := range f.prompts {
			seen[p[0]] = true
		}
		if len(f.prompts) != 18 || len(seen) != 18 {
			t.Errorf("%d prompts, %d different", len(f.prompts), len(seen))
		}
		if got := *through.Results[0].TTFTMeanMs; math.Abs(got-100) > 1e-9 {
			t.Errorf("TTFT %v ms", got)
		}
		if v := through.Details[0].Server; v.Prompt.Mean != 0.04 || v.Wait.Mean != 0.06 || *v.PromptRate != 20/0.04 || v.Chunks != 12 {
			t.Errorf("the server's side: %+v", v)
		}
	})
}

func hashes(t *testing.T, path string) map[string]string {
	t.Helper()
	c, err := result.ReadJournalFile(path)
	if err != nil || len(c.Records) == 0 {
		t.Fatalf("%d records, %v", len(c.Records), err)
	}
	out := map[string]string{}
	for _, r := range c.Records {
		out[fmt.Sprintf("%s/%d", r.Name, r.Request)] = fmt.Sprintf("%s %d+%d", r.PromptHash, r.InputTokens, r.OutputTokens)
	}
	return out
}

// Closed loop: concurrency in flight from the start until the tail drains,
// each request intended for the instant when its slot became free, and ready
// by then: what it takes to build one is in no figure.
func TestServerClosedLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, f := serverConfig(t)
		cfg.NoWarmup = true
		f.build = 25 * time.Millisecond // four of them take less than an answer
		cfg.Suite.Scenarios = []result.Scenario{{Name: "C", Input: 20, Output: 3, Concurrency: 4, Prompts: 10}}
		sink := &kept{}
		cfg.Journal = sink
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if f.most != 4 || !slices.Equal(f.sentInFlight[4:], []int{4, 4, 4, 4, 2, 2}) && f.sentInFlight[4] > 4 {
			t.Errorf("in flight at most %d, at each start %v", f.most, f.sentInFlight)
		}
		if s := got.Details[0].StartS; s != 0.1 {
			t.Errorf("the clock started at %v s, before four requests were prepared", s)
		}
		// 120 ms each, in waves of 4, 4 and 2.
		start := got.Details[0].StartS
		for _, r := range sink.records {
			wave := float64(r.Request/4) * 0.12
			if d := r.Intended - start - wave; d < -1e-9 || d > 1e-9 || r.Admitted != r.Intended || r.Late {
				t.Errorf("request %d: intended %v, admitted %v, late %v", r.Request, r.Intended-start, r.Admitted-start, r.Late)
			}
		}
		if d := *got.Results[0].DurationS; d < 0.36-1e-9 || d > 0.36+1e-9 {
			t.Errorf("took %v s", d)
		}
	})
}

// kept is a sink that remembers.
type kept struct {
	records []result.Record
	err     error
}

func (k *kept) Append(records []result.Record) error {
	k.records = append(k.records, records...)
	return k.err
}
func (k *kept) Flush() error { return nil }

// Open loop: requests go out when they are due, and one that finds every slot
// taken waits, and is late.
func TestServerOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, f := serverConfig(t)
		cfg.NoWarmup = true
		f.ttft, f.tpot = time.Second, 0
		cfg.Suite.Scenarios = []result.Scenario{{Name: "O", Input: 20, Output: 2, Concurrency: 2, Prompts: 40, RequestRate: 4}}
		sink := &kept{}
		cfg.Journal = sink
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		at := suite.Arrivals(cfg.Seed, 40, 4, 1)
		late := 0
		for _, r := range sink.records {
			if want := got.Details[0].StartS + at[r.Request]; r.Intended < want-2e-6 || r.Intended > want+2e-6 {
				t.Errorf("request %d intended %v, want %v", r.Request, r.Intended, want)
			}
			if waited := r.Admitted-r.Intended > 2e-6; waited != r.Late {
				t.Errorf("request %d waited %v s, late %v", r.Request, r.Admitted-r.Intended, r.Late)
			}
			if r.Late {
				late++
			}
		}
		// 4 requests/s of a second each do not fit into two slots.
		if f.most != 2 || late < 20 || got.Details[0].LateRequests != late {
			t.Errorf("at most %d in flight, %d late, %d reported", f.most, late, got.Details[0].LateRequests)
		}
	})
}

var errServer = errors.New("HTTP 500: out of\nmemory")

var serverFailures = []struct {
	name  string
	setup func(*Config, *fakeServer)
	want  []string
	fatal error
}{{
	name: "requests that fail are counted, the others go on",
	setup: func(_ *Config, f *fakeServer) {
		f.fail = func(n int) error {
			if n == 3+2 || n == 3+3+1 {
				return errServer
			}
			return nil
		}
	},
	want: []string{"A: complete 2+1", "B: complete 5+1", "Concurrency Scaling (c=2): complete 6+0"},
}, {
	name: "a warm-up that fails is the scenario's failure",
	setup: func(_ *Config, f *fakeServer) {
		f.fail = func(n int) error {
			if n == 1 {
				return errServer
			}
			return nil
		}
	},
	want: []string{"A: failed 0+0 (warm-up: HTTP 500: out of memory)", "B: complete 6+0", "Concurrency Scaling (c=2): complete 6+0"},
}, {
	name: "a server that is lost ends the run: what is in flight ends, nothing is sent any more",
	setup: func(_ *Config, f *fakeServer) {
		f.fail = func(n int) error {
			if n == 3+3+2 {
				return fmt.Errorf("refused: %w", result.ErrEngineLost)
			}
			return nil
		}
	},
	want:  []string{"A: complete 3+0", "B: failed 3+1 (refused: the engine can't be used any more)"},
	fatal: result.ErrEngineLost,
}, {
	name:  "a journal that fails ends the run",
	setup: func(c *Config, _ *fakeServer) { c.Journal = &kept{err: errDisk} },
	want:  []string{"A: partial 1+0 (disk full)"},
	fatal: errDisk,
}}

func TestServerFailures(t *testing.T) {
	for _, tc := range serverFailures {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, f := serverConfig(t)
				tc.setup(&cfg, f)
				got, err := Run(context.Background(), cfg)
				if !errors.Is(err, tc.fatal) || (err == nil) != (tc.fatal == nil) {
					t.Errorf("error %v, want %v", err, tc.fatal)
				}
				if diff := cmp.Diff(tc.want, statuses(got)); diff != "" {
					t.Error(diff)
				}
				if f.flying != 0 {
					t.Errorf("%d requests are still in flight", f.flying)
				}
				for _, d := range got.Details {
					for _, fail := range d.Failures {
						if strings.Contains(fail.Reason, "\n") {
							t.Errorf("reason %q is not one line", fail.Reason)
						}
					}
				}
			})
		})
	}
}

// Ctrl-C: what ended is kept, what was in flight leaves no record and is not
// counted as failed, and the run goes on from there.
func TestServerInterruptAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "requests.jsonl")
		ctx, cancel := context.WithCancel(context.Background())
		cfg, f := serverConfig(t)
		f.onSend = func(n int) {
			if n == 3+3+5 {
				cancel()
			}
		}
		first, err := runWithJournal(t, ctx, cfg, path, result.CreateJournal)
		if !errors.Is(err, context.Canceled) || !first.Partial || first.PartialReason != "interrupted" {
			t.Errorf("error %v, partial %v (%s)", err, first.Partial, first.PartialReason)
		}
		d, r := first.Details[1], first.Results[1]
		if d.Status != result.StatusPartial || r.FailedRequests != 0 || r.SuccessfulRequests == 0 || int(r.SuccessfulRequests)+d.Dropped+4 != 6 {
			t.Errorf("B: %s, %v done, %v failed, %d dropped", d.Status, r.SuccessfulRequests, r.FailedRequests, d.Dropped)
		}
		st, err := Resume(path, first, cfg.Suite, 0)
		if err != nil || len(st.Done) != 1 {
			t.Fatalf("%+v, %v", st, err)
		}
		cfg, _ = serverConfig(t)
		cfg.Resume = st
		second, err := runWithJournal(t, context.Background(), cfg, path, result.AppendJournal)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"A: complete 3+0", "B: complete 6+0", "Concurrency Scaling (c=2): complete 6+0"}
		if diff := cmp.Diff(want, statuses(second)); diff != "" {
			t.Error(diff)
		}
	})
}

// The progress of a run through a server counts tokens as they come, and its
// ETA is that of an even server.
func TestServerProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := serverConfig(t)
		cfg.Suite.Scenarios = []result.Scenario{{Name: "P", Input: 20, Output: 100, Concurrency: 2, Prompts: 20}}
		var last Event
		started := time.Time{}
		var worst time.Duration
		early := false // it moves before the first request has ended
		cfg.Progress = func(e Event) {
			switch {
			case e.Kind == EventScenarioStarted:
				started = time.Now()
			case e.Kind != EventProgress:
			case e.TokensDone < last.TokensDone || e.TokensDone > e.Tokens || e.Requests != 20:
				t.Errorf("%+v after %+v", e, last)
			default:
				last = e
				early = early || e.RequestsDone == 0 && e.TokensDone > 40
				// Ten waves of 1.09 s, from a start that the warm-up put off.
				if left := 10*1090*time.Millisecond - e.Elapsed; e.ETAKnown && e.RequestsDone >= 4 {
					worst = max(worst, (e.ETA - left).Abs())
				}
			}
		}
		if _, err := Run(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
		if started.IsZero() || !early || !last.ETAKnown || last.RequestsDone != 20 || last.TokensDone != 20*120 || worst > 200*time.Millisecond {
			t.Errorf("last %+v, ETA off by up to %v", last, worst)
		}
	})
}

// counting is a client whose server counts its prefix cache.
type counting struct {
	*fakeServer
	counters [][2]int64 // as they are read, one after the other
}

func (c *counting) PrefixCache(context.Context) (queried, hit int64, ok bool) {
	if len(c.counters) == 0 {
		return 0, 0, false
	}
	now := c.counters[0]
	c.counters = c.counters[1:]
	return now[0], now[1], true
}

// The server's counters are read before and after each scenario; in a cold run
// hits are told.
func TestCacheCounters(t *testing.T) {
	for _, tc := range []struct {
		name     string
		counters [][2]int64
		want     [2]int64 // −1: null
		warned   bool
	}{
		{"none found", [][2]int64{{100, 40}, {180, 40}}, [2]int64{80, 0}, false},
		{"some found", [][2]int64{{100, 40}, {180, 56}}, [2]int64{80, 16}, true},
		{"a server that was restarted", [][2]int64{{100, 40}, {80, 0}}, [2]int64{-1, -1}, false},
		{"one that stops telling", [][2]int64{{100, 40}}, [2]int64{-1, -1}, false},
		{"one that does not tell", nil, [2]int64{-1, -1}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg, f := serverConfig(t)
			cfg.Client = &counting{f, tc.counters}
			cfg.Suite.Scenarios = []result.Scenario{{Name: "P", Input: 20, Output: 4, Concurrency: 2, Prompts: 4}}
			got, err := Run(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			d := got.Details[0]
			if value(d.Server.CacheQueried) != tc.want[0] || value(d.Server.CacheHit) != tc.want[1] {
				t.Errorf("%s: %d of %d", tc.name, value(d.Server.CacheHit), value(d.Server.CacheQueried))
			}
			if warned := strings.Contains(strings.Join(d.Warnings, " "), "16 of 80 prompt tokens came from its prefix cache"); warned != tc.warned {
				t.Errorf("%s: %q", tc.name, d.Warnings)
			}
		})
	}
}

func value(n *int64) int64 {
	if n == nil {
		return -1
	}
	return *n
}

// Conversations through a server: a slot is a user's until the last turn, who thinks
// between two of them; the prompts are what was said and what is new. A turn that
// fails takes those behind it with it.
func TestServerTurns(t *testing.T) {
	for _, fails := range []int{0, 3} { // the third that is sent: the second of the first or the second conversation
		synctest.Test(t, func(t *testing.T) {
			cfg, f := serverConfig(t)
			cfg.NoWarmup = true
			sc := result.Scenario{Name: "C", Input: 20, Output: 5, Concurrency: 2, Prompts: 3, Turns: 3, ThinkS: 0.5}
			cfg.Suite.Scenarios = []result.Scenario{sc}
			f.fail = func(n int) error {
				if n == fails {
					return errServer
				}
				return nil
			}
			sink := &kept{}
			cfg.Journal = sink
			got, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(sink.records, func(a, b result.Record) int { return a.Request - b.Request })
			failed := 0
			for i := range sink.records {
				r := &sink.records[i]
				if err := r.Check(); err != nil || r.Request != i || r.Turn != i%3 {
					t.Errorf("record %d: %v, %+v", i, err, r)
				}
				if r.Error != "" {
					failed++
					continue
				}
				if r.Turn > 0 && math.Abs(r.Admitted-sink.records[i-1].End-0.5) > 1e-6 {
					t.Errorf("request %d is admitted at %v, the turn before ended at %v", i, r.Admitted, sink.records[i-1].End)
				}
				if r.InputTokens != 20+25*r.Turn {
					t.Errorf("request %d has %d tokens", i, r.InputTokens)
				}
			}
			if len(sink.records) != 9 || f.most > 2 || failed != map[int]int{0: 0, 3: 2}[fails] {
				t.Errorf("%d records, %d of them failed, %d in flight", len(sink.records), failed, f.most)
			}
			if fails > 0 {
				last := sink.records[slices.IndexFunc(sink.records, func(r result.Record) bool { return r.Error != "" })+1]
				if last.Error != "not sent: turn 2 of its conversation failed" {
					t.Errorf("the turn behind it: %+v", last)
				}
			} else if d := *got.Results[0].DurationS; math.Abs(d-2*1.42) > 1e-6 {
				t.Errorf("two conversations of three turns one after the other took %v s", d)
			}
			for _, p := range f.prompts {
				if len(p) == 45 && !slices.Equal(p[20:25], []int32{50, 51, 52, 53, 54}) {
					t.Errorf("a second turn's prompt is %v", p)
				}
			}
		})
	}
}

// Ctrl-C while users think ends the run; what they had not said is dropped.
func TestServerTurnsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cfg, _ := serverConfig(t)
		cfg.NoWarmup = true
		cfg.Suite.Scenarios = []result.Scenario{{Name: "C", Input: 20, Output: 5, Concurrency: 2, Prompts: 3, Turns: 3, ThinkS: 60}}
		time.AfterFunc(10*time.Second, cancel)
		got, err := Run(ctx, cfg)
		if !errors.Is(err, context.Canceled) || got.Results[0].SuccessfulRequests != 2 || got.Details[0].Dropped != 7 {
			t.Errorf("%v: %v done, %d dropped", err, got.Results[0].SuccessfulRequests, got.Details[0].Dropped)
		}
	})
}

// countingDrafts is a client whose server counts its drafts.
type countingDrafts struct {
	*fakeServer
	counters []*result.Speculation // as they are read, one after the other
}

func (d *countingDrafts) Drafts(context.Context) *result.Speculation {
	if len(d.counters) == 0 {
		return nil
	}
	now := d.counters[0]
	d.counters = d.counters[1:]
	return now
}

// Of a server's drafts its counters tell, else what it says of each request.
func TestServerDrafts(t *testing.T) {
	at := func(verifications, drafted, accepted int64, places ...int64) *result.Speculation {
		return &result.Speculation{SpecSettings: result.SpecSettings{DraftMax: 2}, Verifications: verifications, Drafted: drafted, Accepted: accepted, AcceptedAt: places}
	}
	for _, tc := range []struct {
		name     string
		counters []*result.Speculation
		each     int // drafts of a request, half of them accepted
		want     *result.Speculation
	}{
		{"counters", []*result.Speculation{at(10, 20, 8, 6, 2), at(40, 80, 50, 30, 20)}, 0, at(30, 60, 42, 24, 18)},
		{"counters before the first draft of a place", []*result.Speculation{at(0, 0, 0), at(40, 80, 50, 30, 20)}, 0, at(40, 80, 50, 30, 20)},
		{"nothing drafted", []*result.Speculation{at(10, 20, 8, 6, 2), at(10, 20, 8, 6, 2)}, 0, nil},
		{"restarted", []*result.Speculation{at(10, 20, 8, 6, 2), at(1, 2, 1, 1, 0)}, 0, nil},
		{"each request's", nil, 2, &result.Speculation{Drafted: 8, Accepted: 4}},
		{"nothing told", nil, 0, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg, f := serverConfig(t)
			f.drafts = tc.each
			cfg.NoWarmup = true
			cfg.Client = &countingDrafts{f, tc.counters}
			cfg.Suite.Scenarios = []result.Scenario{{Name: "P", Input: 20, Output: 4, Concurrency: 2, Prompts: 4}}
			got, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Details[0].Speculation); diff != "" {
				t.Errorf("%s:\n%s", tc.name, diff)
			}
		})
	}
}
