package report

import (
	"math"

	"ceiling/internal/figure"
	"ceiling/report/plausible"
	"ceiling/report/prose"
)

// Claims on the work itself: where a request's time goes, how prefill did, and
// what varying lengths explain.

// claimSplit divides a request's time between first token and decoding.
func claimSplit(a *analysis) []prose.Claim {
	part := a.ttft.mean.value / a.requestMs
	if !a.ttft.mean.known() || !(a.requestMs > 0) {
		return nil
	}
	return claim("split", prose.Neutral,
		say("a request takes %s on average: %s TTFT, %s decode", a.request(), percent(part), percent(1-part)),
		say("a mean request spends %s of its %s before the first token and %s on decode", percent(part), a.request(), percent(1-part)))
}

// claimPrefill reads what TTFT consists of, or else how fast prompts went in.
func claimPrefill(a *analysis) []prose.Claim {
	for _, rule := range []func(*analysis) []prose.Claim{claimWait, claimPrefillRate, claimFirstToken} {
		if c := rule(a); c != nil {
			return c
		}
	}
	return nil
}

// claimWait uses the engine's own times, which the reference does not have.
func claimWait(a *analysis) []prose.Claim {
	wait := percent(a.waiting)
	if !wait.known() || a.Concurrency < 2 {
		return nil
	}
	text := say("TTFT is %s waiting and %s prefill", wait, percent(1-a.waiting))
	if rate := a.enginePrefill; rate.known() {
		text += say(" (%s)", rate)
	}
	if a.waiting <= hardly {
		return filler(claim("prefill.wait", prose.Neutral, text))
	}
	return claim("prefill.wait", prose.Neutral, text)
}

// claimPrefillRate compares the rate that mean TTFT implies with that of a
// single stream. A detail says how many tokens were reused; without one, a
// cache is suspected where prompts came back faster than computing them alone
// would have allowed.
func claimPrefillRate(a *analysis) []prose.Claim {
	s := a.single
	if s == nil || a.Concurrency < 2 || !plausible.Comparable(a.InputLen, s.InputLen) {
		return nil
	}
	text := say("per user, prefill runs at %s, against %s in %s", a.impliedPrefill, s.impliedPrefill, s.label)
	switch {
	case !a.impliedPrefill.known() || !s.impliedPrefill.known():
		return nil
	case plausible.FasterThanSingleStream(a.impliedPrefill.value, s.impliedPrefill.value) && a.detail == nil:
		return claim("prefill.cached", prose.Neutral, text+"; a prefix cache would explain that")
	case plausible.FasterThanSingleStream(s.impliedPrefill.value, a.impliedPrefill.value):
		return filler(claim("prefill.shared", prose.Neutral, text))
	default:
		return nil
	}
}

// claimFirstToken measures a prompt in decoding time.
func claimFirstToken(a *analysis) []prose.Claim {
	n := math.Round(ratio(a.ttft.mean, a.tpot.mean))
	if a.Concurrency != 1 || a.detail.Varies() || !(n >= 2 && n < 1e9) {
		return nil
	}
	return filler(claim("prefill.worth", prose.Neutral,
		say("the first token takes as long as decoding %s tokens, for prompts of %s", count(int(n)), figure.Count(a.InputLen, "token"))))
}

// claimLengths relates the spread of TTFT to that of the prompts. Prefill time
// grows with length at most as attention does, squared.
func claimLengths(a *analysis) []prose.Claim {
	reach := ratio(a.ttft.p99, a.ttft.median)
	longest := 1 + a.rangeRatio()
	if longest == 1 || math.IsNaN(reach) {
		return nil
	}
	text := say("prompts are up to %s the nominal length; p99 TTFT is %s the median", times(longest), times(reach))
	switch {
	case !a.trusted():
		return claim("lengths.doubt", prose.Neutral, text)
	case reach > longest*longest:
		return claim("lengths.beyond", prose.Worse, text+", more than length explains")
	}
	return claim("lengths.part", prose.Neutral, text+", which length explains in part")
}
