package importer

import (
	"strings"
	"testing"
)

// TestMetrics: every metric says what it is, once, and its unit is the end of
// its name.
func TestMetrics(t *testing.T) {
	endings := map[string]string{
		"ms": "_ms", "tok/s": "_tok_s", "req/s": "_req_s", "s": "_s", "tokens": "tokens", "requests": "requests", "": "_ratio", "W": "_w", "J/tok": "_token", "%": "_percent",
	}
	seen := map[string]bool{}
	for _, i := range Metrics() {
		ending, ok := endings[i.Unit]
		if !ok || !strings.HasSuffix(string(i.Metric), ending) {
			t.Errorf("%s is in %q", i.Metric, i.Unit)
		}
		if i.Title == "" || seen[i.Title] || seen[string(i.Metric)] {
			t.Errorf("%s: title %q is empty or there twice", i.Metric, i.Title)
		}
		seen[i.Title], seen[string(i.Metric)] = true, true
		if i.Metric.Info() != i {
			t.Errorf("%s: Info gives %+v", i.Metric, i.Metric.Info())
		}
	}
	if len(seen) < 80 {
		t.Errorf("%d names", len(seen))
	}
	if got := TTFTMean.Info().Format(421.157); got != "421.16" {
		t.Errorf("TTFT prints as %q", got)
	}
	if got := Metric("other").Info(); got.Title != "other" || got.Unit != "" || got.Better != Neither {
		t.Errorf("a metric that is not known: %+v", got)
	}
	for m, want := range map[Metric]Better{TTFTMean: Lower, OutputThroughput: Higher, OutputTokens: Neither, EnergyPerToken: Lower, Goodput: Higher} {
		if got := m.Info().Better; got != want {
			t.Errorf("%s: better %d, want %d", m, got, want)
		}
	}
}
