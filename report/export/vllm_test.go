package export

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/bench/result"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// saved is a file of `vllm bench serve --save-result --save-detailed` as its
// readers see it.
type saved struct {
	Date        string `json:"date"`
	TokenizerID string `json:"tokenizer_id"`
	RequestRate any    `json:"request_rate"`
	Max         int    `json:"max_concurrency"`
	NumPrompts  int    `json:"num_prompts"`

	Duration  float64 `json:"duration"`
	Completed int     `json:"completed"`
	Failed    int     `json:"failed"`

	InputLens  []int       `json:"input_lens"`
	OutputLens []int       `json:"output_lens"`
	TTFTs      []float64   `json:"ttfts"`
	ITLs       [][]float64 `json:"itls"`
	StartTimes []float64   `json:"start_times"`
	Texts      []string    `json:"generated_texts"`
	Errors     []string    `json:"errors"`
}

// recomputed are the figures by that tool's formulas, from the arrays and the
// duration alone. This is a second implementation on purpose: it shares
// nothing with package bench.
func (f *saved) recomputed() map[string]float64 {
	var ttft, tpot, itl, e2el []float64
	input, output, completed := 0, 0, 0
	first, last := math.Inf(1), math.Inf(-1)
	for i := range f.TTFTs {
		if f.Errors[i] != "" {
			continue
		}
		completed++
		input += f.InputLens[i]
		output += f.OutputLens[i]
		latency := f.TTFTs[i]
		for _, g := range f.ITLs[i] {
			latency += g
			itl = append(itl, g)
		}
		ttft, e2el = append(ttft, f.TTFTs[i]), append(e2el, latency)
		if f.OutputLens[i] > 1 {
			tpot = append(tpot, (latency-f.TTFTs[i])/float64(f.OutputLens[i]-1))
		}
		first, last = min(first, f.StartTimes[i]), max(last, f.StartTimes[i]+latency)
	}
	out := map[string]float64{
		"completed": float64(completed), "total_input_tokens": float64(input), "total_output_tokens": float64(output),
		"request_throughput": float64(completed) / f.Duration, "output_throughput": float64(output) / f.Duration,
		"total_token_throughput": float64(input+output) / f.Duration,
	}
	for name, x := range map[string][]float64{"ttft": ttft, "tpot": tpot, "itl": itl, "e2el": e2el} {
		slices.Sort(x)
		mean, squares := 0.0, 0.0
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			squares += (v - mean) * (v - mean)
		}
		out["mean_"+name+"_ms"] = 1000 * mean
		out["std_"+name+"_ms"] = 1000 * math.Sqrt(squares/float64(len(x)))
		for key, p := range map[string]float64{"median": 50, "p90": 90, "p95": 95, "p99": 99} {
			h := float64(len(x)-1) * p / 100
			at := int(h)
			v := x[at]
			if at+1 < len(x) {
				v += (h - float64(at)) * (x[at+1] - x[at])
			}
			out[key+"_"+name+"_ms"] = 1000 * v
		}
	}
	// One bucket per second from the first start; every token is an instant.
	buckets := make([]int, int(math.Ceil(last-first))+1)
	for i := range f.TTFTs {
		if f.Errors[i] != "" {
			continue
		}
		at := f.StartTimes[i] + f.TTFTs[i]
		for k := range len(f.ITLs[i]) + 1 {
			if k > 0 {
				at += f.ITLs[i][k-1]
			}
			buckets[int(at-first)]++
		}
	}
	out["max_output_tokens_per_s"] = float64(slices.Max(buckets))
	return out
}

// Everything that the file says of itself follows from its arrays, to the
// last digit that the tool prints, and beyond.
func TestVLLMFollowsFromItsArrays(t *testing.T) {
	s := opened(t, fakeRun(t, 2, 1, 1))
	files, notes, err := Format("vllm", s)
	if err != nil || len(notes) != 0 || len(files) != 6 {
		t.Fatalf("%d files, notes %q, %v", len(files), notes, err)
	}
	units := s.units()
	for i, file := range files {
		var f saved
		var fields map[string]any
		if err := json.Unmarshal(file.Data, &f); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(file.Data, &fields); err != nil {
			t.Fatal(err)
		}
		again := f.recomputed()
		if len(again) != 31 {
			t.Errorf("%d figures", len(again))
		}
		for key, want := range again {
			got, ok := fields[key].(float64)
			if !ok || fmt.Sprintf("%.2f", got) != fmt.Sprintf("%.2f", want) || math.Abs(got-want) > 1e-9*math.Abs(want) {
				t.Errorf("%s: %s %v, recomputed %v", file.Name, key, fields[key], want)
			}
		}
		checkOurs(t, &units[i], again)
		for k, r := range units[i].records {
			if f.StartTimes[k] != r.Admitted || f.InputLens[k] != r.InputTokens {
				t.Errorf("%s: request %d starts at %v with %d tokens", file.Name, k, f.StartTimes[k], f.InputLens[k])
			}
		}
		if n := f.NumPrompts; len(f.InputLens) != n || len(f.Texts) != n || len(f.Errors) != n || len(f.OutputLens) != n ||
			f.Completed+f.Failed != n || f.TokenizerID == "" || f.Date != "20261123-141126" {
			t.Errorf("%s: %+v", file.Name, f)
		}
	}
}

// checkOurs holds the recomputed figures against results.json.
func checkOurs(t *testing.T, u *unit, again map[string]float64) {
	t.Helper()
	r := u.Result
	for key, got := range map[string]*float64{
		"mean_ttft_ms": r.TTFTMeanMs, "median_ttft_ms": r.TTFTMedianMs, "p99_ttft_ms": r.TTFTP99Ms,
		"mean_tpot_ms": r.TPOTMeanMs, "median_tpot_ms": r.TPOTMedianMs, "p99_tpot_ms": r.TPOTP99Ms,
		"mean_itl_ms": r.ITLMeanMs, "median_itl_ms": r.ITLMedianMs, "p99_itl_ms": r.ITLP99Ms,
		"request_throughput": r.RequestThroughput, "output_throughput": r.OutputThroughput, "total_token_throughput": r.TotalThroughput,
		"max_output_tokens_per_s": r.PeakOutputThroughput,
	} {
		if fmt.Sprintf("%.2f", *got) != fmt.Sprintf("%.2f", again[key]) {
			t.Errorf("%s: %s %.4f in results.json, recomputed %.4f", u.label(), key, *got, again[key])
		}
	}
}

func TestVLLMFile(t *testing.T) {
	files, _, err := Format("vllm", opened(t, fakeRun(t, 1, 1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "single-user-latency.json concurrency-scaling-c-4.json mixed-open.json" {
		t.Errorf("files %s", got)
	}
	var open, failed saved
	for i, f := range map[int]*saved{2: &open, 1: &failed} {
		if err := json.Unmarshal(files[i].Data, f); err != nil {
			t.Fatal(err)
		}
	}
	if open.RequestRate != 5.0 || failed.RequestRate != "inf" || failed.Max != 4 {
		t.Errorf("rates %v, %v", open.RequestRate, failed.RequestRate)
	}
	if n := len(failed.Errors) - 1; failed.Errors[n] != "no KV slot" || failed.OutputLens[n] != 0 || failed.TTFTs[n] != 0 || len(failed.ITLs[n]) != 0 || failed.Failed != 1 {
		t.Errorf("the failed request: %+v", failed)
	}
	if !strings.Contains(string(files[1].Data), `"request_goodput":`) || strings.Contains(string(files[1].Data), `"request_goodput":null`) ||
		!strings.Contains(string(files[0].Data), `"request_goodput":null`) {
		t.Error("goodput: given and null are mixed up")
	}
}

// The importer for that tool's files reads ours.
func TestVLLMIsImported(t *testing.T) {
	s := opened(t, fakeRun(t, 1, 1, 1))
	run := imported(t, s)
	l := run.Loads[0]
	if run.Tool != importer.ToolVLLM || !run.InProcess || l.Input != 64 || l.Output != 12 || l.Concurrency != 1 || l.Prompts != 12 {
		t.Errorf("%s, in process %v, load %d/%d, c=%d, %d prompts", run.Tool, run.InProcess, l.Input, l.Output, l.Concurrency, l.Prompts)
	}
	if v := l.Values[metric.TPOTMean]; !v.Same || math.Abs(v.V-*s.Results.Results[0].TPOTMeanMs) > 1e-9 || len(l.Values[metric.TTFTMean].Samples) != 12 {
		t.Errorf("TPOT %+v", v)
	}
	s.Results.Server = &result.ServerInfo{API: result.APILlama}
	run = imported(t, s)
	if client, _ := run.Condition(importer.CondClient); run.InProcess || client != "HTTP, llama API" {
		t.Errorf("through a server: in process %v, client %q", run.InProcess, client)
	}
}

// imported is the first scenario's export, read back.
func imported(t *testing.T, s *ExportSource) *importer.ToolRun {
	t.Helper()
	files, _, err := Format("vllm", s)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), files[0].Name)
	if err := os.WriteFile(path, files[0].Data, 0o644); err != nil {
		t.Fatal(err)
	}
	runs, err := importer.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return runs[0]
}

func TestWithoutJournal(t *testing.T) {
	dir := fakeRun(t, 1, 1, 1)
	if err := os.Remove(filepath.Join(dir, "requests.jsonl")); err != nil {
		t.Fatal(err)
	}
	files, notes, err := Format("vllm", opened(t, dir))
	if err != nil || len(files) != 3 || len(notes) != 1 || !strings.Contains(notes[0], "no requests.jsonl") || strings.Contains(string(files[0].Data), `"ttfts"`) {
		t.Errorf("%d files, %q, %v", len(files), notes, err)
	}
	if _, notes, err := Format("llama-bench", opened(t, dir)); err == nil || len(notes) != 3 || !strings.Contains(notes[0], "no requests.jsonl") {
		t.Errorf("llama-bench: %q, %v", notes, err)
	}
	if _, _, err := Format("xml", opened(t, dir)); err == nil {
		t.Error("a format that is none")
	}
}

// A scenario without a figure is left out, and said to be.
func TestFailedScenario(t *testing.T) {
	reason := "no memory"
	s := &ExportSource{Results: &result.Run{Results: []result.Summary{{Name: "A", Concurrency: 1, NumPrompts: 3, Error: &reason}},
		Details: []result.Detail{{Name: "A", Status: result.StatusFailed}}}, Records: []result.Record{}}
	for _, format := range []string{"vllm", "benchfmt"} {
		files, notes, err := Format(format, s)
		if err == nil || len(files) != 0 || len(notes) != 1 || notes[0] != "A: no request succeeded, left out" {
			t.Errorf("%s: %d files, %q, %v", format, len(files), notes, err)
		}
	}
	files, _, err := Format("csv", s)
	if err != nil || !strings.Contains(string(files[0].Data), "\n1,A,0,0,1,3,0,0,,0,0,,,") {
		t.Errorf("csv: %s, %v", files, err)
	}
}
