package export

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ceiling/bench/result"
)

// llamaBench writes the JSON list of `llama-bench -o json`: for each scenario
// with one request in flight and fixed lengths a row for the prompt and one
// for the output, with one sample per request. llama-bench knows no requests
// and no concurrency, so the other scenarios have no form there.
//
// pp: the prompt's tokens over the time from its first step to the first
// token, at the scenario's depth. tg: the tokens after the first over the time they
// took, at that depth and the prompt's together. Both hold sampling, which llama-bench leaves out.
func llamaBench(s *ExportSource) (files []ExportedFile, notes []string, err error) {
	rows := []*ordered{}
	leave := func(note string) { // the same for every pass
		if !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	for _, u := range s.units() {
		switch {
		case u.Result.Concurrency != 1 || u.Detail.RequestRate != nil:
			leave(fmt.Sprintf("%s: llama-bench has no form for %d requests in flight, left out", u.Result.Name, u.Result.Concurrency))
			continue
		case u.Detail.RangeRatio > 0:
			leave(u.Result.Name + ": its requests have different lengths, left out")
			continue
		case s.Results.Server != nil:
			leave(u.Result.Name + ": measured through a server, whose steps can't be seen, left out")
			continue
		case len(u.records) == 0:
			leave(u.Result.Name + ": no requests.jsonl with its requests, left out")
			continue
		}
		rows = append(rows, s.llamaRows(&u)...)
	}
	if len(rows) == 0 {
		return nil, notes, nil
	}
	data, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	return []ExportedFile{{Place("llama-bench"), append(data, '\n')}}, notes, nil
}

func (s *ExportSource) llamaRows(u *unit) []*ordered {
	var prompt, output []int64 // ns per request
	prompts, outputs, behind := 0, 0, 0
	if u.Detail.Depth != nil {
		behind = *u.Detail.Depth
	}
	for i := range u.records {
		r := &u.records[i]
		if !r.OK() || r.PrefillStart == nil {
			continue
		}
		// A prompt that was partly served from the cache is another test.
		if ns := nanoseconds(r.TokenTimes[0] - *r.PrefillStart); ns > 0 && r.ReusedTokens == 0 {
			prompts, prompt = r.InputTokens, append(prompt, ns)
		}
		if ns := nanoseconds(r.End - r.TokenTimes[0]); ns > 0 && r.OutputTokens > 1 {
			outputs, output = r.OutputTokens-1, append(output, ns)
		}
	}
	var rows []*ordered
	if len(prompt) > 0 {
		rows = append(rows, s.llamaRow(&u.Detail, prompts, 0, behind, prompt))
	}
	if len(output) > 0 {
		rows = append(rows, s.llamaRow(&u.Detail, 0, outputs, behind+u.Result.InputLen, output))
	}
	return rows
}

// nanoseconds turns a difference of two instants into whole microseconds, the
// resolution of the journal, in ns.
func nanoseconds(s float64) int64 { return 1000 * int64(math.Round(s*1e6)) }

// llamaRow is one test of llama-bench's, with what is known of its fields in
// its order.
func (s *ExportSource) llamaRow(d *result.Detail, prompt, gen, depth int, ns []int64) *ordered {
	o := &ordered{}
	e := &result.EngineInfo{}
	if s.Results.Engine != nil {
		own := s.Results.Engine.With(d.Settings)
		e = &own
	}
	o.add("build_commit", strings.TrimSpace(e.Release+" "+truncate(e.Tree, 9)))
	if sys := s.Results.System; sys != nil {
		o.add("cpu_info", sys.CPU)
		o.add("gpu_info", sys.GPUs)
	}
	o.add("backends", strings.Join(e.Backends, ","))
	o.add("model_filename", e.ModelFile)
	o.add("model_type", e.Description)
	o.add("model_size", e.ModelBytes)
	o.add("model_n_params", e.Parameters)
	o.add("n_batch", e.StepBudget())
	o.add("n_ubatch", e.UBatch)
	o.add("n_threads", e.Threads)
	o.add("type_k", e.KVType)
	o.add("type_v", e.KVType)
	o.add("n_gpu_layers", e.GPULayers)
	o.add("split_mode", e.SplitMode)
	o.add("flash_attn", map[string]int{"on": 1, "off": 0, "auto": -1}[e.FlashAttn])
	o.add("load_mode", e.LoadMode)
	o.add("n_prompt", prompt)
	o.add("n_gen", gen)
	o.add("n_depth", depth)
	if s.Start != nil {
		o.add("test_time", s.Start.UTC().Format(time.RFC3339))
	}
	rates := make([]float64, len(ns))
	times := make([]float64, len(ns))
	for i, t := range ns {
		times[i] = float64(t)
		rates[i] = float64(prompt+gen) * 1e9 / float64(t)
	}
	avgNs, stdNs := meanStd(times)
	avgTs, stdTs := meanStd(rates)
	o.add("avg_ns", int64(math.Round(avgNs)))
	o.add("stddev_ns", int64(math.Round(stdNs)))
	o.add("avg_ts", avgTs)
	o.add("stddev_ts", stdTs)
	o.add("samples_ns", ns)
	o.add("samples_ts", rates)
	return o
}

// meanStd is llama-bench's: the sample standard deviation (n−1), 0 for one
// value.
func meanStd(x []float64) (mean, std float64) {
	mean, _ = result.Mean(x)
	if len(x) < 2 {
		return mean, 0
	}
	squares := 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(squares / float64(len(x)-1))
}
