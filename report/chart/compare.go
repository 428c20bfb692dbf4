package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ceiling/internal/figure"
)

// Series is one run in a comparison.
type Series struct {
	Label  string // "A"
	Points []LoadPoint

	index int // among the runs compared: each keeps its look in every chart
}

// LoadPoint is what a run measured under one load. A quantity that was not
// measured, or is not the same quantity as the other runs', is nil.
type LoadPoint struct {
	// Load is everything of the load but its concurrency, in words: "1024/256
	// tokens". Points of one load make a line.
	Load        string
	Concurrency int
	Throughput  *float64 // output tokens/s
	TTFTMs      *float64 // mean
	TPOTMs      *float64 // mean
}

// comparedMetrics are those that runs are compared by.
var comparedMetrics = []struct {
	id, name, unit string
	of             func(*LoadPoint) *float64
}{
	{"throughput", "Output throughput", "tok/s", func(p *LoadPoint) *float64 { return p.Throughput }},
	{"ttft", "TTFT mean", "ms", func(p *LoadPoint) *float64 { return p.TTFTMs }},
	{"tpot", "TPOT mean", "ms", func(p *LoadPoint) *float64 { return p.TPOTMs }},
}

// Compare draws several runs in one chart: a line per run over concurrency for
// every load that two runs or more were measured under at several
// concurrencies, and bars for the loads with one. Labels are unique. undrawn
// is that of [Figures].
func Compare(runs ...Series) (figures []Chart, undrawn []string) {
	runs = slices.Clone(runs)
	for i := range runs {
		runs[i].index = i
	}
	c := collection{}
	var single []string // loads with one concurrency
	lines := 0
	for _, load := range loads(runs) {
		own := under(runs, load)
		if len(own) < 2 {
			continue
		}
		cs := allConcurrencies(own)
		switch len(cs) {
		case 0:
		case 1:
			single = append(single, load)
		default:
			lines++
			c.add("of "+load, func() []sketch { return lineComparison(own, load, cs, lines) })
		}
	}
	if len(single) > 0 {
		c.add("of single concurrencies", func() []sketch { return barComparison(runs, single) })
	}
	return c.figures, c.undrawn
}

// loads are those of all runs, in the order in which they first appear.
func loads(runs []Series) []string {
	var out []string
	for _, r := range runs {
		for _, p := range r.Points {
			if !slices.Contains(out, p.Load) {
				out = append(out, p.Load)
			}
		}
	}
	return out
}

// under keeps the points of one load, by rising concurrency, and the runs
// that have any.
func under(runs []Series, load string) []Series {
	var out []Series
	for _, r := range runs {
		own := Series{Label: r.Label, index: r.index}
		for _, p := range r.Points {
			if p.Load == load && p.Concurrency >= 1 {
				own.Points = append(own.Points, p)
			}
		}
		slices.SortStableFunc(own.Points, func(a, b LoadPoint) int { return a.Concurrency - b.Concurrency })
		if len(own.Points) > 0 {
			out = append(out, own)
		}
	}
	return out
}

func allConcurrencies(runs []Series) []int {
	var out []int
	for _, r := range runs {
		for _, p := range r.Points {
			out = append(out, p.Concurrency)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lineComparison draws the metrics of one load, the number-th with lines.
func lineComparison(runs []Series, load string, cs []int, number int) []sketch {
	var out []sketch
	for _, q := range comparedMetrics {
		var ms []metric
		for _, r := range runs {
			ms = append(ms, metric{name: r.Label, unit: q.unit, values: at(r, cs, q.of)})
		}
		if measured(ms) < 2 {
			continue
		}
		id := numberedID("compare-"+q.id, number)
		var all []float64
		var curves []curve
		for i, m := range ms {
			if m.empty() {
				continue
			}
			l := curve{name: m.name, pen: penOf(runs[i].index)}
			for k, c := range cs {
				// A concurrency that only others have is no gap in this run.
				if slices.ContainsFunc(runs[i].Points, func(p LoadPoint) bool { return p.Concurrency == c }) {
					l.x, l.y = append(l.x, float64(c)), append(l.y, m.values[k])
				}
			}
			curves = append(curves, l)
			all = append(all, m.values...)
		}
		p := panel{x: concurrencyAxis(cs), y: zeroAxis(all), xTitle: concurrencyTitle, names: curves, height: max(chartHeight, lineHeight*vg.Length(len(curves)+7))}
		if q.id != "throughput" {
			p.y = valueAxis(all)
		}
		p.yTitle = p.y.marked(q.name + " (" + q.unit + ")")
		for _, l := range curves {
			p.marks = append(p.marks, l)
		}
		f := Chart{ID: id, Place: InCompare, Scenario: -1, Title: q.name + ", " + load, Note: scaleNote(p.y)}
		f.Alt = q.name + " against concurrency, by run."
		f.Header = []string{"Concurrency"}
		for _, m := range ms {
			f.Alt = joinSentences(f.Alt, trend(m, cs))
			f.Header = append(f.Header, m.name+" ("+m.unit+")")
		}
		for i, c := range cs {
			row := []string{strconv.Itoa(c)}
			for _, m := range ms {
				row = append(row, twoDecimals(m.values[i]))
			}
			f.Rows = append(f.Rows, row)
		}
		out = append(out, sketch{f, p.drawing()})
	}
	if s, ok := paretoFigure(numberedID("compare-pareto", number), InCompare, "Per-user against total throughput, "+load, paretoCurves(runs)); ok {
		out = append(out, s)
	}
	return out
}

// numberedID is the id of the number-th chart of a kind.
func numberedID(id string, number int) string {
	if number > 1 {
		id += "-" + strconv.Itoa(number)
	}
	return id
}

// paretoCurves are the runs' own points.
func paretoCurves(runs []Series) []paretoCurve {
	var out []paretoCurve
	for _, r := range runs {
		p := paretoCurve{name: r.Label, cs: allConcurrencies([]Series{r}), index: r.index}
		p.all = at(r, p.cs, func(p *LoadPoint) *float64 { return p.Throughput })
		for i, v := range p.all {
			p.user = append(p.user, v/float64(p.cs[i]))
		}
		out = append(out, p)
	}
	return out
}

// measured counts the metrics that have a value.
func measured(ms []metric) int {
	n := 0
	for _, m := range ms {
		if !m.empty() {
			n++
		}
	}
	return n
}

// at are a run's values at the concurrencies, NaN where it has none.
func at(r Series, cs []int, of func(*LoadPoint) *float64) []float64 {
	out := make([]float64, len(cs))
	for i, c := range cs {
		out[i] = math.NaN()
		for k := range r.Points {
			if r.Points[k].Concurrency == c {
				out[i] = drawable(of(&r.Points[k]))
				break
			}
		}
	}
	return out
}

// A barGroup is one load with a bar for each run.
type barGroup struct {
	name   string
	values []float64 // by run; NaN: missing
}

// barComparison draws the loads that have one concurrency.
func barComparison(runs []Series, single []string) []sketch {
	var out []sketch
	for _, q := range comparedMetrics {
		var groups []barGroup
		for _, load := range single {
			c := allConcurrencies(under(runs, load))[0]
			g := barGroup{name: fmt.Sprintf("%s, c=%d", load, c)}
			n := 0
			for _, r := range runs {
				v := at(Series{Points: only(r.Points, load)}, []int{c}, q.of)[0]
				if !math.IsNaN(v) {
					n++
				}
				g.values = append(g.values, v)
			}
			if n >= 2 {
				groups = append(groups, g)
			}
		}
		if len(groups) > 0 {
			out = append(out, barFigure(runs, q.id, q.name, q.unit, groups))
		}
	}
	return out
}

func only(points []LoadPoint, load string) []LoadPoint {
	return slices.DeleteFunc(slices.Clone(points), func(p LoadPoint) bool { return p.Load != load })
}

// Sizes of horizontal bars, in points.
const (
	barPitch   vg.Length = 15
	groupPitch vg.Length = lineHeight + 8 // the name of a group, and air
)

func barFigure(runs []Series, id, name, unit string, groups []barGroup) sketch {
	var all []float64
	widest := ""
	for _, g := range groups {
		for _, v := range g.values {
			all = append(all, v)
			if text := short(v); !math.IsNaN(v) && len(text) > len(widest) {
				widest = text
			}
		}
	}
	b := levelBars{groups: groups}
	p := panel{x: zeroAxis(all), y: axis{max: 1}, hideY: true, xTitle: name + " (" + unit + ")", marks: []plot.Plotter{b}}
	p.right = style(toneFg, fontSize, draw.XLeft).Width(widest) + 8
	for i, r := range runs {
		p.key = append(p.key, keyItem{text: r.Label, draw: func(c draw.Canvas, x, y vg.Length) { bar(c, penOf(i), x, y, keyWidth, i) }})
	}
	rows := vg.Length(len(runs))
	p.height = vg.Length(len(groups))*(groupPitch+barPitch*rows) + 4.2*lineHeight + 2*margin
	f := Chart{ID: "compare-loads-" + id, Place: InCompare, Scenario: -1, Title: name + " by load"}
	f.Header = []string{"Load"}
	for _, r := range runs {
		f.Header = append(f.Header, r.Label+" ("+unit+")")
	}
	f.Alt = name + " by load."
	for k, g := range groups {
		row := []string{g.name}
		var parts []string
		for i, v := range g.values {
			row = append(row, twoDecimals(v))
			if !math.IsNaN(v) {
				parts = append(parts, runs[i].Label+" "+twoDecimals(v)+" "+unit)
			}
		}
		f.Rows = append(f.Rows, row)
		if k < maxNotes {
			f.Alt += " " + g.name + ": " + list(parts) + "."
		}
	}
	return sketch{f, p.drawing()}
}

// levelBars draws groups of horizontal bars from zero, the first on top.
type levelBars struct{ groups []barGroup }

func (b levelBars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	s := style(toneFg, fontSize, draw.XLeft)
	y := c.Max.Y
	for _, g := range b.groups {
		y -= groupPitch
		write(c, s, c.Min.X, y+4, fit(s, g.name, c.Max.X-c.Min.X))
		for i, v := range g.values {
			y -= barPitch
			if math.IsNaN(v) {
				write(c, style(toneMuted, fontSize, draw.XLeft), c.Min.X+4, y+barPitch*0.25, figure.Missing)
				continue
			}
			bar(c, penOf(i), tx(0), y+barPitch/2, tx(v)-tx(0), i)
			write(c, s, max(tx(v), tx(0))+4, y+barPitch*0.25, short(v))
		}
	}
}

// bar is filled for even and outlined for odd runs, so that neighbours differ
// in more than colour.
func bar(c draw.Canvas, look pen, x, y, w vg.Length, i int) {
	half := barPitch * 0.38
	r := vg.Rectangle{Min: vg.Point{X: x, Y: y - half}, Max: vg.Point{X: x + w, Y: y + half}}
	if i%2 == 0 {
		c.SetColor(look.tone.color())
		c.Fill(r.Path())
		return
	}
	r.Min.Y, r.Max.Y = r.Min.Y+0.8, r.Max.Y-0.8
	r.Max.X -= 0.8
	c.StrokeLines(draw.LineStyle{Color: look.tone.color(), Width: 1.6},
		[]vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}, r.Min})
}
