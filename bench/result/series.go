package result

import (
	"math"
	"slices"
)

// shape is all of a scenario's load but its concurrency.
type shape struct {
	input, output, prefix int // tokens
	ranged                float64
	cache                 string
	settings              string
	dataset               string // "": prompts were drawn
	untilEnd              bool
	turns                 int
	think                 float64
	depth                 int // tokens
}

// shape is that of result i; ok is false where concurrency is not what sets
// its load: in an open loop that is the rate of arrivals.
func (r *Run) shape(i int) (s shape, ok bool) {
	res, d := &r.Results[i], r.Detail(i)
	s = shape{input: res.InputLen, output: res.OutputLen}
	if d != nil {
		s.prefix, s.ranged, s.cache, s.untilEnd, s.settings = d.PrefixLen, d.RangeRatio, d.Cache, d.UntilEnd, SettingsText(d.Settings)
		if s.turns, s.think = len(d.Turns), d.ThinkS; s.turns > 0 {
			s.input = 0 // the mean depends on which conversations came how far
		}
		if d.Depth != nil {
			s.depth = *d.Depth
		}
		if d.Dataset != nil {
			// Lengths are means of what was taken from the file, and differ a little
			// with how much that was.
			s.dataset, s.input, s.output = d.Dataset.SHA256, d.Dataset.Input, d.Dataset.Output
		}
	} else if res.Name == MixedTraffic {
		s.ranged = MixedRange
	}
	return s, res.Concurrency >= 1 && (d == nil || d.RequestRate == nil)
}

// The one scenario of the reference whose lengths vary. Its files have no place
// for by how much.
const (
	MixedTraffic = "Mixed Traffic"
	MixedRange   = 0.5 // lengths ±50 %
)

// Series are the scaling points: scenarios of equal lengths and conditions at
// two concurrencies or more, whatever their names, as indexes of Results by
// rising concurrency; nil where there are none. Scenarios that failed are
// points too. Of several series it is the one with the most points that did
// not fail, then the first; of several scenarios at one concurrency it has the
// first that did not fail.
func (r *Run) Series() []int {
	var order []shape
	series := map[shape][]int{}
	for i := range r.Results {
		s, ok := r.shape(i)
		if !ok {
			continue
		}
		if series[s] == nil {
			order = append(order, s)
		}
		series[s] = r.addPoint(series[s], i)
	}
	var best []int
	for _, s := range order {
		if points := series[s]; len(points) >= 2 && (best == nil || len(r.succeeded(points)) > len(r.succeeded(best))) {
			best = points
		}
	}
	return best
}

// addPoint puts result i at its concurrency's place, unless that is taken.
func (r *Run) addPoint(points []int, i int) []int {
	k, taken := slices.BinarySearchFunc(points, r.Results[i].Concurrency, func(p, c int) int { return r.Results[p].Concurrency - c })
	if !taken {
		return slices.Insert(points, k, i)
	}
	if r.Failed(points[k]) && !r.Failed(i) {
		points[k] = i
	}
	return points
}

func (r *Run) succeeded(points []int) []int {
	return slices.DeleteFunc(slices.Clone(points), r.Failed)
}

// SweetSpot picks the best concurrency for interactive use, as an index of
// Results: among scaling points whose TTFT p99 and TPOT p99 are each within
// twice the lowest of the series, the one with the highest output throughput
// per user. With an SLO its limits take the place of twice the lowest, and the
// highest output throughput of all decides: one user's speed is then good
// enough. Of two that are equal it is the lower concurrency. ok is false where
// no point has all of them. It counts a 0 as missing, as the reference writes
// it.
func (r *Run) SweetSpot() (spot int, ok bool) {
	points := slices.DeleteFunc(r.succeeded(r.Series()), func(i int) bool {
		p := &r.Results[i]
		return !measured(p.TTFTP99Ms) || !measured(p.TPOTP99Ms) || !measured(p.OutputThroughput)
	})
	ttft, tpot := r.interactive(points)
	best := 0.0
	for _, i := range points {
		p := &r.Results[i]
		if *p.TTFTP99Ms > ttft || *p.TPOTP99Ms > tpot {
			continue
		}
		value := PerUserThroughput(*p)
		if r.SLO != nil {
			value = *p.OutputThroughput
		}
		if !ok || value > best {
			spot, best, ok = i, value, true
		}
	}
	return spot, ok
}

// interactive is the highest p99 TTFT and p99 TPOT that a sweet spot may have,
// in ms.
func (r *Run) interactive(points []int) (ttft, tpot float64) {
	ttft, tpot = math.Inf(1), math.Inf(1)
	if r.SLO != nil {
		if r.SLO.TTFTMs > 0 {
			ttft = r.SLO.TTFTMs
		}
		if r.SLO.TPOTMs > 0 {
			tpot = r.SLO.TPOTMs
		}
		return ttft, tpot
	}
	for _, i := range points {
		ttft, tpot = min(ttft, *r.Results[i].TTFTP99Ms), min(tpot, *r.Results[i].TPOTP99Ms)
	}
	return 2 * ttft, 2 * tpot
}

// Peak picks the scaling point with the highest output throughput, and the
// lower concurrency where two are equal, as an index of Results; ok is false
// where none has one.
func (r *Run) Peak() (peak int, ok bool) {
	for _, i := range r.succeeded(r.Series()) {
		v := r.Results[i].OutputThroughput
		if measured(v) && (!ok || *v > *r.Results[peak].OutputThroughput) {
			peak, ok = i, true
		}
	}
	return peak, ok
}

// PerUserThroughput is the output throughput of one user in tokens/s: output
// throughput / concurrency; 0 where it was not measured.
func PerUserThroughput(r Summary) float64 {
	if r.OutputThroughput == nil || r.Concurrency <= 0 {
		return 0
	}
	return *r.OutputThroughput / float64(r.Concurrency)
}

func measured(v *float64) bool { return v != nil && *v > 0 }
