package result

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// slotRecord is a request that was admitted at an instant and got a token every
// so many seconds from the first on.
func slotRecord(i int, admitted, first, every float64, n int) Record {
	r := Record{Request: i, Admitted: admitted, OutputTokens: n}
	for k := range n {
		r.TokenTimes = append(r.TokenTimes, first+every*float64(k))
	}
	r.End = r.TokenTimes[n-1]
	r.FirstToken = &r.TokenTimes[0]
	return r
}

// Two slots, four requests: both have a token from 2 s on; request 2 ends at 7
// and nothing follows it. Of 12 tokens those of 3 to 7 s are in between.
func TestSteadyState(t *testing.T) {
	records := []Record{
		slotRecord(0, 0, 1, 1, 3),   // 1 2 3
		slotRecord(1, 0, 2, 1, 3),   // 2 3 4
		slotRecord(2, 3, 5, 1, 3),   // 5 6 7
		slotRecord(3, 4, 6, 1.5, 3), // 6 7.5 9
	}
	s := newSample(records)
	s.duration = s.wall(0)
	got := s.steadyState(Scenario{Concurrency: 2, Prompts: 4})
	tpot := 1000.0 // 2→3, 2→3→4, 5→6→7; the gap of 1.5 s ends behind it
	want := &SteadyState{StartS: 2, EndS: 7, Outside: 1 - 5.0/9, Tokens: 7, OutputThroughput: 7.0 / 5, TPOTMs: &tpot}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.steadyState(Scenario{Concurrency: 5, Prompts: 4}); got != nil {
		t.Errorf("five slots were never busy: %+v", got)
	}
	if got := s.steadyState(Scenario{Concurrency: 2, RequestRate: 3}); got != nil {
		t.Errorf("an open loop: %+v", got)
	}
}

// A failed request held its slot, and what it got is not counted.
func TestSteadyStateWithFailures(t *testing.T) {
	bad := Record{Request: 1, Admitted: 0, End: 4, Error: "no room"}
	s := newSample([]Record{slotRecord(0, 0, 1, 1, 4), bad, slotRecord(2, 4, 5, 1, 3), slotRecord(3, 4, 5, 1, 4)})
	s.duration = s.wall(0)
	got := s.steadyState(Scenario{Concurrency: 2, Prompts: 4})
	if got == nil || got.StartS != 4 || got.EndS != 7 || got.Tokens != 6 {
		t.Errorf("%+v", got)
	}
}
