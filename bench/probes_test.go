package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

// Three probes of two scenarios are one run: a result for each scenario, passes
// for its probes, and records that the journal's readers find.
func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "requests.jsonl")
		j, err := result.CreateJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		cfg, o := testConfig(t)
		cfg.Journal, cfg.Suite = j, result.Suite{Name: "p", Retry: 1}
		cfg.Meter = &loudMeter{waits: []float64{0, 0.5}} // the second is disturbed, and made again
		p := NewProbes(cfg)
		suite := testSuite()
		for k, i := range []int{0, 2, 0} {
			e, records, err := p.Measure(context.Background(), suite.Scenarios[i], nil)
			if err != nil || len(records) != suite.Scenarios[i].Prompts || e.Detail.Pass != []int{0, 1, 1}[k] {
				t.Fatalf("probe %d: pass %d, %d records, %v", k, e.Detail.Pass, len(records), err)
			}
		}
		r := p.Results()
		if len(r.Results) != 2 || len(r.Details[0].Passes) != 2 || len(r.Details[1].Discarded) != 1 || r.Partial || r.Verdict == nil {
			t.Errorf("%+v", r)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		checkProbeJournal(t, path)
		seen := map[string]bool{}
		for _, f := range o.opened {
			for _, tokens := range f.ended {
				begin := fmt.Sprint(tokens[:4])
				if seen[begin] {
					t.Errorf("two prompts begin with %s", begin)
				}
				seen[begin] = true
			}
		}
		if len(seen) != 18 {
			t.Errorf("%d prompts, want 18", len(seen))
		}
	})
}

// checkProbeJournal: the place of each record is that of its pass in the results.
func checkProbeJournal(t *testing.T, path string) {
	t.Helper()
	content, err := result.ReadJournalFile(path)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, rec := range content.Records {
		count[fmt.Sprintf("%s %d.%d", rec.Name, rec.Scenario, rec.Pass)]++
	}
	want := map[string]int{"A 0.0": 3, "A 0.1": 3, "Concurrency Scaling (c=2) 1.0": 6, "Concurrency Scaling (c=2) 1.1": 6}
	if len(count) != len(want) {
		t.Errorf("records %v", count)
	}
	for k, n := range want {
		if count[k] != n {
			t.Errorf("%s: %d records, want %d", k, count[k], n)
		}
	}
}

// What a probe has that does not return is a pass of the whole.
func TestProbesInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		p := NewProbes(cfg)
		sc := testSuite().Scenarios[0]
		if _, _, err := p.Measure(context.Background(), sc, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		o.prepare = func(_ int, f *fakeEngine) {
			f.onStep = func(step int) {
				if step == 7 {
					cancel()
				}
			}
		}
		e, records, err := p.Measure(ctx, sc, nil)
		if !errors.Is(err, context.Canceled) || e.Detail.Status != result.StatusPartial || len(records) != 1 {
			t.Errorf("%+v, %d records, %v", e.Detail.Status, len(records), err)
		}
		part := &result.Run{Results: []result.Summary{e.Result}, Details: []result.Detail{e.Detail}, Partial: true}
		passes := p.With(part).Details[0].Passes
		if got := len(passes); got != 3 || !slices.IsSortedFunc(passes, func(a, b result.Pass) int { return a.Pass - b.Pass }) {
			t.Errorf("%d passes", got)
		}
	})
}
