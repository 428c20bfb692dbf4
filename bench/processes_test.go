package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"ceiling/bench/result"
)

// A run of two processes of two passes each ends after two, and another process
// goes on with the third, whatever failed before.
func TestNextProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "requests.jsonl")
		suite := testSuite().WithRepeat(2).WithProcesses(2)
		if suite.Passes() != 4 || suite.PassesPerProcess != 2 {
			t.Fatalf("%d passes, %d in a process", suite.Passes(), suite.PassesPerProcess)
		}
		broken := errors.New("no memory")
		part := func(resume *ResumeState, j *result.Journal) (*result.Run, []string, error) {
			cfg, _ := testConfig(t)
			var began []string
			cfg.Suite, cfg.Journal, cfg.Resume = suite, j, resume
			cfg.Refused = map[int]error{1: broken}
			cfg.OnStart = func(pass, scenario int) error {
				began = append(began, fmt.Sprintf("%d.%d", pass, scenario))
				return nil
			}
			r, err := Run(context.Background(), cfg)
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			return r, began, err
		}
		j, err := result.CreateJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		first, began, err := part(nil, j)
		if !errors.Is(err, ErrNextProcess) || !slices.Equal(began, []string{"0.0", "0.2", "1.0", "1.2"}) || !first.Partial {
			t.Fatalf("the first process: %v began, %v", began, err)
		}
		state, err := Resume(path, first, suite, 1)
		if err != nil || state.Dropped != 0 {
			t.Fatalf("%d records dropped, %v", state.Dropped, err)
		}
		if j, err = result.AppendJournal(path); err != nil {
			t.Fatal(err)
		}
		second, began, err := part(state, j)
		if err != nil || !slices.Equal(began, []string{"2.0", "2.2", "3.0", "3.2"}) || second.Partial {
			t.Fatalf("the second process: %v began, %v", began, err)
		}
		var processes []int
		for _, p := range second.Details[0].Passes {
			processes = append(processes, p.Detail.Process)
		}
		if !slices.Equal(processes, []int{0, 0, 1, 1}) {
			t.Errorf("processes of the passes: %v", processes)
		}
		if n := len(second.Details[1].Passes); n != 4 {
			t.Errorf("%d passes of what can't run", n)
		}
	})
}

// What failed in an earlier process stays failed there: else each process would
// try it again, and none would come to the next pass.
func TestNextProcessKeepsFailures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	suite := testSuite().WithProcesses(2)
	failed := result.Summary{Name: "A"}
	reason := "no KV slot"
	failed.Error = &reason
	saved := &result.Run{Results: []result.Summary{failed}, Details: []result.Detail{{Name: "A", Status: result.StatusFailed}}}
	if err := writeRecords(path, []result.Record{{Name: "A", Intended: 1, Admitted: 2, End: 3, InputTokens: 7, TokenTimes: []float64{}, Error: "no KV slot"}}); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(path, saved, suite, 0)
	if err != nil || len(again.Done) != 0 || again.Dropped != 1 {
		t.Errorf("a user's --resume tries it again: %+v, %v", again, err)
	}
	next, err := Resume(path, saved, suite, 1)
	if err != nil || len(next.Done) != 1 || next.Dropped != 0 {
		t.Errorf("the next process does not: %+v, %v", next, err)
	}
}
