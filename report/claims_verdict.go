package report

import (
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/prose"
)

// Claims on how far figures can be trusted.

// claimDoubt says what speaks against a scenario's figures.
func claimDoubt(a *analysis) []prose.Claim {
	if a.trusted() {
		return nil
	}
	return required(claim("doubt", prose.Worse, "take this scenario for "+strings.TrimSuffix(oneline.Of(a.detail.Verdict.String()), ".")))
}

// states below "unknown", the worst first.
var doubts = []result.State{result.StateInvalid, result.StateDisturbed, result.StateUnsettled, result.StateShort}

// claimVerdict says how many scenarios can't be relied on, and which are the
// worst.
func claimVerdict(x *runAnalysis) []prose.Claim {
	bad := x.doubtful()
	for _, state := range doubts {
		var names []string
		for _, a := range bad {
			if a.detail.Verdict.State == state {
				names = append(names, a.label)
			}
		}
		if len(names) == 0 {
			continue
		}
		text := say("%s of %s scenarios can't be relied on; %s: %s", count(len(bad)), count(len(x.scenarios)), state, strings.Join(names, ", "))
		if state == result.StateDisturbed {
			return required(claim("disturbed", prose.Worse, text))
		}
		return required(claim("unreliable", prose.Worse, text))
	}
	return nil
}

// doubtful are the scenarios that something speaks against.
func (x *runAnalysis) doubtful() []*analysis {
	var out []*analysis
	for _, a := range x.scenarios {
		if !a.trusted() {
			out = append(out, a)
		}
	}
	return out
}

// adviseAgain asks for what advice can't rest on.
func adviseAgain(x *runAnalysis) []prose.Claim {
	var names []string
	for _, a := range x.doubtful() {
		names = append(names, a.label)
	}
	if len(names) == 0 {
		return nil
	}
	return required(claim("again", prose.Worse, "repeat what no advice rests on, on a quiet machine and with enough requests: "+strings.Join(names, ", ")))
}

// holds tells whether nothing speaks against any of the scenarios; advice rests
// on no other.
func holds(of ...*analysis) bool {
	for _, a := range of {
		if a != nil && !a.trusted() {
			return false
		}
	}
	return true
}
