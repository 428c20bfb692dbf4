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

// draftsPaid is how many times as fast as its twin without drafts, which stands right
// behind it, a scenario decodes; NaN where it has none. See withDrafts.
func (v view) draftsPaid() float64 {
	if v.i+1 == len(v.run.Results) {
		return nan
	}
	twin := v.at(v.i + 1)
	if twin.res().Name != v.res().Name+" plain" || twin.bad() || v.bad() || twin.det().Mix == nil || v.det().Speculation.Decode.Drafted == 0 {
		return nan
	}
	return val(twin.res().TPOTMeanMs) / val(v.res().TPOTMeanMs)
}
