package report

import (
	"ceiling/bench"
	"ceiling/report/prose"
)

// run is what the summary and the recommendations look at.
type run struct {
	ledger
	results *bench.Results
	all     []scenario
	scenes  []*scene
	curve   bool     // scenarios were to make a scaling curve
	points  []*scene // measured scaling points by rising concurrency

	// Scenes that are named for a figure; nil: none.
	sweet, peak *scene
	next        *scene // the scaling point above the sweet spot
	fastest     *scene // lowest mean TPOT
	longest     *scene // longest prompts of those at a concurrency above 1
	uneven      *scene // the highest ITL p99 / median, from pauses on

	planned, withResult  fact // scenarios
	smallest, needed     fact // requests: the smallest sample, and what a p99 needs
	sweetPerUser         fact // tok/s, as the line of the sweet spot prints it
	ttftLimit, tpotLimit fact // ms, the limits behind the sweet spot
	peakOver, nextOver   over
	lastOfPeak           fact // output of the last scaling point against the peak's
}

// over is a scaling point against the sweet spot: ratios of output, TTFT p99
// and TPOT p99.
type over struct{ out, ttft, tpot fact }

func newRun(r *bench.Results, all []scenario) *run {
	x := &run{results: r, all: all, scenes: scenes(r, all)}
	for _, i := range r.Series() {
		x.curve = true
		if c := x.scenes[i]; !c.dead() {
			x.points = append(x.points, c)
		}
	}
	for _, c := range x.points {
		if c.role.sweet {
			x.sweet = c
		}
		if c.role.peak {
			x.peak = c
		}
	}
	x.choose()
	x.curveFacts()
	x.scenarioFacts()
	return x
}

// measuredScenes are the scenarios with figures.
func (x *run) measuredScenes() []*scene {
	var out []*scene
	for _, c := range x.scenes {
		if !c.dead() {
			out = append(out, c)
		}
	}
	return out
}

// choose finds the scenes that are named for a figure.
func (x *run) choose() {
	for _, c := range x.measuredScenes() {
		if c.tpotMean.known() && (x.fastest == nil || c.tpotMean.Value < x.fastest.tpotMean.Value) {
			x.fastest = c
		}
		if c.Concurrency > 1 && c.ttftMean.known() && (x.longest == nil || c.InputLen > x.longest.InputLen) {
			x.longest = c
		}
		if q := c.itlReach; !c.bundledITL() && q.known() && q.Value >= prose.Pauses && (x.uneven == nil || q.Value > x.uneven.itlReach.Value) {
			x.uneven = c
		}
	}
	for _, c := range x.points {
		if x.sweet != nil && x.next == nil && c.Concurrency > x.sweet.Concurrency {
			x.next = c
		}
	}
}

// shortest returns the scenes with the shortest and the longest prompts; nil
// where nothing was measured.
func (x *run) shortest() (lo, hi *scene) {
	for _, c := range x.measuredScenes() {
		if lo == nil || c.InputLen < lo.InputLen {
			lo = c
		}
		if hi == nil || c.InputLen > hi.InputLen {
			hi = c
		}
	}
	return lo, hi
}

// curveFacts are those of the sweet spot, the peak and the end of the curve.
func (x *run) curveFacts() {
	if s := x.sweet; s != nil {
		x.sweetPerUser = x.measured(s.perUserOut.Of, s.perUser(), "tok/s", 1)
		x.borrow(s.users, s.perUserOut, s.ttftP99, s.tpotP99, s.out)
		x.ttftLimit, x.tpotLimit = x.limit(s.role.bestTTFT.ttftP99), x.limit(s.role.bestTPOT.tpotP99)
		x.nextOver = x.over(x.next)
	}
	if x.peak == nil {
		return
	}
	x.borrow(x.peak.users, x.peak.out)
	x.peakOver = x.over(x.peak)
	last := x.points[len(x.points)-1]
	x.borrow(last.users, last.step.gain, last.step.more)
	if last.previous != nil {
		x.borrow(last.previous.users)
	}
	if last != x.peak {
		x.lastOfPeak = x.ratio(last.out, x.peak.out)
	}
}

// over compares a scaling point with the sweet spot.
func (x *run) over(c *scene) over {
	s := x.sweet
	if c == nil || s == nil || c == s {
		return over{}
	}
	x.borrow(c.users, c.perUserOut)
	return over{x.ratio(c.out, s.out), x.ratio(c.ttftP99, s.ttftP99), x.ratio(c.tpotP99, s.tpotP99)}
}

// limit is twice the lowest p99 of the curve.
func (x *run) limit(lowest fact) fact {
	v := prose.LongTail * lowest.Value
	text := fixed(&v, 2)
	if !lowest.known() || text == missing {
		return fact{}
	}
	return x.add(prose.Fact{Value: v, Unit: "ms", Text: text + " ms", Of: prose.Figure{Metric: lowest.Of.Metric, Stat: prose.Limit}})
}

// scenarioFacts are the figures of the tables, and what the run as a whole
// comes to.
func (x *run) scenarioFacts() {
	x.planned = x.count(prose.Figure{Metric: prose.Scenarios, Stat: prose.Planned}, max(len(x.scenes), len(x.results.Planned)))
	x.withResult = x.count(prose.Figure{Metric: prose.Scenarios, Stat: prose.Measured}, len(x.measuredScenes()))
	if x.fastest != nil {
		x.borrow(x.fastest.tpotMean)
	}
	if x.uneven != nil {
		x.borrow(x.uneven.itlReach)
	}
	if l := x.longest; l != nil && l.twin != nil {
		x.borrow(l.pace.ttft)
	}
	least := 0
	for _, c := range x.measuredScenes() {
		if n := c.measuredRequests(); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if least > 0 {
		x.smallest = x.count(prose.Figure{Metric: prose.Requests, Stat: prose.Least}, least)
		x.needed = x.count(prose.Figure{Metric: prose.Requests, Stat: prose.Needed}, carriesP99)
	}
	for _, c := range x.points {
		x.borrow(c.users, c.out, c.perUserOut, c.ttftP99, c.tpotP99)
	}
	for _, c := range x.measuredScenes() {
		x.borrow(c.users, c.input, c.output, c.out, c.ttftMean, c.tpotMean, c.tpotP99)
	}
}
