package importer

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/report/metric"
)

// header is what a load says beside its figures; -1 stands for "not known".
type header struct {
	Input, Output, Concurrency, Prompts, Depth int
	Lengths                                    string
	RangeRatio, RequestRate                    float64
	Successful, Failed, Repeat                 int
}

func headerOf(l ToolLoad) header {
	number := func(v *float64) float64 {
		if v == nil {
			return -1
		}
		return *v
	}
	count := func(v *int) int {
		if v == nil {
			return -1
		}
		return *v
	}
	return header{
		l.Input, l.Output, l.Concurrency, l.Prompts, l.Depth, l.Lengths,
		number(l.RangeRatio), number(l.RequestRate), count(l.Successful), count(l.Failed), l.Repeat,
	}
}

const reference = "../testdata/reference/"

func TestLoads(t *testing.T) {
	open := opener(t)
	for _, test := range []struct {
		file, load string
		want       header
	}{
		{"testdata/vllm-bench-serve/v0.25.1_save-result.json", "in 32, out 16, c=2, n=8",
			header{32, 16, 2, 8, 0, LengthsMean, -1, -1, 8, 0, 0}},
		// 215196 and 122774 tokens in 1000 requests; an open loop without a limit.
		{"testdata/vllm-bench-serve/2024-11_detailed_TRIMMED_first40.json", "in 215, out 123, rate 16/s, n=1000",
			header{215, 123, 0, 1000, 0, LengthsMean, -1, 16, 1000, 0, 0}},
		// No limit and an infinite rate: all eight at once.
		{"testdata/vllm-bench-serve/v0.25.1_all_failed.json", "c=8, n=8",
			header{0, 0, 8, 8, 0, "", -1, -1, 0, 8, 0}},
		// A range ratio of 1 is a fixed length there: no spread.
		{"testdata/sglang-bench-serving/2026_v0.5.9_random_c16_TRIMMED_server_info.jsonl", "in 1024, out 512, c=16, n=1000",
			header{1024, 512, 16, 1000, 0, LengthsExact, 0, -1, 1000, -1, 0}},
		{"testdata/aiperf/v0.10.0_qwen3.6_chatbot_c4_TRIMMED.json", "in 516, out 205, c=4, n=96",
			header{516, 205, 4, 96, 0, LengthsMean, -1, -1, 96, -1, 0}},
		// 71.5 prompt tokens on average; the client's limit of 10240 is none of the load.
		{"testdata/guidellm/v0.8.0dev_schema2.json", "in 72, out 8, rate 2/s, n=2",
			header{72, 8, 0, 2, 0, LengthsMean, -1, 2, 2, 0, 0}},
		{"testdata/guidellm/made_legacy.json", "in 256, out 96, c=4, n=6",
			header{256, 96, 4, 6, 0, LengthsMean, -1, -1, 5, 0, 0}},
		{"testdata/guidellm/made_v1.json", "in 400, out 120, c=32, n=40",
			header{400, 120, 32, 40, 0, LengthsExact, -1, -1, 32, 5, 0}},
		{"testdata/llama-benchy/sample_v0.2.2dev7.json", "pp2048 tg32 c2",
			header{2048, 32, 2, 0, 0, LengthsNominal, -1, -1, -1, -1, 0}},
		{"testdata/llama-bench/b7951_rx7900xtx.json", "pp2048 @ d512",
			header{2048, 0, 1, 0, 512, LengthsExact, -1, -1, -1, -1, 0}},
		{"testdata/llama-bench/llama-bench_v0.5.0.csv", "tg8",
			header{0, 8, 1, 0, 0, LengthsExact, -1, -1, -1, -1, 0}},
		{"testdata/llama-batched-bench/readme_output.jsonl", "pp128 tg128 pl2",
			header{128, 128, 2, 2, 0, LengthsExact, -1, -1, -1, -1, 0}},
		{"testdata/vllm-bench-serve/2025-05_goodput_colon.json", "in 999, out 267, rate 30/s, n=900",
			header{999, 267, 0, 900, 0, LengthsMean, -1, 30, 900, 0, 0}},
		{"testdata/aiperf/made_v0.10.0_non_streaming.json", "in 516, out 205, c=4, n=96",
			header{516, 205, 4, 96, 0, LengthsMean, -1, -1, 96, -1, 0}},
		{"testdata/guidellm/made_v0.1.0.json", "in 256, out 128, c=1, n=5",
			header{256, 128, 1, 5, 0, LengthsExact, -1, -1, 5, 0, 0}},
		{"testdata/llama-batched-bench/made_shared.jsonl", "pp512 tg128 pl4 shared",
			header{512, 128, 4, 4, 0, LengthsExact, -1, -1, -1, -1, 0}},
		{reference + "benchmark_Devstral-Small-2-24B-AWQ-4bit.md", "Mixed Traffic",
			header{2048, 512, 8, 30, 0, LengthsNominal, 0.5, -1, -1, -1, 0}},
		{reference + "benchmark_Devstral-Small-2-24B-AWQ-4bit.md", "Long Context (16K)",
			header{16384, 1024, 4, 10, 0, LengthsNominal, 0, -1, -1, -1, 0}},
		{reference + "benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json", "Mixed Traffic",
			header{2048, 512, 8, 30, 0, LengthsNominal, 0.5, -1, 30, 0, 0}},
		{reference + "benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json", "Concurrency Scaling (c=128)",
			header{1024, 256, 128, 128, 0, LengthsNominal, 0, -1, 128, 0, 0}},
	} {
		l := findLoad(t, open(test.file), open(test.file)[0].Model, test.load)
		if diff := cmp.Diff(test.want, headerOf(l)); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.file, test.load, diff)
		}
	}
}

// TestCounts: how many runs, and loads in the first, each file has.
func TestCounts(t *testing.T) {
	for _, test := range []struct {
		file        string
		tool        string
		inProcess   bool
		runs, loads int
	}{
		{"testdata/vllm-bench-serve/v0.25.1_save-result.json", ToolVLLM, false, 1, 1},
		{"testdata/sglang-bench-serving/2026_v0.5.9_random_c16_TRIMMED_server_info.jsonl", ToolSGLang, false, 1, 1},
		{"testdata/guidellm/v0.8.0dev_schema2.json", ToolGuideLLM, false, 1, 2},
		{"testdata/llama-benchy/sample_v0.2.2dev7.json", ToolLlamaBenchy, false, 1, 2},
		{"testdata/aiperf/v0.10.0_qwen3.6_chatbot_c4_TRIMMED.json", ToolAIPerf, false, 1, 1},
		{"testdata/llama-bench/b7951_rx7900xtx.json", ToolLlamaBench, true, 1, 84},
		{"testdata/llama-bench/b9927_flash_attn_int.jsonl", ToolLlamaBench, true, 1, 9},
		{"testdata/llama-bench/llama-bench_v0.5.0.csv", ToolLlamaBench, true, 1, 2},
		{"testdata/llama-batched-bench/llama-batched-bench_v0.5.0.jsonl", ToolBatchedBench, true, 1, 3},
		{reference + "benchmark_Devstral-Small-2-24B-AWQ-4bit.md", ToolReference, false, 1, 10},
		{reference + "benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json", ToolReference, false, 1, 12},
		{reference + "benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.md", ToolReference, false, 1, 12},
		{"../testdata/small.md", ToolCeiling, true, 1, 6},
	} {
		runs, err := Open(test.file)
		if err != nil {
			t.Errorf("Open: %v", err)
			continue
		}
		r := runs[0]
		if len(runs) != test.runs || len(r.Loads) != test.loads || r.Tool != test.tool || r.InProcess != test.inProcess {
			t.Errorf("%s: %d runs, %d loads, %q, in process %v; want %d, %d, %q, %v", test.file,
				len(runs), len(r.Loads), r.Tool, r.InProcess, test.runs, test.loads, test.tool, test.inProcess)
		}
		if r.Path != test.file {
			t.Errorf("%s: path %q", test.file, r.Path)
		}
	}
}

// TestConditions: what a file does not say is not there.
func TestConditions(t *testing.T) {
	for _, test := range []struct {
		file string
		want []Condition
	}{
		{"testdata/llama-bench/b7951_rx7900xtx.json", []Condition{
			{CondModelFile, "gpt-oss-20b-mxfp4.gguf"}, {CondModelBytes, "12096558336"}, {CondQuant, "MXFP4 MoE"},
			{CondEngine, "llama.cpp"}, {CondVersion, "b7951 (01ec0cc)"}, {CondBackend, "ROCm 7.12"},
			{CondDevice, "AMD Radeon RX 7900 XTX"}, {CondCPU, "AMD Ryzen 9 7950X 16-Core Processor"},
			{CondSplit, "layer"}, {CondGPULayers, "99"}, {CondKV, "q8_0"}, {CondFlash, "on"},
			{CondStep, "8192"}, {CondUBatch, "2048"}, {CondThreads, "16"}, {CondLoadMode, "read"}, {CondClient, "in process"},
		}},
		// flash_attn is an integer here.
		{"testdata/llama-bench/b9927_flash_attn_int.jsonl", []Condition{
			{CondModelFile, "Qwen3.6-27B-Q8_0.gguf"}, {CondModelBytes, "29036089344"}, {CondQuant, "Q8_0"},
			{CondEngine, "llama.cpp"}, {CondVersion, "b9927 (c264f65ff)"}, {CondBackend, "ROCm"},
			{CondDevice, "AMD Radeon 8060S Graphics"}, {CondCPU, "AMD RYZEN AI MAX+ 395 w/ Radeon 8060S"},
			{CondSplit, "layer"}, {CondGPULayers, "99"}, {CondKV, "f16"}, {CondFlash, "on"},
			{CondStep, "2048"}, {CondUBatch, "256"}, {CondThreads, "16"}, {CondLoadMode, "read"}, {CondClient, "in process"},
		}},
		{"testdata/sglang-bench-serving/2026_v0.5.9_random_c16_TRIMMED_server_info.jsonl", []Condition{
			{CondModelFile, "GLM-5-W8A8"}, {CondQuant, "w8a8_int8"}, {CondEngine, "sglang"}, {CondVersion, "0.5.9+maca3.5.3.204"},
			{CondSplit, "tensor parallel 16"}, {CondKV, "bfloat16"}, {CondStep, "1024"}, {CondSpeculative, "EAGLE, at most 3"},
			{CondCache, "prefix caching off"}, {CondDataset, "random"}, {CondClient, "HTTP, backend sglang"},
		}},
		{"testdata/llama-batched-bench/readme_output.jsonl", []Condition{
			{CondEngine, "llama.cpp"}, {CondGPULayers, "99"}, {CondFlash, "off"}, {CondStep, "2048"}, {CondUBatch, "512"},
			{CondThreads, "8"}, {CondPrompts, "one per sequence"}, {CondClient, "in process"}, {CondOther, "n_kv_max=2048"},
		}},
		{"testdata/llama-batched-bench/made_shared.jsonl", []Condition{
			{CondEngine, "llama.cpp"}, {CondGPULayers, "0"}, {CondFlash, "off"}, {CondStep, "2048"}, {CondUBatch, "512"},
			{CondThreads, "8"}, {CondPrompts, "one, shared by all sequences"}, {CondClient, "in process"}, {CondOther, "n_kv_max=4096"},
		}},
		{reference + "benchmark_Devstral-Small-2-24B-AWQ-4bit.md", []Condition{
			{CondDevice, "4× AMD Instinct MI100 (gfx908)"}, {CondCPU, "AMD Ryzen Threadripper PRO 3945WX 12-Cores"},
			{CondClient, "HTTP, vllm bench serve"}, {CondDriver, "ROCm 7.1.0, ROCk 6.16.6"},
		}},
		// This report was given its launch command by hand.
		{reference + "benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.md", []Condition{
			{CondModelFile, "Qwen3.8-27B-GPTQ-4bit_foem"}, {CondEngine, "vllm"}, {CondDevice, "4xMI100 gfx908"},
			{CondCPU, "AMD Ryzen Threadripper PRO 3945WX 12-Cores"}, {CondSplit, "tensor parallel 4"}, {CondStep, "8192"},
			{CondSpeculative, "mtp, at most 3"},
			{CondClient, "HTTP, vllm bench serve"}, {CondDriver, "ROCm 7.2.1, ROCk 6.16.13"},
		}},
		{"testdata/llama-benchy/sample_v0.2.2dev7.json", []Condition{
			{CondCache, "prefix caching on"}, {CondClient, "HTTP, chat completions"},
		}},
	} {
		runs, err := Open(test.file)
		if err != nil {
			t.Errorf("Open: %v", err)
			continue
		}
		if diff := cmp.Diff(test.want, runs[0].Conditions); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.file, diff)
		}
	}
}

// TestSamples: raw values where the file has them, by the most exact field.
func TestSamples(t *testing.T) {
	for _, test := range []struct {
		file, load string
		metric     metric.Key
		want       []float64
	}{
		// n_prompt · 10⁹ / samples_ns, not the six digits of samples_ts.
		{"testdata/llama-bench/llama-bench_v0.5.0.json", "pp32", metric.EnginePrefill, []float64{32e9 / 59326462, 32e9 / 59835765}},
		{"testdata/llama-bench/b9927_flash_attn_int.jsonl", "tg128", metric.TG, []float64{128e9 / 16427704526, 128e9 / 16409213949, 128e9 / 16409994205}},
		{"testdata/llama-bench/llama-bench_v0.5.0.csv", "tg8", metric.TG, nil},
		{"testdata/llama-benchy/sample_v0.2.2dev7.json", "pp2048 tg32 c1", metric.TTFTMean, []float64{2078.3033748157322, 2073.782583232969}},
		{"testdata/vllm-bench-serve/2024-11_detailed_TRIMMED_first40.json", "in 215, out 123, rate 16/s, n=1000", metric.TTFTMean, nil},
		{reference + "benchmark_Qwen3.6-27B-GPTQ-8bit.json", "Single User Latency", metric.TTFTMean, nil},
	} {
		runs, err := Open(test.file)
		if err != nil {
			t.Fatal(err)
		}
		v := findLoad(t, runs, runs[0].Model, test.load).Values[test.metric]
		if diff := cmp.Diff(test.want, v.Samples); diff != "" {
			t.Errorf("%s: %s: %s (-want +got):\n%s", test.file, test.load, test.metric, diff)
		}
	}
}

// TestNotes: what the reader of a comparison must be told.
func TestNotes(t *testing.T) {
	for _, test := range []struct {
		file, load string // of the run where load is ""
		want       string
	}{
		{"testdata/vllm-bench-serve/2024-11_detailed_TRIMMED_first40.json", "in 215, out 123, rate 16/s, n=1000", "hold 40 of 1000 requests"},
		{"testdata/vllm-bench-serve/v0.25.1_all_failed.json", "c=8, n=8", "8 of 8 requests failed"},
		{"testdata/vllm-bench-serve/v0.25.1_all_failed.json", "c=8, n=8", "zeros in the file stand for missing values"},
		{"testdata/guidellm/made_legacy.json", "in 256, out 96, c=4, n=6", "1 requests were still running"},
		{"testdata/llama-batched-bench/readme_output.jsonl", "", "names neither model nor device"},
		{"testdata/llama-batched-bench/made_shared.jsonl", "pp512 tg128 pl4 shared", "computed once"},
		{"testdata/llama-bench/made_log_before.json", "", "3 lines were left out: other output around the results"},
		{"testdata/llama-bench/made_log_behind.json", "", "1 line was left out: other output around the results"},
		{"testdata/aiperf/made_v0.10.0_non_streaming.json", "in 516, out 205, c=4, n=96", "without streaming: there is no TTFT, TPOT or ITL"},
		{"testdata/vllm-bench-serve/made_14_requests_b_one_zero_ttft.json", "", "WITHOUT A TOKEN: 1 of 14 requests"},
		{reference + "benchmark_Devstral-Small-2-24B-AWQ-4bit.md", "", "two decimals"},
		{"../testdata/small.md", "", "partial run: interrupted"},
		{"../testdata/small.md", "Long Context (16K)", "failed: context of 512 tokens"},
	} {
		runs, err := Open(test.file)
		if err != nil {
			t.Fatal(err)
		}
		notes := runs[0].Notes
		if test.load != "" {
			notes = findLoad(t, runs, runs[0].Model, test.load).Notes
		}
		if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, test.want) }) {
			t.Errorf("%s: %s: no note with %q in %q", test.file, test.load, test.want, notes)
		}
	}
}

// TestQuantisation reads it out of llama.cpp's description of a model.
func TestQuantisation(t *testing.T) {
	for text, want := range map[string]string{
		"qwen35 27B Q8_0": "Q8_0", "mistral3 ?B F16": "F16", "gpt-oss 20B MXFP4 MoE": "MXFP4 MoE", "llama 135M Q4_1": "Q4_1",
		"qwen3moe 30B.A3B Q4_K - Medium": "Q4_K - Medium", "llama": "", "": "", "7B": "", "BERT MODEL": "",
	} {
		if got := quantisation(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
