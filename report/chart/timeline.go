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

// phase is a part of a request's time.
type phase int

const (
	queue   phase = iota // from the intended start until admission
	wait                 // until the engine took the prompt up
	prefill              // until the first token
	decode               // until the last
	unseen               // through a server: from admission until the first token
	phases
)

// How phases look: by colour, and by how much of its row one fills.
var phaseLook = [phases]struct {
	name  string
	tone  tone
	share vg.Length
}{
	queue:   {"queue", series[5], 0.3},
	wait:    {"wait", series[3], 0.45},
	prefill: {"prefill", series[1], 0.92},
	decode:  {"decode", series[0], 0.6},
	unseen:  {"wait and prefill (not separable)", series[3], 0.92},
}

// A row is one request. Times are in seconds from the scenario's start.
type row struct {
	request int
	start   float64
	// ends are the ends of the phases; each begins where the one before it
	// ended. NaN: the request had no such phase, or it can't be seen.
	ends   [phases]float64
	end    float64
	tokens int
	failed bool
}

// newRow takes a record apart.
func newRow(r *result.Record, zero float64) row {
	nan := math.NaN()
	w := row{request: r.Request, start: r.Intended - zero, end: r.End - zero, tokens: r.OutputTokens, failed: !r.OK(),
		ends: [phases]float64{r.Admitted - zero, nan, nan, nan, nan}}
	first := nan
	switch {
	case len(r.TokenTimes) > 0:
		first = r.TokenTimes[0] - zero
	case r.FirstToken != nil:
		first = *r.FirstToken - zero
	}
	switch {
	case r.PrefillStart != nil:
		w.ends[wait], w.ends[prefill] = *r.PrefillStart-zero, first
		if math.IsNaN(first) {
			w.ends[prefill] = w.end
		}
	case r.Server != nil:
		w.ends[unseen] = first
		if math.IsNaN(first) {
			w.ends[unseen] = w.end
		}
	default: // it never came to the engine
		w.ends[wait] = w.end
	}
	if !math.IsNaN(first) {
		w.ends[decode] = w.end
	}
	return w
}

// order is the one in which phases follow one another.
var order = []phase{queue, wait, unseen, prefill, decode}

// each calls use with every phase of the row that has any length.
func (w *row) each(use func(p phase, from, to float64)) {
	from := w.start
	for _, p := range order {
		if to := w.ends[p]; to >= from {
			if to > from {
				use(p, from, to)
			}
			from = to
		}
	}
}

// seconds is the time of one phase, NaN where there was none.
func (w *row) seconds(p phase) float64 {
	if math.IsNaN(w.ends[p]) {
		return math.NaN()
	}
	s := 0.0
	w.each(func(q phase, from, to float64) {
		if p == q {
			s = to - from
		}
	})
	return s
}

// maxRows is the most requests that are drawn, and maxTable the most that the
// table has.
const (
	maxRows  = 400
	maxTable = 200
)

// newRows are the records of a scenario by their start. Times that no clock
// of ours gives are left out.
func newRows(r *result.Run, i int, records []*result.Record) []row {
	var good []*result.Record
	zero := math.Inf(1)
	for _, rec := range records {
		if math.IsNaN(drawable(&rec.Intended)) || math.IsNaN(drawable(&rec.End)) {
			continue
		}
		good, zero = append(good, rec), min(zero, rec.Intended)
	}
	if d := r.Detail(i); d != nil && d.EndS > d.StartS {
		zero = min(zero, d.StartS)
	}
	var rows []row
	for _, rec := range good {
		rows = append(rows, newRow(rec, zero))
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.request, b.request))
	})
	return rows
}

// timelineFigure draws the requests of one scenario over time.
func timelineFigure(r *result.Run, i int, records []*result.Record) (sketch, bool) {
	rows := newRows(r, i, records)
	if len(rows) == 0 {
		return sketch{}, false
	}
	drawn, every := rows, 1
	if len(rows) > maxRows {
		every = (len(rows) + maxRows - 1) / maxRows
		drawn = nil
		for k := 0; k < len(rows); k += every {
			drawn = append(drawn, rows[k])
		}
	}
	end := 0.0
	for _, w := range rows {
		end = max(end, w.end)
	}
	pitch := min(max(230/vg.Length(len(drawn)), 1.4), 13)
	t := timeline{drawn}
	p := panel{x: timeAxis(end), y: axis{max: float64(len(drawn))}, hideY: true, right: 14, key: t.key(),
		xTitle: "Time since the scenario began (s)", yTitle: "Requests, one row each, in the order of their start", marks: []plot.Plotter{t}}
	p.height = pitch*vg.Length(len(drawn)) + 4.6*lineHeight + 2*margin
	f := Chart{ID: numbered("timeline", i), Place: InScenario, Scenario: i, Title: "Requests over time: " + r.Results[i].Name, Alt: timelineAlt(rows, end)}
	if every > 1 {
		f.Note = fmt.Sprintf("Of %d requests every %s is drawn.", len(rows), ordinal(every))
	}
	f.Header, f.Rows = timelineTable(rows)
	if len(rows) > maxTable {
		f.Note = joinSentences(f.Note, fmt.Sprintf("The table has the first %d of %d requests.", maxTable, len(rows)))
	}
	return sketch{f, p.drawing()}, true
}

// timeAxis runs from 0 to the end, without the rest of a last tick's step.
func timeAxis(end float64) axis {
	a := linearAxis(0, end, timeTicks)
	if end > 0 {
		a.max = end
		a.ticks = slices.DeleteFunc(a.ticks, func(t plot.Tick) bool { return t.Value > end })
	}
	return a
}

func ordinal(n int) string {
	switch {
	case n%100/10 == 1:
		return strconv.Itoa(n) + "th"
	case n%10 == 1:
		return strconv.Itoa(n) + "st"
	case n%10 == 2:
		return strconv.Itoa(n) + "nd"
	case n%10 == 3:
		return strconv.Itoa(n) + "rd"
	}
	return strconv.Itoa(n) + "th"
}

// timelineAlt says where the time of the requests that succeeded went.
func timelineAlt(rows []row, end float64) string {
	var sum [phases]float64
	all, bad := 0.0, 0
	for k := range rows {
		if rows[k].failed {
			bad++
			continue
		}
		rows[k].each(func(p phase, from, to float64) {
			sum[p] += to - from
			all += to - from
		})
	}
	alt := fmt.Sprintf("%s in %s s.", figure.Count(len(rows), "request"), twoDecimals(end))
	if all > 0 {
		var parts []string
		for _, p := range order {
			if sum[p] > 0 {
				parts = append(parts, fmt.Sprintf("%s %% %s", figure.Fixed(100*sum[p]/all, 1), phaseLook[p].name))
			}
		}
		alt += " Of the time of " + map[bool]string{true: "those that succeeded", false: "all of them"}[bad > 0] + ", " + list(parts) + "."
	}
	if bad > 0 {
		alt += fmt.Sprintf(" %d failed.", bad)
	}
	return alt
}

// timelineTable has a row per request.
func timelineTable(rows []row) (header []string, out [][]string) {
	seen := map[phase]bool{}
	for k := range rows {
		for _, p := range order {
			seen[p] = seen[p] || !math.IsNaN(rows[k].ends[p])
		}
	}
	header = []string{"Request", "Start (s)"}
	for _, p := range order {
		if seen[p] {
			header = append(header, map[phase]string{queue: "Queue (ms)", wait: "Wait (ms)", unseen: "Wait and prefill (ms)", prefill: "Prefill (ms)", decode: "Decode (ms)"}[p])
		}
	}
	header = append(header, "Output tokens", "Outcome")
	for k := range rows[:min(len(rows), maxTable)] {
		w := &rows[k]
		cells := []string{strconv.Itoa(w.request), twoDecimals(w.start)}
		for _, p := range order {
			if seen[p] {
				cells = append(cells, twoDecimals(1000*w.seconds(p)))
			}
		}
		out = append(out, append(cells, strconv.Itoa(w.tokens), map[bool]string{true: "failed", false: "done"}[w.failed]))
	}
	return header, out
}

// timeline draws requests, the first on top.
type timeline struct{ rows []row }

// key explains what the rows have in them.
func (t timeline) key() []keyItem {
	seen, bad := [phases]bool{}, false
	for k := range t.rows {
		t.rows[k].each(func(p phase, _, _ float64) { seen[p] = true })
		bad = bad || t.rows[k].failed
	}
	var out []keyItem
	for _, p := range order {
		if seen[p] {
			look := phaseLook[p]
			out = append(out, keyItem{text: look.name, draw: func(c draw.Canvas, x, y vg.Length) {
				half := look.share * 5
				c.SetColor(look.tone.color())
				c.Fill(vg.Rectangle{Min: vg.Point{X: x, Y: y - half}, Max: vg.Point{X: x + keyWidth, Y: y + half}}.Path())
			}})
		}
	}
	if bad {
		out = append(out, keyItem{text: "failed", draw: func(c draw.Canvas, x, y vg.Length) {
			cross(c, vg.Point{X: x + keyWidth/2, Y: y}, 4)
		}})
	}
	return out
}

func (t timeline) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	pitch := (c.Max.Y - c.Min.Y) / vg.Length(len(t.rows))
	// One path for each phase keeps the file small.
	var paths [phases]vg.Path
	for k := range t.rows {
		y := ty(float64(len(t.rows)-k) - 0.5)
		t.rows[k].each(func(p phase, from, to float64) {
			half := phaseLook[p].share * pitch / 2
			if pitch < 3 {
				half = 0.45 * pitch // too thin to show shares
			}
			r := vg.Rectangle{Min: vg.Point{X: tx(from), Y: y - half}, Max: vg.Point{X: tx(to), Y: y + half}}
			paths[p] = append(paths[p], r.Path()...)
		})
	}
	for _, p := range order {
		if len(paths[p]) > 0 {
			c.SetColor(phaseLook[p].tone.color())
			c.Fill(paths[p])
		}
	}
	for k := range t.rows {
		if t.rows[k].failed {
			cross(c, vg.Point{X: tx(t.rows[k].end), Y: ty(float64(len(t.rows)-k) - 0.5)}, min(max(pitch/2.5, 2.5), 4))
		}
	}
}

// cross marks a failed request.
func cross(c draw.Canvas, at vg.Point, r vg.Length) {
	s := draw.LineStyle{Color: toneFail.color(), Width: 1.6}
	c.StrokeLine2(s, at.X-r, at.Y-r, at.X+r, at.Y+r)
	c.StrokeLine2(s, at.X-r, at.Y+r, at.X+r, at.Y-r)
}
