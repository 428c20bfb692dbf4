package suite

import "math"

// Arrivals is the schedule of an open loop: the intended start of each of n
// requests, in seconds after the scenario's start, ascending. It is a pure
// function of its arguments.
//
// With the rate R in requests/s and the burstiness b (no unit), the gaps are
//
//	g_i ~ Gamma(shape = b, scale = 1/(R·b))   mean 1/R seconds
//	t_i = (g_0 + … + g_i) · (n/R) / (g_0 + … + g_(n−1))
//
// The second factor stretches the schedule so that the last request starts at
// n/R seconds exactly: the offered rate is R whatever was drawn. The first
// request waits its own gap. b = 1 is a Poisson process; the coefficient of
// variation of the gaps is 1/√b.
func Arrivals(seed uint64, n int, rate, burstiness float64) []float64 {
	if n <= 0 || !(rate > 0) || !(burstiness > 0) {
		return nil
	}
	src := newSource()
	src.seek(seed, streamArrivals, uint64(n), math.Float64bits(rate), math.Float64bits(burstiness))
	out := make([]float64, n)
	sum := 0.0
	for i := range out {
		// The scale cancels in the stretching below.
		sum += src.gamma(burstiness)
		out[i] = sum
	}
	if sum == 0 { // every gap of a tiny shape may underflow
		for i := range out {
			out[i] = float64(i+1) / rate
		}
		return out
	}
	factor := float64(n) / rate / sum
	for i := range out {
		out[i] *= factor
	}
	out[n-1] = float64(n) / rate
	return out
}
