package report

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
	"ceiling/report/metric"
)

// verdictLine is the run's verdict, which the section Validity begins with.
func verdictLine(r *result.Run) doc.Block {
	text := "unknown: the results do not tell what else ran on the machine"
	if r.Verdict != nil {
		text = r.Verdict.String()
	}
	return doc.Field{Name: "Verdict", Value: doc.T(sentence(text))}
}

// sentence ends a text with a full stop.
func sentence(text string) string { return strings.TrimSuffix(oneline.Of(text), ".") + "." }

// trusted tells whether nothing speaks against the scenario's figures.
func (s *scenario) trusted() bool { return s.detail == nil || s.detail.Verdict.Trusted() }

// verdict is the scenario's in one word.
func (s *scenario) verdict() string {
	if s.detail == nil || s.detail.Verdict == nil {
		return string(result.StateUnknown)
	}
	return oneline.Of(string(s.detail.Verdict.State))
}

// verdictNotes give what was found, equal findings once with all their
// scenarios, and the wait for a core of every scenario.
func verdictNotes(all []scenario) []string {
	var order []string
	names := map[string][]string{}
	var waits []string
	for i := range all {
		d := all[i].detail
		if d == nil {
			continue
		}
		if d.Verdict != nil {
			for _, f := range d.Verdict.Findings {
				text := fmt.Sprintf("%s: %s", f.State, f.Text)
				if names[text] == nil {
					order = append(order, text)
				}
				names[text] = append(names[text], oneline.Of(all[i].Name))
			}
		}
		if d.Disturbance != nil && d.Disturbance.Threads != nil {
			waits = append(waits, fmt.Sprintf("%s %.0f%%", oneline.Of(all[i].Name), 100*d.Disturbance.Threads.WaitShare()))
		}
	}
	var notes []string
	for _, text := range order {
		notes = append(notes, strings.Join(names[text], ", ")+" "+sentence(text))
	}
	if len(waits) > 0 {
		notes = append(notes, "Time for which the engine's threads waited for a core: "+strings.Join(waits, ", ")+".")
	}
	return append(notes, discardedNotes(all)...)
}

// discardedNotes tell of passes that were run again.
func discardedNotes(all []scenario) []string {
	var notes []string
	for i := range all {
		if d := all[i].detail; d != nil && len(d.Discarded) > 0 {
			notes = append(notes, fmt.Sprintf("%s was disturbed and ran again: %s discarded, the quietest kept.", oneline.Of(all[i].Name), figure.Count(len(d.Discarded), "pass")))
		}
	}
	return notes
}

// steadyText says what the table of the steady state is of.
const steadyText = "The time in which all slots were busy and every one had its first token, without ramp and tail, beside the whole scenario."

// steadyTable has the figures of the time with all slots busy beside those of
// the whole scenario. It has no row for a scenario without such a time.
func steadyTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario"),
		doc.Numbers("Output (tok/s)", "Steady output (tok/s)", "TPOT mean (ms)", "Steady TPOT (ms)", "Outside"))}
	for i := range all {
		s := &all[i]
		if s.detail == nil || s.detail.SteadyState == nil {
			continue
		}
		st := s.detail.SteadyState
		t.Add(s.Name, s.figure(metric.OutputThroughput), metric.OutputThroughput.Info().Text(&st.OutputThroughput), s.figure(metric.TPOTMean), metric.TPOTMean.Info().Text(st.TPOTMs),
			fmt.Sprintf("%.0f%%", 100*st.Outside))
	}
	return t
}
