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
		case it.class == aTop && c.ranked(i):
			c.fault(Unclear, "%s: places in an order are not counted", c.quote(i-1, i))
		case it.is("as", "so") && i+2 < len(c.items) && c.echoes(i):
			c.fault(Unclear, "%s only points at a claim", c.quote(i, i+2))
		}
	}
}

// bounds says whether the word at i bounds what can be worked out: a factor
// in words, a percentile.
func (c *checker) bounds(i int) bool {
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

// wholeRun says whether i's clause speaks of the run and not of the curve.
func (c *checker) wholeRun(i int) bool {
	from, to := c.sameClause(i)
	return slices.ContainsFunc(c.items[from:min(to+3, len(c.items))], func(it item) bool {
		return it.is("run", "suite", "scenario", "test", "overall", "benchmark", "everything", "anything")
	})
}

// alerts says whether the comparison at i is the condition of an alert.
func (c *checker) alerts(i int) bool {
	from, _ := c.sameClause(i)
	return slices.ContainsFunc(c.items[from:i], func(it item) bool { return it.is("alert", "watch", "monitor") })
}

// fitsAll says whether the ratio at i is that of each name joined to its
// subject, too: "TTFT and TPOT p99 are 1.03× the mean".
func (c *checker) fitsAll(i int, of, against operand, facts []Fact) bool {
	for _, o := range of.also {
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
