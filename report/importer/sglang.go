package importer

import (
	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// Notes on SGLang's statistics.
const (
	noteAccept = "the server's, over all since it began or flushed its cache: of this load only where it was the first"
)

// sglangITL is what SGLang does to the gaps of a chunk.
const sglangITL = "the native client splits the gap before a chunk evenly over the chunk's tokens; ours are true gaps"

// readSGLang reads the JSONL of SGLang's bench_serving, one run per line.
func readSGLang(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		r := ToolRun{Tool: ToolSGLang, Notes: f.notes}
		server := o.object("server_info")
		r.Model = first(server.text("served_model_name"), server.text("model_path"))
		r.sglangConditions(o, server)
		l := sglangLoad(o)
		l.Speculation = sglangDrafts(server)
		l.Notes = append(l.Notes, *o.bad...)
		if l.Tokenless > 0 {
			r.addNotes("WITHOUT A TOKEN: " + l.tokenless())
		}
		r.addNotes(l.oneToken(o)...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

func (r *ToolRun) sglangConditions(o, server object) {
	if path := server.text("model_path"); path != "" {
		r.set(CondModelFile, baseName(path))
		r.set(CondEngine, "sglang")
	}
	r.set(CondQuant, server.text("quantization"))
	r.set(CondVersion, server.text("version"))
	if n := server.scalar("tp_size"); n != "" {
		r.set(CondSplit, "tensor parallel "+n)
	}
	r.set(CondKV, server.text("kv_cache_dtype"))
	r.set(CondStep, server.scalar("chunked_prefill_size"))
	if s := sglangDrafts(server); s != nil {
		r.set(CondSpeculative, s.String())
	}
	switch server.onOff("disable_radix_cache") {
	case "on":
		r.set(CondCache, "prefix caching off")
	case "off":
		r.set(CondCache, "prefix caching on")
	}
	r.set(CondDataset, o.text("dataset_name"))
	client := "HTTP"
	if backend := o.text("backend"); backend != "" {
		client += ", backend " + backend
	}
	r.set(CondClient, client)
}

// sglangDrafts is what the server was started to draft; nil: its settings are not in
// the file. How many it drafted and accepted is not there.
func sglangDrafts(server object) *result.Speculation {
	if !server.has("speculative_algorithm") {
		return nil
	}
	s := &result.Speculation{SpecSettings: result.SpecSettings{Kind: result.SpecNone}}
	if kind := server.text("speculative_algorithm"); kind != "" {
		s.Kind, s.DraftModel = oneline.Of(kind), oneline.Of(baseName(server.text("speculative_draft_model_path")))
		s.DraftMax, _ = server.count("speculative_num_steps") // the deepest path of its tree
	}
	return s
}

func sglangLoad(o object) ToolLoad {
	l := ToolLoad{Name: o.text("tag")}
	l.Concurrency, _ = o.count("max_concurrency")
	l.Successful = o.countPointer("completed")
	if raw, ok := o.get("request_rate"); ok && raw[0] == '"' {
		if word := o.text("request_rate"); !isInfinite(word) {
			l.Arrivals = "arrivals by " + shorten(word)
			l.note("requests arrive by %s", shorten(word))
		}
	} else if rate, ok := o.number("request_rate"); ok && rate > 0 {
		l.RequestRate = &rate
	}
	if l.Successful == nil || *l.Successful == 0 {
		l.note("no request succeeded: the zeros in the file stand for missing values")
		return l
	}
	l.putField(metric.Duration, o, "duration", 1, same)
	l.putField(metric.InputTokens, o, "total_input_tokens", 1, same)
	l.putField(metric.OutputTokens, o, "total_output_tokens", 1, same)
	l.putField(metric.RequestThroughput, o, "request_throughput", 1, same)
	l.putField(metric.InputThroughput, o, "input_throughput", 1, same)
	l.putField(metric.OutputThroughput, o, "output_throughput", 1, same)
	l.putField(metric.TotalThroughput, o, "total_throughput", 1, same)
	l.putField(metric.AcceptLength, o, "accept_length", 1, differs("%s", noteAccept))
	l.putField(metric.PeakThroughput, o, "max_output_tokens_per_s", 1, differs("%s", notePeak))
	l.putField(metric.PeakConcurrent, o, "max_concurrent_requests", 1, differs("%s", noteConcurrent))
	l.latencies(o, map[string]family{"ttft": ttft, "tpot": tpot, "itl": itl, "e2e_latency": e2el})
	l.dropIfZero(metric.PeakThroughput, metric.PeakConcurrent)
	l.sglangLengths(o)
	l.Prompts = *l.Successful // how many were sent stands nowhere, unless in the arrays
	if a, ok := readVLLMArrays(o); ok && a.succeeded == *l.Successful {
		failed := len(a.ttfts) - a.succeeded
		l.Prompts, l.Failed = len(a.ttfts), &failed
		l.vllmSamples(a)
	}
	l.atOnce()
	if backend := o.text("backend"); backend == "sglang" || backend == "sglang-native" {
		l.requalify(itl, differs("%s", sglangITL))
	} else {
		l.judgeITL(0, 0)
	}
	return l
}

// sglangLengths reads the lengths. Its range ratio is not ours: lengths are
// drawn from r·L to L, so 1 is a fixed length and 0 anything up to it.
func (l *ToolLoad) sglangLengths(o object) {
	n := *l.Successful
	input, okIn := l.Values[metric.InputTokens]
	output, okOut := l.Values[metric.OutputTokens]
	if okIn && okOut {
		l.means(input.V, output.V, n)
	}
	in, okIn := o.count("random_input_len")
	out, okOut := o.count("random_output_len")
	ratio, okRatio := o.number("random_range_ratio")
	if !okIn || !okOut || !okRatio || o.text("dataset_name") != "random" {
		return
	}
	switch {
	case ratio == 1 && input.V == float64(in*n) && output.V == float64(out*n):
		fixed := 0.0
		l.Input, l.Output, l.Lengths, l.RangeRatio = in, out, LengthsExact, &fixed
	case ratio == 1 && l.Output < out:
		l.note("%d output tokens were asked for, and requests have %d on the average", out, l.Output)
	case ratio != 1:
		l.note("lengths are drawn from %g to 1 times %d and %d: input and output here are the means", ratio, in, out)
	}
}

// baseName is the last element of a path or of a repository's name.
func baseName(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' || path[i] == '\\' {
			return path[i+1:]
		}
	}
	return path
}
