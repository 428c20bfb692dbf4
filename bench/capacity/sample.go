package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"ceiling/bench/result"
)

// SampleOf takes a scenario's outcome and records as a probe.
func SampleOf(bounds []result.Bound, sc result.Scenario, e *result.Entry, records []result.Record) ProbeSample {
	switch {
	case e.Result.Error != nil:
		return ProbeSample{Failed: *e.Result.Error}
	case e.Result.FailedRequests > 0:
		return ProbeSample{Failed: fmt.Sprintf("%.0f of %d requests failed", e.Result.FailedRequests, e.Result.NumPrompts)}
	}
	s := ProbeSample{Together: max(1, e.Detail.PeakConcurrent), Values: make([][]float64, len(bounds))}
	records = slices.SortedFunc(slices.Values(records), func(a, b result.Record) int {
		return cmp.Or(cmp.Compare(a.Admitted, b.Admitted), cmp.Compare(a.Request, b.Request))
	})
	for i, b := range bounds {
		for k := range records {
			if v, ok := b.Value(&records[k], sc.OpenLoop()); ok {
				s.Values[i] = append(s.Values[i], v)
			}
		}
	}
	return s
}

// LeastWaves is how many requests a probe has at least for each that runs at a
// time: the first ones come all at once, and are not to be most of the sample.
const LeastWaves = 4

// Requests is how many requests a probe takes for every bound's statistic, with so
// many of them in flight, and for so many waves: where requests run in lock step,
// those of a wave are no more than one value. A closed loop of equal requests ends
// in a whole wave.
func Requests(bounds []result.Bound, inFlight, waves int) int {
	n := waves * inFlight
	for _, b := range bounds {
		n = max(n, b.Needs())
	}
	return (n + inFlight - 1) / inFlight * inFlight
}

// Rate is the n-th of the rates, in requests/s, that a search goes through.
func Rate(least float64, n int) float64 { return least * math.Pow(rateStep, float64(n-1)) }

// rateStep is how far apart two neighbouring rates are: what an answer in
// requests/s is good for.
const rateStep = 1.05

// NextRate is the rate to try after one that keeps the limits: about twice it.
func NextRate(n int) int { return n + int(math.Round(math.Log(2)/math.Log(rateStep))) }
