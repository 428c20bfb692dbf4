package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

func testSuite() result.Suite {
	return result.Suite{Name: "t", Scenarios: []result.Scenario{
		{Name: "A", Input: 20, Output: 4, Concurrency: 1, Prompts: 3},
		{Name: "B", Input: 40, Output: 8, Concurrency: 4, Prompts: 6, RangeRatio: 0.5},
		{Name: "Concurrency Scaling (c=2)", Input: 40, Output: 4, Concurrency: 2, Prompts: 6},
	}}
}

func testConfig(t testing.TB) (Config, *fakeOpener) {
	o := &fakeOpener{t: t}
	return Config{Suite: testSuite(), Opener: o, Vocab: testVocab(), Seed: 5, Budget: 64, NoWarmup: true}, o
}

func statuses(r *result.Run) []string {
	var out []string
	for i, d := range r.Details {
		s := fmt.Sprintf("%s: %s %g+%g", d.Name, d.Status, r.Results[i].SuccessfulRequests, r.Results[i].FailedRequests)
		if e := r.Results[i].Error; e != nil {
			s += " (" + *e + ")"
		}
		out = append(out, s)
	}
	return out
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		path := filepath.Join(t.TempDir(), "requests.jsonl")
		j, err := result.CreateJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Journal = j
		cfg.Template = result.Run{Model: "m", Hardware: "h"}
		var saved []string
		cfg.OnScenario = func(r *result.Run) error {
			c, err := result.ReadJournalFile(path)
			saved = append(saved, fmt.Sprintf("%d results, partial %v, %d records, %v", len(r.Results), r.Partial, len(c.Records), err))
			return nil
		}
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		want := []string{"A: complete 3+0", "B: complete 6+0", "Concurrency Scaling (c=2): complete 6+0"}
		if diff := cmp.Diff(want, statuses(got)); diff != "" {
			t.Error(diff)
		}
		if got.Partial || got.Model != "m" || got.Hardware != "h" || len(got.Planned) != 3 {
			t.Errorf("results %+v", got)
		}
		if diff := cmp.Diff([]string{
			"1 results, partial true, 3 records, <nil>", "2 results, partial true, 9 records, <nil>", "3 results, partial false, 15 records, <nil>",
		}, saved); diff != "" {
			t.Error(diff)
		}

		checkFiguresFromJournal(t, path, cfg.Suite, got)
		checkSessions(t, o, cfg.Suite)
	})
}

// The figures can be computed from the journal alone.
func checkFiguresFromJournal(t *testing.T, path string, suite result.Suite, got *result.Run) {
	t.Helper()
	c, err := result.ReadJournalFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, sc := range suite.Scenarios {
		var recs []result.Record
		for _, r := range c.Records {
			if r.Scenario == i {
				recs = append(recs, r)
			}
		}
		d := got.Details[i]
		again, _ := result.Summarize(sc, recs, result.Measured{Status: d.Status, StartS: d.StartS})
		if diff := cmp.Diff(got.Results[i], again); diff != "" {
			t.Errorf("%s from the journal:\n%s", sc.Name, diff)
		}
	}
}

// A session each, as large as needed, closed, and every prompt different from
// every other.
func checkSessions(t *testing.T, o *fakeOpener, suite result.Suite) {
	t.Helper()
	seen := map[int32]bool{}
	for i, f := range o.opened {
		sc := suite.Scenarios[i]
		if f.spec.Sequences != sc.Concurrency || f.spec.Unified || !f.closed {
			t.Errorf("%s: session %+v, closed %v", sc.Name, f.spec, f.closed)
		}
		for _, tokens := range f.ended {
			if seen[tokens[0]] {
				t.Errorf("%s: a prompt begins with %d, as one before", sc.Name, tokens[0])
			}
			seen[tokens[0]] = true
		}
	}
	if len(seen) != 15 {
		t.Errorf("%d prompts reached the engine, want 15", len(seen))
	}
}

var failureCases = []struct {
	name  string
	setup func(*Config, *fakeOpener)
	want  []string
	fatal error
}{{
	name: "a session that can't be opened",
	setup: func(_ *Config, o *fakeOpener) {
		o.refuse = func(s SessionSpec) error {
			if s.TokensPerSequence > 50 {
				return errTooSmall
			}
			return nil
		}
	},
	want: []string{"A: complete 3+0", "B: failed 0+0 (" + errTooSmall.Error() + ")", "Concurrency Scaling (c=2): complete 6+0"},
}, {
	name: "a step that fails: what ended stays, what was in flight failed",
	setup: func(_ *Config, o *fakeOpener) {
		o.prepare = func(n int, f *fakeEngine) {
			if n == 3 {
				f.failAt, f.failErr = 7, errFake
			}
		}
	},
	want: []string{"A: complete 3+0", "B: complete 6+0",
		"Concurrency Scaling (c=2): failed 2+2 (no KV slot: try a smaller batch)"},
}, {
	name: "a warm-up that fails is the scenario's failure, and the next one warms up",
	setup: func(c *Config, o *fakeOpener) {
		c.NoWarmup = false
		o.prepare = func(n int, f *fakeEngine) {
			if n == 1 {
				f.failAt, f.failErr = 2, errFake
			}
		}
	},
	want: []string{"A: failed 0+0 (warm-up: no KV slot: try a smaller batch)", "B: complete 6+0", "Concurrency Scaling (c=2): complete 6+0"},
}, {
	name:  "more concurrency than a step has tokens",
	setup: func(c *Config, _ *fakeOpener) { c.Budget = 3 },
	want: []string{"A: complete 3+0",
		"B: failed 0+0 (\"4\" requests in flight exceed the 3 tokens of one step: raise --step-tokens or lower the concurrency)",
		"Concurrency Scaling (c=2): complete 6+0"},
}, {
	name: "an engine that is lost ends the run",
	setup: func(_ *Config, o *fakeOpener) {
		o.prepare = func(n int, f *fakeEngine) {
			if n == 2 {
				f.failAt, f.failErr = 1, fmt.Errorf("device 0 is gone: %w", result.ErrEngineLost)
			}
		}
	},
	want:  []string{"A: complete 3+0", "B: failed 0+4 (device 0 is gone: the engine can't be used any more)"},
	fatal: result.ErrEngineLost,
}, {
	name: "a journal that fails ends the run, after the first request that can't be stored",
	setup: func(c *Config, _ *fakeOpener) {
		n := 0
		c.Journal = sinkFunc(func(*result.Record) error {
			if n++; n == 5 {
				return errDisk
			}
			return nil
		})
	},
	want:  []string{"A: complete 3+0", "B: partial 2+0 (disk full)"},
	fatal: errDisk,
}, {
	name: "results that can't be saved end the run",
	setup: func(c *Config, _ *fakeOpener) {
		c.OnScenario = func(*result.Run) error { return errDisk }
	},
	want:  []string{"A: complete 3+0"},
	fatal: errDisk,
}}

func TestScenarioFailuresStayTheirOwn(t *testing.T) {
	for _, tc := range failureCases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, o := testConfig(t)
				tc.setup(&cfg, o)
				got, err := Run(context.Background(), cfg)
				if !errors.Is(err, tc.fatal) || (err == nil) != (tc.fatal == nil) {
					t.Errorf("error %v, want %v", err, tc.fatal)
				}
				if diff := cmp.Diff(tc.want, statuses(got)); diff != "" {
					t.Error(diff)
				}
				if got.Partial != (tc.fatal != nil) || got.Partial && got.PartialReason != oneline.Err(err) {
					t.Errorf("partial %v, %q", got.Partial, got.PartialReason)
				}
				for i, f := range o.opened {
					if !f.closed {
						t.Errorf("session %d was left open", i+1)
					}
				}
			})
		})
	}
}

var (
	errDisk     = errors.New("disk full")
	errTooSmall = errors.New("context too small: 60 tokens wanted, the model has 50")
)

// Ctrl-C in the middle of scenario B: what ended is in the journal, what was
// in flight is not, and the result says so. Resumed, the run ends with the
// figures that it would have had.
func TestInterruptAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		whole, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}

		path := filepath.Join(t.TempDir(), "requests.jsonl")
		ctx, cancel := context.WithCancelCause(context.Background())
		cfg, o := testConfig(t)
		o.prepare = func(n int, f *fakeEngine) {
			f.onStep = func(step int) {
				if n == 2 && step == 15 {
					cancel(errors.New("signal: interrupt"))
				}
			}
		}
		first, err := runWithJournal(t, ctx, cfg, path, result.CreateJournal)
		if !errors.Is(err, context.Canceled) || err.Error() != "interrupted: signal: interrupt (context canceled)" {
			t.Errorf("error %v", err)
		}
		content, err := result.ReadJournalFile(path)
		if err != nil || content.Torn {
			t.Fatalf("journal: torn %v, %v", content.Torn, err)
		}
		inB := int(first.Results[1].SuccessfulRequests)
		if inB == 0 || inB == 6 || len(content.Records) != 3+inB {
			t.Errorf("%d of 6 requests of B ended, the journal has %d records", inB, len(content.Records))
		}
		if d := first.Details[1]; d.Status != result.StatusPartial || *first.Results[1].Error != "interrupted" || len(first.Results) != 2 ||
			d.Dropped != max(0, 6-inB-4) || d.Warnings[0] != fmt.Sprintf("partial: %d of 6 requests finished", inB) {
			t.Errorf("scenario B: %+v", d)
		}
		if !first.Partial || first.PartialReason != "interrupted" {
			t.Errorf("partial %v, %q", first.Partial, first.PartialReason)
		}

		time.Sleep(time.Hour)
		st, err := Resume(path, first, cfg.Suite, 0)
		if err == nil {
			err = st.Cut(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Done) != 1 || st.Dropped != inB || st.Offset != result.Duration(first.Details[1].EndS) && st.Offset != result.Duration(lastEnd(content.Records)) {
			t.Errorf("resume %+v", st)
		}
		cfg, o = testConfig(t)
		cfg.Resume = st
		second, err := runWithJournal(t, context.Background(), cfg, path, result.AppendJournal)
		if err != nil {
			t.Fatal(err)
		}
		if len(o.opened) != 2 || second.Partial {
			t.Errorf("%d sessions, partial %v", len(o.opened), second.Partial)
		}
		// Scenario A has run when the first part did, and both others start
		// at another time: rounding to microseconds aside, they took as long.
		for i := range whole.Results {
			if diff := cmp.Diff(whole.Results[i], second.Results[i], near); diff != "" {
				t.Errorf("%s:\n%s", whole.Results[i].Name, diff)
			}
		}
		content, err = result.ReadJournalFile(path)
		if err != nil || len(content.Records) != 15 {
			t.Errorf("%d records, %v", len(content.Records), err)
		}
		// One clock: what the second part measured lies behind the first, and
		// the hour between them is not on it.
		if s := second.Details[1].StartS; s < result.Seconds(st.Offset) || s > result.Seconds(st.Offset)+1 {
			t.Errorf("B starts at %v s, the first part ended at %v s", s, st.Offset)
		}
	})
}

func lastEnd(recs []result.Record) float64 {
	end := 0.0
	for _, r := range recs {
		end = max(end, r.End)
	}
	return end
}

func runWithJournal(t *testing.T, ctx context.Context, cfg Config, path string, open func(string) (*result.Journal, error)) (*result.Run, error) {
	t.Helper()
	j, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}()
	cfg.Journal = j
	return Run(ctx, cfg)
}

func TestInterruptedBeforeTheFirstScenario(t *testing.T) {
	cfg, o := testConfig(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got, err := Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) || len(got.Results) != 0 || !got.Partial || len(o.opened) != 0 {
		t.Errorf("error %v, results %+v", err, got)
	}
}

// The engine's limit lowers the budget; the fake engine fails the test on a
// larger batch.
func TestBatchLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		o.prepare = func(_ int, f *fakeEngine) { f.limit = 16 }
		got, err := Run(context.Background(), cfg)
		if err != nil || got.Details[0].Steps != 3*(2+3) { // 20 prompt tokens in two steps, three more tokens
			t.Errorf("%d steps, error %v", got.Details[0].Steps, err)
		}
	})
}

func TestConfigCheck(t *testing.T) {
	no := false
	_, err := Run(context.Background(), Config{Suite: result.Suite{Name: "s"}, Budget: -1, PrefixCache: true, KVUnified: &no})
	for _, want := range []string{"scenarios: empty", "vocabulary: ", "no engine to run on", `budget: "-1"`, "prefix cache without"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want …%s", err, want)
		}
	}
}
