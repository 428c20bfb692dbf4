package report

import (
	"fmt"

	"ceiling/bench/result"
	"ceiling/report/prose"
)

// Sections are the pieces of prose of a run's report, in the order in which
// they are written: one for each scenario with figures, then the
// recommendations, then the summary. Each brings the claims that hold. Results
// without a single figure have none.
//
// It is a pure function of r, and changes nothing in it.
func Sections(r *result.Run) []prose.ProseSection {
	p := newPlan(r, scenarios(r))
	var out []prose.ProseSection
	for _, s := range p.scenarios {
		if s != nil {
			out = append(out, *s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return append(out, p.recommendations, p.summary)
}

// plan is a report's prose before anybody chooses from it.
type plan struct {
	scenarios                []*prose.ProseSection // nil for a failed one, which has one bullet
	recommendations, summary prose.ProseSection
}

func newPlan(r *result.Run, all []scenario) *plan {
	x := newRun(r, all)
	p := &plan{scenarios: make([]*prose.ProseSection, len(all)),
		recommendations: prose.ProseSection{ID: "recommendations", Kind: prose.Recommendations, Title: "Recommendations",
			Min: leastAdvice, Max: mostAdvice, Claims: inOrder(x, adviceRules)},
		summary: prose.ProseSection{ID: "summary", Kind: prose.Summary, Title: "Executive Summary",
			Min: leastSummary, Max: mostSummary, Claims: inOrder(x, summaryRules)},
	}
	for i, a := range x.scenarios {
		if !a.dead() {
			p.scenarios[i] = &prose.ProseSection{ID: fmt.Sprintf("interpretation %d", i+1), Kind: prose.Interpretation, Title: a.label,
				Min: leastBullets, Max: mostBullets, Claims: a.claims()}
		}
	}
	return p
}
