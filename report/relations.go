package report

import (
	"math"

	"ceiling/bench"
	"ceiling/report/prose"
)

// step is a scaling point against the one below it.
type step struct {
	more, gain, cost fact // ratios of slots, output, mean TPOT
	linear           fact // output as a part of what proportional growth would give
}

// shared is a stream in a batch against one request at a time.
type shared struct {
	gain, cost     fact // ratios of output and mean TPOT
	faster, slower fact // prefill rate implied by mean TTFT: here / alone, alone / here
}

// pace is mean TPOT against that of another shape at the same concurrency,
// both ways round, and mean TTFT.
type pace struct{ slower, faster, ttft fact }

// role is a scaling point's part in the choice of the sweet spot.
type role struct {
	sweet, peak bool
	sweetSpot   *scene // the run's, nil for none
	// The lowest p99 of all points, in ms, and this point's against them.
	bestTTFT, bestTPOT *scene
	ttft, tpot         fact
}

// scenes builds the scenes of a run with their relations.
func scenes(r *bench.Results, all []scenario) []*scene {
	out := make([]*scene, len(all))
	for i := range all {
		out[i] = newScene(&all[i])
	}
	for _, c := range out {
		c.relate(out)
	}
	assignRoles(r, out)
	// A scene borrows facts of others, so all have theirs before the first
	// comparison.
	for _, c := range out {
		c.compare()
	}
	return out
}

// relate finds the scenarios that c is compared with. Failed scenarios are
// none.
func (c *scene) relate(others []*scene) {
	if c.dead() {
		return
	}
	for _, o := range others {
		if o == c || o.dead() {
			continue
		}
		if o.Concurrency == 1 && c.Concurrency > 1 && (c.alone == nil || lengthDistance(c, o) < lengthDistance(c, c.alone)) {
			c.alone = o
		}
		if o.Concurrency == c.Concurrency && !c.scaling && (o.scaling || c.Concurrency == 1) && c.twin == nil {
			c.twin = o
		}
		if c.scaling && o.scaling && o.Concurrency < c.Concurrency &&
			(c.previous == nil || o.Concurrency > c.previous.Concurrency) {
			c.previous = o
		}
	}
}

// compare computes the facts that need another scenario.
func (c *scene) compare() {
	if p := c.previous; p != nil {
		c.step = step{more: c.ratio(c.users, p.users), gain: c.ratio(c.out, p.out), cost: c.ratio(c.tpotMean, p.tpotMean)}
		if c.step.more.known() && c.step.gain.known() {
			against := p.of(prose.Proportional, "")
			c.step.linear = c.share(min(1, c.step.gain.Value/c.step.more.Value), c.out.Of, against)
		}
		c.ratio(c.perUserOut, p.perUserOut)
		c.ratio(c.ttftMean, p.ttftMean)
		c.ratio(c.ttftP99, p.ttftP99)
		c.ratio(c.tpotP99, p.tpotP99)
		c.borrow(p.users, p.out, p.perUserOut, p.ttftMean, p.ttftP99, p.tpotMean, p.tpotP99)
	}
	if r := &c.role; r.sweetSpot != nil && c.canBeSweet() {
		r.ttft, r.tpot = c.ratio(c.ttftP99, r.bestTTFT.ttftP99), c.ratio(c.tpotP99, r.bestTPOT.tpotP99)
		best := r.sweetSpot
		c.borrow(best.users, best.perUserOut, best.ttftP99, best.tpotP99, r.bestTTFT.ttftP99, r.bestTPOT.tpotP99)
	}
	if a := c.alone; a != nil {
		c.shared = shared{gain: c.ratio(c.out, a.out), cost: c.ratio(c.tpotMean, a.tpotMean)}
		if c.similarLength(a) {
			c.shared.faster, c.shared.slower = c.ratio(c.impliedPrefill, a.impliedPrefill), c.ratio(a.impliedPrefill, c.impliedPrefill)
		}
		c.borrow(a.users, a.input, a.output, a.out, a.ttftMean, a.tpotMean, a.impliedPrefill, a.enginePrefill)
	}
	if o := c.twin; o != nil && !c.sameShape(o) {
		c.pace = pace{c.ratio(c.tpotMean, o.tpotMean), c.ratio(o.tpotMean, c.tpotMean), c.ratio(c.ttftMean, o.ttftMean)}
		c.borrow(o.users, o.input, o.output, o.ttftMean, o.tpotMean)
	}
}

// related are the scenarios that c's sentences may speak of beside c.
func (c *scene) related(all []*scene) []*scene {
	var out []*scene
	for _, o := range all {
		switch {
		case o == c || o.dead():
		case o == c.alone || o == c.twin || o == c.previous:
			out = append(out, o)
		case c.scaling && o.scaling:
			// What is lowest or highest of the curve takes all of it to tell.
			out = append(out, o)
		}
	}
	return out
}

// similarLength says whether prompts of both are prefilled at rates that can
// be compared.
func (c *scene) similarLength(o *scene) bool {
	if c.InputLen <= 0 || o.InputLen <= 0 {
		return false
	}
	q := float64(c.InputLen) / float64(o.InputLen)
	return q <= similarLength && q >= 1/similarLength
}

// lengthDistance compares prompt lengths as factors: 512 is as far from 1024
// as 2048 is.
func lengthDistance(a, b *scene) float64 {
	return math.Abs(math.Log(float64(max(1, a.InputLen))) - math.Log(float64(max(1, b.InputLen))))
}

// assignRoles gives every scaling point its role.
func assignRoles(results *bench.Results, all []*scene) {
	var points []*scene
	for _, c := range all {
		if !c.dead() && c.scaling {
			points = append(points, c)
		}
	}
	var r role
	for _, c := range points {
		if !c.canBeSweet() {
			continue
		}
		if r.bestTTFT == nil || c.ttftP99.Value < r.bestTTFT.ttftP99.Value {
			r.bestTTFT = c
		}
		if r.bestTPOT == nil || c.tpotP99.Value < r.bestTPOT.tpotP99.Value {
			r.bestTPOT = c
		}
	}
	sweet, hasSweet := results.SweetSpot()
	if hasSweet {
		r.sweetSpot = all[sweet]
	}
	peak, hasPeak := results.Peak()
	for _, c := range points {
		c.role = r
		c.role.sweet = c == r.sweetSpot
		c.role.peak = hasPeak && c == all[peak]
	}
}

// canBeSweet says whether the point has the figures that the choice of the
// sweet spot looks at.
func (c *scene) canBeSweet() bool {
	positive := func(f fact) bool { return f.known() && f.Value > 0 }
	return positive(c.ttftP99) && positive(c.tpotP99) && positive(c.out)
}
