package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func TestPlan(t *testing.T) {
	suite := testSuite() // 3, 6 and 6 prompts
	suite.Scenarios[0].Repeat = 3
	suite.Scenarios[2].Repeat = 2
	units, prompts := Plan(suite)
	want := []ScenarioPass{{0, 0, 0}, {0, 1, 3}, {0, 2, 9}, {1, 0, 15}, {1, 2, 18}, {2, 0, 24}}
	if diff := cmp.Diff(want, units); diff != "" {
		t.Error(diff)
	}
	if prompts != 27+warmupPrompts || suite.Passes() != 3 {
		t.Errorf("%d prompts, %d passes", prompts, suite.Passes())
	}
	if again := suite.WithRepeat(2); again.Passes() != 2 || suite.Passes() != 3 {
		t.Errorf("WithRepeat: %d passes, and %d in the suite it was made of", again.Passes(), suite.Passes())
	}
}

// Whole passes, one after the other; prompts of a cold run are all different,
// lengths are the same in every pass.
func TestPassesAreInterleaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		cfg.Suite = testSuite().WithRepeat(3)
		path := filepath.Join(t.TempDir(), "requests.jsonl")
		var saved, events []string
		cfg.OnScenario = func(r *result.Run) error {
			saved = append(saved, fmt.Sprintf("%d results, partial %v", len(r.Results), r.Partial))
			return nil
		}
		cfg.Progress = func(e Event) {
			if e.Kind == EventScenarioFinished {
				events = append(events, fmt.Sprintf("pass %d of %d, scenario %d of %d", e.Pass, e.Passes, e.Scenario, e.Scenarios))
			}
		}
		got, err := runWithJournal(t, context.Background(), cfg, path, result.CreateJournal)
		if err != nil {
			t.Fatal(err)
		}
		content, err := result.ReadJournalFile(path)
		if err != nil || len(content.Records) != 45 {
			t.Fatalf("%d records, %v", len(content.Records), err)
		}
		checkPassOrder(t, content.Records)
		for i := range got.Results {
			checkPasses(t, cfg.Suite.Scenarios[i], i, got, content.Records)
		}
		if len(saved) != 9 || saved[0] != "1 results, partial true" || saved[7] != "3 results, partial true" || saved[8] != "3 results, partial false" {
			t.Errorf("saved %q", saved)
		}
		if len(events) != 9 || events[4] != "pass 1 of 3, scenario 1 of 3" {
			t.Errorf("events %q", events)
		}
		if again, _ := Run(context.Background(), cfg); again == nil || again.Results[1].TotalInputTokens != got.Results[1].TotalInputTokens {
			t.Error("the same seed gives other lengths")
		}
	})
}

func checkPassOrder(t *testing.T, records []result.Record) {
	t.Helper()
	seen := map[string]string{}
	last := 0
	for _, r := range records {
		at := fmt.Sprintf("pass %d, scenario %d, request %d", r.Pass, r.Scenario, r.Request)
		if other, ok := seen[r.PromptHash]; ok {
			t.Errorf("%s has the prompt of %s", at, other)
		}
		seen[r.PromptHash] = at
		if place := 3*r.Pass + r.Scenario; place < last {
			t.Errorf("%s comes after place %d", at, last)
		} else {
			last = place
		}
	}
}

// checkPasses expects three passes with the lengths of the first, whose
// figures follow from their records, and one of them shown.
func checkPasses(t *testing.T, sc result.Scenario, i int, got *result.Run, records []result.Record) {
	t.Helper()
	d := got.Details[i]
	if d.Repeat != 3 || len(d.Passes) != 3 || d.Status != result.StatusComplete || len(d.Warnings) != len(d.Passes[d.Pass].Detail.Warnings) {
		t.Fatalf("%s: %d of %d passes, %s, %q", sc.Name, len(d.Passes), d.Repeat, d.Status, d.Warnings)
	}
	if diff := cmp.Diff(d.Passes[d.Pass].Result, got.Results[i]); diff != "" {
		t.Errorf("%s: the result is not that of pass %d:\n%s", sc.Name, d.Pass, diff)
	}
	lengths := map[int]int{}
	for pass, p := range d.Passes {
		var own []result.Record
		for _, r := range records {
			if r.Scenario == i && r.Pass == pass {
				own = append(own, r)
				if pass == 0 {
					lengths[r.Request] = r.InputTokens
				} else if lengths[r.Request] != r.InputTokens {
					t.Errorf("%s: request %d of pass %d has %d tokens, before %d", sc.Name, r.Request, pass, r.InputTokens, lengths[r.Request])
				}
			}
		}
		again, _ := result.Summarize(sc, own, result.Measured{Status: result.StatusComplete, StartS: p.Detail.StartS})
		if diff := cmp.Diff(p.Result, again); diff != "" || p.Pass != pass {
			t.Errorf("%s, pass %d (%d) from the journal:\n%s", sc.Name, pass, p.Pass, diff)
		}
	}
}

// A warm run repeats the prompts in every pass. It finds them in the cache
// where no scenario of other prompts ran in between: every pass over the suite
// then begins as the first one did.
func TestWarmPassesRepeatPrompts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		cfg.PrefixCache = true
		for scenarios, want := range map[int]int64{1: 3 * 19, 3: 0} {
			cfg.Suite = testSuite().WithRepeat(2)
			cfg.Suite.Scenarios = cfg.Suite.Scenarios[:scenarios]
			got, err := Run(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			p := got.Details[0].Passes
			if p[0].Detail.ReusedTokens != 0 || p[1].Detail.ReusedTokens != want {
				t.Errorf("%d scenarios: reused %d tokens in the first pass and %d in the second", scenarios, p[0].Detail.ReusedTokens, p[1].Detail.ReusedTokens)
			}
		}
	})
}

// Ctrl-C in the second pass: what is complete stays, whichever pass it is of,
// and the run goes on from there.
func TestResumeInALaterPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "requests.jsonl")
		ctx, cancel := context.WithCancel(context.Background())
		cfg, o := testConfig(t)
		cfg.Suite = testSuite().WithRepeat(3)
		o.prepare = func(n int, f *fakeEngine) {
			f.onStep = func(step int) {
				if n == 5 && step == 15 { // scenario B of the second pass
					cancel()
				}
			}
		}
		first, err := runWithJournal(t, ctx, cfg, path, result.CreateJournal)
		if !errors.Is(err, context.Canceled) || !first.Partial || len(first.Results) != 3 {
			t.Fatalf("error %v, partial %v, %d results", err, first.Partial, len(first.Results))
		}
		if d := first.Details[1]; d.Pass != 0 || d.Status != result.StatusComplete || len(d.Passes) != 2 || d.Passes[1].Detail.Status != result.StatusPartial {
			t.Errorf("scenario B after the interruption: %+v", d)
		}
		st, err := Resume(path, first, cfg.Suite, 0)
		if err == nil {
			err = st.Cut(path)
		}
		if err != nil {
			t.Fatal(err)
		}
		var done []int
		for place := range 9 {
			if _, ok := st.Done[place]; ok {
				done = append(done, place)
			}
		}
		if diff := cmp.Diff([]int{0, 1, 2, 3}, done); diff != "" {
			t.Error(diff)
		}
		cfg, o = testConfig(t)
		cfg.Suite, cfg.Resume = testSuite().WithRepeat(3), st
		second, err := runWithJournal(t, context.Background(), cfg, path, result.AppendJournal)
		if err != nil || second.Partial || len(o.opened) != 5 {
			t.Fatalf("error %v, partial %v, %d sessions", err, second.Partial, len(o.opened))
		}
		content, err := result.ReadJournalFile(path)
		if err != nil || len(content.Records) != 45 {
			t.Fatalf("%d records, %v", len(content.Records), err)
		}
		checkPassOrder(t, content.Records)
		for i := range second.Results {
			checkPasses(t, cfg.Suite.Scenarios[i], i, second, content.Records)
		}

		if _, err := Resume(path, second, testSuite().WithRepeat(2), 0); err == nil || !strings.Contains(err.Error(), `the journal has pass 3 of scenario "A", and 2 are asked for`) {
			t.Errorf("resumed with fewer passes: %v", err)
		}
	})
}
