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

// tradeoffFigure draws TPOT p99 over TTFT p99, one point per concurrency,
// with the region that the sweet spot is looked for in.
func tradeoffFigure(r *result.Run, points []scalingPoint) (sketch, bool) {
	ttft := metricOf(points, "TTFT p99", "ms", func(p scalingPoint) *float64 { return p.result.TTFTP99Ms })
	tpot := metricOf(points, "TPOT p99", "ms", func(p scalingPoint) *float64 { return p.result.TPOTP99Ms })
	spot, peak := picks(r)
	l := curve{pen: penOf(0)}
	marks := notes{}
	var drawn []scalingPoint
	for i, p := range points {
		// A missing coordinate leaves the point out, and breaks the line.
		x, y := ttft.values[i], tpot.values[i]
		if math.IsNaN(x) || math.IsNaN(y) {
			l.x, l.y = append(l.x, 0), append(l.y, math.NaN())
			continue
		}
		l.x, l.y = append(l.x, x), append(l.y, y)
		n := note{x: x, y: y, text: "c=" + strconv.Itoa(p.concurrency)}
		if p.result == spot {
			n.text, n.bold = n.text+" sweet spot", true
		}
		if p.result == peak {
			if n.bold {
				n.text += " and peak"
			} else {
				n.text, n.bold = n.text+" peak", true
			}
		}
		if len(points) <= maxNotes || n.bold {
			marks.of = append(marks.of, n)
		}
		drawn = append(drawn, p)
	}
	if len(drawn) == 0 {
		return sketch{}, false
	}
	marks.about = []curve{l}
	var x []float64
	for i := range l.x {
		if !math.IsNaN(l.y[i]) {
			x = append(x, l.x[i])
		}
	}
	p := panel{x: valueAxis(x), y: valueAxis(l.y), right: 12}
	p.xTitle, p.yTitle = p.x.marked("TTFT p99 (ms)"), p.y.marked("TPOT p99 (ms)")
	f := Chart{ID: "tradeoff", Place: InScaling, Scenario: -1, Title: "TTFT/TPOT trade-off"}
	if spot != nil {
		lowX, _ := span(x)
		lowY, _ := span(l.y)
		marks.edges = &region{2 * lowX, 2 * lowY}
		f.Note = "The shaded region has both latencies within twice their lowest; the sweet spot is the point in it with the highest throughput per user."
		if r.SLO != nil {
			marks.edges = &region{limit(r.SLO.TTFTMs, p.x), limit(r.SLO.TPOTMs, p.y)}
			f.Note = "The shaded region keeps the limits that the user set; the sweet spot is the point in it with the highest output throughput."
		}
		p.marks = append(p.marks, *marks.edges)
	}
	p.marks = append(p.marks, l, marks)
	f.Note = joinSentences(f.Note, "The line joins the points by rising concurrency.")
	f.Alt = tradeoffAlt(drawn, spot, peak)
	f.Header, f.Rows = tradeoffTable(points, ttft, tpot, spot, peak)
	return sketch{f, p.drawing()}, true
}

// limit is a limit's place on an axis: its end where there is none, or where it
// lies beyond.
func limit(ms float64, a axis) float64 {
	if ms <= 0 {
		return a.max
	}
	return min(max(ms, a.min), a.max)
}

// picks are the results of the sweet spot and the peak, nil where there is
// none.
func picks(r *result.Run) (spot, peak *result.Summary) {
	find := func(i int, ok bool) *result.Summary {
		if !ok {
			return nil
		}
		return &r.Results[i]
	}
	return find(r.SweetSpot()), find(r.Peak())
}

func tradeoffAlt(drawn []scalingPoint, spot, peak *result.Summary) string {
	at := func(p scalingPoint) string {
		return fmt.Sprintf("c=%d with TTFT p99 %s ms and TPOT p99 %s ms", p.concurrency, twoDecimals(drawable(p.result.TTFTP99Ms)), twoDecimals(drawable(p.result.TPOTP99Ms)))
	}
	alt := fmt.Sprintf("TPOT p99 over TTFT p99 at %s", figure.Count(len(drawn), "concurrency level")+".")
	for _, p := range drawn {
		switch {
		case p.result == spot && p.result == peak:
			return alt + " Sweet spot and highest output throughput: " + at(p) + "."
		case p.result == spot:
			alt += " Sweet spot: " + at(p) + "."
		case p.result == peak:
			alt += " Highest output throughput: " + at(p) + "."
		}
	}
	if spot == nil && peak == nil {
		alt += " First: " + at(drawn[0]) + "."
	}
	return alt
}

func tradeoffTable(points []scalingPoint, ttft, tpot metric, spot, peak *result.Summary) (header []string, rows [][]string) {
	header = []string{"Concurrency", "TTFT p99 (ms)", "TPOT p99 (ms)", "Mark"}
	for i, p := range points {
		mark := ""
		switch {
		case p.result == spot && p.result == peak:
			mark = "sweet spot, peak"
		case p.result == spot:
			mark = "sweet spot"
		case p.result == peak:
			mark = "peak"
		}
		rows = append(rows, []string{strconv.Itoa(p.concurrency), twoDecimals(ttft.values[i]), twoDecimals(tpot.values[i]), mark})
	}
	return header, rows
}

// region shades what lies below x and y.
type region struct{ x, y float64 }

func (g region) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	r := c.Rectangle
	r.Max.X, r.Max.Y = min(tx(g.x), c.Max.X), min(ty(g.y), c.Max.Y)
	c.SetColor(toneShade.color())
	c.Fill(r.Path())
	edge := draw.LineStyle{Color: toneMuted.color(), Width: 0.8, Dashes: pens[2].dashes}
	if r.Max.X < c.Max.X {
		c.StrokeLine2(edge, r.Max.X, r.Min.Y, r.Max.X, r.Max.Y)
	}
	if r.Max.Y < c.Max.Y {
		c.StrokeLine2(edge, r.Min.X, r.Max.Y, r.Max.X, r.Max.Y)
	}
}
