package report

import (
	"ceiling/bench/result"
	"ceiling/report/prose"
)

// Claims on speculation.

// claimSynthetic tells of acceptance that was drawn: it qualifies every figure.
func claimSynthetic(a *analysis) []prose.Claim {
	if !a.synthetic() {
		return nil
	}
	return required(claim("synthetic", prose.Worse,
		"SYNTHETIC: lots decided which drafts are accepted; speeds are those at such an acceptance, and the text means nothing"))
}

// claimDrafts says what drafts came to, and whether they paid where the run has the
// same scenario without.
func claimDrafts(a *analysis) []prose.Claim {
	if !a.speculates() {
		return nil
	}
	d := a.detail.Speculation
	acceptance := d.Acceptance()
	if acceptance == nil {
		return claim("drafts.none", prose.Neutral, "nothing was drafted: every step gave a sequence one token")
	}
	accepted := say("%s of the drafted tokens were accepted", percent(*acceptance))
	if a.gain == nil || a.gain.TPOT == nil {
		return claim("drafts.accepted", prose.Neutral, say("%s: a verification gives %s tokens on average", accepted, quantity(d.MeanLength(), "")))
	}
	g, like := a.gain.TPOT, a.withoutDrafts.label
	switch paid(g) {
	case 1:
		return required(claim("drafts.faster", prose.Better, say("%s, and decode is %s as fast as without drafts (%s)", accepted, gainFact(g), like)))
	case -1:
		return required(claim("drafts.slower", prose.Worse, say("%s, which does not pay: decode is %s as fast as without drafts (%s)", accepted, gainFact(g), like)))
	}
	return required(claim("drafts.same", prose.Neutral, say("%s, and decode is %s as fast as without drafts (%s): no clear difference", accepted, gainFact(g), like)))
}

// claimDraftsAlone says what TPOT hides: what drafts do where no prompt comes between.
func claimDraftsAlone(a *analysis) []prose.Claim {
	if a.gain == nil || a.gain.TPOT == nil || a.gain.Alone == nil {
		return nil
	}
	if r := &a.gain.Alone.Speed; paid(r) > 0 && paid(a.gain.TPOT) <= 0 {
		return claim("alone", prose.Neutral, say("over the steps in which nothing but decoding happens, drafts make decode %s as fast", gainFact(r)))
	}
	return nil
}

// claimDraftsOutput says what became of the whole scenario's output.
func claimDraftsOutput(a *analysis) []prose.Claim {
	if a.gain == nil || a.gain.Output == nil {
		return nil
	}
	g := a.gain.Output
	switch paid(g) {
	case 1:
		return claim("gain.more", prose.Better, say("with drafts, output is %s as high as without", gainFact(g)))
	case -1:
		return claim("gain.less", prose.Worse, say("drafts cost output: it is %s as high as without", gainFact(g)))
	}
	return claim("gain.same", prose.Neutral, say("with drafts, output is %s as high as without: no clear difference", gainFact(g)))
}

// paid is 1 where the figure says that drafts paid, −1 where they cost: by the interval
// over passes, of one pass by more than what a run alone tells.
func paid(r *result.SpeedRatio) int {
	switch {
	case r.Faster(), r.Lo == nil && r.Value >= flat:
		return 1
	case r.Slower(), r.Lo == nil && r.Value <= 1/flat:
		return -1
	}
	return 0
}

// gainFact is a ratio with its interval, where there is one.
func gainFact(r *result.SpeedRatio) string {
	if r.Lo == nil {
		return say("%s", times(r.Value))
	}
	return say("%s (%s to %s)", times(r.Value), times(*r.Lo), times(*r.Hi))
}
