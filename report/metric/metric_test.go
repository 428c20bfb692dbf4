package metric

import (
	"math"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// TestMetrics: every metric says what it is, once, and its unit is the end of
// its name.
func TestMetrics(t *testing.T) {
	endings := map[string]string{
		"ms": "_ms", "tok/s": "_tok_s", "req/s": "_req_s", "s": "_s", "tokens": "tokens", "requests": "requests", "": "_ratio", "W": "_w", "J/tok": "_token", "%": "_percent",
	}
	seen := map[string]bool{}
	for _, i := range All() {
		ending, ok := endings[i.Unit]
		if !ok || !strings.HasSuffix(string(i.Key), ending) {
			t.Errorf("%s is in %q", i.Key, i.Unit)
		}
		if i.Title == "" || seen[i.Title] || seen[string(i.Key)] {
			t.Errorf("%s: title %q is empty or there twice", i.Key, i.Title)
		}
		seen[i.Title], seen[string(i.Key)] = true, true
		if got := i.Key.Info(); got.Key != i.Key || got.Title != i.Title || got.Unit != i.Unit {
			t.Errorf("%s: Info gives %+v", i.Key, i.Key.Info())
		}
	}
	if len(seen) < 80 {
		t.Errorf("%d names", len(seen))
	}
	if got := TTFTMean.Info().Format(421.157); got != "421.16" {
		t.Errorf("TTFT prints as %q", got)
	}
	if got := Key("other").Info(); got.Title != "other" || got.Unit != "" || got.Better != Neither {
		t.Errorf("a metric that is not known: %+v", got)
	}
	for m, want := range map[Key]Better{TTFTMean: Lower, OutputThroughput: Higher, OutputTokens: Neither, EnergyPerToken: Lower, Goodput: Higher} {
		if got := m.Info().Better; got != want {
			t.Errorf("%s: better %d, want %d", m, got, want)
		}
	}
}

// TestOf: each figure of a result is under one key, and none is forgotten.
func TestOf(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	r := &result.Summary{DurationS: v(1), RequestThroughput: v(2), OutputThroughput: v(3), PeakOutputThroughput: v(4), TotalThroughput: v(5),
		TTFTMeanMs: v(6), TTFTMedianMs: v(7), TTFTP99Ms: v(8), TPOTMeanMs: v(9), TPOTMedianMs: v(10), TPOTP99Ms: v(11),
		ITLMeanMs: v(12), ITLMedianMs: v(13), ITLP99Ms: v(14), PPSpeed: v(15), TGSpeed: v(16)}
	d := &result.Detail{EnginePrefill: v(17), PerUser: v(18), Goodput: v(19), OverheadRatio: v(20), PPMedian: v(21),
		Speculation: &result.Speculation{Verifications: 10, Drafted: 40, Accepted: 33}}
	for i, dist := range []**result.Dist{&d.TTFT, &d.TPOT, &d.ITL, &d.E2EL, &d.Queue, &d.Wait, &d.Prefill, &d.Decode} {
		at := float64(i+1) / 10
		*dist = &result.Dist{Count: 1, Mean: at, Median: at + 0.01, P90: at + 0.02, P95: at + 0.03, P99: at + 0.04, Std: at + 0.05}
	}
	seen := map[float64]Key{}
	for _, i := range All() {
		if i.Of == nil {
			continue
		}
		got := i.Of(r, d)
		if got == nil || seen[*got] != "" {
			t.Fatalf("%s is %v, which is %s too", i.Key, got, seen[*got])
		}
		seen[*got] = i.Key
		if i.Of(&result.Summary{}, nil) != nil || i.Of(&result.Summary{}, &result.Detail{E2EL: &result.Dist{}}) != nil {
			t.Errorf("%s of nothing is a number", i.Key)
		}
		if inDetail := i.Of(&result.Summary{}, d) != nil; inDetail != i.InDetail {
			t.Errorf("%s in the detail: %v", i.Key, inDetail)
		}
	}
	if len(seen) != 16+7+8*6-9 || seen[6] != TTFTMean || seen[4] != PeakThroughput || seen[400] != E2ELMean || seen[540] != QueueP99 || seen[16] != TG {
		t.Errorf("%d figures: %v", len(seen), seen)
	}
}

// The headings are the reference's, and what is missing is no number.
func TestHeading(t *testing.T) {
	for m, want := range map[Key]string{TTFTMean: "TTFT mean (ms)", OutputThroughput: "Output Throughput (tok/s)", TG: "Token Generation (TG) tok/s", OverheadRatio: "Overhead ratio"} {
		if got := m.Info().Heading(); got != want {
			t.Errorf("%s is headed %q, want %q", m, got, want)
		}
	}
	r := &result.Summary{OutputThroughput: new(float64), Concurrency: 4}
	*r.OutputThroughput = 10
	if got := PerUser.Info().Text(PerUser.Info().Of(r, nil)); got != "2.50" {
		t.Errorf("of 10 tok/s for four users each has %s", got)
	}
	nan := math.NaN()
	for _, v := range []*float64{nil, &nan} {
		if got := TG.Info().Text(v); got != "—" {
			t.Errorf("missing is printed as %q", got)
		}
	}
}
