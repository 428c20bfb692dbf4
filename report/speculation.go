package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
)

const specText = "A verification is a step of one sequence that had drafts. Acceptance is accepted / drafted tokens, mean length the tokens that a verification gives, 1 + accepted / verifications. Drafting is the time of the draft side, verifying that of the rest of a step, both of a step, on average over those in which nothing but decoding happens. The tokens that one step gives arrive together: the gap before them is one value of ITL, and the others have none; TPOT is per token, as ever."

const specAloneText = "Against the same scenario of this run without drafts, over the steps in which nothing but decoding happens. A step's time, drafting included, counts once for every sequence in it. Decoding is as fast as without drafts where a sequence gets as many tokens of a step as that takes longer: break-even tokens are step with drafts / step without, break-even acceptance is (that − 1) / drafts of a sequence in a step."

const specGainText = "How many times as fast as without drafts; below 1 they cost. %s TPOT is as users got it: the mean over requests, with the steps in between that compute others' prompts. Drafts make sequences end apart, and every prompt that comes next keeps those that go on waiting; without drafts those that began together end together where they are equally long. Output is the throughput of the whole scenario, prompts included. In brackets is the 95 %% interval over the passes, paired (Student's t on the logarithms; all figures are geometric means of the passes)."

// specSection says what was drafted, what came of it, and whether it paid; nil where
// nothing speculates.
func specSection(r *result.Run, all []scenario) []doc.Block {
	counts := specTable(all)
	if len(counts.Rows) == 0 {
		return nil
	}
	blocks := []doc.Block{doc.Paragraph{Text: doc.T(specText)}}
	if text := syntheticText(all); text != "" {
		blocks = append(blocks, doc.Field{Name: "SYNTHETIC acceptance", Value: doc.T(text), Warning: true})
	}
	blocks = append(blocks, counts)
	if t, places := specPlaces(all); len(t.Rows) > 0 {
		text := "Share of verifications that accepted the draft at each place, all before it included"
		if places > mostPlaces {
			text += fmt.Sprintf("; here the first %d of %d places, in the chart of report.html all", mostPlaces, places)
		}
		blocks = append(blocks, doc.Paragraph{Text: doc.T(text + ":")}, t)
	}
	alone, gains := specGains(r, all)
	if len(alone.Rows) > 0 {
		blocks = append(blocks, doc.Paragraph{Text: doc.T(specAloneText)}, alone)
	}
	if len(gains.Rows) > 0 {
		how := "Decoding alone is not known here."
		if len(alone.Rows) > 0 {
			how = "Decoding alone is tokens of a step / break-even tokens."
		}
		blocks = append(blocks, doc.Paragraph{Text: doc.T(fmt.Sprintf(specGainText, how))}, gains)
	}
	return blocks
}

// drafted are the scenarios that speculate.
func drafted(all []scenario) (out []*scenario) {
	for i := range all {
		if all[i].speculates() {
			out = append(out, &all[i])
		}
	}
	return out
}

func (s *scenario) speculates() bool { return s.detail != nil && s.detail.Speculation != nil }

// synthetic tells whether the scenario's acceptance was drawn.
func (s *scenario) synthetic() bool { return s.speculates() && s.detail.Speculation.Synthetic }

// syntheticText warns of acceptance that was drawn, "" where none was.
func syntheticText(all []scenario) string {
	n := 0
	for i := range all {
		if all[i].synthetic() {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("in %d of %s it was drawn by lot which drafts are accepted: speeds are those at such an acceptance, the text means nothing", n, figure.Count(len(all), "scenario"))
}

// specTable has a row for every scenario that speculates.
func specTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario", "Drafts"), doc.Numbers("Verifications", "Drafted", "Accepted", "Acceptance", "Mean length", "Drafting (ms)", "Verifying (ms)"))}
	for _, s := range drafted(all) {
		d := s.detail.Speculation
		drafting, verifying, verifications := figure.Missing, figure.Missing, figure.Missing
		if d.Verifications > 0 { // llama-server does not tell
			verifications = figure.Grouped(d.Verifications)
		}
		if n := float64(d.Decode.Steps); n > 0 {
			drafting, verifying = stepMs(d.Decode.DraftS/n), stepMs(d.Decode.StepS/n)
		}
		t.Add(s.Name, oneline.Of(d.SpecSettings.String()), verifications, figure.Grouped(d.Drafted), figure.Grouped(d.Accepted),
			percentage(d.Acceptance()), figure.Decimals(d.MeanLength(), 2), drafting, verifying)
	}
	return t
}

// mostPlaces is how many places of a draft have a column.
const mostPlaces = 8

// specPlaces has the acceptance by place, of the first of so many places.
func specPlaces(all []scenario) (t *doc.Table, places int) {
	for _, s := range drafted(all) {
		places = max(places, len(s.detail.Speculation.AcceptanceAt()))
	}
	most := min(mostPlaces, places)
	t = &doc.Table{Columns: doc.Words("Scenario")}
	for k := range most {
		t.Columns = append(t.Columns, doc.Numbers(strconv.Itoa(k+1))...)
	}
	for _, s := range drafted(all) {
		at := s.detail.Speculation.AcceptanceAt()
		if at == nil {
			continue
		}
		row := []string{s.Name}
		for k := range most {
			text := figure.Missing
			if k < len(at) {
				text = percentage(&at[k])
			}
			row = append(row, text)
		}
		t.Add(row...)
	}
	return t, places
}

// specGains have a row for every scenario that speculates and has its like without: what
// steps of decoding alone cost and gave, and what came of it.
func specGains(r *result.Run, all []scenario) (alone, gains *doc.Table) {
	alone = &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("Step without drafts (ms)", "Step with drafts (ms)", "Tokens of a step", "Break-even tokens", "Acceptance", "Break-even acceptance"))}
	gains = &doc.Table{Columns: slices.Concat(doc.Words("Scenario"), doc.Numbers("Decoding alone", "TPOT", "Output"))}
	for i := range all {
		g := r.SpecGain(i)
		if g == nil {
			continue
		}
		speed := figure.Missing
		if a := g.Alone; a != nil {
			speed = ratioText(a.Speed)
			alone.Add(all[i].Name, stepMs(a.PlainStepS), stepMs(a.StepS), figure.Decimals(&a.Length, 2), figure.Decimals(&a.EvenLength, 2),
				percentage(all[i].detail.Speculation.Acceptance()), evenText(a.EvenAcceptance))
		}
		if g.Alone != nil || g.TPOT != nil || g.Output != nil {
			gains.Add(all[i].Name, speed, gainText(g.TPOT), gainText(g.Output))
		}
	}
	return alone, gains
}

// evenText is the acceptance at which drafts begin to pay.
func evenText(acceptance float64) string {
	switch {
	case acceptance > 1:
		return "none pays"
	case acceptance < 0:
		return "any pays"
	}
	return percentage(&acceptance)
}

func gainText(r *result.SpeedRatio) string {
	if r == nil {
		return figure.Missing
	}
	return ratioText(*r)
}

// stepMs is a time in seconds as milliseconds.
func stepMs(seconds float64) string {
	ms := 1000 * seconds
	return figure.Decimals(&ms, 2)
}

// percentage is a share with one decimal.
func percentage(v *float64) string {
	if v == nil {
		return figure.Missing
	}
	p := 100 * *v
	return figure.Decimals(&p, 1) + " %"
}

// specCondition says for the run how drafts are made: once where all scenarios are
// alike.
func specCondition(all []scenario) string {
	var texts []string
	for i := range all {
		text := "none"
		if all[i].speculates() {
			text = oneline.Of(all[i].detail.Speculation.SpecSettings.String())
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}
