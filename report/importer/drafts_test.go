package importer

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/metric"
)

// What files tell of speculation: vLLM its counters, SGLang the accept length and what
// the server was started with, InferenceX and a launch command the kind.
func TestSpeculation(t *testing.T) {
	kind := func(k string, most int) *result.Speculation {
		return &result.Speculation{SpecSettings: result.SpecSettings{Kind: k, DraftMax: most}}
	}
	for file, want := range map[string]*result.Speculation{
		"testdata/vllm-bench/2026-09_multi_turn_c4_TRIMMED.json": {SpecSettings: result.SpecSettings{DraftMax: 7}, Verifications: 4994, Drafted: 34958, Accepted: 11413,
			AcceptedAt: []int64{3143, 2331, 1771, 1369, 1100, 923, 776}},
		"testdata/vllm-bench-serve/v0.25.1_save-result.json":                                                                      nil,
		"testdata/sglang-bench-serving/2026_v0.5.9_random_c16_TRIMMED_server_info.jsonl":                                          kind("EAGLE", 3),
		reference + "benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.md":                                                                     kind("mtp", 3),
		reference + "benchmark_Devstral-Small-2-24B-AWQ-4bit.md":                                                                  nil,
		write(t, "none.json", `{"hw":"h200","conc":4,"spec_decoding":"none","tput_per_gpu":10}`):                                  kind("none", 0),
		write(t, "false.json", `{"hw":"h200","conc":4,"spec_decoding":false,"tput_per_gpu":10}`):                                  kind("none", 0),
		write(t, "mtp.json", `{"hw":"h200","conc":4,"spec_decoding":"mtp","tput_per_gpu":10}`):                                    kind("mtp", 0),
		write(t, "untold.json", `{"hw":"h200","conc":4,"tput_per_gpu":10}`):                                                       nil,
		write(t, "off.jsonl", `{"total_output_tokens_retokenized":1,"server_info":{"speculative_algorithm":null},"completed":1}`): kind("none", 0),
	} {
		runs, err := Open(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if diff := cmp.Diff(want, runs[0].Loads[0].Speculation); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
	}
	runs, err := Open("testdata/vllm-bench/2026-09_multi_turn_c4_TRIMMED.json")
	if err != nil {
		t.Fatal(err)
	}
	l := runs[0].Loads[0]
	// The file's own figures follow from its counts, by our formulas.
	if v := l.Values[metric.AcceptRate]; !v.Same || math.Abs(v.V-100**l.Speculation.Acceptance()) > 1e-9 {
		t.Errorf("%+v, counted %v", v, *l.Speculation.Acceptance())
	}
	if v := l.Values[metric.AcceptLength]; !v.Same || math.Abs(v.V-*l.Speculation.MeanLength()) > 1e-9 {
		t.Errorf("%+v, counted %v", v, *l.Speculation.MeanLength())
	}
	if got := l.Speculation.AcceptanceAt(); len(got) != 7 || math.Abs(got[6]-0.1553864637565078) > 1e-3 {
		t.Errorf("by place %v", got)
	}
}

// vLLM's --speculative-config, also one whose JSON has come apart.
func TestSpeculativeConfig(t *testing.T) {
	for config, want := range map[string]string{
		"": "none", `{"method":"draft_model","model":"org/small","num_speculative_tokens":5}`: "draft_model, small, at most 5", `{"method":`: `{"method":`,
	} {
		s := vllmSpeculation(config)
		if got := s.String(); got != want {
			t.Errorf("%s: %q, want %q", config, got, want)
		}
	}
}

// Our own runs: in process what is not said is none; behind a server it is so only
// where the server was seen not to draft.
func TestOwnSpeculation(t *testing.T) {
	drafts := &result.Speculation{SpecSettings: result.SpecSettings{Kind: "mtp"}}
	server := func(outcome string) *result.ServerInfo {
		return &result.ServerInfo{Conditions: []result.ServerCondition{{Name: CondSpeculative, Outcome: outcome}}}
	}
	for _, c := range []struct {
		server *result.ServerInfo
		drafts *result.Speculation
		want   string
	}{
		{nil, nil, "none"}, {nil, drafts, "mtp"}, {server(result.OutcomeEqual), nil, "none"}, {server(result.OutcomeUnknown), nil, "not told"},
		{server(result.OutcomeDiffers), nil, "not told"}, {server(result.OutcomeDiffers), drafts, "mtp"},
	} {
		r := &ToolRun{InProcess: c.server == nil, Server: c.server}
		got := "not told"
		if s := r.drafted(&result.Detail{Speculation: c.drafts}); s != nil {
			got = s.String()
		}
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.server, got, c.want)
		}
	}
}
