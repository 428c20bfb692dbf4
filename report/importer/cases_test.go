package importer

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/internal/figure"
	"ceiling/report/metric"
)

// without is base without the keys that have one of the parts in them.
func without(base map[string]any, parts ...string) map[string]any {
	out := change(base, nil)
	for key := range out {
		for _, part := range parts {
			if strings.Contains(key, part) {
				delete(out, key)
			}
		}
	}
	return out
}

func notesOf(l ToolLoad) string { return strings.Join(l.Notes, "; ") }

// TestWithoutToken: requests that completed without a token are told, and TTFT
// is over the others.
func TestWithoutToken(t *testing.T) {
	// The second of three requests got nothing; the client counts it as done.
	text := marshal(t, change(detailed(), map[string]any{
		"completed": 3, "failed": 0, "errors": []string{"", "", ""}, "output_lens": []int{3, 0, 2},
		"ttfts": []float64{0.1, 0, 0.3}, "itls": [][]float64{{0.01, 0.03}, {}, {0.02}}, "latencies": []float64{0.14, 0.05, 0.32},
		"mean_ttft_ms": 400.0 / 3, "median_ttft_ms": 100.0, "mean_e2el_ms": 170.0,
	}))
	runs, err := Open(write(t, "file", text))
	if err != nil {
		t.Fatal(err)
	}
	l := runs[0].Loads[0]
	const told = "1 of 3 requests counted as completed without a token"
	if v := l.Values[metric.TTFTMean]; l.Tokenless != 1 || v.V != 200 || !v.Same || len(v.Samples) != 2 || !strings.Contains(v.Note, "the file says 133.33 ms, with 1 request without one as 0") {
		t.Errorf("%d without: %+v", l.Tokenless, v)
	}
	if v := l.Values[metric.TTFTMedian]; v.V != 200 {
		t.Errorf("median %+v", v)
	}
	if len(l.Values[metric.E2ELMean].Samples) != 3 || !strings.Contains(notesOf(l), told) || !strings.Contains(strings.Join(runs[0].Notes, ";"), "WITHOUT A TOKEN: "+told) {
		t.Errorf("notes %q, of the run %q", l.Notes, runs[0].Notes)
	}
	// A mean that is not that of the arrays stays, and is no TTFT.
	l = openLoad(t, strings.Replace(text, "133.33", "150.33", 1))
	if v := l.Values[metric.TTFTMean]; v.Same || v.V < 150 || !strings.Contains(v.Note, "1 request without a token in it as 0") {
		t.Errorf("summary of something else: %+v", v)
	}
	// Without arrays only a median of 0 shows it.
	l = openLoad(t, marshal(t, change(without(detailed(), "ttfts", "itls"), map[string]any{"mean_ttft_ms": 3.5, "median_ttft_ms": 0.0, "p99_ttft_ms": 90.0})))
	_, median := l.Values[metric.TTFTMedian]
	if v := l.Values[metric.TTFTMean]; v.Same || v.V != 3.5 || median || l.Values[metric.TTFTP99].Same || !strings.Contains(notesOf(l), "half of the requests or more") {
		t.Errorf("a median of 0: %+v, %q", v, l.Notes)
	}
	// SGLang's arrays are alike.
	l = openLoad(t, `{"backend":"sglang","dataset_name":"random","request_rate":Infinity,"max_concurrency":2,"duration":2,"completed":2,"total_input_tokens":20,
		"total_output_tokens":3,"total_output_tokens_retokenized":3,"mean_ttft_ms":100,"input_lens":[10,10],"output_lens":[3,0],"ttfts":[0.2,0],"itls":[[0.01,0.01],[]],"errors":["",""]}`)
	if v := l.Values[metric.TTFTMean]; l.Tokenless != 1 || v.V != 200 {
		t.Errorf("SGLang: %+v", v)
	}
}

// TestFamiliesWithoutMean: a family keeps what statistics it has, in every
// format; one with nothing but zeros has none.
func TestFamiliesWithoutMean(t *testing.T) {
	lacks := func(l ToolLoad, name string, m ...metric.Key) {
		t.Helper()
		for _, m := range m {
			if v, ok := l.Values[m]; ok {
				t.Errorf("%s: %s %+v", name, m, v)
			}
		}
	}
	has := func(l ToolLoad, name string, want map[metric.Key]float64) {
		t.Helper()
		for m, v := range want {
			if l.Values[m].V != v {
				t.Errorf("%s: %s %+v, want %v", name, m, l.Values[m], v)
			}
		}
	}
	l := openLoad(t, marshal(t, change(without(detailed(), "mean_", "itl"), map[string]any{"median_tpot_ms": 20.0, "p99_tpot_ms": 25.0, "median_itl_ms": 0.0, "p99_itl_ms": 0.0})))
	has(l, "vLLM", map[metric.Key]float64{metric.TTFTMedian: 200, metric.TPOTMedian: 20, metric.TPOTP99: 25, metric.E2ELP99: 318.2})
	lacks(l, "vLLM", metric.TTFTMean, metric.TPOTMean, metric.ITLMedian, metric.ITLP99)
	if n := len(openLoad(t, marshal(t, without(detailed(), "mean_"))).Values[metric.TTFTMedian].Samples); n != 2 {
		t.Errorf("%d samples by the median", n)
	}
	l = openLoad(t, `{"backend":"sglang","dataset_name":"sharegpt","request_rate":8,"duration":2,"completed":2,"total_input_tokens":20,"total_output_tokens":5,
		"total_output_tokens_retokenized":5,"median_ttft_ms":50.5,"median_itl_ms":9.5,"output_throughput":2.5}`)
	has(l, "SGLang", map[metric.Key]float64{metric.TTFTMedian: 50.5, metric.ITLMedian: 9.5})
	l = openLoad(t, `{"aiperf_version":"0.9","request_latency":{"unit":"ms","p50":40,"p99":90},"time_to_first_token":{"unit":"ms","avg":null,"p50":4},"inter_token_latency":{"unit":"ms","avg":0,"p50":0}}`)
	has(l, "AIPerf", map[metric.Key]float64{metric.E2ELMedian: 40, metric.E2ELP99: 90, metric.TTFTMedian: 4})
	lacks(l, "AIPerf", metric.TPOTMean, metric.TPOTMedian)
	l = openLoad(t, `{"metadata":{"guidellm_version":"0.8"},"benchmarks":[{"metrics":{"request_totals":{"successful":2},
		"time_to_first_token_ms":{"successful":{"median":15,"percentiles":{"p99":16}}},"request_latency":{"successful":{"mean":0,"median":0}}}}]}`)
	has(l, "GuideLLM", map[metric.Key]float64{metric.TTFTMedian: 15, metric.TTFTP99: 16})
	lacks(l, "GuideLLM", metric.E2ELMean, metric.E2ELMedian)
	l = openLoad(t, `[{"name":"a","pp_speed":null,"ttft_median_ms":15,"tpot_mean_ms":0}]`)
	has(l, "the reference", map[metric.Key]float64{metric.TTFTMedian: 15})
	lacks(l, "the reference", metric.TTFTMean, metric.TPOTMean)
}

// TestRamp: a range of rates is an open loop, neither all at once nor closed.
func TestRamp(t *testing.T) {
	ramp := change(detailed(), map[string]any{"max_concurrency": nil, "ramp_up_strategy": "linear", "ramp_up_start_rps": 1, "ramp_up_end_rps": 20, "burstiness": 2.0})
	l := openLoad(t, marshal(t, ramp))
	if l.Arrivals != "a ramp from 1 to 20 req/s (linear)" || !l.Open() || l.Concurrency != 0 || l.RequestRate != nil || l.Burstiness == nil || *l.Burstiness != 2 {
		t.Errorf("%+v", headerOf(l))
	}
	if strings.Contains(notesOf(l), "at once") || l.Name != "in 10, out 3, a ramp from 1 to 20 req/s (linear), n=3" {
		t.Errorf("%q, notes %q", l.Name, l.Notes)
	}
	if l := openLoad(t, marshal(t, change(ramp, map[string]any{"max_concurrency": 4, "ramp_up_end_rps": nil}))); l.Arrivals != "a ramp (linear)" || l.Concurrency != 4 {
		t.Errorf("a limit, and no end: %q, %d", l.Arrivals, l.Concurrency)
	}
	// No ramp: all at once, in vLLM and in SGLang.
	l = openLoad(t, marshal(t, change(ramp, map[string]any{"ramp_up_strategy": nil})))
	if l.Open() || l.Concurrency != 3 {
		t.Errorf("all at once: %+v", headerOf(l))
	}
	sglang := `{"backend":"vllm","dataset_name":"x","request_rate":RATE,"duration":2,"completed":2,"total_output_tokens_retokenized":5,"median_ttft_ms":50}`
	if l := openLoad(t, strings.Replace(sglang, "RATE", `"inf"`, 1)); l.Open() || l.Concurrency != 2 {
		t.Errorf("SGLang, all at once: %+v", headerOf(l))
	}
	if l := openLoad(t, strings.Replace(sglang, "RATE", `"trace"`, 1)); !l.Open() || l.Concurrency != 0 {
		t.Errorf("SGLang, a trace: %+v", headerOf(l))
	}
	l = openLoad(t, `{"aiperf_version":"0.9","input_config":{"phases":[{"type":"fixed_schedule","requests":9}]},"request_latency":{"unit":"ms","avg":4}}`)
	if !l.Open() || l.Prompts != 9 {
		t.Errorf("AIPerf, a schedule: %+v", headerOf(l))
	}
}

// TestUserMetadata: --metadata writes texts, which are a user's words and no
// figures.
func TestUserMetadata(t *testing.T) {
	l := openLoad(t, marshal(t, change(detailed(), map[string]any{"input_len": "1000", "output_len": "500", "gpu": "4xL40S"})))
	if want := "also in the file: gpu=4xL40S, input_len=1000, output_len=500"; l.Input != 10 || notesOf(l) != "1 of 3 requests failed; "+want {
		t.Errorf("input %d, notes %q", l.Input, l.Notes)
	}
}

// TestAIPerfLeftovers: runs without a success and files without a
// configuration.
func TestAIPerfLeftovers(t *testing.T) {
	text, err := os.ReadFile("testdata/aiperf/made_v0.10.0_non_streaming.json")
	if err != nil {
		t.Fatal(err)
	}
	var whole map[string]any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	runs, err := Open(write(t, "x.json", marshal(t, without(whole, "input_config"))))
	if err != nil {
		t.Fatal(err)
	}
	// What its command line says: model m, concurrency 4.
	r, l := runs[0], runs[0].Loads[0]
	client, _ := r.Condition(CondClient)
	if r.Tool != ToolAIPerf || r.Model != "m" || client != "HTTP, chat" || l.Concurrency != 4 || l.Prompts != 96 || l.Values[metric.RequestThroughput].V != 2.6297917671237303 {
		t.Errorf("without a configuration: %q, %q, %q, %+v", r.Tool, r.Model, client, headerOf(l))
	}
	l = openLoad(t, `{"aiperf_version":"0.10.0","input_config":{"models":{"items":[{"name":"m"}]},"phases":[{"requests":8,"concurrency":2}]},
		"error_summary":[{"error_details":{"code":500},"count":5},{"error_details":{"code":503},"count":3}]}`)
	if diff := cmp.Diff(header{0, 0, 2, 8, 0, "", -1, -1, 0, 8, 0}, headerOf(l)); diff != "" || len(l.Values) > 0 || !strings.Contains(notesOf(l), "no request succeeded") {
		t.Errorf("no success (-want +got):\n%s%q", diff, l.Notes)
	}
}

// TestGenAIPerfAges: the tool, the model and the concurrency in the three
// shapes that genai-perf's configuration has had, and numbers as texts.
func TestGenAIPerfAges(t *testing.T) {
	figures := `"request_throughput":{"unit":"requests/sec","avg":7.5},"request_latency":{"unit":"ms","avg":80,"p99":100},"time_to_first_token":{"unit":"ms","avg":20},"inter_token_latency":{"unit":"ms","avg":4}`
	old := `"request_throughput":{"unit":"request per sec","avg":"7.5"},"request_latency":{"unit":"ns","avg":"80000000","p99":"100000000.0"},"time_to_first_token":{"unit":"ns","avg":"20000000"},
		"inter_token_latency":{"unit":"ns","avg":"4000000"},"num_output_token":{"unit":"tokens","avg":"18.0"},"num_input_token":{"unit":"tokens","avg":"550.0"}`
	for name, test := range map[string]struct {
		figures, config, tokenizer string
	}{
		"of mid 2024": {old, `{"model":"gpt2","backend":"vllm","endpoint_type":null,"service_kind":"triton","streaming":true,"concurrency":16,"request_rate":null,"random_seed":0,"tokenizer":"hf"}`, "hf"},
		"of 2024":     {figures, `{"subcommand":"profile","model":["gpt2"],"endpoint_type":"chat","streaming":true,"concurrency":16,"request_count":0,"request_rate":null,"tokenizer":"hf"}`, "hf"},
		"of 2025":     {figures, `{"model_names":["gpt2"],"endpoint":{"type":"chat","streaming":true},"perf_analyzer":{"stimulus":{"concurrency":16}},"input":{"random_seed":0},"tokenizer":{"name":"hf"}}`, "hf"},
	} {
		runs, err := Open(write(t, "x.json", "{"+test.figures+`,"input_config":`+test.config+"}"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r, l := runs[0], runs[0].Loads[0]
		tokenizer, _ := r.Condition(CondTokenizer)
		if r.Tool != ToolGenAIPerf || r.Model != "gpt2" || l.Concurrency != 16 || l.RequestRate != nil || tokenizer != test.tokenizer {
			t.Errorf("%s: %q, %q, %+v, %q", name, r.Tool, r.Model, headerOf(l), tokenizer)
		}
		for m, want := range map[metric.Key]float64{metric.RequestThroughput: 7.5, metric.E2ELMean: 80, metric.E2ELP99: 100, metric.TTFTMean: 20, metric.TPOTMean: 4} {
			if math.Abs(l.Values[m].V-want) > 1e-9 {
				t.Errorf("%s: %s is %v, want %v (%q)", name, m, l.Values[m].V, want, l.Notes)
			}
		}
		if test.figures == old && (l.Input != 550 || l.Output != 18) {
			t.Errorf("%s: lengths %d/%d", name, l.Input, l.Output)
		}
	}
	// Without streaming it writes the whole latency as the time to the first token.
	l := openLoad(t, `{"request_throughput":{"unit":"requests/sec","avg":7.5},"request_latency":{"unit":"ms","avg":80},"time_to_first_token":{"unit":"ms","avg":80},"input_config":{"model":["m"],"concurrency":2}}`)
	if _, ok := l.Values[metric.TTFTMean]; ok || l.Values[metric.E2ELMean].V != 80 || !strings.Contains(notesOf(l), "without streaming") {
		t.Errorf("TTFT %+v, notes %q", l.Values[metric.TTFTMean], l.Notes)
	}
}

// TestFirstGuideLLM: the shapes of versions before 0.2 beside the sample's:
// seconds, a rate, requests without a token and without a success.
func TestFirstGuideLLM(t *testing.T) {
	text := `{"benchmarks":[{"mode":"constant","rate":2.5,"results":[
		{"prompt_token_count":10,"output_token_count":3,"start_time":100.0,"end_time":100.5,"first_token_set":true,"first_token_time":0.3,"decode_times":{"data":[0.1,0.1]}},
		{"prompt_token_count":10,"output_token_count":0,"start_time":100.5,"end_time":101.0,"first_token_set":false,"first_token_time":null,"decode_times":{"data":[]}}],
		"errors":[{"message":"x"}],"concurrencies":[]}],"args":{"model":"m","data":"x","rate_type":"constant"}}`
	l := openLoad(t, text)
	if diff := cmp.Diff(header{10, 2, 0, 3, 0, LengthsMean, -1, 2.5, 2, 1, 0}, headerOf(l)); diff != "" || l.Tokenless != 1 {
		t.Errorf("%d without a token; load (-want +got):\n%s", l.Tokenless, diff)
	}
	for m, want := range map[metric.Key]float64{metric.TTFTMean: 300, metric.TPOTMean: 100, metric.ITLMean: 100, metric.E2ELMean: 500, metric.Duration: 1, metric.OutputThroughput: 3} {
		if math.Abs(l.Values[m].V-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", m, l.Values[m].V, want)
		}
	}
	l = openLoad(t, `{"benchmarks":[{"mode":"throughput","rate":null,"results":[],"errors":[{}],"concurrencies":[]}],"args":{}}`)
	if l.Concurrency != 1 || *l.Failed != 1 || len(l.Values) > 0 {
		t.Errorf("no success: %+v", headerOf(l))
	}
}

// TestPrinted: tables that tools print are named, whatever their widths, also
// behind other lines.
func TestPrinted(t *testing.T) {
	for table, want := range map[string]string{
		"| model                          |       size |     params | backend    | ngl |            test |                  t/s |\n": "llama-bench printed: run it with -o json",
		"ggml_cuda_init: found 4 ROCm devices:\n| model | size | params | backend | ngl | fa | test | t/s |\n":                       "llama-bench printed",
		"|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |\n":                                                                 "llama-batched-bench printed: run it with --output-format jsonl",
		"| model | test | t/s | peak t/s | ttfr (ms) | est_ppt (ms) |\n":                                                             "llama-benchy printed",
		"============ Serving Benchmark Result ============\n":                                                                       "--save-result",
		"┃ Metric ┃ avg ┃ min ┃ max ┃ p99 ┃\n":                                                                                       "AIPerf or genai-perf printed",
	} {
		wantError(t, write(t, "table.txt", table), want)
	}
}

// TestGaps: how the arrivals of a rate lie.
func TestGaps(t *testing.T) {
	const aiperf = `{"request_throughput":{"unit":"requests/sec","avg":4},"request_latency":{"unit":"ms","avg":900},"request_count":{"unit":"requests","avg":8},`
	even := math.Inf(1)
	for text, want := range map[string]float64{
		aiperf + `"input_config":{"phases":[{"type":"poisson","rate":4}]}}`:                                        1,
		aiperf + `"input_config":{"phases":[{"type":"constant","rate":4}]}}`:                                       even,
		aiperf + `"input_config":{"phases":[{"type":"gamma","rate":4,"smoothness":0.5}]}}`:                         0.5,
		aiperf + `"input_config":{"loadgen":{"request_rate":4,"request_rate_mode":"constant"}}}`:                   even,
		aiperf + `"input_config":{"loadgen":{"request_rate":4,"arrival_pattern":"gamma","arrival_smoothness":2}}}`: 2,
		aiperf + `"run_info":{"cli_command":"aiperf profile --request-rate 4 --arrival-pattern 'constant'"}}`:      even,
		aiperf + `"input_config":{"loadgen":{"request_rate":4}}}`:                                                  0,
		aiperf + `"input_config":{"loadgen":{"concurrency":4,"arrival_pattern":"constant"}}}`:                      0,
	} {
		l := openLoad(t, text)
		if got := l.Burstiness; got == nil != (want == 0) || got != nil && *got != want {
			t.Errorf("%s: burstiness %v, want %v", text, figure.Shortest(got), want)
		}
	}
	runs, err := Open("testdata/guidellm/v0.8.0dev_schema2.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range runs[0].Loads {
		if l.Burstiness == nil || *l.Burstiness != even {
			t.Errorf("%s: burstiness %v, want even gaps", l.Name, figure.Shortest(l.Burstiness))
		}
	}
}

// TestOneToken: requests that a server refuses in its stream count as
// completed, with one token and all of their prompts.
func TestOneToken(t *testing.T) {
	runs, err := Open("testdata/sglang-bench-serving/2026_v0.5.9_prompts_too_long_c8_TRIMMED_server_info.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	const want = "ONE TOKEN: 300 requests counted as completed have 300 output tokens where 1500 each were asked for"
	if got := strings.Join(runs[0].Notes, "; "); !strings.HasPrefix(got, want) {
		t.Errorf("notes %q, want %q", got, want)
	}
	if got := notesOf(runs[0].Loads[0]); got != "1500 output tokens were asked for, and requests have 1 on the average" {
		t.Errorf("notes of the load: %q", got)
	}
	for _, tc := range []struct {
		asked, got int
		want       bool
	}{{16, 8, true}, {1, 8, false}, {16, 128, false}, {0, 8, false}} {
		o := change(without(detailed(), "lens", "ttfts", "itls", "latencies", "errors", "texts"),
			map[string]any{"completed": 8, "failed": 0, "num_prompts": 8, "total_output_tokens": tc.got})
		if tc.asked > 0 {
			o["random_input_len"], o["random_output_len"] = 10, tc.asked
		}
		runs, err := Open(write(t, "x.json", marshal(t, o)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(runs[0].Notes, "; "), "ONE TOKEN"); got != tc.want {
			t.Errorf("%+v: notes %q", tc, runs[0].Notes)
		}
	}
}

// TestFirstLlamaBench: builds of 2023 say the backend and the KV type by
// switches, in CSV as 1 and 0.
func TestFirstLlamaBench(t *testing.T) {
	for _, name := range []string{"2023-09_b1275_rtx3090ti.json", "2023-09_b1275_rtx3090ti.csv"} {
		runs, err := Open("testdata/llama-bench/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for cond, want := range map[string]string{CondBackend: "CUDA", CondKV: "f16", CondQuant: "Q4_0", CondVersion: "b1275 (3469684)"} {
			if got, _ := runs[0].Condition(cond); got != want {
				t.Errorf("%s: %s is %q, want %q", name, cond, got, want)
			}
		}
	}
	for text, want := range map[string]string{`"cuda":false,"metal":true`: "Metal", `"cuda":false,"blas":false,"f16_kv":false`: "CPU", `"backends":"ROCm","cuda":true`: "ROCm"} {
		runs, err := Open(write(t, "x.json", `[{"build_commit":"a","build_number":1,"model_type":"m","n_prompt":8,"n_gen":0,"avg_ns":1,"avg_ts":5,`+text+`}]`))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := runs[0].Condition(CondBackend); got != want {
			t.Errorf("%s: backend %q, want %q", text, got, want)
		}
	}
}

// TestGuideLLMEdges: requests that reach into a warm-up that was left out count
// whole, so their tokens over the duration are no rate: 35.6 tok/s here, where
// one stream has 1024 tokens in 30.64 s.
func TestGuideLLMEdges(t *testing.T) {
	runs, err := Open("testdata/guidellm/2026-03_v0.5.0dev_gpt-oss-20b_sync_TRIMMED.json")
	if err != nil {
		t.Fatal(err)
	}
	l := runs[0].Loads[0]
	for _, m := range []metric.Key{metric.RequestThroughput, metric.OutputThroughput} {
		if note := l.Values[m].Note; strings.Contains(note, "/ duration") {
			t.Errorf("%s: %q", m, note)
		}
	}
	if notes := notesOf(l); !strings.Contains(notes, "90 s of warm-up and 90 s of cool-down are left out") {
		t.Errorf("notes %q", notes)
	}
}

// TestGuideLLMRequests: version 0.5 counts the completions after the first.
func TestGuideLLMRequests(t *testing.T) {
	for name, want := range map[string]string{
		"2026-02_v0.5.0_poisson5_TRIMMED.json":       "counts 336 of 337 requests; all of them / duration is 5.617",
		"2026-03_v0.5.0dev_qwen3-4b_c4_TRIMMED.json": "counts 3 of 4 requests; all of them / duration is 0.1606",
		"2026-09_v0.7.3_gemma_c1_TRIMMED.json":       "",
	} {
		runs, err := Open("testdata/guidellm/" + name)
		if err != nil {
			t.Fatal(err)
		}
		v := runs[0].Loads[0].Values[metric.RequestThroughput]
		if v.Note != want || v.Same != (want == "") {
			t.Errorf("%s: %+v, want the note %q", name, v, want)
		}
	}
	for name, want := range map[string]string{"2026-02_v0.5.0_poisson5_TRIMMED.json": "HTTP, /v1/chat/completions", "2026-03_v0.5.0dev_qwen3-4b_c4_TRIMMED.json": "HTTP, /v1/completions"} {
		runs, err := Open("testdata/guidellm/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := runs[0].Condition(CondClient); got != want {
			t.Errorf("%s: client %q, want %q", name, got, want)
		}
	}
}

// TestAIPerfDataset: two files are two data sets.
func TestAIPerfDataset(t *testing.T) {
	const run = `{"aiperf_version":"0.11.0","request_latency":{"unit":"ms","avg":900},"request_count":{"unit":"requests","avg":8},`
	for text, want := range map[string]string{
		run + `"input_config":{"datasets":[{"type":"file","path":"/a/b.jsonl"}]}}`:          "file b.jsonl",
		run + `"input_config":{"datasets":[{"type":"public","dataset":"sharegpt"}]}}`:       "sharegpt",
		run + `"input_config":{"datasets":[{"type":"synthetic"}]}}`:                         "synthetic",
		run + `"input_config":{"input":{"file":"/a/c.jsonl"}}}`:                             "file c.jsonl",
		run + `"run_info":{"cli_command":"aiperf profile --input-file '/a/d.jsonl' -m m"}}`: "file d.jsonl",
		run + `"run_info":{"cli_command":"aiperf profile --public-dataset sharegpt -m m"}}`: "sharegpt",
		run + `"input_config":{}}`: "",
	} {
		runs, err := Open(write(t, "x.json", text))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := runs[0].Condition(CondDataset); got != want {
			t.Errorf("%s: data set %q, want %q", text, got, want)
		}
	}
}

// TestAIPerfSweep: a sweep's summary says nothing of the conditions, and its
// other parameters are told.
func TestAIPerfSweep(t *testing.T) {
	text := `{"aggregation_type":"sweep","metadata":{"aggregation_type":"sweep","num_trials_per_value":1},"per_combination_metrics":[
		{"parameters":{"phases.profiling.concurrency":2,"input.isl":256},"metrics":{"request_latency":{"unit":"ms","avg":9,"std":0},"request_count":{"unit":"requests","avg":8}}},
		{"parameters":{"phases.profiling.request_rate":3},"metrics":{"request_latency":{"unit":"ms","avg":7,"std":0},"request_count":{"unit":"requests","avg":8}}}]}`
	runs, err := Open(write(t, "x.json", text))
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 || len(runs[0].Conditions) != 0 || len(runs[0].Loads) != 2 {
		t.Fatalf("%d runs, %+v", len(runs), runs[0])
	}
	a, b := runs[0].Loads[0], runs[0].Loads[1]
	if a.Concurrency != 2 || !strings.HasPrefix(notesOf(a), "input.isl: 256;") || b.RequestRate == nil || *b.RequestRate != 3 {
		t.Errorf("loads %+v and %+v", a, b)
	}
	if _, ok := a.Values[metric.E2ELStd]; ok {
		t.Error("the deviation between runs is taken for that between requests")
	}
}

// TestHubName: a folder of Hugging Face's cache is the model it holds.
func TestHubName(t *testing.T) {
	for path, want := range map[string]string{
		"/models/models--openai--gpt-oss-120b/snapshots/b5c939de/": "openai/gpt-oss-120b",
		"models--a--b--c/snapshots/1":                              "a/b--c",
		"openai/gpt-oss-120b":                                      "openai/gpt-oss-120b",
		"/data/models--a--b":                                       "/data/models--a--b",
		"/data/models--a/b--c/snapshots/1":                         "/data/models--a/b--c/snapshots/1",
		"/data/some-models--a--b/snapshots/1":                      "/data/some-models--a--b/snapshots/1",
		"":                                                         "",
	} {
		if got := hubName(path); got != want {
			t.Errorf("%q is %q, want %q", path, got, want)
		}
	}
}
