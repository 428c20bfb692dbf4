package bench

import "ceiling/bench/result"

// again is the next pass that a disturbed scenario gets, of those that of is true
// for, after all planned ones: in each of Retry rounds over them, the scenarios
// that lack a pass. done tells what has run. A pass of a round has the number
// behind those that were planned, so that the files of a run that goes on tell it
// from them.
func again(s result.Suite, of func(scenario int) bool, done func(pass, scenario int) (result.Entry, bool)) (u ScenarioPass, ok bool) {
	planned, prompts := Plan(s)
	prompts = (prompts - warmupPrompts) / (1 + s.Retry)
	offset := prompts
	for round := range s.Retry {
		for i, sc := range s.Scenarios {
			pass := s.Passes() + round
			if _, ran := done(pass, i); !ran && of(i) && lacks(s, planned, i, round, done) {
				return ScenarioPass{Pass: pass, Scenario: i, FirstPrompt: offset}, true
			}
			offset += sc.Requests()
		}
		offset = prompts * (2 + round)
	}
	return ScenarioPass{}, false
}

// lacks tells whether more planned passes over a scenario were disturbed than
// the rounds before have made up for.
func lacks(s result.Suite, planned []ScenarioPass, scenario, round int, done func(pass, scenario int) (result.Entry, bool)) bool {
	missing := 0
	for _, u := range planned {
		if u.Scenario != scenario {
			continue
		}
		if e, ran := done(u.Pass, scenario); ran && e.Detail.Disturbed() {
			missing++
		}
	}
	for k := range round {
		if e, ran := done(s.Passes()+k, scenario); ran && e.Sound() {
			missing--
		}
	}
	return missing > 0
}

// Next is what of the suite is to do next; ok is false where nothing is left.
// st may be nil, of a new run.
func (st *ResumeState) Next(suite result.Suite) (u ScenarioPass, ok bool) {
	return next(suite, func(pass, scenario int) (e result.Entry, ran bool) {
		if st != nil {
			e, ran = st.Done[place(suite, pass, scenario)]
		}
		return e, ran
	})
}

// Finished tells whether nothing of the suite is left to do.
func (st *ResumeState) Finished(suite result.Suite) bool {
	_, left := st.Next(suite)
	return !left
}

// retries tells whether a pass of that number is one of a disturbed scenario's.
func retries(s result.Suite, pass int) bool { return pass >= s.Passes() && pass < s.Passes()+s.Retry }
