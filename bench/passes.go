package bench

import (
	"cmp"
	"slices"

	"ceiling/bench/result"
)

// ScenarioPass is one scenario in one pass over the suite.
type ScenarioPass struct {
	Pass     int // from 0
	Scenario int // index in the suite, from 0
	// FirstPrompt is the number of prompts in the run before the unit's. Cold
	// prompts differ between passes because it does.
	FirstPrompt int
}

// Plan lists what a run does, in order: the first pass over all scenarios,
// then the second, and so on, so that a machine that slowly changes (heat, a
// neighbour, a filling cache) changes under every scenario alike. What needs
// another process or another load of the model comes after all passes of what
// does not, so that each is begun once. A scenario
// takes part in its first Repeat passes. Lengths and arrivals are the same in
// every pass; that is what makes passes repeats of one another. prompts is
// the number of prompts in the whole run, those of passes that may be needed
// again and of the warm-up included, which come last.
func Plan(s result.Suite) (units []ScenarioPass, prompts int) {
	order := contextsTogether(s)
	for pass := range s.Passes() {
		for _, i := range order {
			sc := s.Scenarios[i]
			if pass < sc.Passes() {
				units = append(units, ScenarioPass{pass, i, prompts})
				prompts += sc.Requests()
			}
		}
	}
	process := s.ProcessOf()
	slices.SortStableFunc(units, func(a, b ScenarioPass) int {
		return cmp.Or(cmp.Compare(process(a.Pass, a.Scenario), process(b.Pass, b.Scenario)),
			cmp.Compare(s.Scenarios[a.Scenario].Load, s.Scenarios[b.Scenario].Load))
	})
	return units, prompts*(1+s.Retry) + warmupPrompts
}

// next is what there is to do next of a suite, where done tells what has run: a
// planned unit, or one that runs again because it was disturbed, for which the
// load that it needs is waited with.
func next(s result.Suite, done func(pass, scenario int) (result.Entry, bool)) (u ScenarioPass, ok bool) {
	planned, _ := Plan(s)
	process := s.ProcessOf()
	for k, u := range planned {
		if _, ran := done(u.Pass, u.Scenario); !ran {
			return u, true
		}
		same := func(scenario int) bool { // one load of the model serves both
			return s.Scenarios[scenario].Load == s.Scenarios[u.Scenario].Load && process(0, scenario) == process(0, u.Scenario)
		}
		if slices.ContainsFunc(planned[k+1:], func(later ScenarioPass) bool { return same(later.Scenario) }) {
			continue
		}
		if u, ok := again(s, same, done); ok {
			return u, true
		}
	}
	return ScenarioPass{}, false
}

// contextsTogether is the order of the scenarios in a pass: the suite's, but that
// those at depths come with the first that has their settings, so that the context
// which they share is computed once.
func contextsTogether(s result.Suite) []int {
	first := map[string]int{}
	at := make([]int, len(s.Scenarios))
	order := make([]int, len(s.Scenarios))
	for i, sc := range s.Scenarios {
		order[i], at[i] = i, i
		if !deep(sc) {
			continue
		}
		own := result.SettingsText(sc.Settings)
		if _, ok := first[own]; !ok {
			first[own] = i
		}
		at[i] = first[own]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	return order
}

// Recurring is the most prompt tokens of a scenario whose prompts come again
// in the one that runs after it, and at least those of the longest prompt, which
// a shared prefix lives in.
func Recurring(s result.Suite) int {
	most := 0
	units, _ := Plan(s)
	for k, u := range units {
		sc := s.Scenarios[u.Scenario]
		longest := sc.LongestPrompt()
		most = max(most, longest)
		if d := sc.Dataset; d != nil && d.Trace && d.Lengths != nil {
			most = max(most, int(d.Lengths.Prompt)) // its prompts share what they begin with
		}
		if k+1 == len(units) {
			break
		}
		if sc.SamePrompts(s.Scenarios[units[k+1].Scenario]) {
			most = max(most, sc.Prompts*longest)
		}
	}
	return most
}

// place numbers a scenario of a pass in the grid of all. In the first pass it
// is the scenario's index.
func place(s result.Suite, pass, scenario int) int { return pass*len(s.Scenarios) + scenario }
