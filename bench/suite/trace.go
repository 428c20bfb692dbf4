package suite

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml/ast"

	"ceiling/bench/result"
)

// traceBlock is how many tokens of a prompt one of a trace's ids stands for.
const traceBlock = 512

// traced is a request of a trace in Mooncake's form (Qin and others, "Mooncake: A
// KVCache-centric Disaggregated Architecture for LLM Serving", 2024). Prompts that
// have an id at the same place have the same text there.
type traced struct {
	at     float64  // arrival, seconds after the first request
	input  int      // prompt tokens, BOS included
	blocks []uint64 // an id for each 512 tokens, the last for the rest
}

// parseTrace reads JSON lines.
func (d *dataset) parseTrace(data []byte) []Problem {
	d.hash(data)
	p := datasetParser{d: d}
	line, last := 0, 0.0
	for text := range bytes.Lines(data) {
		if line++; len(bytes.TrimSpace(text)) > 0 {
			last = p.takeTraced(text, line, last)
		}
	}
	d.Entries = len(d.entries)
	if d.Entries == 0 && len(p.problems) == 0 {
		p.problem(1, "no request in it: give a line {\"timestamp\": …, \"input_length\": …, \"output_length\": …, \"hash_ids\": […]} for each")
	}
	return p.problems
}

// takeTraced takes a line that must not come before the instant last, in ms, and
// returns its own.
func (p *datasetParser) takeTraced(text []byte, line int, last float64) float64 {
	var raw struct {
		Timestamp *float64 `json:"timestamp"`
		Input     *int     `json:"input_length"`
		Output    *int     `json:"output_length"`
		Blocks    []uint64 `json:"hash_ids"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		p.problem(line, "%s", jsonProblem(err))
		return last
	}
	if raw.Timestamp == nil || raw.Input == nil || raw.Output == nil || raw.Blocks == nil {
		p.problem(line, "a request has timestamp, input_length, output_length and hash_ids: add what is missing")
		return last
	}
	bad := len(p.problems)
	if at := *raw.Timestamp; !(at >= last && at <= maxTraceMs) {
		p.problem(line, "timestamp: \"%v\" is out of range: use milliseconds from %v, where the line before is, to %v", at, last, float64(maxTraceMs))
	}
	for _, n := range []struct {
		name  string
		v, lo int
	}{{"input_length", *raw.Input, MinInput}, {"output_length", *raw.Output, 1}} {
		if text := checkInt(n.v, n.lo, maxTokens); text != "" {
			p.problem(line, "%s: %s", n.name, text)
		}
	}
	if want := (*raw.Input + traceBlock - 1) / traceBlock; len(p.problems) == bad && len(raw.Blocks) != want {
		p.problem(line, "hash_ids: \"%d\" for %d tokens: one stands for %d, so give %d", len(raw.Blocks), *raw.Input, traceBlock, want)
	}
	if len(p.problems) > bad {
		return last
	}
	at := *raw.Timestamp
	first := at
	if len(p.d.entries) > 0 {
		first = p.d.firstMs
	}
	p.d.firstMs = first
	p.d.entries = append(p.d.entries, entry{line: line, output: *raw.Output,
		traced: &traced{at: (at - first) / 1000, input: *raw.Input, blocks: raw.Blocks}})
	return at
}

// maxTraceMs is a year.
const maxTraceMs = 365 * 24 * 3600 * 1000

func setTrace(f *scenarioReader, n ast.Node, key string, sc *result.Scenario) bool {
	if f.fields.nodes["dataset"] != nil {
		f.r.problem(lineOf(n), "%s: with a dataset: a trace has its own prompts: leave one of the two out", key)
		return false
	}
	return f.fromFile(n, key, true, sc)
}

// traceProblems are the fields that a trace leaves nothing to say for.
func traceProblems(s result.Scenario) (out []fieldProblem) {
	d := s.Dataset
	if s.Speedup != 0 && (d == nil || !d.Trace) {
		out = append(out, fieldProblem{"speedup", fmt.Sprintf("%q has no effect without a trace: add one, or leave it out", fmt.Sprint(s.Speedup))})
	}
	if d == nil || !d.Trace {
		return out
	}
	for _, field := range []struct {
		name  string
		given bool
	}{{"input", s.Input > 0}, {"output", s.Output > 0}, {"range_ratio", s.RangeRatio > 0}, {"request_rate", s.RequestRate > 0},
		{"burstiness", s.Burstiness > 0}, {"dataset_sample", d.Sample}} {
		if field.given {
			out = append(out, fieldProblem{field.name, "with a trace, which has lengths and arrivals of its own: leave one of the two out"})
		}
	}
	if s.Turns > 1 {
		out = append(out, fieldProblem{"turns", fmt.Sprintf("\"%d\" with a trace, whose requests stand alone: leave one of the two out", s.Turns)})
	}
	if s.Prompts > d.Entries {
		out = append(out, fieldProblem{"prompts", fmt.Sprintf("\"%d\" of a trace of %d requests: use at most those", s.Prompts, d.Entries)})
	}
	return out
}

// tracedPrompt appends the prompt of request i: BOS in the place of its first
// token, where the model wants it.
func (w *Workload) tracedPrompt(dst []int32, i int) []int32 {
	left := w.Requests[i].Input
	begin := len(dst)
	for _, id := range w.Spec.Texts.at[w.order[i]].traced.blocks {
		w.src.seek(w.Spec.Seed, streamBlock, id)
		n := min(left, traceBlock)
		dst, left = w.draw(dst, n), left-n
	}
	if w.Spec.Vocab.AddBOS {
		dst[begin] = w.Spec.Vocab.BOS
	}
	return dst
}
