package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ceiling/bench"
	"ceiling/bench/client"
	"ceiling/bench/result"
)

// A whole run against a server: concurrency is kept and never exceeded, the
// prompts arrive as the workload drew them, and the journal has every request.
// Then one in the middle of which the server goes away.
func TestRunThroughServer(t *testing.T) {
	var flying, most atomic.Int32
	lost := make(chan struct{})
	var four sync.WaitGroup // the first four of B are there
	four.Add(4)
	var kill atomic.Int32
	f := &client.Stub{}
	f.Answer = func(w http.ResponseWriter, r *http.Request, n int) bool {
		most.Store(max(most.Load(), flying.Add(1)))
		defer flying.Add(-1)
		if n > 9 && n <= 9+4 { // behind the probe, the warm-up and A
			four.Done()
			four.Wait()
		}
		at := int(kill.Load())
		if at == 0 || n < at {
			return false
		}
		client.Begin(w)
		if n == at {
			f.StopListening()
			close(lost)
		}
		<-lost
		client.CutConnection(w)
		return true
	}
	f.Start(t)
	suite := result.Suite{Name: "s", Scenarios: []result.Scenario{
		{Name: "A", Input: 20, Output: 5, Concurrency: 1, Prompts: 3},
		{Name: "B", Input: 30, Output: 5, Concurrency: 4, Prompts: 20, RangeRatio: 0.5},
	}}
	run := func(name string) (*result.Run, result.JournalContent, error) {
		path := filepath.Join(t.TempDir(), name)
		j, err := result.CreateJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		got, runErr := bench.Run(context.Background(), bench.Config{Suite: suite, Client: f.Connect(t), Vocab: client.TestVocab(), Seed: 3, Journal: j})
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		c, err := result.ReadJournalFile(path)
		if err != nil || c.Torn {
			t.Errorf("journal: torn %v, %v", c.Torn, err)
		}
		return got, c, runErr
	}

	got, journal, err := run("whole")
	if err != nil || len(journal.Records) != 23 || most.Load() != 4 {
		t.Fatalf("%d records, at most %d in flight, %v", len(journal.Records), most.Load(), err)
	}
	for _, r := range got.Results {
		if r.FailedRequests != 0 || r.SuccessfulRequests != float64(r.NumPrompts) {
			t.Errorf("%+v", r)
		}
	}

	_, before := f.Counted()
	kill.Store(int32(before + 3 + 3 + 3 + 6)) // probe, warm-up, A, and some of B
	got, journal, err = run("killed")
	checkKilled(t, got, journal, err)
}

// checkKilled: what ended is kept, what was in flight failed with its reason,
// and nothing is counted twice.
func checkKilled(t *testing.T, got *result.Run, journal result.JournalContent, err error) {
	t.Helper()
	if !errors.Is(err, result.ErrEngineLost) || !strings.Contains(err.Error(), "does not answer any more") {
		t.Errorf("error %v", err)
	}
	b, d := got.Results[1], got.Details[1]
	if got.Results[0].SuccessfulRequests != 3 || b.FailedRequests < 1 || b.FailedRequests > 4 || b.SuccessfulRequests < 1 || !got.Partial {
		t.Errorf("A %v, B %v and %v failed, partial %v", got.Results[0].SuccessfulRequests, b.SuccessfulRequests, b.FailedRequests, got.Partial)
	}
	if int(b.SuccessfulRequests+b.FailedRequests)+d.Dropped != 20 || len(journal.Records) != 20-d.Dropped+3 {
		t.Errorf("B: %v + %v + %d dropped, %d records", b.SuccessfulRequests, b.FailedRequests, d.Dropped, len(journal.Records))
	}
	for _, fail := range d.Failures {
		if !strings.Contains(fail.Reason, "connection") {
			t.Errorf("reason %q", fail.Reason)
		}
	}
	if d.Failures == nil || fmt.Sprint(d.Status) != result.StatusFailed {
		t.Errorf("status %s, failures %v", d.Status, d.Failures)
	}
}
