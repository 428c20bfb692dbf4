package plausible

import (
	"math"
	"testing"
)

// At each threshold, and one float below it.
func TestThresholds(t *testing.T) {
	below := func(v float64) float64 { return math.Nextafter(v, 0) }
	for name, c := range map[string]struct{ at, under bool }{
		"gaps of 1.2 TPOT":       {Bundled(1.2, 1), Bundled(below(1.2), 1)},
		"half as fast again":     {FasterThanSingleStream(1500, 1000), FasterThanSingleStream(below(1500), 1000)},
		"four times the length":  {Comparable(2048, 512), Comparable(2049, 512)},
		"a quarter of it":        {Comparable(512, 2048), Comparable(511, 2048)},
		"a length that is known": {Comparable(1, 1), Comparable(0, 1)},
	} {
		if !c.at || c.under {
			t.Errorf("%s: %v at the threshold, %v below", name, c.at, c.under)
		}
	}
	if Bundled(math.NaN(), 1) || FasterThanSingleStream(math.NaN(), 1) || FasterThanSingleStream(1, math.NaN()) {
		t.Error("judged by a figure that is missing")
	}
	if a, b := Apart(512, 1024), Apart(2048, 1024); math.Abs(a-b) > 1e-12 || math.Abs(a-2) > 1e-12 {
		t.Errorf("distances %v and %v, want 2", a, b)
	}
}
