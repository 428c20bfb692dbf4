package importer

import (
	"slices"
	"testing"

	"ceiling/bench/result"
)

// TestVerdicts: what a file of another tool tells is judged, load by load, and what
// else ran is unknown: the run says so, and has the worst verdict for a condition.
func TestVerdicts(t *testing.T) {
	made := func(changes map[string]any) string {
		return write(t, "file", marshal(t, change(without(detailed(), "lens", "ttfts", "itls", "latencies", "texts", "errors"), changes)))
	}
	for _, c := range []struct {
		name, path string
		want       string // of the first load
		condition  string
	}{
		{"vLLM, one of three failed", made(nil), "invalid: 1 of 3 requests failed", "invalid"},
		{"vLLM, all well", made(map[string]any{"num_prompts": 20, "completed": 20, "failed": 0, "duration": 30.0}), "unknown: nobody measured what else ran", ""},
		{"vLLM, a second", made(map[string]any{"num_prompts": 20, "completed": 20, "failed": 0, "duration": 1.0}), "short: 1.0 s; 2 s are needed", "short"},
		{"llama-bench, which counts no requests", "testdata/llama-bench/llama-bench_v0.5.0.json", "unknown: nobody measured what else ran", ""},
	} {
		runs, err := Open(c.path)
		if err != nil {
			t.Fatal(err)
		}
		r := runs[0]
		if got := r.Loads[0].Verdict.String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got, _ := r.Condition(CondVerdict); got != c.condition {
			t.Errorf("%s: condition %q, want %q", c.name, got, c.condition)
		}
		if !slices.Contains(r.Notes, noteUnseen) {
			t.Errorf("%s: nothing says that the verdict is unknown at best: %q", c.name, r.Notes)
		}
	}
}

// TestOwnVerdicts: a run of this program has its own, and a run from before there
// were verdicts none.
func TestOwnVerdicts(t *testing.T) {
	for _, own := range []*result.Verdict{nil, {State: result.StateValid}} {
		r := ToolRun{Tool: ToolCeiling, Loads: []ToolLoad{{Name: "l", Verdict: own}}}
		r.finish("p")
		if r.Loads[0].Verdict != own || slices.Contains(r.Notes, noteUnseen) {
			t.Errorf("%v became %v, notes %q", own, r.Loads[0].Verdict, r.Notes)
		}
	}
}
