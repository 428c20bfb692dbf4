package bench

import (
	"cmp"
	"fmt"
	"slices"
)

// MaxRepeat is the most passes that a run may make over its suite.
const MaxRepeat = 1000

// Unit is one scenario in one pass over the suite.
type Unit struct {
	Pass     int // from 0
	Scenario int // index in the suite, from 0
	// FirstPrompt is the number of prompts in the run before the unit's. Cold
	// prompts differ between passes because it does.
	FirstPrompt int
}

// Passes is how often the scenario runs.
func (s Scenario) Passes() int { return max(1, s.Repeat) }

// Passes is the number of passes over the suite.
func (s Suite) Passes() int {
	n := 1
	for _, sc := range s.Scenarios {
		n = max(n, sc.Passes())
	}
	return n
}

// WithRepeat returns the suite with every scenario running n times.
func (s Suite) WithRepeat(n int) Suite {
	s.Scenarios = slices.Clone(s.Scenarios)
	for i := range s.Scenarios {
		s.Scenarios[i].Repeat = n
	}
	return s
}

// Plan lists what a run does, in order: the first pass over all scenarios,
// then the second, and so on, so that a machine that slowly changes (heat, a
// neighbour, a filling cache) changes under every scenario alike. A scenario
// takes part in its first Repeat passes. Lengths and arrivals are the same in
// every pass; that is what makes passes repeats of one another. prompts is
// the number of prompts in the whole run, those of the warm-up included, which
// come last.
func (s Suite) Plan() (units []Unit, prompts int) {
	for pass := range s.Passes() {
		for i, sc := range s.Scenarios {
			if pass < sc.Passes() {
				units = append(units, Unit{pass, i, prompts})
				prompts += sc.Prompts
			}
		}
	}
	return units, prompts + warmupPrompts
}

// Recurring is the most prompt tokens of a scenario whose prompts come again
// in the one that runs after it, and at least those of the longest prompt, which
// a shared prefix lives in.
func (s Suite) Recurring() int {
	most := 0
	units, _ := s.Plan()
	for k, u := range units {
		sc := s.Scenarios[u.Scenario]
		_, longest := sc.inputBounds()
		longest += sc.PrefixLen
		most = max(most, longest)
		if k+1 == len(units) {
			break
		}
		if next := s.Scenarios[units[k+1].Scenario]; next.Input == sc.Input && next.RangeRatio == sc.RangeRatio && next.PrefixLen == sc.PrefixLen {
			most = max(most, sc.Prompts*longest)
		}
	}
	return most
}

// place numbers a scenario of a pass in the grid of all. In the first pass it
// is the scenario's index.
func (s Suite) place(pass, scenario int) int { return pass*len(s.Scenarios) + scenario }

// Pass holds the figures of one pass over a scenario.
type Pass struct {
	Pass   int    `json:"pass"` // from 0
	Result Result `json:"result"`
	Detail Detail `json:"detail"`
}

// Combine makes one outcome of a scenario's passes, of which planned were to
// be. The figures are those of a single real pass, so that they fit together
// and mean what they mean in a run without repeats (a p99 of 20 requests stays
// one of 20): the pass with the median output throughput, of an even number
// the lower of the two in the middle. It is looked for among the passes that
// completed without a failed request, where there is none among the other
// complete ones, then the partial, then the failed ones. All passes are in
// Detail.Passes, and what went wrong in the others is a warning.
//
// passes has at least one element. Of a scenario planned for one pass Combine
// returns that unchanged.
func Combine(planned int, passes []Pass) (Result, Detail) {
	if planned <= 1 {
		return passes[0].Result, passes[0].Detail
	}
	chosen := medianPass(passes)
	r, d := chosen.Result, chosen.Detail
	d.Repeat, d.Pass, d.Passes = planned, chosen.Pass, slices.Clone(passes)
	d.Warnings = append(slices.Clone(d.Warnings), passWarnings(planned, passes, chosen.Pass)...)
	return r, d
}

// soundness ranks passes: only the soundest there are may speak for the rest.
func (p *Pass) soundness() int {
	switch {
	case p.Detail.Status == StatusComplete && p.Result.FailedRequests == 0:
		return 3
	case p.Detail.Status == StatusComplete:
		return 2
	case p.Detail.Status == StatusPartial:
		return 1
	}
	return 0
}

func medianPass(passes []Pass) Pass {
	best := 0
	for i := range passes {
		best = max(best, passes[i].soundness())
	}
	var among []Pass
	for i := range passes {
		if passes[i].soundness() == best {
			among = append(among, passes[i])
		}
	}
	rate := func(p Pass) float64 {
		if p.Result.OutputThroughput == nil {
			return 0
		}
		return *p.Result.OutputThroughput
	}
	slices.SortStableFunc(among, func(a, b Pass) int { return cmp.Compare(rate(a), rate(b)) })
	return among[(len(among)-1)/2]
}

// passWarnings say what went wrong in the passes other than the chosen one,
// whose own warnings say so for itself.
func passWarnings(planned int, passes []Pass, chosen int) []string {
	var out []string
	for i := range passes {
		p := &passes[i]
		if p.Pass == chosen {
			continue
		}
		name := fmt.Sprintf("pass %d of %d", p.Pass+1, planned)
		switch {
		case p.Detail.Status == StatusFailed && p.Result.Error != nil:
			out = append(out, name+" failed: "+*p.Result.Error)
		case p.Detail.Status == StatusFailed:
			out = append(out, name+" failed")
		case p.Detail.Status == StatusPartial:
			out = append(out, name+" is partial and counts for nothing here")
		case p.Result.FailedRequests > 0:
			out = append(out, fmt.Sprintf("%s: %.0f of %d requests failed", name, p.Result.FailedRequests, p.Result.NumPrompts))
		}
	}
	if n := len(passes); n < planned {
		out = append(out, fmt.Sprintf("%d of %d passes ran", n, planned))
	}
	return out
}
