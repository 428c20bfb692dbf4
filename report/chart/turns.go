package chart

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// turnsFigure draws the TTFT of each turn of a scenario's conversations, with the
// tokens of its prompt that were reused and those that were not.
func turnsFigure(r *result.Run, i int) (sketch, bool) {
	d := r.Detail(i)
	if d == nil || len(d.Turns) == 0 {
		return sketch{}, false
	}
	var x, y []float64
	f := Chart{ID: numbered("turns", i), Place: InScenario, Scenario: i, Title: "TTFT by turn: " + r.Results[i].Name,
		Header: []string{"Turn", "Requests", "TTFT mean (ms)", "TTFT p99 (ms)", "TPOT mean (ms)", "Prompt (tok)", "Reused (tok)", "New (tok)"}}
	for k := range d.Turns {
		t := &d.Turns[k]
		x, y = append(x, float64(k+1)), append(y, math.NaN())
		mean, tail, tpot := figure.Missing, figure.Missing, figure.Missing
		if t.TTFT != nil {
			ms := t.TTFT.Mean * 1000
			if y[k] = drawable(&ms); !math.IsNaN(y[k]) {
				mean, tail = twoDecimals(ms), twoDecimals(t.TTFT.P99*1000)
			}
		}
		if t.TPOT != nil {
			tpot = twoDecimals(t.TPOT.Mean * 1000)
		}
		f.Rows = append(f.Rows, []string{strconv.Itoa(k + 1), strconv.Itoa(t.Requests), mean, tail, tpot, twoDecimals(t.Input), twoDecimals(t.Reused), twoDecimals(t.New)})
	}
	if (metric{values: y}).empty() {
		return sketch{}, false
	}
	l := curve{pen: penOf(0), x: x, y: y}
	values := notes{about: []curve{l}}
	for k, v := range y {
		if !math.IsNaN(v) && len(y) <= maxNotes {
			values.of = append(values.of, note{x: x[k], y: v, text: short(v)})
		}
	}
	p := panel{x: turnAxis(len(y)), y: zeroAxis(y), xTitle: "Turn of the conversation", yTitle: "TTFT mean (ms)", right: 14}
	p.marks = []plot.Plotter{l, values}
	first, last := d.Turns[0], d.Turns[len(d.Turns)-1]
	f.Alt = fmt.Sprintf("TTFT by turn: %s ms in turn 1, of %s prompt tokens; %s ms in turn %d, of %s, %s of them reused.",
		f.Rows[0][2], twoDecimals(first.Input), f.Rows[len(y)-1][2], len(y), twoDecimals(last.Input), twoDecimals(last.Reused))
	f.Note = "Means over the conversations. What a turn reuses is the KV of the turns before it."
	return sketch{f, p.drawing()}, true
}

// turnAxis has whole numbers from 1 on.
func turnAxis(turns int) axis {
	a := axis{min: 0.5, max: float64(turns) + 0.5}
	every := max(1, (turns+11)/12)
	for n := 1; n <= turns; n += every {
		a.ticks = append(a.ticks, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
	}
	return a
}
