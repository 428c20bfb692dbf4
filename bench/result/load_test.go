package result

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func ptr[T any](v T) *T { return &v }

// minimal is a result as the reference writes it, without the closing brace.
const minimal = `{"name": "Single User Latency", "input_len": 2048, "output_len": 512, "concurrency": 1, "num_prompts": 20, "pp_speed": 1635.2, "ttft_mean_ms": 12.5`

// inUTF16 is text in little-endian UTF-16 with its mark.
func inUTF16(text string) string {
	out := []byte{0xff, 0xfe}
	for _, r := range text {
		out = append(out, byte(r), byte(r>>8))
	}
	return string(out)
}

func TestParse(t *testing.T) {
	want := Summary{Name: "Single User Latency", InputLen: 2048, OutputLen: 512, Concurrency: 1, NumPrompts: 20, PPSpeed: ptr(1635.2), TTFTMeanMs: ptr(12.5)}
	with := func(change func(*Summary)) Summary {
		r := want
		change(&r)
		return r
	}
	tests := []struct {
		name, text string
		want       []Summary
	}{
		{"object", `{"model": "m", "results": [` + minimal + `}]}`, []Summary{want}},
		{"bare list, with the tool's raw output", `[` + minimal + `, "raw_output": "NaN and \"Infinity\""}]`, []Summary{want}},
		{"counts as floats", `[` + strings.ReplaceAll(minimal, "2048,", "2048.0,") + `}]`, []Summary{want}},
		{"literals that JSON lacks", `[` + minimal + `, "tpot_mean_ms": NaN, "itl_p99_ms": Infinity, "itl_mean_ms": -Infinity}]`, []Summary{want}},
		{"a zero of the reference is a metric never set", `[` + minimal + `, "tpot_mean_ms": 0.0}]`, []Summary{want}},
		{"an empty error is none", `[` + minimal + `, "error": ""}]`, []Summary{want}},
		{"error", `[` + minimal + `, "error": "timed out"}]`, []Summary{with(func(r *Summary) { r.Error = ptr("timed out") })}},
		{"byte order mark", "\xef\xbb\xbf" + `[` + minimal + `}]`, []Summary{want}},
		{"acceptance diagnostic at the end", `[` + minimal + `}, {"domain_acceptance": {"code": 0.5}}]`, []Summary{want}},
		{"our zero was measured", `{"planned": ["x"], "results": [` + minimal + `, "tpot_mean_ms": 0}]}`,
			[]Summary{with(func(r *Summary) { r.TPOTMeanMs = ptr(0.0) })}},
		{"nothing run yet", `{"planned": ["x"], "results": []}`, []Summary{}},
		{"UTF-16, as PowerShell redirects", inUTF16("[" + minimal + "}]"), []Summary{want}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got.Results); d != "" {
				t.Errorf("results (-want +got):\n%s", d)
			}
		})
	}
}

// Literals are replaced outside strings only.
func TestNonFiniteInsideText(t *testing.T) {
	r, err := Parse([]byte(`{"model": "\"NaN\" to Infinity\\", "results": [], "planned": ["x"], "hardware": "-Infinity", "pp": [NaN, -Infinity]}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Model != `"NaN" to Infinity\` || r.Hardware != "-Infinity" {
		t.Errorf("model %q, hardware %q", r.Model, r.Hardware)
	}
}

func TestLoadErrors(t *testing.T) {
	reference := readFile(t, "../../report/testdata/reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json")
	tests := []struct {
		name, text, want string
	}{
		{"empty", "", "empty"},
		{"blank", " \n\t", "empty"},
		{"cut in half", reference[:len(reference)/2], "cut off after"},
		{"cut before the last brace", strings.TrimRight(reference, "} \n"), "cut off after"},
		{"not JSON", "# LLM Inference Benchmark Report\n", "not JSON"},
		{"binary", "GGUF\x03\x00\x00\x00", "not JSON"},
		{"object of something else", `{"a": 1}`, `no "results"`},
		{"list of something else", `[{"a": 1}]`, "not of results"},
		{"list of numbers", `[1, 2]`, "not of results"},
		{"a number", `7`, `no "results"`},
		{"results of the wrong kind", `{"results": {"a": 1}}`, `field "results" holds a JSON object`},
		{"null results", `{"results": null}`, "null"},
		{"no name", `{"results": [` + minimal + `}, {"pp_speed": 1}]}`, "result 2: has no name"},
		{"an empty list", `[]`, "no results in it"},
		{"an empty list of results", `{"model": "m", "results": []}`, "no results in it"},
		{"details of nothing", `{"results": [], "details": []}`, "no results in it"},
		{"a diagnostic alone", `[{"domain_acceptance": {}}]`, "no results in it"},
		{"another tool's list of results", `{"model": "Q", "results": [{"name": "code_python", "wall_s": 30.169, "predicted_n": 192}]}`, `"results" holds no results of a run: its first item has no "name" and "pp_speed"`},
		{"half a prompt", `{"results": [{"name": "x", "pp_speed": 1, "num_prompts": 2.5}]}`, `num_prompts: "2.5" is not a count`},
		{"negative count", `{"results": [{"name": "x", "pp_speed": 1, "concurrency": -1}]}`, `concurrency: "-1" is not a count`},
		{"text for a number", `{"results": [{"name": "x", "pp_speed": 1, "ttft_mean_ms": "fast"}]}`, `field "ttft_mean_ms" holds a JSON string`},
		{"details that do not match", `{"results": [` + minimal + `}], "details": [{}, {}]}`, "2 details for 1 results"},
		{"vllm", `{"date": "20260801", "tokenizer_id": "x", "mean_ttft_ms": 1.0, "num_prompts": 5}`, "written by vllm bench serve"},
		{"llama-bench", `[{"build_commit": "abc", "avg_ts": 1.0}]`, "written by llama-bench"},
		{"llama-batched-bench lines", `{"n_kv_max": 1, "pl": 1}` + "\n" + `{"n_kv_max": 1, "pl": 2}`, "written by llama-batched-bench"},
		{"guidellm", `{"metadata": {}, "benchmarks": []}`, "written by GuideLLM"},
		{"two values", `{"results": []} {"results": []}`, "more than one JSON value"},
	}
	dir := t.TempDir()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, "results.json")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Load(path)
			if err == nil {
				t.Fatal("no error")
			}
			if got != nil {
				t.Errorf("results %+v beside an error", got)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with the path and %q", err, tt.want)
			}
		})
	}
	if _, err := Load(filepath.Join(dir, "absent.json")); err == nil || !strings.Contains(err.Error(), "absent.json") {
		t.Errorf("error %v for a missing file", err)
	}
	if _, err := Load(dir); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v for a directory", err)
	}
}

// Whatever can be parsed can be saved and read back.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"model": "m", "date": "2026-01-01T00:00:00", "results": [` + minimal + `}]}`))
	f.Add([]byte(`[` + minimal + `, "tpot_mean_ms": NaN}]`))
	f.Add([]byte(`{"results": [{"name": "Concurrency Scaling (c=2)", "pp_speed": null, "concurrency": 0, "output_throughput": -1e300}], "details": [{"status": "failed"}]}`))
	f.Add([]byte(`{"results":`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			if r != nil {
				t.Error("results beside an error")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			return
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(text); err != nil {
			t.Errorf("what was read can't be read again: %v\n%s", err, text)
		}
	})
}
