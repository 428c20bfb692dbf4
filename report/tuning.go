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

// TuningTable has a row for each value of each setting that was raced, with how
// many times as fast as the setting's default it was, by goal.
func TuningTable(r *result.Run) (head []string, rows [][]string) {
	t := r.Tuning
	head = []string{"Setting", "Value"}
	for i := range t.Goals {
		head = append(head, t.Goals[i].Title())
	}
	head = append(head, "Rounds", "Result")
	for i := range t.Knobs {
		k := &t.Knobs[i]
		if k.Rounds == 0 {
			continue
		}
		for v := range k.Values {
			rows = append(rows, tuningRow(t, k, v))
		}
	}
	return head, rows
}

func tuningRow(t *result.Tuning, k *result.TunedKnob, v int) []string {
	value := &k.Values[v]
	row := []string{oneline.Of(k.Name), oneline.Of(value.Value)}
	for g := range t.Goals {
		switch {
		case v == 0:
			row = append(row, "1 (default)")
		case g < len(value.Ratios):
			row = append(row, ratioText(value.Ratios[g]))
		default:
			row = append(row, figure.Missing)
		}
	}
	state := oneline.Of(value.Out)
	switch {
	case v == k.Chosen && v == 0:
		state = "stays"
	case v == k.Chosen:
		state = "taken"
	case state == "":
		state = "not told apart"
	}
	return append(row, strconv.Itoa(value.Rounds), state)
}

// ratioText is "1.12 (1.08 to 1.15)".
func ratioText(r result.SpeedRatio) string {
	return withInterval(func(v float64) string { return figure.Fixed(v, 3) }, r.Value, r.Lo, r.Hi)
}

// TuningGoals says what was tuned for: "decode at c=1, and prefill at c=1 no
// slower".
func TuningGoals(t *result.Tuning) string {
	text := t.Goals[0].Title()
	var others []string
	for i := range t.Goals[1:] {
		others = append(others, t.Goals[1+i].Title())
	}
	if others != nil {
		text += ", and " + strings.Join(others, ", ") + " no slower"
	}
	return text
}

// TuningOutcome is what the search came to, in a line.
func TuningOutcome(t *result.Tuning) string {
	best, c := oneline.Of(result.SettingsText(t.Best)), t.Confirmation
	ratios := ""
	if c != nil {
		ratios = confirmedRatios(t, c)
	}
	switch {
	case t.Unfinished != "" && best == "":
		return "unfinished (" + oneline.Of(t.Unfinished) + "): nothing faster than the defaults so far"
	case t.Unfinished != "":
		return "unfinished (" + oneline.Of(t.Unfinished) + "): the best so far, not confirmed: " + best
	case best == "" && !slices.ContainsFunc(t.Knobs, func(k result.TunedKnob) bool { return k.Rounds > 1 }):
		return "the defaults: no race came to an end"
	case best == "":
		return "the defaults: nothing that was tried is told to be faster"
	case c == nil:
		return "the defaults: " + best + " won the races and was not confirmed"
	case !c.Confirmed:
		return fmt.Sprintf("the defaults: %s won the races and is not confirmed: %s%s", best, oneline.Of(c.Why), ratios)
	}
	return "confirmed: " + best + ratios
}

// confirmedRatios are those of a confirmation, behind what it is about.
func confirmedRatios(t *result.Tuning, c *result.Confirmation) string {
	var parts []string
	for i, r := range c.Ratios {
		if i < len(t.Goals) {
			parts = append(parts, fmt.Sprintf("%s %s times as fast", t.Goals[i].Title(), ratioText(r)))
		}
	}
	if parts == nil {
		return ""
	}
	return fmt.Sprintf("; %s as the defaults, over %s of fresh processes", strings.Join(parts, ", "), figure.Count(c.Pairs, "pair"))
}

// TuningLines are the answer of a search for settings, what each setting was worth,
// and what is to be said about it.
func TuningLines(r *result.Run) []string {
	t := r.Tuning
	lines := []string{"tuned     " + TuningOutcome(t), "for       " + TuningGoals(t)}
	for i := range t.Knobs {
		lines = append(lines, "worth     "+worth(&t.Knobs[i]))
	}
	if len(t.Skipped) > 0 {
		lines = append(lines, "left out  "+leftOut(t.Skipped))
	}
	if missed := TuningMissed(r); missed != "" {
		lines = append(lines, "note      "+missed)
	}
	for _, n := range t.Notes {
		lines = append(lines, "note      "+oneline.Of(n))
	}
	lines = append(lines, "probes    "+probesText(t))
	return append(lines, "verdict   "+oneline.Of(r.Verdict.String()))
}

// worth is what a setting brought: the chosen value against its default, or the
// best of those that were not chosen.
func worth(k *result.TunedKnob) string {
	name := oneline.Of(k.Name)
	if k.Rounds == 0 {
		return name + ": not raced"
	}
	beside := ""
	if len(k.Beside) > 0 {
		beside = ", beside " + oneline.Of(result.SettingsText(k.Beside))
	}
	if v := k.Values[k.Chosen]; k.Chosen > 0 && len(v.Ratios) > 0 {
		return fmt.Sprintf("%s: %s is %s times as fast as %s%s", name, oneline.Of(v.Value), ratioText(v.Ratios[0]), oneline.Of(k.Values[0].Value), beside)
	}
	best := -1
	for i, v := range k.Values {
		if i != k.Chosen && len(v.Ratios) > 0 && (best < 0 || v.Ratios[0].Value > k.Values[best].Ratios[0].Value) {
			best = i
		}
	}
	text := fmt.Sprintf("%s: %s stays", name, oneline.Of(k.Values[k.Chosen].Value))
	if best > 0 {
		text += fmt.Sprintf("; next is %s, %s times as fast", oneline.Of(k.Values[best].Value), ratioText(k.Values[best].Ratios[0]))
	}
	return text + beside
}

// leftOut names settings that were not searched, those of one reason together.
func leftOut(list []result.SkippedKnob) string {
	var said oneline.SaidOf
	for _, s := range list {
		said.Add(s.Why, oneline.Of(s.Name))
	}
	reasons := make([]string, len(said.Texts))
	for i, why := range said.Texts {
		reasons[i] = strings.Join(said.Names[why], ", ") + " (" + oneline.Of(why) + ")"
	}
	return strings.Join(reasons, "; ")
}

// probesText counts the probes with what they took.
func probesText(t *result.Tuning) string {
	count := map[string]int{}
	took, dropped, disturbed := 0.0, 0, 0
	for _, p := range t.Probes {
		count[p.Kind]++
		took += p.TookS
		if p.Dropped {
			dropped++
		}
		if p.Verdict == string(result.StateDisturbed) {
			disturbed++
		}
	}
	text := fmt.Sprintf("%d in %.0f s of %.0f: %d of the defaults between the races, %d of races, %d of the confirmation", len(t.Probes), took, t.BudgetS,
		count[result.ProbeBaseline], count[result.ProbeRace], count[result.ProbeConfirm])
	if dropped > 0 {
		text += fmt.Sprintf("; %d dropped because the machine had drifted", dropped)
	}
	if disturbed > 0 {
		text += fmt.Sprintf("; %d disturbed to the end", disturbed)
	}
	return text
}

// TuningMissed says that no settings keep the limits that were tuned for, with what
// was nearest; "": some do, or there are none.
func TuningMissed(r *result.Run) string {
	t := r.Tuning
	g := &t.Goals[0]
	nearest, at := 0.0, -1
	for i, p := range t.Probes {
		if len(p.Values) > 0 && (at < 0 || p.Values[0] < nearest) {
			nearest, at = p.Values[0], i
		}
	}
	if g.Figure != result.TuningSLO || at < 0 || g.Kept(nearest) {
		return ""
	}
	var limits []string
	for _, b := range g.Bounds {
		limits = append(limits, b.String())
	}
	with := result.SettingsText(t.Probes[at].Settings)
	if with == "" {
		with = "the defaults"
	}
	return fmt.Sprintf("no settings keep %s at c=%d: the nearest probe, with %s, is at %.0f %% of a limit; raise the limits, or tune at fewer requests in flight",
		strings.Join(limits, ", "), g.Concurrency, oneline.Of(with), nearest)
}

// TuningText is the table of a search and the answer below it, for a terminal.
func TuningText(r *result.Run) string {
	head, rows := TuningTable(r)
	table := [][]string{head}
	table = append(table, rows...)
	return figure.Table(table) + strings.Join(TuningLines(r), "\n") + "\n"
}

// tuningSection is the search in the report.
func tuningSection(r *result.Run) []doc.Block {
	head, rows := TuningTable(r)
	t := &doc.Table{Columns: doc.Words(head...)}
	for i := range t.Columns {
		t.Columns[i].Number = i > 1 && i < len(head)-1
	}
	for _, row := range rows {
		t.Add(row...)
	}
	return []doc.Block{doc.Stack{Blocks: fieldsOf(TuningLines(r))}, t, doc.Paragraph{Text: doc.T(tuningText)}}
}

// fieldsOf turns lines of a name and a text into fields.
func fieldsOf(lines []string) []doc.Block {
	var out []doc.Block
	for _, line := range lines {
		name, text, _ := strings.Cut(line, "  ")
		out = append(out, doc.Field{Name: strings.ToUpper(name[:1]) + name[1:], Value: doc.T(strings.TrimSpace(text))})
	}
	return out
}

const tuningText = "Figures are how many times as fast as with the default of the setting, in the same rounds, other settings being those taken before; with 95 % intervals from the spread of all rounds. " +
	"A value leaves when its interval says that it is slower than the best, and is taken only where its interval says that it is faster than the one before. " +
	"Of many values the best is a little too good by chance alone: what counts is the confirmation, in processes that have measured nothing else."
