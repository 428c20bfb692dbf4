package bench

import (
	"ceiling/internal/machine"
	"context"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

// The observer gets each scenario with its window, also a failed one, before
// the results are passed on, and what it adds stays.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		asked := 0
		o.refuse = func(SessionSpec) error { // the second scenario's session
			if asked++; asked == 2 {
				return errFake
			}
			return nil
		}
		cfg.Clock = result.NewClock(0)
		var seen []string
		cfg.Observe = func(r *result.Summary, d *result.Detail) {
			seen = append(seen, r.Name+": "+d.Status)
			if now := cfg.Clock.Seconds(); d.StartS > d.EndS || d.EndS > now {
				t.Errorf("%s: from %v to %v, at %v", d.Name, d.StartS, d.EndS, now)
			}
			d.Energy = &machine.Energy{Rounds: len(seen)}
			d.Warnings = append(d.Warnings, "observed")
		}
		saved := 0
		cfg.OnScenario = func(r *result.Run) error {
			saved = len(r.Details)
			if last := r.Details[saved-1]; last.Energy == nil || last.Energy.Rounds != saved {
				t.Errorf("%s was passed on with energy %+v", last.Name, last.Energy)
			}
			return nil
		}
		got, err := Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(seen) != 3 || seen[1] != "B: "+result.StatusFailed || saved != 3 {
			t.Errorf("observed %q, saved %d", seen, saved)
		}
		for i, d := range got.Details {
			if d.Energy == nil || d.Energy.Rounds != i+1 || d.Warnings[len(d.Warnings)-1] != "observed" {
				t.Errorf("%s: %+v, %q", d.Name, d.Energy, d.Warnings)
			}
		}
	})
}
