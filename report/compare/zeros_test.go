package compare

import (
	"math"
	"strings"
	"testing"

	"ceiling/report/importer"
	"ceiling/report/metric"
)

const (
	fourteenA    = "../importer/testdata/vllm-bench-serve/made_14_requests_a.json"
	fourteenB    = "../importer/testdata/vllm-bench-serve/made_14_requests_b.json"
	fourteenZero = "../importer/testdata/vllm-bench-serve/made_14_requests_b_one_zero_ttft.json"
)

// TestOneRequestWithoutToken: a TTFT of 0 among fourteen requests costs that
// request, not the interval, and is told first of all.
func TestOneRequestWithoutToken(t *testing.T) {
	whole := compared(t, ComparisonOptions{}, open(t, fourteenA, fourteenB)...)
	f := whole.Pairs[0].Scenarios[0].figure(metric.TTFTMean)
	if i := f.Interval; i == nil || math.Abs(i.Lo-0.880) > 5e-4 || math.Abs(i.Hi-1.029) > 5e-4 || i.LeftOut != 0 {
		t.Fatalf("all with a token: %+v, %s", f.Interval, f.Why)
	}
	c := compared(t, ComparisonOptions{}, open(t, fourteenA, fourteenZero)...)
	f = c.Pairs[0].Scenarios[0].figure(metric.TTFTMean)
	if i := f.Interval; i == nil || i.NA != 14 || i.NB != 13 || math.Abs(i.Lo-0.880) > 0.02 || math.Abs(i.Hi-1.029) > 0.02 {
		t.Fatalf("one without: %+v, %s", f.Interval, f.Why)
	}
	if *f.B < 120 {
		t.Errorf("TTFT %v ms: the request without a token is in it", *f.B)
	}
	if len(c.Findings) != 1 || c.Findings[0].Kind != Tokenless || c.Findings[0].Text != "1 of 14 completed requests got no token; TTFT is over the other 13" {
		t.Errorf("findings %+v", c.Findings)
	}
	var md strings.Builder
	if err := c.Document().Markdown(&md); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"**B, no token.** Requests that got no token count as completed", "no token (B)", "- B: WITHOUT A TOKEN: 1 of 14"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("no %q in\n%s", want, md.String())
		}
	}
}

// TestZerosLeftOut: values of 0 are left out of every kind of interval, and
// counted.
func TestZerosLeftOut(t *testing.T) {
	// Tokens that all came at once: a TPOT of 0.
	at := func(r *importer.ToolRun, request int) {
		l := &r.Loads[0]
		rec := &l.Records[request]
		for i := range rec.TokenTimes {
			rec.TokenTimes[i] = rec.TokenTimes[0]
		}
		rec.End = rec.TokenTimes[0]
		l.Values[metric.TPOTMean].Samples[request] = 0
	}
	a, b := fakeRun(1, single(1, 20, 0.05, 0)), fakeRun(2, single(1, 21, 0.05, 0))
	at(b, 3)
	f := compared(t, ComparisonOptions{}, a, b).Pairs[0].Scenarios[0].figure(metric.TPOTMean)
	if i := f.Interval; i == nil || !i.Paired || i.NA != 19 || i.NB != 19 || i.LeftOut != 1 || f.Verdict() != TwoRuns {
		t.Errorf("paired requests: %+v, %s", f.Interval, f.Why)
	}
	for k := range b.Loads[0].Records {
		b.Loads[0].Records[k].PromptHash = "other"
	}
	s := compared(t, ComparisonOptions{}, a, b).Pairs[0].Scenarios[0]
	f = s.figure(metric.TPOTMean)
	if i := f.Interval; i == nil || i.Paired || i.NA != 20 || i.NB != 19 || i.LeftOut != 1 {
		t.Errorf("requests: %+v, %s", f.Interval, f.Why)
	}
	if notes := strings.Join(s.footnotes(), "|"); !strings.Contains(notes, "TPOT mean: 1 value of 0 left out of the interval") {
		t.Errorf("footnotes %q", notes)
	}
	x, y := fakeRun(1, single(6, 20, 0, 0.01)), fakeRun(2, single(6, 21, 0, 0.01))
	v := y.Loads[2].Values[metric.TPOTMean]
	v.V = 0
	y.Loads[2].Values[metric.TPOTMean] = v
	f = compared(t, ComparisonOptions{}, x, y).Pairs[0].Scenarios[0].figure(metric.TPOTMean)
	if i := f.Interval; i == nil || i.Basis != Passes || i.NA != 6 || i.NB != 5 || i.LeftOut != 1 {
		t.Errorf("passes: %+v, %s", f.Interval, f.Why)
	}
}

// TestOpenLoopsAreNoBurst: requests that come on a schedule are no wave, however
// many there may be at a time.
func TestOpenLoopsAreNoBurst(t *testing.T) {
	rate := 2.5
	for _, l := range []importer.ToolLoad{
		{Concurrency: 8, Prompts: 8, RequestRate: &rate},
		{Concurrency: 8, Prompts: 8, Arrivals: "a ramp from 1 to 9 req/s (linear)"},
	} {
		if text := burst(&l); text != "" {
			t.Errorf("%+v: %s", l, text)
		}
	}
	if burst(&importer.ToolLoad{Concurrency: 8, Prompts: 8}) == "" {
		t.Error("eight at once and none after")
	}
}
