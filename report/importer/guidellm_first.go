package importer

import (
	"math"

	"ceiling/bench/result"
	"ceiling/report/metric"
)

// isFirstGuideLLM tells whether an object is the report of a GuideLLM before
// 0.2, which has the requests alone and no statistics of them.
func isFirstGuideLLM(o object) bool {
	for _, b := range o.objects("benchmarks") {
		return b.has("mode", "results", "errors")
	}
	return false
}

// readFirstGuideLLM reads such a report: the statistics are computed here, as
// ours are.
func readFirstGuideLLM(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		args := o.object("args")
		for _, b := range o.objects("benchmarks") {
			b.bad = new([]string)
			r := ToolRun{Tool: ToolGuideLLM, Model: args.text("model"), Notes: f.notes}
			r.set(CondClient, first("HTTP, "+args.text("backend_type"), "HTTP"))
			r.set(CondTokenizer, args.text("tokenizer"))
			r.set(CondDataset, args.scalar("data"))
			l := firstGuideLoad(b)
			l.Notes = append(l.Notes, *b.bad...)
			parts = append(parts, part{r, l})
		}
	}
	return gather(parts), nil
}

func firstGuideLoad(b object) ToolLoad {
	l := ToolLoad{}
	mode := b.text("mode")
	if mode == "synchronous" {
		l.Concurrency = 1
	} else if rate, ok := b.number("rate"); ok && rate > 0 {
		l.RequestRate = &rate
		l.gaps(mode, 0)
	}
	l.note("strategy: %s", first(mode, "unknown"))
	requests, failed := b.objects("results"), len(b.list("errors"))
	successful := len(requests)
	l.Successful, l.Failed, l.Prompts = &successful, &failed, successful+failed
	if mode == "throughput" {
		l.atOnce()
	}
	if successful == 0 {
		l.note("no request succeeded")
		return l
	}
	t := &guideTimes{from: math.Inf(1), to: math.Inf(-1)}
	for _, r := range requests {
		t.add(r)
	}
	l.guideTimes(t)
	return l
}

// guideTimes are the times of the requests in ms, and what they add up to.
type guideTimes struct {
	first, perToken, gaps, total []float64
	inputs, outputs              []float64
	from, to                     float64 // s
	chunks                       int
}

// add takes one request. Its first_token_time and decode_times are durations,
// in seconds or in milliseconds by the version: together they are the time from
// its start to its end.
func (t *guideTimes) add(r object) {
	start, okStart := r.number("start_time")
	end, okEnd := r.number("end_time")
	if !okStart || !okEnd || end < start {
		return
	}
	t.from, t.to = min(t.from, start), max(t.to, end)
	t.total = append(t.total, (end-start)*1e3)
	input, _ := r.number("prompt_token_count")
	output, _ := r.number("output_token_count")
	t.inputs, t.outputs = append(t.inputs, input), append(t.outputs, output)
	firstToken, ok := r.number("first_token_time")
	if !ok || firstToken == 0 {
		return
	}
	gaps := r.object("decode_times").numbers("data")
	sum := firstToken
	for _, g := range gaps {
		sum += g
	}
	scale := 1.0
	if whole := end - start; math.Abs(sum-whole) < math.Abs(sum/1e3-whole) {
		scale = 1e3
	}
	t.first = append(t.first, firstToken*scale)
	t.chunks += len(gaps) + 1
	for _, g := range gaps {
		t.gaps = append(t.gaps, g*scale)
	}
	if output > 1 {
		t.perToken = append(t.perToken, ((end-start)*1e3-firstToken*scale)/(output-1))
	}
}

// guideTimes takes the figures that the times have.
func (l *ToolLoad) guideTimes(t *guideTimes) {
	sum := func(x []float64) (s float64) {
		for _, v := range x {
			s += v
		}
		return s
	}
	const of = " of the requests"
	l.derive(ttft, t.first, "first_token_time"+of, sameServer)
	l.derive(tpot, t.perToken, "(end_time − start_time − first_token_time) / (output_token_count − 1)"+of, same)
	l.derive(itl, t.gaps, "decode_times"+of, same)
	l.derive(e2el, t.total, "end_time − start_time"+of, sameServer)
	if l.Tokenless = len(t.total) - len(t.first); l.Tokenless > 0 {
		l.note("%s", l.tokenless())
	}
	input, output, n := sum(t.inputs), sum(t.outputs), float64(len(t.total))
	l.put(metric.InputTokens, input, "prompt_token_count"+of, same)
	l.put(metric.OutputTokens, output, "output_token_count"+of, same)
	l.means(input, output, len(t.total))
	all := make([]bool, len(t.total))
	for i := range all {
		all[i] = true
	}
	if constant(t.inputs, all) && constant(t.outputs, all) {
		l.Lengths = LengthsExact
	}
	if d := t.to - t.from; d > 0 && n > 0 {
		l.put(metric.Duration, d, "last end_time − first start_time", same)
		l.put(metric.RequestThroughput, n/d, "requests / duration", same)
		l.put(metric.OutputThroughput, output/d, "output_token_count"+of+" / duration", same)
		l.put(metric.TotalThroughput, (input+output)/d, "prompt_token_count + output_token_count"+of+" / duration", same)
	}
	l.judgeITL(t.chunks, round(output))
}

// derive adds the statistics of one distribution that are computed here, as
// the results of this program are.
func (l *ToolLoad) derive(f family, samples []float64, origin string, q quality) {
	if len(samples) == 0 {
		return
	}
	d := result.NewDist(samples)
	var stats []stat
	for i, v := range []float64{d.Mean, d.Median, d.P90, d.P95, d.P99, d.Std} {
		stats = append(stats, stat{f.stats()[i].metric, v, origin, q})
	}
	l.putFamily(stats)
	l.setSamples(f, samples)
}
