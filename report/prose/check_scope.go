package prose

import "slices"

// checkModals refuses what would, could or will be: a run shows what was.
// Recommendations may say what can be done, and advice may have conditions.
func (c *checker) checkModals() {
	c.each(aModal, func(i int) {
		it := &c.items[i]
		switch {
		case it.is("can", "may", "next") && c.s.Kind == Recommendations, it.is("if") && c.advises(i):
		case it.is("likely", "probably", "perhaps", "possibly"): // a reason behind it is checked all the same
		case it.is("may", "can") && c.hedges(i):
		default:
			c.fault(Unclear, "%s speaks of what was not measured", c.quote(i, min(i+1, len(c.items)-1)))
		}
		c.settle(i)
	})
}

// hedges says whether the word at i weakens a reason, which is checked by
// itself.
func (c *checker) hedges(i int) bool {
	_, to := c.sameClause(i)
	return slices.ContainsFunc(c.items[i:to], func(it item) bool { return it.class == aCause || it.class == aBecause })
}

// checkQuantifiers checks what is said of all: of users, what they get each
// or together; of percentiles; of points, where a superlative is said of
// them; of others only that they are alike.
func (c *checker) checkQuantifiers() {
	c.each(aQuantifier, func(i int) {
		from, to := c.sameLine(i)
		line := c.items[from:to]
		has := func(classes ...class) bool {
			return slices.ContainsFunc(line, func(it item) bool { return it.done && slices.Contains(classes, it.class) })
		}
		ok := false
		for k := i + 1; k < len(c.items) && k <= i+4 && !ok; k++ {
			switch it := &c.items[k]; {
			case it.is("user", "client", "percentile", "three", "statistic", "of them"), it.group >= 0 && c.groups[it.group].metrics != nil && c.groups[it.group].metrics[0] == PerUser:
				ok = true
			case it.is("scenario", "point", "scaling point", "setting", "level", "curve"):
				ok = has(aTop)
			case it.is("request", "token", "stream", "prompt", "gap", "run"), it.class == aMetric && it.is("token take", "request take"):
				ok = has(aSame, aSteady)
			case it.class == aStat, it.class == aScene && it.word == "concurrency":
				ok = true
			case it.num != nil, it.is("of", "the", "these", "measured", "scaling"):
			default:
				k = len(c.items)
			}
		}
		if !ok {
			c.fault(Unclear, "%s: figures do not speak of all", c.quote(i, min(i+1, len(c.items)-1)))
		}
		c.settle(i)
	})
}

// checkTotals sees that what one user gets is not called a total, and that
// what all get is not said of each.
func (c *checker) checkTotals() {
	for i := range c.items {
		for _, f := range c.matched[i] {
			if f.Of.Metric != PerUser && f.Of.Metric != Output || f.Against != (Figure{}) || c.alone(f) {
				continue
			}
			from, to := c.sameClause(i)
			if i+2 < to && c.items[i+1].is("of") && c.items[i+2].is("input", "prompt", "input token", "prompt token", "all prompt token", "input and output") {
				c.fault(WrongMetric, "%s is %s, without prompts", c.quote(i, i+2), label(f.Of))
			}
			for k := from; k < to; k++ {
				it := &c.items[k]
				each := it.group >= 0 && c.perUserOnly(&c.groups[it.group]) && !c.numbered(it.group)
				if f.Of.Metric == PerUser && it.class == aTotal || f.Of.Metric == Output && each {
					c.fault(WrongScope, "%s is %s, not what %s says", c.quote(i, i), label(f.Of), c.quote(k, k))
				}
			}
		}
	}
	c.each(aTotal, c.settle)
}

// alone says whether a figure is of one user, who gets everything.
func (c *checker) alone(f Fact) bool {
	p := c.pointOf(f.Of)
	return p >= 0 && c.s.Evidence.Points[p].Concurrency == 1
}

// numbered says whether a number in the group's clause is of its metric.
func (c *checker) numbered(group int) bool {
	g := &c.groups[group]
	from, to := c.sameClause(g.from)
	for i := from; i < to; i++ {
		if slices.ContainsFunc(c.matched[i], func(f Fact) bool { return slices.Contains(g.metrics, f.Of.Metric) }) {
			return true
		}
	}
	return false
}

// checkFailed checks that what is said to have failed has.
func (c *checker) checkFailed() {
	for i := range c.items {
		if it := &c.items[i]; it.class != aStat || it.stat != Failed || it.done {
			continue
		}
		if c.s.Evidence.Failed == c.negated(i) {
			c.fault(WrongMetric, "%s: the results say otherwise", c.around(i))
		}
		c.settle(i)
	}
}
