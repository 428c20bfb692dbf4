package importer

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"ceiling/report/metric"
)

// What llama-bench measures is the engine alone.
const noteEngineOnly = "engine only: random tokens, a fresh KV cache each repetition, no sampling and no scheduler"

// readLlamaBench reads `llama-bench -o json` and `-o jsonl`.
func readLlamaBench(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		r := llamaBenchRun(o)
		r.addNotes(f.notes...)
		l, err := llamaBenchLoad(o)
		if err != nil {
			return nil, fmt.Errorf("written by %s: test %d: %w", ToolLlamaBench, len(parts)+1, err)
		}
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

// llamaBenchRun takes the conditions. The tests of one file may differ in any
// of them. A commit of digits alone is a number in CSV, so texts are read as
// scalars.
func llamaBenchRun(o object) ToolRun {
	r := ToolRun{Tool: ToolLlamaBench, InProcess: true, Model: o.scalar("model_type"), Date: o.scalar("test_time")}
	r.Hardware = first(o.scalar("gpu_info"), o.scalar("cpu_info"))
	version := o.scalar("build_commit")
	if n := o.scalar("build_number"); n != "" {
		version = "b" + n + " (" + version + ")"
	}
	r.set(CondModelFile, baseName(o.scalar("model_filename")))
	r.set(CondModelBytes, o.scalar("model_size"))
	r.set(CondQuant, quantisation(r.Model))
	r.set(CondEngine, "llama.cpp")
	r.set(CondVersion, version)
	r.set(CondBackend, first(o.scalar("backends"), firstBackend(o)))
	r.set(CondDevice, o.scalar("gpu_info"))
	r.set(CondCPU, o.scalar("cpu_info"))
	r.set(CondSplit, o.scalar("split_mode"))
	if split := o.scalar("tensor_split"); strings.Trim(split, "0./") != "" {
		r.set(CondTensorSplit, split)
	}
	r.set(CondGPULayers, o.scalar("n_gpu_layers"))
	kv := kvType(o.scalar("type_k"), o.scalar("type_v"))
	if kv == "" {
		kv = map[string]string{"on": "f16", "off": "f32"}[o.onOff("f16_kv")]
	}
	r.set(CondKV, kv)
	r.set(CondFlash, o.onOff("flash_attn"))
	r.set(CondStep, o.scalar("n_batch"))
	r.set(CondUBatch, o.scalar("n_ubatch"))
	r.set(CondThreads, o.scalar("n_threads"))
	r.set(CondLoadMode, loadMode(o))
	r.set(CondClient, clientInProcess)
	r.set(CondOther, llamaBenchOthers(o))
	return r
}

// firstBackend is the backend by the switches that the builds of 2023 have, the
// first of those that are on.
func firstBackend(o object) string {
	for _, b := range []struct{ key, name string }{
		{"cuda", "CUDA"}, {"opencl", "OpenCL"}, {"vulkan", "Vulkan"}, {"kompute", "Kompute"}, {"metal", "Metal"}, {"sycl", "SYCL"},
		{"gpu_blas", "GPU BLAS"}, {"blas", "BLAS"},
	} {
		if o.onOff(b.key) == "on" {
			return b.name
		}
	}
	if o.has("cuda") {
		return "CPU"
	}
	return ""
}

// llamaBenchDefaults are the options that rarely differ, with the values that
// stand for "as usual".
var llamaBenchDefaults = []struct{ key, usual string }{
	{"cpu_mask", "0x0"}, {"cpu_strict", "false 0"}, {"poll", "50"}, {"n_cpu_moe", "0"}, {"main_gpu", "0"},
	{"no_kv_offload", "false 0"}, {"devices", "auto"}, {"tensor_buft_overrides", "none"}, {"lazy_mode", "auto"},
	{"embeddings", "false 0"}, {"no_op_offload", "false 0"}, {"no_host", "false 0"},
	{"fit_target", "0"}, {"fit_min_ctx", "0"},
}

// llamaBenchOthers lists the options that differ from llama-bench's defaults.
func llamaBenchOthers(o object) string {
	var out []string
	for _, d := range llamaBenchDefaults {
		if v := o.scalar(d.key); v != "" && !containsWord(d.usual, v) {
			out = append(out, d.key+"="+v)
		}
	}
	return strings.Join(out, ", ")
}

func containsWord(words, word string) bool {
	for _, w := range strings.Fields(words) {
		if w == word {
			return true
		}
	}
	return false
}

func kvType(k, v string) string {
	if k == v || v == "" {
		return k
	}
	return "K " + k + ", V " + v
}

// loadMode is the newer builds' own word, or that of the older switches.
func loadMode(o object) string {
	if mode := o.scalar("load_mode"); mode != "" {
		return mode
	}
	switch {
	case o.onOff("use_direct_io") == "on":
		return "direct-io"
	case o.onOff("use_mmap") == "on":
		return "mmap"
	case o.onOff("use_mmap") == "off":
		return "read"
	}
	return ""
}

// quantisation is what follows the size in llama.cpp's description of a
// model: "Q8_0" of "qwen35 27B Q8_0".
func quantisation(description string) string {
	words := strings.Fields(description)
	for i, w := range words {
		size := strings.TrimRight(w, "BMK")
		if i > 0 && size != w && (strings.HasPrefix(w, "?") || w[0] >= '0' && w[0] <= '9') {
			return strings.TrimPrefix(strings.Join(words[i+1:], " "), "mostly ") // as builds of 2023 say
		}
	}
	return ""
}

// llamaBenchLoad is one test: a prompt (pp), a generation (tg) or one after
// the other (pg).
func llamaBenchLoad(o object) (ToolLoad, error) {
	prompt, okPrompt := o.count("n_prompt")
	gen, okGen := o.count("n_gen")
	rate, okRate := o.number("avg_ts")
	if !okPrompt || !okGen || prompt+gen == 0 {
		return ToolLoad{}, errors.New("n_prompt and n_gen say of no test what it was")
	}
	l := ToolLoad{Input: prompt, Output: gen, Concurrency: 1, Lengths: LengthsExact}
	l.Depth, _ = o.count("n_depth")
	key, q := metric.TotalThroughput, differs("prompt and generation together in one stream; %s", noteEngineOnly)
	switch {
	case gen == 0:
		l.Name, key, q = fmt.Sprintf("pp%d", prompt), metric.EnginePrefill, differs("%s; ours is over whole requests with their sampling", noteEngineOnly)
	case prompt == 0:
		l.Name, key, q = fmt.Sprintf("tg%d", gen), metric.TG, differs("%s; ours is 1000 / mean TPOT", noteEngineOnly)
	default:
		l.Name = fmt.Sprintf("pp%d+tg%d", prompt, gen)
	}
	if l.Depth > 0 {
		l.Name += fmt.Sprintf(" @ d%d", l.Depth)
	}
	if !okRate || rate == 0 {
		l.note("no rate was measured")
		return l, nil
	}
	l.put(key, rate, "avg_ts", q)
	v := l.Values[key]
	v.Samples = l.llamaBenchSamples(o, rate)
	l.Values[key] = v
	return l, nil
}

// llamaBenchSamples are the rates of the repetitions. samples_ns is exact;
// samples_ts has six digits.
func (l *ToolLoad) llamaBenchSamples(o object, mean float64) []float64 {
	ns := o.numbers("samples_ns")
	samples := make([]float64, 0, len(ns))
	sum := 0.0
	for _, t := range ns {
		if t <= 0 {
			l.note("samples_ns has a repetition of %g ns: the repetitions are left out", t)
			return nil
		}
		rate := float64(l.Input+l.Output) * 1e9 / t
		samples = append(samples, rate)
		sum += rate
	}
	if len(samples) == 0 {
		return nil
	}
	if got := sum / float64(len(samples)); math.Abs(got-mean) > 1e-4*mean {
		l.note("samples_ns gives a mean of %.4f tok/s and avg_ts is %.4f: the repetitions are left out", got, mean)
		return nil
	}
	return samples
}

// isLlamaBenchCSV tells whether the first line of b is that of
// `llama-bench -o csv`.
func isLlamaBenchCSV(b []byte) bool {
	line, _, _ := bytes.Cut(b[:min(len(b), 1<<16)], []byte("\n"))
	return bytes.Contains(line, []byte("build_commit")) && bytes.Contains(line, []byte("avg_ts")) &&
		bytes.Count(line, []byte(",")) > 10 && !bytes.ContainsAny(line, "{[")
}

// readLlamaBenchCSV reads `llama-bench -o csv`, which quotes every value and
// has no repetitions.
func readLlamaBenchCSV(b []byte) ([]*ToolRun, error) {
	items, err := csvObjects(b, ToolLlamaBench)
	if err != nil {
		return nil, err
	}
	return readLlamaBench(&file{items: items})
}

// csvObjects are the rows of a table with a header, as the objects that they
// would be in JSON.
func csvObjects(b []byte, tool string) ([]object, error) {
	in := csv.NewReader(bytes.NewReader(b))
	header, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("written by %s: %w", tool, err)
	}
	var items []object
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("written by %s: %w after %d rows: %w", tool, errCut, len(items), err)
		}
		o := object{fields: map[string]json.RawMessage{}, bad: new([]string)}
		for i, cell := range row {
			o.fields[header[i]] = csvValue(cell)
		}
		items = append(items, o)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("written by %s, but there is no row in it", tool)
	}
	return items, nil
}

// csvValue turns a cell into the JSON it would be in the other formats.
func csvValue(cell string) json.RawMessage {
	if _, err := strconv.ParseFloat(cell, 64); err == nil && json.Valid([]byte(cell)) {
		return json.RawMessage(cell)
	}
	text, err := json.Marshal(cell)
	if err != nil {
		return json.RawMessage("null") // strings always marshal
	}
	return text
}

// readBatchedBench reads llama-batched-bench's JSONL: lock step batches of pl
// sequences.
func readBatchedBench(f *file) ([]*ToolRun, error) {
	var parts []part
	for _, o := range f.items {
		r := ToolRun{Tool: ToolBatchedBench, InProcess: true, Notes: f.notes}
		r.addNotes("the file names neither model nor device")
		r.set(CondEngine, "llama.cpp")
		r.set(CondGPULayers, o.scalar("n_gpu_layers"))
		r.set(CondFlash, o.onOff("flash_attn"))
		r.set(CondStep, o.scalar("n_batch"))
		r.set(CondUBatch, o.scalar("n_ubatch"))
		r.set(CondThreads, o.scalar("n_threads"))
		r.set(CondClient, clientInProcess)
		other := "n_kv_max=" + o.scalar("n_kv_max")
		if n := o.scalar("n_threads_batch"); n != "" && n != o.scalar("n_threads") {
			other += ", n_threads_batch=" + n
		}
		r.set(CondOther, other)
		switch o.onOff("is_pp_shared") {
		case "on":
			r.set(CondPrompts, "one, shared by all sequences")
		case "off":
			r.set(CondPrompts, "one per sequence")
		}
		l := batchedLoad(o)
		l.Notes = append(l.Notes, *o.bad...)
		parts = append(parts, part{r, l})
	}
	return gather(parts), nil
}

func batchedLoad(o object) ToolLoad {
	l := ToolLoad{Lengths: LengthsExact}
	l.Input, _ = o.count("pp")
	l.Output, _ = o.count("tg")
	l.Concurrency, _ = o.count("pl")
	l.Prompts = l.Concurrency
	l.Name = fmt.Sprintf("pp%d tg%d pl%d", l.Input, l.Output, l.Concurrency)
	const lockStep = "one batch in lock step: all prompts first, then all streams together; no sampling and no arrivals"
	prefill := "pl × pp / t_pp"
	switch shared := o.onOff("is_pp_shared"); shared {
	case "on":
		l.Name += " shared"
		input := l.Input
		l.Prefix = &input
		l.note("the prompt is shared by all sequences and computed once")
		prefill = "pp / t_pp"
	case "off":
		l.Prefix = new(int)
	}
	l.putField(metric.EnginePrefill, o, "speed_pp", 1, differs("%s of %s", prefill, lockStep))
	l.putField(metric.DecodeRate, o, "speed_tg", 1, differs("pl × tg / t_tg of %s; an output throughput has the prefill in its time", lockStep))
	l.putField(metric.TotalThroughput, o, "speed", 1, differs("%s", lockStep))
	l.putField(metric.Duration, o, "t", 1, differs("%s", lockStep))
	l.dropIfZero(metric.EnginePrefill, metric.DecodeRate, metric.TotalThroughput, metric.Duration)
	if v, ok := l.Values[metric.DecodeRate]; ok && l.Concurrency > 0 {
		l.put(metric.TG, v.V/float64(l.Concurrency), "speed_tg / pl", differs("a stream's share of %s; ours is 1000 / mean TPOT", lockStep))
	}
	if d, ok := l.Values[metric.Duration]; ok && l.Output > 0 && l.Concurrency > 0 {
		l.put(metric.OutputThroughput, float64(l.Output*l.Concurrency)/d.V, "pl × tg / t", differs("%s", lockStep))
	}
	return l
}
