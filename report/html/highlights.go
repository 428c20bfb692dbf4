package html

import (
	"fmt"
	"strconv"

	"ceiling/bench"
)

// Highlights are the figures at the head of a run's page: the sweet spot, the
// peak and the lowest mean TPOT, printed as the report prints them. One that
// the run does not have is left out.
func Highlights(r *bench.Results) []Highlight {
	var out []Highlight
	results := measured(r)
	if s, ok := bench.SweetSpot(results); ok && s.OutputThroughput != nil && s.Concurrency > 0 {
		out = append(out, Highlight{
			Label: "Interactive sweet spot", Value: fmt.Sprintf("c=%d", s.Concurrency),
			Note: fixed(*s.OutputThroughput/float64(s.Concurrency), 1) + " tok/s per user",
		})
	}
	if p, ok := bench.Peak(results); ok && p.OutputThroughput != nil {
		out = append(out, Highlight{
			Label: "Peak throughput", Value: fixed(*p.OutputThroughput, 1),
			Unit: "tok/s", Note: fmt.Sprintf("at c=%d", p.Concurrency),
		})
	}
	var best *bench.Result
	for i := range results {
		if v := results[i].TPOTMeanMs; v != nil && (best == nil || *v < *best.TPOTMeanMs) {
			best = &results[i]
		}
	}
	if best != nil {
		out = append(out, Highlight{Label: "Lowest mean TPOT", Value: fixed(*best.TPOTMeanMs, 2), Unit: "ms", Note: best.Name})
	}
	return out
}

// measured are the results of the scenarios that did not fail.
func measured(r *bench.Results) []bench.Result {
	var out []bench.Result
	for i, res := range r.Results {
		if !r.Failed(i) {
			out = append(out, res)
		}
	}
	return out
}

// fixed is the report's way to print a number: correctly rounded.
func fixed(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }
