package report

import (
	"math"

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
	if r.sweetSpot == nil || !a.canBeSweet() {
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

// claimPeak names the point with the highest output.
func claimPeak(a *analysis) []prose.Claim {
	if !a.role.peak {
		return nil
	}
	return claim("peak", prose.Better, say("c=%d has the highest output of the sweep, %s", a.Concurrency, a.out))
}
