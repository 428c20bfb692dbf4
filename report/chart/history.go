package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"

	"ceiling/internal/figure"
)

// Timeline is a metric over runs that came one after the other.
type Timeline struct {
	Place Place
	Title string
	Unit  string
	Runs  []string
	Loads []TimelineLoad
}

// TimelineLoad is one load of a timeline.
type TimelineLoad struct {
	Name    string
	Values  []float64 // by run; NaN: missing
	Changes []string  // by run, what marks a change since the run before; "": none
}

// Timelines draws each that has two runs or more.
func Timelines(all []Timeline) (figures []Chart, undrawn []string) {
	c := collection{}
	for i, t := range all {
		if len(t.Runs) < 2 {
			continue
		}
		c.add("of "+string(t.Place), func() []sketch { return []sketch{t.figure(numbered("history", i))} })
	}
	return c.figures, c.undrawn
}

func (t *Timeline) figure(id string) sketch {
	var x, all []float64
	for i := range t.Runs {
		x = append(x, float64(i+1))
	}
	var curves []curve
	marks := notes{}
	f := Chart{ID: id, Place: t.Place, Scenario: -1, Title: t.Title, Header: append([]string{"Load"}, t.Runs...),
		Note: "Runs stand in the order of their dates, at equal distances. A ring marks a change since the run before that is more than noise."}
	changed := 0
	for i, l := range t.Loads {
		c := curve{name: l.Name, pen: penOf(i), x: x, y: l.Values}
		row := []string{l.Name}
		for k, v := range l.Values {
			cell := figure.Fixed(v, 2)
			if l.Changes[k] != "" {
				changed++
				marks.of = append(marks.of, note{x: x[k], y: v, text: l.Changes[k], bold: true})
				cell += " (" + l.Changes[k] + ")"
			}
			row = append(row, cell)
		}
		all, curves = append(all, l.Values...), append(curves, c)
		f.Rows = append(f.Rows, row)
	}
	marks.about = curves
	p := panel{x: runAxis(len(t.Runs)), y: valueAxis(all), xTitle: "Run", names: byHeight(curves), besideAll: true}
	p.yTitle = p.y.marked(t.Unit)
	for _, c := range curves {
		p.marks = append(p.marks, c)
	}
	p.marks = append(p.marks, marks)
	f.Alt = fmt.Sprintf("%s of %s in %s; %s marked.", t.Title, figure.Count(len(t.Loads), "load"), figure.Count(len(t.Runs), "run"), figure.Count(changed, "change"))
	f.Note = joinSentences(f.Note, scaleNote(p.y))
	return sketch{f, p.drawing()}
}

// byHeight orders curves by their last point, the highest first, as their names
// stand.
func byHeight(curves []curve) []curve {
	return slices.SortedStableFunc(slices.Values(curves), func(a, b curve) int {
		_, ya, _ := a.last()
		_, yb, _ := b.last()
		return int(math.Copysign(1, yb-ya))
	})
}

// runAxis numbers runs from 1.
func runAxis(n int) axis {
	a := axis{min: 0.5, max: float64(n) + 0.5}
	for i := 1; i <= n; i++ {
		a.ticks = append(a.ticks, plot.Tick{Value: float64(i), Label: strconv.Itoa(i)})
	}
	return a
}
