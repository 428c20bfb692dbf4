package chart

import (
	"fmt"
	"slices"
	"strconv"

	"gonum.org/v1/plot"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// acceptanceFigures draw which share of verifications accepted the draft at each place,
// a line for each scenario that speculates; none where nobody told the places.
func acceptanceFigures(r *result.Run) []sketch {
	var lines []curve
	for _, i := range drafting(r) {
		l := curve{name: draftsName(r, i), pen: penOf(len(lines) % mostLines)}
		for k, share := range r.Details[i].Speculation.AcceptanceAt() {
			l.x, l.y = append(l.x, float64(k+1)), append(l.y, 100*share)
		}
		lines = append(lines, l)
	}
	var out []sketch
	for group := range slices.Chunk(lines, mostLines) {
		out = append(out, acceptanceFigure(len(out)+1, group))
	}
	return out
}

// drafting are the scenarios that have an acceptance by place.
func drafting(r *result.Run) (out []int) {
	for i := range r.Details {
		if s := r.Details[i].Speculation; i < len(r.Results) && s != nil && len(s.AcceptanceAt()) > 0 {
			out = append(out, i)
		}
	}
	return out
}

// draftsName is a short name of a scenario: where all lines are of one sweep, what the
// point has that others have not.
func draftsName(r *result.Run, i int) string {
	point := r.Details[i].Sweep
	var others []result.Setting
	for _, k := range drafting(r) {
		s := r.Details[k].Sweep
		if point == nil || s == nil || s.Of != point.Of {
			return r.Results[i].Name
		}
		others = append(others, s.At...)
	}
	same := func(at result.Setting) bool {
		return !slices.ContainsFunc(others, func(o result.Setting) bool { return o.Name == at.Name && o.Value != at.Value })
	}
	name := result.SettingsText(slices.DeleteFunc(slices.Clone(point.At), same))
	if name == "" {
		name = result.SettingsText(point.At)
	}
	if r.Details[i].Speculation.Synthetic {
		name = result.SyntheticMark + name
	}
	return name
}

func acceptanceFigure(n int, lines []curve) sketch {
	const yTitle = "Verifications that accepted the draft there (%)"
	f := Chart{ID: fmt.Sprintf("acceptance-%d", n), Place: InSpeculation, Scenario: -1, Title: "Acceptance by place in the draft", Header: []string{"Place"},
		Note: "Of all verifications of the scenario; a draft is accepted where all before it were. A line ends where nothing was ever drafted.", Alt: "Acceptance by place in the draft."}
	places := 0
	for _, l := range lines {
		places = max(places, len(l.x))
		last := len(l.y) - 1
		f.Header = append(f.Header, l.name+" (%)")
		f.Alt += fmt.Sprintf(" %s: %s %% at place 1, %s %% at place %d.", l.name, figure.Fixed(l.y[0], 1), figure.Fixed(l.y[last], 1), last+1)
	}
	for k := range places {
		row := []string{strconv.Itoa(k + 1)}
		for _, l := range lines {
			text := figure.Missing
			if k < len(l.y) {
				text = figure.Fixed(l.y[k], 1)
			}
			row = append(row, text)
		}
		f.Rows = append(f.Rows, row)
	}
	p := panel{x: wholeAxis(places), y: axis{max: 100}, xTitle: "Place in the draft", yTitle: yTitle, names: lines}
	for v := 0.0; v <= 100; v += 25 {
		p.y.ticks = append(p.y.ticks, plot.Tick{Value: v, Label: strconv.Itoa(int(v))})
	}
	for _, l := range lines {
		p.marks = append(p.marks, l)
	}
	return sketch{f, p.drawing()}
}
