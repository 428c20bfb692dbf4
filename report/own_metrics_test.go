package report

import (
	"strings"
	"testing"

	"ceiling/bench/result"
)

// A load that is more than a closed loop says so below the reference's lines,
// and what was asked of it stands in a table.
func TestOwnMetrics(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	r := &result.Run{
		Results: []result.Summary{
			{Name: "Chat", InputLen: 100, OutputLen: 20, Concurrency: 8, NumPrompts: 40, SuccessfulRequests: 38, FailedRequests: 2,
				DurationS: v(20), RequestThroughput: v(1.9), OutputThroughput: v(38), PeakOutputThroughput: v(60)},
			{Name: "Plain", InputLen: 100, OutputLen: 20, Concurrency: 8, NumPrompts: 40, DurationS: v(1.9), PeakOutputThroughput: v(70)},
			{Name: "Longer", InputLen: 100, OutputLen: 20, Concurrency: 8, NumPrompts: 40, DurationS: v(2), PeakOutputThroughput: v(80)},
		},
		Details: []result.Detail{
			{Status: result.StatusComplete, RequestRate: v(2.5), Burstiness: v(0.25), PrefixLen: 1024, Cache: result.CacheWarm, ReusedTokens: 4000,
				SLO: &result.SLO{TTFTMs: 500, TPOTMs: 33.5}, Goodput: v(1.5)},
			{Status: result.StatusComplete},
			{Status: result.StatusComplete},
		},
	}
	md := render(t, r, DocumentOptions{Prose: ProseOff})
	for _, want := range []string{
		"tok/s (peak 60.00)\n",
		"- PP/TG (derived): — / — tok/s\n" +
			"- Request rate: 2.5 req/s, whether or not earlier requests have ended\n" +
			"- Burstiness: 0.25 (1: Poisson arrivals; less: burstier)\n" +
			"- Shared prefix: 1,024 tokens in front of every prompt, not counted as input\n" +
			"- Prompt cache: warm, 4,000 prompt tokens reused\n" +
			"- SLO: TTFT ≤ 500 ms, TPOT ≤ 33.5 ms\n" +
			"- Goodput: 1.5000 req/s within the SLO\n",
		"## Service Level Objectives\n\n" +
			"| Scenario | SLO | Requests (req/s) | Goodput (req/s) | Requests within the SLO |\n|---|---|---:|---:|---:|\n" +
			"| Chat | TTFT ≤ 500 ms, TPOT ≤ 33.5 ms | 1.9000 | 1.5000 | 30 of 40 |\n\n",
		"tok/s (peak —)\n", "- Peak: not given for a run of under 2 s (1.90 s), of which no second is typical\n", "tok/s (peak 80.00)\n",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if n := strings.Count(md, "Peak: not given"); n != 1 {
		t.Errorf("%d peaks not given, want 1", n)
	}
	r.Details[0].SLO = nil
	if md := render(t, r, DocumentOptions{Prose: ProseOff}); strings.Contains(md, "Service Level") {
		t.Error("a table of SLOs where there is none")
	}
	// The reference's files are printed as they are.
	r.Details = nil
	if md := render(t, r, DocumentOptions{Prose: ProseOff}); !strings.Contains(md, "(peak 70.00)") {
		t.Error("a file without details has lost its peak")
	}
}
