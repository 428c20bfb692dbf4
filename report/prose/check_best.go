package prose

import "slices"

// best are the points that have a metric's highest value (up +1) or lowest
// (up −1) out of a set; nil where fewer than two have one.
func (c *checker) best(m Metric, st Stat, up int, of []int) []int {
	var out []int
	var top float64
	n := 0
	for _, p := range of {
		v, ok := c.value(m, st, p)
		if !ok {
			continue
		}
		n++
		switch d := (v - top) * float64(up); {
		case n == 1 || d > 0:
			top, out = v, []int{p}
		case d == 0:
			out = append(out, p)
		}
	}
	if n < 2 || up == 0 {
		return nil
	}
	return out
}

// attribute is the name that follows a word which describes it: "the lowest
// mean TPOT", "a stable TPOT"; nil for none.
func (c *checker) attribute(i int) *group {
	for k := i + 1; k < len(c.items) && k <= i+3; k++ {
		it := &c.items[k]
		switch {
		case it.group >= 0:
			if g := &c.groups[it.group]; g.metrics != nil || g.stats != nil {
				return g
			}
			return nil
		case it.class == aDegree, it.class == aMuch, it.class == aLittle, it.is("and", "observed", "measured", "overall", "derived", "consistent", "steady", "individual"):
		default:
			return nil
		}
	}
	return nil
}

// checkTops checks superlatives: the highest of the scaling curve, or of the
// run.
func (c *checker) checkTops() {
	c.each(aTop, func(i int) {
		o, ok := c.topSubject(i)
		if !ok {
			c.fault(Unclear, "it is not clear of what %s is said", c.quote(i, i))
			c.settle(i)
			return
		}
		known := false
		for _, m := range o.metrics {
			up := upward(c.items[i].entry, m)
			for _, st := range o.statsOf(m) {
				best := c.best(m, st, up, c.field(i, o.points))
				if best == nil {
					continue
				}
				known = true
				if slices.ContainsFunc(o.points, func(p int) bool { return slices.Contains(best, p) }) && c.alsoTop(i, o) {
					c.grant(i)
					return
				}
			}
		}
		if known {
			c.fault(WrongWay, "%s does not belong to %s", c.quote(i, i), c.sceneName(o.points))
		} else {
			c.fault(Unclear, "it is not known what %s is the end of", c.quote(i, i))
		}
		c.settle(i)
	})
}

// alsoTop says whether the superlative at i is true of what is joined to its
// subject, too.
func (c *checker) alsoTop(i int, o operand) bool {
	for _, a := range o.also {
		m := a.metrics[0]
		for _, st := range a.statsOf(m) {
			best := c.best(m, st, upward(c.items[i].entry, m), c.field(i, o.points))
			if !slices.ContainsFunc(o.points, func(p int) bool { return slices.Contains(best, p) }) {
				return false
			}
		}
	}
	return true
}

// topSubject is what a superlative is said of.
func (c *checker) topSubject(i int) (operand, bool) {
	o := operand{at: i}
	left, hasLeft := c.leftOf(i)
	if g := c.attribute(i); g != nil {
		o = operand{metrics: g.metrics, stats: g.stats, points: g.points, at: g.from, also: c.joined(c.items[g.from].group)}
		if o.metrics == nil {
			o.metrics = c.metricBefore(g.from)
		}
		if n := c.ownNumber(g); n >= 0 {
			o.points = nil
			for _, f := range c.matched[n] {
				o.points = appendNew(o.points, c.pointOf(f.Of))
			}
		}
	} else if hasLeft {
		o = left
	} else {
		return o, false
	}
	if points := c.belongsTo(i); points != nil {
		o.points = points
	}
	if o.points == nil {
		o.points = c.sceneFor(i)
	}
	// "Throughput peaks at 99 tok/s with c=8"
	if n := c.numberAhead(i); n >= 0 && o.facts == nil && c.attribute(i) == nil {
		if right, ok := c.operandAt(n); ok {
			o.points = right.points
		}
	}
	return o, o.metrics != nil
}

// belongsTo are the points that "is that of" or "belongs to" behind a
// superlative gives it to.
func (c *checker) belongsTo(i int) []int {
	_, to := c.sameClause(i)
	for k := i + 1; k < to; k++ {
		if g := c.items[k].group; g >= 0 && c.groups[g].points != nil && c.items[k-1].is("that of", "belong to", "belongs to") {
			return c.groups[g].use()
		}
	}
	return nil
}

// ownNumber is the number that follows a name and is of it, −1 for none.
func (c *checker) ownNumber(g *group) int {
	for k := g.to; k < len(c.items) && k < g.to+3; k++ {
		switch it := &c.items[k]; {
		case it.num != nil && len(c.matched[k]) > 0:
			return k
		case it.is("of", ",", "(", "is", "was", "at", "with"):
		default:
			return -1
		}
	}
	return -1
}

// numberAhead is the number that directly follows i, −1 for none.
func (c *checker) numberAhead(i int) int {
	for k := i + 1; k < len(c.items) && k <= i+3; k++ {
		switch it := &c.items[k]; {
		case it.num != nil:
			return k
		case it.is("at", "here", "of", "with", "about", "to", "by"):
		default:
			return -1
		}
	}
	return -1
}

// field are the points among which a superlative holds: what the sentence
// says, else the curve where its subject is a point of it, else all.
func (c *checker) field(i int, subject []int) []int {
	from, to := c.sameClause(i)
	for k := from; k < min(to+3, len(c.items)); k++ {
		it := &c.items[k]
		if it.is("curve", "scaling", "scaling curve", "scaling point", "scaling test", "concurrency level") {
			return c.curve()
		}
	}
	all := c.everywhere()
	if c.own >= 0 && c.wholeRun(i) {
		return nil // a scenario's section does not know the whole run
	}
	if c.own >= 0 || c.items[i].is("peaks", "peaks at", "peaked", "peaking") {
		if slices.ContainsFunc(subject, func(p int) bool { return c.s.Evidence.Points[p].Scaling }) {
			return c.curve()
		}
		if c.own >= 0 {
			return nil
		}
	}
	return all
}
