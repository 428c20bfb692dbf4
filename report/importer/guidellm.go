package importer

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ceiling/report/metric"
)

// isGuideLLM tells whether o is a benchmarks.json of any version.
func isGuideLLM(o object) bool {
	if !o.has("benchmarks") {
		return false
	}
	if o.object("metadata").has("guidellm_version") {
		return true
	}
	for _, b := range o.objects("benchmarks") {
		return b.text("type_") == "generative_benchmark" || b.has("metrics", "run_stats")
	}
	return false
}

// readGuideLLM reads GuideLLM's benchmarks.json: version 2 (config), version
// 1 (args) and the older form that is a list of benchmarks only.
func readGuideLLM(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		for _, b := range o.objects("benchmarks") {
			// Each benchmark has notes of its own.
			b.bad = new([]string)
			r := guideRun(o, b)
			r.addNotes(f.notes...)
			l := guideLoad(b)
			l.Notes = append(l.Notes, *b.bad...)
			parts = append(parts, part{r, l})
		}
	}
	return gather(parts), nil
}

// guideRun takes the conditions from wherever the version keeps them.
func guideRun(o, b object) ToolRun {
	spec, args := o.object("config").object("spec"), o.object("args")
	backend := spec.object("backend")
	own := b.object("config").object("backend")
	r := ToolRun{Tool: ToolGuideLLM}
	if start, ok := b.number("start_time"); ok && start < maxCount {
		r.Date = time.Unix(int64(start), 0).UTC().Format(time.RFC3339)
	}
	r.Model = first(backend.text("model"), own.text("model"), args.object("backend_kwargs").text("model"),
		args.scalar("model"), b.object("worker").text("backend_model"))
	client := "HTTP"
	formats := map[string]string{"chat_completions": "/v1/chat/completions", "text_completions": "/v1/completions"} // as versions before 0.6 call them
	if format := first(backend.text("request_format"), own.text("request_format"), args.scalar("request_format"), args.scalar("data_request_formatter")); format != "" {
		client += ", " + first(formats[format], format)
	}
	r.set(CondClient, client)
	r.set(CondTokenizer, first(spec.object("tokenizer").text("model"), args.scalar("processor"), b.object("request_loader").scalar("processor")))
	r.set(CondSeed, first(spec.object("seed").scalar("value"), args.scalar("random_seed")))
	r.set(CondDataset, first(guideData(spec), guideArgsData(args), b.object("request_loader").scalar("data")))
	return r
}

// guideData describes the data of version 2.
func guideData(spec object) string {
	var out []string
	for _, d := range spec.objects("data") {
		text := d.text("kind")
		for _, key := range []string{"prompt_tokens", "output_tokens", "turns"} {
			if n := d.scalar(key); n != "" {
				text += fmt.Sprintf(" %s=%s", key, n)
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// guideArgsData describes the data of version 1: a text, or a list of them.
func guideArgsData(args object) string {
	raw, ok := args.get("data")
	if !ok || raw[0] != '[' {
		return args.scalar("data")
	}
	var out []string
	for _, item := range args.list("data") {
		o := object{fields: map[string]json.RawMessage{"data": item}, bad: args.bad}
		out = append(out, o.scalar("data"))
	}
	return strings.Join(out, "; ")
}

// guideLoad is one benchmark: one strategy at one rate.
func guideLoad(b object) ToolLoad {
	metrics := b.object("metrics")
	l := ToolLoad{}
	l.guideStrategy(b)
	totals := metrics.object("request_totals")
	if !totals.has("successful") {
		totals = b.object("request_totals") // the older place
	}
	l.Successful, l.Failed = totals.countPointer("successful"), totals.countPointer("errored")
	l.Prompts, _ = totals.count("total")
	if n, ok := totals.count("incomplete"); ok && n > 0 {
		l.note("%d requests were still running at the end", n)
	}
	if l.Successful != nil && *l.Successful == 0 {
		l.note("no request succeeded: the zeros in the file stand for missing values")
		return l
	}
	l.guideLatencies(metrics)
	l.guideRates(b, metrics)
	l.guideSamples(b)
	return l
}

// guideStrategy finds the offered load.
func (l *ToolLoad) guideStrategy(b object) {
	s := b.object("config").object("strategy")
	if !s.has("type_") {
		s = b.object("args").object("strategy")
	}
	kind := s.text("type_")
	rate, okRate := s.number("rate")
	switch kind {
	case "synchronous":
		l.Concurrency = 1
	case "concurrent":
		if l.Concurrency, okRate = s.count("streams"); !okRate {
			l.Concurrency, _ = s.count("max_concurrency")
		}
	case "constant", "poisson", "async":
		// Their max_concurrency is a limit of the client, not of the load.
		if okRate && rate > 0 {
			l.RequestRate = &rate
			l.gaps(kind, 0)
		}
	case "throughput":
		l.Concurrency, _ = s.count("max_concurrency")
	}
	if kind != "" {
		l.note("strategy: %s", kind)
	}
}

// Notes on GuideLLM's statistics.
const (
	noteInverse  = "percentiles without interpolation; ours are linear"
	noteWeighted = "mean over tokens: each request weighs by its tokens − 1; ours weighs requests alike"
)

// guideLatencies takes the latency distributions of the successful requests.
func (l *ToolLoad) guideLatencies(metrics object) {
	l.guideDist(ttft, metrics, "time_to_first_token_ms", 1, sameServer)
	l.guideDist(e2el, metrics, "request_latency", 1e3, sameServer)
	q := differs("%s", noteWeighted)
	if n := metrics.object("output_token_count").object("successful"); constantDist(n) {
		q = quality{same: true, note: "each request weighs by its tokens − 1, and all have as many"}
	}
	l.guideDist(tpot, metrics, "inter_token_latency_ms", 1, q)
	if d, ok := guideSuccessful(metrics, "time_per_output_token_ms"); ok {
		if mean, ok := d.number("mean"); ok {
			l.put(metric.PerTokenMean, mean, "time_per_output_token_ms.successful.mean",
				differs("(last token − start) / tokens, the first token included: not a TPOT, and ours has no such figure"))
		}
	}
}

func constantDist(d object) bool {
	low, okLow := d.figure("min")
	high, okHigh := d.figure("max")
	return okLow && okHigh && low == high && low > 0
}

// guideSuccessful is a metric's distribution over the successful requests; ok
// is false where it has no values and its zeros mean nothing.
func guideSuccessful(metrics object, key string) (d object, ok bool) {
	d = metrics.object(key).object("successful")
	if n, there := d.count("count"); there && n == 0 {
		return d, false
	}
	mean, there := d.number("mean")
	return d, !there || mean > 0
}

func (l *ToolLoad) guideDist(f family, metrics object, key string, scale float64, q quality) {
	d, ok := guideSuccessful(metrics, key)
	if !ok {
		return
	}
	unit := ""
	if scale != 1 {
		unit = " (s)"
	}
	percentiles := d.object("percentiles")
	rank := differs("%s", noteInverse)
	if q.note != "" {
		rank.note += "; " + q.note
	}
	var stats []stat
	for _, s := range []struct {
		m   metric.Key
		o   object
		key string
		at  string
		q   quality
	}{
		{f.mean, d, "mean", "mean", q}, {f.std, d, "std_dev", "std_dev", q},
		{f.median, d, "median", "median", rank},
		{f.p90, percentiles, "p90", "percentiles.p90", rank}, {f.p95, percentiles, "p95", "percentiles.p95", rank},
		{f.p99, percentiles, "p99", "percentiles.p99", rank},
	} {
		if v, ok := s.o.number(s.key); ok {
			stats = append(stats, stat{s.m, v * scale, key + ".successful." + s.at + unit, s.q})
		}
	}
	l.putFamily(stats)
}

// guideRates takes throughputs, lengths and the duration.
func (l *ToolLoad) guideRates(b, metrics object) {
	duration, ok := b.number("duration")
	origin := "duration"
	if !ok {
		start, okStart := b.number("start_time")
		end, okEnd := b.number("end_time")
		duration, ok, origin = end-start, okStart && okEnd && end > start, "end_time − start_time"
	}
	if ok && duration > 0 {
		l.put(metric.Duration, duration, origin, same)
	}
	whole := ok && duration > 0 && !l.guideEdges(b)
	l.guideTotals(metrics)
	requests := same
	if n, ok := metrics.object("requests_per_second").object("successful").count("count"); ok && l.Successful != nil && 0 < n && n < *l.Successful {
		// GuideLLM 0.5 counts the completions after the first.
		requests = differs("counts %d of %d requests", n, *l.Successful)
		if whole {
			requests.note += fmt.Sprintf("; all of them / duration is %.4g", float64(*l.Successful)/duration)
		}
	}
	l.guideMean(metric.RequestThroughput, metrics, "requests_per_second", requests)
	rates := "time-weighted mean of local rates"
	if v, has := l.Values[metric.OutputTokens]; has && whole {
		rates += fmt.Sprintf("; output tokens / duration is %.2f", v.V/duration)
	}
	l.guideMean(metric.OutputThroughput, metrics, "output_tokens_per_second", differs("%s", rates))
	l.guideMean(metric.TotalThroughput, metrics, "tokens_per_second", differs("time-weighted mean of local rates"))
	l.guideMean(metric.InputThroughput, metrics, "prompt_tokens_per_second", differs("time-weighted mean of local rates"))
	if d, ok := guideSuccessful(metrics, "request_concurrency"); ok {
		if v, ok := d.number("max"); ok {
			l.put(metric.PeakConcurrent, v, "request_concurrency.successful.max", differs("of the successful requests only"))
		}
	}
}

func (l *ToolLoad) guideMean(m metric.Key, metrics object, key string, q quality) {
	if d, ok := guideSuccessful(metrics, key); ok {
		if v, ok := d.number("mean"); ok {
			l.put(m, v, key+".successful.mean", q)
		}
	}
}

// guideEdges says whether a warm-up or cool-down was left out. The requests
// that reach into either count whole, so no total over the duration is a rate.
func (l *ToolLoad) guideEdges(b object) bool {
	warmup, _ := b.number("warmup_duration")
	cooldown, _ := b.number("cooldown_duration")
	if warmup <= 0 && cooldown <= 0 {
		return false
	}
	l.note("%.3g s of warm-up and %.3g s of cool-down are left out", warmup, cooldown)
	return true
}

// guideTotals takes the token counts.
func (l *ToolLoad) guideTotals(metrics object) {
	input, okIn := guideSuccessful(metrics, "prompt_token_count")
	output, okOut := guideSuccessful(metrics, "output_token_count")
	for _, t := range []struct {
		m   metric.Key
		d   object
		ok  bool
		key string
	}{{metric.InputTokens, input, okIn, "prompt_token_count"}, {metric.OutputTokens, output, okOut, "output_token_count"}} {
		if v, ok := t.d.number("total_sum"); ok && t.ok {
			l.put(t.m, v, t.key+".successful.total_sum", same)
		}
	}
	in, okMeanIn := input.number("mean")
	out, okMeanOut := output.number("mean")
	if okIn && okOut && okMeanIn && okMeanOut {
		l.Input, l.Output, l.Lengths = round(in), round(out), LengthsMean
		if constantDist(input) && constantDist(output) {
			l.Lengths = LengthsExact
		}
	}
}

// guideSamples takes the raw values of the requests, where all of them are in
// the file.
func (l *ToolLoad) guideSamples(b object) {
	requests := b.object("requests").objects("successful")
	if len(requests) == 0 || l.Successful == nil {
		return
	}
	if len(requests) != *l.Successful {
		l.note("the file holds %d of %d requests: only the summaries are used", len(requests), *l.Successful)
		return
	}
	var first, perToken, total []float64
	for _, r := range requests {
		if v, ok := r.number("time_to_first_token_ms"); ok {
			first = append(first, v)
		}
		if v, ok := r.number("request_latency"); ok {
			total = append(total, v*1e3)
		}
		if v, ok := r.number("inter_token_latency_ms"); ok {
			perToken = append(perToken, v)
		}
	}
	const tolerance = 1e-6
	l.attach(ttft, first, tolerance)
	l.attach(e2el, total, tolerance)
	if v, ok := l.Values[metric.TPOTMean]; ok && v.Same {
		l.attach(tpot, perToken, tolerance)
	}
}
