package sheet

import (
	"fmt"
	"slices"

	"ceiling/bench/result"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// Series are a run's loads that differ in nothing but concurrency, at two or
// more of them, as results that charts can be drawn of; nil where there are
// none. Of several such loads it is the one with the most. The figures are the
// file's own, as its tool defines them: they are fit to be compared with each
// other, not beside ceiling's.
func Series(r *importer.ToolRun) *result.Run {
	loads := longest(r)
	if loads == nil {
		return nil
	}
	return results(r, loads)
}

// results are the loads as a file of ceiling has them, as far as scaling
// points need it.
func results(r *importer.ToolRun, loads []*importer.ToolLoad) *result.Run {
	out := &result.Run{Model: r.Model, Hardware: r.Hardware, Date: r.Date}
	for _, l := range loads {
		out.Results = append(out.Results, point(l))
		d := result.Detail{Name: l.Name, PrefixLen: l.Depth, RequestRate: l.RequestRate, Cache: l.Cache}
		if l.Prefix != nil {
			d.PrefixLen += *l.Prefix
		}
		if l.RangeRatio != nil {
			d.RangeRatio = *l.RangeRatio
		}
		out.Details = append(out.Details, d)
	}
	return out
}

// charted are the metrics that a chart over concurrency takes one of.
var charted = []metric.Key{metric.OutputThroughput, metric.TTFTMean, metric.TPOTMean}

// longest are the scaling points by rising concurrency. Of several passes it
// has the first.
func longest(r *importer.ToolRun) []*importer.ToolLoad {
	var drawn []*importer.ToolLoad
	for i := range r.Loads {
		l := &r.Loads[i]
		if !l.Open() && slices.ContainsFunc(charted, func(m metric.Key) bool { _, ok := l.Values[m]; return ok }) {
			drawn = append(drawn, l)
		}
	}
	var out []*importer.ToolLoad
	for _, i := range results(r, drawn).Series() {
		out = append(out, drawn[i])
	}
	return out
}

// lengths names a load without its concurrency.
func lengths(l *importer.ToolLoad) string {
	text := fmt.Sprintf("%s/%s tokens", count(l.Input), count(l.Output))
	if l.Depth > 0 {
		text += fmt.Sprintf(" at depth %d", l.Depth)
	}
	if l.RangeRatio != nil && *l.RangeRatio > 0 {
		text += fmt.Sprintf(" ±%g %%", 100**l.RangeRatio)
	}
	if l.Cache != "" {
		text += ", " + l.Cache
	}
	return text
}

// point is a load as a point of a scaling curve.
func point(l *importer.ToolLoad) result.Summary {
	v := func(m metric.Key) *float64 {
		if value, ok := l.Values[m]; ok {
			return &value.V
		}
		return nil
	}
	return result.Summary{
		Name: l.Name, InputLen: l.Input, OutputLen: l.Output,
		Concurrency: l.Concurrency, NumPrompts: l.Prompts,
		DurationS: v(metric.Duration), OutputThroughput: v(metric.OutputThroughput),
		PeakOutputThroughput: v(metric.PeakThroughput), TotalThroughput: v(metric.TotalThroughput),
		TTFTMeanMs: v(metric.TTFTMean), TTFTMedianMs: v(metric.TTFTMedian), TTFTP99Ms: v(metric.TTFTP99),
		TPOTMeanMs: v(metric.TPOTMean), TPOTMedianMs: v(metric.TPOTMedian), TPOTP99Ms: v(metric.TPOTP99),
		ITLMeanMs: v(metric.ITLMean), ITLMedianMs: v(metric.ITLMedian), ITLP99Ms: v(metric.ITLP99),
		PPSpeed: v(metric.PP), TGSpeed: v(metric.TG),
	}
}
