package report

import (
	"fmt"

	"ceiling/bench"
	"ceiling/internal/oneline"
	"ceiling/report/prose"
)

// writing is the prose of a report as it is printed, and who wrote how much of
// it. All of it is safe in Markdown.
type writing struct {
	summary         []string
	scenarios       [][]string // bullets, one list per result
	recommendations []string

	model      int // sentences by the model; a bullet counts as one
	substitute int // by rules, where the model was to write
	prescribed int // by rules, whatever the model writes
}

// ruleMark stands behind each sentence of the rules in the place of one that
// the model was to write.
const ruleMark = " *(rule)*"

// newWriting composes every section of text and rules. A text of another
// model is none.
func newWriting(r *bench.Results, all []scenario, text *prose.Text) *writing {
	if text != nil && text.Model != r.Model {
		text = nil
	}
	p := newPlan(r, all)
	composed := make([][]prose.Sentence, len(all))
	w := &writing{scenarios: make([][]string, len(all))}
	for i, s := range p.scenarios {
		if s == nil {
			reason, _ := all[i].failed()
			w.scenarios[i] = []string{oneline.Markdown(nothingMeasured(reason))}
			w.prescribed++
			continue
		}
		composed[i] = w.compose(s, text)
	}
	advice, summary := w.compose(&p.recommendations, text), w.compose(&p.summary, text)
	// Whether a rule's sentence is marked depends on the whole report.
	for i, s := range p.scenarios {
		if s != nil {
			w.scenarios[i] = w.lines(composed[i], len(s.Fixed))
		}
	}
	w.recommendations = w.lines(advice, len(p.recommendations.Fixed))
	w.summary = w.lines(summary, len(p.summary.Fixed))
	return w
}

// compose is a section's sentences, counted by author.
func (w *writing) compose(s *prose.Section, text *prose.Text) []prose.Sentence {
	out := text.Compose(s)
	for i, sentence := range out {
		switch {
		case sentence.Author == prose.ByModel:
			w.model++
		case i < len(s.Fixed):
			w.prescribed++
		default:
			w.substitute++
		}
	}
	return out
}

// lines are sentences as they are printed; the first ones are prescribed.
func (w *writing) lines(sentences []prose.Sentence, prescribed int) []string {
	out := make([]string, len(sentences))
	for i, s := range sentences {
		switch {
		case s.Author == prose.ByModel:
			out[i] = inline(s.Text)
		case w.model > 0 && i >= prescribed:
			out[i] = oneline.Markdown(s.Text) + ruleMark
		default:
			out[i] = oneline.Markdown(s.Text)
		}
	}
	return out
}

func (w *writing) total() int { return w.model + w.substitute + w.prescribed }

// note is the header's, on who wrote the prose; w is nil for a report without.
func (w *writing) note() string {
	switch {
	case w == nil:
		return "This report holds measured numbers only, no prose."
	case w.model == 0:
		return "The prose of this report was written by fixed rules from the measured numbers; no model wrote any of it."
	case w.substitute == 0:
		return "This report was written by the model being benchmarked."
	default:
		return fmt.Sprintf("%d of %d sentences of this report's prose %s written by the model being benchmarked, the others by fixed rules from the measured numbers; a bullet counts as one sentence, and Validity says how they are told apart.", w.model, w.total(), were(w.model))
	}
}

// by is the footer's word on the prose.
func (w *writing) by() string {
	switch {
	case w == nil:
		return "no prose"
	case w.model == 0:
		return "rule-based prose"
	case w.substitute == 0:
		return "prose by the model being benchmarked"
	default:
		return fmt.Sprintf("prose by the model being benchmarked, %d of %d sentences, and by rules", w.model, w.total())
	}
}

// notes say in the Validity section how much of the prose is a model's; none
// where nothing is.
func (w *writing) notes() []string {
	if w == nil || w.model == 0 {
		return nil
	}
	text := fmt.Sprintf("Of the %d sentences of prose (a bullet counts as one), %d %s written by the model being benchmarked; each of its sentences was checked against the measured numbers of this report. ", w.total(), w.model, were(w.model))
	if w.substitute > 0 {
		text += fmt.Sprintf("%d %s written by fixed rules where the model has none that holds, marked%s. ", w.substitute, were(w.substitute), ruleMark)
	}
	return []string{text + fmt.Sprintf("The other %d are prescribed: what the run covers, the first recommendation, and notices that may not be lost.", w.prescribed)}
}

func were(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// inline makes a model's sentence plain text in Markdown: one line that is no
// markup and holds none.
func inline(sentence string) string { return oneline.Markdown(prose.Clean(sentence)) }
