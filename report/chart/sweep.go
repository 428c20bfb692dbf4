package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"ceiling/bench/result"
)

// mostLines is how many lines a chart of a sweep has; of more its points are bars.
const mostLines = 8

// sweptMetrics are drawn of a sweep. At depths the two rates are what matters.
var sweptMetrics = []struct {
	id, name string
	depth    bool
	of       func(*result.Summary, *result.Detail) *float64
}{
	{"output", "Output throughput", false, func(s *result.Summary, _ *result.Detail) *float64 { return s.OutputThroughput }},
	{"decode", "Decode rate", true, func(s *result.Summary, _ *result.Detail) *float64 { return s.TGSpeed }},
	{"prefill", "Prefill rate", true, func(_ *result.Summary, d *result.Detail) *float64 { return d.EnginePrefill }},
}

// sweptPoint is a point of a sweep.
type sweptPoint struct {
	x      float64 // its value of the axis that is drawn along
	line   string  // its values of the others
	whole  string  // all of them
	result *result.Summary
	detail *result.Detail
}

func sweepFigures(r *result.Run) []sketch {
	var out []sketch
	for n, of := range sweepNames(r) {
		axis, points := sweptPoints(r, of)
		for _, m := range sweptMetrics {
			if m.depth != (axis == "depth") {
				continue
			}
			id := fmt.Sprintf("sweep-%d-%s", n+1, m.id)
			values := make([]float64, len(points))
			any := false
			for i, p := range points {
				values[i] = math.NaN()
				if !result.Failed(p.result, p.detail) {
					values[i] = drawable(m.of(p.result, p.detail))
				}
				any = any || !math.IsNaN(values[i])
			}
			if any {
				out = append(out, sweptFigure(id, of, axis, m.name, points, values))
			}
		}
	}
	return out
}

// sweepNames are the scenarios that lists made several points of.
func sweepNames(r *result.Run) []string {
	var out []string
	for i := range r.Details {
		if s := r.Details[i].Sweep; s != nil && !slices.Contains(out, s.Of) {
			out = append(out, s.Of)
		}
	}
	return out
}

// sweptPoints are the points of a sweep, and the axis that they are drawn along: the
// depth, else the first that has several numbers; "" for none.
func sweptPoints(r *result.Run, of string) (axis string, points []sweptPoint) {
	values := map[string][]float64{}
	var names []string
	for i := range r.Details {
		s := r.Details[i].Sweep
		if s == nil || s.Of != of || i >= len(r.Results) {
			continue
		}
		for _, at := range s.At {
			v, ok := at.Number()
			if !ok {
				v = math.NaN()
			}
			if values[at.Name] == nil {
				names = append(names, at.Name)
			}
			values[at.Name] = append(values[at.Name], v)
		}
		points = append(points, sweptPoint{whole: result.SettingsText(s.At), result: &r.Results[i], detail: &r.Details[i]})
	}
	for _, name := range names {
		lo, hi := span(values[name])
		numbers := !slices.ContainsFunc(values[name], math.IsNaN) && lo < hi
		if numbers && (axis == "" || name == "depth") {
			axis = name
		}
	}
	for i := range points {
		var rest []result.Setting
		for _, at := range points[i].detail.Sweep.At {
			if at.Name == axis {
				points[i].x, _ = at.Number()
			} else {
				rest = append(rest, at)
			}
		}
		points[i].line = result.SettingsText(rest)
	}
	return axis, points
}

func sweptFigure(id, of, axis, name string, points []sweptPoint, values []float64) sketch {
	f := Chart{ID: id, Place: InSweeps, Scenario: -1, Title: name + ": " + of,
		Header: []string{"Point", name + " (tok/s)"}, Alt: name + " of the points of " + of + "."}
	lo, hi := -1, -1
	for i, v := range values {
		f.Rows = append(f.Rows, []string{points[i].whole, twoDecimals(v)})
		if math.IsNaN(v) {
			continue
		}
		if lo < 0 || v < values[lo] {
			lo = i
		}
		if hi < 0 || v > values[hi] {
			hi = i
		}
	}
	f.Alt += fmt.Sprintf(" The highest is %s tok/s with %s, the lowest %s tok/s with %s.", twoDecimals(values[hi]), points[hi].whole, twoDecimals(values[lo]), points[lo].whole)
	lines := sweptLines(points, values)
	if axis == "" || len(lines) > mostLines {
		return sketch{f, sweptBars(name, points, values)}
	}
	var all []float64
	for _, p := range points {
		all = append(all, p.x)
	}
	p := panel{x: measuredAxis(all), y: zeroAxis(values), yTitle: name + " (tok/s)", names: lines, height: max(chartHeight, lineHeight*vg.Length(len(lines)+7))}
	p.xTitle = p.x.marked(axis)
	if len(lines) == 1 && lines[0].name == "" {
		p.names = nil
	}
	for _, l := range lines {
		p.marks = append(p.marks, l)
	}
	return sketch{f, p.drawing()}
}

// sweptLines are the points as lines, those of each along rising x.
func sweptLines(points []sweptPoint, values []float64) []curve {
	var out []curve
	order := make([]int, len(points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case points[a].x < points[b].x:
			return -1
		case points[a].x > points[b].x:
			return 1
		}
		return 0
	})
	for _, i := range order {
		k := slices.IndexFunc(out, func(l curve) bool { return l.name == points[i].line })
		if k < 0 {
			k = len(out)
			out = append(out, curve{name: points[i].line, pen: penOf(k)})
		}
		out[k].x, out[k].y = append(out[k].x, points[i].x), append(out[k].y, values[i])
	}
	return out
}

// sweptBars are the points as bars.
func sweptBars(name string, points []sweptPoint, values []float64) drawing {
	var groups []barGroup
	for i, v := range values {
		groups = append(groups, barGroup{name: points[i].whole, values: []float64{v}})
	}
	return barFigure([]Series{{Label: name}}, "", name, "tok/s", groups).drawing
}

// measuredAxis has its ticks where something was measured: logarithmic where the
// values are positive and far apart.
func measuredAxis(values []float64) axis {
	x := slices.Compact(slices.Sorted(slices.Values(values)))
	lo, hi := x[0], x[len(x)-1]
	var a axis
	if lo > 0 && hi >= 4*lo {
		room := max(math.Pow(hi/lo, 1.0/12), 1.1)
		a = axis{min: lo / room, max: hi * room, log: true}
	} else {
		a = zeroAxis(x)
		a.ticks = nil
	}
	for _, v := range x {
		a.ticks = append(a.ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)})
	}
	return a
}
