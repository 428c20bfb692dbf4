package chart

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// paretoNote says how to read the trade-off between all and each.
const paretoNote = "Further up each user is served faster, further right all users together; a point is beaten by one that lies above it and to its right. The line joins the points by rising concurrency."

// A paretoCurve is one run's output throughput per user over that of all.
type paretoCurve struct {
	name      string
	cs        []int
	all, user []float64 // tok/s; NaN: missing
	index     int       // its look
}

// beaten tells whether another point is at least as good in both and better in
// one.
func (p paretoCurve) beaten(i int) bool {
	for k := range p.all {
		if p.all[k] >= p.all[i] && p.user[k] >= p.user[i] && (p.all[k] > p.all[i] || p.user[k] > p.user[i]) {
			return true
		}
	}
	return false
}

// paretoFigure draws one or several runs; ok is false where no run has two points.
func paretoFigure(id string, place Place, title string, runs []paretoCurve) (sketch, bool) {
	var x, y []float64
	var curves []curve
	labels := notes{}
	most := 0
	f := Chart{ID: id, Place: place, Scenario: -1, Title: title, Note: paretoNote}
	f.Header = []string{"Run", "Concurrency", "Output throughput (tok/s)", "Per-user throughput (tok/s)", "Beaten"}
	for _, run := range runs {
		l := curve{pen: penOf(run.index)}
		if len(runs) > 1 {
			l.name = run.name
		}
		points := 0
		for i := range run.cs {
			if math.IsNaN(run.all[i]) { // nothing is drawn across a gap
				l.x, l.y = append(l.x, 0), append(l.y, math.NaN())
				continue
			}
			points++
			l.x, l.y = append(l.x, run.all[i]), append(l.y, run.user[i])
			if len(runs) == 1 && len(run.cs) <= maxNotes {
				labels.of = append(labels.of, note{x: run.all[i], y: run.user[i], text: "c=" + strconv.Itoa(run.cs[i])})
			}
			beaten := ""
			if run.beaten(i) {
				beaten = "yes"
			}
			f.Rows = append(f.Rows, []string{run.name, strconv.Itoa(run.cs[i]), twoDecimals(run.all[i]), twoDecimals(run.user[i]), beaten})
		}
		most = max(most, points)
		x, y = append(x, run.all...), append(y, run.user...)
		curves = append(curves, l)
		f.Alt = joinSentences(f.Alt, run.alt(len(runs) > 1))
	}
	if most < 2 {
		return sketch{}, false
	}
	if len(runs) == 1 {
		f.Header = f.Header[1:]
		for i := range f.Rows {
			f.Rows[i] = f.Rows[i][1:]
		}
	}
	p := panel{x: valueAxis(x), y: valueAxis(y), right: 12}
	p.xTitle, p.yTitle = p.x.marked("Output throughput (tok/s)"), p.y.marked("Per-user throughput (tok/s)")
	if len(runs) > 1 {
		p.names, p.besideAll, p.right = curves, true, 0
	}
	for _, l := range curves {
		p.marks = append(p.marks, l)
	}
	labels.about = curves
	p.marks = append(p.marks, plot.Plotter(labels))
	return sketch{f, p.drawing()}, true
}

// alt says where the run's ends are.
func (p paretoCurve) alt(named bool) string {
	first, last := -1, -1
	for i, v := range p.all {
		if math.IsNaN(v) {
			continue
		}
		if last = i; first < 0 {
			first = i
		}
	}
	if first < 0 {
		return ""
	}
	at := func(i int) string {
		return fmt.Sprintf("%s tok/s per user and %s tok/s in all at c=%d", twoDecimals(p.user[i]), twoDecimals(p.all[i]), p.cs[i])
	}
	text := "From " + at(first) + " to " + at(last) + "."
	if named {
		text = p.name + ": from " + at(first) + " to " + at(last) + "."
	}
	return text
}
