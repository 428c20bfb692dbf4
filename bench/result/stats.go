package result

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// Confidence is that of the intervals that documents print.
const Confidence = 0.95

// Mean is the arithmetic mean; ok is false for an empty sample.
func Mean(x []float64) (mean float64, ok bool) {
	if len(x) == 0 {
		return 0, false
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x)), true
}

// Scatter is the mean of a sample, and the sum of the squares of what its values are off it.
func Scatter(x []float64) (mean, squares float64) {
	mean, _ = Mean(x)
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return mean, squares
}

// MeanInterval is the mean of a sample with half of Student's interval around it; half
// is NaN where the sample has less than two values.
func MeanInterval(x []float64) (mean, half float64) {
	mean, squares := Scatter(x)
	if len(x) < 2 {
		return mean, math.NaN()
	}
	n := float64(len(x))
	t := stats.InvCDF(stats.TDist{V: n - 1})((1 + Confidence) / 2)
	return mean, t * math.Sqrt(squares/(n-1)/n)
}

// Percentile is numpy's default: with the m values in ascending order and
// h = (m−1)·p/100, the value at h, by linear interpolation between the values
// at ⌊h⌋ and ⌊h⌋+1. p is from 0 to 100. ok is false for an empty sample.
func Percentile(sorted []float64, p float64) (value float64, ok bool) {
	m := len(sorted)
	if m == 0 {
		return 0, false
	}
	h := float64(m-1) * p / 100
	i := min(max(int(math.Floor(h)), 0), m-1)
	if i == m-1 {
		return sorted[i], true
	}
	return sorted[i] + (h-float64(i))*(sorted[i+1]-sorted[i]), true
}

// NewDist summarises a sample; nil for an empty one. The sample is not
// changed. Std is the population's: √(Σ(x−mean)²/m).
func NewDist(sample []float64) *Dist {
	mean, ok := Mean(sample)
	if !ok {
		return nil
	}
	x := slices.Clone(sample)
	slices.Sort(x)
	squares := 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	d := Dist{
		Count: len(x), Mean: mean, Std: math.Sqrt(squares / float64(len(x))),
		Min: x[0], Max: x[len(x)-1],
	}
	for _, q := range []struct {
		p  float64
		at *float64
	}{{50, &d.Median}, {90, &d.P90}, {95, &d.P95}, {99, &d.P99}} {
		*q.at, _ = Percentile(x, q.p)
	}
	return &d
}

// peakThroughput is the most tokens in one of the one-second windows that
// begin at the earliest admission, in tokens. The windows are fixed, not
// sliding, and a run of less than a second gives its count. It is a count per
// second, not a rate over the time that was really used.
func peakThroughput(recs []*Record) (tokens int) {
	start := math.Inf(1)
	for _, r := range recs {
		start = min(start, r.Admitted)
	}
	// A map, because a schedule may span days with few tokens.
	buckets := map[int]int{}
	for _, r := range recs {
		for _, t := range r.TokenTimes {
			// Both times are whole microseconds; taking the difference in
			// them keeps a token at exactly one second out of the first
			// window whatever the subtraction rounds to.
			at := int((Duration(t) - Duration(start)) / 1e9)
			buckets[at]++
			tokens = max(tokens, buckets[at])
		}
	}
	return tokens
}

// peakConcurrency is the most requests in flight at one instant, by a sweep
// over the half-open intervals from admission to end: one that ends where
// another begins does not overlap it.
func peakConcurrency(recs []*Record) int {
	type event struct {
		at    float64
		delta int
	}
	events := make([]event, 0, 2*len(recs))
	for _, r := range recs {
		events = append(events, event{r.Admitted, 1}, event{r.End, -1})
	}
	slices.SortFunc(events, func(a, b event) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return a.delta - b.delta
	})
	now, most := 0, 0
	for _, e := range events {
		now += e.delta
		most = max(most, now)
	}
	return most
}
