package chart

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// capacityFigures draws the limited figures of a search over the load, each in
// percent of its limit: where a line crosses 100 % a limit is missed.
func capacityFigures(r *result.Run) []sketch {
	c := r.Capacity
	if c == nil || len(c.Points) == 0 || len(c.Bounds) == 0 {
		return nil
	}
	var x, all []float64
	for _, p := range c.Points {
		x = append(x, p.Load)
	}
	var curves []curve
	bars := intervals{}
	for i, b := range c.Bounds {
		l := curve{name: b.Title(), pen: penOf(i), x: x}
		for _, p := range c.Points {
			share := math.NaN()
			if i < len(p.Figures) {
				f := p.Figures[i]
				share = 100 * drawable(&f.Value) / b.MaxMs
				lo, hi := 100*drawable(f.Lo)/b.MaxMs, 100*drawable(f.Hi)/b.MaxMs
				bars = append(bars, barBetween{p.Load, lo, hi, l.pen})
				all = append(all, lo, hi)
			}
			l.y, all = append(l.y, share), append(all, share)
		}
		curves = append(curves, l)
	}
	p := panel{x: loadAxis(c, x), y: valueAxis(append(all, 100)), names: curves, xTitle: loadTitle(c)}
	p.yTitle = p.y.marked("Share of the limit (%)")
	p.marks = append(p.marks, levels{{100, "limit"}}, bars)
	for _, l := range curves {
		p.marks = append(p.marks, l)
	}
	f := Chart{ID: "capacity", Place: InCapacity, Scenario: -1, Title: "The search for the highest load within the limits",
		Alt:  capacityAlt(c),
		Note: joinSentences("Bars are 95 % intervals. What lies above the line misses its limit.", scaleNote(p.y))}
	f.Header, f.Rows = capacityTable(c)
	return []sketch{{f, p.drawing()}}
}

func loadTitle(c *result.Capacity) string {
	if c.Of == result.RequestRate {
		return "Arrivals (requests/s), log scale"
	}
	return concurrencyTitle
}

// loadAxis is logarithmic; of concurrencies it has its ticks where something was
// measured.
func loadAxis(c *result.Capacity, x []float64) axis {
	lo, hi := span(x)
	if c.Of == result.RequestRate && lo > 0 {
		return logAxis(lo/1.1, hi*1.1)
	}
	var cs []int
	for _, v := range x {
		cs = append(cs, max(1, int(v)))
	}
	return concurrencyAxis(cs)
}

func capacityAlt(c *result.Capacity) string {
	text := "Limited figures in percent of their limits at " + figure.Count(len(c.Points), "load") + "."
	for i, b := range c.Bounds {
		for k := range c.Points {
			p := &c.Points[k]
			if i < len(p.Figures) && (p.Load == c.Load || c.Above() != nil && p.Load == c.Above().Load) {
				text += fmt.Sprintf(" %s at %s: %s %% of %s.", b.Title(), c.Noun(p.Load), twoDecimals(100*p.Figures[i].Value/b.MaxMs), result.Millis(b.MaxMs))
			}
		}
	}
	return text
}

func capacityTable(c *result.Capacity) (header []string, rows [][]string) {
	header = []string{"Load", "Probes"}
	for _, b := range c.Bounds {
		header = append(header, b.Title()+" (ms)", b.Title()+" (% of the limit)")
	}
	for _, p := range c.Points {
		row := []string{c.Noun(p.Load), strconv.Itoa(p.Probes)}
		for i, b := range c.Bounds {
			if i < len(p.Figures) {
				row = append(row, twoDecimals(p.Figures[i].Value), twoDecimals(100*p.Figures[i].Value/b.MaxMs))
			} else {
				row = append(row, figure.Missing, figure.Missing)
			}
		}
		rows = append(rows, row)
	}
	return header, rows
}

// intervals draws bars from a low to a high value.
type intervals []barBetween

type barBetween struct {
	x, lo, hi float64
	pen       pen
}

func (b intervals) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	const foot = 3
	for _, at := range b {
		if math.IsNaN(at.lo) || math.IsNaN(at.hi) {
			continue
		}
		look := draw.LineStyle{Color: at.pen.tone.color(), Width: 1}
		x, lo, hi := tx(at.x), ty(at.lo), ty(at.hi)
		c.StrokeLine2(look, x, lo, x, hi)
		c.StrokeLine2(look, x-foot, lo, x+foot, lo)
		c.StrokeLine2(look, x-foot, hi, x+foot, hi)
	}
}
