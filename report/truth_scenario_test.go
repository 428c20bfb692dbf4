package report

import (
	"math"

	"ceiling/bench/result"
)

// scenarioTruths are the predicates on claims of one scenario, by key.
var scenarioTruths = map[string]truth{
	// Notices.
	"failed": func(v view) (bool, []float64) {
		r := v.res()
		return r.FailedRequests > 0, []float64{r.FailedRequests, r.FailedRequests + r.SuccessfulRequests, r.SuccessfulRequests}
	},
	"doubt": func(v view) (bool, []float64) {
		// The findings' own figures, each in its words.
		if v.reliable() {
			return false, nil
		}
		var figures []float64
		for _, f := range v.det().Verdict.Findings {
			if f.State == v.det().Verdict.State {
				figures = append(figures, figuresIn(f.Text, nil)...)
			}
		}
		return true, figures
	},
	"partial": func(v view) (bool, []float64) {
		return v.det().Status == result.StatusPartial, []float64{v.res().SuccessfulRequests, n(v.res().NumPrompts)}
	},
	"cache": func(v view) (bool, []float64) {
		if part := float64(v.det().ReusedTokens) / v.res().TotalInputTokens; part <= 1 {
			return part > 0, []float64{pct(part)}
		}
		return v.det().ReusedTokens > 0, nil
	},
	"synthetic": func(v view) (bool, []float64) { return v.det().Speculation.Synthetic, nil },
	"drafts.none": func(v view) (bool, []float64) {
		return v.det().Speculation.Drafted == 0, nil
	},
	"drafts.accepted": func(v view) (bool, []float64) {
		s := v.det().Speculation
		return len(v.drafts(tpotSpeed).ratios) == 0, []float64{pct(float64(s.Accepted) / float64(s.Drafted)), 1 + float64(s.Accepted)/float64(s.Verifications)}
	},
	"drafts.faster": func(v view) (bool, []float64) {
		g := v.drafts(tpotSpeed)
		return g.verdict() > 0, append(g.figures(), v.accepted())
	},
	"drafts.slower": func(v view) (bool, []float64) {
		g := v.drafts(tpotSpeed)
		return g.verdict() < 0, append(g.figures(), v.accepted())
	},
	"drafts.same": func(v view) (bool, []float64) {
		g := v.drafts(tpotSpeed)
		return g.verdict() == 0, append(g.figures(), v.accepted())
	},
	"alone": func(v view) (bool, []float64) {
		g := v.drafts(decodingSpeed)
		return g.verdict() > 0 && v.drafts(tpotSpeed).verdict() <= 0, g.figures()
	},
	"gain.more": func(v view) (bool, []float64) {
		g := v.drafts(outputSpeed)
		return g.verdict() > 0, g.figures()
	},
	"gain.less": func(v view) (bool, []float64) {
		g := v.drafts(outputSpeed)
		return g.verdict() < 0, g.figures()
	},
	"gain.same": func(v view) (bool, []float64) {
		g := v.drafts(outputSpeed)
		return g.verdict() == 0, g.figures()
	},
	"burst": func(v view) (bool, []float64) {
		return v.burst(), []float64{n(v.res().NumPrompts), n(v.res().Concurrency)}
	},

	// TTFT.
	"ttft.missing": func(v view) (bool, []float64) {
		r := v.res()
		return !positive(r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms), nil
	},
	"ttft.unequal":       unequal(func(d *result.Detail) bool { return d == nil }),
	"ttft.unequal.warm":  onWork(view.reliable, unequal(func(d *result.Detail) bool { return d != nil && d.ReusedTokens > 0 })),
	"ttft.unequal.cold":  onWork(view.reliable, unequal(func(d *result.Detail) bool { return d != nil && d.ReusedTokens == 0 })),
	"ttft.unequal.doubt": onWork(func(v view) bool { return !v.reliable() }, unequal(func(*result.Detail) bool { return true })),
	"ttft.skewed":        onTTFT(func(mean, median, _ float64) bool { return mean/median >= 1.25 }, threeTTFT),
	"ttft.early":         onTTFT(func(mean, median, _ float64) bool { return median/mean >= 1.10 }, threeTTFT),
	"ttft.tail":          onTTFT(func(mean, _, p99 float64) bool { return p99/mean >= 2 }, tailTTFT),
	"ttft.steady":        onTTFT(func(mean, _, p99 float64) bool { return p99/mean <= 1.10 }, twoTTFT),
	"ttft.spread":        onTTFT(func(mean, _, p99 float64) bool { return p99/mean > 1.10 && p99/mean < 2 }, tailTTFT),

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
	"itl.pauses.doubt":  onITL(func(v view, reach float64) bool { return reach >= 3 && !v.reliable() }, 1, 100),
	"itl.pauses":        onITL(func(v view, reach float64) bool { return reach >= 3 && !v.alone() }, 1, 100),
	"itl.pauses.single": onITL(func(v view, reach float64) bool { return reach >= 3 && v.alone() && v.reliable() }, 1, 100),
	"itl.pauses.shared": onITL(func(v view, reach float64) bool {
		return reach >= 3 && v.res().Concurrency > 1 && !v.burst() && v.reliable()
	}, 1, 100),
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
		return v.run.SLO == nil && v.sweet() == v, []float64{n(v.res().Concurrency), v.perUser(), 2}
	},
	"limits.over": func(v view) (bool, []float64) {
		var figures []float64
		r, slo := v.res(), v.run.SLO
		if slo.TTFTMs > 0 && *r.TTFTP99Ms > slo.TTFTMs {
			figures = append(figures, ms(r.TTFTP99Ms), slo.TTFTMs)
		}
		if slo.TPOTMs > 0 && *r.TPOTP99Ms > slo.TPOTMs {
			figures = append(figures, ms(r.TPOTP99Ms), slo.TPOTMs)
		}
		return !v.keeps(v) && v.sweet() != v, figures
	},
	"limits.sweet": func(v view) (bool, []float64) {
		return v.sweet() == v && v.keeps(v), append(v.limits(), n(v.res().Concurrency), *v.res().OutputThroughput)
	},
	"limits.within": func(v view) (bool, []float64) {
		s := v.sweet()
		return v.keeps(v) && s != v && *v.res().OutputThroughput <= *s.res().OutputThroughput,
			[]float64{ms(v.res().TTFTP99Ms), ms(v.res().TPOTP99Ms), n(s.res().Concurrency), *s.res().OutputThroughput, *v.res().OutputThroughput}
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
	"lengths.doubt":  onWork(func(v view) bool { return !v.reliable() }, lengths(func(float64, float64) bool { return true })),
	"lengths.beyond": lengths(func(reach, longest float64) bool { return reach > longest*longest }),
	"lengths.part":   lengths(func(reach, longest float64) bool { return reach <= longest*longest }),
}
