package bench

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

var garbage []byte

// Garbage is collected before each scenario and not in its middle: the
// scenarios here leave 8 MB each, twice what Go would start at by itself.
func TestNoCollectionInAScenario(t *testing.T) {
	defer func() { garbage = nil }()
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	synctest.Test(t, func(t *testing.T) {
		cfg, o := testConfig(t)
		cfg.Suite.Scenarios = []result.Scenario{
			{Name: "A", Input: 16, Output: 32, Concurrency: 1, Prompts: 1},
			{Name: "B", Input: 16, Output: 32, Concurrency: 1, Prompts: 1},
		}
		collections := make([][]uint32, 2) // until then, by session and step
		o.prepare = func(n int, f *fakeEngine) {
			f.onStep = func(int) {
				garbage = make([]byte, 8<<20/32)
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				collections[n-1] = append(collections[n-1], m.NumGC)
			}
		}
		if _, err := Run(context.Background(), cfg); err != nil {
			t.Fatal(err)
		}
		for k, seen := range collections {
			if len(seen) != 32 {
				t.Fatalf("session %d: %d steps", k, len(seen))
			}
			if n := seen[31] - seen[0]; n != 0 {
				t.Errorf("scenario %d: %d collections while it ran", k, n)
			}
		}
		if a, b := collections[0], collections[1]; b[0] == a[31] {
			t.Error("no collection between the scenarios")
		}
	})
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("the run left GOGC at %d", got)
	}
	for _, own := range []int{-1, 900} {
		debug.SetGCPercent(own)
		undo := rareCollections()
		if got := debug.SetGCPercent(own); got != own {
			t.Errorf("GOGC %d became %d", own, got)
		}
		undo()
	}
}
