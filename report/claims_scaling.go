package report

import (
	"math"
	"strings"

	"ceiling/bench/result"
	"ceiling/report/prose"
)

// Claims on a point of the scaling curve.

// claimStep compares a scaling point with the one below it, and the lowest one
// with a single stream.
func claimStep(a *analysis) []prose.Claim {
	p := a.previous
	if p == nil {
		if a.scaling {
			return a.sharing("step.first")
		}
		return nil
	}
	more := float64(a.Concurrency) / float64(p.Concurrency)
	gain, cost := ratio(a.out, p.out), ratio(a.tpot.mean, p.tpot.mean)
	if math.IsNaN(gain + cost) {
		return nil
	}
	text := say("c=%d delivers %s c=%d", a.Concurrency, moreThan(gain), p.Concurrency)
	pace := "mean TPOT " + changes(cost)
	switch {
	case gain < 1:
		return claim("step.loss", prose.Worse, text+"; "+pace)
	case gain < flat:
		return claim("step.flat", prose.Worse, say("%s with %s the requests; %s", text, times(more), pace))
	default:
		tone := prose.Neutral
		if gain/more >= linearEnough {
			tone = prose.Better
		}
		return claim("step.gain", tone, say("%s (%.0f %% of linear scaling); %s", text, 100*gain/more, pace))
	}
}

// claimRole says why a scaling point is, or is not, the interactive sweet spot.
func claimRole(a *analysis) []prose.Claim {
	r := a.role
	if !a.canBeSweet() {
		return nil
	}
	if r.slo != nil {
		return claimLimits(a)
	}
	if r.sweetSpot == nil {
		return nil
	}
	ttft, tpot := ratio(a.ttft.p99, r.bestTTFT), ratio(a.tpot.p99, r.bestTPOT)
	// As the choice of the sweet spot compares: a quotient could round to 2.
	slowTTFT, slowTPOT := a.ttft.p99.value > longTail*r.bestTTFT.value, a.tpot.p99.value > longTail*r.bestTPOT.value
	switch {
	case a == r.sweetSpot:
		return claim("role.sweet", prose.Better,
			say("c=%d is the interactive sweet spot: the most tokens per user (%s) with p99 TTFT and TPOT within 2× the best measured", a.Concurrency, a.perUserOut))
	case slowTTFT && slowTPOT:
		return claim("role.both", prose.Worse, say("p99 TTFT and TPOT exceed 2× the best measured (%s and %s)", times(ttft), times(tpot)))
	case slowTTFT:
		return claim("role.ttft", prose.Worse, say("p99 TTFT exceeds 2× the best measured (%s), p99 TPOT does not (%s)", times(ttft), times(tpot)))
	case slowTPOT:
		return claim("role.tpot", prose.Worse, say("p99 TPOT exceeds 2× the best measured (%s), p99 TTFT does not (%s)", times(tpot), times(ttft)))
	default:
		return claim("role.within", prose.Neutral,
			say("p99 TTFT and TPOT are within 2× the best measured, but one user gets %s, instead of %s at c=%d",
				a.perUserOut, r.sweetSpot.perUserOut, r.sweetSpot.Concurrency))
	}
}

// claimLimits says whether a scaling point keeps the user's limits.
func claimLimits(a *analysis) []prose.Claim {
	s, limits := a.role.sweetSpot, limitsText(a.role.slo)
	switch over := overLimits(a); {
	case len(over) > 0:
		return claim("limits.over", prose.Worse, strings.Join(over, "; "))
	case a == s:
		return claim("limits.sweet", prose.Better, say("c=%d has the highest output (%s) with %s", a.Concurrency, a.out, limits))
	case s == nil:
		return nil
	default:
		return claim("limits.within", prose.Neutral, say("p99 TTFT (%s) and TPOT (%s) keep the limits, but c=%d has the highest output that does: %s instead of %s",
			a.ttft.p99, a.tpot.p99, s.Concurrency, s.out, a.out))
	}
}

// overLimits are the latencies that exceed the user's limits, with both.
func overLimits(a *analysis) []string {
	var out []string
	for _, l := range []struct {
		name  string
		p99   fact
		limit float64
	}{{"TTFT", a.ttft.p99, a.role.slo.TTFTMs}, {"TPOT", a.tpot.p99, a.role.slo.TPOTMs}} {
		if l.limit > 0 && l.p99.value > l.limit {
			out = append(out, say("p99 %s (%s) exceeds the limit of %s ms", l.name, l.p99, number(l.limit)))
		}
	}
	return out
}

// limitsText names the user's limits of the sweet spot.
func limitsText(s *result.SLO) string {
	var out []string
	if s.TTFTMs > 0 {
		out = append(out, "p99 TTFT ≤ "+number(s.TTFTMs)+" ms")
	}
	if s.TPOTMs > 0 {
		out = append(out, "p99 TPOT ≤ "+number(s.TPOTMs)+" ms")
	}
	return strings.Join(out, " and ")
}

// claimPeak names the point with the highest output.
func claimPeak(a *analysis) []prose.Claim {
	if !a.role.peak {
		return nil
	}
	return claim("peak", prose.Better, say("c=%d has the highest output of the sweep, %s", a.Concurrency, a.out))
}
