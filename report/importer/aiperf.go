package importer

import (
	"encoding/json"
	"fmt"
)

// readAIPerf reads AIPerf's profile_export_aiperf.json, and genai-perf's,
// which has the same shape.
func readAIPerf(f *file) ([]*Run, error) {
	var parts []part
	for _, o := range f.items {
		input := o.object("input_config")
		r := Run{Tool: ToolAIPerf, Date: o.text("start_time"), Notes: f.notes}
		r.Model = aiperfModel(input)
		l := Load{}
		l.aiperfOffered(input)
		r.aiperfConditions(o, input)
		l.aiperfFigures(o, o.has("aiperf_version") || o.has("schema_version"))
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

// aiperfModel finds the model's name in the two shapes of input_config.
func aiperfModel(input object) string {
	for _, m := range input.object("models").objects("items") {
		return m.text("name")
	}
	for _, raw := range input.object("endpoint").list("model_names") {
		o := object{fields: map[string]json.RawMessage{"name": raw}, bad: input.bad}
		return o.text("name")
	}
	return ""
}

func (r *Run) aiperfConditions(o, input object) {
	endpoint := input.object("endpoint")
	client := "HTTP"
	if kind := first(endpoint.text("type"), endpoint.scalar("endpoint_type")); kind != "" {
		client += ", " + kind
	}
	r.set(CondClient, client)
	tokenizer := input.object("tokenizer")
	r.set(CondTokenizer, tokenizer.text("name"))
	r.set(CondSeed, o.object("run_info").scalar("random_seed"))
	for _, d := range input.objects("datasets") {
		r.set(CondDataset, first(d.text("dataset"), d.text("type")))
		break
	}
	if o.onOff("was_cancelled") == "on" {
		r.addNotes("the run was cancelled: its figures are of a part")
	}
}

// aiperfOffered finds the offered load: the phases that count in newer
// versions, the loadgen block in older ones.
func (l *Load) aiperfOffered(input object) {
	block := input.object("loadgen")
	requests, rate := "request_count", "request_rate"
	for _, p := range input.objects("phases") {
		if p.onOff("exclude_from_results") != "on" {
			block, requests, rate = p, "requests", "rate"
		}
	}
	l.Concurrency, _ = block.count("concurrency")
	l.Prompts, _ = block.count(requests)
	if v, ok := block.number(rate); ok && v > 0 {
		l.RequestRate = &v
	}
}

// toMs are the factors that turn a unit of time into milliseconds.
var toMs = map[string]float64{"ms": 1, "s": 1e3, "sec": 1e3, "us": 1e-3, "ns": 1e-6}

// toBase are the units that the other metrics may have: all mean the unit of
// ours.
var toBase = map[string]float64{
	"tokens/sec": 1, "tokens/s": 1, "tokens/sec/user": 1, "requests/sec": 1, "requests/s": 1,
	"tokens": 1, "requests": 1, "count": 1,
}

// aiperfStat takes one statistic of a metric object by the unit it names.
func (l *Load) aiperfStat(m Metric, o object, key, stat string, units map[string]float64, q quality) {
	metric := o.object(key)
	v, ok := metric.number(stat)
	if !ok {
		return
	}
	unit := metric.text("unit")
	scale, known := units[unit]
	if !known {
		l.note("%s is in %q, a unit that is not known: left out", key, unit)
		return
	}
	l.put(m, v*scale, fmt.Sprintf("%s.%s (%s)", key, stat, unit), q)
}

func (l *Load) aiperfFamily(f family, o object, key string, q quality) {
	if mean, ok := o.object(key).number("avg"); !ok || mean == 0 {
		return
	}
	for i, stat := range []string{"avg", "p50", "p90", "p95", "p99", "std"} {
		l.aiperfStat(f.stats()[i].metric, o, key, stat, toMs, q)
	}
}

// aiperfFigures takes the figures; own says that it is AIPerf's file and not
// genai-perf's.
func (l *Load) aiperfFigures(o object, own bool) {
	l.Successful = wholeStat(o, "request_count")
	l.Failed = wholeStat(o, "error_request_count")
	if l.Prompts == 0 && l.Successful != nil {
		l.Prompts = *l.Successful
	}
	l.aiperfFamily(ttft, o, "time_to_first_token", sameServer)
	l.aiperfFamily(e2el, o, "request_latency", sameServer)
	perToken := quality{same: true, note: "called inter_token_latency there: (latency − TTFT) / (tokens − 1) of each request"}
	if !own {
		perToken = differs("genai-perf's or a very old AIPerf's inter_token_latency: may be the gap before a response by its tokens, not a TPOT")
	}
	l.aiperfFamily(tpot, o, "inter_token_latency", perToken)
	l.aiperfFamily(itl, o, "inter_chunk_latency", same)
	l.aiperfStat(RequestThroughput, o, "request_throughput", "avg", toBase, same)
	l.aiperfStat(OutputThroughput, o, "output_token_throughput", "avg", toBase, same)
	l.aiperfStat(TotalThroughput, o, "total_token_throughput", "avg", toBase, same)
	l.aiperfStat(Goodput, o, "goodput", "avg", toBase, same)
	l.aiperfStat(InputTokens, o, "total_isl", "avg", toBase, same)
	l.aiperfStat(OutputTokens, o, "total_osl", "avg", toBase, same)
	l.aiperfStat(TG, o, "output_token_throughput_per_user", "avg", toBase, differs("mean over requests of 1000 / TPOT; ours is 1000 / mean TPOT"))
	l.aiperfStat(PP, o, "prefill_throughput_per_user", "avg", toBase, differs("mean over requests of input / TTFT, with its queueing; ours is input / mean TTFT"))
	seconds := map[string]float64{"s": 1, "sec": 1, "ms": 1e-3}
	l.aiperfStat(Duration, o, "benchmark_duration", "avg", seconds, differs("last response − first request; ours begins before the first arrival"))
	l.aiperfLengths(o)
	l.aiperfChunks(o)
}

func wholeStat(o object, key string) *int {
	return o.object(key).countPointer("avg")
}

func (l *Load) aiperfLengths(o object) {
	input, output := o.object("input_sequence_length"), o.object("output_sequence_length")
	in, okIn := input.number("avg")
	out, okOut := output.number("avg")
	if !okIn || !okOut {
		return
	}
	l.Input, l.Output, l.Lengths = round(in), round(out), LengthsMean
	if constantDist(input) && constantDist(output) {
		l.Lengths = LengthsExact
	}
}

// aiperfChunks compares the number of gaps with the number of tokens.
func (l *Load) aiperfChunks(o object) {
	gaps, okGaps := o.object("inter_chunk_latency").count("count")
	tokens, okTokens := l.Values[OutputTokens]
	if !okGaps || !okTokens || l.Successful == nil {
		l.judgeITL(0, 0)
		return
	}
	l.judgeITL(gaps+*l.Successful, round(tokens.V))
}
