package report

import (
	"math"

	"ceiling/report/prose"
)

// Claims on what the slots deliver, together and each.

// claimOutput reads output throughput and its evenness over time.
func claimOutput(a *analysis) []prose.Claim {
	out, best := a.out, a.bestSecond
	swing := ratio(best, out)
	switch {
	case !out.known():
		return filler(claim("output.missing", prose.Neutral, "output throughput was not measured"))
	case a.singleStream() && ratio(out, a.tg) <= 1:
		return claim("output.single", prose.Neutral,
			say("including TTFT, one user sees %s (decode alone: %s)", out, a.tg.bare()))
	case a.DurationS != nil && *a.DurationS < shortRun:
		return claim("output.short", prose.Neutral, say("output averages %s over a run of %s", out, seconds(a.DurationS)))
	case !(swing >= 1):
		return claim("output.mean", prose.Neutral, say("output averages %s", out))
	case swing >= unevenOutput && a.peakIsFullDecode():
		return claim("output.full", prose.Worse,
			say("output averages %s, %s of what %s streams make at the median ITL; the best second reaches %s",
				out, percent(out.value/a.fullDecode()), count(a.Concurrency), best))
	case swing >= unevenOutput:
		return claim("output.uneven", prose.Worse, say("output is uneven: %s on average, %s in the best second", out, best))
	case swing <= evenOutput:
		return claim("output.even", prose.Better, say("output is steady: %s on average, %s in the best second", out, best))
	default:
		return claim("output.spread", prose.Neutral, say("output averages %s, %s in the best second", out, best))
	}
}

// fullDecode is what all slots make at the median gap between tokens, in
// tok/s; NaN where it is unknown.
func (a *analysis) fullDecode() float64 {
	if a.Concurrency < 2 || a.bundledITL() || !a.itl.median.known() || a.itl.median.value <= 0 {
		return math.NaN()
	}
	return 1000 * float64(a.Concurrency) / a.itl.median.value
}

// peakIsFullDecode says whether the best second is as full as undisturbed
// decoding in all slots makes it.
func (a *analysis) peakIsFullDecode() bool {
	full := a.fullDecode()
	q := a.bestSecond.value / full
	return q <= sameAs && q >= 1/sameAs && a.out.value <= full
}

// claimIdle reads how many slots were in use.
func claimIdle(a *analysis) []prose.Claim {
	if !a.inFlight.known() || a.Concurrency < 2 || !a.closedLoop() || a.burst() || a.inFlight.value > idle*float64(a.Concurrency) {
		return nil
	}
	return claim("idle", prose.Neutral,
		say("on average %s of %s slots were in use, which understates the output under a lasting load", a.inFlight, count(a.Concurrency)))
}

// claimSharing compares the batch with a single stream. For the lowest scaling
// point, claimStep does.
func claimSharing(a *analysis) []prose.Claim {
	if a.scaling && a.previous == nil {
		return nil
	}
	return filler(a.sharing("sharing"))
}

func (a *analysis) sharing(key string) []prose.Claim {
	s := a.single
	if s == nil || a.Concurrency < 2 {
		return nil
	}
	gain, cost := ratio(a.out, s.out), ratio(a.tpot.mean, s.tpot.mean)
	if !(gain >= 1 && cost >= 1) {
		return nil
	}
	return claim(key, prose.Neutral, say("output is %s that of %s, at %s its mean TPOT", times(gain), s.label, times(cost)))
}

// claimShape compares decoding with another shape at the same concurrency.
func claimShape(a *analysis) []prose.Claim {
	o := a.sameConcurrency
	if o == nil || a.InputLen == o.InputLen && a.OutputLen == o.OutputLen {
		return nil
	}
	q := ratio(a.tpot.mean, o.tpot.mean)
	where := say("%s, which has the same concurrency but %s tokens in and %s out", o.label, count(o.InputLen), count(o.OutputLen))
	switch {
	case math.IsNaN(q):
		return nil
	case q >= sameAs:
		return claim("shape.slower", prose.Worse, say("a token takes %s in %s", longerThan(q), where))
	case q <= 1/sameAs:
		return claim("shape.faster", prose.Better, say("a token takes %s in %s", longerThan(q), where))
	default:
		return filler(claim("shape.same", prose.Neutral, say("mean TPOT (%s) is within 10 %% of the %s in %s", a.tpot.mean, o.tpot.mean, where)))
	}
}
