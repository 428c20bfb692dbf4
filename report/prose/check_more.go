package prose

import "slices"

// subjectScene are the points that a comparison without a number speaks of:
// the scenario that is named and not referred to, before or behind.
func (c *checker) subjectScene(i int) []int {
	from, to := c.sameLine(i)
	for k := range c.groups {
		g := &c.groups[k]
		if g.points != nil && g.from >= from && g.from < to && !g.taken && !g.object && !c.reference(g) {
			return g.use()
		}
	}
	return c.sceneFor(i)
}

// otherScene is what a comparison is with where nothing behind it says so: a
// scenario referred to, or the section's own where it speaks of another.
func (c *checker) otherScene(i int, subject []int) []int {
	if points := c.comparedWith(i); points != nil {
		return points
	}
	if c.own >= 0 && !slices.Contains(subject, c.own) {
		return []int{c.own}
	}
	return nil
}

// advise settles a direction that is part of advice and claims nothing: only
// an alert on values below a limit would be wrong.
func (c *checker) advise(i int) {
	if c.items[i].up < 0 && c.alerts(i) {
		c.fault(Ungrounded, "%s: limits are upper ones", c.around(i))
	}
	c.settle(i)
}

// checkMore checks comparatives.
func (c *checker) checkMore() {
	c.each(aMore, func(i int) {
		if c.conditional(i) || c.pastScene(i) {
			c.advise(i)
			return
		}
		if c.differenceOf(i) {
			return
		}
		e := c.items[i].entry
		if e.sense == byEvenness {
			c.compareEvenness(i)
			return
		}
		l, r, ok := c.sides(i)
		if l.phase != noPhase && r.phase != noPhase {
			c.comparePhases(i, l, r)
			return
		}
		if e.sense == byQuality && (!ok || l.metrics == nil) || e.sense == byQuality && c.afterScene(i) {
			c.checkBetter(i)
			return
		}
		lo, hi := c.degreeAt(i)
		way := func(a, b reading) bool {
			up := upward(e, a.metric)
			ratio := max(a.value, b.value) / min(a.value, b.value)
			return up != 0 && (a.value-b.value)*float64(up) > 0 && ratio >= lo && ratio <= hi
		}
		v := notKnown
		switch t := c.trendIn(i); {
		case ok && !r.empty() && c.hardly(i):
			v = c.weigh(l, r, within)
		case ok && !r.empty():
			v = c.weigh(l, r, way)
		case t != 0 && l.metrics != nil:
			v = c.follow(i, l, t)
		}
		if c.negated(i) {
			v = v.not()
		}
		if v == isTrue && l.metrics != nil {
			c.note(l.metrics[0], upward(e, l.metrics[0]))
		}
		c.conclude(i, v, WrongWay, "%s is not so", c.around(i))
	})
}

// differenceOf refuses a number right before a comparative: "37 ms higher" is
// a difference, and facts are none.
func (c *checker) differenceOf(i int) bool {
	if i == 0 || c.items[i-1].num == nil || c.items[i].is("exceed", "surpass", "outweigh", "outperform") {
		return false
	}
	if unit := c.items[i-1].num.unit; unit == "×" || unit == "" {
		return false
	}
	c.fault(WrongWay, "%s is no difference that was measured", c.quote(i-1, i))
	c.settle(i)
	return true
}

// hardly says whether the comparison at i is said to be hardly so, and
// settles that.
func (c *checker) hardly(i int) bool {
	if i == 0 || !c.items[i-1].is("hardly", "scarcely", "barely") {
		return false
	}
	c.settle(i - 1)
	return true
}

// pastScene says whether the word at i only leads to a scenario: "beyond
// c=16".
func (c *checker) pastScene(i int) bool {
	if !c.items[i].is("beyond", "over", "above", "below", "under", "behind") || i+1 >= len(c.items) {
		return false
	}
	g := c.items[i+1].group
	return g >= 0 && c.groups[g].metrics == nil && c.groups[g].stats == nil
}

// compareEvenness checks "steadier than": the spread of the one against that
// of the other, each by its own measure.
func (c *checker) compareEvenness(i int) {
	v := notKnown
	if l, r, ok := c.sides(i); ok {
		r = c.completed(l, r)
		if len(l.metrics) > 0 && len(r.metrics) > 0 && len(l.points) > 0 && len(r.points) > 0 {
			a, okA := c.evennessOf(l.metrics[0], first(l.points))
			b, okB := c.evennessOf(r.metrics[0], first(r.points))
			if okA && okB && (l.metrics[0] != r.metrics[0] || l.points[0] != r.points[0]) {
				v = decide((b.ratio-a.ratio)*float64(c.items[i].up) > 0)
			}
		}
	}
	c.degreeAt(i)
	if c.negated(i) {
		v = v.not()
	}
	c.conclude(i, v, WrongWay, "%s is not so", c.around(i))
}

// note keeps whether a comparison speaks for what it is said of.
func (c *checker) note(m Metric, up int) {
	if lessIsBetter(m) {
		up = -up
	}
	c.better = append(c.better, up)
}

// around quotes the clause around i.
func (c *checker) around(i int) string {
	from, to := c.sameClause(i)
	for from < i && c.items[from].class == aMark {
		from++
	}
	for to-1 > i && c.items[to-1].class == aMark {
		to--
	}
	return c.quote(from, to-1)
}

// directly are comparatives that stand right before what they compare with.
var directly = []string{">", "<", "above", "over", "exceed", "surpass", "beyond", "higher than", "more than", "in excess of", "larger than", "greater than", "outweigh",
	"below", "under", "lower than", "less than", "fewer than", "short of", "behind", "outperform"}

// sides are what the comparative at i compares. The right side is empty where
// only the course along the curve is meant.
func (c *checker) sides(i int) (l, r operand, ok bool) {
	it := &c.items[i]
	if it.is(directly...) {
		if l, ok = c.leftOf(i); !ok {
			return l, r, false
		}
		r, ok = c.rightOf(i)
		return l, r, ok
	}
	than := c.thanAfter(i)
	if l, r, ok = c.phaseSides(i, than); ok {
		return l, r, ok
	}
	if g := c.attribute(i); g != nil && (than < 0 || g.from < than) {
		l = operand{metrics: g.metrics, stats: g.stats, points: g.points, at: g.from, also: c.joined(c.items[g.from].group)}
		if l.metrics == nil {
			l.metrics = c.metricBefore(g.from)
		}
		if l.points == nil {
			l.points = c.subjectScene(i)
		}
	} else if hint := c.hinted(i); hint != nil && c.items[min(i+1, len(c.items)-1)].is("stream", "token") {
		l.metrics, l.points = hint, c.subjectScene(i)
	} else if left, found := c.leftOf(i); found {
		l = left
		if l.points == nil {
			l.points = c.subjectScene(i)
		}
	} else if l.metrics = c.hinted(i); l.metrics != nil {
		l.points = c.subjectScene(i)
	} else {
		return l, r, false
	}
	if than >= 0 {
		if r, ok = c.rightOf(than); ok {
			return l, r, true
		}
	}
	if c.trendIn(i) == 0 {
		r.points = c.otherScene(i, l.points)
	}
	return l, r, true
}

// phaseSides are parts of a request's time on both sides of "than".
func (c *checker) phaseSides(i, than int) (l, r operand, ok bool) {
	if than < 0 {
		return l, r, false
	}
	for k := i + 1; k < than; k++ {
		if o, found := c.operandAt(k); found && o.phase != noPhase {
			l = o
		}
	}
	if l.phase == noPhase {
		return l, r, false
	}
	r, ok = c.rightOf(than)
	return l, r, ok && r.phase != noPhase
}

// thanAfter is the "than" that belongs to the comparative at i, −1 for none.
func (c *checker) thanAfter(i int) int {
	_, to := c.sameLine(i)
	for k := i + 1; k < to && k <= i+9; k++ {
		if c.items[k].is("than", "compared to", "compared with", "than that") {
			return k
		}
		if c.items[k].class == aMore || c.items[k].is(",", ";", "and") {
			return -1
		}
	}
	return -1
}

// hinted is the metric that a plain word stands for in a comparison of pace:
// "a slower stream", "each token takes longer".
func (c *checker) hinted(i int) []Metric {
	if e := c.items[i].entry; e.sense != bySpeed && e.sense != byTime {
		return nil
	}
	from, to := c.sameClause(i)
	for k := from; k < to; k++ {
		if c.items[k].is("stream", "token") {
			return []Metric{TPOT}
		}
	}
	return nil
}

// afterScene says whether "better" is said of a scenario as a whole.
func (c *checker) afterScene(i int) bool {
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		if g := c.items[k].group; g >= 0 {
			return c.groups[g].metrics == nil && c.groups[g].stats == nil
		}
		if !c.items[k].is("is", "are", "would", "be") {
			return false
		}
	}
	return false
}

// checkBetter leaves "better" to the comparisons that the text makes: all
// found true have to speak for the same side.
func (c *checker) checkBetter(i int) {
	want := c.items[i].up
	if c.negated(i) {
		want = -want
	}
	// Those that follow are checked later, so look at the rest first.
	for k := i + 1; k < len(c.items); k++ {
		if c.items[k].class == aMore && !c.items[k].done && c.items[k].sense != byQuality {
			c.later = append(c.later, i)
			return
		}
	}
	c.judgeBetter(i, want)
}

func (c *checker) judgeBetter(i, want int) {
	if len(c.better) == 0 || slices.Contains(c.better, -want) {
		c.fault(Ungrounded, "nothing measured makes %s true", c.quote(i, i))
		c.settle(i)
		return
	}
	c.grant(i)
}

// comparePhases compares parts of a request's time.
func (c *checker) comparePhases(i int, l, r operand) {
	v := notKnown
	a, b := c.share(l.phase), c.share(r.phase)
	up := c.items[i].up
	if c.items[i].sense == bySpeed {
		up = -up
	}
	switch {
	case up > 0 && a.lo > b.hi || up < 0 && a.hi < b.lo:
		v = isTrue
	case up > 0 && a.hi < b.lo || up < 0 && a.lo > b.hi:
		v = isFalse
	}
	if c.negated(i) {
		v = v.not()
	}
	c.settle(l.at)
	c.settle(r.at)
	c.conclude(i, v, WrongLimit, "%s is not so", c.around(i))
}

// trendIn is the direction of the course that i's sentence speaks of: +1
// with rising concurrency, −1 with falling, 0 for none.
func (c *checker) trendIn(i int) int {
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		if c.items[k].class == aTrend {
			return c.items[k].up
		}
	}
	return 0
}

// follow says whether a metric goes with concurrency as the word at i says:
// at every step of the curve, or, where a scenario's section names another
// point, from the point before to its own.
func (c *checker) follow(i int, o operand, trend int) ruling {
	e := c.items[i].entry
	for _, also := range o.also {
		if v := c.follow(i, also, trend); v != isTrue {
			return v
		}
	}
	points := c.curve()
	if from, to := c.sameLine(i); c.own >= 0 && slices.ContainsFunc(c.items[from:to], func(it item) bool {
		return len(it.points) > 0 && !slices.Contains(it.points, c.own)
	}) {
		points = append(c.placed(previousPlace), c.own)
	}
	if len(points) < 2 || len(o.metrics) == 0 {
		return notKnown
	}
	m := o.metrics[0]
	up := float64(upward(e, m) * trend)
	for _, st := range o.statsOf(m) {
		for k := 1; k < len(points); k++ {
			a, okA := c.value(m, st, points[k-1])
			b, okB := c.value(m, st, points[k])
			if !okA || !okB || up == 0 {
				return notKnown
			}
			if (b-a)*up <= 0 {
				return isFalse
			}
		}
	}
	return isTrue
}
