package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"ceiling/bench/result"
)

// vllm writes one file per scenario and pass in the schema of `vllm bench
// serve --save-result --save-detailed`. Every statistic in it is ours, and
// follows from the arrays by that tool's formulas.
//
// Four fields can't be what they are there: generated_texts are empty,
// because tokens are not kept; max_concurrent_requests is the exact maximum,
// which older releases over-count; duration begins with the scenario, which
// is where the first request of a closed loop is admitted; request_goodput of
// an open loop holds the limits from the intended start, which the arrays don't
// have where a request waited for a slot.
func vllm(s *ExportSource) (files []ExportedFile, notes []string, err error) {
	if s.Records == nil {
		notes = append(notes, "no requests.jsonl beside the results: the files hold summaries without the detailed arrays")
	}
	names := map[string]int{}
	for _, u := range s.units() {
		if !u.measured() {
			notes = append(notes, u.label()+": no request succeeded, left out")
			continue
		}
		name := fileName(u.Result.Name)
		if u.planned > 1 {
			name += fmt.Sprintf("-pass%d", u.Pass.Pass+1)
		}
		if names[name]++; names[name] > 1 {
			name += fmt.Sprintf("-%d", names[name])
		}
		data, err := s.vllmFile(&u)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", u.label(), err)
		}
		files = append(files, ExportedFile{name + ".json", data})
	}
	return files, notes, nil
}

// ordered is a JSON object that keeps its keys in order, as readers of the
// file expect to see them.
type ordered struct {
	keys   []string
	values []any
}

func (o *ordered) add(key string, v any) {
	o.keys, o.values = append(o.keys, key), append(o.values, v)
}

// number adds a figure, and leaves one that was not measured out.
func (o *ordered) number(key string, v *float64) {
	if v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) {
		o.add(key, *v)
	}
}

// MarshalJSON writes the keys in the order they were added.
func (o *ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(o.values[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (s *ExportSource) vllmFile(u *unit) ([]byte, error) {
	o := &ordered{}
	s.vllmHead(o, u)
	r := u.Result
	o.number("duration", r.DurationS)
	o.add("completed", int(r.SuccessfulRequests))
	o.add("failed", int(r.FailedRequests))
	o.add("total_input_tokens", int64(r.TotalInputTokens))
	o.add("total_output_tokens", int64(r.TotalOutputTokens))
	o.number("request_throughput", r.RequestThroughput)
	o.add("request_goodput", u.Detail.Goodput)
	o.number("output_throughput", r.OutputThroughput)
	o.number("total_token_throughput", r.TotalThroughput)
	if len(u.records) > 0 {
		vllmArrays(o, u.records)
	}
	if v := r.PeakOutputThroughput; v != nil {
		o.add("max_output_tokens_per_s", *v)
	}
	if u.detailed {
		o.add("max_concurrent_requests", u.Detail.PeakConcurrent)
	}
	for _, m := range []struct {
		name              string
		dist              *result.Dist
		mean, median, p99 *float64
	}{
		{"ttft", u.Detail.TTFT, r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms},
		{"tpot", u.Detail.TPOT, r.TPOTMeanMs, r.TPOTMedianMs, r.TPOTP99Ms},
		{"itl", u.Detail.ITL, r.ITLMeanMs, r.ITLMedianMs, r.ITLP99Ms},
		{"e2el", u.Detail.E2EL, nil, nil, nil},
	} {
		if d := m.dist; d != nil {
			for _, v := range []struct {
				key string
				s   float64
			}{{"mean", d.Mean}, {"median", d.Median}, {"std", d.Std}, {"p90", d.P90}, {"p95", d.P95}, {"p99", d.P99}} {
				o.add(v.key+"_"+m.name+"_ms", v.s*1000)
			}
			continue
		}
		o.number("mean_"+m.name+"_ms", m.mean)
		o.number("median_"+m.name+"_ms", m.median)
		o.number("p99_"+m.name+"_ms", m.p99)
	}
	data, err := json.Marshal(o)
	return append(data, '\n'), err
}

// vllmHead is what the file says of the run and the load.
func (s *ExportSource) vllmHead(o *ordered, u *unit) {
	if at, err := time.Parse("2006-01-02T15:04:05", truncate(s.Results.Date, 19)); err == nil {
		o.add("date", at.Format("20060102-150405"))
	} else {
		o.add("date", s.Results.Date)
	}
	o.add("endpoint_type", "ceiling")
	o.add("backend", "ceiling")
	o.add("label", nil)
	o.add("model_id", s.Results.Model)
	o.add("tokenizer_id", s.Results.Model)
	o.add("num_prompts", u.Result.NumPrompts)
	// What --metadata adds there: strings of ours.
	o.add("ceiling_scenario", u.Result.Name)
	o.add("ceiling_hardware", s.Results.Hardware)
	o.add("ceiling_client", client(s.Results))
	if u.Detail.Cache != "" {
		o.add("ceiling_cache", u.Detail.Cache)
	}
	if u.Detail.RequestRate != nil {
		o.add("request_rate", *u.Detail.RequestRate)
	} else {
		o.add("request_rate", "inf")
	}
	burstiness := 1.0
	if u.Detail.Burstiness != nil {
		burstiness = *u.Detail.Burstiness
	}
	o.add("burstiness", burstiness)
	o.add("max_concurrency", u.Result.Concurrency)
}

// vllmArrays are one entry per request in the order in which they were sent,
// failed ones included, with zeros. Times are seconds.
func vllmArrays(o *ordered, records []result.Record) {
	inputs, outputs := []int{}, []int{}
	ttfts, starts, latencies := []float64{}, []float64{}, []float64{}
	itls, texts, errs := [][]float64{}, []string{}, []string{}
	for i := range records {
		r := &records[i]
		gaps := []float64{}
		output, ttft, latency := 0, 0.0, 0.0
		if r.OK() {
			output, ttft, latency = r.OutputTokens, r.TTFT(), r.E2EL()
			for k := 1; k < len(r.TokenTimes); k++ {
				gaps = append(gaps, r.TokenTimes[k]-r.TokenTimes[k-1])
			}
		}
		inputs, outputs = append(inputs, r.InputTokens), append(outputs, output)
		ttfts, starts, latencies = append(ttfts, ttft), append(starts, r.Admitted), append(latencies, latency)
		itls, texts, errs = append(itls, gaps), append(texts, ""), append(errs, r.Error)
	}
	o.add("input_lens", inputs)
	o.add("output_lens", outputs)
	o.add("ttfts", ttfts)
	o.add("itls", itls)
	o.add("start_times", starts)
	o.add("latencies", latencies)
	o.add("generated_texts", texts)
	o.add("errors", errs)
}

func truncate(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// client says how the requests reached the engine, in the words that
// report/importer reads.
func client(r *result.Run) string {
	if r.Server != nil {
		return "HTTP, " + r.Server.API + " API"
	}
	return "in process"
}
