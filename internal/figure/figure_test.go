package figure

import (
	"math"
	"testing"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0.0 MiB", 1<<30 - 1: "1024.0 MiB", 1 << 30: "1.00 GiB", 3 << 29: "1.50 GiB"} {
		if got := Size(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 23572403200: "23,572,403,200"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// A name may be of letters that take several bytes, and a figure empty.
func TestTable(t *testing.T) {
	got := Table([][]string{{"Name", "A", "Long"}, {"größer", "1.25", ""}, {"b", "—", "3"}})
	if want := "Name       A  Long\ngrößer  1.25      \nb          —     3\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDecimals(t *testing.T) {
	tests := []struct {
		v        float64
		decimals int
		want     string
	}{
		// The binary value decides, as in Python: 243.79/4 lies a little above
		// 60.9475, 79.05/2 a little below 39.525.
		{243.79 / 4, 2, "60.95"},
		{243.79 / 4, 1, "60.9"},
		{79.05 / 2, 2, "39.52"},
		{0.5, 0, "0"}, // a true tie goes to even
		{1.5, 0, "2"},
		{2.5, 0, "2"},
		{0.125, 2, "0.12"},
		{0.375, 2, "0.38"},
		{131733.65, 2, "131733.65"},
		{60, 2, "60.00"},
		{-0.001, 2, "-0.00"},
		{math.NaN(), 2, "—"},
		{math.Inf(-1), 2, "—"},
	}
	for _, tt := range tests {
		if got := Decimals(&tt.v, tt.decimals); got != tt.want {
			t.Errorf("%v with %d decimals is %q, want %q", tt.v, tt.decimals, got, tt.want)
		}
	}
	if got := Decimals(nil, 2); got != "—" {
		t.Errorf("nil is %q", got)
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		part, whole int64
		want        string
	}{{1, 3, "33.3%"}, {0, 3, "0.0%"}, {3, 3, "100.0%"}, {5, 10000, "0.1%"}, {49, 100000, "<0.1%"}, {1, 0, Missing}} {
		if got := Share(c.part, c.whole); got != c.want {
			t.Errorf("%d of %d is %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 processes", 1: "1 process", 1234: "1,234 processes"} {
		if got := Plural(n, "process", "processes"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := Count(2, "request"); got != "2 requests" {
		t.Error(got)
	}
}
