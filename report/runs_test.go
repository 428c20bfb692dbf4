package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"ceiling/bench/result"
	"ceiling/kernels"
)

// referenceFiles are all the reference's results that there are.
var referenceFiles = []string{
	"december2025.json",
	"reference/benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json",
	"reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json",
	"reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json",
}

// base is a result with nothing remarkable in it; tests change what they look
// at.
func base(name string, concurrency int) result.Summary {
	return summary(name, 1024, 256, concurrency, 10*concurrency, 50*math.Sqrt(float64(concurrency)),
		[3]float64{300, 290, 390}, [3]float64{20, 20, 22})
}

// with is base, changed.
func with(name string, concurrency int, change func(*result.Summary)) result.Summary {
	r := base(name, concurrency)
	change(&r)
	return r
}

// detailed is the detail of a complete, cold scenario, changed.
func detailed(change func(*result.Detail)) result.Detail {
	d := result.Detail{Status: result.StatusComplete, Cache: result.CacheCold}
	change(&d)
	return d
}

// curve makes scaling points of (concurrency, output, p99 TTFT, p99 TPOT).
func curve(points ...[4]float64) []result.Summary {
	var out []result.Summary
	for _, p := range points {
		r := base(fmt.Sprintf("Concurrency Scaling (c=%d)", int(p[0])), int(p[0]))
		r.OutputThroughput, r.TTFTP99Ms, r.TPOTP99Ms = ptr(p[1]), ptr(p[2]), ptr(p[3])
		r.TPOTMeanMs, r.TPOTMedianMs = ptr(p[3]/1.01), ptr(p[3]/1.01)
		out = append(out, r)
	}
	return out
}

// metricsOf are the measured quantities of a result, by field.
func metricsOf(r *result.Summary) []**float64 {
	var out []**float64
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		if p, ok := v.Field(i).Addr().Interface().(**float64); ok {
			out = append(out, p)
		}
	}
	return out
}

// clone is a run whose results can be changed.
func clone(r *result.Run) *result.Run {
	out := *r
	out.Results = slices.Clone(r.Results)
	for i := range out.Results {
		for _, m := range metricsOf(&out.Results[i]) {
			if *m != nil {
				*m = ptr(**m)
			}
		}
	}
	return &out
}

// perturbed is a run with every figure of every scenario changed: the shapes
// stay those of a real suite while what holds of them does not.
func perturbed(r *result.Run, rng *rand.Rand) *result.Run {
	out := clone(r)
	spread := rng.Float64() * rng.Float64()
	for i := range out.Results {
		for _, m := range metricsOf(&out.Results[i]) {
			switch {
			case *m == nil:
			case rng.IntN(60) == 0:
				*m = nil
			default:
				**m *= math.Exp(rng.NormFloat64() * spread)
			}
		}
	}
	return out
}

// edge is a pair of figures and the ratios at which some statement on them
// begins or ends to hold.
type edge struct {
	of, against func(*result.Summary) **float64
	at          []float64
	across      bool // of two scenarios
}

func (e edge) set(a, b *result.Summary, rng *rand.Rand) {
	of, against := e.of(a), e.against(b)
	if *of == nil || *against == nil {
		return
	}
	v := e.at[rng.IntN(len(e.at))] * **against
	if n := rng.IntN(3) - 1; n != 0 { // one float beside it
		v = math.Nextafter(v, math.Inf(n))
	}
	*of = &v
}

var (
	ttftMean   = func(r *result.Summary) **float64 { return &r.TTFTMeanMs }
	ttftMedian = func(r *result.Summary) **float64 { return &r.TTFTMedianMs }
	ttftP99    = func(r *result.Summary) **float64 { return &r.TTFTP99Ms }
	tpotMean   = func(r *result.Summary) **float64 { return &r.TPOTMeanMs }
	tpotP99    = func(r *result.Summary) **float64 { return &r.TPOTP99Ms }
	itlMean    = func(r *result.Summary) **float64 { return &r.ITLMeanMs }
	itlMedian  = func(r *result.Summary) **float64 { return &r.ITLMedianMs }
	itlP99     = func(r *result.Summary) **float64 { return &r.ITLP99Ms }
	output     = func(r *result.Summary) **float64 { return &r.OutputThroughput }
	peakOutput = func(r *result.Summary) **float64 { return &r.PeakOutputThroughput }
	decodeRate = func(r *result.Summary) **float64 { return &r.TGSpeed }
)

var edges = []edge{
	{ttftP99, ttftMean, []float64{1.10, 2}, false}, {ttftMean, ttftMedian, []float64{1.25, 1 / 1.10}, false}, {ttftMedian, ttftMean, []float64{1.10}, false},
	{ttftP99, ttftMedian, []float64{2, 2.25}, false}, {tpotP99, tpotMean, []float64{1.05, 1.5}, false}, {itlP99, itlMedian, []float64{1.5, 3}, false},
	{itlMedian, itlMean, []float64{0.75}, false}, {itlMean, tpotMean, []float64{1.5}, false}, {peakOutput, output, []float64{0.8, 1, 1.15, 1.5}, false},
	{output, decodeRate, []float64{1}, false},
	{output, output, []float64{1, 1.05, 1.10, 1.6, 1 / 1.05, 2}, true}, {ttftP99, ttftP99, []float64{2, 0.5}, true}, {tpotP99, tpotP99, []float64{2, 0.5}, true},
	{tpotMean, tpotMean, []float64{1, 1.10, 1 / 1.10, 2}, true}, {ttftMean, ttftMean, []float64{1.5, 1 / 1.5, 2}, true},
}

// atEdges is a run in which many pairs of figures are a threshold apart, or one
// float beside it.
func atEdges(r *result.Run, rng *rand.Rand) *result.Run {
	out := clone(r)
	for i := range out.Results {
		a := &out.Results[i]
		for range 2 {
			e, b := edges[rng.IntN(len(edges))], a
			if e.across {
				b = &out.Results[rng.IntN(len(out.Results))]
			}
			e.set(a, b, rng)
		}
		if a.DurationS != nil && rng.IntN(8) == 0 {
			a.DurationS = ptr([]float64{math.Nextafter(3, 0), 3, math.Nextafter(3, 9), 10, math.Nextafter(10, 0)}[rng.IntN(5)])
		}
	}
	return out
}

// randomRun makes a run of up to ten scenarios in which anything can be
// missing, failed or out of proportion. Those named for scaling are of one
// shape.
func randomRun(rng *rand.Rand) *result.Run {
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
	r := &result.Run{Model: "m", Hardware: "h", Planned: names}
	describe := rng.IntN(2) == 0
	shape, ranged := [2]int{1 + rng.IntN(2000), 1 + rng.IntN(300)}, float64(rng.IntN(2))/2
	for _, name := range names[:1+rng.IntN(len(names))] {
		res := result.Summary{Name: name, InputLen: 1 + rng.IntN(20000), OutputLen: 1 + rng.IntN(300),
			Concurrency: 1 << rng.IntN(8), NumPrompts: 1 + rng.IntN(200), DurationS: value()}
		d := result.Detail{Name: name, Status: result.StatusComplete, RangeRatio: float64(rng.IntN(2)) / 2, Cache: result.CacheCold}
		if _, err := fmt.Sscanf(name, "Concurrency Scaling (c=%d)", &res.Concurrency); err == nil {
			res.InputLen, res.OutputLen, d.RangeRatio = shape[0], shape[1], ranged
		}
		res.SuccessfulRequests = float64(rng.IntN(res.NumPrompts + 1))
		if rng.IntN(4) == 0 {
			res.FailedRequests = float64(res.NumPrompts) - res.SuccessfulRequests
		}
		res.OutputThroughput = value()
		res.PeakOutputThroughput = near(res.OutputThroughput)
		res.TTFTMeanMs, res.TPOTMeanMs = value(), value()
		res.TTFTMedianMs, res.TTFTP99Ms = near(res.TTFTMeanMs), near(res.TTFTMeanMs)
		res.TPOTMedianMs, res.TPOTP99Ms = near(res.TPOTMeanMs), near(res.TPOTMeanMs)
		res.ITLMeanMs, res.ITLMedianMs, res.ITLP99Ms = near(res.TPOTMeanMs), near(res.TPOTMeanMs), near(value())
		res.PPSpeed, res.TGSpeed = value(), value()
		randomDetail(rng, &res, &d, value)
		if !describe && d.Status == result.StatusPartial {
			res.Error = nil
		}
		r.Results = append(r.Results, res)
		if describe {
			r.Details = append(r.Details, d)
		}
	}
	r.Partial = rng.IntN(5) == 0
	if rng.IntN(3) == 0 {
		r.Planned = nil
	}
	return r
}

// randomDetail fills in what only this program's own results have.
func randomDetail(rng *rand.Rand, res *result.Summary, d *result.Detail, value func() *float64) {
	res.TotalInputTokens = float64(rng.IntN(100000))
	d.EnginePrefill, d.OverheadRatio = value(), value()
	if rng.IntN(4) == 0 {
		d.ReusedTokens = int64(rng.IntN(100000))
		d.Cache = result.CacheWarm
	}
	if rng.IntN(4) == 0 {
		d.RequestRate = value()
	}
	if rng.IntN(3) > 0 {
		d.TTFT, d.Prefill = &result.Dist{Count: 5 + rng.IntN(200), Mean: rng.Float64()}, &result.Dist{Mean: rng.Float64()}
		d.Prefill.Count = d.TTFT.Count
		d.E2EL = &result.Dist{Count: 5, Mean: 1 + 20*rng.Float64()}
	}
	if rng.IntN(6) == 0 {
		d.Repeat = 2
	}
	d.Verdict = randomVerdict(rng)
	switch rng.IntN(8) {
	case 0:
		res.Error, d.Status = ptr("broke"), result.StatusFailed
	case 1:
		res.Error, d.Status = ptr("interrupted"), result.StatusPartial
	}
}

// randomVerdict is often none, or a good one.
func randomVerdict(rng *rand.Rand) *result.Verdict {
	states := []result.State{result.StateValid, result.StateValid, result.StateValid, result.StateUnknown, result.StateShort, result.StateUnsettled, result.StateDisturbed, result.StateInvalid}
	if rng.IntN(3) > 0 {
		return nil
	}
	state := states[rng.IntN(len(states))]
	v := &result.Verdict{State: state}
	if state != result.StateValid {
		v.Findings = []result.Finding{{State: state, Text: fmt.Sprintf("engine threads waited %d %% of the time for a core", rng.IntN(100))}}
	}
	return v
}

// withLimits is the run with limits of the user's: one or both, at what a
// scenario has or just below it, so that they decide.
func withLimits(r *result.Run, rng *rand.Rand) *result.Run {
	out := *r
	out.SLO = &result.SLO{}
	pick := func(of func(*result.Summary) *float64) float64 {
		v := of(&r.Results[rng.IntN(len(r.Results))])
		if v == nil || !(*v >= 1e-3 && *v <= 1e9) {
			return 1 + 500*rng.Float64()
		}
		if rng.IntN(2) == 0 {
			return math.Nextafter(*v, 0)
		}
		return *v
	}
	which := rng.IntN(3)
	if which != 0 {
		out.SLO.TTFTMs = pick(func(r *result.Summary) *float64 { return r.TTFTP99Ms })
	}
	if which != 1 {
		out.SLO.TPOTMs = pick(func(r *result.Summary) *float64 { return r.TPOTP99Ms })
	}
	return &out
}

// manyRuns calls f with the reference's runs, perturbed ones, random ones, and
// such at the thresholds.
func manyRuns(t *testing.T, f func(what string, r *result.Run)) {
	for i, file := range referenceFiles {
		r := mustLoad(t, file)
		f(file, r)
		for seed := range uint64(100) {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			p := perturbed(r, rng)
			f(fmt.Sprintf("%s, seed %d", file, seed), p)
			f(fmt.Sprintf("%s, seed %d at its edges", file, seed), atEdges(p, rng))
		}
	}
	for seed := range uint64(700) {
		rng := rand.New(rand.NewPCG(seed, 2))
		r := randomRun(rng)
		f(fmt.Sprintf("seed %d", seed), r)
		f(fmt.Sprintf("seed %d at its edges", seed), atEdges(r, rng))
		f(fmt.Sprintf("seed %d with limits", seed), withLimits(r, rng))
		if seed%4 == 0 && len(r.Details) > 0 {
			f(fmt.Sprintf("seed %d with drafts", seed), withDrafts(r, rng))
		}
	}
	f("small run", smallRun())
}

// passesLike are n passes of a scenario, as it is and a little off.
func passesLike(s result.Summary, d result.Detail, n int, rng *rand.Rand) (out []result.Pass) {
	d.Status, s.FailedRequests, s.Error = result.StatusComplete, 0, nil
	for k := range n {
		p := result.Pass{Pass: k, Result: s, Detail: d}
		for _, v := range []**float64{&p.Result.TPOTMeanMs, &p.Result.OutputThroughput} {
			if *v != nil {
				other := **v * (1 + 0.02*rng.Float64())
				*v = &other
			}
		}
		out = append(out, p)
	}
	return out
}

// withDrafts is a run whose first scenario speculates, with a twin behind it that does
// not, under a name and lengths of their own.
func withDrafts(r *result.Run, rng *rand.Rand) *result.Run {
	out := *r
	with, plain, d := r.Results[0], r.Results[0], r.Details[0]
	with.Name, with.InputLen = "Drafts", 777
	plain.Name, plain.InputLen = "Drafts plain", 777
	d.RequestRate, d.Mix, d.Turns, d.Dataset = nil, nil, nil, nil
	d.Passes, d.Repeat = nil, 0
	twin := d
	twin.Mix = &kernels.Mix{Decode: kernels.MixPart{Steps: 10, Seconds: 1, SeenSeconds: 1, Sum: kernels.Work{Decode: 10}}}
	change := func(v *float64) *float64 {
		if v == nil {
			return nil
		}
		other := *v * (0.5 + rng.Float64())
		return &other
	}
	with.TPOTMeanMs, with.OutputThroughput = change(with.TPOTMeanMs), change(with.OutputThroughput)
	s := &result.Speculation{SpecSettings: result.SpecSettings{Kind: "draft", DraftMax: 3, Synthetic: rng.IntN(2) == 0}}
	if n := int64(rng.IntN(50)); n > 5 {
		s.Verifications, s.Drafted, s.Accepted = n, 3*n, rng.Int64N(3*n+1)
		s.Decode = result.SpecDecode{Steps: n, Sequences: n, Drafted: 3 * n, Tokens: n + s.Accepted, StepS: 2, SeenS: 0.4 * float64(n) * rng.Float64()}
	}
	if rng.IntN(4) == 0 {
		twin.Mix = nil // as a server's
	}
	d.Speculation = s
	if n := rng.IntN(5); n > 1 {
		d.Passes, twin.Passes = passesLike(with, d, n, rng), passesLike(plain, twin, n, rng)
	}
	out.Results = append([]result.Summary{with, plain}, r.Results...)
	out.Details = append([]result.Detail{d, twin}, r.Details...)
	if r.Planned != nil {
		out.Planned = append([]string{with.Name, plain.Name}, r.Planned...)
	}
	return &out
}
