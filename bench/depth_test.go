package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

// deepSuite has two settings of the engine at three depths.
func deepSuite(repeat int) (result.Suite, []Point) {
	s := result.Suite{Name: "d"}
	var points []Point
	for engine := range 2 {
		for _, depth := range []int{0, 40, 100} {
			s.Scenarios = append(s.Scenarios, result.Scenario{Name: fmt.Sprintf("%d@%d", engine, depth), Category: "x", Input: 8, Output: 4, Concurrency: 2, Prompts: 4, Depth: &depth, Repeat: repeat})
			points = append(points, Point{Engine: engine, Budget: 32, UBatch: 16})
		}
	}
	return s, points
}

// The context is computed once for a session, and every request begins behind a
// copy of it, at its position and with its tokens.
func TestDepth(t *testing.T) {
	for _, engines := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			cfg, o := testConfig(t)
			cfg.NoWarmup = false
			cfg.Suite, cfg.Points = deepSuite(2)
			cfg.Suite.Scenarios, cfg.Points = cfg.Suite.Scenarios[:3*engines], cfg.Points[:3*engines]
			r, err := Run(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[int]int{1: 1, 2: 4}[engines]; len(o.opened) != want {
				t.Errorf("%d settings: %d sessions", engines, len(o.opened))
			}
			spec := SessionSpec{Sequences: 3, TokensPerSequence: 112, Keep: true}
			if o.opened[0].spec != spec || !o.opened[0].closed {
				t.Errorf("%+v, closed %v", o.opened[0].spec, o.opened[0].closed)
			}
			for i, d := range r.Details {
				var got []string
				for _, p := range d.Passes {
					c := p.Detail.Context
					got = append(got, fmt.Sprintf("%d+%d", c.Computed, c.Reused))
					if p.Result.SuccessfulRequests != 4 || p.Result.TotalInputTokens != 32 || *p.Detail.Depth != c.Tokens {
						t.Errorf("%s: %+v", d.Name, p.Result)
					}
				}
				want := []string{"0+0 0+0", "40+0 0+40", "60+40 0+100"}[i%3]
				if engines == 2 { // the other's session is closed for it
					want = []string{"0+0 0+0", "40+0 40+0", "60+40 60+40"}[i%3]
				}
				if text := strings.Join(got, " "); text != want {
					t.Errorf("%s: %s, want %s", d.Name, text, want)
				}
			}
			checkDeepRequests(t, o.opened[0])
		})
	}
}

// checkDeepRequests: whatever a sequence held when it was cut back to a depth began
// with the context.
func checkDeepRequests(t *testing.T, f *fakeEngine) {
	t.Helper()
	kept := f.ended[slices.IndexFunc(f.ended, func(ids []int32) bool { return len(ids) > 100 })][:100]
	seen := map[int]int{}
	for _, ids := range f.ended {
		for _, depth := range []int{100, 40} {
			if len(ids) >= depth {
				seen[depth]++
				if !slices.Equal(ids[:depth], kept[:depth]) {
					t.Errorf("%v does not begin with the context", ids)
				}
				break
			}
		}
	}
	if seen[40] < 8 || seen[100] < 8 {
		t.Errorf("%v requests behind a context", seen)
	}
}

// Points at depths of one setting follow one another, in whatever order the lists
// have made them; other scenarios stay where they are.
func TestDepthOrder(t *testing.T) {
	var s result.Suite
	for i, kv := range []string{"f", "q", "f", "", "q", "f"} {
		sc := result.Scenario{Name: fmt.Sprint(kv, i), Prompts: 1}
		if kv != "" {
			sc.Depth, sc.Settings = &i, []result.Setting{{Name: "kv-type", Value: kv}}
		}
		s.Scenarios = append(s.Scenarios, sc)
	}
	if got, want := order(s), "0:0f0 0:0f2 0:0f5 0:0q1 0:0q4 0:03"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A depth that no session can hold is refused alone; the others keep theirs.
func TestDepthRefused(t *testing.T) {
	cfg, _ := testConfig(t)
	cfg.Suite, cfg.Points = deepSuite(1)
	full := errors.New("no memory")
	refused := cfg.Refusals(func(s SessionSpec) error {
		if s.TokensPerSequence > 60 && s.Engine == 1 {
			return full
		}
		return nil
	})
	if len(refused) != 1 || !errors.Is(refused[5], full) {
		t.Errorf("%v", refused)
	}
	cfg.Refused = refused
	if spec, err := cfg.Session(3); err != nil || spec.TokensPerSequence != 52 {
		t.Errorf("%+v, %v", spec, err)
	}
	cfg.PrefixCache = true
	if err := cfg.check(); err == nil || !strings.Contains(err.Error(), "prefix cache with a depth") {
		t.Error(err)
	}
}
