package importer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// aiperfMetrics are metrics that a file of AIPerf or genai-perf has at its top.
var aiperfMetrics = []string{"request_latency", "request_throughput", "time_to_first_token", "output_token_throughput"}

// isAIPerf tells whether an object is AIPerf's or genai-perf's summary. The
// metrics that need streaming are missing without it, all of them after a run
// without a success, and early files have neither version nor configuration.
func isAIPerf(o object) bool {
	if o.has("aiperf_version") {
		return true
	}
	found := 0
	for _, key := range aiperfMetrics {
		if o.object(key).has("unit", "avg") {
			found++
		}
	}
	return found > 1 || found > 0 && o.has("input_config")
}

// readAIPerf reads AIPerf's profile_export_aiperf.json, and genai-perf's,
// which has the same shape.
func readAIPerf(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		p := profile{object: o, input: o.object("input_config")}
		p.command = strings.Fields(o.object("run_info").text("cli_command"))
		r := ToolRun{Tool: ToolGenAIPerf, Model: p.model(), Date: o.text("start_time"), Notes: f.notes}
		if own := o.has("aiperf_version") || o.has("schema_version"); own {
			r.Tool = ToolAIPerf
		}
		l := ToolLoad{}
		l.aiperfOffered(p)
		r.aiperfConditions(p)
		l.aiperfFigures(p, r.Tool == ToolAIPerf)
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

// isAIPerfSweep tells a sweep's summary whose combinations were run once each.
// Where they were run more often, its figures are means over runs.
func isAIPerfSweep(o object) bool {
	trials, ok := o.object("metadata").count("num_trials_per_value")
	return ok && trials == 1 && o.has("per_combination_metrics")
}

// readAIPerfSweep reads the summary of a sweep, profile_export_aiperf_sweep.json.
func readAIPerfSweep(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		for _, c := range o.objects("per_combination_metrics") {
			c.bad = new([]string)
			p := profile{object: c.object("metrics"), input: object{fields: map[string]json.RawMessage{}, bad: c.bad}}
			r, l := ToolRun{Tool: ToolAIPerf, Notes: f.notes}, ToolLoad{}
			parameters := c.object("parameters")
			for _, key := range sortedKeys(parameters.fields) {
				name := key[strings.LastIndexByte(key, '.')+1:]
				p.input.fields[name] = parameters.fields[key]
				if name != "concurrency" && name != "request_rate" && name != "request_count" {
					l.note("%s: %s", oneline.Of(key), oneline.Of(parameters.scalar(key)))
				}
			}
			l.aiperfOffered(p) // of the conditions the summary has none
			l.aiperfFigures(p, true)
			for _, f := range []family{ttft, tpot, itl, e2el} {
				delete(l.Values, f.std) // that between runs is there, and there is one
			}
			l.Notes = append(l.Notes, *c.bad...)
			parts = append(parts, part{r, l})
		}
	}
	return gather(parts), nil
}

// profile is one file with its configuration, which has had several shapes.
type profile struct {
	object
	input   object
	command []string // the words of the command line, where the file has it
}

// option is the value of an option of the command line, "" for none.
func (p profile) option(names ...string) string {
	for i, word := range p.command {
		name, value, joined := strings.Cut(word, "=")
		switch {
		case !slices.Contains(names, name):
		case joined:
			return value
		case i+1 < len(p.command):
			return p.command[i+1]
		}
	}
	return ""
}

// model finds the model's name.
func (p profile) model() string {
	for _, m := range p.input.object("models").objects("items") {
		return m.text("name")
	}
	return first(firstText(p.input.object("endpoint"), "model_names"), firstText(p.input, "model_names"), firstText(p.input, "model"),
		p.option("--model", "--model-names", "-m"))
}

// firstText is a field that is a string, or a list's first item.
func firstText(o object, key string) string {
	raw, ok := o.get(key)
	if !ok || raw[0] != '[' {
		return o.scalar(key)
	}
	for _, item := range o.list(key) {
		return object{fields: map[string]json.RawMessage{key: item}, bad: o.bad}.text(key)
	}
	return ""
}

func (r *ToolRun) aiperfConditions(p profile) {
	endpoint := p.input.object("endpoint")
	client := "HTTP"
	if kind := first(endpoint.text("type"), endpoint.scalar("endpoint_type"), p.input.scalar("endpoint_type"), p.option("--endpoint-type")); kind != "" {
		client += ", " + kind
	}
	r.set(CondClient, client)
	r.set(CondTokenizer, first(p.input.object("tokenizer").text("name"), p.input.scalar("tokenizer"), p.option("--tokenizer")))
	r.set(CondSeed, first(p.object.object("run_info").scalar("random_seed"), p.input.scalar("random_seed"), p.input.object("input").scalar("random_seed")))
	r.set(CondDataset, p.dataset())
	if p.onOff("was_cancelled") == "on" {
		r.addNotes("the run was cancelled: its figures are of a part")
	}
}

// dataset names what the requests were made of. Two files are two data sets.
func (p profile) dataset() string {
	file := func(path string) string {
		if path = strings.Trim(path, `'"`); path != "" {
			return "file " + baseName(path)
		}
		return ""
	}
	for _, d := range p.input.objects("datasets") {
		return first(d.text("dataset"), file(d.text("path")), d.text("type"))
	}
	return first(file(p.input.object("input").text("file")), file(p.option("--input-file")), strings.Trim(p.option("--public-dataset"), `'"`))
}

// aiperfOffered finds the offered load: in the phases that count in newer
// versions of AIPerf, in its loadgen block before, in genai-perf's stimulus or
// beside its other options, else in the command line.
func (l *ToolLoad) aiperfOffered(p profile) {
	for _, block := range []struct {
		object
		requests, rate string
	}{
		{aiperfPhase(p.input), "requests", "rate"},
		{p.input.object("loadgen"), "request_count", "request_rate"},
		{p.input.object("perf_analyzer").object("stimulus"), "", "request_rate"},
		{genaiMeasurement(p.input), "num", ""},
		{p.input, "request_count", "request_rate"},
		{p.commandLoad(), "--request-count", "--request-rate"},
	} {
		if n, ok := block.count("concurrency"); ok && l.Concurrency == 0 {
			l.Concurrency = n
		}
		if n, ok := block.count(block.requests); ok && l.Prompts == 0 {
			l.Prompts = n
		}
		if v, ok := block.number(block.rate); ok && v > 0 && l.RequestRate == nil {
			l.RequestRate = &v
			shape, okShape := block.number("smoothness")
			if !okShape {
				shape, _ = block.number("arrival_smoothness")
			}
			l.gaps(first(block.text("arrival_pattern"), block.text("request_rate_mode"), block.text("type")), shape)
		}
		if block.text("type") == "fixed_schedule" {
			l.Arrivals = "arrivals by a fixed schedule"
		}
	}
}

// genaiMeasurement is what newer versions of genai-perf measure, where that is
// a number of requests and not of milliseconds.
func genaiMeasurement(input object) object {
	if m := input.object("perf_analyzer").object("measurement"); m.text("mode") == "request_count" {
		return m
	}
	return object{bad: input.bad}
}

// aiperfPhase is the phase that the results are of.
func aiperfPhase(input object) object {
	out := object{bad: input.bad}
	for _, p := range input.objects("phases") {
		if p.onOff("exclude_from_results") != "on" {
			out = p
		}
	}
	return out
}

// commandLoad is the load in the command line's options. What is no number
// there is left out: the options may be of another version.
func (p profile) commandLoad() object {
	out := object{fields: map[string]json.RawMessage{}, bad: new([]string)}
	for key, names := range map[string][]string{
		"concurrency": {"--concurrency"}, "--request-count": {"--request-count", "--num-requests"}, "--request-rate": {"--request-rate"},
	} {
		if value := p.option(names...); json.Valid([]byte(value)) {
			out.fields[key] = json.RawMessage(value)
		}
	}
	if pattern := strings.Trim(p.option("--arrival-pattern"), `'"`); pattern != "" {
		out.fields["arrival_pattern"], _ = json.Marshal(pattern)
	}
	return out
}

// toMs are the factors that turn a unit of time into milliseconds.
var toMs = map[string]float64{"ms": 1, "s": 1e3, "sec": 1e3, "us": 1e-3, "ns": 1e-6}

// toBase are the units that the other metrics may have: all mean the unit of
// ours.
var toBase = map[string]float64{
	"tokens/sec": 1, "tokens/s": 1, "tokens/sec/user": 1, "requests/sec": 1, "requests/s": 1,
	"tokens": 1, "requests": 1, "count": 1, "tokens per sec": 1, "request per sec": 1,
}

// aiperfValue is one statistic of a metric object by the unit it names. Early
// versions of genai-perf write numbers as texts.
func (l *ToolLoad) aiperfValue(o object, key, name string, units map[string]float64) (v float64, origin string, ok bool) {
	metric := o.object(key)
	if v, ok = metric.figure(name); !ok {
		metric.number(name) // says so where it is something else
		return 0, "", false
	}
	unit := metric.text("unit")
	scale, known := units[unit]
	if !known {
		l.note("%s is in %q, a unit that is not known: left out", key, unit)
		return 0, "", false
	}
	return v * scale, fmt.Sprintf("%s.%s (%s)", key, name, unit), true
}

func (l *ToolLoad) aiperfMean(m metric.Key, o object, key string, units map[string]float64, q quality) {
	if v, origin, ok := l.aiperfValue(o, key, "avg", units); ok {
		l.put(m, v, origin, q)
	}
}

func (l *ToolLoad) aiperfFamily(f family, o object, key string, q quality) {
	var stats []stat
	for i, name := range []string{"avg", "p50", "p90", "p95", "p99", "std"} {
		if v, origin, ok := l.aiperfValue(o, key, name, toMs); ok {
			stats = append(stats, stat{f.stats()[i].metric, v, origin, q})
		} else if _, there := o.object(key).get(name); there {
			return // of a unit that is not known, which is said once
		}
	}
	l.putFamily(stats)
}

// aiperfFigures takes the figures; own says that it is AIPerf's file and not
// genai-perf's.
func (l *ToolLoad) aiperfFigures(p profile, own bool) {
	o := p.object
	l.aiperfCounts(o)
	if l.Successful != nil && *l.Successful == 0 {
		l.note("no request succeeded")
		return
	}
	l.aiperfFamily(e2el, o, "request_latency", sameServer)
	l.aiperfTokens(p, own)
	l.aiperfMean(metric.RequestThroughput, o, "request_throughput", toBase, same)
	l.aiperfMean(metric.OutputThroughput, o, "output_token_throughput", toBase, same)
	l.aiperfMean(metric.TotalThroughput, o, "total_token_throughput", toBase, same)
	l.aiperfMean(metric.Goodput, o, "goodput", toBase, same)
	l.aiperfMean(metric.Goodput, o, "request_goodput", toBase, same)
	l.aiperfMean(metric.InputTokens, o, "total_isl", toBase, same)
	l.aiperfMean(metric.OutputTokens, o, "total_osl", toBase, same)
	seconds := map[string]float64{"s": 1, "sec": 1, "ms": 1e-3}
	l.aiperfMean(metric.Duration, o, "benchmark_duration", seconds, differs("last response − first request; ours begins before the first arrival"))
	l.aiperfLengths(o)
	l.aiperfChunks(o)
}

// aiperfCounts finds how many requests there were. A run without a success has
// nothing but errors.
func (l *ToolLoad) aiperfCounts(o object) {
	l.Successful, l.Failed = wholeStat(o, "request_count"), wholeStat(o, "error_request_count")
	if l.Failed == nil {
		n := 0
		for _, e := range o.objects("error_summary") {
			k, _ := e.count("count")
			n += k
		}
		if n > 0 {
			l.Failed = &n
		}
	}
	if l.Successful == nil && l.Failed != nil && !o.has("request_throughput") {
		l.Successful = new(int)
	}
	if l.Prompts == 0 && l.Successful != nil {
		l.Prompts = *l.Successful
		if l.Failed != nil {
			l.Prompts += *l.Failed
		}
	}
}

// aiperfTokens takes what streaming tells. Without it AIPerf writes none of it,
// and genai-perf the whole latency as the time to the first token.
func (l *ToolLoad) aiperfTokens(p profile, own bool) {
	o := p.object
	_, there := o.get("time_to_first_token")
	if !there || sameMean(o, "time_to_first_token", "request_latency") || p.input.object("endpoint").onOff("streaming") == "off" || p.input.onOff("streaming") == "off" {
		l.note("measured without streaming: there is no TTFT, TPOT or ITL")
		return
	}
	l.aiperfFamily(ttft, o, "time_to_first_token", sameServer)
	perToken := quality{same: true, note: "called inter_token_latency there: (latency − TTFT) / (tokens − 1) of each request"}
	if !own {
		perToken = differs("genai-perf's or a very old AIPerf's inter_token_latency: may be the gap before a response by its tokens, not a TPOT")
	}
	l.aiperfFamily(tpot, o, "inter_token_latency", perToken)
	l.aiperfFamily(itl, o, "inter_chunk_latency", same)
	l.aiperfMean(metric.TG, o, "output_token_throughput_per_user", toBase, differs("mean over requests of 1000 / TPOT; ours is 1000 / mean TPOT"))
	l.aiperfMean(metric.PP, o, "prefill_throughput_per_user", toBase, differs("mean over requests of input / TTFT, with its waiting; ours is input / mean TTFT"))
}

// sameMean says whether two metrics have one and the same mean.
func sameMean(o object, a, b string) bool {
	x, okX := o.object(a).figure("avg")
	y, okY := o.object(b).figure("avg")
	return okX && okY && x == y
}

func wholeStat(o object, key string) *int {
	return o.object(key).countPointer("avg")
}

// aiperfLengths takes the lengths, under their name of today or of 2024.
func (l *ToolLoad) aiperfLengths(o object) {
	length := func(keys ...string) (mean float64, constant, ok bool) {
		for _, key := range keys {
			if mean, _, ok = l.aiperfValue(o, key, "avg", toBase); ok {
				return mean, constantDist(o.object(key)), true
			}
		}
		return 0, false, false
	}
	in, inConstant, okIn := length("input_sequence_length", "num_input_token")
	out, outConstant, okOut := length("output_sequence_length", "num_output_token")
	if !okIn || !okOut {
		return
	}
	l.Input, l.Output, l.Lengths = round(in), round(out), LengthsMean
	if inConstant && outConstant {
		l.Lengths = LengthsExact
	}
}

// aiperfChunks compares the number of gaps with the number of tokens.
func (l *ToolLoad) aiperfChunks(o object) {
	gaps, okGaps := o.object("inter_chunk_latency").count("count")
	tokens, okTokens := l.Values[metric.OutputTokens]
	if !okGaps || !okTokens || l.Successful == nil {
		l.judgeITL(0, 0)
		return
	}
	l.judgeITL(gaps+*l.Successful, round(tokens.V))
}
