package report

import (
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
	if a.gain == nil || a.gain.TPOT == nil || !(*a.gain.TPOT > 0) {
		return claim("drafts.accepted", prose.Neutral, say("%s: a verification gives %s tokens on average", accepted, quantity(d.MeanLength(), "")))
	}
	speed, like := *a.gain.TPOT, a.withoutDrafts.label
	switch {
	case speed >= flat:
		return claim("drafts.faster", prose.Better, say("%s, and decode is %s as fast as without drafts (%s)", accepted, times(speed), like))
	case speed <= 1/flat:
		return claim("drafts.slower", prose.Worse, say("%s, which does not pay: decode is %s as fast as without drafts (%s)", accepted, times(speed), like))
	}
	return claim("drafts.same", prose.Neutral, say("%s, and decode is as fast as without drafts (%s), within 5%%", accepted, like))
}
