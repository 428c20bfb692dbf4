package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
)

// What a claim says is true, and its numbers are right: each key has a predicate
// here that looks at result.Run alone and shares no code with the rules. It
// gives the figures that the claim has to print, in any order.

// view is a scenario of a run, or with i = -1 the run.
type view struct {
	run *result.Run
	i   int
}

// truth says whether a claim holds and which figures it prints.
type truth func(v view) (holds bool, figures []float64)

// nan is a figure that is not there; no comparison with it holds.
var nan = math.NaN()

func val(p *float64) float64 {
	if p == nil {
		return nan
	}
	return *p
}

func (v view) res() *result.Summary { return &v.run.Results[v.i] }

func (v view) det() *result.Detail {
	if len(v.run.Details) == 0 {
		return nil
	}
	return &v.run.Details[v.i]
}

func (v view) at(i int) view { return view{v.run, i} }

func (v view) bad() bool {
	if d := v.det(); d != nil && d.Status != "" {
		return d.Status == result.StatusFailed
	}
	return v.res().Error != nil
}

func (v view) open() bool { return v.det() != nil && v.det().RequestRate != nil }

func (v view) alone() bool { return v.res().Concurrency == 1 && !v.open() }

// ranged is the half width of the lengths' range.
func (v view) ranged() float64 {
	if d := v.det(); d != nil {
		return d.RangeRatio
	}
	if strings.Contains(v.res().Name, "Mixed") {
		return 0.5
	}
	return 0
}

func (v view) burst() bool {
	r := v.res()
	return !v.open() && r.Concurrency > 1 && r.NumPrompts >= 1 && r.NumPrompts <= r.Concurrency
}

// bundles says whether gaps are between deliveries.
func (v view) bundles() bool {
	return v.det() == nil && val(v.res().ITLMeanMs)/val(v.res().TPOTMeanMs) >= 1.2
}

// best is the peak second, where it counts all tokens.
func (v view) best() float64 {
	r := v.res()
	if v.bundles() || val(r.DurationS) >= 10 && val(r.PeakOutputThroughput) < 0.8*val(r.OutputThroughput) {
		return nan
	}
	return val(r.PeakOutputThroughput)
}

// whole is a request's mean duration in ms.
func (v view) whole() float64 {
	r, d := v.res(), v.det()
	switch {
	case d != nil && d.E2EL != nil:
		return 1000 * d.E2EL.Mean
	case v.ranged() == 0 && r.OutputLen > 1:
		return val(r.TTFTMeanMs) + float64(r.OutputLen-1)*val(r.TPOTMeanMs)
	default:
		return nan
	}
}

func (v view) inSweep() bool { return slices.Contains(v.sweep(), v) }

// positive says whether all are figures above zero.
func positive(p ...*float64) bool {
	return !slices.ContainsFunc(p, func(x *float64) bool { return x == nil || !(*x > 0) })
}

func (v view) perUser() float64 { return val(v.res().OutputThroughput) / float64(v.res().Concurrency) }

// below is the measured point of the sweep next below, with i = -1 for none.
func (v view) below() view {
	best := v.at(-1)
	for _, s := range v.sweep() {
		if c := s.res().Concurrency; c < v.res().Concurrency && (best.i < 0 || c > best.res().Concurrency) {
			best = s
		}
	}
	return best
}

// single is the single stream with the nearest prompt length.
func (v view) single() view {
	far := func(s view) float64 {
		return math.Abs(math.Log(float64(v.res().InputLen) / float64(s.res().InputLen)))
	}
	best := v.at(-1)
	for _, s := range v.measured() {
		if s != v && s.alone() && (best.i < 0 || far(s) < far(best)) {
			best = s
		}
	}
	return best
}

// peer is the first scenario that runs as many requests at a time.
func (v view) peer() view {
	for _, s := range v.measured() {
		if s != v && s.res().Concurrency == v.res().Concurrency && (s.inSweep() || v.res().Concurrency == 1) && !v.inSweep() {
			return s
		}
	}
	return v.at(-1)
}

// Figures as they are printed.

func msFigure(v float64) float64 {
	if v >= 999.5 {
		return v / 1000
	}
	return v
}

func ms(p *float64) float64 { return msFigure(val(p)) }

func pct(part float64) float64 {
	v, _ := strconv.ParseFloat(fmt.Sprintf("%.0f", 100*part), 64)
	switch {
	case part > 0 && v == 0:
		return 1
	case part < 1 && v == 100:
		return 99
	default:
		return v
	}
}

// diff are the figures of a comparison in words.
func diff(q float64) []float64 {
	switch p := math.Round(100 * math.Abs(q-1)); {
	case q >= 2:
		return []float64{q}
	case p == 0:
		return nil
	default:
		return []float64{p}
	}
}

func n(i int) float64 { return float64(i) }

// latencyFigures says what holds of mean, median and p99.
func (v view) ttft() (mean, median, p99 float64) {
	return val(v.res().TTFTMeanMs), val(v.res().TTFTMedianMs), val(v.res().TTFTP99Ms)
}

// implied is the prefill rate that mean TTFT means for one user.
func implied(v view) float64 { return 1000 * n(v.res().InputLen) / val(v.res().TTFTMeanMs) }

func alike(v, s view) bool {
	q := n(v.res().InputLen) / n(s.res().InputLen)
	return q <= 4 && q >= 0.25
}

// waited is the part of mean TTFT before a prompt's first step.
func (v view) waited() float64 {
	d := v.det()
	if d == nil || d.TTFT == nil || d.Prefill == nil || d.TTFT.Count != d.Prefill.Count {
		return nan
	}
	return 1 - d.Prefill.Mean/d.TTFT.Mean
}

func oneDecimal(f float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 1, 64), 64)
	return v
}

// reliable says whether nobody found anything against the figures.
func (v view) reliable() bool {
	d := v.det()
	return d == nil || d.Verdict == nil || d.Verdict.State == "valid" || d.Verdict.State == "unknown"
}

func (v view) unreliable() []view {
	var out []view
	for i := range v.run.Results {
		if s := v.at(i); !s.reliable() {
			out = append(out, s)
		}
	}
	return out
}

func (v view) sweepReliable() bool {
	return !slices.ContainsFunc(v.sweep(), func(s view) bool { return !s.reliable() })
}

// accepted is the share of drafted tokens that were.
func (v view) accepted() float64 {
	s := v.det().Speculation
	return pct(float64(s.Accepted) / float64(s.Drafted))
}

// draftGain are ratios of a scenario with drafts over its twin without, one a pass.
type draftGain struct{ ratios []float64 }

// Speeds of a pass, the higher the faster.
var (
	tpotSpeed   = func(s *result.Summary, _ *result.Detail) float64 { return 1 / val(s.TPOTMeanMs) }
	outputSpeed = func(s *result.Summary, _ *result.Detail) float64 { return val(s.OutputThroughput) }
	// Tokens per second that a sequence gets of steps of decoding alone.
	decodingSpeed = func(_ *result.Summary, d *result.Detail) float64 {
		if d.Speculation == nil {
			return d.Mix.Decode.Sum.Decode / d.Mix.Decode.SeenSeconds
		}
		return float64(d.Speculation.Decode.Tokens) / d.Speculation.Decode.SeenS
	}
)

// drafts compares a scenario with its twin without drafts, which stands right behind
// it; no ratios where it has none, or a figure is missing. See withDrafts.
func (v view) drafts(speed func(*result.Summary, *result.Detail) float64) (g draftGain) {
	if v.i+1 == len(v.run.Results) {
		return g
	}
	twin := v.at(v.i + 1)
	if twin.res().Name != v.res().Name+" plain" || twin.bad() || v.bad() {
		return g
	}
	with, plain := v.det().Passes, twin.det().Passes
	if len(with) == 0 {
		with, plain = []result.Pass{{Result: *v.res(), Detail: *v.det()}}, []result.Pass{{Result: *twin.res(), Detail: *twin.det()}}
	}
	for n := range with {
		q := speed(&with[n].Result, &with[n].Detail) / speed(&plain[n].Result, &plain[n].Detail)
		if !(q > 0) {
			return draftGain{}
		}
		g.ratios = append(g.ratios, q)
	}
	return g
}

// studentT are the 0.975 quantiles of Student's t by degrees of freedom, from a table.
var studentT = map[int]float64{1: 12.7062047, 2: 4.3026527, 3: 3.1824463}

// figures are the geometric mean and the ends of its interval; of one pass that alone.
func (g draftGain) figures() []float64 {
	sum, squares, n := 0.0, 0.0, float64(len(g.ratios))
	for _, q := range g.ratios {
		sum += math.Log(q)
	}
	for _, q := range g.ratios {
		squares += math.Pow(math.Log(q)-sum/n, 2)
	}
	mean := math.Exp(sum / n)
	if n < 2 {
		return []float64{mean}
	}
	e := math.Exp(studentT[len(g.ratios)-1] * math.Sqrt(squares/(n-1)/n))
	return []float64{mean, mean / e, mean * e}
}

// verdict is 1 for faster, −1 for slower, 0 for neither.
func (g draftGain) verdict() int {
	f := g.figures()
	lo, hi := f[0]/1.05, f[0]*1.05
	if len(f) > 1 {
		lo, hi = f[1], f[2]
	}
	switch {
	case lo > 1 || len(f) == 1 && lo == 1:
		return 1
	case hi < 1:
		return -1
	}
	return 0
}
