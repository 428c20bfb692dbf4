package importer

import (
	"fmt"

	"ceiling/report/metric"
)

// readBenchy reads llama-benchy's JSON.
func readBenchy(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		r := ToolRun{Tool: ToolLlamaBenchy, Model: o.text("model"), Date: o.text("timestamp"), Notes: f.notes}
		r.set(CondClient, "HTTP, chat completions")
		if v := o.onOff("prefix_caching_enabled"); v != "" {
			r.set(CondCache, "prefix caching "+v)
		}
		if mode := o.text("latency_mode"); mode != "" && mode != "none" {
			r.addNotes(fmt.Sprintf("pp has a network latency of %s ms taken off, measured by its mode %q", o.scalar("latency_ms"), mode))
		}
		r.addNotes(*o.bad...)
		for _, b := range o.objects("benchmarks") {
			parts = append(parts, part{r, benchyLoad(b)})
		}
	}
	return gather(parts), nil
}

func benchyLoad(o object) ToolLoad {
	o.bad = new([]string)
	l := ToolLoad{Lengths: LengthsNominal}
	l.Concurrency, _ = o.count("concurrency")
	l.Input, _ = o.count("prompt_size")
	l.Output, _ = o.count("response_size")
	l.Depth, _ = o.count("context_size")
	l.Name = fmt.Sprintf("pp%d tg%d c%d", l.Input, l.Output, l.Concurrency)
	if l.Depth > 0 {
		l.Name += fmt.Sprintf(" @ d%d", l.Depth)
	}
	if o.onOff("is_context_prefill_phase") == "on" {
		l.Name += " (context)"
		l.note("loads the context that the next measurement builds on")
	}
	l.benchyStat(metric.PP, o, "pp_req_throughput", differs("mean over requests of prompt / (time to first chunk − network latency); ours is input / mean TTFT"))
	l.benchyStat(metric.InputThroughput, o, "pp_throughput", differs("of all streams, while they prefill"))
	l.benchyStat(metric.TG, o, "tg_req_throughput", differs("mean over requests of (chunks − 1) / decode time; ours is 1000 / mean TPOT"))
	l.benchyStat(metric.DecodeRate, o, "tg_throughput", differs("of all streams, while they decode; an output throughput has the prefill in its time"))
	l.benchyStat(metric.PeakThroughput, o, "peak_throughput", differs("fullest sliding window of 1 s, a shorter run by its true length; ours are fixed windows"))
	l.benchyStat(metric.TTFTMean, o, "ttfr", quality{same: true, note: sameServer.note + "; to the first chunk, also one without text"})
	if v, ok := o.object("ttfr").number("std"); ok {
		l.put(metric.TTFTStd, v, "ttfr.std", sameServer)
	}
	l.Notes = append(l.Notes, *o.bad...)
	return l
}

// benchyStat takes {mean, std, values}, which is null where nothing was
// measured.
func (l *ToolLoad) benchyStat(m metric.Key, o object, key string, q quality) {
	stat := o.object(key)
	mean, ok := stat.number("mean")
	if !ok || mean == 0 {
		return
	}
	l.put(m, mean, key+".mean", q)
	v := l.Values[m]
	v.Samples = stat.numbers("values")
	l.Values[m] = v
}
