package importer

import (
	"ceiling/internal/machine"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/metric"
)

// record is a request of three tokens 10 ms apart that began at start and got
// its first token after wait.
func record(pass, request int, start, wait float64) result.Record {
	first := start + wait
	prefill := start
	return result.Record{
		Scenario: 0, Name: "Short", Pass: pass, Request: request,
		Intended: start, Admitted: start, PrefillStart: &prefill, FirstToken: &first,
		TokenTimes: []float64{first, first + 0.010, first + 0.020}, End: first + 0.020,
		InputTokens: 8, OutputTokens: 3, PromptHash: "00",
	}
}

// ownRun saves a run of one scenario in the given passes.
func ownRun(t *testing.T, edit func(*result.Run), passes ...[]result.Record) string {
	t.Helper()
	dir := t.TempDir()
	scenario := result.Scenario{Name: "Short", Input: 8, Output: 3, Concurrency: 2, Prompts: 2, RangeRatio: 0.25, Repeat: len(passes)}
	var all []result.Pass
	var journal strings.Builder
	for i, records := range passes {
		r, d := result.Summarize(scenario, records, result.Measured{Status: result.StatusComplete, Cache: result.CacheCold, StartS: records[0].Admitted, EngineS: 1, OutsideS: 0.25, PromptTokens: 16, PromptS: 0.3})
		all = append(all, result.Pass{Pass: i, Result: r, Detail: d})
		for _, rec := range records {
			line, err := json.Marshal(rec)
			if err != nil {
				t.Fatal(err)
			}
			journal.Write(append(line, '\n'))
		}
	}
	r, d := result.Combine(len(passes), all)
	res := &result.Run{
		Model: "demo.gguf", Hardware: "a CPU", Date: "2026-11-03T08:05:09", Planned: []string{"Short"},
		Results: []result.Summary{r}, Details: []result.Detail{d},
		Engine: &result.EngineInfo{
			Name: "llama.cpp", Release: "v0.5.0", Backends: []string{"CPU"}, ModelFile: "demo.gguf", ModelSHA256: "ab", KVType: "f16",
			FlashAttn: "auto", SplitMode: "layer", StepTokens: 2048, UBatch: 512, Threads: 2, Sampling: "greedy", LoadMode: "mmap", Seed: 7,
			Devices:     []machine.DeviceInfo{{Name: "CPU", Description: "a CPU"}},
			TensorTypes: []result.TensorTypeCount{{Type: "F32", Tensors: 9, Bytes: 10}, {Type: "Q4_0", Tensors: 3, Bytes: 900}},
			Environment: map[string]string{"B": "2", "A": "1"},
		},
		System: &machine.System{CPU: "a CPU", ROCm: "7.2", Cards: []machine.Card{{PowerCapW: pointer(290.0)}, {PowerCapW: pointer(290.0)}}},
	}
	if edit != nil {
		edit(res)
	}
	if err := result.Save(filepath.Join(dir, result.ResultsFile), res); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, result.JournalFile), []byte(journal.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func pointer[T any](v T) *T { return &v }

func onePass() []result.Record {
	return []result.Record{record(0, 0, 1, 0.100), record(0, 1, 1, 0.200)}
}

// TestOwnRun: a folder of ours, with its journal.
func TestOwnRun(t *testing.T) {
	dir := ownRun(t, nil, onePass())
	runs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := runs[0]
	if r.Tool != ToolCeiling || !r.InProcess || r.Path != dir {
		t.Errorf("tool %q, in process %v, path %q", r.Tool, r.InProcess, r.Path)
	}
	wantConditions := []Condition{
		{CondModelFile, "demo.gguf"}, {CondModelSHA256, "ab"}, {CondQuant, "Q4_0"}, {CondEngine, "llama.cpp"}, {CondVersion, "v0.5.0"},
		{CondBackend, "CPU"}, {CondDevice, "CPU a CPU"}, {CondCPU, "a CPU"}, {CondSplit, "layer"}, {CondGPULayers, "0"}, {CondKV, "f16"}, {CondLayout, "a buffer per sequence"},
		{CondFlash, "auto"}, {CondStep, "2048"}, {CondUBatch, "512"}, {CondThreads, "2"}, {CondLoadMode, "mmap"}, {CondSampling, "greedy"},
		{CondCache, "cold"}, {CondPower, "290 W"}, {CondSeed, "7"}, {CondClient, "in process"}, {CondDriver, "ROCm 7.2"}, {CondEnvironment, "A=1, B=2"},
	}
	if diff := cmp.Diff(wantConditions, r.Conditions); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	l := r.Loads[0]
	if diff := cmp.Diff(header{8, 3, 2, 2, 0, LengthsNominal, 0.25, -1, 2, 0, 0}, headerOf(l)); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
	if len(l.Records) != 2 || l.Cache != result.CacheCold {
		t.Errorf("%d records, cache %q", len(l.Records), l.Cache)
	}
	for m, want := range map[metric.Key]float64{
		metric.TTFTMean: 150, metric.TTFTStd: 50, metric.TTFTP90: 190, metric.TPOTMean: 10, metric.ITLMean: 10, metric.E2ELMean: 170, metric.E2ELMedian: 170, metric.E2ELStd: 50,
		metric.Duration: 0.22, metric.RequestThroughput: 2 / 0.22, metric.OutputThroughput: 6 / 0.22, metric.TotalThroughput: 22 / 0.22, metric.PeakThroughput: 6,
		metric.PP: 8 / 0.150, metric.PPMedian: 8 / 0.150, metric.TG: 100, metric.EnginePrefill: 16 / 0.300, metric.PerUser: 3 / 0.22,
		metric.QueueMean: 0, metric.WaitMean: 0, metric.PrefillMean: 150, metric.InputTokens: 16, metric.OutputTokens: 6, metric.PeakConcurrent: 2, metric.ReusedTokens: 0, metric.OverheadRatio: 0.25,
	} {
		v, ok := l.Values[m]
		if !ok || math.Abs(v.V-want) > 1e-9*max(1, want) || !v.Same || v.Origin == "" {
			t.Errorf("%s: %+v, want %v", m, v, want)
		}
	}
	if got := l.Values[metric.TTFTP99].Samples; len(got) != 2 || math.Abs(got[1]-200) > 1e-9 {
		t.Errorf("TTFT samples %v", got)
	}
	if got := len(l.Values[metric.ITLMean].Samples); got != 4 {
		t.Errorf("%d ITL samples", got)
	}
	if v := l.Values[metric.PP]; !strings.Contains(v.Note, "waiting") {
		t.Errorf("PP note %q", v.Note)
	}
}

// TestOwnQuantisation: llama.cpp's own word for a model's quantisation wins
// over the type that holds the most bytes.
func TestOwnQuantisation(t *testing.T) {
	dir := ownRun(t, func(r *result.Run) { r.Engine.Description = "mistral3 ?B Q4_K - Medium" }, onePass())
	runs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := runs[0].Condition(CondQuant); got != "Q4_K - Medium" {
		t.Errorf("quantisation %q", got)
	}
}

// TestOwnJournal: a journal that is missing, torn or broken.
func TestOwnJournal(t *testing.T) {
	for _, test := range []struct {
		name    string
		journal func(whole string) string
		records int
		note    string
	}{
		{"missing", nil, 0, ""},
		{"torn", func(s string) string { return s[:len(s)-30] }, 1, "cut short"},
		{"broken", func(s string) string { return "{}x\n" + s }, 0, "only the summaries are used"},
	} {
		dir := ownRun(t, nil, onePass())
		path := filepath.Join(dir, result.JournalFile)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if test.journal != nil {
			if err := os.WriteFile(path, []byte(test.journal(string(b))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		runs, err := Open(filepath.Join(dir, result.ResultsFile))
		if err != nil {
			t.Fatal(err)
		}
		l := runs[0].Loads[0]
		notes := strings.Join(runs[0].Notes, "; ")
		if len(l.Records) != test.records || !strings.Contains(notes, test.note) || test.note == "" && notes != "" {
			t.Errorf("%s: %d records, notes %q", test.name, len(l.Records), notes)
		}
		// One record of two does not have the summary's mean.
		if math.Abs(l.Values[metric.TTFTMean].V-150) > 1e-9 || l.Values[metric.TTFTMean].Samples != nil {
			t.Errorf("%s: TTFT %+v", test.name, l.Values[metric.TTFTMean])
		}
	}
}

// TestOwnPasses: each pass of a repeated run is a load of its own.
func TestOwnPasses(t *testing.T) {
	dir := ownRun(t, nil, onePass(),
		[]result.Record{record(1, 0, 2, 0.300), record(1, 1, 2, 0.400)},
		[]result.Record{record(2, 0, 3, 0.500), record(2, 1, 3, 0.600)})
	runs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(runs[0].Loads) != 3 {
		t.Fatalf("%d loads", len(runs[0].Loads))
	}
	for i, want := range []float64{150, 350, 550} {
		l := runs[0].Loads[i]
		if v := l.Values[metric.TTFTMean]; math.Abs(v.V-want) > 1e-9 || l.Repeat != i || len(l.Records) != 2 || len(v.Samples) != 2 {
			t.Errorf("load %d: TTFT %v, pass %d, %d records, %d samples", i, v.V, l.Repeat, len(l.Records), len(v.Samples))
		}
	}
}

// TestThroughServer: a run of ours through a server is not in process.
func TestThroughServer(t *testing.T) {
	dir := ownRun(t, func(r *result.Run) {
		r.Server = &result.ServerInfo{API: result.APILlama, Kind: "llama-server", Version: "b1", Conditions: []result.ServerCondition{
			{Name: "sampling", Outcome: result.OutcomeDiffers, Detail: "on the CPU"},
			{Name: "tokens", Outcome: result.OutcomeEqual, Detail: "ids"},
		}}
		r.Details[0].Server = &result.ServerDetail{Prompt: &result.Dist{Mean: 0.1}, Wait: &result.Dist{Mean: 0.05}, PromptRate: pointer(80.0), SplitTokens: 2}
	}, onePass())
	runs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, l := runs[0], runs[0].Loads[0]
	client, _ := r.Condition(CondClient)
	server, _ := r.Condition(CondServer)
	if r.InProcess || client != "HTTP, llama API" || server != "llama-server b1" {
		t.Errorf("in process %v, client %q, server %q", r.InProcess, client, server)
	}
	if diff := cmp.Diff([]string{"through the server, sampling: differs (on the CPU)"}, r.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		m    metric.Key
		v    float64
		same bool
		note string
	}{
		{metric.TTFTMean, 150, true, "at a client"}, {metric.TPOTMean, 10, true, ""}, {metric.ITLMean, 10, false, "2 tokens arrived several at a time"},
		{metric.PeakThroughput, 6, false, "estimates"}, {metric.ServerPromptMean, 100, true, ""}, {metric.ServerWaitMean, 50, true, ""},
		{metric.EnginePrefill, 80, true, "server's own clock"},
	} {
		v := l.Values[test.m]
		if math.Abs(v.V-test.v) > 1e-9 || v.Same != test.same || !strings.Contains(v.Note, test.note) || (v.Note == "") != (test.note == "") {
			t.Errorf("%s: %+v", test.m, v)
		}
	}
}

// TestEnergy: the power of the devices that were used.
func TestEnergy(t *testing.T) {
	dir := ownRun(t, func(r *result.Run) {
		r.Details[0].Energy = &machine.Energy{Groups: []machine.EnergyGroup{
			{Name: "2 GPUs (not used)", MeanW: pointer(40.0)},
			{Name: "4 GPUs", Used: true, MeanW: pointer(800.0), JPerToken: pointer(2.5)},
			{Name: "1 CPU package", Used: true, MeanW: pointer(90.0), JPerToken: pointer(0.5)},
		}}
	}, onePass())
	runs, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	values := runs[0].Loads[0].Values
	if p, e := values[metric.MeanPower], values[metric.EnergyPerToken]; p.V != 800 || p.Note != "4 GPUs" || e.V != 2.5 {
		t.Errorf("power %+v, energy %+v", p, e)
	}
}

// TestReferenceList: the reference's other form, a bare list whose items also
// hold what vLLM printed.
func TestReferenceList(t *testing.T) {
	file := reference + "benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var dict struct {
		Results []map[string]any `json:"results"`
	}
	if err := json.Unmarshal(b, &dict); err != nil {
		t.Fatal(err)
	}
	for _, r := range dict.Results {
		r["raw_output"] = "============ Serving Benchmark Result ============"
	}
	list, err := Open(write(t, "list.json", marshal(t, dict.Results)))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole[0].Loads, list[0].Loads); diff != "" {
		t.Errorf("loads (-dict +list):\n%s", diff)
	}
	if list[0].Model != "" || list[0].Tool != ToolReference {
		t.Errorf("model %q, tool %q", list[0].Model, list[0].Tool)
	}
}

// TestReferenceMissing: 0.0 means "not measured" there.
func TestReferenceMissing(t *testing.T) {
	l := openLoad(t, `[{"name":"A","input_len":8,"output_len":4,"concurrency":1,"num_prompts":2,"successful_requests":0.0,"failed_requests":2.0,
		"duration_s":0.0,"ttft_mean_ms":0.0,"tpot_mean_ms":NaN,"output_throughput":Infinity,"total_input_tokens":0.0,"pp_speed":0.0,"error":"boom"}]`)
	if len(l.Values) != 0 || *l.Failed != 2 {
		t.Errorf("values %+v, failed %d", l.Values, *l.Failed)
	}
	if strings.Join(l.Notes, ";") != "failed: boom" {
		t.Errorf("notes %q", l.Notes)
	}
}

// TestMarkdownAgreesWithJSON: reports that have both forms say the same, to
// the two decimals that are printed.
func TestMarkdownAgreesWithJSON(t *testing.T) {
	compared := 0
	for _, name := range []string{"Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ", "Qwen3.6-27B-GPTQ-8bit", "Qwen3.8-27B-GPTQ-4bit_mtp3"} {
		md, err := Open(reference + "benchmark_" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		js, err := Open(reference + "benchmark_" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range md[0].Loads {
			other := js[0].Loads[i]
			for m, v := range l.Values {
				w, ok := other.Values[m]
				if !ok || math.Abs(v.V-w.V) > 0.0501 || v.Same != w.Same {
					t.Errorf("%s: %s: %s: %v in markdown, %v in JSON", name, l.Name, m, v, w)
				}
				compared++
			}
			if len(l.Notes) > 0 {
				t.Errorf("%s: %s: notes %q", name, l.Name, l.Notes)
			}
		}
	}
	if compared < 300 {
		t.Errorf("only %d figures compared", compared)
	}
}

// TestMarkdownContradiction: a table that says otherwise is pointed out.
func TestMarkdownContradiction(t *testing.T) {
	b, err := os.ReadFile(reference + "benchmark_Devstral-Small-2-24B-AWQ-4bit.md")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(b), "| 56.02 | 421.16 |", "| 56.02 | 412.16 |", 1)
	changed = strings.Replace(changed, "| Single User Latency | 4862.8 |", "| Single User Latency | 9862.8 |", 1)
	runs, err := Open(write(t, "report.md", changed))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"TTFT mean is 412.16 in the table and 421.16 in the key metrics; the latter is used",
		"PP (input / mean TTFT) is 9862.8 in the table and 4862.8 in the key metrics; the latter is used",
	}
	if diff := cmp.Diff(want, runs[0].Loads[0].Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// A file without the tokens of a step is of a run whose steps had the physical
// batch for a budget, whatever it calls its logical batch.
func TestStepTokensOfFormerRuns(t *testing.T) {
	for text, want := range map[string]string{
		`{"name": "llama.cpp", "ubatch": 512, "batch": 2048}`:       "512",
		`{"name": "llama.cpp", "step_tokens": 2048, "ubatch": 512}`: "2048",
	} {
		var e result.EngineInfo
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		var r ToolRun
		r.engineConditions(&e)
		if got, _ := r.Condition(CondStep); got != want {
			t.Errorf("%s: steps of %s tokens, want %s", text, got, want)
		}
	}
}
