package prose

import (
	"math"
	"slices"
)

// modifiers change what a factor in words means: "nearly twice".
var modifiers = []struct {
	words  []string
	lo, hi float64 // of the ratio to the factor
}{
	{[]string{"more than", "over", "above", "exceed"}, 1, 1.5},
	{[]string{"at least"}, 1, math.Inf(1)},
	{[]string{"less than", "below", "under", "short of"}, 0.5, 1},
	{[]string{"nearly", "almost"}, 0.85, 1.02},
	{[]string{"within", "up to", "no more than", "at most"}, 0, 1},
}

// modified is the range of ratios that a factor at i with its modifiers
// stands for.
func (c *checker) modified(i int) (lo, hi float64) {
	e := c.items[i].entry
	lo, hi = e.lo, e.hi
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		for _, m := range modifiers {
			if !c.items[k].is(m.words...) {
				continue
			}
			c.settle(k)
			middle := math.Sqrt(e.lo * e.hi) // nearly 2 of 1.8 to 2.2
			if middle < 1 {
				middle = 1 / math.Round(1/middle)
			} else {
				middle = math.Round(middle)
			}
			lo, hi = m.lo*middle, m.hi*middle
		}
	}
	return lo, hi
}

// checkFactors checks "twice the mean", "half of", "an order of magnitude".
func (c *checker) checkFactors() {
	c.each(aFactor, func(i int) {
		lo, hi := c.modified(i)
		c.degreeAt(i)
		v := notKnown
		l, ok := c.leftOf(i)
		r := c.objectOf(i)
		if r.empty() {
			r, _ = c.rightOf(i)
		}
		switch last, found := c.lastRatio(i); {
		case ok && !r.empty():
			if r.points == nil && r.metrics == nil && r.stats == nil {
				break
			}
			v = c.weigh(l, r, func(a, b reading) bool { return a.value >= lo*b.value && a.value <= hi*b.value })
		case found:
			v = decide(last.value >= lo && last.value <= hi)
		}
		if c.negated(i) {
			v = v.not()
		}
		c.conclude(i, v, WrongWay, "%s is not so", c.around(i))
	})
}

// change is what a verb of change speaks of.
type change struct {
	subject  operand
	from, to int // items of the numbers, −1: none
	ends     int // how many numbers "to" leads to
}

// checkMoves checks verbs of change: their direction, and for "doubles" by
// how much.
func (c *checker) checkMoves() {
	c.each(aMove, func(i int) {
		if c.conditional(i) || c.goal(i) {
			c.advise(i)
			return
		}
		if n := c.numberAhead(i); n > i+1 && c.items[n-1].is("by") && c.items[n].num.unit != "×" {
			c.fault(WrongWay, "%s is no difference that was measured", c.quote(i, n))
			c.settle(i)
			return
		}
		m := c.changeAt(i)
		v := c.moved(i, m)
		if c.negated(i) {
			v = v.not()
		}
		if v == isTrue && m.subject.metrics != nil {
			c.note(m.subject.metrics[0], upward(c.items[i].entry, m.subject.metrics[0]))
		}
		c.conclude(i, v, WrongWay, "%s is not so", c.around(i))
	})
}

// goal says whether the verb at i is what an advice aims at and no claim:
// "plan with p99 to reduce ...".
func (c *checker) goal(i int) bool {
	if i == 0 || !c.items[i-1].is("to") || !c.advises(i) || c.trendIn(i) != 0 {
		return false
	}
	from, _ := c.sameLine(i)
	return !slices.ContainsFunc(c.items[from:i], func(it item) bool { return it.is("expect") })
}

// changeAt finds the subject of a verb of change and its numbers.
func (c *checker) changeAt(i int) change {
	m := change{from: -1, to: -1}
	if g := c.attribute(i); g != nil && g.metrics != nil {
		m.subject, _ = c.operandAt(g.from)
		m.subject.facts = nil
	} else if left, ok := c.leftOf(i); ok {
		m.subject = left
	}
	_, to := c.sameLine(i)
	for k := i + 1; k < to; k++ {
		it := &c.items[k]
		if it.class == aMove || it.class == aMore || it.class == aSteady || it.is(";", ":", "while", "but") {
			break
		}
		if len(c.matched[k]) == 0 {
			continue
		}
		switch c.endOfRange(k) {
		case "from":
			m.from = k
		case "to":
			if m.ends++; m.to < 0 {
				m.to = k
			}
		}
	}
	if c.items[i].is("up from", "down from") && m.from < 0 {
		if n := c.numberAhead(i); n >= 0 && len(c.matched[n]) > 0 {
			m.from = n
		}
	}
	return m
}

// moved decides whether what changes goes the verb's way.
func (c *checker) moved(i int, m change) ruling {
	e := c.items[i].entry
	lo, hi := c.degreeAt(i)
	if e.lo > 0 {
		lo, hi = c.modified(i)
	}
	ends := c.endsOnly(i)
	test := func(after, before reading) bool {
		up := upward(e, after.metric)
		ratio := after.value / before.value
		if e.lo > 0 {
			return ratio >= lo && ratio <= hi
		}
		if up < 0 {
			ratio = 1 / ratio
		}
		return up != 0 && ratio > 1 && ratio >= lo && ratio <= hi && (ends || c.steadyWay(after, before))
	}
	if m.ends > 1 {
		return notKnown
	}
	after := m.subject
	if m.to >= 0 {
		after, _ = c.operandAt(m.to)
	}
	if after.facts == nil {
		if points := c.rangeEnd(i); points != nil {
			after.points = points
		} else if after.points == nil {
			after.points = c.subjectScene(i)
		}
	}
	if m.from >= 0 {
		before, _ := c.operandAt(m.from)
		return c.weigh(after, before, test)
	}
	if t := c.trendIn(i); t != 0 && e.lo == 0 {
		return c.follow(i, m.subject, t)
	}
	before := operand{points: c.startOf(i, after.points)}
	if before.points == nil || after.metrics == nil {
		return notKnown
	}
	return c.weigh(operand{metrics: after.metrics, stats: after.stats, points: after.points, facts: after.facts, also: after.also}, before, test)
}

// startOf is where a change begins: the scenario that the sentence refers to,
// the section's own where it speaks of another, the scaling point before in
// the section of a scaling point. "Scales" alone begins at the lowest point.
func (c *checker) startOf(i int, subject []int) []int {
	if points := c.otherScene(i, subject); points != nil {
		return points
	}
	if points := c.referredBefore(i); points != nil && !slices.Equal(points, subject) {
		return points
	}
	if c.own >= 0 && slices.Contains(subject, c.own) {
		return c.placed(previousPlace)
	}
	if curve := c.curve(); c.items[i].is("scale", "grow", "rise", "rises", "climb") && len(curve) > 1 {
		return curve[:1]
	}
	return nil
}

// referredBefore is the scenario named last before i's clause.
func (c *checker) referredBefore(i int) []int {
	from, _ := c.sameClause(i)
	var out *group
	for k := range c.groups {
		if g := &c.groups[k]; g.points != nil && g.from < from {
			out = g
		}
	}
	if out == nil {
		return nil
	}
	return out.use()
}

// checkSame checks that what is called equal or close is within a tenth.
func (c *checker) checkSame() {
	c.each(aSame, func(i int) {
		c.degreeAt(i)
		l, ok := c.leftOf(i)
		r, right := c.rightOf(i)
		var v ruling
		switch {
		case ok && right && c.slowest(l, r):
			v = decide(c.s.Evidence.FewRequests)
		case ok && right && r.phase == noPhase:
			v = c.alike(l, r)
		case c.ratioBefore(i):
			last, _ := c.lastRatio(i)
			v = decide(last.value <= SameAs && last.value >= 1/SameAs)
		case ok:
			v = c.allAlike(i)
		}
		if c.negated(i) {
			v = v.not()
		}
		if l.phase != noPhase {
			c.settle(l.at)
		}
		c.conclude(i, v, WrongWay, "%s is not within a tenth", c.around(i))
	})
}

// ratioBefore says whether the clause before i is a ratio, which "nearly the
// same" then is said of.
func (c *checker) ratioBefore(i int) bool {
	from, _ := c.sameClause(i)
	for k := i - 1; k >= 0 && c.items[k].line == c.items[i].line; k-- {
		if _, ok := c.ratios[k]; ok {
			return c.items[k].num.unit == "×"
		}
		if _, ok := c.operandAt(k); ok && k < from && (c.items[k].group < 0 || !c.groups[c.items[k].group].object) {
			return false
		}
	}
	return false
}

// slowest says whether the two sides are a p99 and "the slowest request".
func (c *checker) slowest(l, r operand) bool {
	return slices.Contains(l.stats, P99) && r.facts == nil && c.items[r.at].is("slowest request", "slowest of")
}

func within(a, b reading) bool {
	return max(a.value, b.value) <= SameAs*min(a.value, b.value)
}

// alike says whether two operands are within a tenth. Where neither names a
// statistic, of distributions all have to be.
func (c *checker) alike(l, r operand) ruling {
	if r.metrics == nil {
		r = c.completed(l, r)
	}
	if l.facts == nil && r.facts == nil && l.stats == nil && r.stats == nil && len(l.metrics) > 0 && len(r.metrics) > 0 && distributed(l.metrics[0]) && distributed(r.metrics[0]) {
		v := notKnown
		for _, st := range []Stat{Mean, Median, P99} {
			l.stats, r.stats = []Stat{st}, []Stat{st}
			switch c.weigh(l, r, within) {
			case isFalse:
				return isFalse
			case isTrue:
				v = isTrue
			}
		}
		return v
	}
	return c.weigh(l, r, within)
}

// allAlike says whether what is named before i in its sentence lies together:
// the statistics of a list, or the last two quantities.
func (c *checker) allAlike(i int) ruling {
	from, _ := c.sameLine(i)
	var last []operand
	for k := i - 1; k >= from && len(last) < 3; k-- {
		o, ok := c.operandAt(k)
		if !ok || o.metrics == nil && o.stats == nil {
			continue
		}
		if o.facts == nil && len(o.stats) > 1 {
			if o.metrics == nil {
				o.metrics = c.metricBefore(k)
			}
			o.points = c.sceneFor(k)
			rs := c.readings(o)
			return decide(len(rs) > 1 && !slices.ContainsFunc(rs, func(r reading) bool { return !within(r, rs[0]) }))
		}
		if o.facts != nil {
			last = append(last, o)
		}
	}
	if len(last) < 2 {
		return notKnown
	}
	return c.weigh(last[1], last[0], within)
}
