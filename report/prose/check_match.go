package prose

import (
	"slices"
)

// sceneOf are the points that the number at i is of: those named behind it,
// those that "from" and "to" give it, or those that the sentence is about.
func (c *checker) sceneOf(i int) []int {
	if g := c.behind(i); g != nil && g.points != nil {
		return g.points
	}
	if g := c.objectBefore(i); g != nil {
		switch {
		case g.points != nil:
			return g.points
		case c.own >= 0:
			return []int{c.own}
		}
	}
	switch c.endOfRange(i) {
	case "from":
		if points := c.comparedWith(i); points != nil {
			return points
		}
	case "to":
		if points := c.rangeEnd(i); points != nil {
			return points
		}
	}
	return c.sceneFor(i)
}

// objectBefore is the name behind a ratio whose figure the number at i is:
// "1.69× that of c=4 of 30.11 ms"; nil for none.
func (c *checker) objectBefore(i int) *group {
	k := i - 1
	if k > 0 && c.items[k].is("of", "(", ",", "at") {
		k--
	}
	if k < 0 || c.items[k].group < 0 || !c.groups[c.items[k].group].object {
		return nil
	}
	return &c.groups[c.items[k].group]
}

// endOfRange is "from" or "to" where the number at i is an end of a range.
func (c *checker) endOfRange(i int) string {
	for k := i - 1; k >= 0 && k >= i-6; k-- {
		it := &c.items[k]
		switch {
		case it.is("from", "to", "up from", "down from"):
			return it.word[max(0, len(it.word)-4):]
		case it.is("a", "an", "the", "of", "its") || it.class == aStat || it.class == aMetric || it.class == aDegree:
		default:
			return ""
		}
	}
	return ""
}

// rangeEnd is the scenario named as the end of a range: "from c=2 to c=4".
func (c *checker) rangeEnd(i int) []int {
	from, to := c.sameLine(i)
	for k := range c.groups {
		g := &c.groups[k]
		if g.points == nil || g.metrics != nil || g.taken || g.from <= from || g.from >= to {
			continue
		}
		if c.items[g.from-1].is("to") {
			return g.use()
		}
	}
	return nil
}

// throughputs are the metrics that are mixed up most easily, with the worst
// consequences: what one user gets and what all get together.
var throughputs = []Metric{PerUser, Output, Total}

// match are those of a number's facts that are what the sentence calls them.
// Without any it reports the first thing that is wrong.
func (c *checker) match(i int, f frame, facts []Fact) []Fact {
	f.metrics = c.meant(f.metrics, f.stats)
	if f.metrics == nil {
		c.fault(WrongMetric, "%s stands there without its metric", c.quote(i, i))
		return nil
	}
	of := func(keep func(Fact) bool) []Fact {
		return slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !keep(f) })
	}
	isMetric := func(x Fact) bool { return slices.Contains(f.metrics, x.Of.Metric) }
	named := of(isMetric)
	if len(named) == 0 {
		kind := WrongMetric
		if among(throughputs, facts[0].Of.Metric) && among(throughputs, f.metrics[0]) && (facts[0].Of.Metric == PerUser || f.metrics[0] == PerUser) {
			kind = WrongScope
		}
		c.fault(kind, "%s is %s, not %s", c.quote(i, i), label(facts[0].Of), f.metrics[0])
		return nil
	}
	facts = named
	if facts = of(func(x Fact) bool { return f.hasStat(x.Of) || x.Of.Stat == Limit && c.limiting(i) }); len(facts) == 0 {
		c.fault(WrongStat, "%s is %s, not its %s", c.quote(i, i), label(named[0].Of), f.statName())
		return nil
	}
	if f.all && !c.allStats(f, facts) {
		c.fault(WrongStat, "%s is not each of the statistics that it is said to be", c.quote(i, i))
		return nil
	}
	right := of(func(x Fact) bool { return c.atPoint(x.Of, f.points) })
	if len(right) == 0 {
		if f.points == nil {
			c.fault(WrongScope, "%s stands there without its scenario (%s)", c.quote(i, i), facts[0].Of.Scenario)
		} else {
			c.fault(WrongScope, "%s is not of %s but of %s", c.quote(i, i), c.sceneName(f.points), c.sceneName([]int{c.pointOf(facts[0].Of)}))
		}
		return nil
	}
	return right
}

func among(list []Metric, m Metric) bool { return slices.Contains(list, m) }

// meant are the metrics that a name stands for. "Peak" is the fullest second
// in a scenario's section, and for a run also the highest output of the
// curve; its "mean" is the output throughput.
func (c *checker) meant(metrics []Metric, stats []Stat) []Metric {
	if len(metrics) == 0 || metrics[0] != PeakOutput {
		return metrics
	}
	switch {
	case slices.Contains(stats, Mean):
		return []Metric{Output}
	case c.own >= 0:
		return metrics[:1]
	}
	return metrics
}

// hasStat says whether a figure's statistic is the one named. Without a name
// a figure is the mean, and where a metric has only one value that is it.
func (f *frame) hasStat(x Figure) bool {
	if f.stats == nil {
		return x.Stat == "" || x.Stat == Mean
	}
	return slices.Contains(f.stats, x.Stat) || x.Stat == "" && slices.Contains(f.stats, Mean)
}

// limiting says whether the number at i is the bound of a condition: "alert on
// TTFT p99 above 307.08 ms".
func (c *checker) limiting(i int) bool {
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		if c.items[k].class == aMore {
			return c.conditional(k)
		}
	}
	return false
}

func (f *frame) statName() string {
	if len(f.stats) == 0 {
		return string(Mean) + " (none is named)"
	}
	return string(f.stats[0])
}

// allStats says whether the facts hold every statistic that is named.
func (c *checker) allStats(f frame, facts []Fact) bool {
	for _, st := range f.stats {
		if !slices.ContainsFunc(facts, func(x Fact) bool { return x.Of.Stat == st && c.atPoint(x.Of, f.points) }) {
			return false
		}
	}
	return true
}

// atPoint says whether a figure is of one of points. Figures of the whole run
// have no scenario.
func (c *checker) atPoint(x Figure, points []int) bool {
	p := c.pointOf(x)
	if p < 0 {
		return x.Scenario == ""
	}
	return slices.Contains(points, p)
}
