package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// gaps are the times between consecutive tokens in seconds, pooled over the
// requests that succeeded: the sample that the results' ITL figures are of.
func gaps(records []*result.Record) []float64 {
	records = slices.Clone(records)
	slices.SortStableFunc(records, func(a, b *result.Record) int { return cmp.Compare(a.Request, b.Request) })
	var out []float64
	for _, r := range records {
		if !r.OK() {
			continue
		}
		for k := 1; k < len(r.TokenTimes); k++ {
			gap := r.TokenTimes[k] - r.TokenTimes[k-1]
			if !math.IsNaN(drawable(&gap)) && gap >= 0 {
				out = append(out, gap)
			}
		}
	}
	return out
}

// wholeMicroseconds are the gaps in ms, in ascending order, without what
// subtraction leaves below the microseconds that the journal has.
func wholeMicroseconds(gaps []float64) []float64 {
	out := make([]float64, len(gaps))
	for i, g := range gaps {
		out[i] = math.Round(g*1e6) / 1e3
	}
	slices.Sort(out)
	return out
}

// A histogram counts values between edges: counts[i] from edges[i] up to
// edges[i+1], the last with its upper edge.
type histogram struct {
	edges  []float64
	counts []int
	log    bool
	zeros  int // values of 0, which a logarithmic axis has no place for
}

// maxBars is the most bars of a histogram.
const maxBars = 40

// newHistogram makes bars of equal width on the axis that values is drawn on:
// a logarithmic one where they are far apart. values is sorted, not negative
// and not empty.
func newHistogram(values []float64) histogram {
	var h histogram
	positive := values
	for len(positive) > 0 && positive[0] == 0 {
		positive = positive[1:]
		h.zeros++
	}
	bars := min(maxBars, max(8, int(2*math.Sqrt(float64(len(values))))))
	if len(positive) > 0 && positive[len(positive)-1] >= logFrom*positive[0] {
		h.log = true
		a := logAxis(positive[0], positive[len(positive)-1])
		h.edges = steps(math.Log(a.min), math.Log(a.max), bars)
		for i := range h.edges {
			h.edges[i] = math.Exp(h.edges[i])
		}
		// The ends are what the axis has, not what rounding made of them.
		h.edges[0], h.edges[bars] = a.min, a.max
	} else {
		h.zeros = 0 // they have a place
		positive = values
		lo, hi := values[0], values[len(values)-1]
		// Equal gaps, or all but equal ones, make one bar, not an axis of
		// many digits.
		if least := max(hi/50, 0.01); hi-lo < least {
			lo, hi = max(0, (lo+hi-least)/2), (lo+hi+least)/2
		}
		a := linearAxis(lo, hi, valueTicks)
		h.edges = steps(a.min, a.max, bars)
	}
	h.counts = make([]int, bars)
	for _, v := range positive {
		// The first edge above v ends its bar.
		k, _ := slices.BinarySearchFunc(h.edges, v, func(edge, v float64) int {
			if edge <= v {
				return -1
			}
			return 1
		})
		h.counts[min(max(k-1, 0), bars-1)]++
	}
	return h
}

// steps are n+1 positions from lo to hi at equal distances.
func steps(lo, hi float64, n int) []float64 {
	out := make([]float64, n+1)
	for i := range out {
		out[i] = lo + (hi-lo)*float64(i)/float64(n)
	}
	return out
}

func (h histogram) axis() axis {
	if h.log {
		return logAxis(h.edges[0], h.edges[len(h.edges)-1])
	}
	return linearAxis(h.edges[0], h.edges[len(h.edges)-1], valueTicks)
}

// itlFigure draws how the gaps between tokens are distributed.
func itlFigure(r *result.Run, i int, records []*result.Record) (sketch, bool) {
	sample := gaps(records)
	if len(sample) == 0 {
		return sketch{}, false
	}
	h := newHistogram(wholeMicroseconds(sample))
	d := inMs(sample)
	counts := []float64{0}
	for _, n := range h.counts {
		counts = append(counts, float64(n))
	}
	p := panel{x: h.axis(), y: countAxis(counts), yTitle: "Gaps between tokens (count)", right: 14, headroom: lineHeight}
	p.xTitle = p.x.marked("ITL (ms)")
	lines, undrawn := h.onAxis(verticals{{d.Median, "median " + twoDecimals(d.Median)}, {d.P99, "p99 " + twoDecimals(d.P99)}})
	p.marks = []plot.Plotter{bars{h}, lines}
	f := Chart{ID: numbered("itl", i), Place: InScenario, Scenario: i, Title: "ITL distribution: " + r.Results[i].Name}
	f.Alt = fmt.Sprintf("%s between tokens: median %s ms, p99 %s ms, longest %s ms.", figure.Count(d.Count, "gap"), twoDecimals(d.Median), twoDecimals(d.P99), twoDecimals(d.Max))
	if h.log {
		f.Note = "The horizontal axis is logarithmic and the bars are equally wide on it."
		if h.zeros > 0 {
			f.Note += fmt.Sprintf(" Gaps of 0 ms (tokens that came together) have no place on it and are not drawn: %d.", h.zeros)
		}
		if len(undrawn) > 0 {
			f.Note += " Left out, since it has no place on it either: the line of the " + strings.Join(undrawn, " ms and that of the ") + " ms."
		}
	}
	f.Header = []string{"ITL", "ms"}
	for _, row := range []struct {
		name string
		v    float64
	}{{"Mean", d.Mean}, {"Shortest", d.Min}, {"Median", d.Median}, {"p90", d.P90}, {"p95", d.P95}, {"p99", d.P99}, {"Longest", d.Max}} {
		f.Rows = append(f.Rows, []string{row.name, twoDecimals(row.v)})
	}
	f.Rows = append(f.Rows, []string{"Gaps (count)", strconv.Itoa(d.Count)})
	return sketch{f, p.drawing()}, true
}

// inMs summarises times in seconds, in ms, as the results do.
func inMs(seconds []float64) result.Dist {
	d := *result.NewDist(seconds)
	for _, v := range []*float64{&d.Mean, &d.Std, &d.Min, &d.Median, &d.P90, &d.P95, &d.P99, &d.Max} {
		*v *= 1000
	}
	return d
}

// countAxis begins at zero and has whole numbers on it.
func countAxis(counts []float64) axis {
	_, most := span(counts)
	if most >= 5 {
		return linearAxis(0, most, valueTicks)
	}
	a := axis{max: max(1, most)}
	for n := 0; n <= int(a.max); n++ {
		a.ticks = append(a.ticks, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
	}
	return a
}

// bars draws a histogram's bars from zero.
type bars struct{ histogram }

func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	c.SetColor(series[0].color())
	for i, n := range b.counts {
		if n == 0 {
			continue
		}
		r := vg.Rectangle{Min: vg.Point{X: tx(b.edges[i]) + 0.5, Y: ty(0)}, Max: vg.Point{X: tx(b.edges[i+1]) - 0.5, Y: ty(float64(n))}}
		c.Fill(r.Path())
	}
}

// onAxis splits lines into those that the axis has a place for and the texts
// of the others: a logarithmic one has none for 0, nor for what a percentile
// is between 0 and the shortest gap.
func (h histogram) onAxis(all verticals) (drawn verticals, others []string) {
	const rounding = 1e-9 // the bars are of whole microseconds, the lines are not
	lo, hi := h.edges[0]*(1-rounding), h.edges[len(h.edges)-1]*(1+rounding)
	for _, l := range all {
		if l.x < lo || l.x > hi {
			others = append(others, l.text)
			continue
		}
		drawn = append(drawn, l)
	}
	return drawn, others
}

// verticals marks values of the horizontal axis, in ascending order.
type verticals []struct {
	x    float64
	text string
}

func (v verticals) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	s := style(toneFg, fontSize, draw.XLeft)
	left := make([]vg.Length, len(v))
	free := c.Min.X // right end of the text before
	for i, l := range v {
		x := tx(l.x)
		c.StrokeLine2(draw.LineStyle{Color: toneFg.color(), Width: 1.2, Dashes: pens[i%len(pens)].dashes}, x, c.Min.Y, x, c.Max.Y+3)
		left[i] = max(x-s.Width(l.text)/2, free)
		free = left[i] + s.Width(l.text) + 10
	}
	// Centred on its line, but clear of the next and inside the chart.
	free = c.Max.X + margin
	for i := len(v) - 1; i >= 0; i-- {
		left[i] = min(left[i], free-s.Width(v[i].text))
		free = left[i] - 10
		write(c, s, left[i], c.Max.Y+6, v[i].text)
	}
}
