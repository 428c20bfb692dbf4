package bench

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/suite"
)

func TestProgressEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		cfg.Suite.Scenarios = cfg.Suite.Scenarios[:2]
		cfg.NoWarmup = false
		var got []string
		var last Event
		cfg.Progress = func(e Event) {
			if e.Kind == EventProgress {
				if e.RunTokensDone < last.RunTokensDone || e.TokensDone > e.Tokens || e.Elapsed <= 0 {
					t.Errorf("%+v after %+v", e, last)
				}
				last = e
				return
			}
			got = append(got, fmt.Sprintf("%s %d/%d %s, %d of %d requests, run %d of %d tokens, result %v",
				e.Kind, e.Scenario+1, e.Scenarios, e.Name, e.RequestsDone, e.Requests, e.RunTokensDone, e.RunTokens, e.Result != nil))
		}
		if _, err := Run(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
		// A has 3·24 tokens. B was planned with 6·48 and drawn with others.
		w := mustWorkload(t, suite.WorkloadSpec{Scenario: cfg.Suite.Scenarios[1], Vocab: cfg.Vocab, Seed: cfg.Seed, Total: 12})
		in, out := w.Tokens()
		all := 72 + in + out
		want := []string{
			"scenario started 1/2 A, 0 of 3 requests, run 0 of 360 tokens, result false",
			"warm-up 1/2 A, 0 of 0 requests, run 0 of 360 tokens, result false",
			"scenario finished 1/2 A, 3 of 3 requests, run 72 of 360 tokens, result true",
			"scenario started 2/2 B, 0 of 6 requests, run 72 of 360 tokens, result false",
			fmt.Sprintf("warm-up 2/2 B, 0 of 0 requests, run 72 of %d tokens, result false", all),
			fmt.Sprintf("scenario finished 2/2 B, 6 of 6 requests, run %d of %d tokens, result true", all, all),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if last.Kind != EventProgress || !last.ETAKnown {
			t.Errorf("no progress with an ETA: %+v", last)
		}
	})
}

// A callback that stands still does not hold up the run: progress events are
// left out. Finished scenarios are all told.
func TestSlowProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rep := newReporter(func(Event) { time.Sleep(time.Second) })
		start := time.Now()
		for range 1000 {
			rep.offer(Event{Kind: EventProgress})
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("1000 offers took %v", d)
		}
		rep.close()
	})
}

func TestCostModel(t *testing.T) {
	// 2 ms a step, 0.5 ms a prompt token, 0.1 ms a decoded one.
	var m costModel
	took := func(p, d int) time.Duration {
		return time.Duration(2000+500*p+100*d) * time.Microsecond
	}
	for i := range 200 {
		if m.known() != (i >= 6) {
			t.Fatalf("known after %d steps: %v", i, m.known())
		}
		p, d := 0, 1+i%7
		if i%2 == 0 {
			p, d = 16*(1+i%5), 0
		}
		m.add(p, d, took(p, d))
	}
	m.fit()
	for i, want := range []float64{2e-3, 5e-4, 1e-4} {
		if math.Abs(m.coef[i]/want-1) > 0.01 {
			t.Errorf("coefficient %d is %v, want %v", i, m.coef[i], want)
		}
	}
	// 1000 prompt tokens and 400 decoded by 4 at a time: 100 steps.
	got := m.predict(work{prompt: 1000, decode: 400, concurrency: 4}, 64)
	if want := 100*2e-3 + 1000*5e-4 + 400*1e-4; math.Abs(got/want-1) > 0.01 {
		t.Errorf("predicted %v s, want %v", got, want)
	}
	if m.predict(work{}, 64) != 0 {
		t.Error("nothing to do takes time")
	}

	// One user: every decode step has one token, so a step and a token can't
	// be told apart, and their sum is what counts.
	var one costModel
	for range 20 {
		one.add(64, 0, took(64, 0))
		one.add(0, 1, took(0, 1))
	}
	one.fit()
	got = one.predict(work{prompt: 640, decode: 100, concurrency: 1}, 64)
	if want := 100*2.1e-3 + 640*5e-4; math.Abs(got/want-1) > 0.2 {
		t.Errorf("predicted %v s, want about %v", got, want)
	}
}
