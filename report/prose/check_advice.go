package prose

import "slices"

// Verbs of advice. What is advised is a setting that was measured, or a way
// of measuring and of reading the figures; nothing else comes out of a run.
var (
	settingVerbs = []string{"use", "choose", "pick", "prefer", "recommend", "recommended", "take", "stay at", "stay with", "set", "put", "run", "avoid", "consider", "cap",
		"reserve", "give", "serve", "stop at", "go beyond", "move", "dedicate", "allocate", "assign", "send", "raise concurrency", "reduce concurrency"}
	readingVerbs = []string{"plan", "repeat", "monitor", "watch", "expect", "measure", "compare", "alert", "treat", "test", "check", "rely on", "promise", "do not promise", "complete the run", "add more prompt", "hold"}
)

// checkAdvice checks which settings are advised: "use c=4" only of the sweet
// spot, or, where the sentence is about output or batch work, of the highest
// output; "avoid c=4" of neither, and only with a figure that speaks against.
func (c *checker) checkAdvice() {
	if c.s.Kind == Recommendations {
		c.checkAims()
	}
	for i := range c.items {
		it := &c.items[i]
		if it.class != anAdvice || !it.is(settingVerbs...) && !it.is("keep") || it.is("go beyond") {
			continue
		}
		points := c.advised(i)
		if points == nil || c.isNoun(i) {
			continue
		}
		against := it.is("avoid") || c.forbidden(i)
		ok := slices.ContainsFunc(points, func(p int) bool { return c.isGood(i, c.s.Evidence.Points[p]) })
		if against {
			ok = !ok && slices.ContainsFunc(points, func(p int) bool { return c.isSetting(p) && (c.offLimits(p) || c.worse(i, p)) })
		}
		if !ok {
			c.fault(Ungrounded, "%s: the figures do not recommend that", c.around(i))
		}
		c.checkWhere(i, points)
	}
}

// checkWhere sees that "use c=4 ..., where" goes on with a figure of c=4.
func (c *checker) checkWhere(i int, points []int) {
	_, to := c.sameLine(i)
	for k := i + 1; k < to; k++ {
		if !c.items[k].is("where", "with", "which") {
			continue
		}
		for n := k + 1; n < to; n++ {
			var of []int
			for _, f := range c.matched[n] {
				of = append(of, c.pointOf(f.Of))
			}
			if r, ok := c.ratios[n]; ok {
				of = r.of.points
			}
			if len(of) == 0 {
				continue
			}
			if !slices.ContainsFunc(of, func(p int) bool { return slices.Contains(points, p) }) {
				c.fault(Ungrounded, "%s is no figure of the setting that is advised", c.quote(n, n))
			}
			return
		}
	}
}

// checkAims refuses advice on what is no setting and no way of reading.
func (c *checker) checkAims() {
	line := -1
	for i := range c.items {
		it := &c.items[i]
		if it.class != anAdvice || it.line == line {
			continue
		}
		line = it.line
		_, to := c.sameLine(i)
		ok := it.is("should", "must", "need to", "more prompt", "separate", "route", "schedule", "size", "sizing", "budget")
		for k := i + 1; k < to && !ok; k++ {
			x := &c.items[k]
			if x.is(":") || x.class == aBecause || x.class == aHence {
				break
			}
			switch {
			case it.is(settingVerbs...):
				ok = x.class == aTrend || x.group >= 0 && c.groups[x.group].points != nil || x.is("setting", "point", "level") && c.items[k-1].is("that", "this")
			case it.is(readingVerbs...):
				ok = x.group >= 0 || x.is("prompt", "more prompt", "run", "sample", "own mix", "own length", "own prompt", "your own prompt", "your own prompt length", "your own mix", "your own load") || x.class == aPurpose
			case it.is("keep"):
				ok = x.class == aPurpose || k == i+1 && x.group >= 0
			default:
				ok = x.group >= 0 || x.class == aPurpose || x.class == aTrend
			}
		}
		if !ok {
			c.fault(Ungrounded, "%s advises nothing that was measured", c.around(i))
		}
	}
}

// advised are the points that the advice at i is on, nil for none.
func (c *checker) advised(i int) []int {
	for k := i + 1; k < len(c.items) && k <= i+3; k++ {
		if g := c.items[k].group; g >= 0 {
			if c.groups[g].metrics == nil && c.groups[g].stats == nil {
				return c.groups[g].use()
			}
			return nil
		}
		if !c.items[k].is("the", "at", "with", "setting", "a", "point", "only", "interactive traffic") {
			return nil
		}
	}
	return nil
}

// isNoun says whether the word at i is a noun and no advice: "the run at c=4".
func (c *checker) isNoun(i int) bool {
	return i > 0 && c.items[i-1].is("the", "a", "this", "each", "one")
}

// forbidden says whether "not" stands before the advice.
func (c *checker) forbidden(i int) bool {
	for k := i - 1; k >= 0 && k >= i-2; k-- {
		if c.items[k].class == aNegation {
			return true
		}
	}
	return false
}

// isSetting says whether a point is one that a user could choose: of the
// scaling curve.
func (c *checker) isSetting(p int) bool { return c.s.Evidence.Points[p].Scaling }

// isGood says whether a point is worth recommending: the sweet spot always,
// the highest output where the sentence says that it is for that.
func (c *checker) isGood(i int, p Point) bool {
	if p.Sweet || !p.Peak {
		return p.Sweet
	}
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		if it := &c.items[k]; it.class == aPurpose && it.use == batch || it.class == aMetric && slices.Contains(it.metrics, Output) {
			return true
		}
	}
	return false
}

// worse says whether a ratio in i's sentence speaks against a point.
func (c *checker) worse(i, p int) bool {
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		r, ok := c.ratios[k]
		if !ok || slices.Equal(r.of.points, r.against.points) {
			continue
		}
		larger := r.value > 1
		if slices.Contains(r.against.points, p) {
			larger = !larger
		} else if !slices.Contains(r.of.points, p) {
			continue
		}
		if lessIsBetter(r.of.metrics[0]) == larger {
			return true
		}
	}
	return false
}
