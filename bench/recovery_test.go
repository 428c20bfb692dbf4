package bench

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// stuckAt makes the n-th session's engine hang: in the step of that number,
// or in Close for step 0. It returns a channel that tells when it does.
func stuckAt(o *fakeOpener, n, step int) <-chan struct{} {
	hangs := make(chan struct{})
	o.prepare = func(k int, f *fakeEngine) {
		f.base = 0
		if k == n {
			f.onStep = func(at int) {
				if at == step {
					close(hangs)
					select {}
				}
			}
		}
	}
	return hangs
}

func recoveryConfig(t *testing.T) (Config, *fakeOpener, string) {
	cfg, o := testConfig(t)
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	j, err := result.CreateJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Journal, cfg.Recovery = j, new(Recovery)
	return cfg, o, path
}

// TestRecovery: the engine hangs in the second scenario, with requests done and
// requests in flight. Another goroutine gets what Run would have returned for
// an engine that is lost, and what is finished is stored.
func TestRecovery(t *testing.T) {
	cfg, o, path := recoveryConfig(t)
	cfg.Suite.Scenarios[1].Prompts = 8
	hangs := stuckAt(o, 2, 10)
	saved := 0
	cfg.OnScenario = func(*result.Run) error { saved++; return nil }
	var last Event
	cfg.Progress = func(e Event) { last = e }
	go Run(context.Background(), cfg)
	<-hangs

	got, err := cfg.Recovery.Results(errors.New("device 2\nis gone"))
	if err != nil {
		t.Fatal(err)
	}
	const reason = "the engine can't be used any more: device 2 is gone"
	want := []string{"A: complete 3+0", "B: failed 3+4 (" + reason + ")"}
	if diff := cmp.Diff(want, statuses(got)); diff != "" {
		t.Error(diff)
	}
	if !got.Partial || got.PartialReason != reason || len(got.Planned) != 3 {
		t.Errorf("partial %v, %q, planned %v", got.Partial, got.PartialReason, got.Planned)
	}
	if d := got.Details[1]; d.Dropped != 1 || d.Steps != 9 {
		t.Errorf("%d dropped, %d steps", d.Dropped, d.Steps)
	}
	if saved != 2 || last.Kind != EventScenarioFinished || last.Result == nil || last.Result.Error == nil {
		t.Errorf("%d saves, last event %+v", saved, last)
	}
	c, err := result.ReadJournalFile(path)
	if err != nil || len(c.Records) != 3+7 || c.Torn {
		t.Errorf("%d records, torn %v, %v", len(c.Records), c.Torn, err)
	}
	failed := 0
	for _, r := range c.Records {
		if !r.OK() {
			failed++
		}
	}
	if failed != 4 {
		t.Errorf("%d failed records, want 4", failed)
	}
}

// TestRecoveryInterrupted: a call that does not return when the caller stops the
// run. What ended is kept, what was in flight has neither succeeded nor failed.
func TestRecoveryInterrupted(t *testing.T) {
	cfg, o, path := recoveryConfig(t)
	cfg.Suite.Scenarios[1].Prompts = 8
	hangs := stuckAt(o, 2, 10)
	go Run(context.Background(), cfg)
	<-hangs
	call, inside := cfg.Recovery.Calls.Now()
	if again, _ := cfg.Recovery.Calls.Now(); !inside || again != call {
		t.Errorf("call %d, then %d, inside the engine: %v", call, again, inside)
	}
	got, err := cfg.Recovery.Results(context.Canceled)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"A: complete 3+0", "B: partial 3+0 (interrupted)"}
	if diff := cmp.Diff(want, statuses(got)); diff != "" || !got.Partial || got.PartialReason != "interrupted" {
		t.Errorf("%s partial %v, %q", diff, got.Partial, got.PartialReason)
	}
	if c, err := result.ReadJournalFile(path); err != nil || len(c.Records) != 3+3 {
		t.Errorf("%d records, %v", len(c.Records), err)
	}
}

// TestRecoveryElsewhere: in Open nothing of the scenario has run; in Close all
// of it has, and it stays complete.
func TestRecoveryElsewhere(t *testing.T) {
	t.Run("open", func(t *testing.T) {
		cfg, o, _ := recoveryConfig(t)
		hangs := make(chan struct{})
		stuckAt(o, 0, 0)
		o.refuse = func(spec SessionSpec) error {
			if spec.Sequences == 4 {
				close(hangs)
				select {}
			}
			return nil
		}
		go Run(context.Background(), cfg)
		<-hangs
		got, err := cfg.Recovery.Results(errors.New("gone"))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"A: complete 3+0", "B: failed 0+0 (the engine can't be used any more: gone)"}
		if diff := cmp.Diff(want, statuses(got)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("close", func(t *testing.T) {
		cfg, o, _ := recoveryConfig(t)
		hangs := make(chan struct{})
		stuckAt(o, 0, 0)
		cfg.Opener = closing{o, hangs}
		go Run(context.Background(), cfg)
		<-hangs
		got, err := cfg.Recovery.Results(errors.New("gone"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"A: complete 3+0"}, statuses(got)); diff != "" || !got.Partial {
			t.Errorf("partial %v %s", got.Partial, diff)
		}
	})
	t.Run("no run", func(t *testing.T) {
		if got, err := new(Recovery).Results(errors.New("gone")); got != nil || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// closing makes Close hang.
type closing struct {
	Opener
	hangs chan struct{}
}

func (o closing) Open(ctx context.Context, spec SessionSpec) (Engine, error) {
	eng, err := o.Opener.Open(ctx, spec)
	return closingEngine{eng, o.hangs}, err
}

type closingEngine struct {
	Engine
	hangs chan struct{}
}

func (e closingEngine) Close() error {
	close(e.hangs)
	select {}
}

// TestRecoveryUnused: a run that ends by itself leaves the Recovery empty, and
// ready for the next one.
func TestRecoveryUnused(t *testing.T) {
	cfg, o, _ := recoveryConfig(t)
	stuckAt(o, 0, 0)
	for range 2 {
		got, err := Run(context.Background(), cfg)
		if err != nil || len(got.Results) != 3 {
			t.Fatalf("%d results, %v", len(got.Results), err)
		}
	}
	if got, err := cfg.Recovery.Results(errors.New("late")); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestRecoveryWaits: between engine calls the run is left to finish what it does.
func TestRecoveryWaits(t *testing.T) {
	cfg, o, _ := recoveryConfig(t)
	stuckAt(o, 0, 0)
	inside, release := make(chan struct{}), make(chan struct{})
	once := false
	cfg.OnScenario = func(*result.Run) error {
		if !once {
			once = true
			close(inside)
			<-release
		}
		return nil
	}
	go Run(context.Background(), cfg)
	<-inside
	done := make(chan *result.Run)
	go func() {
		got, _ := cfg.Recovery.Results(errors.New("gone"))
		done <- got
	}()
	select {
	case <-done:
		t.Fatal("did not wait for the run to leave its own code")
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	if got := <-done; got != nil && len(got.Results) == 0 {
		t.Errorf("results %v", statuses(got))
	}
}
