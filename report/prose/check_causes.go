package prose

import "slices"

// checkCauses holds reasons against the evidence, wherever they stand: one
// that no evidence carries can't be named even in passing.
func (c *checker) checkCauses() {
	c.each(anAlien, func(i int) {
		c.fault(InventedCause, "%s was not measured", c.quote(i, i))
		c.settle(i)
	})
	c.each(aCause, func(i int) {
		if c.harmless(i) {
			c.settle(i)
			return
		}
		v := c.carries(i, c.items[i].reason)
		if c.negated(i) {
			v = v.not()
		}
		if v == isTrue {
			c.grant(i)
			return
		}
		c.fault(InventedCause, "no evidence carries %s", c.quote(i, i))
		c.settle(i)
	})
	c.each(aBecause, c.checkBecause)
	c.each(aDrives, c.checkDrives)
}

// harmless says whether words that can be a reason are none here: kinds of
// prompts that no conjunction makes one.
func (c *checker) harmless(i int) bool {
	switch c.items[i].reason {
	case mixReason, sharingReason, fewReason, countsReason:
	case lengthReason:
		return c.s.Kind == Recommendations
	default:
		return false
	}
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		switch c.items[k].class {
		case aBecause, aDrives:
			return false
		case aHence:
			if k < i {
				return false
			}
		}
	}
	return true
}

// carries says whether evidence carries a reason.
func (c *checker) carries(i int, r reason) ruling {
	e := &c.s.Evidence
	points := c.sceneFor(i)
	var p Point
	if len(points) > 0 {
		p = e.Points[points[0]]
	}
	switch r {
	case othersReason:
		if len(points) == 0 || p.Concurrency < 2 || e.OneWave {
			return isFalse
		}
		even, ok := c.evennessOf(ITL, first(points))
		return decide(ok && even.is(uneven))
	case sharingReason:
		return decide(p.Concurrency > 1 && c.claims > 0)
	case cacheReason:
		return decide(e.Warm)
	case waveReason:
		return decide(e.OneWave)
	case fewReason:
		return decide(e.FewRequests)
	case countsReason:
		return decide(slices.ContainsFunc(c.groups, func(g group) bool { return slices.Contains(g.metrics, Total) }))
	case failureReason:
		return decide(e.Failed)
	case aloneReason:
		return decide(p.Concurrency == 1 && e.Closed)
	case minorityReason:
		return c.skewed(i)
	case lengthReason:
		return c.longer(i, points)
	}
	return notKnown
}

// skewed says whether slow requests make the mean of the metric before i.
func (c *checker) skewed(i int) ruling {
	metrics, points := c.metricBefore(i), c.sceneFor(i)
	if len(metrics) == 0 || len(points) == 0 {
		return notKnown
	}
	e, ok := c.evennessOf(metrics[0], first(points))
	if !ok || e.skew == 0 {
		return notKnown
	}
	return decide(e.skew >= Skewed)
}

// longer says whether the prompts of what is spoken of differ in length, the
// way that is said, from those that it is compared with.
func (c *checker) longer(i int, points []int) ruling {
	other := c.otherScene(i, points)
	if len(points) == 0 || len(other) == 0 {
		return notKnown
	}
	a, okA := c.value(InputLen, "", points[0])
	b, okB := c.value(InputLen, "", other[0])
	if !okA || !okB {
		return notKnown
	}
	if c.items[i].is("shorter prompt", "short prompt", "prompts are shorter") {
		a, b = b, a
	}
	return decide(a > b)
}

// checkBecause looks at what stands behind a conjunction of reason. It has to
// be a reason that evidence carries; that a claim is true does not make it
// the reason of another, except of an advice, a judgement on use or a
// conclusion on the time split.
func (c *checker) checkBecause(i int) {
	from, to := c.sameLine(i)
	reasons, proven := 0, 0
	for k := i + 1; k < to; k++ {
		switch it := &c.items[k]; {
		case it.class == aCause && it.done:
			reasons++
		case it.class == aPart:
			c.checkPartReason(i, k)
			reasons++
		case it.class == anAlien:
			reasons++ // reported already
		case it.done && (it.num != nil || comparing(it.class)):
			proven++
		}
	}
	conclusion := c.items[i].is("as", "since") && proven > 0
	for k := from; k < i && !conclusion; k++ {
		switch c.items[k].class {
		case anAdvice, aPurpose, aBound, aSkew:
			conclusion = proven > 0
		}
	}
	switch {
	case reasons > 0 || conclusion:
		c.settle(i)
	case c.items[i].is("as", "since", "reason", "reasons") && !c.items[i].is("since"):
		c.settle(i) // "as" has other uses; what it governs is checked by itself
	default:
		c.fault(InventedCause, "%s gives a reason that was not measured", c.around(i))
		c.settle(i)
	}
}

// comparing says whether a class makes claims on figures.
func comparing(k class) bool {
	switch k {
	case aMore, aMove, aSame, aFactor, aTop, aSteady, aVaried, aSpread, aSkew, aBound:
		return true
	}
	return false
}

// checkPartReason checks a part of a request's time as a reason: it has to be
// most of what it is the reason of, or with "partly" more than hardly any.
func (c *checker) checkPartReason(i, k int) {
	if !c.concerns(i, c.items[k].phase) {
		c.fault(InventedCause, "%s: that is no reason for it", c.around(k))
		c.settle(k)
		return
	}
	if c.items[k].done {
		return
	}
	least := Most
	if c.items[max(i-1, 0)].is("partly", "in part") {
		least = Hardly
	}
	if c.splitLine(i, c.items[k].phase).atLeast(least) != isTrue {
		c.fault(InventedCause, "%s: the time split does not carry it", c.around(k))
		c.settle(k)
		return
	}
	c.grant(k)
}

// concerns says whether a part of a request's time can be the reason for what
// stands before item i: the queue and prefill end with the first token, and
// decoding begins with it.
func (c *checker) concerns(i int, p phase) bool {
	from, _ := c.sameLine(i)
	for k := from; k < i; k++ {
		o, ok := c.operandAt(k)
		if !ok || len(o.metrics) == 0 {
			continue
		}
		switch o.metrics[0] {
		case TTFT, PP, PrefillTime, QueueTime:
			return p == queuePhase || p == prefillPhase
		case TPOT, TG, ITL, StreamRate, DecodeTime:
			return p == decodePhase
		}
	}
	return true
}

// splitLine is split for a claim that the whole sentence is about.
func (c *checker) splitLine(i int, p phase) bounds {
	from, to := c.sameLine(i)
	for k := from; k < to; k++ {
		if o, ok := c.operandAt(k); ok && o.phase == noPhase && len(o.metrics) > 0 && o.metrics[0] == TTFT && (p == queuePhase || p == prefillPhase) {
			if p == prefillPhase && c.own >= 0 && c.s.Evidence.Closed && c.s.Evidence.Points[c.own].Concurrency == 1 {
				return bounds{1, 1}
			}
			return c.shareOfTTFT(p)
		}
	}
	return c.share(p)
}

// checkDrives looks at what stands before "causes" and "leads to": a reason
// that evidence carries, or the course along the curve.
func (c *checker) checkDrives(i int) {
	from, to := c.sameLine(i)
	for k := from; k < i; k++ {
		switch it := &c.items[k]; {
		case it.class == aPart:
			c.checkPartReason(i, k)
			c.settle(i)
			return
		case it.class == aCause && it.done, it.class == anAlien, it.class == aTrend:
			c.settle(i)
			return
		}
	}
	for k := i + 1; k < to; k++ {
		if c.items[k].class == anAlien {
			c.settle(i)
			return
		}
	}
	c.fault(InventedCause, "%s names a reason that was not measured", c.around(i))
	c.settle(i)
}
