package report

import (
	"slices"

	"ceiling/report/prose"
)

// How the prose comes about
//
// A rule looks at one scenario, or at the run, and returns the claims on its
// topic that hold: at most one, since each of its conditions makes its
// statement true and excludes the others. Each word that judges ("steady",
// "unequal") is a named threshold, and each comparison names what it compares
// with. Causes are given only where the way of measuring leaves no other;
// elsewhere a claim says what would explain a pattern.
//
// The order is by rank: what the scenario's category is about, what is worse
// than usual, the rest, and what only fills a list that would be too short.
// ttft, tpot, itl and output always have a claim, if only that a figure is
// missing, so no list is.

// Limits on the number of bullets and sentences: those that the reference asks
// its model for. A failed scenario has one bullet.
const (
	leastBullets, mostBullets = 4, 7
	leastAdvice, mostAdvice   = 5, 8
	leastSummary, mostSummary = 2, 4
)

// Thresholds: ratios of two figures of the same unit, unless said otherwise.
const (
	// steadyTTFT: p99 within a tenth of the mean. A tenth of a wait is not
	// noticed (Weber fractions for durations are near 0.1).
	steadyTTFT = 1.10
	// longTail: p99 at least twice the mean, the factor by which the sweet
	// spot's definition calls a latency too far off.
	longTail = 2.0
	// skewed, early: the mean this far above the median, or below it, means
	// that a minority of requests makes the mean.
	skewed, early = 1.25, 1.10
	// unequalWork: equal requests, one at a time, that differ this much did
	// not do the same work or were disturbed.
	unequalWork = 2.0
	// evenTPOT is narrower than steadyTTFT, since TPOT is already a mean over
	// a request's tokens.
	evenTPOT = 1.05
	// unequalTPOT: the slowest streams have two thirds of the mean's speed.
	unequalTPOT = 1.5
	// steadyITL and pauses: a gap of three median gaps is seen as a pause, one
	// of half as much again is not.
	steadyITL, pauses = 1.5, 3.0
	// pausesCost: gaps above the median take a quarter of decode time or more.
	pausesCost = 0.75
	// unevenOutput, evenOutput: the fullest second against the mean.
	unevenOutput, evenOutput = 1.5, 1.15
	// sameAs: two figures within a tenth are called equal. One run does not
	// show its own spread.
	sameAs = 1.10
	// flat: a gain of less than 5 % from more requests.
	flat = 1.05
	// linearEnough: four fifths of the output that proportional growth would
	// give.
	linearEnough = 0.8
	// idle is the share of slots in use below which idle ones are told.
	idle = 0.85
	// shortRun, in seconds: shorter runs have no fullest second to speak of.
	shortRun = 3.0
	// hardly is a share that needs no bullet.
	hardly = 0.1
)

// claim is one that holds; none where a phrase lacks a fact.
func claim(key string, tone prose.Tone, phrases ...string) []prose.Claim {
	if slices.Contains(phrases, "") {
		return nil
	}
	return []prose.Claim{{Key: key, Tone: tone, Phrases: phrases}}
}

// required claims stand whoever chooses the others.
func required(claims []prose.Claim) []prose.Claim {
	for i := range claims {
		claims[i].Required = true
	}
	return claims
}

// filler are claims that need no bullet of their own.
func filler(claims []prose.Claim) []prose.Claim {
	for i := range claims {
		claims[i].Rank = prose.Filler
	}
	return claims
}

// scenarioRules make the claims on one scenario, in the order in which they
// stand if nothing else decides.
var scenarioRules = []func(*analysis) []prose.Claim{
	claimFailures, claimDoubt, claimCut, claimSynthetic, claimCache, claimBurst, claimDrafts, claimDraftsAlone, claimDraftsOutput,
	claimTTFT, claimTPOT, claimITL, claimOutput,
	claimStep, claimRole, claimPeak, claimLengths, claimSplit, claimPrefill,
	claimShape, claimIdle, claimPauses, claimSharing,
}

// leading are the topics that a category's list begins with.
var leading = map[string][]prose.Topic{
	"Latency":       {"ttft", "split", "tpot"},
	"Throughput":    {"output", "ttft"},
	"Long Context":  {"ttft", "split", "prefill"},
	"Decode":        {"tpot", "itl", "output"},
	"Mixed":         {"lengths", "ttft"},
	categoryScaling: {"step", "role", "peak"},
}

// Ranks below prose.Filler, in steps that no list of topics fills.
const (
	rankNotice = 0
	rankLead   = 100
	rankWorse  = 200
	rankRest   = 300
)

// claims are those on the scenario, ranked.
func (a *analysis) claims() []prose.Claim {
	lead := leading[a.category()]
	var out []prose.Claim
	for place, rule := range scenarioRules {
		for _, c := range rule(a) {
			i := slices.Index(lead, c.Topic())
			switch {
			case c.Required:
				c.Rank = rankNotice + place
			case c.Rank >= prose.Filler:
				c.Rank += place
			case i >= 0:
				c.Rank = rankLead + i
			case c.Tone == prose.Worse:
				c.Rank = rankWorse + place
			default:
				c.Rank = rankRest + place
			}
			out = append(out, c)
		}
	}
	return out
}

// inOrder are the claims of rules that are told in their order.
func inOrder[T any](of T, rules []func(T) []prose.Claim) []prose.Claim {
	var out []prose.Claim
	for place, rule := range rules {
		for _, c := range rule(of) {
			c.Rank += place
			out = append(out, c)
		}
	}
	return out
}
