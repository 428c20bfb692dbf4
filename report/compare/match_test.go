package compare

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/report/importer"
)

func TestMatch(t *testing.T) {
	load := func(name string, in, out, c, n int, change ...func(*importer.ToolLoad)) importer.ToolLoad {
		l := importer.ToolLoad{Name: name, Input: in, Output: out, Concurrency: c, Prompts: n, Lengths: importer.LengthsNominal}
		for _, f := range change {
			f(&l)
		}
		return l
	}
	rate := func(v float64) func(*importer.ToolLoad) { return func(l *importer.ToolLoad) { l.RequestRate = &v } }
	ratio := func(v float64) func(*importer.ToolLoad) { return func(l *importer.ToolLoad) { l.RangeRatio = &v } }
	gaps := func(v float64) func(*importer.ToolLoad) { return func(l *importer.ToolLoad) { l.Burstiness = &v } }
	ramp := func(text string) func(*importer.ToolLoad) { return func(l *importer.ToolLoad) { l.Arrivals = text } }
	prefix := func(n int) func(*importer.ToolLoad) { return func(l *importer.ToolLoad) { l.Prefix = &n } }
	mean := func(l *importer.ToolLoad) { l.Lengths = importer.LengthsMean }
	for _, tc := range []struct {
		name   string
		a, b   []importer.ToolLoad
		both   []string
		onlyAB []string
	}{
		{"by load, not by name", []importer.ToolLoad{load("X", 512, 16, 1, 20), load("Y", 512, 16, 2, 20)},
			[]importer.ToolLoad{load("Y", 512, 16, 1, 20), load("X", 512, 16, 2, 20)}, []string{"X = Y", "Y = X"}, nil},
		{"the same name first where two have the load", []importer.ToolLoad{load("X", 512, 16, 1, 20)},
			[]importer.ToolLoad{load("Z", 512, 16, 1, 20), load("X", 512, 16, 1, 20)}, []string{"X = X"},
			[]string{`A has "X" once, and it is compared with another load already`}},
		{"even gaps are not those of chance", []importer.ToolLoad{load("X", 512, 16, 0, 20, rate(2), gaps(math.Inf(1)))}, []importer.ToolLoad{load("X", 512, 16, 0, 20, rate(2), gaps(1))}, nil,
			[]string{`nearest in B: "X", which differs in burstiness (even gaps against 1)`, `nearest in A: "X", which differs in burstiness (1 against even gaps)`}},
		{"gaps that are not known contradict nothing", []importer.ToolLoad{load("X", 512, 16, 0, 20, rate(2), gaps(math.Inf(1)))}, []importer.ToolLoad{load("X", 512, 16, 0, 20, rate(2))}, []string{"X = X"}, nil},
		{"other prompts are another load", []importer.ToolLoad{load("X", 512, 16, 1, 20)}, []importer.ToolLoad{load("X", 512, 16, 1, 5)}, nil,
			[]string{`nearest in B: "X", which differs in prompts (20 against 5)`, `nearest in A: "X", which differs in prompts (5 against 20)`}},
		{"unknown prompts contradict nothing", []importer.ToolLoad{load("X", 512, 16, 1, 20)}, []importer.ToolLoad{load("X", 512, 16, 1, 0)}, []string{"X = X"}, nil},
		{"unknown concurrency is not the same", []importer.ToolLoad{load("X", 512, 16, 4, 20)}, []importer.ToolLoad{load("X", 512, 16, 0, 20)}, nil,
			[]string{`nearest in B: "X", which differs in concurrency (4 against 0)`, `nearest in A: "X", which differs in concurrency (0 against 4)`}},
		{"open loop and closed", []importer.ToolLoad{load("X", 512, 16, 4, 20, rate(2))}, []importer.ToolLoad{load("X", 512, 16, 4, 20)}, nil,
			[]string{`nearest in B: "X", which differs in request rate (2 req/s against closed loop)`, `nearest in A: "X", which differs in request rate (closed loop against 2 req/s)`}},
		{"a ramp and a closed loop", []importer.ToolLoad{load("X", 512, 16, 4, 20, ramp("a ramp from 1 to 9 req/s (linear)"))}, []importer.ToolLoad{load("X", 512, 16, 4, 20)}, nil,
			[]string{`nearest in B: "X", which differs in request rate (a ramp from 1 to 9 req/s (linear) against closed loop)`,
				`nearest in A: "X", which differs in request rate (closed loop against a ramp from 1 to 9 req/s (linear))`}},
		{"a ramp and a rate", []importer.ToolLoad{load("X", 512, 16, 0, 20, ramp("a ramp"))}, []importer.ToolLoad{load("X", 512, 16, 0, 20, rate(9))}, nil,
			[]string{`nearest in B: "X", which differs in request rate (a ramp against 9 req/s)`, `nearest in A: "X", which differs in request rate (9 req/s against a ramp)`}},
		{"the same ramp", []importer.ToolLoad{load("X", 512, 16, 0, 20, ramp("a ramp"))}, []importer.ToolLoad{load("X", 512, 16, 0, 20, ramp("a ramp"))}, []string{"X = X"}, nil},
		{"one prompt for all and one each", []importer.ToolLoad{load("X", 512, 16, 4, 4, prefix(512))}, []importer.ToolLoad{load("X", 512, 16, 4, 4, prefix(0))}, nil,
			[]string{`nearest in B: "X", which differs in tokens that the prompts have in common (512 against 0)`,
				`nearest in A: "X", which differs in tokens that the prompts have in common (0 against 512)`}},
		{"an unknown prefix contradicts nothing", []importer.ToolLoad{load("X", 512, 16, 4, 4, prefix(9))}, []importer.ToolLoad{load("X", 512, 16, 4, 4)}, []string{"X = X"}, nil},
		{"range ratios", []importer.ToolLoad{load("X", 512, 16, 4, 20, ratio(0.5))}, []importer.ToolLoad{load("X", 512, 16, 4, 20, ratio(0))}, nil,
			[]string{`nearest in B: "X", which differs in range ratio (0.5 against 0)`, `nearest in A: "X", which differs in range ratio (0 against 0.5)`}},
		{"an unknown range ratio contradicts nothing", []importer.ToolLoad{load("X", 512, 16, 4, 20, ratio(0.5))}, []importer.ToolLoad{load("X", 512, 16, 4, 20)}, []string{"X = X"}, nil},
		{"lengths that were counted may be a little off", []importer.ToolLoad{load("X", 512, 16, 4, 20)}, []importer.ToolLoad{load("X", 508, 16, 4, 20, mean)}, []string{"X = X"}, nil},
		{"lengths that were asked for may not", []importer.ToolLoad{load("X", 512, 16, 4, 20)}, []importer.ToolLoad{load("X", 508, 16, 4, 20)}, nil,
			[]string{`nearest in B: "X", which differs in input (512 against 508)`, `nearest in A: "X", which differs in input (508 against 512)`}},
		{"nothing alike", []importer.ToolLoad{load("X", 512, 16, 4, 20)}, []importer.ToolLoad{load("Z", 9, 9, 9, 9)}, nil,
			[]string{"B has no load like it", "A has no load like it"}},
	} {
		a, b := &importer.ToolRun{Tool: "x", Loads: tc.a}, &importer.ToolRun{Tool: "x", Loads: tc.b}
		p := newPair(a, b, "B", ComparisonOptions{Assume: Nothing})
		var both, only []string
		for _, s := range p.Scenarios {
			other := s.Name
			if s.NameB != "" {
				other = s.NameB
			}
			both = append(both, fmt.Sprintf("%s = %s", s.Name, other))
		}
		for _, u := range p.Unmatched {
			only = append(only, u.Why)
		}
		if diff := cmp.Diff(tc.both, both); diff != "" {
			t.Errorf("%s: matched\n%s", tc.name, diff)
		}
		if diff := cmp.Diff(tc.onlyAB, only); diff != "" {
			t.Errorf("%s: unmatched\n%s", tc.name, diff)
		}
	}
}
