package report

import (
	"math"

	"ceiling/report/prose"
)

// Claims on what a user waits for: the first token, the pace of the stream,
// and its evenness.

// claimTTFT reads the spread of the time to first token.
func claimTTFT(a *analysis) []prose.Claim {
	mean, median, p99 := a.ttft.mean, a.ttft.median, a.ttft.p99
	tail, skew, reach := ratio(p99, mean), ratio(mean, median), ratio(p99, median)
	switch {
	case math.IsNaN(tail + skew + reach):
		return filler(claim("ttft.missing", prose.Neutral, "TTFT can't be judged: its mean, median or p99 is missing or zero"))
	case a.equalWork() && reach >= unequalWork:
		return a.unequalTTFT()
	case skew >= skewed:
		return claim("ttft.skewed", prose.Worse,
			say("a slow minority raises TTFT: median %s, mean %s, p99 %s", median, mean, p99),
			say("half of the first tokens came within %s, but mean TTFT is %s and p99 %s", median, mean, p99))
	case ratio(median, mean) >= early:
		return claim("ttft.early", prose.Neutral,
			say("an early minority lowers mean TTFT: mean %s, median %s, p99 %s", mean, median, p99))
	case tail >= longTail:
		return claim("ttft.tail", prose.Worse,
			say("TTFT has a long tail: p99 is %s the mean (%s against %s)", times(tail), p99, mean),
			say("plan with p99 TTFT, %s: it is %s the mean of %s", p99, times(tail), mean))
	case tail <= steadyTTFT:
		return claim("ttft.steady", prose.Better,
			say("TTFT is steady: mean %s, p99 %s", mean, p99),
			say("all requests wait about as long for the first token: TTFT mean %s, p99 %s", mean, p99))
	default:
		return claim("ttft.spread", prose.Neutral,
			say("the slowest first tokens take %s the average: p99 TTFT %s, mean %s", times(tail), p99, mean))
	}
}

// equalWork says whether every request has the device for itself and the
// same amount to do.
func (a *analysis) equalWork() bool {
	return a.singleStream() && a.rangeRatio() == 0 && !a.detail.Varies()
}

// unequalTTFT is on equal requests with unequal TTFT.
func (a *analysis) unequalTTFT() []prose.Claim {
	text := say("equal prompts, one at a time, had unequal TTFT: median %s, p99 %s", a.ttft.median, a.ttft.p99)
	switch d := a.detail; {
	case !a.trusted():
		return claim("ttft.unequal.doubt", prose.Worse, text)
	case d == nil:
		return claim("ttft.unequal", prose.Worse, text+"; a prefix cache that held some of the prompts would explain it")
	case d.ReusedTokens > 0:
		return claim("ttft.unequal.warm", prose.Worse, text+"; the cache held some of the prompts")
	default:
		return claim("ttft.unequal.cold", prose.Worse, text+"; no prompt token came from a cache")
	}
}

// claimTPOT reads how far the pace differs between requests.
func claimTPOT(a *analysis) []prose.Claim {
	mean, p99 := a.tpot.mean, a.tpot.p99
	tail := ratio(p99, mean)
	switch {
	case math.IsNaN(tail):
		return filler(claim("tpot.missing", prose.Neutral, "TPOT can't be judged: its mean or p99 is missing or zero"))
	case tail <= evenTPOT:
		return claim("tpot.even", prose.Better,
			say("all requests decode at about the same speed: TPOT mean %s, p99 %s", mean, p99),
			say("TPOT hardly differs between requests: mean %s, p99 %s", mean, p99))
	case tail >= unequalTPOT:
		return claim("tpot.unequal", prose.Worse,
			say("decode speed depends on the request: p99 TPOT is %s the mean (%s against %s)", times(tail), p99, mean))
	default:
		return claim("tpot.spread", prose.Neutral,
			say("the slowest streams take %s the average time per token: p99 TPOT %s, mean %s", times(tail), p99, mean))
	}
}

// claimITL reads how evenly tokens arrive within the streams. An even stream
// needs no bullet beside an even TPOT.
func claimITL(a *analysis) []prose.Claim {
	median, p99 := a.itl.median, a.itl.p99
	reach := ratio(p99, median)
	switch {
	case math.IsNaN(reach):
		return filler(claim("itl.missing", prose.Neutral, "ITL can't be judged: its median or p99 is missing or zero"))
	case a.bundledITL():
		return claim("itl.bundled", prose.Neutral,
			say("ITL counts deliveries of several tokens, not single ones: mean ITL is %s mean TPOT", times(ratio(a.itl.mean, a.tpot.mean))))
	case reach >= pauses:
		return a.pausingITL(say("streams pause: 1 gap in 100 lasts %s or more, the median gap %s", p99, median))
	case reach <= steadyITL:
		return a.evenITL(claim("itl.steady", prose.Better, say("tokens arrive steadily: p99 gap %s, median %s", p99, median)))
	default:
		return claim("itl.spread", prose.Neutral, say("gaps between tokens vary: p99 gap %s, median %s", p99, median))
	}
}

// evenITL ranks a steady stream.
func (a *analysis) evenITL(c []prose.Claim) []prose.Claim {
	if ratio(a.tpot.p99, a.tpot.mean) <= evenTPOT && a.category() != "Decode" {
		return filler(c)
	}
	return c
}

// pausingITL says what the pauses can or can't come from, where nothing else is
// known that they come from.
func (a *analysis) pausingITL(text string) []prose.Claim {
	switch {
	case !a.trusted():
		return claim("itl.pauses.doubt", prose.Worse, text)
	case a.singleStream():
		return claim("itl.pauses.single", prose.Worse, text+"; with one request at a time, other prompts are not the reason")
	case a.burst() || a.Concurrency == 1:
		return claim("itl.pauses", prose.Worse, text)
	default:
		return claim("itl.pauses.shared", prose.Worse, text+"; steps shared with other requests' prompts would explain it")
	}
}

// claimPauses weighs the long gaps by the time they take.
func claimPauses(a *analysis) []prose.Claim {
	rest := ratio(a.itl.median, a.itl.mean)
	if !(rest <= pausesCost) || a.bundledITL() {
		return nil
	}
	return claim("pauses", prose.Worse, say("with every gap at the median, decode would take %s less time", percent(1-rest)))
}
