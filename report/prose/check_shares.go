package prose

import "slices"

// phaseMetrics are the figures that a part of a request's time stands for.
var phaseMetrics = map[phase][]Metric{
	queuePhase:    {QueueTime},
	prefillPhase:  {PrefillTime},
	decodePhase:   {DecodeTime, TG},
	overheadPhase: {Overhead},
}

// matchShare finds the facts whose part and whole the sentence names. The
// whole stands behind "of" next to the share, or before it ("of mean TTFT,
// 81% is ..."); a request's time need not be named twice.
func (c *checker) matchShare(i int, facts []Fact) []Fact {
	if c.summed(i) || c.otherWhole(i) {
		c.fault(Unclear, "%s is no share that was measured", c.around(i))
		return nil
	}
	parts, whole := c.shareNames(i)
	isAny := func(list []operand, x Figure) bool {
		return slices.ContainsFunc(list, func(o operand) bool { return c.isFigure(o, x) })
	}
	var out []Fact
	for _, f := range facts {
		isWhole := isAny(whole, f.Against)
		if whole == nil {
			isWhole = isAny(parts, f.Against) || f.Against.Metric == E2EL
		}
		if isWhole && isAny(parts, f.Of) {
			out = append(out, f)
			c.settleParts(f, parts, whole)
		}
	}
	if len(out) == 0 {
		f := facts[0]
		kind := WrongMetric
		if slices.ContainsFunc(parts, func(o operand) bool { return slices.Contains(o.metrics, f.Of.Metric) }) && f.Against.Metric != E2EL {
			kind = WrongStat
		}
		c.fault(kind, "%s is the share of %s in %s", c.quote(i, i), label(f.Of), label(f.Against))
	}
	return out
}

// settleParts marks the parts of a request's time that a share is of.
func (c *checker) settleParts(f Fact, parts, whole []operand) {
	for _, o := range append(slices.Clone(parts), whole...) {
		if o.phase != noPhase && (slices.Contains(o.metrics, f.Of.Metric) || slices.Contains(o.metrics, f.Against.Metric)) {
			c.settle(o.at)
		}
	}
}

// shareNames lists what is named in the sentence around the share at i, and
// what "of" makes the whole.
func (c *checker) shareNames(i int) (parts, whole []operand) {
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		o, ok := c.operandAt(k)
		if !ok || o.facts != nil {
			continue
		}
		switch {
		case o.phase != noPhase:
			o = operand{metrics: phaseMetrics[o.phase], phase: o.phase, at: k}
		case o.metrics == nil && o.stats != nil:
			o.metrics = c.metricBefore(k)
		}
		if o.points == nil {
			o.points = c.sceneFor(k)
		}
		if whole == nil && k > i && c.ofOnly(i, k) || k < i && c.items[from].is("of") && c.ofOnly(from-1, k) {
			if slices.Contains(o.metrics, Proportional) {
				o.points = c.everywhere()
			}
			whole = append(whole, o)
			continue
		}
		parts = append(parts, o)
	}
	if whole == nil && i+2 < len(c.items) && c.items[i+1].is("of") {
		whole = []operand{{metrics: []Metric{E2EL}, points: c.sceneFor(i)}} // "of that time"
	}
	return parts, whole
}

// everywhere are all points: proportional growth is counted from the point
// before without its being named.
func (c *checker) everywhere() []int {
	out := make([]int, len(c.s.Evidence.Points))
	for i := range out {
		out[i] = i
	}
	return out
}

// ofOnly says whether "of" and binding words are all that stands between.
func (c *checker) ofOnly(a, b int) bool {
	of := false
	for k := a + 1; k < b; k++ {
		switch {
		case c.items[k].is("of"):
			of = true
		case c.items[k].is("the", "a", "its", "all", "each") || c.items[k].group >= 0:
		default:
			return false
		}
	}
	return of
}

// summed says whether two things that are named before the share at i are
// joined, which a share of one is not of: "prefill and decoding take 97%".
func (c *checker) summed(i int) bool {
	from, _ := c.sameClause(i)
	last := -1
	for k := from; k < i; k++ {
		if c.items[k].class != aPart && (c.items[k].group < 0 || c.groups[c.items[k].group].metrics == nil) {
			continue
		}
		if last >= 0 && last+1 < k && c.joins(last+1, k) {
			return true
		}
		last = k
	}
	return false
}

// otherWhole says whether "of" behind the share at i leads to something that
// is no request's time: "97% of the run".
func (c *checker) otherWhole(i int) bool {
	for k := i + 2; k < len(c.items) && k <= i+4 && c.items[i+1].is("of"); k++ {
		if c.items[k].is("run", "scenario", "test", "suite", "benchmark", "token", "prompt", "answer", "response", "engine", "system", "device", "capacity", "second", "minute", "traffic", "work", "slot") {
			return true
		}
	}
	return false
}
