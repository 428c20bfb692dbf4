package prose

// bounds are what is known of a share of a request's time.
type bounds struct{ lo, hi float64 }

// share is a part's share of a mean request's time, as far as it is known.
func (c *checker) share(p phase) bounds {
	e := &c.s.Evidence
	known := func(v *float64) bounds { return bounds{*v, *v} }
	rest := 1.0 // what decoding leaves
	if e.Decode != nil {
		rest = 1 - *e.Decode
	}
	switch {
	case p == decodePhase && e.Decode != nil:
		return known(e.Decode)
	case p == queuePhase && e.Queue != nil:
		return known(e.Queue)
	case p == prefillPhase && e.Prefill != nil:
		return known(e.Prefill)
	case p == firstPhase && e.Decode != nil:
		return bounds{rest, rest}
	case p == firstPhase && e.Queue != nil && e.Prefill != nil:
		return known(new(*e.Queue + *e.Prefill))
	case p == queuePhase || p == prefillPhase || p == firstPhase:
		return bounds{0, rest}
	case p == overheadPhase && e.Overhead != nil:
		part := *e.Overhead / (1 + *e.Overhead)
		return bounds{part, part}
	}
	return bounds{0, 1}
}

// shareOfTTFT is a part's share of the time before the first token.
func (c *checker) shareOfTTFT(p phase) bounds {
	e := &c.s.Evidence
	if e.Queue == nil || e.Prefill == nil || *e.Queue+*e.Prefill <= 0 {
		return bounds{0, 1}
	}
	queue := *e.Queue / (*e.Queue + *e.Prefill)
	switch p {
	case queuePhase:
		return bounds{queue, queue}
	case prefillPhase:
		return bounds{1 - queue, 1 - queue}
	}
	return bounds{0, 1}
}

// atLeast and atMost compare what is known of a share.
func (b bounds) atLeast(v float64) ruling {
	switch {
	case b.lo >= v:
		return isTrue
	case b.hi < v:
		return isFalse
	}
	return notKnown
}

func (b bounds) atMost(v float64) ruling {
	switch {
	case b.hi <= v:
		return isTrue
	case b.lo > v:
		return isFalse
	}
	return notKnown
}

// checkLimits checks what is said to limit or dominate, and then parts of a
// request's time that are called small or large.
func (c *checker) checkLimits() {
	c.each(aBound, func(i int) {
		part, p, ok := c.limitSubject(i)
		if !ok {
			c.fault(WrongLimit, "it is not clear what %s is said of", c.quote(i, i))
			c.settle(i)
			return
		}
		v := c.split(i, p).atLeast(Most)
		if !c.limits(i, p) {
			v = notKnown
		}
		if c.negated(i) {
			v = v.not()
		}
		if part >= 0 {
			c.settle(part)
		}
		c.concludeLimit(i, v)
		c.checkContrast(i, p)
	})
	c.each(aPart, c.checkSize)
}

// limits says whether what stands behind the word at i is something that the
// part p has a share in: a request, or TTFT before the first token.
func (c *checker) limits(i int, p phase) bool {
	for k := i + 1; k < len(c.items); k++ {
		switch it := &c.items[k]; {
		case it.group >= 0:
			for _, m := range c.groups[it.group].metrics {
				if m != E2EL && (m != TTFT || p == decodePhase || p == overheadPhase) && !among(phaseMetrics[p], m) {
					return false
				}
			}
		case !it.is("for", "of", "in", "the", "and", "a", "its", "mean", "by", "both", "also"):
			return true
		}
	}
	return true
}

// concludeLimit is conclude for claims on the time split: one that can't be
// known is as wrong as one that is contradicted.
func (c *checker) concludeLimit(i int, v ruling) {
	switch v {
	case isTrue:
		c.grant(i)
		return
	case isFalse:
		c.fault(WrongLimit, "%s: the time split says otherwise", c.around(i))
	default:
		c.fault(WrongLimit, "%s: the time split does not tell", c.around(i))
	}
	c.settle(i)
}

// split is the share that a claim at i on a part is about: of the time to
// first token where the sentence speaks of TTFT, else of a request.
func (c *checker) split(i int, p phase) bounds {
	if p == queuePhase || p == prefillPhase {
		from, to := c.sameClause(i)
		for k := from; k < to; k++ {
			if o, ok := c.operandAt(k); ok && o.phase == noPhase && len(o.metrics) > 0 && o.metrics[0] == TTFT {
				return c.shareOfTTFT(p)
			}
		}
	}
	return c.share(p)
}

// limitSubject is the part that a word such as "bottleneck" is said of: in
// "dominated by" and "most of the time is" what follows, else what stands
// before, else what follows.
func (c *checker) limitSubject(i int) (item int, p phase, ok bool) {
	it := &c.items[i]
	behind := it.is("limited by", "bound by", "dominated by", "most of the time", "the bulk of", "majority of the time", "constrained by", "governed by", "determined by", "most of", "mainly", "mostly", "predominantly")
	if i+1 < len(c.items) && c.items[i+1].is("it", "that", "this") {
		behind = false // "most of it"
	}
	for k := i + 1; k < len(c.items) && k <= i+4 && !behind; k++ {
		// "the bottleneck is in the decoding phase"
		if o, found := c.operandAt(k); found && o.phase != noPhase {
			behind = c.items[i+1].is("is", "in", "lies", "are")
		}
		if c.items[k].is(",", "for", "of") {
			break
		}
	}
	if behind {
		if item, p, ok = c.partIn(i+1, 1); ok {
			return item, p, ok
		}
	}
	if item, p, ok = c.partIn(i-1, -1); ok {
		return item, p, ok
	}
	return c.partIn(i+1, 1)
}

// partIn looks for a part of a request's time from item i on, in steps of one
// within the text.
func (c *checker) partIn(i, step int) (item int, p phase, ok bool) {
	for k := i; k >= 0 && k < len(c.items); k += step {
		o, found := c.operandAt(k)
		switch {
		case found && o.phase != noPhase:
			return k, o.phase, true
		case found && step > 0 && len(o.metrics) > 0 && o.metrics[0] == TTFT && c.items[k].word != "ttft":
			return -1, firstPhase, true
		case found && len(o.metrics) > 0 && (o.metrics[0] == TG || o.metrics[0] == DecodeTime):
			return -1, decodePhase, true
		case found && len(o.metrics) > 0 && (o.metrics[0] == PrefillTime):
			return -1, prefillPhase, true
		case found && len(o.metrics) > 0 && o.metrics[0] == QueueTime:
			return -1, queuePhase, true
		case step > 0 && c.items[k].is(".", ";"):
			return -1, noPhase, false
		}
	}
	if step < 0 {
		// "The first token dominates": no other part before it.
		from, _ := c.sameLine(max(i, 0))
		for k := max(i, 0); k >= from && i >= 0; k-- {
			if o, found := c.operandAt(k); found && len(o.metrics) > 0 && o.metrics[0] == TTFT {
				return -1, firstPhase, true
			}
		}
	}
	return -1, noPhase, false
}

// checkContrast checks the part that is set against the limit: "queueing is
// the bottleneck, not prefill".
func (c *checker) checkContrast(i int, limit phase) {
	_, to := c.sameLine(i)
	for k := i + 1; k < to; k++ {
		it := &c.items[k]
		if it.class != aPart || it.done || it.phase == limit || !c.contrasted(k) {
			continue
		}
		if c.split(i, it.phase).atLeast(Most) == isTrue {
			c.fault(WrongLimit, "%s: the time split says otherwise", c.around(k))
		}
		c.settle(k)
	}
}

// contrasted says whether "not" or "rather than" stands before k.
func (c *checker) contrasted(k int) bool {
	for n := k - 1; n >= 0 && n >= k-3; n-- {
		if c.items[n].is("not", "rather than", "instead of", "than") {
			c.settle(n)
			return true
		}
	}
	return false
}

// checkSize checks a part that is called small, large or absent.
func (c *checker) checkSize(i int) {
	p := c.items[i].phase
	switch c.sizeOf(i) {
	case aLittle:
		b := c.split(i, p)
		if p == queuePhase {
			b = c.waiting()
		}
		c.concludeLimit(i, b.atMost(Hardly))
	case aMuch:
		c.concludeLimit(i, c.split(i, p).atLeast(Most))
	default:
		if c.littleTime(i) {
			c.concludeLimit(i, c.split(i, p).atMost(Hardly))
		} else if c.negated(i) || c.absent(i) {
			b := c.split(i, p)
			if p == queuePhase {
				b = c.waiting()
			}
			c.concludeLimit(i, b.atMost(Hardly))
		}
	}
}

// littleTime says whether a part is said to take little time.
func (c *checker) littleTime(i int) bool {
	for k := i + 1; k < len(c.items) && k <= i+3; k++ {
		if c.items[k].is("little") {
			c.settle(k)
			return true
		}
	}
	return false
}

// absent says whether a part is said to be absent.
func (c *checker) absent(i int) bool {
	for k := i + 1; k < len(c.items) && k <= i+2; k++ {
		if c.items[k].is("absent", "nothing", "negligible") {
			c.settle(k)
			return true
		}
	}
	return false
}

// waiting is the queue's share of the time to first token; alone in the
// device there is none.
func (c *checker) waiting() bounds {
	e := &c.s.Evidence
	if c.own >= 0 && e.Closed && e.Points[c.own].Concurrency == 1 {
		return bounds{0, 0}
	}
	return c.shareOfTTFT(queuePhase)
}
