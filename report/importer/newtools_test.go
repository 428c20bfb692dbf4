package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/report/metric"
)

// TestOllama: several epochs and models in one output, other programs' lines
// around, cached prompts, and zeros where nothing was measured.
func TestOllama(t *testing.T) {
	epoch := func(model string, prefill, gen, first float64) string {
		step := "BenchmarkModel/name=" + model + "/step="
		return step + fmt.Sprintf("prefill 1 5.00 ns/token %.2f token/sec 100 prompt-token 60 cached-prompt-token\n", prefill) +
			step + fmt.Sprintf("generate 1 5.00 ns/token %.2f token/sec\n", gen) + step + fmt.Sprintf("ttft 1 %.0f ns/op\n", first)
	}
	text := "goos: linux\n" + epoch("a:7b", 100, 10, 3e6) + "a log line, 1, 2, 3, 4\n" + epoch("b", 0, 20, 4e6) + epoch("a:7b", 300, 30, 5e6)
	runs, err := Open(write(t, "x.bench", text))
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 2 || runs[0].Model != "a:7b" || runs[1].Model != "b" || runs[0].Tool != ToolOllama {
		t.Fatalf("%d runs", len(runs))
	}
	a, b := runs[0].Loads[0], runs[1].Loads[0]
	if diff := cmp.Diff([]float64{100, 300}, a.Values[metric.EnginePrefill].Samples); diff != "" || a.Values[metric.EnginePrefill].V != 200 || a.Values[metric.TTFTMean].V != 4 || a.Input != 100 {
		t.Errorf("two epochs: %+v, input %d", a.Values, a.Input)
	}
	if _, ok := b.Values[metric.EnginePrefill]; ok || b.Values[metric.TG].V != 20 || !strings.Contains(notesOf(b), "60 prompt tokens of all epochs came from a cache") {
		t.Errorf("a rate of 0 is none: %+v, %q", b.Values, b.Notes)
	}
	for name, broken := range map[string]string{
		"no step":   "BenchmarkModel/name=a 1 5 ns/op\n",
		"no unit":   "BenchmarkModel/name=a/step=load 1 5\n",
		"no number": "BenchmarkModel/name=a/step=load 1 five ns/op\n",
		"nothing":   "BenchmarkModel/name=\n",
	} {
		wantError(t, write(t, name, broken), ToolOllama, "line 1")
	}
}

// TestInferenceXShapes: rates per GPU of an unknown number of GPUs are left
// out, and texts for truth are read.
func TestInferenceXShapes(t *testing.T) {
	l := openLoad(t, `{"hw":"h200","conc":4,"tput_per_gpu":10,"mean_ttft":0.5,"isl":128,"osl":64,"disagg":"true","num_prefill_gpu":2}`)
	if _, ok := l.Values[metric.TotalThroughput]; ok || l.Values[metric.TTFTMean].V != 500 || !strings.Contains(notesOf(l), "does not say of how many") {
		t.Errorf("%+v, %q", l.Values, l.Notes)
	}
	runs, err := Open(write(t, "x.json", `[{"hw":"h200","conc":4,"tp":8,"ep":8,"dp_attention":"true","spec_decoding":"none","tput_per_gpu":10},{"hw":"h200","conc":8,"tp":8,"ep":8,"dp_attention":"true","spec_decoding":"none","tput_per_gpu":15}]`))
	if err != nil || len(runs) != 1 || len(runs[0].Loads) != 2 || runs[0].Loads[1].Values[metric.TotalThroughput].V != 120 {
		t.Fatalf("a list: %v", err)
	}
	split, _ := runs[0].Condition(CondSplit)
	if _, ok := runs[0].Condition(CondSpeculative); ok || split != "tensor parallel 8, expert parallel 8, data parallel attention" {
		t.Errorf("split %q", split)
	}
}

// TestInferenceXOffline: a row of the offline benchmark has no server, and what
// it calls output and total throughput is the rate of its decode rounds.
func TestInferenceXOffline(t *testing.T) {
	runs, err := Open("testdata/inferencex/gb300_offline_c16_c128.json")
	if err != nil {
		t.Fatal(err)
	}
	l := runs[0].Loads[0]
	if client, _ := runs[0].Condition(CondClient); !runs[0].InProcess || client != "in process" || !strings.Contains(notesOf(l), "decode rounds") {
		t.Errorf("in process %v, client %q, notes %q", runs[0].InProcess, client, l.Notes)
	}
	for _, m := range []metric.Key{metric.OutputThroughput, metric.TotalThroughput} {
		if v, ok := l.Values[m]; ok {
			t.Errorf("%s is %v: that is of the decode rounds alone", m, v.V)
		}
	}
	served, err := Open("testdata/inferencex/2026_mi355x_kimi_i1024_c4.json")
	if err != nil || served[0].InProcess {
		t.Errorf("a served row in process: %v", err)
	}
}

// TestRustClient: what vLLM's client in Rust adds to the other's keys.
func TestRustClient(t *testing.T) {
	rust := change(detailed(), map[string]any{"max_model_len": 4096, "steady_state": nil, "input_throughput": 10.0, "failed_requests": []any{map[string]any{"index": 2}}})
	runs, err := Open(write(t, "x.json", marshal(t, rust)))
	if err != nil {
		t.Fatal(err)
	}
	l := runs[0].Loads[0]
	if runs[0].Tool != ToolVLLMBench || l.Values[metric.InputThroughput].V != 10 || len(l.Values[metric.TTFTMean].Samples) != 2 || notesOf(l) != "1 of 3 requests failed" {
		t.Errorf("%q, %+v, %q", runs[0].Tool, l.Values[metric.InputThroughput], l.Notes)
	}
	conversations := openLoad(t, `{"mode":"multi_turn","num_conversations":2,"turns_per_conversation":3,"multi_turn_concurrency":2,"completed":0,"failed":6}`)
	if !conversations.Open() || conversations.Prompts != 6 || len(conversations.Values) > 0 {
		t.Errorf("conversations without a success: %+v", headerOf(conversations))
	}
}

// TestSweepSummaries: what a sweep leaves beside the runs' own files: the
// summary of a combination, and the table of all.
func TestSweepSummaries(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	row := func(seqs, run, concurrency int) map[string]any {
		return change(without(detailed(), "ttfts", "itls", "latencies", "errors", "texts", "_lens"), map[string]any{"max_num_seqs": seqs, "run_number": run, "max_concurrency": concurrency})
	}
	const folder = "SERVE--max_num_seqs=32-BENCH--max_concurrency=2"
	put("exp/"+folder+"/run=0.json", marshal(t, row(32, 0, 2)))
	put("exp/"+folder+"/summary.json", marshal(t, []any{row(32, 0, 2)}))
	put("exp/SERVE--max_num_seqs=64-WL--max_concurrency=4/summary.json", marshal(t, []any{row(64, 0, 4), row(64, 1, 4)}))
	put("exp/SERVE-max_num_seqs=128-failure.json", `{"error_type":"RuntimeError"}`)
	csv := ",date,endpoint_type,label,model_id,tokenizer_id,num_prompts,request_rate,max_concurrency,duration,completed,failed,total_input_tokens,total_output_tokens,mean_ttft_ms,median_ttft_ms,run_number,max_num_seqs,enforce_eager\n" +
		"0,20261101-101112,vllm,,m,m,3,inf,2.0,2.0,2,1,20,5,200.0,200.0,0,32,\n1,20261101-101112,vllm,,m,m,3,inf,2.0,2.0,2,1,20,5,220.0,210.0,1,32,\n2,20261101-101112,vllm,,m,m,3,inf,4.0,2.0,2,1,20,5,100.0,90.0,0,64,True\n"
	put("exp/summary.csv", csv)
	runs, err := Open(filepath.Join(dir, "exp"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range runs {
		server, _ := r.Condition(CondServer)
		got = append(got, fmt.Sprintf("%s: %d", server, len(r.Loads)))
		if !strings.Contains(strings.Join(r.Notes, ";"), "1 runs of the sweep failed") {
			t.Errorf("notes %q", r.Notes)
		}
	}
	if diff := cmp.Diff([]string{"max_num_seqs=32: 1", "max_num_seqs=64: 2"}, got); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	// The table alone, as a file and as all that is left of the folder.
	put("table/summary.csv", csv)
	for _, path := range []string{filepath.Join(dir, "table"), filepath.Join(dir, "table", "summary.csv")} {
		runs, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) != 2 || len(runs[0].Loads) != 2 || runs[0].Tool != ToolVLLM {
			t.Fatalf("%s: %d runs", path, len(runs))
		}
		first, second := runs[0].Loads[0], runs[0].Loads[1]
		server, _ := runs[1].Condition(CondServer)
		if first.Values[metric.TTFTMean].V != 200 || second.Repeat != 1 || second.Concurrency != 2 || *second.Failed != 1 || server != "enforce_eager=True, max_num_seqs=64" {
			t.Errorf("%s: %+v, pass %d, server %q", path, first.Values[metric.TTFTMean], second.Repeat, server)
		}
	}
	wantError(t, write(t, "summary.csv", csv[:strings.Index(csv, "\n")+1]), ToolVLLM, "no row")
}
