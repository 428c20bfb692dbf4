package chart

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

func labels(a axis) string {
	var out []string
	for _, t := range a.ticks {
		out = append(out, t.Label)
	}
	return strings.Join(out, " ")
}

func TestValueAxis(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name     string
		values   []float64
		log      bool
		min, max float64
		labels   string
	}{
		{"from zero", []float64{109.3, 595.37}, false, 0, 600, "0 200 400 600"},
		{"missing ones don't count", []float64{nan, 3, nan, 7}, false, 0, 8, "0 2 4 6 8"},
		{"one value", []float64{40}, false, 0, 40, "0 10 20 30 40"},
		{"nothing but zero", []float64{0, 0}, false, 0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
		{"nothing at all", []float64{nan}, false, 0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
		{"just below the limit", []float64{1, 14.9}, false, 0, 15, "0 5 10 15"},
		{"at the limit", []float64{1, 15}, true, 1, 20, "1 2 5 10 20"},
		{"two decades", []float64{40, 3000}, true, 20, 5000, "20 50 100 200 500 1000 2000 5000"},
		{"many decades: powers of ten", []float64{0.02, 90000}, true, 0.02, 1e5, "1 100 10000"},
		{"a zero has no place on a log axis", []float64{0, 1, 1000}, false, 0, 1000, "0 200 400 600 800 1000"},
		{"nor has what is below", []float64{-5, 1, 1000}, false, -500, 1000, "-500 0 500 1000"},
		{"tiny", []float64{1e-9, 2e-9}, false, 0, 2e-9, "0 5e-10 1e-9 1.5e-9 2e-9"},
		{"huge", []float64{5e11, 1e12}, false, 0, 1e12, "0 2e11 4e11 6e11 8e11 1e12"},
	} {
		a := valueAxis(c.values)
		if a.log != c.log || math.Abs(a.min-c.min) > 1e-9*c.max || math.Abs(a.max-c.max) > 1e-9*c.max {
			t.Errorf("%s: log %v, %g to %g; want %v, %g to %g", c.name, a.log, a.min, a.max, c.log, c.min, c.max)
		}
		if got := labels(a); got != c.labels {
			t.Errorf("%s: ticks %q, want %q", c.name, got, c.labels)
		}
		if got := a.marked("TTFT (ms)"); strings.HasSuffix(got, "log scale") != c.log {
			t.Errorf("%s: titled %q", c.name, got)
		}
	}
}

// TestTicksDiffer: no two ticks of an axis may be labelled alike, whatever its
// range is.
func TestTicksDiffer(t *testing.T) {
	for _, lo := range []float64{0, 1e-9, 0.3, 30, 1e3, 1e6, 1.2345678e6, 1e12} {
		for _, width := range []float64{1e-9, 1e-3, 0.1, 1, 7, 1e3, 1e6, 1e12} {
			if lo+width/100 == lo || width < lo*1e-9 {
				continue
			}
			a := linearAxis(lo, lo+width, timeTicks)
			var seen []string
			for _, tick := range a.ticks {
				if slices.Contains(seen, tick.Label) {
					t.Errorf("%g to %g: ticks %q", lo, lo+width, labels(a))
					break
				}
				seen = append(seen, tick.Label)
			}
			if len(seen) < 3 || len(seen) > 12 {
				t.Errorf("%g to %g: %d ticks", lo, lo+width, len(seen))
			}
		}
	}
}

func TestConcurrencyAxis(t *testing.T) {
	a := concurrencyAxis([]int{2, 32, 8, 8, 4, 16})
	if got := labels(a); got != "2 4 8 16 32" || !a.log {
		t.Errorf("ticks %q, log %v", got, a.log)
	}
	// Equal ratios are equal distances.
	if d1, d2 := a.norm(4)-a.norm(2), a.norm(32)-a.norm(16); math.Abs(d1-d2) > 1e-12 {
		t.Errorf("a doubling is %g wide at the left, %g at the right", d1, d2)
	}
	if a.norm(2) <= 0 || a.norm(32) >= 1 {
		t.Errorf("markers at the edges: %g, %g", a.norm(2), a.norm(32))
	}
	one := concurrencyAxis([]int{4})
	if got := one.norm(4); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("a single point is at %g", got)
	}
}

func TestThin(t *testing.T) {
	var cs []int
	for c := range 500 {
		cs = append(cs, c+1)
	}
	a := concurrencyAxis(cs).thin(400)
	shown := strings.Fields(labels(a))
	if len(a.ticks) != 500 {
		t.Errorf("%d ticks are left of 500", len(a.ticks))
	}
	if n := len(shown); n < 5 || n > 25 || shown[n-1] != "500" {
		t.Errorf("labels %q", shown)
	}
	b := concurrencyAxis([]int{2, 4, 8, 16}).thin(400)
	if got := labels(b); got != "2 4 8 16" {
		t.Errorf("labels that fit were dropped: %q", got)
	}
}

func TestExponent(t *testing.T) {
	for v, want := range map[float64]string{1e6: "1e6", 1.25e9: "1.25e9", 1e-9: "1e-9", -3e12: "-3e12", 123456789: "1.235e8", 1e100: "1e100"} {
		if got := exponent(v); got != want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		name string
		want []vg.Length
		got  []vg.Length
	}{
		{"none", nil, nil},
		{"far apart", []vg.Length{10, 50, 90}, []vg.Length{10, 50, 90}},
		{"equal ones part evenly", []vg.Length{50, 50}, []vg.Length{45, 55}},
		{"three", []vg.Length{50, 50, 53}, []vg.Length{41, 51, 61}},
		{"at the lower end", []vg.Length{0, 0}, []vg.Length{0, 10}},
		{"at the upper end", []vg.Length{100, 100, 100}, []vg.Length{80, 90, 100}},
		{"pushed into a neighbour", []vg.Length{80, 100, 100, 100}, []vg.Length{70, 80, 90, 100}},
	} {
		got := spread(c.want, 10, 0, 100)
		if !slices.EqualFunc(got, c.got, func(a, b vg.Length) bool { return math.Abs(float64(a-b)) < 1e-9 }) {
			t.Errorf("%s: %v, want %v", c.name, got, c.got)
		}
	}
}
