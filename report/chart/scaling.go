package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
)

// A scalingPoint is one scenario of the scaling series.
type scalingPoint struct {
	concurrency int
	result      *result.Summary
	detail      *result.Detail // nil in the reference's files
	failed      bool
}

// scalingPoints are the scaling scenarios by rising concurrency, those that
// failed among them.
func scalingPoints(r *result.Run) []scalingPoint {
	var out []scalingPoint
	for _, i := range r.Series() {
		res := &r.Results[i]
		out = append(out, scalingPoint{res.Concurrency, res, r.Detail(i), r.Failed(i)})
	}
	return out
}

// A metric is one figure of every scaling point.
type metric struct {
	name   string
	unit   string
	values []float64 // NaN: missing
	// tableOnly: so few values have it that a line would be one of the others.
	tableOnly bool
}

// metricOf takes a figure of every point; those of a failed one are missing.
func metricOf(points []scalingPoint, name, unit string, of func(scalingPoint) *float64) metric {
	m := metric{name: name, unit: unit}
	for _, p := range points {
		if p.failed {
			m.values = append(m.values, math.NaN())
		} else {
			m.values = append(m.values, drawable(of(p)))
		}
	}
	return m
}

// empty says that nothing of the metric was measured.
func (m metric) empty() bool {
	return !slices.ContainsFunc(m.values, func(v float64) bool { return !math.IsNaN(v) })
}

func scalingFigures(r *result.Run) []sketch {
	points := scalingPoints(r)
	if len(points) == 0 {
		return nil
	}
	total := metricOf(points, "Output throughput", "tok/s", func(p scalingPoint) *float64 { return p.result.OutputThroughput })
	user := metricOf(points, "Per-user throughput", "tok/s", func(p scalingPoint) *float64 {
		if p.result.OutputThroughput == nil {
			return nil
		}
		v := *p.result.OutputThroughput / float64(p.concurrency)
		return &v
	})
	var out []sketch
	if s, ok := rateFigure("throughput", points, total, settingsNote(points)); ok {
		out = append(out, s)
	}
	if s, ok := rateFigure("per-user", points, user, "Output throughput divided by the number of concurrent users."); ok {
		out = append(out, s)
	}
	for _, l := range []struct {
		id, name string
		metrics  []metric
		limit    func(*result.SLO) float64
	}{
		{"ttft", "TTFT", ttftMetrics(points), func(s *result.SLO) float64 { return s.TTFTMs }},
		{"tpot", "TPOT", tpotMetrics(points), func(s *result.SLO) float64 { return s.TPOTMs }},
	} {
		if s, ok := latencyFigure(l.id, l.name, points, l.metrics, limitOf(r, points, l.limit)); ok {
			out = append(out, s)
		}
	}
	if s, ok := tradeoffFigure(r, points); ok {
		out = append(out, s)
	}
	cs, _ := concurrencies(points)
	pareto := paretoCurve{cs: cs, all: total.values, user: user.values}
	if s, ok := paretoFigure("pareto", InScaling, "Per-user against total throughput", []paretoCurve{pareto}); ok {
		out = append(out, s)
	}
	return out
}

func ttftMetrics(points []scalingPoint) []metric {
	return latencyMetrics(points, "TTFT", func(p scalingPoint) (mean, median, p99 *float64, d *result.Dist) {
		if p.detail != nil {
			d = p.detail.TTFT
		}
		return p.result.TTFTMeanMs, p.result.TTFTMedianMs, p.result.TTFTP99Ms, d
	})
}

func tpotMetrics(points []scalingPoint) []metric {
	return latencyMetrics(points, "TPOT", func(p scalingPoint) (mean, median, p99 *float64, d *result.Dist) {
		if p.detail != nil {
			d = p.detail.TPOT
		}
		return p.result.TPOTMeanMs, p.result.TPOTMedianMs, p.result.TPOTP99Ms, d
	})
}

// carriesTail is the least number of values of which p90, p95 and p99 are three
// things: with fewer the last two lie between the same largest values.
const carriesTail = 100

// latencyMetrics are the statistics of a latency in ms, the mean first. The
// distribution in the details, in seconds, has two that the reference lacks.
func latencyMetrics(points []scalingPoint, name string, of func(scalingPoint) (mean, median, p99 *float64, d *result.Dist)) []metric {
	ms := func(v float64) *float64 { v *= 1000; return &v }
	few := slices.ContainsFunc(points, func(p scalingPoint) bool {
		_, _, _, d := of(p)
		return d != nil && d.Count < carriesTail
	})
	var out []metric
	for _, stat := range []struct {
		name string
		of   func(scalingPoint) *float64
	}{
		{"mean", func(p scalingPoint) *float64 { v, _, _, _ := of(p); return v }},
		{"median", func(p scalingPoint) *float64 { _, v, _, _ := of(p); return v }},
		{"p90", func(p scalingPoint) *float64 {
			if _, _, _, d := of(p); d != nil {
				return ms(d.P90)
			}
			return nil
		}},
		{"p95", func(p scalingPoint) *float64 {
			if _, _, _, d := of(p); d != nil {
				return ms(d.P95)
			}
			return nil
		}},
		{"p99", func(p scalingPoint) *float64 { _, _, v, _ := of(p); return v }},
	} {
		if m := metricOf(points, name+" "+stat.name, "ms", stat.of); !m.empty() {
			m.tableOnly = few && (stat.name == "p90" || stat.name == "p95")
			out = append(out, m)
		}
	}
	return out
}

const concurrencyTitle = "Concurrency (requests in flight), log scale"

func concurrencies(points []scalingPoint) (cs []int, x []float64) {
	for _, p := range points {
		cs, x = append(cs, p.concurrency), append(x, float64(p.concurrency))
	}
	return cs, x
}

// maxNotes is the number of points up to which each is labelled.
const maxNotes = 10

// settingsNote names the settings of a sweep's curve: there is one for each.
func settingsNote(points []scalingPoint) string {
	d := points[0].detail
	if d == nil || len(d.Settings) == 0 {
		return ""
	}
	return "With " + result.SettingsText(d.Settings) + "."
}

// rateFigure draws a throughput. Its axis begins at zero.
func rateFigure(id string, points []scalingPoint, m metric, remark string) (sketch, bool) {
	if m.empty() {
		return sketch{}, false
	}
	cs, x := concurrencies(points)
	l := curve{pen: penOf(0), x: x, y: m.values}
	values := notes{about: []curve{l}}
	for i, v := range m.values {
		if !math.IsNaN(v) && len(points) <= maxNotes {
			values.of = append(values.of, note{x: x[i], y: v, text: short(v)})
		}
	}
	p := panel{x: concurrencyAxis(cs), y: zeroAxis(m.values), xTitle: concurrencyTitle, yTitle: m.name + " (" + m.unit + ")"}
	p.marks = append(p.marks, l, values)
	f := Chart{ID: id, Place: InScaling, Scenario: -1, Title: m.name + " against concurrency",
		Alt: trend(m, cs), Note: joinSentences(remark, gapNote(points, m))}
	f.Header, f.Rows = scalingTable(points, []metric{m}, "")
	return sketch{f, p.drawing()}, true
}

// short prints a value beside its point: two decimals, or an exponent where
// that would be long.
func short(v float64) string {
	if a := math.Abs(v); a >= 1e6 || a < 0.005 && a > 0 {
		return exponent(v)
	}
	return twoDecimals(v)
}

// latencyFigure draws the statistics of a latency, and its limit in ms where there
// is one.
func latencyFigure(id, name string, points []scalingPoint, metrics []metric, limit float64) (sketch, bool) {
	if len(metrics) == 0 {
		return sketch{}, false
	}
	cs, x := concurrencies(points)
	var all []float64
	var curves []curve
	few := false
	for i, m := range metrics {
		if m.tableOnly {
			few = true
			continue
		}
		curves = append(curves, curve{name: strings.TrimPrefix(m.name, name+" "), pen: penOf(i), x: x, y: m.values})
		all = append(all, m.values...)
	}
	// Where percentiles meet, the highest is named on top.
	byRank := slices.Clone(curves)
	slices.Reverse(byRank)
	line, all, beyond := limitLine(limit, all)
	p := panel{x: concurrencyAxis(cs), y: valueAxis(all), xTitle: concurrencyTitle, names: byRank}
	p.yTitle = p.y.marked(name + " (ms)")
	if line != nil {
		p.marks = append(p.marks, line)
	}
	for _, l := range curves {
		p.marks = append(p.marks, l)
	}
	f := Chart{ID: id, Place: InScaling, Scenario: -1, Title: name + " against concurrency",
		Note: joinSentences(scaleNote(p.y), beyond, gapNote(points, metrics...))}
	if few {
		f.Note = joinSentences(f.Note, fmt.Sprintf("With fewer than %d requests p90, p95 and p99 are close to the slowest request: p99 alone is drawn.", carriesTail))
	}
	f.Alt = latencyAlt(metrics, cs)
	f.Header, f.Rows = scalingTable(points, metrics, name+" ")
	return sketch{f, p.drawing()}, true
}

// latencyAlt says how the first and the last statistic go: mean and p99 where
// both are there.
func latencyAlt(metrics []metric, cs []int) string {
	s := trend(metrics[0], cs)
	if n := len(metrics); n > 1 {
		s += " " + trend(metrics[n-1], cs)
	}
	return s
}

func scaleNote(y axis) string {
	if y.log {
		return "The vertical axis is logarithmic: equal distances are equal ratios."
	}
	return ""
}

// gapNote names the concurrencies without any of the metrics.
func gapNote(points []scalingPoint, metrics ...metric) string {
	var gaps []string
	for i, p := range points {
		if !slices.ContainsFunc(metrics, func(m metric) bool { return !math.IsNaN(m.values[i]) }) {
			gaps = append(gaps, "c="+strconv.Itoa(p.concurrency))
		}
	}
	if len(gaps) == 0 {
		return ""
	}
	return "Not measured at " + list(gaps) + "."
}

// scalingTable has a row for every point. prefix is left out of the metrics'
// names where the chart's title says it.
func scalingTable(points []scalingPoint, metrics []metric, prefix string) (header []string, rows [][]string) {
	header = []string{"Concurrency"}
	for _, m := range metrics {
		header = append(header, fmt.Sprintf("%s%s (%s)", prefix, strings.TrimPrefix(m.name, prefix), m.unit))
	}
	for i, p := range points {
		row := []string{strconv.Itoa(p.concurrency)}
		for _, m := range metrics {
			row = append(row, twoDecimals(m.values[i]))
		}
		rows = append(rows, row)
	}
	return header, rows
}
