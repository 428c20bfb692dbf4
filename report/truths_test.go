package report

import (
	"math"
	"slices"
	"strconv"

	"ceiling/bench"
)

// truths are the predicates by key.
var truths = map[string]truth{
	// Notices.
	"failed": func(v view) (bool, []float64) {
		r := v.res()
		return r.FailedRequests > 0, []float64{r.FailedRequests, r.FailedRequests + r.SuccessfulRequests, r.SuccessfulRequests}
	},
	"partial": func(v view) (bool, []float64) {
		return v.det().Status == bench.StatusPartial, []float64{v.res().SuccessfulRequests, n(v.res().NumPrompts)}
	},
	"cache": func(v view) (bool, []float64) {
		if part := float64(v.det().ReusedTokens) / v.res().TotalInputTokens; part <= 1 {
			return part > 0, []float64{pct(part)}
		}
		return v.det().ReusedTokens > 0, nil
	},
	"burst": func(v view) (bool, []float64) {
		return v.burst(), []float64{n(v.res().NumPrompts), n(v.res().Concurrency)}
	},

	// TTFT.
	"ttft.missing": func(v view) (bool, []float64) {
		r := v.res()
		return !positive(r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms), nil
	},
	"ttft.unequal":      unequal(func(d *bench.Detail) bool { return d == nil }),
	"ttft.unequal.warm": unequal(func(d *bench.Detail) bool { return d != nil && d.ReusedTokens > 0 }),
	"ttft.unequal.cold": unequal(func(d *bench.Detail) bool { return d != nil && d.ReusedTokens == 0 }),
	"ttft.skewed":       onTTFT(func(mean, median, _ float64) bool { return mean/median >= 1.25 }, threeTTFT),
	"ttft.early":        onTTFT(func(mean, median, _ float64) bool { return median/mean >= 1.10 }, threeTTFT),
	"ttft.tail":         onTTFT(func(mean, _, p99 float64) bool { return p99/mean >= 2 }, tailTTFT),
	"ttft.steady":       onTTFT(func(mean, _, p99 float64) bool { return p99/mean <= 1.10 }, twoTTFT),
	"ttft.spread":       onTTFT(func(mean, _, p99 float64) bool { return p99/mean > 1.10 && p99/mean < 2 }, tailTTFT),

	// TPOT and ITL.
	"tpot.missing": func(v view) (bool, []float64) { return !positive(v.res().TPOTMeanMs, v.res().TPOTP99Ms), nil },
	"tpot.even":    onTPOT(func(tail float64) bool { return tail <= 1.05 }, false),
	"tpot.unequal": onTPOT(func(tail float64) bool { return tail >= 1.5 }, true),
	"tpot.spread":  onTPOT(func(tail float64) bool { return tail > 1.05 && tail < 1.5 }, true),
	"itl.missing":  func(v view) (bool, []float64) { return !positive(v.res().ITLMedianMs, v.res().ITLP99Ms), nil },
	"itl.bundled": func(v view) (bool, []float64) {
		return v.bundles(), []float64{val(v.res().ITLMeanMs) / val(v.res().TPOTMeanMs)}
	},
	"itl.steady":        onITL(func(_ view, reach float64) bool { return reach <= 1.5 }),
	"itl.spread":        onITL(func(_ view, reach float64) bool { return reach > 1.5 && reach < 3 }),
	"itl.pauses":        onITL(func(v view, reach float64) bool { return reach >= 3 && !v.alone() }, 1, 100),
	"itl.pauses.single": onITL(func(v view, reach float64) bool { return reach >= 3 && v.alone() }, 1, 100),
	"itl.pauses.shared": onITL(func(v view, reach float64) bool { return reach >= 3 && v.res().Concurrency > 1 && !v.burst() }, 1, 100),
	"pauses": func(v view) (bool, []float64) {
		q := val(v.res().ITLMedianMs) / val(v.res().ITLMeanMs)
		return q <= 0.75 && !v.bundles(), []float64{pct(1 - q)}
	},

	// Output.
	"output.missing": func(v view) (bool, []float64) { return v.res().OutputThroughput == nil, nil },
	"output.single": func(v view) (bool, []float64) {
		r := v.res()
		return v.alone() && *r.OutputThroughput/val(r.TGSpeed) <= 1, []float64{*r.OutputThroughput, val(r.TGSpeed)}
	},
	"output.short": func(v view) (bool, []float64) {
		return val(v.res().DurationS) < 3, []float64{*v.res().OutputThroughput, *v.res().DurationS}
	},
	"output.mean": func(v view) (bool, []float64) {
		return !(v.best()/val(v.res().OutputThroughput) >= 1), []float64{*v.res().OutputThroughput}
	},
	"output.full": func(v view) (bool, []float64) {
		r := v.res()
		full := 1000 * n(r.Concurrency) / *r.ITLMedianMs
		near := v.best() / full
		return r.Concurrency > 1 && *r.OutputThroughput <= full && near <= 1.1 && near >= 1/1.1 && v.best()/(*r.OutputThroughput) >= 1.5,
			[]float64{*r.OutputThroughput, pct(*r.OutputThroughput / full), n(r.Concurrency), v.best()}
	},
	"output.uneven": onSwing(func(swing float64) bool { return swing >= 1.5 }),
	"output.even":   onSwing(func(swing float64) bool { return swing >= 1 && swing <= 1.15 }),
	"output.spread": onSwing(func(swing float64) bool { return swing > 1.15 && swing < 1.5 }),
	"idle": func(v view) (bool, []float64) {
		r := v.res()
		used := r.SuccessfulRequests * v.whole() / 1000 / *r.DurationS
		return r.FailedRequests == 0 && !v.open() && used > 0 && used <= 0.85*n(r.Concurrency), []float64{used, n(r.Concurrency)}
	},
	"sharing":    onSingle(sharingHolds, sharingFigures),
	"step.first": onWork(func(v view) bool { return v.inSweep() && v.below().i < 0 }, onSingle(sharingHolds, sharingFigures)),

	// Another shape.
	"shape.slower": onPeer(func(q float64) bool { return q >= 1.1 }, peerRatio),
	"shape.faster": onPeer(func(q float64) bool { return q <= 1/1.1 }, peerRatio),
	"shape.same": onPeer(func(q float64) bool { return q < 1.1 && q > 1/1.1 }, func(v, o view) []float64 {
		return []float64{10, ms(v.res().TPOTMeanMs), ms(o.res().TPOTMeanMs)}
	}),

	// The sweep.
	"step.loss": onStep(func(gain, _ float64) bool { return gain < 1 }, func(_, _ float64) []float64 { return nil }),
	"step.flat": onStep(func(gain, _ float64) bool { return gain >= 1 && gain < 1.05 }, func(_, more float64) []float64 { return []float64{more} }),
	"step.gain": onStep(func(gain, _ float64) bool { return gain >= 1.05 }, func(gain, more float64) []float64 {
		return []float64{math.RoundToEven(100 * gain / more)}
	}),
	"role.sweet": func(v view) (bool, []float64) {
		return v.sweet() == v, []float64{n(v.res().Concurrency), v.perUser(), 2}
	},
	"role.both": onRole(true, true),
	"role.ttft": onRole(true, false),
	"role.tpot": onRole(false, true),
	"role.within": func(v view) (bool, []float64) {
		holds, _ := onRole(false, false)(v)
		s := v.sweet()
		return holds && s != v && v.perUser() <= s.perUser(), []float64{2, v.perUser(), s.perUser(), n(s.res().Concurrency)}
	},
	"peak": func(v view) (bool, []float64) {
		return v.top() == v, []float64{n(v.res().Concurrency), *v.res().OutputThroughput}
	},

	// The work.
	"split": func(v view) (bool, []float64) {
		part := *v.res().TTFTMeanMs / v.whole()
		return part >= 0 && part <= 1, []float64{msFigure(v.whole()), pct(part), pct(1 - part)}
	},
	"prefill.wait": func(v view) (bool, []float64) {
		figures := []float64{pct(v.waited()), pct(1 - v.waited())}
		if rate := v.det().EnginePrefill; rate != nil {
			figures = append(figures, *rate)
		}
		return v.res().Concurrency > 1 && v.waited() >= 0, figures
	},
	"prefill.cached": onSingle(func(v, s view) bool { return v.det() == nil && alike(v, s) && implied(v)/implied(s) >= 1.5 }, impliedFigures),
	"prefill.shared": onSingle(func(v, s view) bool { return alike(v, s) && 1/(implied(v)/implied(s)) >= 1.5 }, impliedFigures),
	"prefill.worth": func(v view) (bool, []float64) {
		return v.res().Concurrency == 1, []float64{n(v.res().InputLen), math.Round(*v.res().TTFTMeanMs / *v.res().TPOTMeanMs)}
	},
	"lengths.beyond": lengths(func(reach, longest float64) bool { return reach > longest*longest }),
	"lengths.part":   lengths(func(reach, longest float64) bool { return reach <= longest*longest }),

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
		return len(points) > 0 && v.sweet().i < 0, []float64{2}
	},
	"sweet": func(v view) (bool, []float64) {
		s := v.sweet()
		_, ttft, tpot := v.candidates()
		r := s.res()
		return *r.TTFTP99Ms <= 2*ttft && *r.TPOTP99Ms <= 2*tpot, []float64{n(r.Concurrency), s.perUser(), ms(r.TTFTP99Ms), ms(r.TPOTP99Ms), 2}
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
	"use": func(v view) (bool, []float64) {
		s := v.sweet()
		return s.i >= 0, []float64{n(s.res().Concurrency), oneDecimal(s.perUser())}
	},
	"rerun": func(v view) (bool, []float64) {
		cut := slices.ContainsFunc(v.measured(), func(s view) bool { return s.det() != nil && s.det().Status == bench.StatusPartial })
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
		return next.i >= 0, append(figuresOver(next, s)[1:], n(s.res().Concurrency), n(next.res().Concurrency), next.perUser(), s.perUser())
	},
	"batch.sweet": func(v view) (bool, []float64) {
		return v.top() == v.sweet(), []float64{n(v.top().res().Concurrency), *v.top().res().OutputThroughput}
	},
	"batch.peak": func(v view) (bool, []float64) {
		return v.top() != v.sweet(), append(figuresOver(v.top(), v.sweet()), n(v.top().res().Concurrency))
	},
	"stop.peak": func(v view) (bool, []float64) {
		top, last := v.top(), v.last()
		q := val(last.res().OutputThroughput) / *top.res().OutputThroughput
		return top.res().Concurrency < last.res().Concurrency && q <= 1, append(diff(q), n(top.res().Concurrency), n(last.res().Concurrency))
	},
	"stop.flat":   onLast(func(gain float64) bool { return gain < 1.1 }),
	"stop.rising": onLast(func(gain float64) bool { return gain >= 1.1 }),
	"alert": func(v view) (bool, []float64) {
		_, ttft, tpot := v.candidates()
		return v.sweet().i >= 0, []float64{2, msFigure(2 * ttft), msFigure(2 * tpot), n(v.sweet().res().InputLen)}
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
		return q >= 2 && long.res().InputLen > o.res().InputLen, []float64{n(long.res().InputLen), n(long.res().Concurrency), q, n(o.res().InputLen)}
	},
	"stutter": func(v view) (bool, []float64) {
		reach := func(s view) float64 {
			if s.bundles() {
				return nan
			}
			return val(s.res().ITLP99Ms) / val(s.res().ITLMedianMs)
		}
		return reach(v.most(reach)) >= 3, []float64{reach(v.most(reach))}
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
	"cache.warm":    func(v view) (bool, []float64) { return v.caches()[bench.CacheWarm], nil },
	"cache.cold": func(v view) (bool, []float64) {
		c := v.caches()
		return len(c) == 1 && c[bench.CacheCold], nil
	},
	"cache.unknown": func(v view) (bool, []float64) { return v.caches()[""] && !v.caches()[bench.CacheWarm], nil },
	"compare":       always,
	"quality":       always,
}

func oneDecimal(f float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 1, 64), 64)
	return v
}

// lengths is on prompts of varying length.
func lengths(holds func(reach, longest float64) bool) truth {
	return func(v view) (bool, []float64) {
		reach, longest := *v.res().TTFTP99Ms / *v.res().TTFTMedianMs, 1+v.ranged()
		return longest > 1 && holds(reach, longest), []float64{longest, reach}
	}
}

func (v view) fastest() view {
	return v.most(func(s view) float64 { return 1 / val(s.res().TPOTMeanMs) })
}

// last is the highest measured point of the sweep.
func (v view) last() view {
	sweep := v.sweep()
	return sweep[len(sweep)-1]
}

// onLast is on the last step of a sweep that peaks at its end.
func onLast(holds func(gain float64) bool) truth {
	return func(v view) (bool, []float64) {
		last := v.last()
		p := last.below()
		gain := *last.res().OutputThroughput / *p.res().OutputThroughput
		c := n(last.res().Concurrency)
		return v.top() == last && holds(gain), append(diff(gain), c, c, n(p.res().Concurrency))
	}
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
			states[bench.CacheWarm] = true
		default:
			states[d.Cache] = true
		}
	}
	return states
}
