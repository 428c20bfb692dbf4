package compare

import (
	"math"
	"math/rand/v2"
	"testing"

	"ceiling/report/metric"
)

// The numbers were computed with scipy 1.17 (mannwhitneyu with the exact
// method, ttest_ind, t.ppf), the ranks' interval by counting all orders of
// the two samples.
func TestIntervalsAgainstScipy(t *testing.T) {
	a, b := []float64{1.02, 0.98, 1.01, 1.05, 0.99}, []float64{1.10, 1.04, 1.08, 1.13, 1.07}
	for _, tc := range []struct {
		name               string
		a, b               []float64
		assume             Assumption
		lo, hi, reached, p float64
		none               bool
	}{
		{name: "ranks, 5 + 5", a: a, b: b, lo: 1.0196078431372548, hi: 1.1224489795918369, reached: 0.9682539682539683, p: 0.015873015873015872},
		{name: "ranks, 4 + 4", a: a[:4], b: b[:4], lo: 0.9904761904761905, hi: 1.1530612244897958, reached: 0.9714285714285714, p: 0.05714285714285714},
		{name: "ranks, 6 + 4", a: append([]float64{1.03}, a...), b: b[:4], lo: 1.0196078431372548, hi: 1.1224489795918369, reached: 0.9619047619047619, p: 0.01904761904761905},
		{name: "ranks, too few", a: a[:3], b: b[:3], none: true},
		{name: "ranks, too few on one side", a: a, b: b[:2], none: true},
		{name: "normal, 5 + 5", a: a, b: b, assume: Normal, lo: 1.0284923401364718, hi: 1.1199915737622816, reached: 0.95, p: 0.005514646837113042},
	} {
		i := overPasses(tc.a, tc.b, tc.assume)
		if (i == nil) != tc.none {
			t.Errorf("%s: %+v", tc.name, i)
		}
		if i == nil {
			continue
		}
		for _, v := range []struct {
			what      string
			got, want float64
		}{{"lo", i.Lo, tc.lo}, {"hi", i.Hi, tc.hi}, {"confidence", i.Confidence, tc.reached}, {"p", i.P, tc.p}} {
			if math.Abs(v.got-v.want) > 1e-6 {
				t.Errorf("%s: %s %.10f, want %.10f", tc.name, v.what, v.got, v.want)
			}
		}
		if i.NA != len(tc.a) || i.NB != len(tc.b) || i.Basis != Passes {
			t.Errorf("%s: %+v", tc.name, i)
		}
	}
}

// Beyond the exact distribution the approximation takes over; at the seam the
// two give nearly the same interval.
func TestRanksSeam(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var a, b []float64
	for range exactUpTo + 1 {
		a, b = append(a, 1+0.1*rng.Float64()), append(b, 1.05+0.1*rng.Float64())
	}
	lo, hi, reached, ok := rankRatio(a, b, confidence)
	lo25, hi25, reached25, _ := rankRatio(a[:exactUpTo], b[:exactUpTo], confidence)
	if !ok || math.Abs(lo-lo25) > 0.01 || math.Abs(hi-hi25) > 0.01 || lo >= hi || reached < 0.95 || reached25 < 0.95 {
		t.Errorf("%d values: %g to %g (%g), %d values: %g to %g (%g)", len(a), lo, hi, reached, exactUpTo, lo25, hi25, reached25)
	}
}

// Of 400 pairs of samples that differ by 3 %, about 95 in 100 intervals hold
// it. With 5 + 5 values the ranks' interval promises 96.8.
func TestCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	draw := func(n int, mean float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = mean * (1 + 0.02*rng.NormFloat64())
		}
		return out
	}
	const runs = 400
	held := map[string]int{}
	for range runs {
		a, b := draw(5, 10), draw(5, 10.3)
		for name, assume := range map[string]Assumption{"ranks": Nothing, "normal": Normal} {
			if i := overPasses(a, b, assume); i.Lo <= 1.03 && 1.03 <= i.Hi {
				held[name]++
			}
		}
		if lo, hi := resample(draw(30, 10), draw(30, 10.3), false); lo <= 1.03 && 1.03 <= hi {
			held["resampled"]++
		}
	}
	for name, n := range held {
		if share := float64(n) / runs; share < 0.90 || share > 0.995 {
			t.Errorf("%s: the interval holds the ratio in %.1f %% of the cases", name, 100*share)
		}
	}
	if len(held) != 3 {
		t.Errorf("held %v", held)
	}
}

// What differs between prompts but not between runs is no noise where the
// requests are paired.
func TestPairingTakesThePromptsOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var a, b []float64
	for range 30 {
		length := 1 + rng.Float64()
		a, b = append(a, length), append(b, 1.1*length*(1+0.001*rng.NormFloat64()))
	}
	lo, hi := resample(a, b, true)
	wideLo, wideHi := resample(a, b, false)
	if lo > 1.1 || hi < 1.1 || hi-lo > 0.005 || wideHi-wideLo < 10*(hi-lo) {
		t.Errorf("paired %g to %g, unpaired %g to %g", lo, hi, wideLo, wideHi)
	}
	if again, _ := resample(a, b, true); again != lo {
		t.Errorf("resampling again gives %g, not %g", again, lo)
	}
}

// By hand: 9 of 10 pairs go up, so 2·(1 + 10)/2¹⁰; scipy's ttest_rel.
func TestPairedTests(t *testing.T) {
	a := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	b := []float64{1.1, 2.2, 3.1, 4.3, 5.2, 6.1, 7.4, 8.2, 9.1, 9.9, 11}
	if p, name := testPaired(a, b, Nothing); math.Abs(p-22.0/1024) > 1e-12 || name != "sign test" {
		t.Errorf("%s: %g", name, p)
	}
	if p, name := testPaired(a, b, Normal); math.Abs(p-0.005490397073623457) > 1e-6 || name != "paired t" {
		t.Errorf("%s: %g", name, p)
	}
	for _, assume := range []Assumption{Nothing, Normal} {
		if p, _ := testPaired(a, a, assume); p != 1 {
			t.Errorf("%s: equal pairs have p %g", assume, p)
		}
	}
}

func TestMorePasses(t *testing.T) {
	a, b := []float64{1.02, 0.98, 1.01, 1.05, 0.99}, []float64{1.03, 0.99, 1.03, 1.06, 1.00}
	for _, tc := range []struct {
		name string
		a, b []float64
		opt  ComparisonOptions
		want int
	}{
		{"ranks: ⌈31.5⌉ of which there are 5", a, b, ComparisonOptions{Assume: Nothing}, 27},
		{"normal: ⌈82.8⌉, by the means", a, b, ComparisonOptions{Assume: Normal}, 78},
		{"should have shown", []float64{1, 1.01, 1.02, 1.03, 1.04}, []float64{2, 2.01, 2.02, 2.03, 2.04}, ComparisonOptions{Assume: Nothing}, 1},
		{"no difference", a, a, ComparisonOptions{Assume: Nothing}, 0},
		{"no difference, within 2 %: ⌈32.9⌉", a, a, ComparisonOptions{Assume: Normal, EqualWithin: 0.02}, 28},
		{"of the size of the margin: it would show", a, b, ComparisonOptions{Assume: Normal, EqualWithin: 0.011}, 78},
		{"within a wide margin sooner than different: ⌈9.2⌉", a, b, ComparisonOptions{Assume: Normal, EqualWithin: 0.05}, 5},
		{"hardly any", []float64{1, 2, 3, 4}, []float64{1, 2, 3.00001, 4}, ComparisonOptions{Assume: Normal}, 2*MostPasses - 4},
	} {
		if got := morePasses(tc.a, tc.b, tc.opt); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	for n, want := range map[[2]int]string{
		{2, 2}: "2 more passes of each side, or --assume normal",
		{3, 3}: "1 more pass of each side, or --assume normal",
		{5, 2}: "1 more pass of each side, or --assume normal",
	} {
		if got := fewestPasses(n[0], n[1]); got != want {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}

// As many values as morePasses says decide about four times out of five, where
// what was seen is what is: for differences and for equality.
func TestMorePassesSuffice(t *testing.T) {
	const seen, trials = 5, 200
	for _, assume := range []Assumption{Nothing, Normal} {
		for _, c := range []struct{ cv, delta, margin float64 }{{0.02, 0, 0.02}, {0.03, 0.01, 0.05}, {0.01, 0.012, 0}} {
			opt := ComparisonOptions{Assume: assume, EqualWithin: c.margin}
			draw := func(rng *rand.Rand, n int, center float64) []float64 {
				out := make([]float64, n)
				for i := range out {
					out[i] = center * math.Exp(c.cv*rng.NormFloat64())
				}
				return out
			}
			// Five values whose standard deviation is the true one.
			few := []float64{-1.265, -0.632, 0, 0.632, 1.265}
			a, b := make([]float64, seen), make([]float64, seen)
			for i, z := range few {
				a[i], b[i] = 1+c.cv*z, (1+c.delta)*(1+c.cv*z)
			}
			n := seen + morePasses(a, b, opt)
			rng := rand.New(rand.NewPCG(5, 6))
			decided := 0
			for range trials {
				f := Measure{Metric: metric.OutputThroughput}
				f.overPasses(draw(rng, n, 1), draw(rng, n, 1+c.delta), Processes, opt)
				if v := f.Verdict(); v == Differs || v == Same {
					decided++
				}
			}
			t.Logf("assume %s, %+v: %d a side decide %d of %d", assume, c, n, decided, trials)
			if decided < trials*7/10 || decided > trials*39/40 {
				t.Errorf("assume %s, %+v: %d a side decide %d of %d", assume, c, n, decided, trials)
			}
		}
	}
}
