package report

import (
	"fmt"

	"ceiling/bench/result"
	"ceiling/report/prose"
)

// writing is the prose of a report as it is printed, and how much of it a
// model chose.
type writing struct {
	summary         []string
	scenarios       [][]string // bullets, one list per result
	recommendations []string

	chosen, total int // sentences; a bullet counts as one
}

// newWriting composes every section. Choices of another model are none.
func newWriting(r *result.Run, all []scenario, choices *prose.ChoicesFile) *writing {
	if choices != nil && choices.Model != r.Model {
		choices = nil
	}
	p := newPlan(r, all)
	w := &writing{scenarios: make([][]string, len(all))}
	for i, s := range p.scenarios {
		if s == nil {
			reason, _ := all[i].failed()
			w.scenarios[i] = []string{"Nothing was measured: " + reason + "."}
			w.total++
			continue
		}
		w.scenarios[i] = w.lines(s, choices)
	}
	w.recommendations, w.summary = w.lines(&p.recommendations, choices), w.lines(&p.summary, choices)
	return w
}

// lines are a section's sentences, counted by who chose them.
func (w *writing) lines(s *prose.ProseSection, choices *prose.ChoicesFile) []string {
	lines := s.Lines(choices.Choices(s.ID))
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = line.Text
		w.total++
		if line.ByModel {
			w.chosen++
		}
	}
	return out
}

// note is the header's, on who made the prose; w is nil for a report without.
func (w *writing) note() string {
	switch {
	case w == nil:
		return "This report holds measured numbers only, no prose."
	case w.chosen == 0:
		return "The prose of this report was written by fixed rules from the measured numbers; no model wrote any of it."
	default:
		return fmt.Sprintf("Of the %d sentences of this report's prose (a bullet counts as one), %d chosen and worded by the model being benchmarked, from statements that hold for the measured numbers; the others by fixed rules.", w.total, w.chosen)
	}
}

// by is the footer's word on the prose.
func (w *writing) by() string {
	switch {
	case w == nil:
		return "no prose"
	case w.chosen == 0:
		return "rule-based prose"
	default:
		return "prose chosen and worded by the model being benchmarked, from statements that hold"
	}
}
