package result

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServerWarnings(t *testing.T) {
	third := 1. / 3
	for _, tc := range []struct {
		name   string
		detail Detail
		want   []string
	}{
		{"in process", Detail{Cache: CacheCold}, nil},
		{"nothing to say", Detail{Cache: CacheCold, Server: &ServerDetail{Chunks: 8}}, nil},
		{"tokens that came together", Detail{Cache: CacheCold, Server: &ServerDetail{Chunks: 8, SplitTokens: 4, ZeroGaps: &third}},
			[]string{"4 tokens arrived several at a time, at 8 instants in all: 33.3% of the gaps between tokens are zero; their own instants are estimates, so are ITL and peak, and TPOT is too low by what came along with the first tokens"}},
		{"answers held back", Detail{Cache: CacheCold, Server: &ServerDetail{AtOnce: 3}},
			[]string{"3 answers came as a whole, at one instant: the server, or a proxy before it, held them back; they have no TPOT and no ITL, and their TTFT is the time of the whole answer"}},
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

// Answers that came as a whole have no TPOT and no ITL, not ones of 0; of those
// that came in bundles, the gaps that were seen are told from those that were
// not.
func TestAnswersHeldBack(t *testing.T) {
	sc := Scenario{Name: "R", Input: 20, Output: 4, Concurrency: 1, Prompts: 2}
	answer := func(request, chunks int, times ...float64) Record {
		return Record{Request: request, FirstToken: &times[0], TokenTimes: times, End: times[len(times)-1], InputTokens: 20, OutputTokens: len(times),
			Server: &ServerRecord{Chunks: chunks}}
	}
	score := func(records ...Record) (Summary, Detail) {
		d := newSample(records).detail(sc, Measured{})
		return newSample(records).result(sc, Measured{}, &d), d
	}
	r, d := score(answer(0, 1, 2, 2, 2, 2), answer(1, 1, 4, 4, 4, 4))
	if r.TPOTMeanMs != nil || r.ITLMeanMs != nil || r.TGSpeed != nil || r.TTFTMeanMs == nil || *d.Server.ZeroGaps != 1 || d.Server.AtOnce != 2 {
		t.Errorf("held back: %+v, %+v", r, d.Server)
	}
	r, d = score(answer(0, 2, 2, 2, 3, 4), answer(1, 1, 9, 9, 9))
	if r.TPOTMeanMs == nil || math.Abs(*r.TPOTMeanMs-2000./3) > 1e-9 || *r.ITLMeanMs != 1000 || d.ITL.Count != 2 || *d.Server.ZeroGaps != 4./5 || d.Server.AtOnce != 1 {
		t.Errorf("bundles: %+v, %+v", r, d.Server)
	}
	if _, d = score(answer(0, 1, 2)); d.Server.ZeroGaps != nil || d.Server.AtOnce != 0 {
		t.Errorf("one token: %+v", d.Server)
	}
}
