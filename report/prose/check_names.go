package prose

import "slices"

// group is a run of words that names a figure, or a part of its name: "the
// mean TTFT", "p99", "TPOT p99 at c=8".
type group struct {
	from, to int // items [from, to)
	line     int
	metrics  []Metric // alternatives; nil: not named
	stats    []Stat   // a list such as mean/median/p99; nil: not named
	points   []int    // alternatives; nil: not named
	taken    bool     // it stands behind a number and belongs to it
	object   bool     // it stands behind a ratio or share, which is over it
	listed   bool     // it follows another in a list
	used     bool     // as a scenario: something was checked of it
}

// nameGroups finds the groups.
func (c *checker) nameGroups() {
	for i := 0; i < len(c.items); {
		if !c.naming(i) {
			i++
			continue
		}
		g := group{from: i, line: c.items[i].line, listed: c.follows(i)}
		c.join(&g, i)
		i = c.extend(&g)
		for k := g.from; k < g.to; k++ {
			if c.naming(k) {
				c.items[k].group = len(c.groups)
			}
		}
		c.groups = append(c.groups, g)
	}
	// "TTFT and TPOT p99" is the p99 of both.
	for i := len(c.groups) - 2; i >= 0; i-- {
		a, b := &c.groups[i], &c.groups[i+1]
		joined := b.from == a.to+1 && c.items[a.to].is("and", "/")
		if joined && a.stats == nil && a.metrics != nil && b.metrics != nil {
			a.stats = b.stats
		}
	}
}

func (c *checker) naming(i int) bool {
	switch c.items[i].class {
	case aMetric, aStat, aScene:
		return true
	}
	return false
}

// follows says whether a name at i continues a list of names.
func (c *checker) follows(i int) bool {
	i--
	for i > 0 && c.items[i].is("the", "its", "a") {
		i--
	}
	return i > 0 && c.items[i].is("/", "and", ",") && c.items[i-1].group >= 0 && c.items[i-1].line == c.items[i].line
}

// join adds a name to a group.
func (c *checker) join(g *group, i int) {
	switch it := &c.items[i]; it.class {
	case aMetric:
		g.metrics = it.metrics
		if it.stat != "" && g.stats == nil {
			g.stats = []Stat{it.stat}
		}
	case aStat:
		g.stats = append(g.stats, it.stat)
	case aScene:
		g.points = it.points
		if g.points == nil {
			g.points = []int{}
		}
	}
	g.to = i + 1
}

// extend takes further names into a group and returns where it ends.
func (c *checker) extend(g *group) int {
	for {
		next, list := c.nextName(g.to)
		if next < 0 || !c.fits(g, next, list) {
			return g.to
		}
		// "TTFT mean and p99 TPOT": the p99 belongs to what follows.
		if list && c.items[next].class == aStat && g.metrics != nil {
			if after, and := c.nextName(next + 1); after >= 0 && !and && c.items[after].class == aMetric && after <= next+2 {
				return g.to
			}
		}
		c.join(g, next)
	}
}

// nextName is the name that follows i with nothing but binding words between;
// list: they are those of a list.
func (c *checker) nextName(i int) (next int, list bool) {
	for k := i; k < len(c.items) && k <= i+3; k++ {
		switch it := &c.items[k]; {
		case c.naming(k):
			return k, list
		case it.is("/", "and", ","):
			list = true
		case it.is("of", "the", "for", "its", "their", "a", "an", "in", "at", "that", "of the", "individual", "each"):
		default:
			return -1, false
		}
	}
	return -1, false
}

// fits says whether a name can be a part of the group.
func (c *checker) fits(g *group, i int, list bool) bool {
	last := c.items[g.to-1].class
	switch c.items[i].class {
	case aMetric:
		return g.metrics == nil && !list
	case aStat:
		if list {
			return last == aStat && !slices.Contains(g.stats, c.items[i].stat)
		}
		return g.stats == nil
	case aScene:
		return g.points == nil && !list
	}
	return false
}

// operand is a quantity that a claim speaks of; what is nil was not named.
type operand struct {
	metrics []Metric
	stats   []Stat
	points  []int
	facts   []Fact    // of a number: what it can be
	phase   phase     // of a part of a request's time
	at      int       // item
	also    []operand // names joined to it by "and": what is said of it is said of them
}

// operandAt is the operand that item k is a part of.
func (c *checker) operandAt(k int) (operand, bool) {
	it := &c.items[k]
	switch {
	case it.num != nil && len(c.matched[k]) > 0:
		o := operand{facts: c.matched[k], at: k}
		for _, f := range o.facts {
			o.metrics = appendNew(o.metrics, f.Of.Metric)
			o.stats = appendNew(o.stats, f.Of.Stat)
			if p := c.pointOf(f.Of); p >= 0 {
				o.points = appendNew(o.points, p)
			}
		}
		return o, true
	case it.group >= 0:
		g := c.groups[it.group]
		return operand{metrics: g.metrics, stats: g.stats, points: g.points, at: k, also: c.joined(it.group)}, true
	case it.class == aPart:
		return operand{phase: it.phase, at: k}, true
	}
	return operand{}, false
}

// joined are the metrics named right before a group and joined to it by
// "and", and those right behind it that nothing else is said of.
func (c *checker) joined(at int) []operand {
	var out []operand
	for k := at; k > 0 && c.groups[k].listed && c.groups[k].metrics != nil; k-- {
		g := &c.groups[k-1]
		if g.metrics == nil || g.to < c.groups[k].from-3 {
			break
		}
		out = append(out, operand{metrics: g.metrics, stats: g.stats, points: g.points, at: g.from})
	}
	for k := at; k+1 < len(c.groups); k++ {
		g := &c.groups[k+1]
		if g.metrics == nil || !c.joins(c.groups[k].to, g.from) || g.to < len(c.items) && isVerb(c.items[g.to]) || c.claimedByNext(g) {
			break
		}
		out = append(out, operand{metrics: g.metrics, stats: g.stats, points: g.points, at: g.from})
	}
	return out
}

// joins says whether nothing but words that join stands in items [a, b).
func (c *checker) joins(a, b int) bool {
	and := false
	for k := a; k < b; k++ {
		switch {
		case c.items[k].is("and", "but", "/"):
			and = true
		case c.items[k].is("also", "the", "its", "a", ",", "both", "not only"):
		default:
			return false
		}
	}
	return and
}

func appendNew[T comparable](list []T, v T) []T {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

// leftOf is the operand nearest to the left of i in its sentence that says
// what is measured. What it leaves open is taken from names further left.
func (c *checker) leftOf(i int) (operand, bool) {
	from, _ := c.sameLine(i)
	for k := i - 1; k >= from; k-- {
		if g := c.items[k].group; g >= 0 && c.groups[g].object {
			continue
		}
		o, ok := c.operandAt(k)
		if r, isRatio := c.ratios[k]; isRatio && c.items[k].num.unit == "×" {
			o, ok = r.of, true
		}
		if !ok || o.metrics == nil && o.stats == nil && o.phase == noPhase {
			continue
		}
		if o.metrics == nil && o.phase == noPhase {
			if o.metrics = c.possessor(k); o.metrics == nil {
				o.metrics = c.metricBefore(k)
			}
		}
		if o.points == nil && o.facts == nil {
			o.points = c.sceneFor(k)
		}
		return o, true
	}
	return operand{}, false
}

// possessor is the metric that "its" before the name at k means: the first of
// the sentence; nil where the name has no "its".
func (c *checker) possessor(k int) []Metric {
	g := c.items[k].group
	if g < 0 || c.groups[g].from == 0 || !c.items[c.groups[g].from-1].is("its") {
		return nil
	}
	from, _ := c.sameLine(k)
	for n := from; n < k; n++ {
		if o, ok := c.operandAt(n); ok && o.metrics != nil {
			return o.metrics
		}
	}
	return nil
}

// metricBefore is the metric named last before i, also in the sentence
// before; failing that, the first one after it in the same sentence.
func (c *checker) metricBefore(i int) []Metric {
	for k := i - 1; k >= 0; k-- {
		if o, ok := c.operandAt(k); ok && o.metrics != nil {
			return o.metrics
		}
	}
	_, to := c.sameLine(i)
	for k := i + 1; k < to; k++ {
		if o, ok := c.operandAt(k); ok && o.metrics != nil {
			return o.metrics
		}
	}
	return nil
}

// rightOf is the first operand to the right of i, up to a stop or another
// claim.
func (c *checker) rightOf(i int) (operand, bool) {
	_, to := c.sameLine(i)
	for k := i + 1; k < to; k++ {
		if o, ok := c.operandAt(k); ok {
			if g := c.items[k].group; g >= 0 && o.facts == nil {
				if n := c.ownNumber(&c.groups[g]); n >= 0 && !c.items[n-1].is(",", "with") {
					return c.operandAt(n)
				}
			}
			if g := c.items[k].group; g >= 0 {
				c.groups[g].used = true
			}
			return o, true
		}
		switch c.items[k].class {
		case aMore, aMove, aSame, aFactor, aBecause, aHence, aSteady, aVaried:
			return operand{}, false
		}
		if c.items[k].is(";", ":", "but", "while", "whereas", ",") {
			return operand{}, false
		}
	}
	return operand{}, false
}
