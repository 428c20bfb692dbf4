package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/internal/outfile"
)

// ResumeState is what an earlier part of a run leaves to go on from.
type ResumeState struct {
	// Done holds the complete scenarios, by their index in the suite plus, in
	// later passes, the number of scenarios for each pass before.
	Done map[int]result.Entry
	// Offset is the last instant that the earlier part's files hold, records
	// that are dropped included; the clock goes on from there.
	Offset time.Duration
	// Dropped is the number of records of incomplete scenarios that were
	// taken out of the journal; they run again.
	Dropped int
	// Torn says that the journal's last line had been cut short.
	Torn bool

	keep []result.Record
}

// Start is where the clock of the run goes on: 0 for a new run (nil).
func (st *ResumeState) Start() time.Duration {
	if st == nil {
		return 0
	}
	return st.Offset
}

// Resume works out which scenarios of the suite are complete, and writes
// nothing: Cut does. A scenario is complete when saved says so and the journal holds a record of
// each of its requests; everything else, also what failed, runs again. In a
// run of several passes that goes for a scenario in each pass.
//
// saved may be nil: a run that was stopped before its first result. That the
// model and the options are the same is the caller's to check, from the
// manifest.
//
// What the first processes of a run of several have attempted stays as it is,
// failed or not, so that the next is the next one.
func Resume(journalPath string, saved *result.Run, suite result.Suite, processes int) (*ResumeState, error) {
	content, err := result.ReadJournalFile(journalPath)
	// A run that was killed before its first scenario has neither.
	if err != nil && (saved != nil || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	st := &ResumeState{Done: map[int]result.Entry{}, Torn: content.Torn}
	for _, r := range content.Records {
		if r.Scenario >= len(suite.Scenarios) || r.Name != suite.Scenarios[r.Scenario].Name {
			return nil, fmt.Errorf("resume: the journal has %q as scenario %d, and suite %q has not: resume with the suite the run began with",
				r.Name, r.Scenario+1, suite.Name)
		}
		if n := suite.Scenarios[r.Scenario].Passes(); r.Pass >= n && !retries(suite, r.Pass) {
			return nil, fmt.Errorf("resume: the journal has pass %d of scenario %q, and %d are asked for: resume with the --repeat the run began with",
				r.Pass+1, r.Name, n)
		}
		st.Offset = max(st.Offset, result.Duration(r.End))
	}
	if saved != nil {
		if err := st.collect(saved, suite, content.Records, processes); err != nil {
			return nil, err
		}
	}
	for _, r := range content.Records {
		if _, ok := st.Done[place(suite, r.Pass, r.Scenario)]; !ok {
			st.Dropped++
			continue
		}
		st.keep = append(st.keep, r)
	}
	return st, nil
}

// Complete says whether a scenario is complete in a pass.
func (st *ResumeState) Complete(suite result.Suite, pass, scenario int) bool {
	_, ok := st.Done[place(suite, pass, scenario)]
	return ok
}

// Fail records a scenario that is not complete as failed, for a reason that the
// earlier part of the run could not record any more. It does not run in this
// part; the next one tries it again, like all that failed.
func (st *ResumeState) Fail(suite result.Suite, pass, scenario int, reason string) {
	sc := suite.Scenarios[scenario]
	at := st.Offset.Seconds()
	summary, detail := result.Summarize(sc, nil, result.Measured{Status: result.StatusFailed, Error: reason, Cache: result.CacheCold, StartS: at, EndS: at, Dropped: sc.Requests()})
	st.Done[place(suite, pass, scenario)] = result.Entry{Result: summary, Detail: detail}
}

// Cut takes the records of incomplete scenarios out of the journal, by way of a
// temporary file and a rename, so that a crash leaves either the old file or the
// new one. nil, of a new run, does nothing.
func (st *ResumeState) Cut(journalPath string) error {
	if st == nil {
		return nil
	}
	if err := writeRecords(journalPath, st.keep); err != nil {
		return fmt.Errorf("journal %q: rewrite: %w", journalPath, oneline.Cause(err))
	}
	return nil
}

// collect fills Done from the saved results, of the first processes with what they
// are.
func (st *ResumeState) collect(saved *result.Run, suite result.Suite, records []result.Record, attempted int) error {
	if err := checkDetails(saved); err != nil {
		return err
	}
	finished := map[int]int{} // different requests in the journal, by place
	seen := map[[2]int]bool{}
	for _, r := range records {
		at := place(suite, r.Pass, r.Scenario)
		if key := [2]int{at, r.Request}; !seen[key] {
			seen[key] = true
			finished[at]++
		}
	}
	index := map[string]int{}
	for i, sc := range suite.Scenarios {
		index[sc.Name] = i
	}
	for k, d := range saved.Details {
		i, ok := index[d.Name]
		if !ok {
			return fmt.Errorf("resume: scenario %q is not in suite %q: resume with the suite the run began with", d.Name, suite.Name)
		}
		passes := d.Passes
		if len(passes) == 0 {
			passes = []result.Pass{{Pass: d.Pass, Result: saved.Results[k], Detail: d}}
		}
		passes = append(slices.Clone(passes), d.Discarded...)
		for _, p := range passes {
			at := place(suite, p.Pass, i)
			if suite.Process(p.Pass, i) < attempted || p.Detail.Status == result.StatusComplete && finished[at] == suite.Scenarios[i].Requests() {
				st.Done[at] = result.Entry{Result: p.Result, Detail: p.Detail}
				st.Offset = max(st.Offset, result.Duration(p.Detail.EndS))
			}
		}
	}
	return nil
}

// checkDetails refuses results that can't be gone on with: those of other programs
// have no details.
func checkDetails(saved *result.Run) error {
	if len(saved.Details) == len(saved.Results) {
		return nil
	}
	return fmt.Errorf("resume: \"%d\" details for %d results: start a new run", len(saved.Details), len(saved.Results))
}

func writeRecords(path string, records []result.Record) error {
	f, err := outfile.Create(path, true)
	if err != nil {
		return err
	}
	defer f.Abort()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	for i := range records {
		if err := enc.Encode(&records[i]); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Commit()
}
