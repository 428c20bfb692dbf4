package kernels

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSummarize(t *testing.T) {
	// The bounds of 20 are the 6th and the 15th: with fair coins, 5 or fewer
	// heads of 20 come in 2.07 % of throws.
	twenty := []float64{20, 1, 19, 2, 18, 3, 17, 4, 16, 5, 15, 6, 14, 7, 13, 8, 12, 9, 11, 10}
	six, fifteen := 6.0, 15.0
	for name, c := range map[string]struct {
		samples []float64
		unit    Unit
		want    *SampleSummary
	}{
		"none":           {nil, Seconds, nil},
		"too few":        {[]float64{3, 1}, BytesPerSecond, &SampleSummary{Median: 2, Best: 3}},
		"less is better": {[]float64{3, 1, 2}, Seconds, &SampleSummary{Median: 2, Best: 1}},
		"twenty":         {twenty, OpsPerSecond, &SampleSummary{Median: 10.5, Best: 20, Low: &six, High: &fifteen}},
	} {
		if diff := cmp.Diff(c.want, Summarize(c.samples, c.unit)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if twenty[0] != 20 {
		t.Error("the samples were sorted in place")
	}
}
