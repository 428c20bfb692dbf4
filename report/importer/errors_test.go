package importer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a file in a folder of its own.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantError checks that path can't be opened, and that the reason is one line
// with the path and the pieces in it.
func wantError(t *testing.T, path string, pieces ...string) {
	t.Helper()
	runs, err := Open(path)
	if err == nil {
		t.Errorf("%s: no error, %d runs", path, len(runs))
		return
	}
	if runs != nil {
		t.Errorf("%s: runs beside an error", path)
	}
	for _, piece := range append(pieces, path) {
		if !strings.Contains(err.Error(), piece) {
			t.Errorf("error without %q: %v", piece, err)
		}
	}
	if strings.Contains(err.Error(), "\n") || len(err.Error()) > 700 {
		t.Errorf("not one short line: %v", err)
	}
}

// TestCut cuts each sample in half. What wrote it is still said.
func TestCut(t *testing.T) {
	tools := map[string]string{
		"vllm-bench-serve": ToolVLLM, "sglang-bench-serving": ToolSGLang, "guidellm": ToolGuideLLM, "aiperf": ToolAIPerf,
		"llama-bench": ToolLlamaBench, "llama-batched-bench": ToolBatchedBench, "llama-benchy": ToolLlamaBenchy,
		"inferencex": ToolInferenceX, "ollama": ToolOllama, "vllm-bench": ToolVLLMBench, "vllm-bench-sweep": ToolVLLM, "genai-perf": ToolGenAIPerf,
		"reference": "",
	}
	for _, file := range sampleFiles(t) {
		folder := filepath.Base(filepath.Dir(file))
		tool, ok := tools[folder]
		if !ok {
			t.Fatalf("%s: no tool for folder %q", file, folder)
		}
		switch {
		case folder != "reference":
		case strings.HasSuffix(file, ".md"):
			tool = "report in markdown"
		default:
			tool = ToolReference
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		half := len(b) / 2
		if b[half-1] == '\n' && lines(file) {
			half -= 10 // what is left of whole lines is a whole file
		}
		wantError(t, write(t, filepath.Base(file), string(b[:half])), "cut off", tool)
		for part := 1; part < 10; part++ {
			cut := strings.TrimRight(string(b[:len(b)*part/10]), "\n")
			if _, err := Open(write(t, filepath.Base(file), cut)); err == nil && !lines(file) {
				t.Errorf("%s: cut at %d0 %%: no error", file, part)
			}
		}
	}
}

// lines tells whether a file may end after any of its lines.
func lines(file string) bool {
	return strings.HasSuffix(file, ".jsonl") || strings.HasSuffix(file, ".csv") || strings.HasSuffix(file, ".bench")
}

// TestRefused: files that hold no results.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"empty"}},
		{"spaces", " \n\n\t", []string{"empty"}},
		{"bom only", "\xef\xbb\xbf", []string{"empty"}},
		{"binary", "\x00\x01\x02\x03{}", []string{"binary data"}},
		{"model.json", "GGUF\x03\x00\x00\x00", []string{"a GGUF model"}},
		{"results.json.gz", "\x1f\x8b\x08\x00", []string{"a gzip file"}},
		{"prose", "the quick brown fox", []string{"no tool that is known", "the quick brown fox", ToolVLLM, ToolGuideLLM}},
		{"number", "42", []string{"no tool that is known"}},
		{"json number in a list", "[42]", []string{"42"}},
		{"empty list", "[]", []string{"empty JSON list"}},
		{"empty object", "{}", []string{"no tool that is known", "empty object"}},
		{"foreign", `{"loss": 0.1, "epoch": 3}`, []string{"no tool that is known", `"epoch", "loss"`}},
		{"foreign cut", `{"loss": 0.1, "epo`, []string{"cut off after 18 bytes", "no tool that is known"}},
		{"syntax", `{"model": }`, []string{"not JSON at byte"}},
		{"benchmarks of something else", `{"benchmarks": [{"name": "BM_Sort", "real_time": 12}]}`, []string{"no tool that is known"}},
		{"no scenario yet", `{"model":"m","results":[],"planned":["a"]}`, []string{"no scenario has a result"}},
		{"results is null", `{"model":"m","results":null,"planned":["a"]}`, []string{`"results" is null`}},
		{"an empty list of results", `{"model":"m","results":[]}`, []string{"no results in it"}},
		{"another tool's results", `{"model":"Q","results":[{"name":"code_python","wall_s":30.169,"predicted_n":192,"predicted_per_second":6.48}]}`, []string{"no tool that is known", `"model", "results"`}},
		{"manifest", `{"command_line":["ceiling","run"],"suite":{}}`, []string{"its manifest", "results.json"}},
		{"journal", `{"scenario":0,"name":"a","token_times":[1]}` + "\n", []string{"its journal", "results.json"}},
		{"pytorch", `[{"benchmark":{"name":"vLLM benchmark"},"metric":{"name":"ttft","benchmark_values":[1]}}]`, []string{"PyTorch", "beside it"}},
		{"AIPerf aggregate", `{"metadata":{"aggregation_type":"confidence"},"metrics":{}}`, []string{"aggregate of runs", "of each run"}},
		{"AIPerf sweep of several runs", `{"aggregation_type":"sweep","metadata":{"aggregation_type":"sweep","num_trials_per_value":3},"per_combination_metrics":[]}`, []string{"aggregate of runs"}},
		{"AIPerf records", `{"metadata":{"request_start_ns":1},"metrics":{}}`, []string{"one record per request"}},
		{"perf_analyzer", `{"experiments":[]}`, []string{"perf_analyzer"}},
		{"printed table", "| model | size | params | backend | test |              t/s |\n", []string{"llama-bench printed", "-o json"}},
		{"printed result", "============ Serving Benchmark Result ============\n", []string{"--save-result"}},
		{"two tools", `{"n_kv_max":1,"pl":1}` + "\n" + `{"build_commit":"a","avg_ts":1}`, []string{ToolBatchedBench, "item 2"}},
		{"llama-bench without a test", `[{"build_commit":"a","avg_ts":1}]`, []string{ToolLlamaBench, "test 1", "n_prompt"}},
		{"GuideLLM without a benchmark", `{"metadata":{"guidellm_version":"0.8"},"benchmarks":[]}`, []string{ToolGuideLLM, "no result"}},
		{"CSV header only", "build_commit,b,c,d,e,f,g,h,i,j,k,avg_ts\n", []string{ToolLlamaBench, "no row"}},
		{"CSV cut", "build_commit,b,c,d,e,f,g,h,i,j,k,avg_ts\n\"a\",\"1\"", []string{ToolLlamaBench, "cut off after 0 rows"}},
		{"report without scenarios", "# LLM Inference Benchmark Report\n\n*Report generated today by x*\n", []string{"without scenario results"}},
		{"report with a broken scenario", "# LLM Inference Benchmark Report\n## Scenario Results\n### A\n**Key metrics:**\n- Input/Output: 1 / 2 tokens\n*Report generated today by x*\n",
			[]string{`scenario "A"`, "Output throughput"}},
	} {
		t.Run(test.name, func(t *testing.T) { wantError(t, write(t, test.name, test.text), test.want...) })
	}
}

// TestPaths: what is no file to read.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	wantError(t, filepath.Join(dir, "missing.json"), "no such file")
	wantError(t, dir, "results.json", "run=N.json", "nor JSON files")
	broken := filepath.Dir(write(t, "results.json", `{"model":"m","results":[{"name"`))
	wantError(t, broken, "results.json", "cut off")
	sweep := filepath.Dir(filepath.Dir(write(t, "SERVE--a=1/run=0.json", `{"n_kv_max":1,"pl":1,"pp":1,"tg":1}`)))
	if runs, err := Open(sweep); err != nil || runs[0].Tool != ToolBatchedBench {
		t.Errorf("a sweep of another tool: %v", err)
	}
	mixed := filepath.Dir(write(t, "a.json", `{"n_kv_max":1,"pl":1,"pp":1,"tg":1}`))
	b, err := os.ReadFile("testdata/vllm-bench-serve/v0.25.1_save-result.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mixed, "b.json"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, mixed, "b.json", ToolVLLM, "a.json", ToolBatchedBench)
	wantError(t, os.DevNull, "not a regular file")
}
