package report

import (
	"math"
	"slices"

	"ceiling/bench/result"
)

// measured are the scenarios with figures.
func (v view) measured() []view {
	var out []view
	for i := range v.run.Results {
		if s := v.at(i); !s.bad() {
			out = append(out, s)
		}
	}
	return out
}

// sweep are the measured points of the scaling series.
func (v view) sweep() []view {
	var out []view
	for _, i := range v.run.Series() {
		if s := v.at(i); !s.bad() {
			out = append(out, s)
		}
	}
	return out
}

// candidates are the sweep's points that can be the sweet spot, with the lowest
// p99 TTFT and p99 TPOT of them.
func (v view) candidates() (points []view, ttft, tpot float64) {
	ttft, tpot = math.Inf(1), math.Inf(1)
	for _, s := range v.sweep() {
		if r := s.res(); positive(r.TTFTP99Ms, r.TPOTP99Ms, r.OutputThroughput) {
			points = append(points, s)
			ttft, tpot = min(ttft, *r.TTFTP99Ms), min(tpot, *r.TPOTP99Ms)
		}
	}
	return points, ttft, tpot
}

// sweet is the sweet spot, with i = -1 for none.
func (v view) sweet() view {
	points, ttft, tpot := v.candidates()
	best := v.at(-1)
	if v.run.SLO != nil {
		for _, s := range points {
			if v.keeps(s) && (best.i < 0 || *s.res().OutputThroughput > *best.res().OutputThroughput) {
				best = s
			}
		}
		return best
	}
	for _, s := range points {
		if *s.res().TTFTP99Ms <= 2*ttft && *s.res().TPOTP99Ms <= 2*tpot && (best.i < 0 || s.perUser() > best.perUser()) {
			best = s
		}
	}
	return best
}

// keeps says whether a point keeps the user's limits.
func (v view) keeps(s view) bool {
	slo := v.run.SLO
	return (slo.TTFTMs == 0 || *s.res().TTFTP99Ms <= slo.TTFTMs) && (slo.TPOTMs == 0 || *s.res().TPOTP99Ms <= slo.TPOTMs)
}

// limits are the figures of the user's limits.
func (v view) limits() []float64 {
	var out []float64
	if v.run.SLO == nil {
		return nil
	}
	for _, ms := range []float64{v.run.SLO.TTFTMs, v.run.SLO.TPOTMs} {
		if ms > 0 {
			out = append(out, ms)
		}
	}
	return out
}

// top is the sweep's point with the highest output, with i = -1 for none.
func (v view) top() view {
	best := v.at(-1)
	for _, s := range v.sweep() {
		if positive(s.res().OutputThroughput) && (best.i < 0 || *s.res().OutputThroughput > *best.res().OutputThroughput) {
			best = s
		}
	}
	return best
}

// figuresOver are a point's output, p99 TTFT and TPOT against another's.
func figuresOver(p, s view) []float64 {
	return []float64{val(p.res().OutputThroughput) / val(s.res().OutputThroughput),
		val(p.res().TTFTP99Ms) / val(s.res().TTFTP99Ms), val(p.res().TPOTP99Ms) / val(s.res().TPOTP99Ms)}
}

// most is the measured scenario with the highest figure.
func (v view) most(of func(view) float64) view {
	best := v.at(-1)
	for _, s := range v.measured() {
		if f := of(s); f > 0 && (best.i < 0 || f > of(best)) {
			best = s
		}
	}
	return best
}

func planned(v view) int { return max(len(v.run.Results), len(v.run.Planned)) }

func (v view) fastest() view {
	return v.most(func(s view) float64 { return 1 / val(s.res().TPOTMeanMs) })
}

// last is the highest measured point of the sweep.
func (v view) last() view {
	sweep := v.sweep()
	return sweep[len(sweep)-1]
}

func (v view) promptLengths() (lo, hi int) {
	var all []int
	for _, s := range v.measured() {
		all = append(all, s.res().InputLen)
	}
	return slices.Min(all), slices.Max(all)
}

func (v view) passes() int {
	most := 0
	for _, d := range v.run.Details {
		most = max(most, d.Repeat)
	}
	return most
}

// caches are the states of the prompt cache in the measured scenarios, "" for
// one that the results do not tell.
func (v view) caches() map[string]bool {
	states := map[string]bool{}
	for _, s := range v.measured() {
		switch d := s.det(); {
		case d == nil:
			states[""] = true
		case d.ReusedTokens > 0:
			states[result.CacheWarm] = true
		default:
			states[d.Cache] = true
		}
	}
	return states
}
