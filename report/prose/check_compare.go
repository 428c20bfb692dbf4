package prose

import (
	"math"
	"slices"
)

// ruling is what the figures say to a claim.
type ruling int

const (
	notKnown ruling = iota
	isTrue
	isFalse
)

func decide(ok bool) ruling {
	if ok {
		return isTrue
	}
	return isFalse
}

func (v ruling) not() ruling {
	switch v {
	case isTrue:
		return isFalse
	case isFalse:
		return isTrue
	}
	return v
}

// reading is one thing that an operand can mean, with its value.
type reading struct {
	metric Metric
	stat   Stat
	point  int
	value  float64
}

// readings are what an operand means: of a number the facts that it is, else
// the figures of its first metric that has any.
func (c *checker) readings(o operand) []reading {
	var out []reading
	for _, f := range o.facts {
		out = append(out, reading{f.Of.Metric, f.Of.Stat, c.pointOf(f.Of), f.Value})
	}
	if out != nil {
		return out
	}
	for _, m := range o.metrics {
		for _, p := range o.points {
			for _, st := range o.statsOf(m) {
				if v, ok := c.value(m, st, p); ok {
					out = append(out, reading{m, st, p, v})
				}
			}
			if out != nil {
				return out
			}
		}
	}
	return nil
}

// completed is r with what it leaves open taken from l.
func (c *checker) completed(l, r operand) operand {
	if r.facts != nil {
		return r
	}
	if r.metrics == nil {
		r.metrics = c.meant(l.metrics, r.stats)
		if r.stats == nil {
			r.stats = l.stats
		}
	} else if r.stats == nil && r.points != nil && slices.Equal(r.metrics, l.metrics) {
		r.stats = l.stats
	}
	if r.points == nil {
		r.points = l.points
	}
	return r
}

// sameUnit says whether two metrics can be compared.
func sameUnit(a, b Metric) bool { return isTime(a) == isTime(b) }

// weigh compares two operands: every reading of the one with every reading of
// the other has to pass.
func (c *checker) weigh(l, r operand, test func(a, b reading) bool) ruling {
	// "The TTFT p99 of c=4 is higher than the TTFT mean": there or here. Both
	// have to say the same.
	if c.own >= 0 && l.facts == nil && r.facts == nil && r.points == nil && r.metrics != nil && len(l.points) > 0 && !slices.Contains(l.points, c.own) {
		here := r
		here.points = []int{c.own}
		r.points = l.points
		if v := c.weigh(l, here, test); v != c.weigh(l, r, test) {
			return notKnown
		}
	}
	for _, o := range l.also {
		if o.points == nil {
			o.points = l.points
		}
		if o.stats == nil && o.metrics != nil && len(l.metrics) > 0 && distributed(o.metrics[0]) == distributed(l.metrics[0]) {
			o.stats = l.stats
		}
		if v := c.weigh(o, r, test); v != isTrue {
			return v
		}
	}
	left, right := c.readings(l), c.readings(c.completed(l, r))
	if len(left) == 0 || len(right) == 0 {
		return notKnown
	}
	ok := true
	for _, a := range left {
		for _, b := range right {
			if !sameUnit(a.metric, b.metric) || a == b {
				return notKnown
			}
			ok = ok && test(a, b)
		}
	}
	return decide(ok)
}

// degreeAt is the adverb that goes with a word of comparison.
func (c *checker) degreeAt(i int) (lo, hi float64) {
	lo, hi = 1, math.Inf(1)
	for k := i - 2; k <= i+2; k++ {
		if k < 0 || k >= len(c.items) || c.items[k].class != aDegree || c.items[k].line != c.items[i].line {
			continue
		}
		if k > i && c.items[k-1].class == aMark {
			break
		}
		e := c.items[k].entry
		if e.lo > 0 {
			lo = max(lo, e.lo)
		}
		if e.hi > 0 {
			hi = min(hi, e.hi)
		}
		c.settle(k)
	}
	return lo, hi
}

// negated finds the negation that belongs to the claim at i and settles it.
func (c *checker) negated(i int) bool {
	from, _ := c.sameClause(i)
	for k := i - 1; k >= from && k >= i-4; k-- {
		if c.items[k].class == aNegation && !c.items[k].done {
			c.settle(k)
			return true
		}
	}
	return false
}

// conditional says whether the comparison at i is a condition of an advice
// ("if TPOT p99 exceeds ...", "alert on TTFT p99 above ...") and no claim.
func (c *checker) conditional(i int) bool {
	from, _ := c.sameClause(i)
	for k := i; k >= from; k-- {
		if c.items[k].is("if", "alert", "when", "once", "until", "whenever") {
			return c.items[k].is("if", "alert") || c.advises(i)
		}
	}
	return false
}

// advises says whether i's sentence is advice.
func (c *checker) advises(i int) bool {
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		if c.items[k].class == anAdvice {
			return true
		}
	}
	return false
}

// conclude settles the claim at i by a ruling.
func (c *checker) conclude(i int, v ruling, kind Fault, format string, args ...any) {
	switch {
	case v == isTrue:
		c.grant(i)
	case v == isFalse:
		c.fault(kind, format, args...)
		c.settle(i)
	default:
		c.fault(Unclear, "it can't be worked out what %s compares", c.quote(i, i))
		c.settle(i)
	}
}
