package chart

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// turnTokensFigure draws the prompt of each turn, and what of it was reused: what lies
// between is new.
func turnTokensFigure(r *result.Run, i int) (sketch, bool) {
	d := r.Detail(i)
	if d == nil || len(d.Turns) == 0 {
		return sketch{}, false
	}
	f := Chart{ID: numbered("turn-tokens", i), Place: InScenario, Scenario: i, Title: "Prompt tokens by turn: " + r.Results[i].Name,
		Header: []string{"Turn", "Prompt (tok)", "Reused (tok)", "New (tok)"}, Note: "Means over the conversations. What lies between the lines was computed."}
	var x, prompt, reused []float64
	for k := range d.Turns {
		t := d.Turns[k]
		f.Rows = append(f.Rows, append([]string{strconv.Itoa(k + 1)}, turnTokens(&t)...))
		if t.Requests == 0 {
			t.Input, t.Reused = math.NaN(), math.NaN()
		}
		x, prompt, reused = append(x, float64(k+1)), append(prompt, drawable(&t.Input)), append(reused, drawable(&t.Reused))
	}
	if (metric{values: prompt}).empty() {
		return sketch{}, false
	}
	curves := []curve{{name: "prompt", pen: penOf(0), x: x, y: prompt}, {name: "reused", pen: penOf(1), x: x, y: reused}}
	p := panel{x: wholeAxis(len(x)), y: zeroAxis(prompt), xTitle: turnTitle, yTitle: "Prompt tokens, mean", names: curves}
	p.marks = []plot.Plotter{curves[0], curves[1]}
	last := f.Rows[len(f.Rows)-1]
	f.Alt = fmt.Sprintf("Prompt tokens by turn: %s in turn 1, %s of them reused; %s in turn %s, %s of them reused.", f.Rows[0][1], f.Rows[0][2], last[1], last[0], last[2])
	return sketch{f, p.drawing()}, true
}

// turnTokens are the mean tokens of a turn's prompt, those of it that were reused, and
// the others; missing where no request got to the turn.
func turnTokens(t *result.TurnFigures) []string {
	if t.Requests == 0 {
		return []string{figure.Missing, figure.Missing, figure.Missing}
	}
	return []string{twoDecimals(t.Input), twoDecimals(t.Reused), twoDecimals(t.New)}
}

const turnTitle = "Turn of the conversation"

// turnsFigure draws the TTFT of each turn of a scenario's conversations, with the
// tokens of its prompt that were reused and those that were not in its table.
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
		tokens := turnTokens(t)
		if t.TTFT != nil {
			ms := t.TTFT.Mean * 1000
			if y[k] = drawable(&ms); !math.IsNaN(y[k]) {
				mean, tail = twoDecimals(ms), twoDecimals(t.TTFT.P99*1000)
			}
		}
		if t.TPOT != nil {
			tpot = twoDecimals(t.TPOT.Mean * 1000)
		}
		f.Rows = append(f.Rows, append([]string{strconv.Itoa(k + 1), strconv.Itoa(t.Requests), mean, tail, tpot}, tokens...))
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
	p := panel{x: wholeAxis(len(y)), y: zeroAxis(y), xTitle: turnTitle, yTitle: "TTFT mean (ms)", right: 14}
	p.marks = []plot.Plotter{l, values}
	first, last := f.Rows[0], f.Rows[len(f.Rows)-1]
	f.Alt = fmt.Sprintf("TTFT by turn: %s ms in turn 1, of %s prompt tokens; %s ms in turn %d, of %s, %s of them reused.",
		first[2], first[5], last[2], len(y), last[5], last[6])
	f.Note = "Means over the conversations. What a turn reuses is the KV of the turns before it."
	return sketch{f, p.drawing()}, true
}

// wholeAxis has whole numbers from 1 on.
func wholeAxis(most int) axis {
	a := axis{min: 0.5, max: float64(most) + 0.5}
	every := max(1, (most+11)/12)
	for n := 1; n <= most; n += every {
		a.ticks = append(a.ticks, plot.Tick{Value: float64(n), Label: strconv.Itoa(n)})
	}
	return a
}
