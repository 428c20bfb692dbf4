package compare

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/internal/figure"
	"ceiling/report/doc"
)

// section is a scenario's own table.
func (s *ComparedScenario) section(p *Pair) *doc.Section {
	about := s.Load.String()
	if s.NameB != "" {
		about += fmt.Sprintf("; in %s: \"%s\"", p.B, s.NameB)
	}
	if s.PassesA > 1 || s.PassesB > 1 {
		about += fmt.Sprintf("; passes: %d + %d", s.PassesA, s.PassesB)
	}
	if s.SamePrompts {
		about += "; the same prompts, token by token"
	}
	blocks := []doc.Block{doc.Paragraph{Text: doc.T(about)}}
	for _, f := range s.Flags {
		blocks = append(blocks, doc.Quote{Text: doc.Join(doc.Marked(doc.Strong, "Beware:"), doc.Tf(" %s.", f))})
	}
	known := slices.ContainsFunc(s.Figures, func(f Measure) bool { return f.Interval != nil })
	blocks = append(blocks, s.table(p, known))
	if why := s.noInterval(); !known && why != "" {
		blocks = append(blocks, doc.Paragraph{Text: doc.Tf("No interval: %s.", why)})
	}
	var notes []string
	for _, n := range s.footnotes() {
		notes = append(notes, sentence(n))
	}
	if len(notes) > 0 {
		blocks = append(blocks, doc.Bullets(notes))
	}
	return &doc.Section{Title: s.Name, Blocks: blocks}
}

// table has a row for each figure; known says that there are columns for
// intervals.
func (s *ComparedScenario) table(p *Pair, known bool) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Figure"), doc.Numbers(p.A, p.B, p.B+"/"+p.A, p.B+" − "+p.A))}
	if known {
		t.Columns = slices.Concat(t.Columns, doc.Words("Interval of the ratio"), doc.Numbers("p"))
	}
	for i := range s.Figures {
		t.Rows = append(t.Rows, s.row(&s.Figures[i], known))
	}
	return t
}

// noInterval is why none of the figures has an interval.
func (s *ComparedScenario) noInterval() string {
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
func (s *ComparedScenario) row(f *Measure, known bool) []doc.Text {
	info := f.Metric.Info()
	value := func(v *float64) doc.Text {
		if v == nil {
			return doc.T(figure.Missing)
		}
		return doc.T(info.Format(*v))
	}
	title := info.Title
	if info.Unit != "" {
		title += " (" + info.Unit + ")"
	}
	difference := figure.Missing
	if f.Difference != nil {
		difference = signed(*f.Difference, info.Decimals)
	}
	ratio := s.cell(f, ratioText)
	if f.NotSame != "" {
		ratio = doc.T("not the same †")
	}
	row := []doc.Text{doc.T(title), value(f.A), value(f.B), ratio, doc.T(difference)}
	if known {
		p := figure.Missing
		if f.Interval != nil {
			p = pText(f.Interval.P)
		}
		row = append(row, doc.T(f.intervalCell()), doc.T(p))
	}
	return row
}

func (f *Measure) intervalCell() string {
	i := f.Interval
	if i == nil {
		if f.Ratio == nil {
			return figure.Missing
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
func (s *ComparedScenario) footnotes() []string {
	var out []string
	for i := range s.Figures {
		if f := &s.Figures[i]; f.NotSame != "" {
			out = append(out, "† "+f.Metric.Info().Title+": "+f.NotSame)
		}
	}
	for i := range s.Figures {
		if f := &s.Figures[i]; f.Interval != nil && f.Interval.LeftOut > 0 {
			out = append(out, fmt.Sprintf("%s: %s of 0 left out of the interval: a ratio takes values above 0",
				f.Metric.Info().Title, figure.Plural(f.Interval.LeftOut, "value", "values")))
		}
	}
	out = append(out, s.needs()...)
	return append(out, s.Notes...)
}

// needs are what it takes to know more: passes for an interval, and passes
// for the differences of the main figures that may be noise.
func (s *ComparedScenario) needs() []string {
	var out, more []string
	within := false // a margin was asked for
	for i := range s.Figures {
		f := &s.Figures[i]
		m := f.Metric
		within = within || f.Equal != nil
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
		would := "show a difference of the size seen"
		if within {
			would = "decide, if what is seen is what is"
		}
		out = append(out, fmt.Sprintf("More passes of each side that would %s: %s", would, strings.Join(more, ", ")))
	}
	return out
}
