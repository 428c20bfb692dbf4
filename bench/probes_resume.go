package bench

import (
	"slices"
	"strings"

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
// results, nil where it has none; what it ended in is not finished.
func ReadEarlierProbes(journalPath string, saved *result.Run) (*EarlierProbes, error) {
	e := &EarlierProbes{left: map[string][]ProbeOutcome{}}
	if saved != nil {
		if err := checkDetails(saved); err != nil {
			return nil, err
		}
		e.saved = finishedProbes(saved)
		e.suite = probedSuite(e.saved)
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

// finishedProbes are the results without the pass that the search ended in: one that
// is partial, or has failed for the reason that the search did.
func finishedProbes(saved *result.Run) *result.Run {
	out := *saved
	out.Results, out.Details = nil, nil
	for i := range saved.Results {
		passes := slices.DeleteFunc(savedPasses(saved, i), func(p result.Pass) bool {
			return p.Detail.Status == result.StatusPartial || p.Result.Error != nil && strings.Contains(saved.PartialReason, *p.Result.Error)
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

// probedSuite has each scenario that was measured with as many passes as were made
// over it, those that were discarded too.
func probedSuite(saved *result.Run) (s result.Suite) {
	for i, d := range saved.Details {
		sc := result.Scenario{Name: d.Name, Prompts: saved.Results[i].NumPrompts}
		for _, p := range append(savedPasses(saved, i), d.Discarded...) {
			sc.Repeat = max(sc.Repeat, p.Pass+1)
		}
		s.Scenarios = append(s.Scenarios, sc)
	}
	return s
}

// savedPasses are the passes over the i-th scenario of results.
func savedPasses(saved *result.Run, i int) []result.Pass {
	if passes := saved.Details[i].Passes; len(passes) > 0 {
		return slices.Clone(passes)
	}
	return []result.Pass{{Pass: saved.Details[i].Pass, Result: saved.Results[i], Detail: saved.Details[i]}}
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
	if e == nil {
		return
	}
	for i, sc := range e.suite.Scenarios {
		at := p.place(sc)
		p.passes[at], p.made[at] = savedPasses(e.saved, i), sc.Repeat
		_, prompts := Plan(result.Suite{Scenarios: []result.Scenario{sc}, Retry: p.suite.Retry})
		p.prompts += prompts
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
