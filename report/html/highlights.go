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
	if i, ok := r.SweetSpot(); ok {
		s := r.Results[i]
		out = append(out, Highlight{
			Label: "Interactive sweet spot", Value: fmt.Sprintf("c=%d", s.Concurrency),
			Note: fixed(bench.PerUserThroughput(s), 1) + " tok/s per user",
		})
	}
	if i, ok := r.Peak(); ok {
		p := r.Results[i]
		out = append(out, Highlight{
			Label: "Peak throughput of the sweep", Value: fixed(*p.OutputThroughput, 1),
			Unit: "tok/s", Note: fmt.Sprintf("at c=%d", p.Concurrency),
		})
	}
	var best *bench.Result
	for i := range r.Results {
		if v := r.Results[i].TPOTMeanMs; !r.Failed(i) && v != nil && (best == nil || *v < *best.TPOTMeanMs) {
			best = &r.Results[i]
		}
	}
	if best != nil {
		out = append(out, Highlight{Label: "Lowest mean TPOT", Value: fixed(*best.TPOTMeanMs, 2), Unit: "ms", Note: best.Name})
	}
	return out
}

// fixed is the report's way to print a number: correctly rounded.
func fixed(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }
