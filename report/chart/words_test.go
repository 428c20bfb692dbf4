package chart

import "testing"

func TestTrend(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []float64
		cs     []int
		want   string
	}{
		{"none", []float64{nan, nan}, []int{2, 4}, "X was not measured."},
		{"one", []float64{nan, 7.125}, []int{2, 4}, "X is 7.12 ms at c=4, the only point measured."},
		{"rising", []float64{1, 2, 3}, []int{2, 4, 8}, "X rises from 1.00 ms at c=2 to 3.00 ms at c=8, the highest."},
		{"rising to a level", []float64{1, 3, 3}, []int{2, 4, 8}, "X rises from 1.00 ms at c=2 to 3.00 ms at c=8, the highest."},
		{"falling", []float64{3, 2}, []int{2, 4}, "X falls from 3.00 ms at c=2 to 2.00 ms at c=4, the lowest."},
		{"flat", []float64{2, 2, 2}, []int{2, 4, 8}, "X is 2.00 ms at all 3 points measured, c=2 to c=8."},
		{"flat as printed", []float64{2, 2.001, 1.999}, []int{2, 4, 8}, "X is 2.00 ms at all 3 points measured, c=2 to c=8."},
		{"rising as printed", []float64{2, 1.9999, 3}, []int{2, 4, 8}, "X rises from 2.00 ms at c=2 to 3.00 ms at c=8, the highest."},
		{"a peak inside", []float64{1, 5, 3}, []int{2, 4, 8}, "X goes from 1.00 ms at c=2, the lowest, to 3.00 ms at c=8; the highest is 5.00 ms at c=4."},
		{"a dip inside", []float64{2, 1, 3}, []int{2, 4, 8}, "X goes from 2.00 ms at c=2 to 3.00 ms at c=8, the highest; the lowest is 1.00 ms at c=4."},
		{"both inside", []float64{2, 1, 5, 3}, []int{2, 4, 8, 16}, "X goes from 2.00 ms at c=2 to 3.00 ms at c=16; the lowest is 1.00 ms at c=4 and the highest is 5.00 ms at c=8."},
		{"zigzag between its ends", []float64{1, 3, 2, 4}, []int{2, 4, 8, 16}, "X goes from 1.00 ms at c=2, the lowest, to 4.00 ms at c=16, the highest."},
		{"a hole", []float64{1, nan, 3}, []int{2, 4, 8}, "X rises from 1.00 ms at c=2 to 3.00 ms at c=8, the highest."},
	} {
		if got := trend(metric{name: "X", unit: "ms", values: c.values}, c.cs); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestList(t *testing.T) {
	for want, things := range map[string][]string{"": nil, "a": {"a"}, "a and b": {"a", "b"}, "a, b and c": {"a", "b", "c"}} {
		if got := list(things); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestOrdinal(t *testing.T) {
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 112: "112th", 122: "122nd"} {
		if got := ordinal(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	s := style(toneFg, titleSize, 0)
	if got := fit(s, "short", 500); got != "short" {
		t.Errorf("%q", got)
	}
	long := "日本語 a name <that> is & goes on and on and on and on and on"
	got := fit(s, long, 120)
	if w := s.Width(got); w > 120 || w < 90 || got == long {
		t.Errorf("%q is %g wide", got, float64(w))
	}
}
