package bench

import (
	"ceiling/internal/machine"
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// loudMeter says how long threads waited, window by window; of later ones they
// did not.
type loudMeter struct {
	waits []float64
	next  int
}

func (m *loudMeter) Start() {}

func (m *loudMeter) Stop() *machine.Disturbance {
	d := &machine.Disturbance{WallS: 1, Threads: &machine.ThreadLoad{Threads: 1, RunS: 1}}
	if m.next < len(m.waits) {
		w := m.waits[m.next]
		d.Threads.RunS, d.Threads.WaitS = 1-w, w
	}
	m.next++
	return d
}

// retried runs two scenarios of 5 requests with the meter, and tells what ran:
// scenario and pass of each start.
func retried(t *testing.T, repeat, retry int, waits []float64, change func(*Config)) (r *result.Run, ran []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		cfg.Suite = result.Suite{Name: "s", Retry: retry, Scenarios: []result.Scenario{
			{Name: "A", Input: 8, Output: 60, Concurrency: 1, Prompts: 5, Repeat: repeat},
			{Name: "B", Input: 8, Output: 60, Concurrency: 1, Prompts: 5, Repeat: repeat},
		}}
		cfg.Meter = &loudMeter{waits: waits}
		cfg.OnStart = func(pass, scenario int) error {
			ran = append(ran, fmt.Sprintf("%s%d", cfg.Suite.Scenarios[scenario].Name, pass))
			return nil
		}
		if change != nil {
			change(&cfg)
		}
		var err error
		if r, err = Run(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
	})
	return r, ran
}

// What is disturbed runs again when all have run, until it is not, at most so
// many times; the quietest pass is kept, and all are in the details.
func TestRetry(t *testing.T) {
	for _, tc := range []struct {
		what          string
		repeat, retry int
		waits         []float64
		ran           []string
		state         result.State // of A
		pass          int
		discarded     []int
	}{
		{"not asked for", 1, 0, []float64{0.5}, []string{"A0", "B0"}, result.StateDisturbed, 0, nil},
		{"quiet", 1, 3, nil, []string{"A0", "B0"}, result.StateValid, 0, nil},
		{"once", 1, 3, []float64{0.5}, []string{"A0", "B0", "A1"}, result.StateValid, 1, []int{0}},
		{"both, A twice", 1, 3, []float64{0.5, 0.4, 0.6}, []string{"A0", "B0", "A1", "B1", "A2"}, result.StateValid, 2, []int{0, 1}},
		{"never quiet", 1, 2, []float64{0.5, 0, 0.3, 0.4}, []string{"A0", "B0", "A1", "A2"}, result.StateDisturbed, 1, []int{0, 2}},
		{"one of three passes", 3, 2, []float64{0, 0, 0.5}, []string{"A0", "B0", "A1", "B1", "A2", "B2", "A3"}, result.StateValid, 0, []int{1}},
	} {
		r, ran := retried(t, tc.repeat, tc.retry, tc.waits, nil)
		if diff := cmp.Diff(tc.ran, ran); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", tc.what, diff)
		}
		d := r.Details[0]
		var discarded []int
		for _, p := range d.Discarded {
			discarded = append(discarded, p.Pass)
		}
		if d.Verdict.State != tc.state || tc.repeat == 1 && d.Pass != tc.pass || !cmp.Equal(discarded, tc.discarded) {
			t.Errorf("%s: verdict %v, pass %d, discarded %v", tc.what, d.Verdict, d.Pass, discarded)
		}
		if tc.repeat > 1 && len(d.Passes) != tc.repeat {
			t.Errorf("%s: %d passes kept", tc.what, len(d.Passes))
		}
	}
}

// A run that stops amid its repetitions goes on with them.
func TestRetryResumes(t *testing.T) {
	path := t.TempDir() + "/requests.jsonl"
	var saved *result.Run
	stop := fmt.Errorf("stop")
	synctest.Test(t, func(t *testing.T) {
		cfg, _ := testConfig(t)
		j, err := result.CreateJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Suite = result.Suite{Name: "s", Retry: 2, Scenarios: []result.Scenario{{Name: "A", Input: 8, Output: 60, Concurrency: 1, Prompts: 5}, {Name: "B", Input: 8, Output: 60, Concurrency: 1, Prompts: 5}}}
		cfg.Meter, cfg.Journal = &loudMeter{waits: []float64{0.5, 0, 0.4}}, j
		finished := 0
		cfg.OnScenario = func(r *result.Run) error {
			copied := *r
			saved = &copied
			if finished++; finished == 3 {
				return stop
			}
			return nil
		}
		if _, err := Run(context.Background(), cfg); err == nil {
			t.Fatal("not stopped")
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	})
	suite := result.Suite{Name: "s", Retry: 2, Scenarios: []result.Scenario{{Name: "A", Input: 8, Output: 60, Concurrency: 1, Prompts: 5}, {Name: "B", Input: 8, Output: 60, Concurrency: 1, Prompts: 5}}}
	state, err := Resume(path, saved, suite, 0)
	if err != nil {
		t.Fatal(err)
	}
	if state.Finished(suite) || len(state.Done) != 3 {
		t.Errorf("finished with a scenario that lacks a pass; %d done", len(state.Done))
	}
	r, ran := retried(t, 0, 2, nil, func(cfg *Config) { cfg.Resume = state })
	if diff := cmp.Diff([]string{"A2"}, ran); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d := r.Details[0]; d.Verdict.State != result.StateValid || d.Pass != 2 || len(d.Discarded) != 2 {
		t.Errorf("verdict %v, pass %d, %d discarded", d.Verdict, d.Pass, len(d.Discarded))
	}
}

// Prompts of a pass that runs again are none of those before.
func TestRetryDrawsNewPrompts(t *testing.T) {
	seenAt := map[string]string{}
	suite := result.Suite{Name: "s", Retry: 3, Scenarios: []result.Scenario{{Name: "A", Input: 8, Output: 2, Concurrency: 1, Prompts: 3, Repeat: 2}, {Name: "B", Input: 8, Output: 2, Concurrency: 1, Prompts: 4}}}
	units, total := Plan(suite)
	if total != (3+4+3)*4+warmupPrompts {
		t.Errorf("%d prompts", total)
	}
	entries := map[[2]int]result.Entry{}
	loud := result.Entry{Detail: result.Detail{Verdict: &result.Verdict{State: result.StateDisturbed}}}
	for _, u := range units {
		entries[[2]int{u.Pass, u.Scenario}] = loud
	}
	for {
		u, ok := next(suite, func(pass, scenario int) (result.Entry, bool) {
			e, ok := entries[[2]int{pass, scenario}]
			return e, ok
		})
		if !ok {
			break
		}
		entries[[2]int{u.Pass, u.Scenario}] = loud
		units = append(units, u)
	}
	if len(units) != 3+2*3 {
		t.Errorf("%d units", len(units))
	}
	for _, u := range units {
		for i := range suite.Scenarios[u.Scenario].Prompts {
			key, who := fmt.Sprint(u.FirstPrompt+i), fmt.Sprintf("pass %d of %d", u.Pass, u.Scenario)
			if before, used := seenAt[key]; used {
				t.Errorf("prompt %s of %s was %s's", key, who, before)
			}
			if u.FirstPrompt+i >= total-warmupPrompts {
				t.Errorf("prompt %s of %s is the warm-up's", key, who)
			}
			seenAt[key] = who
		}
	}
}
