package bench

import (
	"slices"

	"ceiling/bench/result"
)

// ProbeOutcome is what one call of [Probes.Measure] came to.
type ProbeOutcome struct {
	Entry   result.Entry
	Records []result.Record
}

// EarlierProbes are those of an earlier part of a search, which goes on with them
// by asking for the same again: what is finished is not measured, but taken.
type EarlierProbes struct {
	State *ResumeState // of the journal and the clock
	saved *result.Run
	suite result.Suite
	left  map[string][]ProbeOutcome // by scenario, not taken yet
}

// ReadEarlierProbes reads what a search has left, and writes nothing. saved are its
// results, nil where it has none; what it ended in is not finished: a pass that is
// partial, and a failed one that was the last. scenarioOf makes a scenario from its
// outcome.
func ReadEarlierProbes(journalPath string, saved *result.Run, scenarioOf func(*result.Summary, *result.Detail) result.Scenario) (*EarlierProbes, error) {
	e := &EarlierProbes{left: map[string][]ProbeOutcome{}}
	if saved != nil {
		e.saved = finishedProbes(saved)
		var all []result.Scenario
		for i := range e.saved.Results {
			all = append(all, scenarioOf(&e.saved.Results[i], &e.saved.Details[i]))
		}
		var err error
		if e.suite, err = ProbedSuite("", e.saved, all); err != nil {
			return nil, err
		}
	}
	content, err := result.ReadJournalFile(journalPath)
	if err != nil && saved != nil {
		return nil, err
	}
	// All passes that are saved stay as they are: the suite's one process has
	// attempted them.
	if e.State, err = Resume(journalPath, e.saved, withRecorded(e.suite, content.Records), 1); err != nil || saved == nil {
		return e, err
	}
	for i, d := range e.saved.Details {
		for _, p := range savedPasses(e.saved, i) {
			records := slices.DeleteFunc(slices.Clone(e.State.keep), func(r result.Record) bool { return r.Scenario != i || r.Pass != p.Pass })
			e.left[d.Name] = append(e.left[d.Name], ProbeOutcome{result.Entry{Result: p.Result, Detail: p.Detail}, records})
		}
	}
	return e, nil
}

// finishedProbes are the results without the passes that the search ended in.
func finishedProbes(saved *result.Run) *result.Run {
	last := 0.0
	for i := range saved.Results {
		for _, p := range savedPasses(saved, i) {
			last = max(last, p.Detail.StartS)
		}
	}
	out := *saved
	out.Results, out.Details = nil, nil
	for i := range saved.Results {
		passes := slices.DeleteFunc(savedPasses(saved, i), func(p result.Pass) bool {
			return p.Detail.Status == result.StatusPartial || p.Detail.Status == result.StatusFailed && p.Detail.StartS == last
		})
		if len(passes) == 0 {
			continue
		}
		r, d := result.Combine(len(passes), passes)
		d.Discarded = saved.Details[i].Discarded
		out.Results, out.Details = append(out.Results, r), append(out.Details, d)
	}
	return &out
}

// withRecorded is a suite with room for all that a journal has records of: of a
// probe that was under way too.
func withRecorded(s result.Suite, records []result.Record) result.Suite {
	s.Scenarios = slices.Clone(s.Scenarios)
	for _, r := range records {
		if r.Scenario == len(s.Scenarios) {
			s.Scenarios = append(s.Scenarios, result.Scenario{Name: r.Name})
		}
		if r.Scenario < len(s.Scenarios) {
			sc := &s.Scenarios[r.Scenario]
			sc.Repeat = max(sc.Repeat, r.Pass+1)
		}
	}
	return s
}

// GoOn takes over the results of the earlier part, before the first Measure of this
// one. nil, of a new search, does nothing.
func (e *EarlierProbes) GoOn(p *Probes) {
	if e != nil && e.saved != nil {
		p.Restore(e.saved, e.suite)
	}
}

// Take takes the next outcome of a scenario; ok is false where all are taken.
func (e *EarlierProbes) Take(name string) (o ProbeOutcome, ok bool) {
	if e == nil || len(e.left[name]) == 0 {
		return o, false
	}
	o = e.left[name][0]
	e.left[name] = e.left[name][1:]
	return o, true
}

// Left is how many outcomes are not taken.
func (e *EarlierProbes) Left() int {
	n := 0
	if e != nil {
		for _, list := range e.left {
			n += len(list)
		}
	}
	return n
}
