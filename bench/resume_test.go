package bench

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// resumeCase is what an earlier part of a run left, and what comes of it.
type resumeCase struct {
	name    string
	records []result.Record
	tail    string // written behind the records
	saved   *result.Run
	done    []int
	keep    []result.Record
	offset  time.Duration
	torn    bool
	err     string
}

// A suite of two scenarios with two requests each, and what an earlier part
// of its run may have left.
func TestResume(t *testing.T) {
	suite := result.Suite{Name: "t", Scenarios: []result.Scenario{{Name: "A", Prompts: 2}, {Name: "B", Prompts: 2}}}
	record := func(scenario, request int, end float64) result.Record {
		at := 0.5
		return result.Record{Scenario: scenario, Name: suite.Scenarios[scenario].Name, Request: request,
			Intended: at, Admitted: at, PrefillStart: &at, FirstToken: &end, TokenTimes: []float64{end}, End: end,
			InputTokens: 10, OutputTokens: 1}
	}
	a0, a1, b0, b1 := record(0, 0, 1), record(0, 1, 2), record(1, 0, 3), record(1, 1, 4)
	saved := func(status ...string) *result.Run {
		r := &result.Run{}
		for i, s := range status {
			if s == "" {
				continue
			}
			name := suite.Scenarios[i].Name
			r.Results = append(r.Results, result.Summary{Name: name})
			r.Details = append(r.Details, result.Detail{Name: name, Status: s, EndS: float64(2*i) + 2.5})
		}
		return r
	}
	for _, tc := range []resumeCase{
		{name: "stopped in B", records: []result.Record{a0, a1, b0}, saved: saved(result.StatusComplete, result.StatusPartial),
			done: []int{0}, keep: []result.Record{a0, a1}, offset: 3 * time.Second},
		{name: "stopped between scenarios: the detail's end is the last instant", records: []result.Record{a0, a1}, saved: saved(result.StatusComplete),
			done: []int{0}, keep: []result.Record{a0, a1}, offset: 2500 * time.Millisecond},
		{name: "crashed in B, with half a line", records: []result.Record{a0, a1, b0}, tail: `{"scenario":1,"na`, saved: saved(result.StatusComplete),
			done: []int{0}, keep: []result.Record{a0, a1}, offset: 3 * time.Second, torn: true},
		{name: "a failed scenario runs again, those behind it do not", records: []result.Record{a0, b0, b1}, saved: saved(result.StatusFailed, result.StatusComplete),
			done: []int{1}, keep: []result.Record{b0, b1}, offset: 4500 * time.Millisecond},
		{name: "a partial scenario runs again even if all its requests ended", records: []result.Record{a0, a1}, saved: saved(result.StatusPartial), offset: 2 * time.Second},
		{name: "results saved, but the journal lacks a request", records: []result.Record{a0}, saved: saved(result.StatusComplete), offset: time.Second},
		{name: "the same request twice is not two requests", records: []result.Record{a0, a0}, saved: saved(result.StatusComplete), offset: time.Second},
		{name: "all requests ended, but the results were not saved", records: []result.Record{a0, a1}, offset: 2 * time.Second},
		{name: "nothing yet"},
		{name: "another suite's journal", records: []result.Record{{Scenario: 1, Name: "X", Error: "x"}}, saved: saved(),
			err: `resume: the journal has "X" as scenario 2, and suite "t" has not`},
		{name: "a journal with more scenarios", records: []result.Record{{Scenario: 2, Name: "C", Error: "x"}},
			err: `resume: the journal has "C" as scenario 3, and suite "t" has not`},
		{name: "another suite's results", saved: &result.Run{Results: make([]result.Summary, 1), Details: []result.Detail{{Name: "X"}}},
			err: `resume: scenario "X" is not in suite "t"`},
		{name: "results without details", saved: &result.Run{Results: make([]result.Summary, 1)}, err: `resume: "0" details for 1 results: start a new run`},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.check(t, suite) })
	}
}

// check resumes from what the case left, and looks at the journal after each
// step.
func (tc resumeCase) check(t *testing.T, suite result.Suite) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	writeJournal(t, path, tc.records)
	before := appendText(t, path, tc.tail)
	st, err := Resume(path, tc.saved, suite, 0)
	if tc.err != "" {
		if err == nil || !strings.HasPrefix(err.Error(), tc.err) || st != nil {
			t.Errorf("error %v, want %s…", err, tc.err)
		}
		if after, _ := os.ReadFile(path); string(after) != before {
			t.Error("the journal was changed with the error")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(path); string(after) != before {
		t.Error("the journal was changed before Cut")
	}
	if err := st.Cut(path); err != nil {
		t.Fatal(err)
	}
	checkJournal(t, path, tc.keep)
	if done := slices.Sorted(maps.Keys(st.Done)); !slices.Equal(done, tc.done) {
		t.Errorf("done %v, want %v", done, tc.done)
	}
	if st.Offset != tc.offset || st.Torn != tc.torn || st.Dropped != len(tc.records)-len(tc.keep) {
		t.Errorf("offset %v, torn %v, dropped %d", st.Offset, st.Torn, st.Dropped)
	}
}

// checkJournal expects whole lines with the given records, and no temporary
// file beside them.
func checkJournal(t *testing.T, path string, want []result.Record) {
	t.Helper()
	content, err := result.ReadJournalFile(path)
	if err != nil || content.Torn {
		t.Fatalf("torn %v, %v", content.Torn, err)
	}
	if diff := cmp.Diff(want, content.Records); diff != "" {
		t.Error(diff)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// appendText writes text behind the file, and returns the whole.
func appendText(t *testing.T, path, text string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, text...)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestResumeWithoutJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	suite := result.Suite{Name: "t", Scenarios: []result.Scenario{{Name: "A", Prompts: 1}}}
	saved := &result.Run{Results: make([]result.Summary, 1), Details: []result.Detail{{Name: "A", Status: result.StatusComplete}}}
	if _, err := Resume(path, saved, suite, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("results without a journal: %v", err)
	}
	// A run that was killed before its first scenario began has neither.
	st, err := Resume(path, nil, suite, 0)
	if err != nil || len(st.Done) != 0 || st.Offset != 0 {
		t.Fatalf("%+v, %v", st, err)
	}
	if err := st.Cut(path); err != nil {
		t.Fatal(err)
	}
	j, err := result.AppendJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// TestResumeFail: what the earlier part could not record any more is recorded,
// and is not complete for the next part.
func TestResumeFail(t *testing.T) {
	suite := result.Suite{Name: "t", Scenarios: []result.Scenario{{Name: "A", Prompts: 3, Concurrency: 1}, {Name: "B", Prompts: 1, Concurrency: 1}}}
	st, err := Resume(filepath.Join(t.TempDir(), "requests.jsonl"), nil, suite, 0)
	if err != nil {
		t.Fatal(err)
	}
	st.Fail(suite, 0, 1, "it crashed")
	got := st.Done[1]
	if st.Complete(suite, 0, 0) || got.Detail.Status != result.StatusFailed || got.Result.Error == nil || *got.Result.Error != "it crashed" || got.Detail.Dropped != 1 {
		t.Errorf("%+v", got)
	}
	next := &result.Run{Results: []result.Summary{got.Result}, Details: []result.Detail{got.Detail}}
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	writeJournal(t, path, nil)
	if st, err = Resume(path, next, suite, 0); err != nil || len(st.Done) != 0 {
		t.Errorf("the next part has %v done, %v", st.Done, err)
	}
}
