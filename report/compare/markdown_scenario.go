package compare

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/internal/oneline"
)

// markdown is a scenario's own table.
func (s *Scenario) markdown(b *strings.Builder, p *Pair) {
	fmt.Fprintf(b, "### %s\n\n", oneline.Markdown(s.Name))
	b.WriteString(s.Load.String())
	if s.NameB != "" {
		fmt.Fprintf(b, "; in %s: \"%s\"", p.B, oneline.Markdown(s.NameB))
	}
	if s.PassesA > 1 || s.PassesB > 1 {
		fmt.Fprintf(b, "; passes: %d + %d", s.PassesA, s.PassesB)
	}
	if s.SamePrompts {
		b.WriteString("; the same prompts, token by token")
	}
	b.WriteString("\n\n")
	for _, f := range s.Flags {
		fmt.Fprintf(b, "> **Beware:** %s.\n\n", f)
	}
	fmt.Fprintf(b, "| Figure | %s | %s | %s/%s | %s − %s |", p.A, p.B, p.B, p.A, p.B, p.A)
	known := slices.ContainsFunc(s.Figures, func(f Figure) bool { return f.Interval != nil })
	if known {
		b.WriteString(" Interval of the ratio | p |")
	}
	b.WriteString("\n|---|---:|---:|---:|---:|")
	if known {
		b.WriteString("---|---:|")
	}
	b.WriteString("\n")
	for i := range s.Figures {
		s.Figures[i].row(b, known)
	}
	b.WriteString("\n")
	if why := s.noInterval(); !known && why != "" {
		fmt.Fprintf(b, "No interval: %s.\n\n", why)
	}
	for _, n := range s.footnotes() {
		fmt.Fprintf(b, "- %s\n", sentence(n))
	}
	if len(s.footnotes()) > 0 {
		b.WriteString("\n")
	}
}

// noInterval is why none of the figures has an interval.
func (s *Scenario) noInterval() string {
	for i := range s.Figures {
		if f := &s.Figures[i]; f.Ratio != nil && fromRecords[f.Metric] != nil {
			return f.Why
		}
	}
	for i := range s.Figures {
		if f := &s.Figures[i]; f.Ratio != nil {
			return f.Why
		}
	}
	return ""
}

// row is one figure's; known says that the table has columns for intervals.
func (f *Figure) row(b *strings.Builder, known bool) {
	info := f.Metric.Info()
	value := func(v *float64) string {
		if v == nil {
			return missing
		}
		return info.Format(*v)
	}
	title := info.Title
	if info.Unit != "" {
		title += " (" + info.Unit + ")"
	}
	difference := missing
	if f.Difference != nil {
		difference = signed(*f.Difference, info.Decimals)
	}
	ratio := f.ratioCell()
	if f.NotSame != "" {
		ratio = "not the same †"
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s |", title, value(f.A), value(f.B), ratio, difference)
	if known {
		p := missing
		if f.Interval != nil {
			p = pText(f.Interval.P)
		}
		fmt.Fprintf(b, " %s | %s |", f.intervalCell(), p)
	}
	b.WriteString("\n")
}

func (f *Figure) intervalCell() string {
	i := f.Interval
	if i == nil {
		if f.Ratio == nil {
			return missing
		}
		return "no interval: " + f.Why
	}
	of := string(i.Basis)
	if i.Paired {
		of = "paired " + of
	}
	n := fmt.Sprintf("%d + %d", i.NA, i.NB)
	if i.Paired {
		n = fmt.Sprint(i.NA)
	}
	return fmt.Sprintf("%s – %s (%s %s)", ratioText(i.Lo), ratioText(i.Hi), n, of)
}

// footnotes are what a scenario's table needs to be understood: what is not
// the same quantity, how many passes more would tell, the notes of the files.
func (s *Scenario) footnotes() []string {
	var out []string
	for i := range s.Figures {
		if f := &s.Figures[i]; f.NotSame != "" {
			out = append(out, "† "+f.Metric.Info().Title+": "+f.NotSame)
		}
	}
	for i := range s.Figures {
		if f := &s.Figures[i]; f.Interval != nil && f.Interval.LeftOut > 0 {
			out = append(out, fmt.Sprintf("%s: %s of 0 left out of the interval: a ratio takes values above 0",
				f.Metric.Info().Title, count(f.Interval.LeftOut, "value", "values")))
		}
	}
	out = append(out, s.needs()...)
	return append(out, s.Notes...)
}

// needs are what it takes to know more: passes for an interval, and passes
// for the differences of the main figures that may be noise.
func (s *Scenario) needs() []string {
	var out, more []string
	for i := range s.Figures {
		f := &s.Figures[i]
		m := f.Metric
		if f.Ratio == nil {
			continue
		}
		if f.tooFew && len(out) == 0 {
			out = append(out, "An interval over passes takes "+f.Need)
		}
		switch {
		case !slices.Contains(overview, m): // the others follow from these
		case f.MorePasses > MostPasses:
			more = append(more, fmt.Sprintf("%s more than %d", m.Info().Title, MostPasses))
		case f.MorePasses > 0:
			more = append(more, fmt.Sprintf("%s about %d", m.Info().Title, f.MorePasses))
		}
	}
	if len(more) > 0 {
		out = append(out, "More passes of each side that would show a difference of the size seen: "+strings.Join(more, ", "))
	}
	return out
}
