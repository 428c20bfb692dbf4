package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// A trace is one quantity of one device over time, in order. NaN is a gap.
type trace struct {
	device string
	t, v   []float64
}

// quantity is what a device chart shows.
type quantity struct {
	id, title, name, unit string
	decimals              int
	fromZero              bool
	of                    func(*Sample) float64
}

var quantities = []quantity{
	{"power", "Power over time", "Power", "W", 1, true, func(s *Sample) float64 { return s.PowerW }},
	{"clock", "Shader clock over time", "Shader clock", "MHz", 0, true, func(s *Sample) float64 { return s.ClockMHz }},
	// Zero on the Celsius scale is no amount of heat.
	{"temperature", "Temperature over time", "Temperature", "°C", 0, false, func(s *Sample) float64 { return s.TempC }},
}

// deviceFigures draws what the devices' sensors said.
func deviceFigures(r *result.Run, samples []Sample) []sketch {
	var out []sketch
	for _, q := range quantities {
		if traces := newTraces(samples, q.of); len(traces) > 0 {
			out = append(out, deviceFigure(r, q, traces))
		}
	}
	return out
}

// newTraces gathers a quantity by device, in the order in which devices first
// appear; those that never tell it are left out.
func newTraces(samples []Sample, of func(*Sample) float64) []trace {
	byDevice := map[string][]*Sample{}
	var names []string
	for i := range samples {
		s := &samples[i]
		v := of(s)
		if math.IsNaN(drawable(&s.T)) || math.IsNaN(drawable(&v)) {
			continue
		}
		if byDevice[s.Device] == nil {
			names = append(names, s.Device)
		}
		byDevice[s.Device] = append(byDevice[s.Device], s)
	}
	var out []trace
	for _, name := range names {
		own := byDevice[name]
		slices.SortStableFunc(own, func(a, b *Sample) int { return cmp.Compare(a.T, b.T) })
		tr := trace{device: name}
		for _, s := range own {
			tr.t, tr.v = append(tr.t, s.T), append(tr.v, of(s))
		}
		out = append(out, tr)
	}
	return out
}

// columns is the number of slices of time that a trace is thinned to: one per
// point of the chart's width, about.
const columns = 420

// thinned keeps, of every slice of time, the first, the least, the greatest
// and the last reading, and breaks the line where readings are missing. What
// is left looks as all of them would.
func (tr trace) thinned(from, to float64) trace {
	out := trace{device: tr.device}
	add := func(i int) { out.t, out.v = append(out.t, tr.t[i]), append(out.v, tr.v[i]) }
	hole := tr.hole()
	column := func(i int) int { return int((tr.t[i] - from) / (to - from) * columns) }
	for i := 0; i < len(tr.t); {
		if i > 0 && tr.t[i]-tr.t[i-1] > hole {
			out.t, out.v = append(out.t, tr.t[i]), append(out.v, math.NaN())
		}
		end, lo, hi := i+1, i, i
		for ; end < len(tr.t) && column(end) == column(i) && tr.t[end]-tr.t[end-1] <= hole; end++ {
			if tr.v[end] < tr.v[lo] {
				lo = end
			}
			if tr.v[end] > tr.v[hi] {
				hi = end
			}
		}
		keep := []int{i, min(lo, hi), max(lo, hi), end - 1}
		for _, k := range slices.Compact(keep) {
			add(k)
		}
		i = end
	}
	return out
}

// hole is the time between readings from which some are missing: five times
// the usual, but at least a second.
func (tr trace) hole() float64 {
	var steps []float64
	for i := 1; i < len(tr.t); i++ {
		steps = append(steps, tr.t[i]-tr.t[i-1])
	}
	slices.Sort(steps)
	usual, _ := result.Percentile(steps, 50)
	return max(5*usual, 1)
}

func deviceFigure(r *result.Run, q quantity, traces []trace) sketch {
	var all []float64
	from, to := math.Inf(1), math.Inf(-1)
	for _, tr := range traces {
		all = append(all, tr.v...)
		from, to = min(from, tr.t[0]), max(to, tr.t[len(tr.t)-1])
	}
	if to <= from {
		to = from + 1
	}
	p := panel{x: windowAxis(from, to), y: zeroAxis(all), xTitle: "Time on the run's clock (s)", yTitle: q.name + " (" + q.unit + ")", headroom: lineHeight - 4}
	if !q.fromZero {
		lo, hi := span(all)
		p.y = linearAxis(lo-1, hi+1, valueTicks)
	}
	var lines []curve
	for i, tr := range traces {
		thin := tr.thinned(from, to)
		lines = append(lines, curve{name: tr.device, pen: penOf(i), x: thin.t, y: thin.v})
	}
	p.names, p.besideAll = lines, true
	p.height = max(chartHeight, lineHeight*vg.Length(len(lines)+6))
	spans := newSpans(r)
	p.marks = []plot.Plotter{shades{spans, p.y}}
	for _, l := range lines {
		p.marks = append(p.marks, path{l})
	}
	f := Chart{ID: q.id, Place: InEnergy, Scenario: -1, Title: q.title, Alt: deviceAlt(q, traces, to-from)}
	if !q.fromZero {
		f.Note = "The vertical axis does not begin at zero."
	}
	f.Note = joinSentences(f.Note, spanNote(r, spans))
	f.Header, f.Rows = deviceTable(q, traces)
	return sketch{f, p.drawing()}
}

// windowAxis is a time axis from one instant to another, both its ends.
func windowAxis(from, to float64) axis {
	a := linearAxis(from, to, timeTicks)
	a.ticks = slices.DeleteFunc(a.ticks, func(t plot.Tick) bool { return t.Value < from || t.Value > to })
	a.min, a.max = from, to
	return a
}

// path draws a curve without markers: there is a reading every few points.
type path struct{ curve }

func (l path) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	var piece []vg.Point
	style := l.pen.line()
	style.Width = 1.3
	flush := func() {
		switch len(piece) {
		case 0:
		case 1: // a single reading between gaps is no line
			l.pen.mark(c, piece[0], 1.5)
		default:
			c.StrokeLines(style, piece)
		}
		piece = nil
	}
	for i := range l.x {
		if math.IsNaN(l.y[i]) {
			flush()
			continue
		}
		piece = append(piece, vg.Point{X: tx(l.x[i]), Y: ty(l.y[i])})
	}
	flush()
}

// A scenarioSpan is the time of one pass over a scenario.
type scenarioSpan struct {
	scenario int
	from, to float64
}

// newSpans are the times of all scenarios, every pass, in order.
func newSpans(r *result.Run) []scenarioSpan {
	var out []scenarioSpan
	add := func(i int, d *result.Detail) {
		if d.EndS > d.StartS && !math.IsNaN(drawable(&d.StartS)) && !math.IsNaN(drawable(&d.EndS)) {
			out = append(out, scenarioSpan{i, d.StartS, d.EndS})
		}
	}
	for i := range r.Details {
		d := &r.Details[i]
		for k := range d.Passes {
			add(i, &d.Passes[k].Detail)
		}
		if len(d.Passes) == 0 {
			add(i, d)
		}
	}
	slices.SortStableFunc(out, func(a, b scenarioSpan) int { return cmp.Compare(a.from, b.from) })
	return out
}

// maxNamed is the number of scenarios up to which the note names each.
const maxNamed = 12

func spanNote(r *result.Run, spans []scenarioSpan) string {
	if len(spans) == 0 {
		return ""
	}
	note := "Shaded stretches are scenarios, numbered in the order of the report"
	if len(r.Results) > maxNamed {
		return note + "."
	}
	var names []string
	for i := range r.Results {
		names = append(names, strconv.Itoa(i+1)+" "+r.Results[i].Name)
	}
	return note + ": " + list(names) + "."
}

// shades shows the scenarios' times and numbers them where there is room.
type shades struct {
	spans []scenarioSpan
	y     axis
}

func (b shades) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	s := style(toneMuted, fontSize-1.5, draw.XLeft)
	free := c.Min.X
	for _, k := range b.spans {
		r := c.Rectangle
		r.Min.X, r.Max.X = max(tx(k.from), c.Min.X), min(tx(k.to), c.Max.X)
		if r.Max.X <= r.Min.X {
			continue
		}
		c.SetColor(toneShade.color())
		c.Fill(r.Path())
		c.StrokeLine2(draw.LineStyle{Color: toneMuted.color(), Width: 0.7}, r.Min.X, c.Max.Y, r.Min.X, c.Max.Y+4)
		text := strconv.Itoa(k.scenario + 1)
		w := s.Width(text)
		if x := (r.Min.X+r.Max.X)/2 - w/2; x >= free && r.Max.X-r.Min.X >= 4 {
			write(c, s, x, c.Max.Y+6, text)
			free = x + w + 3
		}
	}
	grid{b.y}.Plot(c, p) // the bands have covered it
}

func deviceAlt(q quantity, traces []trace, seconds float64) string {
	const most = 8
	var parts []string
	for i, tr := range traces {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more", len(traces)-most))
			break
		}
		lo, mean, hi := tr.summary()
		parts = append(parts, fmt.Sprintf("%s from %s to %s %s (mean %s)", tr.device,
			figure.Fixed(lo, q.decimals), figure.Fixed(hi, q.decimals), q.unit, figure.Fixed(mean, q.decimals)))
	}
	return fmt.Sprintf("%s of %s over %s s: %s.", q.name, figure.Count(len(traces), "device"), twoDecimals(seconds), list(parts))
}

// summary is the least, mean and greatest reading.
func (tr trace) summary() (lo, mean, hi float64) {
	lo, hi = span(tr.v)
	mean, _ = result.Mean(tr.v)
	return lo, mean, hi
}

func deviceTable(q quantity, traces []trace) (header []string, rows [][]string) {
	header = []string{"Device", "Readings", "Lowest (" + q.unit + ")", "Mean (" + q.unit + ")", "Highest (" + q.unit + ")"}
	for _, tr := range traces {
		lo, mean, hi := tr.summary()
		rows = append(rows, []string{tr.device, strconv.Itoa(len(tr.v)), figure.Fixed(lo, q.decimals), figure.Fixed(mean, q.decimals), figure.Fixed(hi, q.decimals)})
	}
	return header, rows
}
