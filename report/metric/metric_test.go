package metric

import (
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
	d := &result.Detail{EnginePrefill: v(17), PerUser: v(18), Goodput: v(19), OverheadRatio: v(20), PPMedian: v(21), E2EL: &result.Dist{Mean: 0.022}}
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
		if i.Of(&result.Summary{}, nil) != nil {
			t.Errorf("%s of nothing is a number", i.Key)
		}
	}
	if len(seen) != 22 || seen[6] != TTFTMean || seen[4] != PeakThroughput || seen[22] != E2ELMean || seen[16] != TG {
		t.Errorf("%d figures: %v", len(seen), seen)
	}
}
