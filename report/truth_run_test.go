package report

import (
	"math"
	"slices"

	"ceiling/bench/result"
)

// runTruths are the predicates on the summary and the recommendations, by key.
var runTruths = map[string]truth{
	"disturbed":  onDoubts(result.StateDisturbed),
	"unreliable": onDoubts(result.StateInvalid, result.StateUnsettled, result.StateShort),

	// The summary.
	"scope.part": func(v view) (bool, []float64) {
		return len(v.measured()) < planned(v), []float64{n(len(v.measured())), n(planned(v))}
	},
	"scope.one": func(v view) (bool, []float64) { return len(v.measured()) == 1 && planned(v) == 1, nil },
	"scope.all": func(v view) (bool, []float64) {
		return len(v.measured()) == planned(v), []float64{n(planned(v))}
	},
	"sweet.none": func(v view) (bool, []float64) {
		points, _, _ := v.candidates()
		return len(v.run.Series()) > 0 && len(points) == 0, nil
	},
	"sweet.apart": func(v view) (bool, []float64) {
		points, _, _ := v.candidates()
		return v.run.SLO == nil && len(points) > 0 && v.sweet().i < 0, []float64{2}
	},
	"sweet.over": func(v view) (bool, []float64) {
		points, _, _ := v.candidates()
		return v.run.SLO != nil && len(points) > 0 && v.sweet().i < 0, v.limits()
	},
	"sweet.limits": func(v view) (bool, []float64) {
		s := v.sweet()
		if v.run.SLO == nil || s.i < 0 {
			return false, nil
		}
		r := s.res()
		return v.keeps(s), append(v.limits(), n(r.Concurrency), *r.OutputThroughput, s.perUser(), ms(r.TTFTP99Ms), ms(r.TPOTP99Ms))
	},
	"sweet": func(v view) (bool, []float64) {
		s := v.sweet()
		_, ttft, tpot := v.candidates()
		r := s.res()
		return v.run.SLO == nil && *r.TTFTP99Ms <= 2*ttft && *r.TPOTP99Ms <= 2*tpot, []float64{n(r.Concurrency), s.perUser(), ms(r.TTFTP99Ms), ms(r.TPOTP99Ms), 2}
	},
	"peak.scenario": func(v view) (bool, []float64) {
		best := v.most(func(s view) float64 { return val(s.res().OutputThroughput) })
		return v.top().i < 0, []float64{*best.res().OutputThroughput}
	},
	"peak.sweet": func(v view) (bool, []float64) {
		return v.top() == v.sweet(), []float64{*v.top().res().OutputThroughput}
	},
	"peak.sweep": func(v view) (bool, []float64) {
		return v.top().i >= 0, []float64{n(v.top().res().Concurrency), *v.top().res().OutputThroughput}
	},
	"peak.other": func(v view) (bool, []float64) {
		p, s := v.top(), v.sweet()
		return p != s, append(figuresOver(p, s), n(p.res().Concurrency), *p.res().OutputThroughput)
	},
	"fastest.missing": func(v view) (bool, []float64) { return v.fastest().i < 0, nil },
	"fastest.only": func(v view) (bool, []float64) {
		return len(v.measured()) == 1, []float64{ms(v.fastest().res().TPOTMeanMs)}
	},
	"fastest": func(v view) (bool, []float64) { return v.fastest().i >= 0, []float64{ms(v.fastest().res().TPOTMeanMs)} },
	"slowest": func(v view) (bool, []float64) {
		s := v.most(func(s view) float64 { return val(s.res().TTFTMeanMs) })
		return s.i >= 0, []float64{ms(s.res().TTFTMeanMs)}
	},

	// Recommendations.
	"again": func(v view) (bool, []float64) { return len(v.unreliable()) > 0, nil },
	"use": func(v view) (bool, []float64) {
		s := v.sweet()
		if s.i < 0 {
			return false, nil
		}
		return v.sweepReliable(), append(v.limits(), n(s.res().Concurrency), oneDecimal(s.perUser()))
	},
	"use.none": func(v view) (bool, []float64) {
		points, _, _ := v.candidates()
		return v.sweepReliable() && v.run.SLO != nil && len(points) > 0 && v.sweet().i < 0, v.limits()
	},
	"rerun": func(v view) (bool, []float64) {
		cut := slices.ContainsFunc(v.measured(), func(s view) bool { return s.det() != nil && s.det().Status == result.StatusPartial })
		return cut || len(v.measured()) < planned(v) || len(v.measured()) < len(v.run.Results), nil
	},
	"cap": func(v view) (bool, []float64) {
		s := v.sweet()
		next := v.at(-1)
		for _, p := range v.sweep() {
			if c := p.res().Concurrency; c > s.res().Concurrency && (next.i < 0 || c < next.res().Concurrency) {
				next = p
			}
		}
		return v.sweepReliable() && next.i >= 0, append(figuresOver(next, s)[1:], n(s.res().Concurrency), n(next.res().Concurrency), next.perUser(), s.perUser())
	},
	"batch.sweet": func(v view) (bool, []float64) {
		return v.sweepReliable() && v.top() == v.sweet(), []float64{n(v.top().res().Concurrency), *v.top().res().OutputThroughput}
	},
	"batch.peak": func(v view) (bool, []float64) {
		return v.sweepReliable() && v.top() != v.sweet(), append(figuresOver(v.top(), v.sweet()), n(v.top().res().Concurrency))
	},
	"stop.peak": func(v view) (bool, []float64) {
		top, last := v.top(), v.last()
		q := val(last.res().OutputThroughput) / *top.res().OutputThroughput
		return v.sweepReliable() && top.res().Concurrency < last.res().Concurrency && q <= 1, append(diff(q), n(top.res().Concurrency), n(last.res().Concurrency))
	},
	"stop.flat":   onLast(func(gain float64) bool { return gain < 1.1 }),
	"stop.rising": onLast(func(gain float64) bool { return gain >= 1.1 }),
	"alert": func(v view) (bool, []float64) {
		_, ttft, tpot := v.candidates()
		return v.sweepReliable() && v.run.SLO == nil && v.sweet().i >= 0, []float64{2, msFigure(2 * ttft), msFigure(2 * tpot), n(v.sweet().res().InputLen)}
	},
	"alert.limits": func(v view) (bool, []float64) {
		return v.sweepReliable() && v.run.SLO != nil && v.sweet().i >= 0, append(v.limits(), n(v.sweet().res().InputLen))
	},
	"long": func(v view) (bool, []float64) {
		long := v.most(func(s view) float64 {
			if s.res().Concurrency < 2 || s.res().TTFTMeanMs == nil {
				return nan
			}
			return n(s.res().InputLen)
		})
		o := long.peer()
		q := *long.res().TTFTMeanMs / *o.res().TTFTMeanMs
		return long.reliable() && o.reliable() && q >= 2 && long.res().InputLen > o.res().InputLen, []float64{n(long.res().InputLen), n(long.res().Concurrency), q, n(o.res().InputLen)}
	},
	"stutter": func(v view) (bool, []float64) {
		reach := func(s view) float64 {
			if s.bundles() {
				return nan
			}
			return val(s.res().ITLP99Ms) / val(s.res().ITLMedianMs)
		}
		return v.most(reach).reliable() && reach(v.most(reach)) >= 3, []float64{reach(v.most(reach))}
	},
	"sample": func(v view) (bool, []float64) {
		least := math.Inf(1)
		for _, s := range v.measured() {
			count := s.res().SuccessfulRequests
			if d := s.det(); d != nil && d.TTFT != nil {
				count = n(d.TTFT.Count)
			}
			if count > 0 {
				least = min(least, count)
			}
		}
		return least < 100, []float64{least, 100}
	},
	"shape.one": func(v view) (bool, []float64) {
		lo, hi := v.promptLengths()
		return lo == hi, []float64{n(lo)}
	},
	"shape.range": func(v view) (bool, []float64) {
		lo, hi := v.promptLengths()
		return lo < hi, []float64{n(lo), n(hi)}
	},
	"repeat.passes": func(v view) (bool, []float64) { return v.passes() > 1, nil },
	"repeat.once":   func(v view) (bool, []float64) { return v.passes() <= 1, nil },
	"cache.warm":    func(v view) (bool, []float64) { return v.caches()[result.CacheWarm], nil },
	"cache.cold": func(v view) (bool, []float64) {
		c := v.caches()
		return len(c) == 1 && c[result.CacheCold], nil
	},
	"cache.unknown": func(v view) (bool, []float64) { return v.caches()[""] && !v.caches()[result.CacheWarm], nil },
	"compare":       always,
	"quality":       always,
}
