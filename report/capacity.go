package report

import (
	"fmt"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
)

// CapacityTable has a row for each load of a search, in the order of the loads,
// with the figures that were limited and their intervals.
func CapacityTable(r *result.Run) (head []string, rows [][]string) {
	c := r.Capacity
	head = []string{"Load", "Probes", "Requests"}
	for _, b := range c.Bounds {
		head = append(head, b.Title())
	}
	head = append(head, "Output tok/s", "Limits", "Verdict")
	if c.Alone != nil {
		rows = append(rows, capacityRow(r, "alone", c.Alone))
	}
	for i := range c.Points {
		rows = append(rows, capacityRow(r, c.Noun(c.Points[i].Load), &c.Points[i]))
	}
	return head, rows
}

func capacityRow(r *result.Run, name string, p *result.CapacityPoint) []string {
	row := []string{name, strconv.Itoa(p.Probes), strconv.Itoa(p.Requests)}
	for i := range r.Capacity.Bounds {
		if i < len(p.Figures) {
			row = append(row, millisText(p.Figures[i]))
		} else {
			row = append(row, figure.Missing)
		}
	}
	throughput, verdict := figure.Missing, figure.Missing
	for i := range r.Results {
		if r.Results[i].Name != p.Scenario {
			continue
		}
		throughput = figure.Decimals(r.Results[i].OutputThroughput, 1)
		if d := r.Detail(i); d != nil && d.Verdict != nil {
			verdict = string(d.Verdict.State)
		}
	}
	return append(row, throughput, kept(p), verdict)
}

func kept(p *result.CapacityPoint) string {
	switch {
	case p.Failed != "":
		return "failed: " + oneline.Of(p.Failed)
	case p.Holds && p.Clear:
		return "kept"
	case p.Holds:
		return "kept, within the interval"
	case p.Clear:
		return "missed"
	}
	return "missed, within the interval"
}

// millisText is "59.1 ms (57.8 ms to 60.2 ms)".
func millisText(f result.CapacityFigure) string {
	return withInterval(result.Millis, f.Value, f.Lo, f.Hi)
}

// withInterval is a value with its interval, as far as there is one.
func withInterval(show func(float64) string, value float64, lo, hi *float64) string {
	if lo == nil || hi == nil {
		return show(value) + " (no interval)"
	}
	return fmt.Sprintf("%s (%s to %s)", show(value), show(*lo), show(*hi))
}

// CapacityLines are the answer of a search, and what is to be said about it.
func CapacityLines(r *result.Run) []string {
	c := r.Capacity
	lines := []string{"capacity  " + capacityAnswer(c)}
	var limits []string
	for _, b := range c.Bounds {
		limits = append(limits, b.String())
	}
	lines = append(lines, "limits    "+strings.Join(limits, ", "))
	if c.Unfinished != "" {
		lines = append(lines, "note      the search is unfinished ("+oneline.Of(c.Unfinished)+"): the answer is what its probes say so far")
	}
	for _, n := range c.Notes {
		lines = append(lines, "note      "+oneline.Of(n))
	}
	return append(lines, "verdict   "+oneline.Of(r.Verdict.String()))
}

// capacityAnswer is the answer in a line.
func capacityAnswer(c *result.Capacity) string {
	next := c.Above()
	switch {
	case c.Alone != nil && !c.Alone.Holds:
		return "0: one request alone has " + misses(c, c.Alone)
	case c.Load == 0 && next == nil:
		return figure.Missing
	case c.Load == 0 && c.Of == result.Concurrency:
		return "0: one request alone has " + misses(c, next)
	case c.Load == 0:
		return fmt.Sprintf("below %s, which has %s", c.Noun(next.Load), misses(c, next))
	case c.AtLeast:
		return fmt.Sprintf("≥ %s: the largest probe keeps the limits; no larger one is made: %s", c.Noun(c.Load), oneline.Of(c.Most))
	}
	text := c.Noun(c.Load)
	if c.To != nil {
		text += fmt.Sprintf(" (%s to %s)", c.Noun(c.From), c.Noun(*c.To))
	} else {
		text += fmt.Sprintf(" (%s or more)", c.Noun(c.From))
	}
	if next != nil {
		text += fmt.Sprintf("; %s has %s", c.Noun(next.Load), misses(c, next))
	}
	return text
}

// misses says what of a point is over its limit.
func misses(c *result.Capacity, p *result.CapacityPoint) string {
	if p.Failed != "" {
		return "failed: " + oneline.Of(p.Failed)
	}
	var over []string
	for i, b := range c.Bounds {
		if i < len(p.Figures) && p.Figures[i].Value > b.MaxMs {
			over = append(over, fmt.Sprintf("%s %s (limit %s)", b.Title(), millisText(p.Figures[i]), result.Millis(b.MaxMs)))
		}
	}
	return strings.Join(over, ", ")
}

// capacitySection is the search in the report.
func capacitySection(r *result.Run) []doc.Block {
	head, rows := CapacityTable(r)
	t := &doc.Table{Columns: doc.Words(head...)}
	for i := range t.Columns {
		t.Columns[i].Number = i > 0 && i < len(head)-2
	}
	for _, row := range rows {
		t.Add(row...)
	}
	return []doc.Block{doc.Stack{Blocks: fieldsOf(CapacityLines(r))}, t, doc.Paragraph{Text: doc.T(capacityText)}}
}

const capacityText = "The figures are over all requests of a load, with 95 % intervals from drawing groups of requests that ran at a time again. " +
	"The answer's interval goes from the highest load that keeps the limits with whole intervals to the one below the next that misses them so. " +
	"As in every closed loop here the first requests of a probe come all at once, and are in the figures."
