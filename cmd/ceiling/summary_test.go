package main

import (
	"strings"
	"testing"

	"ceiling/bench/result"
)

// TestSummary: the demo run's end, in three forms.
func TestSummary(t *testing.T) {
	const spot, peak = "c=2 (interactive-optimal by TTFT/TPOT p99; per-user 125.4 tok/s)", "c=32 (490.9 tok/s)"
	for _, tc := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"Scenario                    Output Throughput (tok/s)  TTFT mean (ms)  TPOT median (ms)  TPOT p99 (ms)  Verdict\n",
			"Single User Latency                            125.10           59.00              6.35           6.58  unknown\n", "\nsweet spot  " + spot + "\npeak        " + peak + "\nverdict     unknown\n"}},
		{[]string{"--markdown"}, []string{"| Scenario | Output Throughput (tok/s) | TTFT mean (ms) | TPOT median (ms) | TPOT p99 (ms) | Verdict |\n|---|---:|---:|---:|---:|---|\n",
			"| Concurrency Scaling (c=2) | 250.74 | 42.76 | 5.66 | 5.69 | unknown |\n", "\nSweet spot: " + spot + ". Peak: " + peak + ". Verdict: unknown.\n"}},
		{[]string{"--one-line"}, []string{"demo-q4_0 on ", ": sweet spot " + spot + ", peak " + peak + "; unknown\n"}},
	} {
		text, errText, code := inProcess(append([]string{"summary", "testdata/demo"}, tc.args...)...)
		if code != 0 || errText != "" {
			t.Errorf("%v: exit code %d, %s", tc.args, code, errText)
		}
		for _, want := range tc.want {
			if !strings.Contains(text, want) {
				t.Errorf("%v: no %q in\n%s", tc.args, want, text)
			}
		}
		if tc.args != nil && tc.args[0] == "--one-line" && strings.Count(text, "\n") != 1 {
			t.Errorf("not one line: %q", text)
		}
	}
	for _, args := range [][]string{{}, {"a", "b"}, {"testdata/demo", "--one-line", "--markdown"}} {
		if _, _, code := inProcess(append([]string{"summary"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
	// The reference's own files have no details, and paths are only those of a run.
	text, errText, code := inProcess("summary", "../../report/testdata/reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json")
	if code != 0 || !strings.HasPrefix(text, "Scenario ") || strings.Contains(text, result.ReportFile) {
		t.Errorf("exit code %d: %s%s", code, text, errText)
	}
}
