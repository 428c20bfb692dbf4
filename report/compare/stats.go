package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/aclements/go-moremath/stats"
	"golang.org/x/perf/benchmath"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// thresholds of every test.
var thresholds = benchmath.Thresholds{CompareAlpha: 1 - confidence}

// test asks benchmath whether two samples come from one distribution.
func test(a, b []float64, assume Assumption) (p float64, name string) {
	// NewSample sorts what it gets.
	x, y := benchmath.NewSample(slices.Clone(a), &thresholds), benchmath.NewSample(slices.Clone(b), &thresholds)
	if assume == Normal {
		if spread(a) == 0 && spread(b) == 0 {
			// Welch's statistic divides by the spread. Without any, samples
			// are either the same or certainly not.
			if a[0] == b[0] {
				return 1, "Welch's t"
			}
			return 0, "Welch's t"
		}
		return benchmath.AssumeNormal.Compare(x, y).P, "Welch's t"
	}
	return benchmath.AssumeNothing.Compare(x, y).P, "Mann–Whitney U"
}

// testPaired asks whether the differences of pairs go one way: by their signs,
// or by Student's t on them. Pairs without a difference tell nothing.
func testPaired(a, b []float64, assume Assumption) (p float64, name string) {
	if assume == Normal {
		r, err := stats.PairedTTest(a, b, 0, stats.LocationDiffers)
		if err != nil { // the differences are all the same
			if a[0] == b[0] {
				return 1, "paired t"
			}
			return 0, "paired t"
		}
		return r.P, "paired t"
	}
	up, n := 0, 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
		if b[i] > a[i] {
			up++
		}
	}
	if n == 0 {
		return 1, "sign test"
	}
	tail := stats.BinomialDist{N: n, P: 0.5}.CDF(float64(min(up, n-up)))
	return min(1, 2*tail), "sign test"
}

// overPasses is the interval of b/a from one value per pass; nil where there
// are too few. All values are positive.
func overPasses(a, b []float64, assume Assumption) *Interval {
	i := &Interval{Basis: Passes, NA: len(a), NB: len(b)}
	if assume == Normal {
		i.Lo, i.Hi = welchRatio(a, b, confidence)
		i.Confidence, i.Method = confidence, "Welch's t on the means, by the delta method"
	} else {
		var ok bool
		i.Lo, i.Hi, i.Confidence, ok = rankRatio(a, b, confidence)
		if !ok {
			return nil
		}
		i.Method = "the Mann–Whitney test's own (Moses)"
	}
	i.P, i.Test = test(a, b, assume)
	return i
}

// Equivalence is whether a ratio lies within a margin: two one-sided tests, of it
// being above 1/(1 + margin) and below 1 + margin, each at the level 1 −
// confidence. Both reject where the interval with twice that level lies within
// (Schuirmann, "A comparison of the two one-sided tests procedure and the power
// approach", 1987).
type Equivalence struct {
	Margin float64 `json:"margin"` // a share
	Lo     float64 `json:"lo"`     // that interval
	Hi     float64 `json:"hi"`
	Holds  bool    `json:"holds"`
}

// equivalence tests samples of one value per pass; nil where there are too few.
func equivalence(a, b []float64, margin float64, assume Assumption) *Equivalence {
	const level = 2*confidence - 1
	e := &Equivalence{Margin: margin}
	ok := true
	if assume == Normal {
		e.Lo, e.Hi = welchRatio(a, b, level)
	} else {
		e.Lo, e.Hi, _, ok = rankRatio(a, b, level)
	}
	if !ok {
		return nil
	}
	e.Holds = e.Lo > 1/(1+margin) && e.Hi < 1+margin
	return e
}

// overRequests is the interval of mean(b)/mean(a) from one value per request.
func overRequests(a, b []float64, paired bool, assume Assumption) *Interval {
	i := &Interval{Basis: Requests, Paired: paired, NA: len(a), NB: len(b), Confidence: confidence}
	if assume == Normal && !paired {
		i.Lo, i.Hi = welchRatio(a, b, confidence)
		i.Method = "Welch's t on the means, by the delta method"
	} else {
		i.Lo, i.Hi = resample(a, b, paired)
		i.Method = fmt.Sprintf("percentiles of %d resamples", resamples)
	}
	i.P, i.Test = test(a, b, assume)
	if paired {
		i.P, i.Test = testPaired(a, b, assume)
	}
	return i
}

// exactUpTo is the sample size up to which the U statistic's distribution is
// computed; beyond it the normal approximation is good to the third digit.
const exactUpTo = 25

// rankRatio is the interval of the factor q by which a has to be scaled so
// that the Mann–Whitney test no longer tells it from b: with the m·n ratios
// b_j/a_i in ascending order, from the k-th to the (m·n+1−k)-th, where k is
// the largest with P(U < k) ≤ α/2. It is due to Moses; see Hollander, Wolfe
// and Chicken, "Nonparametric Statistical Methods" (2014), section 4.3. ok is
// false where the samples are too small for the confidence asked.
func rankRatio(a, b []float64, confidence float64) (lo, hi, reached float64, ok bool) {
	var q []float64
	for _, x := range a {
		for _, y := range b {
			q = append(q, y/x)
		}
	}
	slices.Sort(q)
	m, n := float64(len(a)), float64(len(b))
	k, tail := 0, 0.0
	if max(len(a), len(b)) <= exactUpTo {
		u := stats.UDist{N1: len(a), N2: len(b)}
		for {
			p := u.CDF(float64(k)) // P(U < k+1)
			if p > (1-confidence)/2 {
				break
			}
			k, tail = k+1, p
		}
	} else {
		z := stats.StdNormal.InvCDF((1 + confidence) / 2)
		k = int(m*n/2 - z*math.Sqrt(m*n*(m+n+1)/12))
		tail = (1 - confidence) / 2
	}
	if k < 1 {
		return 0, 0, 0, false
	}
	return q[k-1], q[len(q)-k], 1 - 2*tail, true
}

// welchRatio is the interval of mean(b)/mean(a) for independent normal
// samples: the logarithm of the ratio has the variance s²a/(n·ā²) + s²b/(m·b̄²)
// to first order, and Welch's degrees of freedom.
func welchRatio(a, b []float64, confidence float64) (lo, hi float64) {
	ma, _ := result.Mean(a)
	mb, _ := result.Mean(b)
	va := math.Pow(spread(a), 2) / float64(len(a))
	vb := math.Pow(spread(b), 2) / float64(len(b))
	q := mb / ma
	if va+vb == 0 {
		return q, q
	}
	df := (va + vb) * (va + vb) / (va*va/float64(len(a)-1) + vb*vb/float64(len(b)-1))
	t := stats.InvCDF(stats.TDist{V: df})((1 + confidence) / 2)
	e := math.Exp(t * math.Sqrt(va+vb))
	return q / e, q * e
}

// spread is the coefficient of variation, sample standard deviation / mean.
func spread(x []float64) float64 {
	mean, squares := result.Scatter(x)
	if len(x) < 2 || mean == 0 {
		return 0
	}
	return math.Sqrt(squares/float64(len(x)-1)) / mean
}

// resamples is how many times the requests are drawn again. The seed is
// fixed: the same files give the same interval.
const resamples = 4000

// resample is the percentile bootstrap of mean(b)/mean(a) (Efron, "Bootstrap
// methods", 1979). Paired requests are drawn together, which takes what the
// prompts differ in out of the interval.
func resample(a, b []float64, paired bool) (lo, hi float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	q := make([]float64, resamples)
	for k := range q {
		var sa, sb float64
		for range a {
			i := rng.IntN(len(a))
			sa += a[i]
			if paired {
				sb += b[i]
			}
		}
		if !paired {
			for range b {
				sb += b[rng.IntN(len(b))]
			}
		}
		q[k] = sb / float64(len(b)) / (sa / float64(len(a)))
	}
	slices.Sort(q)
	lo, _ = result.Percentile(q, 50*(1-confidence))
	hi, _ = result.Percentile(q, 50*(1+confidence))
	return lo, hi
}

// fewestPasses says how many passes more each side needs before ranks give an
// interval at all.
func fewestPasses(na, nb int) string {
	for more := 1; ; more++ {
		// The most extreme order of the two samples has this probability.
		p := 2 / choose(na+nb+2*more, na+more)
		if p <= 1-confidence {
			return fmt.Sprintf("%s of each side, or --assume normal", figure.Plural(more, "more pass", "more passes"))
		}
	}
}

func choose(n, k int) float64 {
	c := 1.0
	for i := 1; i <= k; i++ {
		c *= float64(n-k+i) / float64(i)
	}
	return c
}

// MostPasses is where Measure.MorePasses stops counting.
const MostPasses = 1000

// power is how often the passes that morePasses counts are enough.
const power = 0.8

// morePasses is Measure.MorePasses of two samples that decide nothing. With the
// coefficients of variation c_a and c_b, and the log ratio δ as it is seen,
//
//	n = (z_{1−α/2} + z_{1−β})² (c_a² + c_b²) / δ²
//
// values a side show the difference with power 1−β at level α, and
//
//	n = (z_{1−α} + z_{1−β/2})² (c_a² + c_b²) / (θ − |δ|)²
//
// show it to be within the margin, θ = ln(1 + margin), where |δ| < θ (Chow, Shao,
// Wang, Lokhnygina, "Sample Size Calculations in Clinical Research", 2018,
// section 3.2). The lesser counts; ranks need π/3 times as many. It is 0 where
// no number of passes would show either, and 1 where there should have been
// enough of them.
func morePasses(a, b []float64, opt ComparisonOptions) int {
	const level = 1 - confidence
	z := stats.StdNormal.InvCDF
	variance := math.Pow(spread(a), 2) + math.Pow(spread(b), 2)
	delta := math.Abs(math.Log(center(b, opt.Assume) / center(a, opt.Assume)))
	need := math.Inf(1)
	if delta > 0 {
		need = math.Pow((z(1-level/2)+z(power))/delta, 2) * variance
	}
	if left := math.Log1p(opt.EqualWithin) - delta; left > 0 {
		need = min(need, math.Pow((z(1-level)+z((1+power)/2))/left, 2)*variance)
	}
	if math.IsInf(need, 1) {
		return 0
	}
	if opt.Assume == Nothing {
		need *= math.Pi / 3
	}
	return int(max(1, math.Ceil(min(need, 2*MostPasses))-float64(min(len(a), len(b)))))
}
