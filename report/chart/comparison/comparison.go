// Package comparison turns a comparison of runs into charts. It stands apart
// from package chart so that that one depends on nothing of the report.
package comparison

import (
	"fmt"
	"math"
	"slices"

	"ceiling/report/chart"
	"ceiling/report/compare"
	"ceiling/report/metric"
)

// Figures draws the loads that a comparison has matched: exactly those values
// that its tables have, medians over passes among them, and none that its
// tables call another quantity than the base's. undrawn has a line for each
// chart that can't be drawn.
func Figures(c *compare.Comparison) (figures []chart.Chart, undrawn []string) {
	runs := make([]chart.Series, len(c.Runs))
	for i, r := range c.Runs {
		runs[i] = chart.Series{Label: r.Label}
	}
	for i := range c.Pairs {
		p := &c.Pairs[i]
		for k := range p.Scenarios {
			s := &p.Scenarios[k]
			add(runs, p.A, s, func(f *compare.Measure) *float64 { return f.A })
			add(runs, p.B, s, func(f *compare.Measure) *float64 { return f.B })
		}
	}
	return chart.Compare(runs...)
}

// add gives a run its point of a scenario. The base has one in every pair:
// its first stays, with what later pairs have beyond it.
func add(runs []chart.Series, label string, s *compare.ComparedScenario, side func(*compare.Measure) *float64) {
	i := slices.IndexFunc(runs, func(r chart.Series) bool { return r.Label == label })
	if i < 0 {
		return
	}
	p := chart.LoadPoint{Load: load(s), Concurrency: s.Load.Concurrency}
	own := &runs[i].Points
	k := slices.IndexFunc(*own, func(o chart.LoadPoint) bool { return o.Load == p.Load && o.Concurrency == p.Concurrency })
	if k < 0 {
		*own = append(*own, p)
		k = len(*own) - 1
	}
	at := &(*own)[k]
	for _, f := range s.Figures {
		var to **float64
		switch f.Metric {
		case metric.OutputThroughput:
			to = &at.Throughput
		case metric.TTFTMean:
			to = &at.TTFTMs
		case metric.TPOTMean:
			to = &at.TPOTMs
		default:
			continue
		}
		if f.NotSame == "" && *to == nil {
			*to = side(&f)
		}
	}
}

// load names a load without its concurrency and number of prompts, which
// grow along a series. Cold and warm are two loads.
func load(s *compare.ComparedScenario) string {
	l := s.Load
	text := fmt.Sprintf("%s/%s tokens", known(l.Input), known(l.Output))
	if l.RangeRatio != nil && *l.RangeRatio > 0 {
		text += fmt.Sprintf(" ±%g %%", math.Round(1000**l.RangeRatio)/10)
	}
	if l.Depth > 0 {
		text += fmt.Sprintf(" at depth %d", l.Depth)
	}
	if l.RequestRate != nil {
		text += fmt.Sprintf(", %g req/s", *l.RequestRate)
	}
	if l.Arrivals != "" {
		text += ", " + l.Arrivals
	}
	switch {
	case s.CacheDiffers:
		text += ", cache states differ"
	case l.Cache != "":
		text += ", " + l.Cache
	}
	return text
}

func known(n int) string {
	if n == 0 {
		return "?"
	}
	return fmt.Sprint(n)
}
