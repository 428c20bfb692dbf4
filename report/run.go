package report

import (
	"slices"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

// runAnalysis is what the summary and the recommendations look at.
type runAnalysis struct {
	results   *result.Run
	scenarios []*analysis
	sweep     bool        // there is a concurrency sweep
	points    []*analysis // its measured points by rising concurrency

	// Scenarios that are named for a figure; nil: none.
	sweet, peak *analysis
	next        *analysis // the scaling point above the sweet spot
	busiest     *analysis // the highest output of all
	fastest     *analysis // the lowest mean TPOT
	slowest     *analysis // the highest mean TTFT
	longest     *analysis // the longest prompts of those at a concurrency above 1
	uneven      *analysis // the highest ITL p99 / median, from pauses on
}

func newRun(r *result.Run, all []scenario) *runAnalysis {
	x := &runAnalysis{results: r, scenarios: analyse(r, all)}
	for _, i := range r.Series() {
		x.sweep = true
		if a := x.scenarios[i]; !a.dead() {
			x.points = append(x.points, a)
		}
	}
	for _, a := range x.points {
		x.sweet = a.role.sweetSpot
		if a.role.peak {
			x.peak = a
		}
	}
	for _, a := range x.points {
		if x.sweet != nil && x.next == nil && a.Concurrency > x.sweet.Concurrency {
			x.next = a
		}
	}
	measured := x.measured()
	x.busiest = extreme(measured, func(a *analysis) fact { return a.out }, 1)
	x.fastest = extreme(measured, func(a *analysis) fact { return a.tpot.mean }, -1)
	x.slowest = extreme(measured, func(a *analysis) fact { return a.ttft.mean }, 1)
	x.longest = extreme(measured, longPrompts, 1)
	x.uneven = extreme(measured, unevenness, 1)
	return x
}

// longPrompts is the prompt length of scenarios that share the device.
func longPrompts(a *analysis) fact {
	if a.Concurrency < 2 || !a.ttft.mean.known() {
		return fact{}
	}
	return count(a.InputLen)
}

// unevenness is ITL p99 / median of streams that pause.
func unevenness(a *analysis) fact {
	q := ratio(a.itl.p99, a.itl.median)
	if a.bundledITL() || !(q >= pauses) {
		return fact{}
	}
	return times(q)
}

// extreme is the first of those with the highest positive figure, or the
// lowest for a negative sign; nil where none has one.
func extreme(list []*analysis, of func(*analysis) fact, sign float64) *analysis {
	var best *analysis
	for _, a := range list {
		if f := of(a); f.value > 0 && (best == nil || sign*f.value > sign*of(best).value) {
			best = a
		}
	}
	return best
}

// measured are the scenarios with figures.
func (x *runAnalysis) measured() []*analysis {
	var out []*analysis
	for _, a := range x.scenarios {
		if !a.dead() {
			out = append(out, a)
		}
	}
	return out
}

// candidates says whether a point of the sweep has what a sweet spot needs.
func (x *runAnalysis) candidates() bool { return slices.ContainsFunc(x.points, (*analysis).canBeSweet) }

// planned is the number of scenarios that the run was to measure.
func (x *runAnalysis) planned() int { return max(len(x.scenarios), len(x.results.Planned)) }

// incomplete names what has no figures, or not all of them.
func (x *runAnalysis) incomplete() []string {
	var names []string
	have := map[string]bool{}
	for _, a := range x.scenarios {
		have[a.Name] = true
		if a.dead() || a.partial() {
			names = append(names, a.label)
		}
	}
	for _, planned := range x.results.Planned {
		if !have[planned] {
			names = append(names, oneline.Of(planned))
		}
	}
	return names
}

// leastRequests is the smallest sample of the run, 0 if unknown.
func (x *runAnalysis) leastRequests() int {
	least := 0
	for _, a := range x.measured() {
		if n := a.measuredRequests(); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// cache says whether prompts were all computed, or some may have come from a
// cache; neither where a scenario does not tell.
func (x *runAnalysis) cache() (cold, warm bool) {
	cold = true
	for _, a := range x.measured() {
		d := a.detail
		warm = warm || d != nil && (d.Cache == result.CacheWarm || d.ReusedTokens > 0)
		cold = cold && d != nil && d.Cache == result.CacheCold
	}
	return cold && !warm, warm
}
