package bench

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// search measures two scenarios in turn, as one that goes on does: what an earlier
// part has is taken. It ends in the step of the probe, and returns how many probes it
// measured itself.
func search(t *testing.T, dir string, stopProbe, stopStep int) (saved *result.Run, measured int) {
	t.Helper()
	cfg, o := testConfig(t)
	path := filepath.Join(dir, "requests.jsonl")
	resultsPath := filepath.Join(dir, "results.json")
	before, _ := result.Load(resultsPath) // none at first
	scenarios := testSuite().Scenarios
	earlier, err := ReadEarlierProbes(path, before)
	if err != nil {
		t.Fatal(err)
	}
	var j *result.Journal
	if before == nil {
		j, err = result.CreateJournal(path)
	} else if err = earlier.State.Cut(path); err == nil {
		j, err = result.AppendJournal(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg.Journal, cfg.Clock = j, result.NewClock(earlier.State.Start())
	p := NewProbes(cfg)
	earlier.GoOn(p)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for probe, i := range []int{0, 2, 0, 2} {
		if _, ok := earlier.Take(scenarios[i].Name); ok {
			continue
		}
		measured++
		o.prepare = func(_ int, f *fakeEngine) {
			f.onStep = func(step int) {
				if probe == stopProbe && step == stopStep {
					cancel()
				}
			}
		}
		if _, _, err := p.Measure(ctx, scenarios[i], nil); err != nil {
			break
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	saved = p.Results()
	if err := result.Save(resultsPath, saved); err != nil {
		t.Fatal(err)
	}
	if earlier.Left() != 0 {
		t.Errorf("%d probes are not taken", earlier.Left())
	}
	return saved, measured
}

// A search that was stopped in each of its probes goes on with that one, and comes to
// the results and the journal of one that was not.
func TestSearchGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		whole, n := search(t, dir, -1, 0)
		if n != 4 {
			t.Fatalf("%d probes", n)
		}
		want, err := result.ReadJournalFile(filepath.Join(dir, "requests.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for probe := range 4 {
			dir := t.TempDir()
			if _, n := search(t, dir, probe, 5); n != probe+1 {
				t.Errorf("stopped in probe %d: %d measured", probe, n)
			}
			again, n := search(t, dir, -1, 0)
			if n != 4-probe {
				t.Errorf("stopped in probe %d: %d measured to the end", probe, n)
			}
			places := func(records []result.Record) map[[3]int]string {
				out, prompts := map[[3]int]string{}, map[string]bool{}
				for _, r := range records {
					if prompts[r.PromptHash] {
						t.Errorf("stopped in probe %d: a prompt of scenario %d, pass %d has been there before", probe, r.Scenario, r.Pass)
					}
					prompts[r.PromptHash] = true
					out[[3]int{r.Scenario, r.Pass, r.Request}] = r.Name
				}
				return out
			}
			got, err := result.ReadJournalFile(filepath.Join(dir, "requests.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Records) != len(want.Records) {
				t.Errorf("stopped in probe %d: %d records, want %d", probe, len(got.Records), len(want.Records))
			}
			if diff := cmp.Diff(places(want.Records), places(got.Records)); diff != "" {
				t.Errorf("stopped in probe %d: %s", probe, diff)
			}
			for i := range whole.Details {
				if a, b := len(whole.Details[i].Passes), len(again.Details[i].Passes); a != b || a != 2 {
					t.Errorf("stopped in probe %d: scenario %d has %d passes, want %d", probe, i, b, a)
				}
			}
		}
	})
}

// A probe that failed is finished, unless the search ended for that.
func TestFinishedProbes(t *testing.T) {
	lost := "the engine is lost: a fault"
	probe := func(name string, status, err string) (s result.Summary, d result.Detail) {
		s.Name, d.Name, d.Status = name, name, status
		if err != "" {
			s.Error = &err
		}
		return s, d
	}
	for reason, want := range map[string][]string{"interrupted": {"a", "b", "d"}, "c=4: " + lost + "; telemetry: no space": {"a", "b"}} {
		saved := &result.Run{Partial: true, PartialReason: reason}
		for _, p := range []struct {
			name, err, status string
		}{{"a", "", result.StatusComplete}, {"b", "no KV slot", result.StatusFailed}, {"c", "interrupted", result.StatusPartial}, {"d", lost, result.StatusFailed}} {
			s, d := probe(p.name, p.status, p.err)
			saved.Results, saved.Details = append(saved.Results, s), append(saved.Details, d)
		}
		var got []string
		for _, s := range finishedProbes(saved).Results {
			got = append(got, s.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", reason, diff)
		}
	}
	if _, err := ReadEarlierProbes("none", &result.Run{Results: make([]result.Summary, 1)}); err == nil {
		t.Error("results without details are gone on with")
	}
}
