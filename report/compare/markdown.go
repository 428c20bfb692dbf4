package compare

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/internal/oneline"
	"ceiling/report/importer"
)

// Markdown renders the comparison: what was compared, the ratios of each pair,
// then what they rest on, then every figure.
func (c *Comparison) Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Comparison\n\n")
	c.runs(&b)
	for i := range c.Pairs {
		c.ratios(&b, &c.Pairs[i])
	}
	c.conditionsTable(&b)
	c.notes(&b)
	c.findingsList(&b)
	for i := range c.Pairs {
		c.figures(&b, &c.Pairs[i])
	}
	c.method(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// runs is a line for each run, the only place that has its file's name.
func (c *Comparison) runs(b *strings.Builder) {
	names := c.shortNames()
	for i := range c.Runs {
		r := &c.Runs[i]
		parts := []string{names[i], r.Tool, r.Model, r.Hardware, r.Date}
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		fmt.Fprintf(b, "**%s:** %s\n\n", r.Label, oneline.Markdown(strings.Join(parts, " · ")))
	}
	var differ []string
	for i := range c.Conditions {
		if c.Conditions[i].Differs {
			differ = append(differ, c.Conditions[i].Name)
		}
	}
	if len(differ) > 0 {
		fmt.Fprintf(b, "**Differs:** %s\n\n", strings.Join(differ, ", "))
	}
}

// shortNames are the ends of the runs' paths, as long as it takes to tell
// different ones apart.
func (c *Comparison) shortNames() []string {
	out := make([]string, len(c.Runs))
	for i := range c.Runs {
		parts := strings.FieldsFunc(c.Runs[i].Path, func(r rune) bool { return r == '/' || r == '\\' })
		for n := 1; n <= len(parts); n++ {
			out[i] = strings.Join(parts[len(parts)-n:], "/")
			if out[i] != "." && !c.ambiguous(i, out[i]) {
				break
			}
		}
	}
	return out
}

// ambiguous says whether another run's path, which is not the same, ends alike.
func (c *Comparison) ambiguous(i int, end string) bool {
	return slices.ContainsFunc(c.Runs, func(r Run) bool {
		path := "/" + strings.TrimSuffix(filepath.ToSlash(r.Path), "/")
		return r.Path != c.Runs[i].Path && strings.HasSuffix(path, "/"+end)
	})
}

// notes are what to know of whole runs.
func (c *Comparison) notes(b *strings.Builder) {
	noted := false
	for i := range c.Runs {
		for _, n := range c.Runs[i].Notes {
			fmt.Fprintf(b, "- %s: %s\n", c.Runs[i].Label, sentence(n))
			noted = true
		}
	}
	if noted {
		b.WriteString("\n")
	}
}

// conditionsTable shows what differs and what only some files tell; what all
// have in common is one line.
func (c *Comparison) conditionsTable(b *strings.Builder) {
	b.WriteString("## Conditions of the runs\n\n")
	var differ, unknown []*Condition
	var shared []string
	for i := range c.Conditions {
		switch x := &c.Conditions[i]; {
		case x.Differs:
			differ = append(differ, x)
		case !x.known():
			unknown = append(unknown, x)
		default:
			shared = append(shared, x.Name+" "+oneline.Markdown(x.Values[0]))
		}
	}
	switch len(differ) {
	case 0:
		b.WriteString("No condition that the files tell differs.\n\n")
	default:
		fmt.Fprintf(b, "**%s.** The figures compare all of that at once.\n\n", count(len(differ), "condition differs", "conditions differ"))
	}
	if len(differ)+len(unknown) > 0 {
		b.WriteString("| Condition |")
		for i := range c.Runs {
			b.WriteString(" " + c.Runs[i].Label + " |")
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(c.Runs)) + "\n")
		for _, x := range differ {
			fmt.Fprintf(b, "| **%s** |", x.Name)
			for _, v := range x.Values {
				fmt.Fprintf(b, " %s |", told(v))
			}
			b.WriteString("\n")
		}
		for _, x := range unknown {
			fmt.Fprintf(b, "| %s |", x.Name)
			for _, v := range x.Values {
				fmt.Fprintf(b, " %s |", told(v))
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	if len(shared) > 0 {
		b.WriteString("The same in all: " + strings.Join(shared, "; ") + ".\n\n")
	}
}

// told is a condition's value in a cell. A long list, such as a set of
// environment switches, is cut.
func told(v string) string {
	const most = 120
	if v == "" {
		return "unknown"
	}
	if r := []rune(v); len(r) > most {
		v = string(r[:most]) + "…"
	}
	return cell(v)
}

func (c *Comparison) findingsList(b *strings.Builder) {
	if len(c.Findings) == 0 {
		return
	}
	b.WriteString("## Figures not to take at face value\n\n")
	for i := range c.Runs {
		for _, k := range kinds {
			var lines []string
			for _, f := range c.Findings {
				if f.Run == c.Runs[i].Label && f.Kind == k {
					lines = append(lines, fmt.Sprintf("  - %s: %s.\n", oneline.Markdown(f.Scenario), f.Text))
				}
			}
			if len(lines) > 0 {
				fmt.Fprintf(b, "- **%s, %s.** %s.\n%s", c.Runs[i].Label, k, meaning[k], strings.Join(lines, ""))
			}
		}
	}
	b.WriteString("\n")
}

// ratios is what a pair comes to.
func (c *Comparison) ratios(b *strings.Builder, p *Pair) {
	fmt.Fprintf(b, "## %s against %s\n\n", p.B, p.A)
	if len(p.Scenarios) == 0 {
		b.WriteString("No load is in both.\n\n")
	} else {
		c.overview(b, p)
	}
	if p.Tax != nil {
		p.Tax.markdown(b)
	}
}

// figures is every figure of a pair.
func (c *Comparison) figures(b *strings.Builder, p *Pair) {
	fmt.Fprintf(b, "## Figures of %s and %s\n\n", p.B, p.A)
	for i := range p.Scenarios {
		p.Scenarios[i].markdown(b, p)
	}
	if len(p.Unmatched) > 0 {
		fmt.Fprintf(b, "### Not compared\n\n")
		for _, u := range p.Unmatched {
			fmt.Fprintf(b, "- Only in %s: %s (%s); %s.\n", u.Run, oneline.Markdown(u.Name), u.Load, u.Why)
		}
		b.WriteString("\n")
	}
}

// overview is one line per scenario: the ratios of the main figures.
func (c *Comparison) overview(b *strings.Builder, p *Pair) {
	fmt.Fprintf(b, "Ratios %s/%s. Below 1 is better for TTFT and TPOT, above 1 for throughput and rate.", p.B, p.A)
	marked, flagged := false, false
	for i := range p.Scenarios {
		for _, f := range p.Scenarios[i].Figures {
			marked = marked || f.Interval != nil
		}
		flagged = flagged || p.flag(c, &p.Scenarios[i]) != ""
	}
	if marked {
		b.WriteString(" **Bold**: a significant difference; ~: none was found; plain: no interval, nothing is known of the noise.")
	} else {
		b.WriteString(" No figure has an interval: nothing is known of the noise.")
	}
	columns := p.columns()
	b.WriteString("\n\n| Scenario | Load |")
	for _, m := range columns {
		fmt.Fprintf(b, " %s |", m.Info().Title)
	}
	if flagged {
		b.WriteString(" Beware |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---:|", len(columns)))
	if flagged {
		b.WriteString("---|")
	}
	b.WriteString("\n")
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		fmt.Fprintf(b, "| %s | %s |", cell(s.Name), s.Load)
		for _, m := range columns {
			fmt.Fprintf(b, " %s |", s.figure(m).ratioCell())
		}
		if flagged {
			fmt.Fprintf(b, " %s |", p.flag(c, s))
		}
		b.WriteString("\n")
	}
	if len(p.Scenarios) > 1 {
		p.geometricMean(b, columns)
		if flagged {
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// columns are the overview's metrics that some scenario has a ratio of. Runs
// of tools that measure none of them show what they do measure.
func (p *Pair) columns() []importer.Metric {
	has := func(m importer.Metric) bool {
		return slices.ContainsFunc(p.Scenarios, func(s Scenario) bool {
			f := s.figure(m)
			return f != nil && f.Ratio != nil
		})
	}
	var out []importer.Metric
	for _, m := range overview {
		if has(m) {
			out = append(out, m)
		}
	}
	if len(out) > 0 {
		return out
	}
	for i := range p.Scenarios {
		for _, f := range p.Scenarios[i].Figures {
			if f.Ratio != nil && !slices.Contains(out, f.Metric) && len(out) < len(overview) {
				out = append(out, f.Metric)
			}
		}
	}
	return out
}

// flag sums up in a few words why a scenario's ratios may mislead.
func (p *Pair) flag(c *Comparison, s *Scenario) string {
	var out []string
	if s.CacheDiffers {
		out = append(out, "**CACHE STATE DIFFERS**")
	}
	nameB := cmp.Or(s.NameB, s.Name)
	for _, k := range kinds {
		var in []string
		for _, f := range c.Findings {
			if f.Kind == k && (f.Run == p.A && f.Scenario == s.Name || f.Run == p.B && f.Scenario == nameB) {
				in = append(in, f.Run)
			}
		}
		if len(in) > 0 {
			out = append(out, fmt.Sprintf("%s (%s)", k, strings.Join(in, ", ")))
		}
	}
	return strings.Join(out, "; ")
}

// geometricMean is the overview's last row: what the ratios come to over all
// scenarios that have one.
func (p *Pair) geometricMean(b *strings.Builder, columns []importer.Metric) {
	fmt.Fprintf(b, "| *Geometric mean* | |")
	for _, m := range columns {
		sum, n := 0.0, 0
		for i := range p.Scenarios {
			if f := p.Scenarios[i].figure(m); f != nil && f.Ratio != nil && *f.Ratio > 0 {
				sum += math.Log(*f.Ratio)
				n++
			}
		}
		switch {
		case n < 2:
			fmt.Fprintf(b, " %s |", missing)
		case n < len(p.Scenarios):
			fmt.Fprintf(b, " *%s (of %d)* |", ratioText(math.Exp(sum/float64(n))), n)
		default:
			fmt.Fprintf(b, " *%s* |", ratioText(math.Exp(sum/float64(n))))
		}
	}
}

func (f *Figure) ratioCell() string {
	if f == nil || f.Ratio == nil {
		return missing
	}
	text := ratioText(*f.Ratio)
	switch f.Verdict() {
	case Differs:
		return "**" + text + "**"
	case Same:
		return text + " ~"
	}
	return text
}

// method says what the intervals are and what they take for granted.
func (c *Comparison) method(b *strings.Builder) {
	used := map[Basis]bool{}
	none := false
	for i := range c.Pairs {
		for k := range c.Pairs[i].Scenarios {
			for _, f := range c.Pairs[i].Scenarios[k].Figures {
				if f.Interval != nil {
					used[f.Interval.Basis] = true
				} else if f.Ratio != nil {
					none = true
				}
			}
		}
	}
	if !none && len(used) == 0 {
		return
	}
	b.WriteString("## How to read the intervals\n\n")
	assumption := "Assumption: none about the distribution (nonparametric); the test is Mann–Whitney's U, of paired requests the sign test"
	if c.Assume == Normal {
		assumption = "Assumption: normal distributions; the test is Welch's t, of paired requests the paired t"
	}
	fmt.Fprintf(b, "- %s. Intervals hold with %.0f %% confidence. A difference is called significant when the interval leaves 1 out and p is below %.2f.\n", assumption, 100*c.Confidence, 1-c.Confidence)
	if used[Passes] {
		b.WriteString("- **passes**: one value per pass over the whole load. This is what another run would show.\n")
	}
	if used[Requests] {
		b.WriteString("- **requests**: one value per request of one run each. Requests of a run share their batches and the state of the machine, so they are no independent repeats: the interval says how well these two runs are known, not what another run would show, and is too narrow for that. Paired: each request stands against that with the same prompt.\n")
	}
	if none {
		n := "4 passes of each side, or 2 with --assume normal"
		if c.Assume == Normal {
			n = "2 passes of each side"
		}
		fmt.Fprintf(b, "- **no interval**: the files hold one figure each, and nothing says how much it varies. An interval takes %s (`ceiling run --repeat`).\n", n)
	}
}

// sentence ends a note with one full stop.
func sentence(s string) string { return strings.TrimSuffix(oneline.Markdown(s), ".") + "." }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
