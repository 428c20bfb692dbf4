package importer

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/report/metric"
)

// detailed is a result of three requests, the last of which failed, as
// `vllm bench serve --save-detailed` writes it.
func detailed() map[string]any {
	return map[string]any{
		"date": "20261101-101112", "backend": "vllm", "endpoint_type": "vllm", "label": nil, "model_id": "m", "tokenizer_id": "m",
		"num_prompts": 3, "request_rate": "inf", "burstiness": 1.0, "max_concurrency": 2, "duration": 2.0, "completed": 2, "failed": 1,
		"total_input_tokens": 20, "total_output_tokens": 5, "request_throughput": 1.0, "output_throughput": 2.5,
		"total_token_throughput": 12.5, "max_output_tokens_per_s": 5.0, "max_concurrent_requests": 2,
		"mean_ttft_ms": 200.0, "median_ttft_ms": 200.0, "mean_tpot_ms": 20.0, "median_tpot_ms": 20.0, "mean_itl_ms": 20.0,
		"mean_e2el_ms": 230.0, "p99_e2el_ms": 318.2,
		"input_lens": []int{10, 10, 0}, "output_lens": []int{3, 2, 0}, "ttfts": []float64{0.1, 0.3, 0},
		"itls": [][]float64{{0.01, 0.03}, {0.02}, {}}, "latencies": []float64{0.14, 0.32, 0},
		"generated_texts": []string{"NaN, Infinity", "", ""}, "errors": []string{"", "", "timeout: Infinity"},
	}
}

func change(base map[string]any, changes map[string]any) map[string]any {
	out := maps.Clone(base)
	maps.Copy(out, changes)
	return out
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// openLoad opens a file of one load.
func openLoad(t *testing.T, text string) ToolLoad {
	t.Helper()
	runs, err := Open(write(t, "file", text))
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 || len(runs[0].Loads) != 1 {
		t.Fatalf("%d runs, %d loads", len(runs), len(runs[0].Loads))
	}
	return runs[0].Loads[0]
}

func TestDetailedArrays(t *testing.T) {
	l := openLoad(t, marshal(t, detailed()))
	for _, test := range []struct {
		metric metric.Key
		want   []float64
	}{
		{metric.TTFTMean, []float64{100, 300}}, {metric.TTFTMedian, []float64{100, 300}},
		{metric.ITLMean, []float64{10, 30, 20}},
		{metric.TPOTMean, []float64{20, 20}}, // (latency − TTFT) / (n − 1)
		{metric.E2ELP99, []float64{140, 320}},
		{metric.OutputThroughput, nil},
	} {
		got := l.Values[test.metric].Samples
		if !slices.EqualFunc(got, test.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%s: samples %v, want %v", test.metric, got, test.want)
		}
	}
	// The outputs differ, so the lengths are means: 10 and 2.5, rounded.
	if l.Lengths != LengthsMean || l.Input != 10 || l.Output != 3 {
		t.Errorf("lengths %q %d/%d", l.Lengths, l.Input, l.Output)
	}
	equal := openLoad(t, marshal(t, change(detailed(), map[string]any{
		"output_lens": []int{3, 3, 0}, "itls": [][]float64{{0.01, 0.03}, {0.01, 0.01}, {}}, "total_output_tokens": 6})))
	if equal.Lengths != LengthsExact || equal.Input != 10 || equal.Output != 3 {
		t.Errorf("equal lengths: %q %d/%d", equal.Lengths, equal.Input, equal.Output)
	}
	if v := l.Values[metric.ITLMean]; !v.Same || !strings.Contains(v.Note, "one token each") {
		t.Errorf("ITL: %+v", v)
	}
	if *l.Successful != 2 || *l.Failed != 1 {
		t.Errorf("%d successful, %d failed", *l.Successful, *l.Failed)
	}
}

// TestDetailedVariants: what arrays that do not fit the summary lead to.
func TestDetailedVariants(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  map[string]any
		samples int // of TTFT
		itlSame bool
		note    string
	}{
		{"chunks of several tokens", map[string]any{"output_lens": []int{6, 2, 0}, "total_output_tokens": 8, "mean_tpot_ms": 14.0}, 2, false, ""},
		{"no latencies", map[string]any{"latencies": nil}, 2, true, ""},
		{"mean of something else", map[string]any{"mean_ttft_ms": 201.0}, 0, true, "have a mean of 200"},
		{"fewer requests than sent", map[string]any{"num_prompts": 30}, 0, true, "hold 3 of 30 requests"},
		{"other count of successes", map[string]any{"completed": 3, "failed": 0}, 0, true, "2 requests in the arrays succeeded and 3"},
		{"a null in the arrays", map[string]any{"ttfts": []any{0.1, nil, 0}}, 0, true, "ttfts is"},
		{"arrays of different lengths", map[string]any{"ttfts": []any{0.1}}, 0, true, ""},
		{"itls of the wrong kind", map[string]any{"itls": "many"}, 0, true, "itls is"},
		{"metadata shadows a figure", map[string]any{"duration": "long"}, 2, true, `duration is "long", which is not a measured number: left out`},
		{"outputs of one token", map[string]any{"output_lens": []int{1, 1, 0}, "total_output_tokens": 2, "itls": [][]float64{{}, {}, {}},
			"mean_tpot_ms": 0.0, "median_tpot_ms": 0.0, "mean_itl_ms": 0.0}, 2, false, ""},
		{"a negative figure", map[string]any{"duration": -1.0}, 2, true, "which is not a measured number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := openLoad(t, marshal(t, change(detailed(), test.change)))
			if got := len(l.Values[metric.TTFTMean].Samples); got != test.samples {
				t.Errorf("%d TTFT samples, want %d", got, test.samples)
			}
			if v := l.Values[metric.ITLMean]; v.Same != test.itlSame {
				t.Errorf("ITL same: %v (%s)", v.Same, v.Note)
			}
			for m, v := range l.Values {
				if v.V == 0 {
					t.Errorf("%s is 0: nothing was measured", m)
				}
			}
			if notes := strings.Join(l.Notes, "; "); !strings.Contains(notes, test.note) {
				t.Errorf("no %q in notes %q", test.note, notes)
			}
		})
	}
}

// TestBundledByMeans: without arrays, a mean ITL far above the mean TPOT tells
// of chunks with several tokens.
func TestBundledByMeans(t *testing.T) {
	base := detailed()
	for _, key := range []string{"ttfts", "itls", "input_lens", "output_lens", "latencies", "errors", "generated_texts"} {
		delete(base, key)
	}
	for _, test := range []struct {
		itl  float64
		want bool
	}{{20, true}, {23.9, true}, {24, false}, {60, false}} {
		l := openLoad(t, marshal(t, change(base, map[string]any{"mean_itl_ms": test.itl})))
		if v := l.Values[metric.ITLMean]; v.Same != test.want || v.Note == "" {
			t.Errorf("ITL %g ms beside TPOT 20 ms: same %v, %q", test.itl, v.Same, v.Note)
		}
		if !l.Values[metric.TPOTMean].Same {
			t.Error("TPOT is comparable either way")
		}
	}
}

// TestAppended: --append-result, one object a line, and passes over one load.
func TestAppended(t *testing.T) {
	one := detailed()
	text := marshal(t, one) + "\n" + marshal(t, one) + "\n" +
		marshal(t, change(one, map[string]any{"max_concurrency": 3})) +
		marshal(t, change(one, map[string]any{"model_id": "other"})) + "\n"
	runs, err := Open(write(t, "all.json", text))
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 || runs[0].Model != "m" || runs[1].Model != "other" || len(runs[0].Loads) != 3 {
		t.Fatalf("%d runs", len(runs))
	}
	var got []int
	for _, l := range runs[0].Loads {
		got = append(got, l.Concurrency, l.Repeat)
	}
	if diff := cmp.Diff([]int{2, 0, 2, 1, 3, 0}, got); diff != "" {
		t.Errorf("concurrency and pass (-want +got):\n%s", diff)
	}
	wantError(t, write(t, "cut.json", text[:len(text)-20]), "cut off", ToolVLLM)
}

// TestRequestRate: the forms of an infinite rate.
func TestRequestRate(t *testing.T) {
	for text, want := range map[string]float64{
		`"inf"`: -1, `Infinity`: -1, `null`: -1, `-Infinity`: -1, `NaN`: -1, `"Infinity"`: -1, `4.5`: 4.5, `4`: 4,
	} {
		whole := marshal(t, change(detailed(), map[string]any{"request_rate": "@"}))
		l := openLoad(t, strings.Replace(whole, `"@"`, text, 1))
		if got := headerOf(l).RequestRate; got != want {
			t.Errorf("%s: rate %v, want %v", text, got, want)
		}
		if l.Burstiness != nil != (want > 0) {
			t.Errorf("%s: burstiness %v", text, l.Burstiness)
		}
	}
}

// TestSweep: the folders of `vllm bench sweep`, server options apart, a failed
// run and a warm-up between them.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, v any) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(marshal(t, v)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, b := "20261101_101112/SERVE--max_num_seqs=32-BENCH--random_input_len=64/", "20261101_101112/SERVE--max_num_seqs=64-BENCH--random_input_len=64/"
	for i, name := range []string{a + "run=0.json", a + "run=9.json", a + "run=10.json", b + "run=0.json"} {
		put(name, change(detailed(), map[string]any{"run_number": i, "duration": float64(i + 1),
			"max_num_seqs": 32, "random_input_len": 64, "random_output_len": 8, "random_range_ratio": 0.5}))
	}
	put(a+"warmup.json", detailed())
	put(a+"summary.json", []any{detailed()})
	put(a+"run=3.failure.json", map[string]any{"error": "x"})
	runs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 || len(runs[0].Loads) != 3 || len(runs[1].Loads) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	for i, want := range []string{"max_num_seqs=32", "max_num_seqs=64"} {
		if got, _ := runs[i].Condition(CondServer); got != want {
			t.Errorf("run %d: server options %q", i, got)
		}
	}
	for i, want := range []float64{1, 2, 3} {
		l := runs[0].Loads[i]
		if l.Values[metric.Duration].V != want || l.Repeat != i {
			t.Errorf("load %d: duration %v, pass %d", i, l.Values[metric.Duration].V, l.Repeat)
		}
	}
	want := header{64, 8, 2, 3, 0, LengthsNominal, 0.5, -1, 2, 1, 0}
	if diff := cmp.Diff(want, headerOf(runs[0].Loads[0])); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(runs[0].Notes, func(n string) bool { return strings.Contains(n, "1 runs of the sweep failed") }) {
		t.Errorf("notes %q", runs[0].Notes)
	}
	// The summary of one combination is a list of its runs.
	if runs, err := Open(filepath.Join(dir, a, "summary.json")); err != nil || len(runs[0].Loads) != 1 {
		t.Errorf("summary.json: %v", err)
	}
}

// TestFolder: the files of several runs of the client in one folder.
func TestFolder(t *testing.T) {
	dir := filepath.Dir(write(t, "c2.json", marshal(t, detailed())))
	for name, v := range map[string]any{
		"c4.json":         change(detailed(), map[string]any{"max_concurrency": 4}),
		"c2.pytorch.json": []any{map[string]any{"benchmark": map[string]any{}, "metric": map[string]any{"benchmark_values": []int{1}}}},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(marshal(t, v)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 || len(runs[0].Loads) != 2 || runs[0].Loads[1].Concurrency != 4 || runs[0].Path != dir {
		t.Errorf("%d runs", len(runs))
	}
}

// TestOwnExport: what our export adds to vLLM's keys.
func TestOwnExport(t *testing.T) {
	for client, want := range map[string]bool{"in process": true, "HTTP, llama API": false, "": false} {
		runs, err := Open(write(t, "x.json", marshal(t, change(detailed(), map[string]any{
			"backend": "ceiling", "endpoint_type": "ceiling", "ceiling_scenario": "Short", "ceiling_hardware": "a CPU", "ceiling_cache": "cold", "ceiling_client": client}))))
		if err != nil {
			t.Fatal(err)
		}
		r, l := runs[0], runs[0].Loads[0]
		got, _ := r.Condition(CondClient)
		if r.InProcess != want || got != client || r.Hardware != "a CPU" || l.Name != "Short" || l.Cache != "cold" {
			t.Errorf("%q: in process %v, client %q, hardware %q, load %q, cache %q", client, r.InProcess, got, r.Hardware, l.Name, l.Cache)
		}
		if note := l.Values[metric.TTFTMean].Note; (note == "") != want {
			t.Errorf("%q: TTFT note %q", client, note)
		}
	}
}

// TestOffline: vLLM's two other benchmarks.
func TestOffline(t *testing.T) {
	l := openLoad(t, `{"avg_latency": 0.5, "latencies": [0.4, 0.6], "percentiles": {"10": 0.4, "50": 0.5, "90": 0.58, "99": 0.598}}`)
	for m, want := range map[metric.Key]float64{metric.E2ELMean: 500, metric.E2ELMedian: 500, metric.E2ELP90: 580, metric.E2ELP99: 598} {
		if v := l.Values[m]; math.Abs(v.V-want) > 1e-9 || v.Same || len(v.Samples) != 2 {
			t.Errorf("latency: %s: %+v", m, v)
		}
	}
	l = openLoad(t, `{"elapsed_time": 8.0, "num_requests": 16, "total_num_tokens": 4096, "requests_per_second": 2.0, "tokens_per_second": 512.0}`)
	for m, want := range map[metric.Key]float64{metric.Duration: 8, metric.RequestThroughput: 2, metric.TotalThroughput: 512} {
		if v := l.Values[m]; v.V != want || !v.Same {
			t.Errorf("throughput: %s: %+v", m, v)
		}
	}
	if l.Prompts != 16 || l.Concurrency != 16 {
		t.Errorf("throughput: %d prompts, concurrency %d", l.Prompts, l.Concurrency)
	}
}
