package report

import (
	"ceiling/bench/result"
	"ceiling/report/plausible"
)

// role is a scaling point's part in the choice of the sweet spot.
type role struct {
	slo                *result.SLO // the user's limits, nil for none
	sweetSpot          *analysis   // the run's, nil for none
	bestTTFT, bestTPOT fact        // the lowest p99 of all points that can be the sweet spot
	peak               bool        // the highest output of the curve
}

// analyse looks at all scenarios of a run and at what they can be compared
// with.
func analyse(r *result.Run, all []scenario) []*analysis {
	out := make([]*analysis, len(all))
	for i := range all {
		out[i] = newAnalysis(&all[i])
	}
	for i, a := range out {
		a.relate(out)
		if a.gain = r.SpecGain(i); a.gain != nil {
			a.withoutDrafts = out[a.gain.Plain]
		}
	}
	assignRoles(r, out)
	return out
}

// relate finds the scenarios that a is compared with. Failed scenarios are
// none.
func (a *analysis) relate(others []*analysis) {
	if a.dead() {
		return
	}
	for _, o := range others {
		if o == a || o.dead() {
			continue
		}
		if o.singleStream() && a.Concurrency > 1 && (a.single == nil || plausible.Apart(a.InputLen, o.InputLen) < plausible.Apart(a.InputLen, a.single.InputLen)) {
			a.single = o
		}
		if o.Concurrency == a.Concurrency && !a.scaling && (o.scaling || a.Concurrency == 1) && a.sameConcurrency == nil {
			a.sameConcurrency = o
		}
		if a.scaling && o.scaling && o.Concurrency < a.Concurrency && (a.previous == nil || o.Concurrency > a.previous.Concurrency) {
			a.previous = o
		}
	}
}

// assignRoles gives every scaling point its role.
func assignRoles(results *result.Run, all []*analysis) {
	r := role{slo: results.SLO}
	for _, a := range all {
		if !a.scaling || a.dead() || !a.canBeSweet() {
			continue
		}
		if !r.bestTTFT.known() || a.ttft.p99.value < r.bestTTFT.value {
			r.bestTTFT = a.ttft.p99
		}
		if !r.bestTPOT.known() || a.tpot.p99.value < r.bestTPOT.value {
			r.bestTPOT = a.tpot.p99
		}
	}
	if i, ok := results.SweetSpot(); ok {
		r.sweetSpot = all[i]
	}
	peak, hasPeak := results.Peak()
	for i, a := range all {
		if a.scaling && !a.dead() {
			a.role = r
			a.role.peak = hasPeak && i == peak
		}
	}
}
