package suite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func TestParseBounds(t *testing.T) {
	want := []result.Bound{{Figure: "ttft", Stat: "p99", MaxMs: 2000}, {Figure: "tpot", Stat: "p50", MaxMs: 60.5}, {Figure: "e2el", Stat: "mean", MaxMs: 90000}, {Figure: "tpot", Stat: "p99.9", MaxMs: 80}}
	got, err := ParseBounds("ttft=2s, TPOT_median=60.5ms,e2el_mean=1m30s,tpot_p99.9=80")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for text, part := range map[string]string{
		"": `"" is no limit: give ttft, tpot or e2el with a statistic`, "itl=5ms": "is no limit", "ttft_max=5ms": "is no limit", "ttft_p=5ms": "is no limit",
		"ttft=2 seconds": "is no limit", "ttft_p0=2s": "is not above 0", "ttft_p100=2s": "is not above 0 and up to 99.9", "ttft=0s": "is outside",
		"ttft=2s,ttft_p99=3s": "TTFT p99 has a limit already", "ttft=2s,": "is no limit",
	} {
		if got, err := ParseBounds(text); err == nil || got != nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q: %v, %v, want …%s", text, got, err, part)
		}
	}
	for text, needs := range map[string]int{"ttft": 100, "ttft_p95": 20, "ttft_p99.9": 1000, "ttft_p50": 10, "ttft_mean": 10} {
		b, err := ParseBounds(text + "=1s")
		if err != nil || b[0].Needs() != needs {
			t.Errorf("%s needs %d requests, want %d; %v", text, b[0].Needs(), needs, err)
		}
	}
}
