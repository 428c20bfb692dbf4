package prose

import "slices"

// relation is what a ratio or share compares.
type relation struct {
	of, against operand
	value       float64
}

// checkRatios holds ratios ("1.42×") and shares ("83%") against the facts:
// what they are of, and against what.
func (c *checker) checkRatios() {
	c.each(aNumber, func(i int) {
		facts, _ := c.printed(i)
		facts = slices.DeleteFunc(facts, func(f Fact) bool { return f.Against == (Figure{}) })
		if len(facts) == 0 {
			c.noSuchNumber(i, false)
			return
		}
		var found []Fact
		if c.items[i].num.unit == "%" {
			found = c.matchShare(i, facts)
		} else {
			found = c.matchRatio(i, facts)
		}
		if len(found) == 0 {
			c.settle(i)
			return
		}
		c.grant(i)
		f := found[0]
		c.ratios[i] = relation{c.figureOperand(f.Of, i), c.figureOperand(f.Against, i), f.Value}
	})
}

func (c *checker) figureOperand(f Figure, at int) operand {
	o := operand{metrics: []Metric{f.Metric}, stats: []Stat{f.Stat}, at: at}
	if p := c.pointOf(f); p >= 0 {
		o.points = []int{p}
	}
	return o
}

// matchRatio finds the facts whose Of and Against are what the sentence
// compares, and reports what is wrong where there is none.
func (c *checker) matchRatio(i int, facts []Fact) []Fact {
	of, ok := c.subjectOf(i)
	against := c.objectOf(i)
	if last, found := c.lastRatio(i); found && against.empty() && c.items[min(i+1, len(c.items)-1)].is("for", "in") {
		// "its p99 is 1.25× the mean, against 2.08× for TTFT"
		of = operand{metrics: last.of.metrics, stats: last.of.stats, points: last.of.points}
		if right, ok := c.rightOf(i); ok {
			if right.metrics != nil {
				of.metrics = right.metrics
			}
			if right.points != nil {
				of.points = right.points
			}
			of.also = right.also
		}
		against, ok = operand{stats: last.against.stats}, true
	}
	if o, counted := c.countObject(i); counted {
		of, against, ok = operand{metrics: o.metrics, points: c.sceneFor(i)}, o, true
	}
	if !ok {
		c.fault(WrongMetric, "%s stands there without what it is a ratio of", c.quote(i, i))
		return nil
	}
	right := c.fitting(i, of, against, facts)
	if len(right) > 0 && !c.fitsAll(i, of, against, facts) {
		c.fault(WrongMetric, "%s is not of all that is named before it", c.quote(i, i))
		return nil
	}
	// "at 5.66× its TTFT p99": the metric stands behind the ratio.
	if len(right) == 0 && against.metrics != nil && c.bought(i) && !c.ofUser(i, against) {
		right = c.fitting(i, operand{metrics: against.metrics, stats: against.stats, points: c.sceneFor(i)}, against, facts)
	}
	if len(right) == 0 {
		right = c.remark(i, facts)
	}
	if len(right) == 0 {
		c.wrongRatio(i, of, against, facts)
	}
	return right
}

// remark reads a ratio in brackets behind what is compared with: "TPOT p99 is
// close to the mean (1.02×)".
func (c *checker) remark(i int, facts []Fact) []Fact {
	if i < 2 || !c.items[i-1].is("(") || c.items[i-2].group < 0 {
		return nil
	}
	g := &c.groups[c.items[i-2].group]
	of, ok := c.leftOf(g.from)
	if !ok {
		return nil
	}
	return c.fitting(i, of, operand{metrics: g.metrics, stats: g.stats, points: g.points}, facts)
}

// countObject is what "2× the requests of c=2" is over: the concurrency there.
func (c *checker) countObject(i int) (operand, bool) {
	for k := i + 1; k < len(c.items) && k <= i+2; k++ {
		switch it := &c.items[k]; {
		case it.is("request", "user", "slot", "stream"):
			o := operand{metrics: []Metric{Concurrency}, points: c.comparedWith(i), at: k}
			for n := k + 1; n < len(c.items) && n <= k+2; n++ {
				if g := c.items[n].group; g >= 0 && c.groups[g].points != nil {
					o.points = c.groups[g].points
				}
			}
			return o, true
		case !it.is("the", "as many"):
			return operand{}, false
		}
	}
	return operand{}, false
}

// bought says whether the ratio at i follows a word that makes what is behind
// it the thing that is compared: "delivers 1.49× the output".
func (c *checker) bought(i int) bool {
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		it := &c.items[k]
		if it.is("at", "take", "takes", "with", "for", "buys", "buy", "costs", "cost", "deliver", "delivers", "give", "gives", "need", "needs", "by", "to",
			"batch deliver", "reach", "reaches", "yield", "yields", "bring", "and", "has", "have", "achieve", "achieves", "get", "gets") {
			return true
		}
		if it.class != aDegree && !it.is("only", "about", "over") {
			return false
		}
	}
	return false
}

// lastRatio is the relation of the ratio before i in the same sentence.
func (c *checker) lastRatio(i int) (relation, bool) {
	from, _ := c.sameLine(i)
	for k := i - 1; k >= from; k-- {
		if r, ok := c.ratios[k]; ok {
			return r, true
		}
	}
	return relation{}, false
}

func (o operand) empty() bool {
	return o.metrics == nil && o.stats == nil && o.points == nil
}

// subjectOf is what stands before a ratio and is compared.
func (c *checker) subjectOf(i int) (operand, bool) {
	o, ok := c.leftOf(i)
	o.also = append(o.also, c.namedBehind(i)...)
	if !ok {
		if o.metrics = c.metricBefore(i); o.metrics == nil {
			return o, false
		}
		o.points = c.sceneFor(i)
	}
	return o, true
}

// objectOf is what stands behind a ratio and is compared with: names that
// follow with nothing but binding words between, or a superlative.
func (c *checker) objectOf(i int) operand {
	for k := i + 1; k < len(c.items) && k <= i+5; k++ {
		it := &c.items[k]
		switch {
		case it.group >= 0:
			g := &c.groups[it.group]
			g.used = true
			o := operand{metrics: g.metrics, stats: g.stats, points: g.points, at: k}
			if o.points == nil && c.items[i+1].is("its") {
				o.points = c.comparedWith(i)
			}
			return o
		case it.class == aTop:
			return c.topOperand(i, k)
		case it.is("the", "that of", "those of", "that", "of", "at", "in", "what", "a", "an", "its", "as", "those", "one", "compared to", "compared with", "of the", "relative to", "over"):
		case it.num != nil && it.num.spelled && it.num.text == "one":
		case it.is(",", "and") && c.ratioAhead(k):
			// "5.66× and TPOT p99 2.17× the lowest": what follows the second.
			return operand{}
		default:
			return c.pronoun(i, k)
		}
	}
	return operand{}
}

// pronoun is what "that" behind the ratio at i means where no name follows
// before item k: the number before.
func (c *checker) pronoun(i, k int) operand {
	if k != i+2 || !c.items[i+1].is("that", "it") {
		return operand{}
	}
	from, _ := c.sameLine(i)
	for n := i - 1; n >= from; n-- {
		if o, ok := c.operandAt(n); ok && o.facts != nil {
			return o
		}
	}
	return operand{}
}

func (c *checker) ratioAhead(i int) bool {
	_, to := c.sameLine(i)
	for k := i; k < to; k++ {
		if c.items[k].num != nil {
			return c.items[k].num.unit == "×"
		}
	}
	return false
}

// topOperand is "the lowest of the curve" behind the ratio at i: of the
// metric and statistic compared, at the point that has it.
func (c *checker) topOperand(i, k int) operand {
	o, _ := c.subjectOf(i)
	if g := c.attribute(k); g != nil {
		o = operand{metrics: g.metrics, stats: g.stats}
	}
	for n := len(o.metrics) - 1; n >= 0; n-- {
		for _, st := range o.statsOf(o.metrics[n]) {
			if best := c.best(o.metrics[n], st, upward(c.items[k].entry, o.metrics[n]), c.curve()); best != nil {
				c.settle(k)
				return operand{metrics: o.metrics[n : n+1], stats: []Stat{st}, points: best, at: k}
			}
		}
	}
	return operand{}
}

// statsOf are the statistics that an operand can mean of a metric: the mean
// where none is named.
func (o operand) statsOf(m Metric) []Stat {
	if len(o.stats) > 0 {
		return o.stats
	}
	if distributed(m) {
		return []Stat{Mean}
	}
	return []Stat{""}
}

// fitting are the facts that compare of with against.
func (c *checker) fitting(i int, of, against operand, facts []Fact) []Fact {
	var out []Fact
	for _, f := range facts {
		if c.isFigure(of, f.Of) && c.isAgainst(i, of, against, f) {
			out = append(out, f)
		}
	}
	return out
}

// isFigure says whether an operand names a figure.
func (c *checker) isFigure(o operand, x Figure) bool {
	fr := frame{operand: o}
	return slices.Contains(o.metrics, x.Metric) && fr.hasStat(x) && (o.points == nil && c.pointOf(x) < 0 || c.atPoint(x, o.points))
}

// isAgainst says whether the other side of a fact is what the sentence
// compares with. What is not named is as on the first side.
func (c *checker) isAgainst(i int, of, against operand, f Fact) bool {
	if against.metrics == nil {
		against.metrics = c.meant([]Metric{f.Of.Metric}, against.stats)
		if against.stats == nil {
			against.stats = []Stat{f.Of.Stat}
		}
	} else if against.stats == nil && slices.Contains(against.metrics, f.Of.Metric) && against.points != nil {
		against.stats = []Stat{f.Of.Stat}
	}
	if against.points == nil {
		same := f.Against.Metric == f.Of.Metric && f.Against.Stat == f.Of.Stat
		switch ref := c.comparedWith(i); {
		case same && ref != nil && !slices.Contains(ref, c.pointOf(f.Of)):
			against.points = ref
		case same && c.own >= 0 && c.pointOf(f.Of) != c.own:
			against.points = []int{c.own}
		case same:
			// The same figure elsewhere, which has to be named: "the step
			// before" where there is one only.
			return false
		default:
			against.points = of.points
		}
	}
	return c.isFigure(against, f.Against)
}

// wrongRatio reports why no fact fits.
func (c *checker) wrongRatio(i int, of, against operand, facts []Fact) {
	f := facts[0]
	kind := WrongStat
	switch {
	case !slices.ContainsFunc(facts, func(f Fact) bool { return slices.Contains(of.metrics, f.Of.Metric) }):
		kind = WrongMetric
	case against.metrics != nil && !slices.ContainsFunc(facts, func(f Fact) bool { return slices.Contains(against.metrics, f.Against.Metric) }):
		kind = WrongMetric
	case slices.ContainsFunc(facts, func(f Fact) bool { fr := frame{operand: of}; return fr.hasStat(f.Of) }) && c.pointOf(f.Of) != c.pointOf(f.Against):
		kind = WrongScope
	}
	where := ""
	if f.Against.Scenario != "" {
		where = " of " + f.Against.Scenario
	}
	c.fault(kind, "%s is %s over %s%s", c.quote(i, i), label(Figure{Metric: f.Of.Metric, Stat: f.Of.Stat}), label(Figure{Metric: f.Against.Metric, Stat: f.Against.Stat}), where)
}
