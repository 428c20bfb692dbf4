package prose

import "slices"

// checkWords reports what is not understood and what does not belong into a
// report.
func (c *checker) checkWords() {
	for i := range c.items {
		switch c.items[i].class {
		case unknownWord:
			c.fault(Unclear, "%s is not understood", c.quote(i, i))
		case aChat:
			c.fault(Form, "%s is talk and no report", c.quote(i, i))
		}
	}
}

// checkIdentity checks "A is B" where both are names: of scenarios, they have
// to be the same one, of figures, within a tenth.
func (c *checker) checkIdentity() {
	for k := range c.groups {
		b := &c.groups[k]
		is := b.from - 1
		for is > 0 && c.items[is].is("the", "a", "an", "also", "still", "not", "interactive", "here", "therefore", "now", "at", "thus", "both") {
			is--
		}
		if is <= 0 || !c.items[is].is("is", "are", "was", "were", "become", "becomes") || c.claimedByNext(b) || is == b.from {
			continue
		}
		switch {
		case b.metrics == nil && b.stats == nil && b.points != nil:
			b.used = true
			c.sameScene(is, b)
		case c.items[b.from-1].is("at") || b.from-is > 3:
		default:
			c.sameFigure(is, b)
		}
	}
}

// sameScene checks "c=4 is the sweet spot" and "this is the sweet spot".
func (c *checker) sameScene(is int, b *group) {
	if c.items[b.from-1].is("at") && c.items[is].class != aScene {
		if g := c.groupBefore(is); g == nil || g.metrics != nil || g.points == nil {
			return
		}
	}
	var subject []int
	if g := c.groupBefore(is); g != nil && g.points != nil && g.metrics == nil {
		subject = g.use()
	} else if g == nil && c.own >= 0 {
		subject = []int{c.own}
	} else {
		if g == nil {
			c.fault(Unclear, "%s: it is not clear of what that is said", c.around(is))
		}
		return
	}
	v := decide(slices.ContainsFunc(subject, func(p int) bool { return slices.Contains(b.points, p) }))
	if c.negated(b.from) {
		v = v.not()
	}
	if v == isTrue {
		c.claims++
		return
	}
	c.fault(WrongWay, "%s is not so", c.around(is))
}

// groupBefore is the name that ends right before item i, nil for none.
func (c *checker) groupBefore(i int) *group {
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		if g := c.items[k].group; g >= 0 {
			return &c.groups[g]
		}
		if !c.items[k].is("curve", "run", "of", "the") {
			return nil
		}
	}
	return nil
}

// sameFigure checks "the mean is the median".
func (c *checker) sameFigure(is int, b *group) {
	a := c.groupBefore(is)
	if number := is > 0 && len(c.matched[is-1]) > 0; !number && (a == nil || a.metrics == nil && a.stats == nil) {
		return
	}
	l, ok := c.leftOf(is)
	r := operand{metrics: b.metrics, stats: b.stats, points: b.points, at: b.from}
	if !ok {
		return
	}
	if c.alike(l, r) != isTrue {
		c.fault(Unclear, "%s: these are different figures", c.around(is))
	}
}

// checkPurposes checks what a setting is recommended for: interactive use of
// the sweet spot only, batch work of the highest output only. Advice against
// interactive use has to be of a point whose tails are beyond the limits that
// the sweet spot's definition sets.
func (c *checker) checkPurposes() {
	c.each(aPurpose, func(i int) {
		points, named := c.purposeScene(i)
		against := c.against(i)
		p := Point{}
		if len(points) > 0 {
			p = c.s.Evidence.Points[points[0]]
		}
		ok := true
		switch {
		case len(points) == 0:
			ok = c.own < 0
		case c.items[i].use == interactive && against:
			ok = c.offLimits(points[0])
		case c.items[i].use == interactive:
			ok = p.Sweet
		case named && !against && c.trendIn(i) == 0:
			ok = p.Peak
		}
		if !ok {
			c.fault(Ungrounded, "%s: the figures do not recommend that", c.around(i))
			c.settle(i)
			return
		}
		c.settle(i)
		if len(points) > 0 && (named || c.items[i].use == interactive) {
			c.claims++
		}
	})
}

// purposeScene are the points whose use is spoken of.
func (c *checker) purposeScene(i int) (points []int, named bool) {
	from, to := c.sameLine(i)
	distance := to - from + 1
	for k := range c.groups {
		g := &c.groups[k]
		if g.points == nil || g.from < from || g.from >= to || c.reference(g) && !c.items[g.from-1].is("from") {
			continue
		}
		if d := max(g.from-i, i-g.from); d < distance {
			points, distance, named = g.use(), d, true
		}
	}
	if !named && c.own >= 0 {
		points = []int{c.own}
	}
	return points, named
}

// against says whether the purpose at i is denied: "not for", "avoid".
func (c *checker) against(i int) bool {
	from, _ := c.sameClause(i)
	for k := i - 1; k >= from; k-- {
		if c.items[k].class == aNegation {
			c.settle(k)
			return true
		}
		if c.items[k].is("avoid", "rule out") {
			return true
		}
	}
	return false
}

// offLimits says whether a point's tails are beyond twice the curve's lowest.
func (c *checker) offLimits(p int) bool {
	for _, m := range []Metric{TTFT, TPOT} {
		v, ok := c.value(m, P99, p)
		best := c.best(m, P99, -1, c.curve())
		if !ok || best == nil {
			continue
		}
		if lowest, _ := c.value(m, P99, best[0]); v > LongTail*lowest {
			return true
		}
	}
	return false
}

// checkLinks checks that a conclusion ("so", "indicating") has something in
// it that was checked, and leaves "better" to the comparisons around it.
func (c *checker) checkLinks() {
	for _, i := range c.later {
		c.judgeBetter(i, c.items[i].up)
	}
	c.each(aHence, func(i int) {
		_, to := c.sameLine(i)
		if c.unrelated(i) {
			c.fault(InventedCause, "%s does not follow: it is of another metric", c.around(i))
			c.settle(i)
			return
		}
		bare := c.items[i].is(strictLinks...) // then another figure is no conclusion
		for k := i + 1; k < to; k++ {
			it := &c.items[k]
			if it.done && (it.num != nil && !bare || comparing(it.class) || it.class == aCause || it.class == aPart || it.class == aPurpose || it.class == aMuch || it.class == aLittle) ||
				it.class == anAdvice || it.class == aPurpose || it.class == anAlien {
				c.settle(i)
				return
			}
		}
		c.fault(Unclear, "%s draws a conclusion that no figure shows", c.around(i))
		c.settle(i)
	})
}

// checkJudgements reports praise and blame that nothing measured stands for.
func (c *checker) checkJudgements() {
	c.each(aJudge, func(i int) {
		if c.namesSweet(i) {
			c.grant(i)
			return
		}
		c.ungrounded(i)
	})
	for _, class := range []class{aMuch, aLittle} {
		c.each(class, func(i int) {
			if c.smallShare(i) {
				c.settle(i)
				return
			}
			c.ungrounded(i)
		})
	}
	c.each(aMiddling, func(i int) {
		if c.items[i].is("moderate", "mild", "medium", "noticeable", "measurable") {
			c.ungrounded(i)
		}
	})
	c.each(aDegree, func(i int) {
		if c.items[i].lo > 1 {
			c.ungrounded(i)
		}
	})
}

// strictLinks are the words behind which a figure alone is no conclusion.
var strictLinks = []string{"so", "so that", "therefore", "thus", "hence", "which means", "mean that", "means that", "this means", "consequently", "as a result", "meaning", "implying", "imply", "which is why"}

// families are metrics that one conclusion may join.
var families = [][]Metric{
	{TTFT, PP, PrefillTime, QueueTime, EnginePrefill},
	{TPOT, TG, ITL, DecodeTime, StreamRate, PerUser, FullDecode},
	{Output, PeakOutput, Total, PerUser, FullDecode, TG, Proportional, Concurrency},
}

// unrelated says whether the conclusion at i is on metrics that have nothing
// to do with those that it is drawn from.
func (c *checker) unrelated(i int) bool {
	from, to := c.sameLine(i)
	before, after := c.metricsIn(from, i), c.metricsIn(i+1, to)
	return len(before) > 0 && len(after) > 0 && !related(before, after)
}

// related says whether any two metrics of the lists are of one family. A
// request's time is related to all.
func related(before, after []Metric) bool {
	for _, m := range after {
		if slices.Contains(before, m) || m == E2EL || slices.Contains(before, E2EL) {
			return true
		}
		for _, f := range families {
			if slices.Contains(f, m) && slices.ContainsFunc(before, func(b Metric) bool { return slices.Contains(f, b) }) {
				return true
			}
		}
	}
	return false
}

// metricsIn are the metrics named in items [from, to), the first of each name.
func (c *checker) metricsIn(from, to int) []Metric {
	var out []Metric
	for k := from; k < to; k++ {
		if o, ok := c.operandAt(k); ok && len(o.metrics) > 0 {
			out = appendNew(out, o.metrics[0])
		}
	}
	return out
}

// namesSweet says whether the word at i calls the sweet spot what it is by
// definition: the best point for interactive use.
func (c *checker) namesSweet(i int) bool {
	if !c.items[i].is("optimal", "optimum", "ideal", "suitable", "suited", "well suited", "appropriate") {
		return false
	}
	from, to := c.sameLine(i)
	sweet, use := false, false
	for k := from; k < to; k++ {
		it := &c.items[k]
		use = use || it.class == aPurpose && it.use == interactive
		for _, p := range it.points {
			sweet = c.s.Evidence.Points[p].Sweet
			if !sweet {
				return false
			}
		}
	}
	return sweet && use
}

func (c *checker) ungrounded(i int) {
	c.fault(Ungrounded, "%s judges without a measure", c.quote(i, min(i+1, len(c.items)-1)))
	c.settle(i)
}

// smallShare says whether "small" is said of a share that is printed beside
// it and is small.
func (c *checker) smallShare(i int) bool {
	if c.items[i].class != aLittle {
		return false
	}
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		apart := slices.ContainsFunc(c.items[min(i, k):max(i, k)], func(it item) bool { return it.is("and", ",", ";") })
		if r, ok := c.ratios[k]; ok && !apart && c.items[k].num.unit == "%" && r.value <= 0.25 {
			return true
		}
	}
	return false
}

// checkRest reports words that claim something and were not a part of any
// claim that was checked, and a text without any.
func (c *checker) checkRest() {
	c.each(aPart, func(i int) {
		if !c.besides(i) {
			c.fault(Unclear, "it is not clear what is said of %s", c.quote(i, i))
		}
	})
	c.each(aTrend, func(i int) {
		from, to := c.sameLine(i)
		for k := from; k < to; k++ {
			if c.items[k].done && (c.items[k].class == aMore || c.items[k].class == aMove) || c.items[k].class == anAdvice {
				return
			}
		}
		c.fault(Unclear, "it is not clear what goes along with %s", c.quote(i, i))
	})
	c.each(aNegation, func(i int) {
		if !c.advises(i) {
			c.fault(Unclear, "it is not clear what %s denies", c.quote(i, i))
		}
	})
	if c.claims == 0 && len(c.faults) == 0 && !c.plainAdvice() {
		c.fault(Empty, "it names no fact and makes no claim that the figures can be held against")
	}
}

// besides says whether a part of a request's time is named beside a figure
// of it that was checked: "while decoding, TPOT is 16.67 ms".
func (c *checker) besides(i int) bool {
	figures := map[phase][]Metric{
		decodePhase:  {TPOT, TG, ITL, DecodeTime, StreamRate},
		prefillPhase: {TTFT, PP, PrefillTime, EnginePrefill},
		queuePhase:   {QueueTime},
	}[c.items[i].phase]
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		for _, f := range c.matched[k] {
			if slices.Contains(figures, f.Of.Metric) {
				return true
			}
		}
		if r, ok := c.ratios[k]; ok && slices.Contains(figures, r.of.metrics[0]) {
			return true
		}
	}
	return false
}

// plainAdvice says whether the text advises something that needs no figure:
// in recommendations, on what a run measures.
func (c *checker) plainAdvice() bool {
	if c.s.Kind != Recommendations || !c.advises(0) {
		return false
	}
	for i := range c.items {
		it := &c.items[i]
		if it.group >= 0 || it.is("prompt", "more prompt", "run", "own length", "own mix", "own prompt", "your own prompt", "your own prompt length", "your own mix", "your own load", "number of", "sample") || it.class == aPurpose || it.class == aTrend {
			return true
		}
	}
	return false
}
