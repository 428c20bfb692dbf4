package client

import (
	"errors"
	"testing"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// What a reply becomes in the journal, and that the journal takes it back.
func TestRecord(t *testing.T) {
	work, err := suite.NewWorkload(t.Context(), suite.WorkloadSpec{
		Scenario: result.Scenario{Name: "R", Input: 20, Output: 4, Concurrency: 1, Prompts: 1},
		Vocab:    suite.Vocab{Size: 8, Allowed: []int32{1, 2, 3, 4, 5}}, Total: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	tr := NewLoadGenerator(nil, result.NewClock(0), work, 2)
	tr.Pass = 1
	many := 25
	ms := func(n ...int) []time.Duration {
		out := make([]time.Duration, len(n))
		for i := range n {
			out[i] = time.Duration(n[i]) * time.Millisecond
		}
		return out
	}
	for _, tc := range []struct {
		name               string
		reply              Reply
		out, short, reused int
		end                float64
		failure            string
	}{
		{"whole: the end is the last token, whatever comes behind it",
			Reply{Tokens: ms(5, 6, 7, 8), End: ms(20)[0]}, 4, 0, 0, 0.008, ""},
		{"short", Reply{Tokens: ms(5, 6), End: ms(20)[0]}, 2, 2, 0, 0.006, ""},
		{"failed in the middle: its end is the failure", Reply{Tokens: ms(5, 6), End: ms(20)[0], Err: errors.New("HTTP 500: out of memory")}, 2, 0, 0, 0.020, "HTTP 500: out of memory"},
		{"failed before the first token", Reply{End: ms(20)[0], Err: errors.New("HTTP 500: out of memory")}, 0, 0, 0, 0.020, "HTTP 500: out of memory"},
		{"a cache that counts more than the prompt has", Reply{Tokens: ms(5, 6, 7, 8), End: ms(20)[0], Server: result.ServerRecord{CachedTokens: &many}}, 4, 0, 20, 0.008, ""},
	} {
		r := tr.record(0, 20, 0, ms(1)[0], tc.reply)
		if r.OutputTokens != tc.out || r.Server.Short != tc.short || r.ReusedTokens != tc.reused || r.End != tc.end || r.Error != tc.failure {
			t.Errorf("%s: %+v, server %+v", tc.name, r, *r.Server)
		}
		if r.Scenario != 2 || r.Pass != 1 || !r.Late || r.Admitted != 0.001 || r.PromptHash != work.Requests[0].Hash {
			t.Errorf("%s: %+v", tc.name, r)
		}
		if err := r.Check(); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	for _, c := range []struct{ drafted, accepted, want, wantAccepted int }{{6, 3, 6, 3}, {6, 0, 6, 0}, {3, 6, 0, 0}, {60, 6, 0, 0}} {
		r := tr.record(0, 20, 0, ms(1)[0], Reply{Tokens: ms(5, 6, 7, 8), End: ms(20)[0], Drafted: c.drafted, Accepted: c.accepted})
		if r.Drafted != c.want || r.Accepted != c.wantAccepted || r.Check() != nil {
			t.Errorf("%d of %d drafts: %d of %d, %v", c.accepted, c.drafted, r.Accepted, r.Drafted, r.Check())
		}
	}
	// In process a request has a start of its prefill, through a server none.
	r := tr.record(0, 20, ms(1)[0], ms(1)[0], Reply{Tokens: ms(5, 6, 7, 8), End: ms(20)[0]})
	if r.Server = nil; r.Check() == nil {
		t.Error("a record without either is taken")
	}
}
