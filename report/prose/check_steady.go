package prose

import (
	"slices"
	"strings"
)

// evenness is how far a metric's values lie apart: p99 against the mean, of
// gaps between tokens against the median, of output the fullest second
// against the mean.
type evenness struct {
	ratio          float64
	steady, varied float64 // up to the one it is even, from the other uneven
	skew           float64 // mean / median; 0: not known
}

// evennessOf is a metric's evenness at a point.
func (c *checker) evennessOf(m Metric, point int) (evenness, bool) {
	over := func(a, b Figure) float64 {
		x, okX := c.value(a.Metric, a.Stat, point)
		y, okY := c.value(b.Metric, b.Stat, point)
		if !okX || !okY || y <= 0 {
			return 0
		}
		return x / y
	}
	fig := func(m Metric, st Stat) Figure { return Figure{Metric: m, Stat: st} }
	var e evenness
	switch m {
	case TTFT, PP:
		e = evenness{over(fig(TTFT, P99), fig(TTFT, Mean)), SteadyTTFT, LongTail, over(fig(TTFT, Mean), fig(TTFT, Median))}
	case TPOT, TG, StreamRate, PerUser:
		e = evenness{over(fig(TPOT, P99), fig(TPOT, Mean)), SteadyTPOT, UnequalTPOT, over(fig(TPOT, Mean), fig(TPOT, Median))}
	case ITL:
		e = evenness{over(fig(ITL, P99), fig(ITL, Median)), EvenITL, Pauses, 0}
	case Output, PeakOutput:
		e = evenness{over(fig(PeakOutput, ""), fig(Output, "")), EvenOutput, UnevenOutput, 0}
	}
	return e, e.ratio > 0
}

// checkSteadiness checks words of stability and of spread against the
// evenness of what they are said of.
func (c *checker) checkSteadiness() {
	for i := range c.items {
		it := &c.items[i]
		if it.done {
			continue
		}
		if it.is("even") && i+1 < len(c.items) && (c.items[i+1].class == aMore || c.items[i+1].is("if", "when", "with", "at", "in", "though", "for", "under", "the", "an")) {
			c.settle(i)
			continue
		}
		if it.class == aSpread && i > 0 && (c.items[i-1].class == aSteady || c.items[i-1].class == aVaried) {
			c.settle(i)
			continue
		}
		switch it.class {
		case aSteady, aVaried, aSpread:
			c.checkEvenness(i)
		case aMuch:
			if it.is("long", "large", "big") && c.saidOfGaps(i) {
				c.checkEvenness(i)
			}
		}
	}
}

// saidOfGaps says whether "long" is said of the gaps between tokens.
func (c *checker) saidOfGaps(i int) bool {
	for _, k := range []int{i + 1, i - 2, i - 1} {
		if k < 0 || k >= len(c.items) || c.items[k].group < 0 {
			continue
		}
		g := c.groups[c.items[k].group]
		return slices.Contains(g.metrics, ITL) && slices.ContainsFunc(c.items[g.from:g.to], func(it item) bool { return it.class == aMetric && it.word != "itl" })
	}
	return false
}

// grade is how even something is said to be.
type grade int

const (
	even      grade = iota // no more than the steady threshold
	notEven                // more than that
	uneven                 // at least the varied threshold
	notUneven              // less than that
	medium                 // between the two
)

// gradeAt is what the word at i says, with its adjective and negation. A
// spread without an adjective is one that is there.
func (c *checker) gradeAt(i int) grade {
	it := &c.items[i]
	size := c.sizeOf(i)
	no := c.negated(i)
	switch {
	case it.class == aSteady && no:
		return notEven
	case it.class == aSteady:
		return even
	case no && it.class == aSpread:
		if size == aMuch {
			return notUneven
		}
		return even
	case no:
		return notUneven
	case size == aLittle:
		if it.class == aSpread {
			return even
		}
		return notUneven
	case size == aMiddling:
		return medium
	case it.class == aSpread && size != aMuch:
		return notEven
	}
	return uneven
}

// sizeOf finds the adjective that goes with a noun of spread, before it ("a
// large gap") or said of it ("the gap is small"), and settles it.
func (c *checker) sizeOf(i int) class {
	from, to := c.sameClause(i)
	for _, k := range []int{i - 1, i - 2, i - 3} {
		if k >= from && sizes(c.items[k].class) && !c.items[k].done {
			c.settle(k)
			return c.items[k].class
		}
		if k < from || c.items[k].class == aMark {
			break
		}
	}
	for k := i + 1; k < to && k <= i+9; k++ {
		if c.items[k].is("is", "are", "stays", "remains", "remain", "stay") && k+1 < to {
			for n := k + 1; n < to && n <= k+2; n++ {
				if sizes(c.items[n].class) {
					c.settle(n)
					return c.items[n].class
				}
			}
		}
	}
	return unknownWord
}

func sizes(class class) bool { return class == aLittle || class == aMuch || class == aMiddling }

// checkEvenness checks one word of stability or spread.
func (c *checker) checkEvenness(i int) {
	it := &c.items[i]
	c.degreeAt(i)
	subject := c.evenSubject(i)
	g := c.gradeAt(i)
	if it.class == aMuch {
		g = uneven
	}
	v := notKnown
	for _, m := range subject.metrics {
		if it.is("flat", "flatter") && !isTime(m) {
			continue // a flat throughput is one of the curve, not of a second
		}
		e, ok := c.evennessOf(m, first(subject.points))
		if !ok {
			v = notKnown
			break
		}
		holds := decide(e.is(g))
		if v = holds; v == isFalse {
			break
		}
	}
	if it.class == aSpread || it.class == aVaried {
		if v2 := c.spreadBetween(i, g); v2 != notKnown {
			v = v2
		}
	}
	if v == notKnown {
		c.fault(WrongSteady, "it is not known of what %s is said, or how far that varies", c.quote(i, i))
		c.settle(i)
		return
	}
	c.conclude(i, v, WrongSteady, "%s: the figures of %s say otherwise", c.around(i), strings.Join(metricNames(subject.metrics), " and "))
}

func metricNames(metrics []Metric) []string {
	out := make([]string, len(metrics))
	for i, m := range metrics {
		out[i] = string(m)
	}
	return out
}

// is says whether the evenness deserves the grade.
func (e evenness) is(g grade) bool {
	switch g {
	case even:
		return e.ratio <= e.steady
	case notEven:
		return e.ratio > e.steady
	case uneven:
		return e.ratio >= e.varied || e.skew >= Skewed && e.ratio > e.steady
	case notUneven:
		return e.ratio < e.varied
	default:
		return e.ratio > e.steady && e.ratio < e.varied
	}
}

// spreadBetween judges a gap "between A and B" by these two.
func (c *checker) spreadBetween(i int, g grade) ruling {
	if c.items[i].class != aSpread {
		return notKnown
	}
	_, to := c.sameLine(i)
	for k := i + 1; k < to && k <= i+2; k++ {
		if !c.items[k].is("between") {
			continue
		}
		var sides []operand
		for n := k + 1; n < to && len(sides) < 2; n++ {
			o, ok := c.operandAt(n)
			switch {
			case !ok:
				if c.items[n].is(",", ";") {
					n = to
				}
			case o.phase != noPhase:
			case o.facts == nil && c.ownNumber(&c.groups[c.items[n].group]) >= 0:
			case o.facts == nil && len(o.stats) == 2:
				a, b := o, o
				a.stats, b.stats = o.stats[:1], o.stats[1:]
				sides = append(sides, a, b)
				n = c.groups[c.items[n].group].to
			default:
				sides = append(sides, o)
				if o.facts == nil {
					n = c.groups[c.items[n].group].to - 1
				}
			}
		}
		if len(sides) == 2 {
			return c.apart(i, sides[0], sides[1], g)
		}
	}
	return notKnown
}

// apart judges how far two figures lie apart, by the thresholds of their
// metric.
func (c *checker) apart(i int, a, b operand, g grade) ruling {
	if a.metrics == nil {
		a.metrics = b.metrics
	}
	if a.metrics == nil {
		a.metrics = c.metricBefore(i)
	}
	if a.points == nil {
		a.points = c.sceneFor(i)
	}
	if len(a.metrics) == 0 {
		return notKnown
	}
	e := evenness{steady: SameAs, varied: Skewed}
	if own, ok := c.evennessOf(a.metrics[0], first(a.points)); ok {
		e.steady = own.steady
	}
	return c.weigh(a, b, func(x, y reading) bool {
		e.ratio = max(x.value, y.value) / min(x.value, y.value)
		return e.is(g)
	})
}

// evenSubject is what a word of stability is said of: the metric that it
// describes, the one before it, or the one that a plain word stands for.
func (c *checker) evenSubject(i int) operand {
	o := operand{points: c.sceneFor(i)}
	it := &c.items[i]
	if it.is("pause", "pauses", "stall", "stalls", "stutter", "interruption", "interrupted", "hiccup", "long pause") {
		o.metrics = []Metric{ITL}
	} else if g := c.attribute(i); g != nil && g.metrics != nil {
		o.metrics = c.withJoined(g)
	} else if g := c.boundTo(i); g != nil {
		o.metrics = c.withJoined(g)
	} else {
		o.metrics = c.evenBefore(i)
	}
	if len(o.points) == 0 {
		o.points = []int{-1}
	}
	return o
}

// withJoined are the metrics of a group and of those joined to it.
func (c *checker) withJoined(g *group) []Metric {
	o, _ := c.operandAt(g.from)
	o.metrics = g.metrics
	return c.withAlso(o)
}

func (c *checker) withAlso(o operand) []Metric {
	out := []Metric{o.metrics[0]}
	for _, a := range o.also {
		out = appendNew(out, a.metrics[0])
	}
	return out
}

// boundTo is the metric bound to a noun by "in" or "of" or "for": "a long
// tail in TTFT".
func (c *checker) boundTo(i int) *group {
	for k := i + 1; k < len(c.items) && k <= i+4; k++ {
		if g := c.items[k].group; g >= 0 {
			if c.groups[g].metrics != nil && c.items[i+1].is("in", "of", "for") {
				return &c.groups[g]
			}
			return nil
		}
		if !c.items[k].is("in", "of", "for", "the", "a", "its") {
			return nil
		}
	}
	return nil
}

// evenBefore looks for the subject before the word: in its clause first a
// metric or a part, then a plain word that stands for one; then further back.
func (c *checker) evenBefore(i int) []Metric {
	from, to := c.sameClause(i)
	for k := i - 1; k >= from; k-- {
		if m := c.evenMetric(k); m != nil {
			return m
		}
	}
	for k := i + 1; k < to; k++ {
		if m := c.evenMetric(k); m != nil && !c.items[k].is("p99") {
			return m
		}
	}
	for k := from - 1; k >= 0; k-- {
		if m := c.evenMetric(k); m != nil {
			return m
		}
	}
	for k := to; k < len(c.items); k++ {
		if m := c.evenMetric(k); m != nil {
			return m
		}
	}
	return nil
}

// evenMetric is the metric whose evenness the item at k speaks of.
func (c *checker) evenMetric(k int) []Metric {
	if o, ok := c.operandAt(k); ok {
		switch {
		case o.phase == decodePhase:
			c.settle(k)
			return []Metric{TPOT}
		case o.phase == prefillPhase:
			return []Metric{TTFT}
		case len(o.metrics) > 0 && o.metrics[0] != Concurrency:
			return c.withAlso(o)
		}
		return nil
	}
	switch it := &c.items[k]; {
	case it.is("token", "stream", "tokens"):
		return []Metric{ITL}
	case it.is("latency", "performance", "behaviour", "behavior"):
		return []Metric{TTFT, TPOT}
	case it.is("rate"):
		return []Metric{Output}
	}
	return nil
}

// checkSkew checks that a slow minority makes the mean.
func (c *checker) checkSkew() {
	c.each(aSkew, func(i int) {
		o := operand{points: c.sceneFor(i), metrics: c.metricBefore(i)}
		v := notKnown
		if len(o.metrics) > 0 && len(o.points) > 0 {
			if e, ok := c.evennessOf(o.metrics[0], first(o.points)); ok && e.skew > 0 {
				v = decide(e.skew >= Skewed)
			}
		}
		if v == isTrue && !c.allSkewed(i, o.points) {
			v = isFalse
		}
		if c.negated(i) {
			v = v.not()
		}
		c.conclude(i, v, WrongSteady, "%s: mean and median say otherwise", c.quote(i, i))
		if v != isTrue {
			return
		}
		// "... that waits much longer" tells the same.
		from, to := c.sameLine(i)
		for k := from; k < to; k++ {
			if it := &c.items[k]; k > i && (it.class == aMore && it.is("longer", "more", "later", "slower", "higher") || it.class == aDegree || it.class == aBound || it.class == aCause && it.reason == minorityReason || it.class == aVaried || it.class == aMove && it.up > 0) {
				c.settle(k)
			}
		}
	})
}
