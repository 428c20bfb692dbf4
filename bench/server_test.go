package bench

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServerWarnings(t *testing.T) {
	for _, tc := range []struct {
		name   string
		detail Detail
		want   []string
	}{
		{"in process", Detail{Cache: CacheCold}, nil},
		{"nothing to say", Detail{Cache: CacheCold, Server: &ServerDetail{Chunks: 8}}, nil},
		{"tokens that came together", Detail{Cache: CacheCold, Server: &ServerDetail{Chunks: 8, SplitTokens: 4}},
			[]string{"4 tokens arrived several at a time (8 pieces in all): their own instants are estimates, so are ITL and peak; TTFT and TPOT are not"}},
		{"answers that ended early", Detail{Cache: CacheCold, Server: &ServerDetail{Short: 2}},
			[]string{"2 requests ended before they had the tokens asked for: the server does not ignore the end of a text, or cuts at its context"}},
		{"a cold run that was not", Detail{Cache: CacheCold, ReusedTokens: 7, Server: &ServerDetail{}},
			[]string{"the server took 7 prompt tokens from a cache in a cold run: restart it, or use another --seed"}},
		{"a warm run", Detail{Cache: CacheWarm, ReusedTokens: 7, Server: &ServerDetail{}}, nil},
	} {
		if diff := cmp.Diff(tc.want, serverWarnings(&tc.detail)); diff != "" {
			t.Errorf("%s:\n%s", tc.name, diff)
		}
	}
}

// What a reply becomes in the journal, and that the journal takes it back.
func TestTrafficRecord(t *testing.T) {
	work := testWorkload(t, Scenario{Name: "R", Input: 20, Output: 4, Concurrency: 1, Prompts: 1})
	tr := newTraffic(newFakeClient(), NewClock(0), work, 2)
	tr.pass = 1
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
		{"failed in the middle: its end is the failure", Reply{Tokens: ms(5, 6), End: ms(20)[0], Err: errServer}, 2, 0, 0, 0.020, "HTTP 500: out of memory"},
		{"failed before the first token", Reply{End: ms(20)[0], Err: errServer}, 0, 0, 0, 0.020, "HTTP 500: out of memory"},
		{"a cache that counts more than the prompt has", Reply{Tokens: ms(5, 6, 7, 8), End: ms(20)[0], Server: ServerRecord{CachedTokens: &many}}, 4, 0, 20, 0.008, ""},
	} {
		r := tr.record(0, 0, ms(1)[0], tc.reply)
		if r.OutputTokens != tc.out || r.Server.Short != tc.short || r.ReusedTokens != tc.reused || r.End != tc.end || r.Error != tc.failure {
			t.Errorf("%s: %+v, server %+v", tc.name, r, *r.Server)
		}
		if r.Scenario != 2 || r.Pass != 1 || !r.Late || r.Admitted != 0.001 || r.PromptHash != work.Requests[0].Hash {
			t.Errorf("%s: %+v", tc.name, r)
		}
		if err := r.check(); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	// In process a request has a start of its prefill, through a server none.
	r := tr.record(0, ms(1)[0], ms(1)[0], Reply{Tokens: ms(5, 6, 7, 8), End: ms(20)[0]})
	if r.Server = nil; r.check() == nil {
		t.Error("a record without either is taken")
	}
}
