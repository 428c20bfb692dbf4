package compare

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
	"ceiling/report/metric"
)

// Document builds the comparison: what was compared, the ratios of each pair,
// then what they rest on, then every figure.
func (c *Comparison) Document() *doc.Document {
	d := &doc.Document{Title: "Comparison"}
	c.runs(d)
	for i := range c.Pairs {
		if o := c.Pairs[i].Overall; o != nil && len(o.said) > 0 {
			d.Lead = append(d.Lead, doc.Paragraph{Text: o.said})
		}
	}
	for i := range c.Pairs {
		c.ratios(d, &c.Pairs[i])
	}
	d.Section(ChartsTitle)
	c.conditionsSection(d)
	c.findingsSection(d)
	for i := range c.Pairs {
		figuresSection(d, &c.Pairs[i])
	}
	c.method(d)
	return d
}

// ChartsTitle is the section of a comparison's page that charts belong in.
const ChartsTitle = "Charts"

// runs is a line for each run, the only place that has its file's name.
func (c *Comparison) runs(d *doc.Document) {
	names := c.shortNames()
	for i := range c.Runs {
		r := &c.Runs[i]
		parts := []string{names[i], r.Tool, r.Model, r.Hardware, r.Date}
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		d.Fields = append(d.Fields, doc.Field{Name: r.Label, Value: doc.T(strings.Join(parts, " · "))})
	}
	var differ []string
	for i := range c.Conditions {
		if c.Conditions[i].Differs {
			differ = append(differ, c.Conditions[i].Name)
		}
	}
	if len(differ) > 0 {
		d.Fields = append(d.Fields, doc.Field{Name: "Differs", Value: doc.T(strings.Join(differ, ", "))})
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
	return slices.ContainsFunc(c.Runs, func(r ComparedRun) bool {
		path := "/" + strings.TrimSuffix(filepath.ToSlash(r.Path), "/")
		return r.Path != c.Runs[i].Path && strings.HasSuffix(path, "/"+end)
	})
}

// conditionsSection shows what differs and what only some files tell, what all
// have in common in one line, and what to know of whole runs.
func (c *Comparison) conditionsSection(d *doc.Document) {
	s := d.Add("Conditions of the runs")
	var differ, unknown []*ComparedCondition
	var shared []string
	for i := range c.Conditions {
		switch x := &c.Conditions[i]; {
		case x.Differs:
			differ = append(differ, x)
		case !x.known():
			unknown = append(unknown, x)
		default:
			shared = append(shared, x.Name+" "+x.Values[0])
		}
	}
	switch len(differ) {
	case 0:
		s.Blocks = append(s.Blocks, doc.Paragraph{Text: doc.T("No condition that the files tell differs.")})
	default:
		s.Blocks = append(s.Blocks, doc.Paragraph{Text: doc.Join(doc.Marked(doc.Strong, figure.Plural(len(differ), "condition differs", "conditions differ")+"."),
			doc.T(" The figures compare all of that at once."))})
	}
	if len(differ)+len(unknown) > 0 {
		s.Blocks = append(s.Blocks, c.conditionsTable(differ, unknown))
	}
	if len(shared) > 0 {
		s.Blocks = append(s.Blocks, doc.Paragraph{Text: doc.T("The same in all: " + strings.Join(shared, "; ") + ".")})
	}
	var notes []string
	for i := range c.Runs {
		for _, n := range c.Runs[i].Notes {
			notes = append(notes, c.Runs[i].Label+": "+sentence(n))
		}
	}
	if len(notes) > 0 {
		s.Blocks = append(s.Blocks, doc.Bullets(notes))
	}
}

func (c *Comparison) conditionsTable(differ, unknown []*ComparedCondition) *doc.Table {
	t := &doc.Table{Columns: doc.Words("Condition")}
	for i := range c.Runs {
		t.Columns = append(t.Columns, doc.Words(c.Runs[i].Label)...)
	}
	for i, x := range append(differ, unknown...) {
		name := doc.T(x.Name)
		if i < len(differ) {
			name = doc.Marked(doc.Strong, x.Name)
		}
		row := []doc.Text{name}
		for _, v := range x.Values {
			row = append(row, doc.T(told(v)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
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
	return v
}

func (c *Comparison) findingsSection(d *doc.Document) {
	if len(c.Findings) == 0 {
		return
	}
	var list doc.List
	for i := range c.Runs {
		for _, k := range kinds {
			var of []doc.Text
			for _, f := range c.Findings {
				if f.Run == c.Runs[i].Label && f.Kind == k {
					of = append(of, doc.Tf("%s: %s.", f.Scenario, f.Text))
				}
			}
			if len(of) > 0 {
				list = append(list, doc.Item{Text: doc.Join(doc.Marked(doc.Strong, fmt.Sprintf("%s, %s.", c.Runs[i].Label, k)), doc.Tf(" %s.", meaning[k])), Sub: of})
			}
		}
	}
	d.Add("Figures not to take at face value", list)
}

// ratios is what a pair comes to.
func (c *Comparison) ratios(d *doc.Document, p *Pair) {
	s := d.Add(fmt.Sprintf("%s against %s", p.B, p.A))
	if len(p.Scenarios) == 0 {
		s.Blocks = []doc.Block{doc.Paragraph{Text: doc.T("No load is in both.")}}
	} else {
		s.Blocks = c.overview(p)
	}
	if p.Overhead != nil {
		s.Parts = append(s.Parts, p.Overhead.section())
	}
}

// figuresSection is every figure of a pair.
func figuresSection(d *doc.Document, p *Pair) {
	s := d.Add(fmt.Sprintf("Figures of %s and %s", p.B, p.A))
	for i := range p.Scenarios {
		s.Parts = append(s.Parts, p.Scenarios[i].section(p))
	}
	if len(p.Unmatched) > 0 {
		var lines []string
		for _, u := range p.Unmatched {
			lines = append(lines, fmt.Sprintf("Only in %s: %s (%s); %s.", u.Run, u.Name, u.Load, u.Why))
		}
		s.Parts = append(s.Parts, &doc.Section{Title: "Not compared", Blocks: []doc.Block{doc.Bullets(lines)}})
	}
}

// overview is one line per scenario: the ratios of the main figures.
func (c *Comparison) overview(p *Pair) []doc.Block {
	columns := p.columns()
	marked, flagged := false, false
	for i := range p.Scenarios {
		for _, f := range p.Scenarios[i].Figures {
			marked = marked || f.Interval != nil && f.Interval.Basis != Requests
		}
		flagged = flagged || p.flag(c, &p.Scenarios[i]) != nil
	}
	t := &doc.Table{Columns: append(doc.Words("Scenario"), doc.Column{Title: "Load", Aside: true})}
	for _, m := range columns {
		t.Columns = append(t.Columns, doc.Numbers(m.Info().Title)...)
	}
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		row := []doc.Text{doc.T(s.Name), doc.T(s.Load.String())}
		for _, m := range columns {
			row = append(row, s.cell(s.figure(m), changeText))
		}
		if flagged {
			row = append(row, p.flag(c, s))
		}
		t.Rows = append(t.Rows, row)
	}
	if len(p.Scenarios) > 1 {
		row := p.geometricMean(columns)
		if flagged {
			row = append(row, nil)
		}
		t.Rows = append(t.Rows, row)
	}
	if flagged {
		t.Columns = append(t.Columns, doc.Words("Beware")...)
	}
	return []doc.Block{c.legend(p, marked), t}
}

// legend says how to read the overview's ratios.
func (c *Comparison) legend(p *Pair, marked bool) doc.Block {
	text := doc.Tf("%s against %s. Below 0 is better for TTFT and TPOT, above 0 for throughput and rate. ", p.B, p.A)
	if !marked {
		return doc.Paragraph{Text: doc.Join(text, doc.T("One figure a side, or too few passes: this is about these two runs only."))}
	}
	text = doc.Join(text, doc.Marked(doc.Strong, "Bold"), doc.T(": different; "))
	undecided := ": no difference shows; "
	if c.EqualWithin > 0 {
		text = doc.Join(text, doc.Marked(doc.Code, "="), doc.Tf(": the same within %s; ", percentText(c.EqualWithin)))
		undecided = ": undecided; "
	}
	return doc.Paragraph{Text: doc.Join(text, doc.Marked(doc.Code, "~"), doc.T(undecided+"plain: too few passes, or not valid."))}
}

// columns are the overview's metrics that some scenario has a ratio of. Runs
// of tools that measure none of them show what they do measure.
func (p *Pair) columns() []metric.Key {
	has := func(m metric.Key) bool {
		return slices.ContainsFunc(p.Scenarios, func(s ComparedScenario) bool {
			f := s.figure(m)
			return f != nil && f.Ratio != nil
		})
	}
	var out []metric.Key
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
func (p *Pair) flag(c *Comparison, s *ComparedScenario) doc.Text {
	var out []doc.Text
	if s.CacheDiffers {
		out = append(out, doc.Marked(doc.Strong, "CACHE STATE DIFFERS"))
	}
	if s.DraftsDiffer {
		out = append(out, doc.Marked(doc.Strong, "SPECULATION DIFFERS"))
	}
	if s.Synthetic {
		out = append(out, doc.Marked(doc.Strong, "SYNTHETIC ACCEPTANCE"))
	}
	for _, side := range s.sides(p) {
		if !side.v.Trusted() {
			out = append(out, doc.Tf("%s (%s)", side.v.State, side.label))
		}
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
			out = append(out, doc.Tf("%s (%s)", k, strings.Join(in, ", ")))
		}
	}
	var text doc.Text
	for i, t := range out {
		if i > 0 {
			text = doc.Join(text, doc.T("; "))
		}
		text = doc.Join(text, t)
	}
	return text
}

// geometricMean is the overview's last row: what the ratios come to over all
// scenarios that have one.
func (p *Pair) geometricMean(columns []metric.Key) []doc.Text {
	row := []doc.Text{doc.Marked(doc.Emphasis, "Geometric mean"), nil}
	for _, m := range columns {
		sum, n := 0.0, 0
		for i := range p.Scenarios {
			if f := p.Scenarios[i].figure(m); f != nil && f.Ratio != nil && *f.Ratio > 0 {
				sum += math.Log(*f.Ratio)
				n++
			}
		}
		mean := changeText(math.Exp(sum / float64(max(n, 1))))
		switch {
		case n < 2:
			row = append(row, doc.T(figure.Missing))
			continue
		case n < len(p.Scenarios):
			mean += fmt.Sprintf(" (of %d)", n)
		}
		row = append(row, doc.Marked(doc.Emphasis, mean))
	}
	return row
}

// cell is a figure's ratio with the mark of its verdict; only figures that can
// be trusted stand out.
func (s *ComparedScenario) cell(f *Measure, write func(float64) string) doc.Text {
	if f == nil || f.Ratio == nil {
		return doc.T(figure.Missing)
	}
	text := write(*f.Ratio)
	if !s.VerdictA.Trusted() || !s.VerdictB.Trusted() {
		return doc.T(text)
	}
	switch f.Verdict() {
	case Differs:
		return doc.Marked(doc.Strong, text)
	case Same:
		return doc.T(text + " =")
	case Undecided:
		return doc.T(text + " ~")
	}
	return doc.T(text)
}

// method says what the intervals are and what they take for granted.
func (c *Comparison) method(d *doc.Document) {
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
	assumption := "Assumption: none about the distribution (nonparametric); the test is Mann–Whitney's U, of paired requests the sign test"
	if c.Assume == Normal {
		assumption = "Assumption: normal distributions; the test is Welch's t, of paired requests the paired t"
	}
	var list doc.List
	add := func(texts ...doc.Text) { list = append(list, doc.Item{Text: doc.Join(texts...)}) }
	add(doc.Tf("%s. Intervals hold with %.0f %% confidence. A figure is called different when the interval leaves 1 out and p is below %.2f.", assumption, 100*c.Confidence, 1-c.Confidence))
	if c.EqualWithin > 0 {
		add(doc.Marked(doc.Strong, "same"), doc.Tf(": two one-sided tests at the %.0f %% level each show the ratio above 1/%.3f and below %.3f.", 100*(1-c.Confidence), 1+c.EqualWithin, 1+c.EqualWithin))
	}
	if used[Processes] {
		add(doc.Marked(doc.Strong, "processes"), doc.T(": one value per process that ran the load. This is what another run would show."))
	}
	if used[Passes] {
		add(doc.Marked(doc.Strong, "passes"), doc.T(": one value per pass over the whole load, of one process a side. This is what a further pass would show; another process has another memory layout ("),
			doc.Marked(doc.Code, "ceiling run --repeat-process"), doc.T(")."))
	}
	if used[Requests] {
		add(doc.Marked(doc.Strong, "requests"), doc.T(": one value per request of one run each. Requests of a run share their batches and the state of the machine, so they are no independent repeats: the interval says how well these two runs are known, not what another run would show, and is too narrow for that. Paired: each request stands against that with the same prompt."))
	}
	if none {
		add(doc.Marked(doc.Strong, "no interval"), doc.Tf(": the files hold one figure each, and nothing says how much it varies. An interval takes %s (", leastPasses(c.Assume)),
			doc.Marked(doc.Code, "ceiling run --repeat-process"), doc.T(")."))
	}
	d.Add("How to read the intervals", list)
}

// sentence ends a note with one full stop.
func sentence(s string) string { return strings.TrimSuffix(oneline.Of(s), ".") + "." }
