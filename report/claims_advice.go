package report

import (
	"math"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/report/prose"
)

// Recommendations: first those that follow from the sweep, then those on how
// far this run carries.

var adviceRules = []func(*runAnalysis) []prose.Claim{
	adviseUse, adviseRerun, adviseAgain, adviseCap, adviseBatch, adviseStop, adviseAlert, adviseLong, adviseStutter,
	adviseSample, adviseShape, adviseRepeat, adviseCache, adviseCompare, adviseQuality,
}

// adviseUse names the sweet spot in the reference's words.
func adviseUse(x *runAnalysis) []prose.Claim {
	switch {
	case !holds(x.points...):
		return nil
	case x.sweet == nil && x.results.SLO != nil && x.candidates():
		return required(claim("use.none", prose.Worse, say("measure lower concurrency or shorter prompts, or allow more: nothing measured keeps %s", limitsText(x.results.SLO))))
	case x.sweet == nil:
		return nil
	}
	return required(claim("use", prose.Better, "Use "+SweetSpotText(x.results)+" for interactive UX"))
}

// adviseRerun names what has no figures.
func adviseRerun(x *runAnalysis) []prose.Claim {
	names := x.incomplete()
	if len(names) == 0 {
		return nil
	}
	return required(claim("rerun", prose.Worse, "complete the run before deciding; figures are missing or partial of: "+strings.Join(names, ", ")))
}

// adviseCap says what the next point above the sweet spot costs a user.
func adviseCap(x *runAnalysis) []prose.Claim {
	n := x.next
	if n == nil || !holds(x.points...) {
		return nil
	}
	_, ttft, tpot := over(n, x.sweet)
	return claim("cap", prose.Neutral,
		say("cap interactive traffic at %s in flight: at c=%d one user gets %s instead of %s, with %s the p99 TTFT and %s the p99 TPOT",
			figure.Count(x.sweet.Concurrency, "request"), n.Concurrency, n.perUserOut, x.sweet.perUserOut, ttft, tpot))
}

// adviseBatch puts the peak to use, apart from interactive traffic.
func adviseBatch(x *runAnalysis) []prose.Claim {
	p, s := x.peak, x.sweet
	switch {
	case p == nil || s == nil || !holds(x.points...):
		return nil
	case p == s:
		return claim("batch.sweet", prose.Neutral, say("run batch work at the sweet spot: c=%d has the highest output of the sweep (%s)", p.Concurrency, p.out))
	default:
		gain, ttft, tpot := over(p, s)
		return claim("batch.peak", prose.Neutral,
			say("run batch work apart from interactive traffic, at c=%d: %s the sweet spot's output, at %s its p99 TTFT and %s its p99 TPOT", p.Concurrency, gain, ttft, tpot))
	}
}

// adviseStop says where more concurrency ends to pay.
func adviseStop(x *runAnalysis) []prose.Claim {
	if x.peak == nil || len(x.points) < 2 || !holds(x.points...) {
		return nil
	}
	last := x.points[len(x.points)-1]
	if last != x.peak {
		q := ratio(last.out, x.peak.out)
		if math.IsNaN(q) {
			return nil
		}
		return claim("stop.peak", prose.Neutral, say("do not go beyond c=%d for throughput: c=%d delivers %s that", x.peak.Concurrency, last.Concurrency, moreThan(q)))
	}
	p := last.previous
	q := ratio(last.out, p.out)
	switch text := say("c=%d delivers %s c=%d", last.Concurrency, moreThan(q), p.Concurrency); {
	case math.IsNaN(q):
		return nil
	case q < sameAs:
		return claim("stop.flat", prose.Neutral, say("do not go beyond c=%d for throughput: %s", last.Concurrency, text))
	default:
		return claim("stop.rising", prose.Neutral, say("measure beyond c=%d if throughput matters: output is still rising, %s", last.Concurrency, text))
	}
}

// adviseAlert turns the sweet spot's limits into alerts.
func adviseAlert(x *runAnalysis) []prose.Claim {
	if x.sweet == nil || !holds(x.points...) {
		return nil
	}
	if x.results.SLO != nil {
		return claim("alert.limits", prose.Neutral, say("alert when these limits are exceeded, for prompts of %s: %s",
			figure.Count(x.sweet.InputLen, "token"), limitsText(x.results.SLO)))
	}
	ttft, tpot := longTail*x.sweet.role.bestTTFT.value, longTail*x.sweet.role.bestTPOT.value
	return claim("alert", prose.Neutral,
		say("alert on p99 TTFT above %s or p99 TPOT above %s for prompts of %s: 2× the best of this run",
			milliseconds(&ttft), milliseconds(&tpot), figure.Count(x.sweet.InputLen, "token")))
}

// adviseLong keeps long prompts apart, where they were measured to be slow.
func adviseLong(x *runAnalysis) []prose.Claim {
	long := x.longest
	if long == nil || long.sameConcurrency == nil || long.InputLen <= long.sameConcurrency.InputLen || long.sameConcurrency.InputLen <= 0 || !holds(long, long.sameConcurrency) {
		return nil
	}
	o := long.sameConcurrency
	q := ratio(long.ttft.mean, o.ttft.mean)
	if !(q >= longTail) {
		return nil
	}
	return claim("long", prose.Neutral,
		say("route prompts of about %s tokens separately: at c=%d their mean TTFT is %s that of %s-token prompts",
			count(long.InputLen), long.Concurrency, times(q), count(o.InputLen)))
}

// adviseStutter names the load whose streams pause the most.
func adviseStutter(x *runAnalysis) []prose.Claim {
	if x.uneven == nil || !holds(x.uneven) {
		return nil
	}
	return claim("stutter", prose.Neutral, say("watch p99 ITL where text has to stream smoothly: in %s it is %s the median gap", x.uneven.label, unevenness(x.uneven)))
}

// adviseSample asks for more prompts where p99 can't rest on those there are.
func adviseSample(x *runAnalysis) []prose.Claim {
	n := x.leastRequests()
	if n == 0 || n >= carriesP99 {
		return nil
	}
	return claim("sample", prose.Neutral, say("promise no p99 from this run alone: the smallest sample has %s, a p99 needs %d", figure.Count(n, "request"), carriesP99))
}

// adviseShape names the range of lengths that the figures cover.
func adviseShape(x *runAnalysis) []prose.Claim {
	lo, hi := 0, 0
	for i, a := range x.measured() {
		if i == 0 {
			lo, hi = a.InputLen, a.InputLen
		}
		lo, hi = min(lo, a.InputLen), max(hi, a.InputLen)
	}
	const advice = "measure your own prompt lengths before sizing a service: "
	switch {
	case len(x.measured()) == 0:
		return nil
	case lo == hi:
		return claim("shape.one", prose.Neutral, say(advice+"this run covers %s input tokens only", count(lo)))
	default:
		return claim("shape.range", prose.Neutral, say(advice+"this run covers %s to %s input tokens", count(lo), count(hi)))
	}
}

// adviseRepeat tells what one run can't show.
func adviseRepeat(x *runAnalysis) []prose.Claim {
	if repeated(x.results) {
		return claim("repeat.passes", prose.Neutral, "compare small differences with the spread over the passes (Repeats) before acting on them")
	}
	return claim("repeat.once", prose.Neutral, "repeat the run before acting on small differences: one run does not show its spread")
}

// adviseCache says what TTFT holds for.
func adviseCache(x *runAnalysis) []prose.Claim {
	switch cold, warm := x.cache(); {
	case warm:
		return claim("cache.warm", prose.Neutral, "measure with a cold cache before comparing TTFT with cold runs: this run may have reused prompt tokens")
	case cold:
		return claim("cache.cold", prose.Neutral, "expect a lower TTFT where prompts share a cached prefix: this run was "+result.CacheCold)
	default:
		return claim("cache.unknown", prose.Neutral, "find out whether a prefix cache was on before comparing TTFT: the results do not say")
	}
}

// adviseCompare says what a comparison has to keep equal.
func adviseCompare(*runAnalysis) []prose.Claim {
	return claim("compare", prose.Neutral, "compare this run only with runs of the same scenarios, model file and cache state")
}

// adviseQuality names what was not measured.
func adviseQuality(*runAnalysis) []prose.Claim {
	return filler(claim("quality", prose.Neutral, "check the quality of the answers separately: speed says nothing about it"))
}
