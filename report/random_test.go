package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ceiling/bench"
)

// randomRun makes a run of up to ten scenarios in which anything can be
// missing, failed or out of proportion.
func randomRun(rng *rand.Rand) *bench.Results {
	missingShare := rng.Float64() * rng.Float64()
	value := func() *float64 {
		if rng.Float64() < missingShare {
			return nil
		}
		return ptr(math.Exp(rng.Float64()*18 - 6)) // 0.002 to 160,000
	}
	near := func(v *float64) *float64 { // often of the same order, as real ones
		if v == nil || rng.Float64() < missingShare {
			return nil
		}
		return ptr(*v * math.Exp(rng.NormFloat64()*0.4))
	}
	names := []string{"Single User Latency", "Short Context Throughput", "Long Context (16K)", "Decode Stress Test", "Mixed Traffic",
		"Concurrency Scaling (c=1)", "Concurrency Scaling (c=2)", "Concurrency Scaling (c=8)", "Concurrency Scaling (c=32)", "Another"}
	rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	r := &bench.Results{Model: "m", Hardware: "h", Planned: names}
	detailed, sweep := rng.IntN(2) == 0, rng.IntN(4) > 0
	for _, name := range names[:1+rng.IntN(len(names))] {
		res := bench.Result{Name: name, InputLen: 1 + rng.IntN(20000), OutputLen: 1 + rng.IntN(300),
			Concurrency: 1 << rng.IntN(8), NumPrompts: 1 + rng.IntN(200), DurationS: value()}
		if sweep && strings.HasPrefix(name, "Concurrency Scaling") {
			res.InputLen, res.OutputLen = 64, 16
		}
		res.SuccessfulRequests = float64(rng.IntN(res.NumPrompts + 1))
		if rng.IntN(4) == 0 {
			res.FailedRequests = float64(res.NumPrompts) - res.SuccessfulRequests
		}
		res.TotalInputTokens = float64(rng.IntN(100000))
		res.OutputThroughput = value()
		res.PeakOutputThroughput = near(res.OutputThroughput)
		res.TTFTMeanMs, res.TPOTMeanMs = value(), value()
		res.TTFTMedianMs, res.TTFTP99Ms = near(res.TTFTMeanMs), near(res.TTFTMeanMs)
		res.TPOTMedianMs, res.TPOTP99Ms = near(res.TPOTMeanMs), near(res.TPOTMeanMs)
		res.ITLMeanMs, res.ITLMedianMs, res.ITLP99Ms = near(res.TPOTMeanMs), near(res.TPOTMeanMs), near(value())
		res.PPSpeed, res.TGSpeed = value(), value()
		d := bench.Detail{Name: name, Status: bench.StatusComplete, RangeRatio: float64(rng.IntN(2)) / 2, EnginePrefill: value(), OverheadRatio: value(),
			ReusedTokens: int64(rng.IntN(2) * rng.IntN(100000))}
		switch {
		case sweep && strings.HasPrefix(name, "Concurrency Scaling"):
			d.RangeRatio = 0
		case rng.IntN(3) == 0:
			d.RequestRate = value()
		}
		if rng.IntN(3) > 0 {
			d.TTFT, d.Prefill = &bench.Dist{Count: 5, Mean: rng.Float64()}, &bench.Dist{Count: 5, Mean: rng.Float64()}
			d.E2EL = &bench.Dist{Count: 5, Mean: 1 + 20*rng.Float64()}
		}
		switch rng.IntN(8) {
		case 0:
			res.Error, d.Status = ptr("broke"), bench.StatusFailed
		case 1:
			res.Error, d.Status = ptr("interrupted"), bench.StatusPartial
			if !detailed {
				res.Error = nil
			}
		}
		r.Results = append(r.Results, res)
		if detailed {
			r.Details = append(r.Details, d)
		}
	}
	r.Partial = rng.IntN(5) == 0
	return r
}

const randomRuns = 500

// Whatever the results, the prose keeps to its limits and its form.
func TestProseLimits(t *testing.T) {
	for seed := range uint64(randomRuns) {
		r := randomRun(rand.New(rand.NewPCG(seed, 1)))
		all := scenarios(r)
		p := byRules(r)
		complain := func(format string, args ...any) { t.Errorf("seed %d: "+format, append([]any{seed}, args...)...) }
		for i, list := range p.scenarios {
			_, failed := all[i].failed()
			if failed && len(list) != 1 || !failed && (len(list) < leastBullets || len(list) > mostBullets) {
				complain("%d bullets for %s (failed: %v)", len(list), all[i].Name, failed)
			}
		}
		summary := strings.Join(p.summary, " ")
		// Without a sweep the sentence on the sweet spot and the advice on it are not there.
		fewerSentences, fewerBullets := 0, 0
		if r.Series() == nil {
			fewerSentences, fewerBullets = 1, 2
			if text := strings.Join(append(p.recommendations, p.summary...), " "); strings.Contains(text, "curve") || strings.Contains(text, "No concurrency can be") {
				complain("words on a curve that is not there: %q", text)
			}
		}
		if n := strings.Count(summary+" ", ". "); n < leastSummary-fewerSentences || n > mostSummary || n != len(p.summary) {
			complain("%d sentences in the summary: %q", n, p.summary)
		}
		if n := len(p.recommendations); n < leastAdvice-fewerBullets || n > mostAdvice {
			complain("%d recommendations: %q", n, p.recommendations)
		}
		if spot := sweetSpotText(r); spot != "N/A" && p.recommendations[0] != "Use "+spot+" for interactive UX." {
			complain("first recommendation %q, sweet spot %q", p.recommendations[0], spot)
		}
		for _, text := range slices.Concat(append(slices.Clone(p.scenarios), p.recommendations, p.summary)...) {
			if !strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n\r") || strings.Contains(text, "%!") ||
				strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "  ") || strings.Contains(text, "..") {
				complain("malformed: %q", text)
			}
		}
	}
}
