package report

import (
	"ceiling/internal/figure"
	"ceiling/report/prose"
)

// Notices: what qualifies every figure of a scenario.

// claimFailures tells of requests that failed.
func claimFailures(a *analysis) []prose.Claim {
	ok, bad := int(a.SuccessfulRequests), int(a.FailedRequests)
	if bad <= 0 {
		return nil
	}
	return required(claim("failed", prose.Worse, say("%s of %s requests failed; all figures are of the other %s", count(bad), count(ok+bad), count(ok))))
}

// claimCut tells of a scenario that the run did not finish.
func claimCut(a *analysis) []prose.Claim {
	if !a.partial() {
		return nil
	}
	return required(claim("partial", prose.Worse,
		say("the run stopped inside this scenario%s: figures are of %s of %s requests", a.whyCut(), count(int(a.SuccessfulRequests)), count(a.NumPrompts))))
}

// claimCache tells of reuse of earlier prompts' KV.
func claimCache(a *analysis) []prose.Claim {
	if a.detail == nil || a.detail.ReusedTokens <= 0 {
		return nil
	}
	part := "some"
	if share := percent(float64(a.detail.ReusedTokens) / a.TotalInputTokens); share.known() {
		part = share.String()
	}
	return required(claim("cache", prose.Neutral, say("%s of the prompt tokens came from the KV cache: TTFT and PP are those of a warm cache", part)))
}

// claimBurst tells of a load that never reaches a steady state.
func claimBurst(a *analysis) []prose.Claim {
	if !a.burst() {
		return nil
	}
	return required(claim("burst", prose.Neutral,
		say("a single burst, not a steady load: %s at once on %s slots, and no more follow", figure.Count(a.NumPrompts, "request"), count(a.Concurrency))))
}
