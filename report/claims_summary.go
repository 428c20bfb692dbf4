package report

import (
	"ceiling/internal/oneline"
	"ceiling/report/prose"
)

// Claims of the Executive Summary.

var summaryRules = []func(*runAnalysis) []prose.Claim{
	claimScope, claimVerdict, claimSweetSpot, claimRunPeak, claimFastest, claimSlowest,
}

// claimScope says what was measured and how much of it.
func claimScope(x *runAnalysis) []prose.Claim {
	subject := oneline.Of(x.results.Model)
	if subject == "" {
		subject = "a model that the results do not name"
	}
	if syntheticWeights(x.results) {
		subject += " with synthetic weights (speeds are real, the text is random)"
	}
	if hw := oneline.Of(x.results.Hardware); hw != "" {
		subject += " on " + hw
	}
	n, planned := len(x.measured()), x.planned()
	switch {
	case n < planned:
		return required(claim("scope.part", prose.Worse, say("this report measures %s in %s of %s planned scenarios", subject, count(n), count(planned))))
	case n == 1:
		return required(claim("scope.one", prose.Neutral, say("this report measures %s in one scenario", subject)))
	default:
		return required(claim("scope.all", prose.Neutral, say("this report measures %s in %s scenarios", subject, count(n))))
	}
}

// claimSweetSpot names the run's own. "Interactive" is relative to its best.
func claimSweetSpot(x *runAnalysis) []prose.Claim {
	s := x.sweet
	switch {
	case !x.sweep:
		return nil
	case s == nil && x.candidates() && x.results.SLO != nil:
		return required(claim("sweet.over", prose.Worse, say("no concurrency of the sweep keeps %s", limitsText(x.results.SLO))))
	case s != nil && x.results.SLO != nil:
		return required(claim("sweet.limits", prose.Better,
			say("the sweet spot is c=%d: the highest output (%s) with %s, set by the user; one user gets %s, with p99 TTFT %s and p99 TPOT %s",
				s.Concurrency, s.out, limitsText(x.results.SLO), s.perUserOut, s.ttft.p99, s.tpot.p99)))
	case s == nil && x.candidates():
		return required(claim("sweet.apart", prose.Worse,
			"there is no interactive sweet spot: p99 TTFT and TPOT are nowhere both within 2× the best of this run"))
	case s == nil:
		return required(claim("sweet.none", prose.Worse,
			"there is no interactive sweet spot: no point of the concurrency sweep has p99 TTFT, p99 TPOT and output throughput"))
	default:
		return required(claim("sweet", prose.Better,
			say("the interactive sweet spot is c=%d: %s per user, with p99 TTFT %s and p99 TPOT %s, both within 2× the best of this run",
				s.Concurrency, s.perUserOut, s.ttft.p99, s.tpot.p99)))
	}
}

// claimRunPeak compares the peak with the sweet spot.
func claimRunPeak(x *runAnalysis) []prose.Claim {
	p, s := x.peak, x.sweet
	switch {
	case p == nil && x.busiest == nil:
		return nil
	case p == nil:
		return claim("peak.scenario", prose.Neutral, say("output is highest in %s: %s", x.busiest.label, x.busiest.out))
	case s == p:
		return claim("peak.sweet", prose.Better, say("the sweet spot has the highest output of the sweep: %s", p.out))
	case s == nil || !p.canBeSweet():
		return claim("peak.sweep", prose.Neutral, say("output peaks at c=%d: %s", p.Concurrency, p.out))
	default:
		gain, ttft, tpot := over(p, s)
		return claim("peak.other", prose.Neutral,
			say("output peaks at c=%d: %s, %s that of the sweet spot, at %s its p99 TTFT and %s its p99 TPOT", p.Concurrency, p.out, gain, ttft, tpot))
	}
}

// over is a scaling point against the sweet spot: output, TTFT p99, TPOT p99.
func over(p, s *analysis) (out, ttft, tpot fact) {
	return times(ratio(p.out, s.out)), times(ratio(p.ttft.p99, s.ttft.p99)), times(ratio(p.tpot.p99, s.tpot.p99))
}

// claimFastest names the scenario with the lowest mean TPOT.
func claimFastest(x *runAnalysis) []prose.Claim {
	best := x.fastest
	switch {
	case best == nil:
		return filler(claim("fastest.missing", prose.Neutral, "no scenario has a mean TPOT"))
	case len(x.measured()) == 1:
		return claim("fastest.only", prose.Neutral, say("mean TPOT is %s", best.tpot.mean))
	default:
		return claim("fastest", prose.Neutral, say("decode is fastest in %s: mean TPOT %s", best.label, best.tpot.mean))
	}
}

// claimSlowest names the scenario with the highest mean TTFT.
func claimSlowest(x *runAnalysis) []prose.Claim {
	if x.slowest == nil || len(x.measured()) < 2 {
		return nil
	}
	return claim("slowest", prose.Neutral, say("the longest wait is in %s: mean TTFT %s", x.slowest.label, x.slowest.ttft.mean))
}
