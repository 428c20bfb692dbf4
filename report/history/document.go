package history

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/chart"
	"ceiling/report/compare"
	"ceiling/report/doc"
)

// Rows are a group's runs as a table.
func (h *History) Rows(g *RunGroup) (head []string, rows [][]string) {
	head = []string{"Run", "Date", "Verdict", h.Metric.Info().Title + " against the run before", "Loads that changed"}
	for i := range g.Runs {
		r := &g.Runs[i]
		rows = append(rows, []string{r.Name, figure.OrMissing(day(r.Date)), r.state(), r.meanText(), figure.OrMissing(strings.Join(h.changes(r), "; "))})
	}
	return head, rows
}

// day is a date to the minute.
func day(date string) string {
	const minute = len("2006-01-02T15:04")
	if len(date) < minute {
		return oneline.Of(date)
	}
	return oneline.Of(strings.Replace(date[:minute], "T", " ", 1))
}

func (r *PastRun) state() string {
	state := string(result.StateUnknown)
	if r.Verdict != nil {
		state = oneline.Of(string(r.Verdict.State))
	}
	if r.Partial {
		state += ", partial"
	}
	return state
}

// meanText is the mean change: "+1.2 % over 10 loads".
func (r *PastRun) meanText() string {
	ratio, n := r.Mean()
	if n == 0 {
		return figure.Missing
	}
	return fmt.Sprintf("%s over %s", percent(ratio), figure.Count(n, "load"))
}

func percent(ratio float64) string { return fmt.Sprintf("%+.1f %%", 100*(ratio-1)) }

// changes are the loads that changed by more than noise, each with the interval of
// its ratio.
func (h *History) changes(r *PastRun) []string {
	var out []string
	for i := range r.Loads {
		l := &r.Loads[i]
		if !l.Changed() {
			continue
		}
		text := fmt.Sprintf("%s %s (%s to %s)", oneline.Of(l.Name), percent(*l.Ratio), percent(l.Interval.Lo), percent(l.Interval.Hi))
		if l.Change == compare.TwoRuns {
			text += "*"
		}
		out = append(out, text)
	}
	return out
}

// Footnote explains the star behind a change, and what the columns rest on.
const Footnote = "* in these two runs only: each has one pass, and another run may show something else. Changes are those of the comparison's own test at the 5 % level; the mean is geometric, over the loads of both runs, whatever the test says."

// Title heads a group.
func (g *RunGroup) Title() string {
	text := figure.OrMissing(g.Model) + " on " + figure.OrMissing(g.Hardware)
	if g.Server {
		text += ", through a server"
	}
	return text
}

// Document is the page of all groups, with their charts.
func (h *History) Document(version string) *doc.Document {
	info := h.Metric.Info()
	d := &doc.Document{Title: "History", Subject: h.Folder, Spacing: doc.Wide, Footer: "Made by ceiling " + version + " from the runs in " + h.Folder,
		Fields: []doc.Field{{Name: "Folder", Value: doc.T(h.Folder)}, {Name: "Metric", Value: doc.T(info.Heading())}}}
	for i := range h.Groups {
		g := &h.Groups[i]
		head, rows := h.Rows(g)
		t := &doc.Table{Columns: doc.Words(head...)}
		for _, row := range rows {
			t.Add(row...)
		}
		d.Add(g.Title(), t, doc.Paragraph{Text: doc.T(Footnote)}, h.values(g))
	}
	if len(h.Notes) > 0 {
		d.Add("Left out", doc.Bullets(h.Notes))
	}
	return d
}

// values is the table of every load in every run.
func (h *History) values(g *RunGroup) *doc.Table {
	head := []string{"Load"}
	for _, r := range g.Runs {
		head = append(head, r.Name)
	}
	t := &doc.Table{Columns: append(doc.Words(head[0]), doc.Numbers(head[1:]...)...)}
	for _, name := range g.loadNames() {
		row := []string{name}
		for i := range g.Runs {
			row = append(row, h.Metric.Info().Text(g.Runs[i].value(name)))
		}
		t.Add(row...)
	}
	return t
}

// loadNames are those of all runs, in the order in which they first appear.
func (g *RunGroup) loadNames() []string {
	var out []string
	for _, r := range g.Runs {
		for _, l := range r.Loads {
			if !slices.Contains(out, l.Name) {
				out = append(out, l.Name)
			}
		}
	}
	return out
}

// load is the run's, nil for none of that name.
func (r *PastRun) load(name string) *PastLoad {
	for i := range r.Loads {
		if r.Loads[i].Name == name {
			return &r.Loads[i]
		}
	}
	return nil
}

func (r *PastRun) value(name string) *float64 {
	if l := r.load(name); l != nil {
		return l.Value
	}
	return nil
}

// Charts draws a chart for each group of two runs or more, with a line for each
// load. undrawn is that of [chart.Figures].
func (h *History) Charts() (charts []chart.Chart, undrawn []string) {
	var groups []chart.Timeline
	for i := range h.Groups {
		g := &h.Groups[i]
		t := chart.Timeline{Place: chart.Place(g.Title()), Title: h.Metric.Info().Title + " of run after run", Unit: h.Metric.Info().Unit}
		for _, r := range g.Runs {
			t.Runs = append(t.Runs, r.Name)
		}
		for _, name := range g.loadNames() {
			l := chart.TimelineLoad{Name: name}
			for k := range g.Runs {
				v, change := math.NaN(), ""
				if own := g.Runs[k].load(name); own != nil && own.Value != nil {
					v = *own.Value
					if own.Changed() {
						change = percent(*own.Ratio)
					}
				}
				l.Values, l.Changes = append(l.Values, v), append(l.Changes, change)
			}
			t.Loads = append(t.Loads, l)
		}
		groups = append(groups, t)
	}
	return chart.Timelines(groups)
}
