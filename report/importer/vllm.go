package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// noteConcurrent is about a peak concurrency whose rule the file does not
// say.
const noteConcurrent = "clients up to vLLM 0.28, and SGLang's, count every second that a request touches, so this is above the true peak; ours is exact"

// vllmKeys are the keys of a result file that are not a user's own: --metadata
// and the overrides of a sweep are beside them.
var vllmKeys = keySet(`date benchmark_start_time_unix benchmark_end_time_unix endpoint_type backend label model_id tokenizer_id num_prompts request_rate burstiness
	max_concurrency ramp_up_strategy ramp_up_start_rps ramp_up_end_rps duration completed failed total_input_tokens
	max_model_len input_throughput total_input_sequences input_sequence_throughput
	total_output_tokens request_throughput request_goodput request_goodput: output_throughput total_token_throughput
	max_output_tokens_per_s max_concurrent_requests rtfx best_of use_beam_search input_lens output_lens ttfts itls
	start_times generated_texts errors latencies queue_times rps_change_events run_number
	random_input_len random_output_len random_range_ratio random_prefix_len input_len output_len goodput
	mode num_conversations turns_per_conversation multi_turn_concurrency inter_turn_delay_ms
	conversations_completed conversations_failed avg_turns_completed avg_conversation_duration_ms per_turn_metrics`)

func keySet(names string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(names) {
		set[name] = true
	}
	return set
}

// readVLLM reads `vllm bench serve --save-result` files: one result, one per
// line (--append-result), or the list of a sweep's summary.json.
func readVLLM(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		parts = append(parts, vllmPart(o, f.notes))
	}
	return gather(parts), nil
}

func vllmPart(o object, notes []string) part {
	r := ToolRun{Tool: vllmTool(o), Model: o.text("model_id"), Date: o.text("date"), Notes: notes}
	l := vllmLoad(o)
	backend := first(o.text("backend"), o.text("endpoint_type"))
	if backend == exportBackend {
		r.ownExport(o, &l)
	} else {
		r.set(CondClient, strings.TrimSuffix("HTTP, backend "+backend, ", backend "))
	}
	r.set(CondTokenizer, o.text("tokenizer_id"))
	if others := vllmOthers(o); others != "" {
		l.note("also in the file: %s", others)
	}
	l.Notes = append(l.Notes, *o.bad...)
	if l.Tokenless > 0 {
		r.addNotes("WITHOUT A TOKEN: " + l.tokenless())
	}
	r.addNotes(l.oneToken(o)...)
	return part{r, l}
}

// vllmTool tells vLLM's two clients apart: the one in Rust has the keys of the
// other and some of its own.
func vllmTool(o object) string {
	if o.has("steady_state", "max_model_len") {
		return ToolVLLMBench
	}
	return ToolVLLM
}

// exportBackend is what `ceiling export --format vllm` writes as backend.
const exportBackend = "ceiling"

// ownExport takes what this program's export adds to vLLM's keys. One that
// does not say how its requests reached the engine may be of a run through a
// server.
func (r *ToolRun) ownExport(o object, l *ToolLoad) {
	r.Hardware = o.text("ceiling_hardware")
	l.Name, l.Cache = o.text("ceiling_scenario"), o.text("ceiling_cache")
	client := o.text("ceiling_client")
	r.set(CondClient, client)
	if r.InProcess = client == clientInProcess; r.InProcess {
		l.requalify(ttft, same)
		l.requalify(e2el, same)
	}
}

// vllmOthers lists what --metadata or a sweep added.
func vllmOthers(o object) string {
	const most = 8
	var out []string
	for _, key := range sortedKeys(o.fields) {
		ours := vllmKeys[key] && !isText(o, key) || strings.HasSuffix(key, "_ms")
		for _, prefix := range []string{"spec_decode_", "probe_", "diffusion_", "ceiling_"} {
			ours = ours || strings.HasPrefix(key, prefix)
		}
		if value := o.scalar(key); !ours && value != "" && len(out) < most {
			out = append(out, oneline.Of(key)+"="+oneline.Of(value))
		}
	}
	return strings.Join(out, ", ")
}

// isText tells whether a key that is a number in vLLM's own files is a text, as
// --metadata writes everything: then it is a user's word.
func isText(o object, key string) bool {
	v, ok := o.get(key)
	return ok && v[0] == '"' && (strings.HasSuffix(key, "_len") || strings.HasSuffix(key, "_ratio"))
}

// arrivals finds out how the requests of vLLM's client come.
func (l *ToolLoad) arrivals(o object) {
	l.Concurrency, _ = o.count("max_concurrency")
	l.RequestRate, l.Arrivals = vllmRate(o), vllmRamp(o)
	if l.Arrivals != "" {
		l.RequestRate = nil // what stands there is "inf", and not what was sent
	}
	if l.Open() {
		if b, ok := o.number("burstiness"); ok {
			l.Burstiness = &b
		}
	}
	l.atOnce()
}

// atOnce is for clients without a limit and without a schedule.
func (l *ToolLoad) atOnce() {
	if !l.Open() && l.Concurrency == 0 {
		l.Concurrency = l.Prompts
		l.note("no limit on concurrency and no rate: all %d requests at once", l.Prompts)
	}
}

// vllmRamp describes a rate that rises during the run, "" for none.
func vllmRamp(o object) string {
	strategy := o.text("ramp_up_strategy")
	if strategy == "" {
		return ""
	}
	from, okFrom := o.number("ramp_up_start_rps")
	to, okTo := o.number("ramp_up_end_rps")
	if !okFrom || !okTo {
		return "a ramp (" + strategy + ")"
	}
	return fmt.Sprintf("a ramp from %g to %g req/s (%s)", from, to, strategy)
}

func vllmLoad(o object) ToolLoad {
	l := ToolLoad{Name: o.text("label")}
	l.Prompts, _ = o.count("num_prompts")
	l.arrivals(o)
	l.Successful, l.Failed = o.countPointer("completed"), o.countPointer("failed")
	if l.Failed == nil && l.Successful != nil && *l.Successful <= l.Prompts {
		n := l.Prompts - *l.Successful
		l.Failed = &n
	}
	if l.Failed != nil && *l.Failed > 0 {
		l.note("%d of %d requests failed", *l.Failed, l.Prompts)
	}
	if l.Successful == nil || *l.Successful == 0 {
		l.note("no request succeeded: the zeros in the file stand for missing values")
		return l
	}
	l.vllmFigures(o)
	l.vllmLengths(o)
	chunks, tokens := l.vllmRaw(o)
	l.judgeITL(chunks, tokens)
	return l
}

// isInfinite says whether a rate means "all at once".
func isInfinite(rate string) bool {
	return strings.EqualFold(rate, "inf") || strings.EqualFold(rate, "infinity")
}

// vllmRate is the request rate; nil for "inf", which is all at once.
func vllmRate(o object) *float64 {
	if v, ok := o.get("request_rate"); ok && v[0] == '"' {
		if !isInfinite(o.text("request_rate")) {
			o.reject("request_rate", v, "a rate")
		}
		return nil
	}
	if rate, ok := o.number("request_rate"); ok && rate > 0 {
		return &rate
	}
	return nil
}

// vllmFigures takes the summary.
func (l *ToolLoad) vllmFigures(o object) {
	l.putField(metric.Duration, o, "duration", 1, same)
	l.putField(metric.InputTokens, o, "total_input_tokens", 1, same)
	l.putField(metric.OutputTokens, o, "total_output_tokens", 1, same)
	l.putField(metric.RequestThroughput, o, "request_throughput", 1, same)
	l.putField(metric.InputThroughput, o, "input_throughput", 1, same)
	l.putField(metric.OutputThroughput, o, "output_throughput", 1, same)
	l.putField(metric.TotalThroughput, o, "total_token_throughput", 1, same)
	l.steadyState(o.object("steady_state"))
	l.putField(metric.Goodput, o, "request_goodput:", 1, same) // as of 2024 and 2025
	l.putField(metric.Goodput, o, "request_goodput", 1, same)
	l.putField(metric.PeakThroughput, o, "max_output_tokens_per_s", 1, differs("%s", notePeak))
	l.putField(metric.PeakConcurrent, o, "max_concurrent_requests", 1, differs("%s", noteConcurrent))
	l.vllmDrafts(o)
	l.latencies(o, map[string]family{"ttft": ttft, "tpot": tpot, "itl": itl, "e2el": e2el})
	l.putField(metric.QueueMean, o, "mean_client_queue_time_ms", 1, same)
	l.putField(metric.QueueP99, o, "p99_client_queue_time_ms", 1, same)
	l.dropIfZero(metric.PeakThroughput, metric.PeakConcurrent)
}

// vllmDrafts takes what the server's counters of drafts grew by, which are of all its
// clients. Rates by position are shares of the verifications, as ours.
func (l *ToolLoad) vllmDrafts(o object) {
	l.putField(metric.AcceptLength, o, "spec_decode_acceptance_length", 1, same)
	l.putField(metric.AcceptRate, o, "spec_decode_acceptance_rate", 1, same)
	if !o.has("spec_decode_num_drafts") && !o.has("spec_decode_acceptance_length") {
		return
	}
	count := func(key string) int64 { n, _ := o.count(key); return int64(n) }
	s := &result.Speculation{Verifications: count("spec_decode_num_drafts"), Drafted: count("spec_decode_draft_tokens"),
		Accepted: count("spec_decode_accepted_tokens")}
	rates := o.numbers("spec_decode_per_position_acceptance_rates")
	for _, rate := range rates {
		s.AcceptedAt = append(s.AcceptedAt, int64(math.Round(rate*float64(s.Verifications))))
	}
	s.DraftMax, l.Speculation = len(rates), s
}

// steadyState notes what the client in Rust measured while its concurrency was
// reached: a part of the run, so none of it is a figure of the load.
func (l *ToolLoad) steadyState(o object) {
	window := o.object("window")
	length, okLength := window.number("duration_s")
	output, okOutput := o.number("output_throughput")
	if okLength && okOutput {
		l.note("in its steady state of %.1f s: %.2f tok/s output, %s", length, output, requests(round(mustNumber(window, "requests_completed_in_window"))))
	}
	if warning := window.text("warning"); warning != "" {
		l.note("%s", warning)
	}
}

// mustNumber is a field that is 0 where it is missing.
func mustNumber(o object, key string) float64 {
	v, _ := o.number(key)
	return v
}

// readConversations reads what the client in Rust measured of conversations of
// several turns.
func readConversations(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		r := ToolRun{Tool: ToolVLLMBench, Model: o.text("model_id"), Date: o.text("date"), Notes: f.notes}
		r.set(CondClient, strings.TrimSuffix("HTTP, backend "+o.text("backend"), ", backend "))
		l := ToolLoad{}
		l.Concurrency, _ = o.count("multi_turn_concurrency")
		l.Successful, l.Failed = o.countPointer("completed"), o.countPointer("failed")
		if l.Successful != nil && l.Failed != nil {
			l.Prompts = *l.Successful + *l.Failed
		}
		l.Arrivals = conversations(o)
		if others := vllmOthers(o); others != "" {
			l.note("also in the file: %s", others)
		}
		l.note("each turn is a request, and has those before it in its prompt: lengths are means")
		if l.Successful != nil && *l.Successful > 0 {
			l.vllmFigures(o)
			l.vllmLengths(o)
			l.judgeITL(0, 0)
		} else {
			l.note("no request succeeded: the zeros in the file stand for missing values")
		}
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

// conversations is "4 conversations of 8 turns, 250 ms apart". Those of a data
// set have turns of their own, whatever number was asked for.
func conversations(o object) string {
	count := func(what, n string) string {
		if n == "1" {
			return n + " " + what
		}
		return n + " " + what + "s"
	}
	turns := o.scalar("turns_per_conversation")
	if v, ok := o.number("avg_turns_completed"); ok && v > 0 {
		turns = strconv.FormatFloat(v, 'g', 4, 64)
	}
	return fmt.Sprintf("%s of %s, %s ms apart", count("conversation", o.scalar("num_conversations")), count("turn", turns),
		first(o.scalar("inter_turn_delay_ms"), "0"))
}

// latencies takes "mean_ttft_ms" and the like.
func (l *ToolLoad) latencies(o object, families map[string]family) {
	for _, key := range sortedKeys(families) {
		f := families[key]
		q := same
		if f == ttft || f == e2el {
			q = sameServer
		}
		var stats []stat
		for _, s := range f.stats() {
			field := s.name + "_" + key + "_ms"
			if v, ok := o.number(field); ok {
				stats = append(stats, stat{s.metric, v, field, q})
			}
		}
		l.putFamily(stats)
	}
	if v, ok := l.Values[metric.TTFTMedian]; ok && v.V == 0 {
		delete(l.Values, metric.TTFTMedian)
		l.requalify(ttft, differs("the median TTFT is 0: half of the requests or more count as completed without a token, and are in this as 0"))
		l.note("median_ttft_ms is 0: half of the requests or more count as completed without a token; TTFT is no TTFT")
	}
}

// vllmLengths finds the lengths: those that were asked for, where a sweep
// varied them, else the means.
func (l *ToolLoad) vllmLengths(o object) {
	input, okIn := l.Values[metric.InputTokens]
	output, okOut := l.Values[metric.OutputTokens]
	if okIn && okOut {
		l.means(input.V, output.V, *l.Successful)
	}
	in, okIn := firstCount(o, "random_input_len", "input_len")
	out, okOut := firstCount(o, "random_output_len", "output_len")
	if okIn && okOut {
		l.Input, l.Output, l.Lengths = in, out, LengthsNominal
	}
	if prefix, ok := o.count("random_prefix_len"); ok {
		l.Prefix = &prefix
	}
	// Newer versions write an object with one ratio per length.
	if v, ok := o.get("random_range_ratio"); ok && v[0] != '{' {
		if ratio, ok := o.number("random_range_ratio"); ok {
			l.RangeRatio = &ratio
		}
	}
}

// vllmArrays are the per-request arrays of --save-detailed, in send order.
type vllmArrays struct {
	inputs, outputs, ttfts, latencies []float64
	itls                              [][]float64
	ok                                []bool
	succeeded                         int
}

// vllmRaw takes the raw values of the detailed arrays, and counts their
// chunks and tokens; 0 where there are no arrays.
func (l *ToolLoad) vllmRaw(o object) (chunks, tokens int) {
	a, there := readVLLMArrays(o)
	if !there {
		return 0, 0
	}
	for i, gaps := range a.itls {
		if a.ok[i] && a.outputs[i] > 0 {
			chunks += len(gaps) + 1
			tokens += round(a.outputs[i])
		}
	}
	switch n := len(a.ttfts); {
	case n != l.Prompts:
		l.note("the arrays hold %d of %d requests: only the summaries are used", n, l.Prompts)
		return chunks, tokens
	case a.succeeded != *l.Successful:
		l.note("%d requests in the arrays succeeded and %d in the summary: only the summaries are used", a.succeeded, *l.Successful)
		return chunks, tokens
	}
	l.vllmSamples(a)
	if l.Lengths != LengthsNominal && constant(a.inputs, a.ok) && constant(a.outputs, a.ok) {
		l.Lengths = LengthsExact
	}
	return chunks, tokens
}

// readVLLMArrays reads the arrays; ok is false where they are not there or of
// different lengths.
func readVLLMArrays(o object) (a vllmArrays, ok bool) {
	a.inputs, a.outputs, a.ttfts = o.numbers("input_lens"), o.numbers("output_lens"), o.numbers("ttfts")
	if raw, there := o.get("itls"); there && json.Unmarshal(raw, &a.itls) != nil {
		o.reject("itls", raw, "a list of lists of numbers")
	}
	n := len(a.ttfts)
	if n == 0 || len(a.itls) != n || len(a.outputs) != n || len(a.inputs) != n {
		return vllmArrays{}, false
	}
	if a.latencies = o.numbers("latencies"); len(a.latencies) != n {
		a.latencies = nil
	}
	reasons := o.list("errors")
	a.ok = make([]bool, n)
	for i := range a.ok {
		a.ok[i] = a.outputs[i] > 0 || a.ttfts[i] > 0
		if len(reasons) == n {
			a.ok[i] = string(reasons[i]) == `""` || string(reasons[i]) == "null"
		}
		if a.ok[i] {
			a.succeeded++
		}
	}
	return a, true
}

// vllmSamples turns the arrays into the values that the summary is of.
func (l *ToolLoad) vllmSamples(a vllmArrays) {
	var first, perToken, gaps, total []float64
	for i, ok := range a.ok {
		if !ok {
			continue
		}
		first = append(first, a.ttfts[i]*1e3)
		sum := 0.0
		for _, gap := range a.itls[i] {
			gaps = append(gaps, gap*1e3)
			sum += gap
		}
		if a.latencies != nil {
			total = append(total, a.latencies[i]*1e3)
			sum = a.latencies[i] - a.ttfts[i]
		}
		if n := a.outputs[i]; n > 1 {
			perToken = append(perToken, sum*1e3/(n-1))
		}
	}
	const exact = 1e-3
	// Without latencies, TPOT is Σitl/(n−1), which clients that ended a
	// request after its last token exceed a little.
	loose := exact
	if a.latencies == nil {
		loose = 1e-2
	}
	l.firstTokens(first, exact)
	l.attach(tpot, perToken, loose)
	l.attach(itl, gaps, exact)
	l.attach(e2el, total, exact)
}

// firstTokens takes the times to first tokens in ms, of which those that are 0
// are of requests that got none, though they count as completed.
func (l *ToolLoad) firstTokens(all []float64, tolerance float64) {
	l.attach(ttft, all, tolerance)
	with := slices.DeleteFunc(slices.Clone(all), func(v float64) bool { return v == 0 })
	if len(with) == len(all) || len(with) == 0 {
		return
	}
	l.Tokenless = len(all) - len(with)
	l.note("%s", l.tokenless())
	d := result.NewDist(with)
	own := map[metric.Key]float64{metric.TTFTMean: d.Mean, metric.TTFTMedian: d.Median, metric.TTFTP90: d.P90, metric.TTFTP95: d.P95, metric.TTFTP99: d.P99, metric.TTFTStd: d.Std}
	for _, s := range ttft.stats() {
		v, ok := l.Values[s.metric]
		switch {
		case !ok:
		case v.Samples == nil:
			v.Same, v.Note = false, fmt.Sprintf("%s without a token in it as 0", requests(l.Tokenless))
			l.Values[s.metric] = v
		default:
			q := sameServer
			q.note = fmt.Sprintf("over the %d requests with a token; the file says %.2f ms, with %s without one as 0; %s", len(with), v.V, requests(l.Tokenless), q.note)
			l.put(s.metric, own[s.metric], "ttfts that are above 0 (s)", q)
		}
	}
	if l.Values[metric.TTFTMean].Origin == "ttfts that are above 0 (s)" {
		l.setSamples(ttft, with)
	}
}

// requests is "1 request" or "3 requests".
func requests(n int) string {
	if n == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", n)
}

// tokenless is what to know of requests that got no token.
func (l *ToolLoad) tokenless() string {
	return fmt.Sprintf("%d of %d requests counted as completed without a token (TTFT 0): TTFT is over the others, E2EL and request throughput over all", l.Tokenless, *l.Successful)
}

// oneToken says that requests ended with their first token where more were
// asked for: so it looks when a server refuses them in its stream, and clients
// count them as completed, with all the tokens of their prompts.
func (l *ToolLoad) oneToken(o object) []string {
	asked, _ := firstCount(o, "random_output_len", "output_len", "sharegpt_output_len")
	output, ok := l.Values[metric.OutputTokens]
	if !ok || asked < 2 || l.Successful == nil || output.V > float64(*l.Successful) {
		return nil
	}
	return []string{fmt.Sprintf("ONE TOKEN: %d requests counted as completed have %g output tokens where %d each were asked for: "+
		"the server may have refused them; throughput counts prompts that it may not have read", *l.Successful, output.V, asked)}
}

// constant tells whether all values of the requests that succeeded are equal.
func constant(values []float64, ok []bool) bool {
	seen := map[float64]bool{}
	for i, v := range values {
		if ok[i] {
			seen[v] = true
		}
	}
	return len(seen) == 1
}

// first is the first string that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// firstCount is the first of the fields that is there.
func firstCount(o object, keys ...string) (int, bool) {
	for _, key := range keys {
		if isText(o, key) {
			continue
		}
		if n, ok := o.count(key); ok {
			return n, true
		}
	}
	return 0, false
}

// readVLLMLatency reads `vllm bench latency`: the seconds of whole batches.
func readVLLMLatency(f *file) ([]*ToolRun, error) {
	q := differs("seconds of a whole batch of requests, offline: no arrivals, no streaming, and the file does not say how many")
	var parts []part
	for _, o := range f.items {
		r := ToolRun{Tool: ToolVLLMLatency, InProcess: true, Notes: f.notes}
		r.set(CondEngine, "vllm")
		r.set(CondClient, clientInProcess)
		l := ToolLoad{Name: "batch"}
		l.putField(metric.E2ELMean, o, "avg_latency", 1e3, q)
		percentiles := o.object("percentiles")
		for key, m := range map[string]metric.Key{"50": metric.E2ELMedian, "90": metric.E2ELP90, "99": metric.E2ELP99} {
			if v, ok := percentiles.number(key); ok {
				l.put(m, v*1e3, fmt.Sprintf("percentiles.%s (s)", key), q)
			}
		}
		samples := o.numbers("latencies")
		for i := range samples {
			samples[i] *= 1e3
		}
		l.attach(e2el, samples, 1e-6)
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

// readVLLMThroughput reads `vllm bench throughput`: all requests at once,
// offline.
func readVLLMThroughput(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		r := ToolRun{Tool: ToolVLLMThrough, InProcess: true, Notes: f.notes}
		r.set(CondEngine, "vllm")
		r.set(CondClient, clientInProcess)
		l := ToolLoad{}
		l.Prompts, _ = o.count("num_requests")
		l.Concurrency = l.Prompts
		l.note("all %d requests at once, offline", l.Prompts)
		l.putField(metric.Duration, o, "elapsed_time", 1, same)
		l.putField(metric.RequestThroughput, o, "requests_per_second", 1, same)
		l.putField(metric.TotalThroughput, o, "tokens_per_second", 1, same)
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

// isVLLMSummary tells whether b is the summary.csv of `vllm bench sweep`: the
// runs' files as rows, behind a column of numbers.
func isVLLMSummary(b []byte) bool {
	line, _, _ := bytes.Cut(b[:min(len(b), 1<<16)], []byte("\n"))
	header := "," + strings.TrimSpace(string(line)) + ","
	for _, key := range []string{"tokenizer_id", "num_prompts", "completed", "run_number"} {
		if !strings.Contains(header, ","+key+",") {
			return false
		}
	}
	return true
}

// readVLLMSummary reads summary.csv. What a row has beside the client's keys is
// what the sweep varied of the server.
func readVLLMSummary(b []byte) ([]*ToolRun, error) {
	items, err := csvObjects(b, ToolVLLM)
	if err != nil {
		return nil, err
	}
	var parts []part
	for _, o := range items {
		for key, value := range o.fields {
			if string(value) == `""` {
				delete(o.fields, key) // a cell of a row without the key
			}
		}
		delete(o.fields, "") // the column of row numbers
		p := vllmPart(o, nil)
		p.run.set(CondServer, vllmOthers(o))
		parts = append(parts, p)
	}
	return gather(parts), nil
}
