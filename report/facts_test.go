package report

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench"
	"ceiling/report/prose"
)

// want is a fact by what it is of; the tests hold its text and value against
// numbers worked out by hand.
type want struct {
	of, against prose.Figure
	text        string
	value       float64 // to four digits
}

// own and other name figures of the section's scenario and of another one.
func own(m prose.Metric, s prose.Stat) prose.Figure { return prose.Figure{Metric: m, Stat: s} }

func other(m prose.Metric, s prose.Stat, scenario string) prose.Figure {
	return prose.Figure{Metric: m, Stat: s, Scenario: scenario}
}

// plain is a fact that is not derived from two figures.
var plain prose.Figure

// section is the one with an ID.
func section(t *testing.T, r *bench.Results, id string) *prose.Section {
	t.Helper()
	for _, s := range Sections(r) {
		if s.ID == id {
			return &s
		}
	}
	t.Fatalf("no section %q", id)
	return nil
}

// checkFacts looks each wanted fact up in a section. With an empty text there
// must be none.
func checkFacts(t *testing.T, s *prose.Section, wants []want) {
	t.Helper()
	for _, w := range wants {
		var found []string
		for _, f := range s.Facts {
			if f.Of != w.of || f.Against != w.against {
				continue
			}
			found = append(found, f.Text)
			if f.Text == w.text && math.Abs(f.Value-w.value) > 5e-5*math.Abs(w.value) {
				t.Errorf("%s: %v / %v = %v, want %v", s.ID, w.of, w.against, f.Value, w.value)
			}
		}
		if d := cmp.Diff(strings.Join(found, " | "), w.text); d != "" {
			t.Errorf("%s: %v / %v (-got +want):\n%s", s.ID, w.of, w.against, d)
		}
	}
}

// The facts of one scenario, from the December 2025 report's own numbers.
func TestFactsOfAScenario(t *testing.T) {
	r := mustLoad(t, "december2025.json")
	const lone, decode = "Single User Latency", "Decode Stress Test"
	checkFacts(t, section(t, r, "interpretation 1"), []want{
		{own(prose.Concurrency, ""), plain, "1", 1},
		{own(prose.InputLen, ""), plain, "2048", 2048},
		{own(prose.OutputLen, ""), plain, "512", 512},
		{own(prose.Prompts, ""), plain, "20", 20},
		{own(prose.TTFT, prose.Mean), plain, "421.16 ms", 421.16},
		{own(prose.TTFT, prose.Median), plain, "47.44 ms", 47.44},
		{own(prose.TTFT, prose.P99), plain, "1118.50 ms", 1118.5},
		{own(prose.TTFT, prose.P99), own(prose.TTFT, prose.Mean), "2.66×", 2.65576},     // 1118.5 / 421.16
		{own(prose.TTFT, prose.P99), own(prose.TTFT, prose.Median), "23.6×", 23.57715},  // 1118.5 / 47.44
		{own(prose.TTFT, prose.Mean), own(prose.TTFT, prose.Median), "8.88×", 8.877740}, // 421.16 / 47.44
		{own(prose.TTFT, prose.Median), own(prose.TTFT, prose.Mean), "0.11×", 0.112641},
		{own(prose.TPOT, prose.P99), own(prose.TPOT, prose.Mean), "1.00×", 1.004689},
		{own(prose.StreamRate, prose.P99), plain, "58.3 tok/s", 58.34306}, // 1000 / 17.14
		{own(prose.E2EL, prose.Mean), plain, "9.14 s", 9.13882},           // 421.16 + 511 × 17.06 ms
		{own(prose.TTFT, prose.Mean), own(prose.E2EL, prose.Mean), "5%", 0.0460847},
		{own(prose.DecodeTime, prose.Mean), own(prose.E2EL, prose.Mean), "95%", 0.953915},
		{own(prose.DecodeTime, prose.Mean), plain, "8.72 s", 8.71766},
		{own(prose.TTFT, prose.Mean), own(prose.TPOT, prose.Mean), "25 tokens", 24.68699},
		{own(prose.Output, ""), own(prose.TG, ""), "96%", 0.955973}, // 56.02 / 58.6
		{own(prose.PeakOutput, ""), own(prose.Output, ""), "1.07×", 1.071046},
		{own(prose.PP, prose.Mean), plain, "4862.8 tok/s", 4862.760},
		{own(prose.TPOT, prose.Mean), other(prose.TPOT, prose.Mean, decode), "1.02×", 1.023395},
		{other(prose.TPOT, prose.Mean, decode), plain, "16.67 ms", 16.67},
		// Not in this file: requests that ended, ITL, a detail.
		{own(prose.Requests, ""), plain, "", 0},
		{own(prose.ITL, prose.P99), plain, "", 0},
		{own(prose.QueueTime, prose.Mean), plain, "", 0},
		{own(prose.Overhead, ""), plain, "", 0},
		{own(prose.InFlight, ""), plain, "", 0},
	})
	checkFacts(t, section(t, r, "interpretation 7"), []want{
		{own(prose.Output, ""), plain, "178.90 tok/s", 178.9},
		{own(prose.PerUser, ""), plain, "44.73 tok/s", 44.725},
		{own(prose.Concurrency, ""), other(prose.Concurrency, "", "Concurrency Scaling (c=2)"), "2×", 2},
		{own(prose.Output, ""), other(prose.Output, "", "Concurrency Scaling (c=2)"), "1.64×", 1.636780}, // 178.90 / 109.30
		{own(prose.Output, ""), other(prose.Proportional, "", "Concurrency Scaling (c=2)"), "82%", 0.818390},
		{own(prose.PerUser, ""), other(prose.PerUser, "", "Concurrency Scaling (c=2)"), "0.82×", 0.818390},
		{own(prose.TPOT, prose.Mean), other(prose.TPOT, prose.Mean, "Concurrency Scaling (c=2)"), "1.19×", 1.186007},
		{own(prose.TTFT, prose.P99), other(prose.TTFT, prose.P99, "Concurrency Scaling (c=2)"), "0.22×", 0.220670},
		{own(prose.TPOT, prose.P99), other(prose.TPOT, prose.P99, "Concurrency Scaling (c=2)"), "1.15×", 1.150700},
		{own(prose.TTFT, prose.P99), own(prose.TTFT, prose.P99), "1.00×", 1}, // itself the lowest of the curve
		{own(prose.Output, ""), other(prose.Output, "", lone), "3.19×", 3.193502},
		{own(prose.TPOT, prose.Mean), other(prose.TPOT, prose.Mean, lone), "1.22×", 1.222157},
		{own(prose.PP, prose.Mean), other(prose.PP, prose.Mean, lone), "1.99×", 1.986229}, // 9658.6 / 4862.8
		{other(prose.Output, "", "Concurrency Scaling (c=2)"), plain, "109.30 tok/s", 109.3},
		{other(prose.Concurrency, "", "Concurrency Scaling (c=2)"), plain, "2", 2},
	})
	checkFacts(t, section(t, r, "interpretation 2"), []want{
		{other(prose.PP, prose.Mean, lone), own(prose.PP, prose.Mean), "12.4×", 12.43366}, // 4862.76 / 391.10
	})
	checkFacts(t, section(t, r, "interpretation 3"), []want{
		{own(prose.TPOT, prose.Mean), other(prose.TPOT, prose.Mean, "Concurrency Scaling (c=4)"), "2.15×", 2.146283},
		{other(prose.TPOT, prose.Mean, "Concurrency Scaling (c=4)"), own(prose.TPOT, prose.Mean), "0.47×", 0.465922},
		{own(prose.TTFT, prose.Mean), other(prose.TTFT, prose.Mean, "Concurrency Scaling (c=4)"), "115×", 115.1898},
	})
	checkFacts(t, section(t, r, "interpretation 5"), []want{
		{own(prose.InputLen, prose.Longest), own(prose.InputLen, ""), "1.50×", 1.5},
	})
}

// What only a run of this program knows: queue, prefill, reuse, overhead.
func TestFactsOfADetail(t *testing.T) {
	dist := func(mean float64) *bench.Dist { return &bench.Dist{Count: 40, Mean: mean} }
	res := with("Other", 4, func(r *bench.Result) {
		r.DurationS, r.TotalInputTokens = ptr(20.0), 40960
		itl(24, 18, 90)(r)
	})
	detail := d(func(d *bench.Detail) {
		d.TTFT, d.Prefill, d.E2EL = dist(0.3), dist(0.12), dist(1.5)
		d.OverheadRatio, d.EnginePrefill, d.ReusedTokens = ptr(0.0041), ptr(8533.3), 10240
	})
	run := func(res bench.Result, d *bench.Detail) *prose.Section {
		return section(t, &bench.Results{Results: []bench.Result{res}, Details: []bench.Detail{*d}}, "interpretation 1")
	}
	s := run(res, detail)
	checkFacts(t, s, []want{
		{own(prose.QueueTime, prose.Mean), own(prose.TTFT, prose.Mean), "60%", 0.6},
		{own(prose.QueueTime, prose.Mean), plain, "180.00 ms", 180},
		{own(prose.PrefillTime, prose.Mean), plain, "120.00 ms", 120},
		{own(prose.QueueTime, prose.Mean), own(prose.E2EL, prose.Mean), "12%", 0.12},
		{own(prose.PrefillTime, prose.Mean), own(prose.E2EL, prose.Mean), "8%", 0.08},
		{own(prose.DecodeTime, prose.Mean), own(prose.E2EL, prose.Mean), "80%", 0.8},
		{own(prose.DecodeTime, prose.Mean), plain, "1.20 s", 1.2},
		{own(prose.Overhead, ""), plain, "0.0041", 0.0041},
		{own(prose.ReusedTokens, ""), own(prose.PromptTokens, ""), "25%", 0.25},
		{own(prose.InFlight, ""), plain, "3.0 requests", 3}, // 40 × 1.5 s / 20 s
		{own(prose.InFlight, ""), own(prose.Concurrency, ""), "75%", 0.75},
		{own(prose.ITL, prose.P99), own(prose.ITL, prose.Median), "5.00×", 5},
		{own(prose.ITL, prose.Median), own(prose.ITL, prose.Mean), "75%", 0.75},
		{own(prose.FullDecode, ""), plain, "222.2 tok/s", 222.2222}, // 4 × 1000 / 18
		{own(prose.Output, ""), own(prose.FullDecode, ""), "45%", 0.45},
	})
	e := s.Evidence
	if d := cmp.Diff([]any{ptr(0.12), ptr(0.08), ptr(0.8), ptr(0.0041), false, true},
		[]any{e.Queue, e.Prefill, e.Decode, e.Overhead, e.Cold, e.Warm}, cmp.Comparer(near)); d != "" {
		t.Errorf("evidence (-want +got):\n%s", d)
	}
	// In an open loop the wait for a slot is in none of the times.
	open := *detail
	open.RequestRate = ptr(2.0)
	checkFacts(t, run(res, &open), []want{
		{own(prose.QueueTime, prose.Mean), plain, "", 0},
		{own(prose.QueueTime, prose.Mean), own(prose.E2EL, prose.Mean), "", 0},
		{own(prose.QueueTime, prose.Mean), own(prose.TTFT, prose.Mean), "60%", 0.6},
	})
	// A part of the requests only.
	some := *detail
	some.Prefill = &bench.Dist{Count: 39, Mean: 0.12}
	checkFacts(t, run(res, &some), []want{{own(prose.QueueTime, prose.Mean), own(prose.TTFT, prose.Mean), "", 0}})
	lost := res
	lost.SuccessfulRequests, lost.FailedRequests = 38, 2
	checkFacts(t, run(lost, detail), []want{
		{own(prose.Requests, prose.Failed), plain, "2", 2},
		{own(prose.Requests, prose.Ended), plain, "40", 40},
		{own(prose.Requests, prose.Succeeded), plain, "38", 38},
		{own(prose.InFlight, ""), plain, "", 0},
	})
}

// near compares what arithmetic in another order may give.
func near(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return math.Abs(*a-*b) < 1e-12
}

// Gaps between deliveries are no figures of tokens, nor is their peak.
func TestFactsOfBundles(t *testing.T) {
	res := with("Other", 4, itl(30, 30, 300)) // mean TPOT is 20 ms
	s := section(t, &bench.Results{Results: []bench.Result{res}}, "interpretation 1")
	checkFacts(t, s, []want{
		{own(prose.ITL, prose.Mean), own(prose.TPOT, prose.Mean), "1.50×", 1.5},
		{own(prose.ITL, prose.Mean), plain, "", 0},
		{own(prose.ITL, prose.P99), plain, "", 0},
		{own(prose.ITL, prose.P99), own(prose.ITL, prose.Median), "", 0},
		{own(prose.PeakOutput, ""), plain, "", 0},
		{own(prose.FullDecode, ""), plain, "", 0},
	})
	if _, ok := s.Evidence.Points[0].Values[own(prose.ITL, prose.P99)]; ok {
		t.Error("ITL p99 of deliveries is evidence")
	}
}

// The facts of the run, from the December 2025 report.
func TestFactsOfTheRun(t *testing.T) {
	const two, four, thirtyTwo = "Concurrency Scaling (c=2)", "Concurrency Scaling (c=4)", "Concurrency Scaling (c=32)"
	r := mustLoad(t, "december2025.json")
	for _, id := range []string{"recommendations", "summary"} {
		checkFacts(t, section(t, r, id), []want{
			{own(prose.Scenarios, prose.Planned), plain, "10", 10},
			{own(prose.Scenarios, prose.Measured), plain, "10", 10},
			{other(prose.PerUser, "", four), plain, "44.7 tok/s | 44.73 tok/s", 44.725},
			{other(prose.Output, "", thirtyTwo), other(prose.Output, "", four), "3.33×", 3.327949},
			{other(prose.TTFT, prose.P99, thirtyTwo), other(prose.TTFT, prose.P99, four), "3.19×", 3.189554},
			{other(prose.TPOT, prose.P99, thirtyTwo), other(prose.TPOT, prose.P99, four), "2.33×", 2.328812},
			{other(prose.TTFT, prose.P99, "Concurrency Scaling (c=8)"), other(prose.TTFT, prose.P99, four), "1.28×", 1.278365},
			{own(prose.TTFT, prose.Limit), plain, "279.92 ms", 279.92}, // 2 × 139.96 of c=4
			{own(prose.TPOT, prose.Limit), plain, "37.16 ms", 37.16},   // 2 × 18.58 of c=2
			{own(prose.Requests, prose.Least), plain, "", 0},           // not in the file
			{other(prose.TPOT, prose.Mean, "Decode Stress Test"), plain, "16.67 ms", 16.67},
			{other(prose.TTFT, prose.P99, two), plain, "634.25 ms", 634.25},
		})
	}
	checkFacts(t, section(t, mustLoad(t, "reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json"), "summary"), []want{
		{own(prose.Requests, prose.Least), plain, "5", 5},
		{own(prose.Requests, prose.Needed), plain, "100", 100},
	})
}

func TestFactTexts(t *testing.T) {
	var l ledger
	f := func(v float64, unit string) fact { return l.derived(prose.Figure{}, v, unit, 2) }
	n := func(n int) fact { return l.count(prose.Figure{}, n) }
	for _, tt := range []struct {
		a, b fact
		want string
	}{
		{f(1118.5, "ms"), f(421.16, "ms"), "2.66×"},
		{f(9.994, "ms"), f(1, "ms"), "9.99×"},
		{f(9.996, "ms"), f(1, "ms"), "10.0×"},
		{f(99.94, "ms"), f(1, "ms"), "99.9×"},
		{f(99.96, "ms"), f(1, "ms"), "100×"},
		{f(0.0994, "ms"), f(1, "ms"), "0.099×"},
		{f(0.0996, "ms"), f(1, "ms"), "0.10×"},
		{n(32), n(16), "2×"},
		{n(3), n(2), "1.50×"},
		{f(2, "ms"), f(1, "ms"), "2.00×"},
	} {
		if got := l.ratio(tt.a, tt.b).Text; got != tt.want {
			t.Errorf("ratio(%v, %v) = %q, want %q", tt.a.Value, tt.b.Value, got, tt.want)
		}
	}
	share := func(part float64) fact { return l.share(part, prose.Figure{}, prose.Figure{}) }
	for part, want := range map[float64]string{0: "0%", 0.0004: "less than 0.1%", 0.005: "0.5%", 0.0051: "1%", 0.256: "26%",
		0.994: "99%", 0.996: "99.6%", 0.9996: "more than 99.9%", 1: "100%"} {
		if got := share(part).Text; got != want {
			t.Errorf("share(%v) = %q, want %q", part, got, want)
		}
	}
	for name, unknown := range map[string]fact{
		"ratio by zero":  l.ratio(f(1, "ms"), f(0, "ms")),
		"ratio of none":  l.ratio(fact{}, f(1, "ms")),
		"negative share": share(-0.1),
		"share of NaN":   share(math.NaN()),
		"infinite":       l.derived(prose.Figure{}, math.Inf(1), "s", 1),
		"not measured":   l.measured(prose.Figure{}, nil, "ms", 2),
	} {
		if unknown.known() {
			t.Errorf("%s is known as %q", name, unknown.Text)
		}
	}
}
