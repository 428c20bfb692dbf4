package importer

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/report/metric"
)

// TestAIPerfShapes: units are read and not assumed; the older input_config;
// genai-perf, which has no version and another inter-token latency.
func TestAIPerfShapes(t *testing.T) {
	old := `{"aiperf_version":"0.1.0",
		"input_config":{"endpoint":{"model_names":["old-model"],"type":"chat"},"loadgen":{"concurrency":8,"request_rate":2.5,"request_count":64}},
		"request_count":{"unit":"requests","avg":60},"error_request_count":{"unit":"requests","avg":4},
		"time_to_first_token":{"unit":"s","avg":0.25,"p99":1.5},
		"request_latency":{"unit":"us","avg":3000000},
		"inter_token_latency":{"unit":"fortnights","avg":1},
		"benchmark_duration":{"unit":"ms","avg":9000},
		"input_sequence_length":{"unit":"tokens","avg":100,"min":100,"max":100},
		"output_sequence_length":{"unit":"tokens","avg":50,"min":50,"max":50},
		"output_token_throughput":{"unit":"tokens/sec","avg":400}}`
	l := openLoad(t, old)
	if diff := cmp.Diff(header{100, 50, 8, 64, 0, LengthsExact, -1, 2.5, 60, 4, 0}, headerOf(l)); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
	for m, want := range map[metric.Key]float64{metric.TTFTMean: 250, metric.TTFTP99: 1500, metric.E2ELMean: 3000, metric.Duration: 9, metric.OutputThroughput: 400} {
		if got := l.Values[m].V; got != want {
			t.Errorf("%s: %v, want %v", m, got, want)
		}
	}
	if _, ok := l.Values[metric.TPOTMean]; ok || !strings.Contains(strings.Join(l.Notes, ";"), `inter_token_latency is in "fortnights"`) {
		t.Errorf("a unit that is not known: %q", l.Notes)
	}
	genai := openLoad(t, `{"input_config":{"model":["m"]},"time_to_first_token":{"unit":"ms","avg":5},"inter_token_latency":{"unit":"ms","avg":4}}`)
	if v := genai.Values[metric.TPOTMean]; v.V != 4 || v.Same || !strings.Contains(v.Note, "genai-perf") {
		t.Errorf("genai-perf: %+v", v)
	}
}

// TestSGLangForms: a range ratio below 1 spreads the lengths below the nominal
// ones; other back ends are measured in chunks; a finite rate; the arrays.
func TestSGLangForms(t *testing.T) {
	base := `{"backend":"BACKEND","dataset_name":"random","request_rate":RATE,"max_concurrency":null,"random_input_len":100,"random_output_len":50,
		"random_range_ratio":0.5,"duration":2,"completed":2,"total_input_tokens":150,"total_output_tokens":5,"total_output_tokens_retokenized":5,
		"mean_ttft_ms":200,"mean_tpot_ms":20,"mean_itl_ms":20,"input_lens":[70,80,0],"output_lens":[3,2,0],"ttfts":[0.1,0.3,0],
		"itls":[[0.01,0.03],[0.02],[]],"errors":["","","boom"]}`
	text := strings.NewReplacer("BACKEND", "vllm", "RATE", "3.5").Replace(base)
	l := openLoad(t, text)
	if diff := cmp.Diff(header{75, 3, 0, 3, 0, LengthsMean, -1, 3.5, 2, 1, 0}, headerOf(l)); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
	if !strings.Contains(strings.Join(l.Notes, ";"), "drawn from 0.5 to 1 times 100 and 50") {
		t.Errorf("notes %q", l.Notes)
	}
	if v := l.Values[metric.ITLMean]; !v.Same || len(v.Samples) != 3 {
		t.Errorf("ITL of a back end in chunks: %+v", v)
	}
	native := openLoad(t, strings.NewReplacer("BACKEND", "sglang", "RATE", `"trace"`).Replace(base))
	if v := native.Values[metric.ITLMean]; v.Same || native.RequestRate != nil || !strings.Contains(native.Notes[0], `arrive by "trace"`) {
		t.Errorf("native: %+v, %q", v, native.Notes)
	}
}

// TestLlamaBenchSplits: tests under different options are runs of their own,
// and are never pooled.
func TestLlamaBenchSplits(t *testing.T) {
	row := func(ubatch, split, prompt, gen string) string {
		return strings.NewReplacer("UB", ubatch, "TS", split, "NP", prompt, "NG", gen).Replace(
			`{"build_commit":"a","model_type":"llama 7B Q4_0","model_filename":"C:\\models\\x.gguf","type_k":"q8_0","type_v":"f16","n_ubatch":UB,"tensor_split":"TS",
			"flash_attn":false,"use_mmap":true,"n_cpu_moe":4,"poll":50,"n_prompt":NP,"n_gen":NG,"avg_ts":8.0,"samples_ns":[1000000000,1000000000]}`)
	}
	text := "[" + row("256", "0.00", "8", "0") + "," + row("512", "0.00", "8", "0") + "," + row("256", "0.00", "0", "8") + "," + row("256", "1.00/3.00", "4", "4") + "]"
	runs, err := Open(write(t, "x.json", text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range runs {
		ubatch, _ := r.Condition(CondUBatch)
		split, _ := r.Condition(CondTensorSplit)
		for _, l := range r.Loads {
			got = append(got, ubatch+" "+split+" "+l.Name)
		}
	}
	if diff := cmp.Diff([]string{"256  pp8", "256  tg8", "512  pp8", "256 1.00/3.00 pp4+tg4"}, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		CondModelFile: "x.gguf", CondKV: "K q8_0, V f16", CondFlash: "off", CondLoadMode: "mmap", CondOther: "n_cpu_moe=4", CondQuant: "Q4_0",
	} {
		if got, _ := runs[0].Condition(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	both := runs[2].Loads[0].Values
	if v := both[metric.TotalThroughput]; v.V != 8 || v.Same || len(both) != 1 || len(v.Samples) != 2 {
		t.Errorf("pg: %+v", both)
	}
	// Repetitions that are not those of the mean.
	l := openLoad(t, strings.Replace(row("1", "0", "8", "0"), "[1000000000,1000000000]", "[900000000]", 1))
	if l.Values[metric.EnginePrefill].Samples != nil || !strings.Contains(strings.Join(l.Notes, ";"), "the repetitions are left out") {
		t.Errorf("samples %v, notes %q", l.Values[metric.EnginePrefill].Samples, l.Notes)
	}
}

// TestCSVIsTheJSON: the three forms of one llama-bench run give the same
// conditions, and a commit of digits alone stays a text.
func TestCSVIsTheJSON(t *testing.T) {
	var first []Condition
	for _, ext := range []string{"json", "jsonl", "csv"} {
		runs, err := Open("testdata/llama-bench/llama-bench_v0.5.0." + ext)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = runs[0].Conditions
		}
		if diff := cmp.Diff(first, runs[0].Conditions); diff != "" {
			t.Errorf("%s (-json +this):\n%s", ext, diff)
		}
	}
	b, err := os.ReadFile("testdata/llama-bench/llama-bench_v0.5.0.csv")
	if err != nil {
		t.Fatal(err)
	}
	runs, err := Open(write(t, "x.csv", strings.ReplaceAll(string(b), "de3ff81", "5318008")))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := runs[0].Condition(CondVersion); got != "b1 (5318008)" || len(runs[0].Loads[0].Notes) > 0 {
		t.Errorf("version %q, notes %q", got, runs[0].Loads[0].Notes)
	}
}

// TestGuideLLMSamples: raw values where every request is in the file.
func TestGuideLLMSamples(t *testing.T) {
	text := `{"metadata":{"guidellm_version":"0.8"},"benchmarks":[{"type_":"generative_benchmark",
		"config":{"strategy":{"type_":"synchronous"}},"metrics":{"request_totals":{"successful":2,"errored":0,"incomplete":0,"total":TOTAL},
		"time_to_first_token_ms":{"successful":{"mean":15,"count":2}},
		"request_latency":{"successful":{"mean":0.5,"count":2}},
		"inter_token_latency_ms":{"successful":{"mean":0,"count":0}},
		"output_token_count":{"successful":{"mean":8,"min":8,"max":8,"count":2,"total_sum":16}}},
		"requests":{"successful":[{"time_to_first_token_ms":10,"request_latency":0.4},{"time_to_first_token_ms":20,"request_latency":0.6}]}}]}`
	l := openLoad(t, strings.Replace(text, "TOTAL", "2", 1))
	if diff := cmp.Diff([]float64{10, 20}, l.Values[metric.TTFTMean].Samples); diff != "" {
		t.Errorf("TTFT (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{400, 600}, l.Values[metric.E2ELMean].Samples); diff != "" {
		t.Errorf("E2EL (-want +got):\n%s", diff)
	}
	if _, ok := l.Values[metric.TPOTMean]; ok || l.Concurrency != 1 {
		t.Errorf("TPOT of nothing: %v; concurrency %d", l.Values[metric.TPOTMean], l.Concurrency)
	}
	sampled := openLoad(t, strings.NewReplacer("TOTAL", "3", `"successful":2,`, `"successful":3,`).Replace(text))
	if sampled.Values[metric.TTFTMean].Samples != nil || !strings.Contains(strings.Join(sampled.Notes, ";"), "2 of 3 requests") {
		t.Errorf("a part of the requests: %v, %q", sampled.Values[metric.TTFTMean].Samples, sampled.Notes)
	}
}
