package tune

import (
	"strings"
	"testing"

	"ceiling/bench/result"
)

func TestParseGoals(t *testing.T) {
	for _, tc := range []struct{ target, guard, want string }{
		{"decode", "auto", "decode at c=1, prefill at c=1"},
		{"prefill@c=4", "auto", "prefill at c=4, decode at c=4"},
		{"ttft@c=8", "auto", "TTFT mean at c=8, throughput at c=8"},
		{"throughput@c=32", "auto", "throughput at c=32"},
		{"decode", "none", "decode at c=1"},
		{"throughput@c=32", "decode,throughput@c=2", "throughput at c=32, decode at c=1, throughput at c=2"},
		{"slo=ttft_p90=2s,tpot=60ms@c=8", "auto", "share of the limits at c=8"},
	} {
		goals, err := ParseGoals(tc.target, tc.guard)
		var titles []string
		for _, g := range goals {
			titles = append(titles, g.Title())
		}
		if got := strings.Join(titles, ", "); err != nil || got != tc.want {
			t.Errorf("%s, %s: %s, %v", tc.target, tc.guard, got, err)
		}
	}
	for _, tc := range []struct{ target, guard, want string }{
		{"fast", "auto", `--for: "fast" is nothing to tune for: give decode, prefill`},
		{"decode@8", "auto", `"@8" is no load: write @c=N`},
		{"decode@c=0", "auto", `"@c=0" is no load`},
		{"decode=2s", "auto", "limits go with slo"},
		{"slo", "auto", "limits go with slo"},
		{"slo=tpot", "auto", `"tpot"`},
		{"decode", "wide", `--guard: "wide" is nothing`},
		{"decode", "decode", "stands twice"},
		{"decode", "slo=ttft=2s", "limits are for --for alone"},
	} {
		if _, err := ParseGoals(tc.target, tc.guard); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s, %s: %v", tc.target, tc.guard, err)
		}
	}
}

// Each goal takes its own figure, and costs fall where that is faster.
func TestValueOf(t *testing.T) {
	prefill, output, ttft := 500.0, 80.0, 120.0
	e := &result.Entry{Result: result.Summary{OutputThroughput: &output, TTFTMeanMs: &ttft},
		Detail: result.Detail{TPOT: &result.Dist{Mean: 0.02}, EnginePrefill: &prefill, PeakConcurrent: 1}}
	first := 1.1
	records := []result.Record{{Admitted: 1, FirstToken: &first, TokenTimes: []float64{1.1, 1.35, 1.5}, End: 1.5, OutputTokens: 3}}
	for target, want := range map[string][2]float64{"decode": {50, 0.02}, "prefill": {500, 0.002}, "throughput": {80, 1.0 / 80}, "ttft": {120, 120},
		"slo=ttft_mean=200ms,tpot_mean=500ms": {50, 50}} {
		g, err := ParseGoal(target)
		if err != nil {
			t.Fatal(err)
		}
		v, ok := ValueOf(&g, result.Scenario{}, e, records)
		if !ok || v < want[0]*(1-1e-9) || v > want[0]*(1+1e-9) || Cost(&g, v) < want[1]*(1-1e-9) || Cost(&g, v) > want[1]*(1+1e-9) {
			t.Errorf("%s: %v, cost %v, want %v", target, v, Cost(&g, v), want)
		}
		if v, ok := ValueOf(&g, result.Scenario{}, &result.Entry{}, nil); ok {
			t.Errorf("%s of nothing: %v", target, v)
		}
	}
}
