package prose

import "slices"

// checkLoose refuses words that widen or narrow a claim and that no other
// check reads: bounds around a figure that is known as one value, places in
// an order, and claims that are only pointed at ("as is TPOT p99").
func (c *checker) checkLoose() {
	for i := range c.items {
		it := &c.items[i]
		switch {
		case it.is("at least", "at most", "up to", "no more than", "no longer than", "within", "until"):
			if !c.bounds(i) {
				c.fault(Unclear, "%s: figures are values and no bounds", c.around(i))
			}
		case it.is("sometimes") && !c.items[min(i+1, len(c.items)-1)].is("interrupted", "interrupt"):
			c.fault(Unclear, "%s: how often is not known", c.around(i))
		case it.is("each") && i+1 < len(c.items) && c.items[i+1].is("step", "step from", "stepping", "doubling", "point", "level", "setting", "scenario", "second", "test", "percentile", "statistic"):
			c.fault(Unclear, "%s: figures do not speak of all", c.around(i))
		case it.is("only", "only just", "alone", "solely") && c.excludes(i):
			c.fault(Unclear, "%s: that it holds of nothing else can't be told", c.around(i))
		case it.is("input and output") && i > 1 && c.items[i-1].is("of") && c.items[i-2].group >= 0 && slices.Contains(c.groups[c.items[i-2].group].metrics, Output):
			c.fault(WrongMetric, "%s: output has no input in it", c.quote(i-2, i))
		case it.is("alone") && i > 0 && (c.items[i-1].class == aMetric || c.items[i-1].class == aStat):
			c.fault(Unclear, "%s: no other metric or no other request", c.quote(i-1, i))
		case it.is("latency", "performance", "speed", "pace") && it.group < 0 && c.joinsName(i):
			c.fault(Unclear, "%s: it is not clear of which figure that is said", c.around(i))
		case it.class == aTop && c.ranked(i):
			c.fault(Unclear, "%s: places in an order are not counted", c.quote(i-1, i))
		case it.is("at") && c.borrows(i):
			c.fault(Unclear, "%s: what that figure of another scenario has to do with it can't be told", c.around(i))
		case it.is("as", "so") && i+2 < len(c.items) && c.echoes(i):
			c.fault(Unclear, "%s only points at a claim", c.quote(i, i+2))
		}
	}
}

// bounds says whether the word at i bounds what can be worked out: a factor
// in words, a percentile, or the requests that a statistic divides.
func (c *checker) bounds(i int) bool {
	from, _ := c.sameClause(i)
	for k := i - 1; k >= from; k-- {
		// Half of the requests are within the median.
		if it := &c.items[k]; it.class == aStat && it.wide && (it.stat == Median || it.is("nearly all request", "almost all request") && !c.items[i].is("at least")) {
			return true
		}
	}
	for k := i + 1; k < len(c.items) && k <= i+2; k++ {
		switch it := &c.items[k]; {
		case it.class == aFactor, it.class == aStat && it.stat == P99:
			return true
		case !it.is("the", "a"):
			return false
		}
	}
	return false
}

// joinsName says whether the plain word at i is joined to a metric by "and",
// so that what is said of the metric is said of it: "latency and output".
func (c *checker) joinsName(i int) bool {
	for _, step := range []int{-1, 1} {
		and := false
		for k := i + step; k >= 0 && k < len(c.items); k += step {
			it := &c.items[k]
			if it.group >= 0 && and {
				return true
			}
			if and = and || it.is("and", "or"); !it.is("and", "or", "the", "its", "both", "also", "a") {
				break
			}
		}
	}
	return false
}

// excludes says whether "only" at i keeps what is said to one metric or
// scenario: "only c=4 has more output than c=2".
func (c *checker) excludes(i int) bool {
	for k := i + 1; k < len(c.items) && k <= i+3; k++ {
		switch it := &c.items[k]; {
		case it.group >= 0 || it.class == aPart || it.class == aMark:
			return true
		case !it.is("the", "a", "at", "in", "of", "for", "with", "its"):
			return false
		}
	}
	return true
}

// oneOfTwo says whether two scenarios are joined, one of them the section's
// own, of which nothing was checked: "here and at c=2".
func (c *checker) oneOfTwo(a, b *group) bool {
	if a.points == nil || b.points == nil || a.metrics != nil || b.metrics != nil || a.stats != nil || b.stats != nil || a.used && b.used || c.own < 0 {
		return false
	}
	and := false
	for k := a.to; k < b.from; k++ {
		if and = and || c.items[k].is("and", "/", "or", ","); !c.items[k].is("and", "/", "or", ",", "at", "in", "of", "the", "for", "also", "with") {
			return false
		}
	}
	return and
}

// ranked says whether the superlative at i is not said of the first: "the
// second lowest", "nearly the highest".
func (c *checker) ranked(i int) bool {
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		switch it := &c.items[k]; {
		case it.is("second", "third", "next", "nearly", "almost", "virtually", "practically", "about", "last", "fifth", "s") || it.num != nil && it.num.spelled && !it.is("one"):
			return true
		case !it.is("the", "a"):
			return false
		}
	}
	return false
}

// echoes says whether "as" or "so" at i only repeats a claim of something
// else: "as is TPOT p99", "so do all others".
func (c *checker) echoes(i int) bool {
	verb := &c.items[i+1]
	if !verb.is("is", "are", "was", "were", "do", "does", "did", "has", "have", "had") {
		return false
	}
	for k := i + 2; k < len(c.items) && k <= i+4; k++ {
		if c.items[k].group >= 0 || c.items[k].class == aPart {
			return true
		}
		if !c.items[k].is("the", "its", "a", "that of", "those of") {
			return false
		}
	}
	return false
}

// borrows says whether "at" at i brings in a figure of some scenario without
// saying anything of it: "1.59× that of c=8, at the TTFT p99 of c=8".
func (c *checker) borrows(i int) bool {
	k := i + 1
	for k < len(c.items) && c.items[k].is("the", "a", "its") {
		k++
	}
	if k >= len(c.items) || c.items[k].group < 0 || c.items[k].class != aMetric && c.items[k].class != aStat {
		return false // "at c=32 TPOT p99 is …" says where
	}
	g := &c.groups[c.items[k].group]
	if g.metrics == nil {
		return false
	}
	if g.points != nil {
		return true
	}
	next := g.to + 1
	return g.to < len(c.items) && next < len(c.items) && c.items[g.to].is("of", "in") &&
		c.items[next].group >= 0 && c.groups[c.items[next].group].points != nil
}

// wholeRun says whether i's clause speaks of the run and not of the curve.
func (c *checker) wholeRun(i int) bool {
	from, to := c.sameClause(i)
	return slices.ContainsFunc(c.items[from:min(to+3, len(c.items))], func(it item) bool {
		return it.is("run", "suite", "scenario", "test", "overall", "benchmark", "everything", "anything")
	})
}

// alerts says whether the comparison at i is the condition of an alert.
func (c *checker) alerts(i int) bool {
	from, _ := c.sameLine(i)
	return slices.ContainsFunc(c.items[from:i], func(it item) bool { return it.is("alert", "watch", "monitor") })
}

// fitsAll says whether the ratio at i is that of each name joined to its
// subject, too: "TTFT and TPOT p99 are 1.03× the mean".
func (c *checker) fitsAll(i int, of, against operand, facts []Fact) bool {
	for _, st := range append(slices.Clone(of.stats), against.stats...) {
		a, b := of, against
		if len(of.stats) > 1 && slices.Contains(of.stats, st) {
			a.stats = []Stat{st}
		}
		if len(against.stats) > 1 && slices.Contains(against.stats, st) {
			b.stats = []Stat{st}
		}
		if of.facts == nil && len(c.fitting(i, a, b, facts)) == 0 {
			return false
		}
	}
	for _, o := range of.also {
		if g := c.items[o.at].group; g >= 0 && c.groups[g].object {
			continue
		}
		if o.points == nil {
			o.points = of.points
		}
		if o.stats == nil {
			o.stats = of.stats
		}
		if len(c.fitting(i, o, against, facts)) == 0 {
			return false
		}
	}
	return true
}

// namedBehind are the metrics in the list behind the ratio at i where none is
// named before it: "the p99 is 1.03× the mean for TPOT and TTFT".
func (c *checker) namedBehind(i int) []operand {
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		if g := c.items[k].group; g >= 0 && c.groups[g].metrics != nil {
			if k < i {
				return nil
			}
			out := c.joined(g)
			for g++; g < len(c.groups) && c.groups[g].listed && c.groups[g].metrics != nil; g++ {
				out = append(out, operand{metrics: c.groups[g].metrics, stats: c.groups[g].stats, points: c.groups[g].points, at: c.groups[g].from})
			}
			return out
		}
	}
	return nil
}

// allSkewed says whether the metrics joined to each other in i's clause are
// all skewed at the point: "lifts the mean TTFT and the mean TPOT".
func (c *checker) allSkewed(i int, points []int) bool {
	from, to := c.sameClause(i)
	for k := from; k < to; k++ {
		g := c.items[k].group
		if g < 0 {
			continue
		}
		for _, o := range c.joined(g) {
			if e, ok := c.evennessOf(o.metrics[0], first(points)); !ok || e.skew < Skewed {
				return false
			}
		}
	}
	return true
}

// ofUser says whether the ratio at i is said of what one user gets and stands
// over another metric: "each user gets 3.33× the output".
func (c *checker) ofUser(i int, against operand) bool {
	from, _ := c.sameClause(i)
	for k := i - 1; k >= from; k-- {
		if g := c.items[k].group; g >= 0 && c.groups[g].metrics != nil {
			return c.perUserOnly(&c.groups[g]) && !slices.Contains(against.metrics, PerUser)
		}
	}
	return false
}

// endsOnly says whether the change at i is said of two named ends and not of
// what lies between: "from c=2 to c=8", not "keeps rising".
func (c *checker) endsOnly(i int) bool {
	from, to := c.sameLine(i)
	return c.comparedWith(i) != nil && !slices.ContainsFunc(c.items[from:to], func(it item) bool {
		return it.is("keep", "keeps", "keeping", "kept", "still", "throughout", "through", "steadily", "constantly", "consistently", "all the way", "over the curve", "always", "every", "each")
	})
}

// steadyWay says whether a figure goes one way at every point of the curve
// between two of its points; true where either is none of the curve.
func (c *checker) steadyWay(a, b reading) bool {
	curve := c.curve()
	from, to := slices.Index(curve, b.point), slices.Index(curve, a.point)
	if from < 0 || to < 0 || a.metric != b.metric || a.stat != b.stat {
		return true
	}
	if from > to {
		from, to = to, from
	}
	way := 0.0
	for k := from + 1; k <= to; k++ {
		x, okX := c.value(a.metric, a.stat, curve[k-1])
		y, okY := c.value(a.metric, a.stat, curve[k])
		if !okX || !okY || way*(y-x) < 0 {
			return false
		}
		way = y - x
	}
	return true
}
