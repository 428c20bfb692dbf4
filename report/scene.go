package report

import "ceiling/report/prose"

// scene is a scenario as the rules see it: its facts, and the scenarios that
// it can be compared with.
type scene struct {
	ledger
	*scenario
	label string // the scenario's name, on one line

	input, output, users, prompts fact // nominal
	ok, failures, ended, sample   fact // requests; the first three where not all ended well

	out, peak, perUserOut, total  fact // tok/s
	requestRate, runTime          fact // requests/s, s
	ttftMean, ttftMedian, ttftP99 fact // ms
	tpotMean, tpotMedian, tpotP99 fact // ms
	itlMean, itlMedian, itlP99    fact // ms
	pp, tg, enginePrefill         fact // tok/s
	impliedPrefill                fact // tok/s, input length / mean TTFT

	// Where a mean request's time goes.
	e2e                                  fact // s
	queueTime, prefillTime, decodeTime   fact // ms, ms, s
	ttftShare, decodeShare               fact // of e2e
	waitShare                            fact // of mean TTFT, before the engine took the prompt up
	queueShare, prefillShare             fact // of e2e
	overhead                             fact
	inFlight, slotShare                  fact // requests in flight, mean over the run, and as a part of the slots
	reusedShare                          fact // of all prompt tokens
	ttftTail, ttftSkew, ttftReach        fact // p99/mean, mean/median, p99/median
	ttftLag                              fact // median/mean
	tpotTail, tpotReach                  fact // p99/mean, p99/median
	itlReach, itlBundle                  fact // p99/median, mean ITL/mean TPOT
	slowStream, usualStream              fact // tok/s at TPOT p99 and at the mean
	medianGaps                           fact // median ITL as a part of the mean: decode time without long gaps
	firstTokenWorth                      fact // tokens decoded in the time of the first
	longest                              fact // prompt, in nominal lengths
	burst                                fact // peak/out
	fullDecode, ofFullDecode, ofLoneRate fact // tok/s, out as a part of it, out as a part of TG

	alone    *scene // one request at a time, the nearest in prompt length
	twin     *scene // another shape at the same concurrency
	previous *scene // the scaling point below
	role     role   // on the scaling curve
	step     step   // against previous
	shared   shared // against alone
	pace     pace   // against twin
}

// newScene computes the facts that need no other scenario.
func newScene(s *scenario) *scene {
	c := &scene{scenario: s, label: oneLine(s.Name)}
	c.workload()
	c.latencies()
	c.throughput()
	c.requestTime()
	c.engineTime()
	c.spreads()
	return c
}

// of names one of the scenario's own figures.
func (c *scene) of(m prose.Metric, stat prose.Stat) prose.Figure {
	return prose.Figure{Metric: m, Stat: stat, Scenario: c.label}
}

// workload is what was asked for, and how many requests ended how.
func (c *scene) workload() {
	c.users = c.count(c.of(prose.Concurrency, ""), c.Concurrency)
	c.input = c.count(c.of(prose.InputLen, ""), c.InputLen)
	c.output = c.count(c.of(prose.OutputLen, ""), c.OutputLen)
	c.prompts = c.count(c.of(prose.Prompts, ""), c.NumPrompts)
	if c.FailedRequests > 0 {
		c.failures = c.count(c.of(prose.Requests, prose.Failed), int(c.FailedRequests))
		c.ended = c.count(c.of(prose.Requests, prose.Ended), int(c.SuccessfulRequests+c.FailedRequests))
	}
	if c.FailedRequests > 0 || c.partial() {
		c.ok = c.count(c.of(prose.Requests, prose.Succeeded), int(c.SuccessfulRequests))
	}
	if n := c.measuredRequests(); n > 0 {
		c.sample = c.count(c.of(prose.Requests, ""), n)
	}
	if r := c.rangeRatio(); r > 0 {
		longest := c.of(prose.InputLen, prose.Longest)
		v := 1 + r
		c.longest = c.add(prose.Fact{Value: v, Unit: "×", Text: fixed(&v, 2) + "×", Of: longest, Against: c.input.Of})
	}
	if d := c.detail; d != nil && d.ReusedTokens > 0 && c.TotalInputTokens > 0 {
		c.reusedShare = c.share(float64(d.ReusedTokens)/c.TotalInputTokens, c.of(prose.ReusedTokens, ""), c.of(prose.PromptTokens, ""))
	}
}

// latencies are mean, median and p99 of TTFT, TPOT and ITL. Gaps between
// deliveries of several tokens are no figures of tokens: they stay out of the
// list of facts, but for the ratio that tells them.
func (c *scene) latencies() {
	three := func(l *ledger, m prose.Metric, mean, median, p99 *float64) (fact, fact, fact) {
		return l.measured(c.of(m, prose.Mean), mean, "ms", 2),
			l.measured(c.of(m, prose.Median), median, "ms", 2),
			l.measured(c.of(m, prose.P99), p99, "ms", 2)
	}
	gaps := &c.ledger
	if c.bundledITL() {
		gaps = &ledger{}
	}
	c.ttftMean, c.ttftMedian, c.ttftP99 = three(&c.ledger, prose.TTFT, c.TTFTMeanMs, c.TTFTMedianMs, c.TTFTP99Ms)
	c.tpotMean, c.tpotMedian, c.tpotP99 = three(&c.ledger, prose.TPOT, c.TPOTMeanMs, c.TPOTMedianMs, c.TPOTP99Ms)
	c.itlMean, c.itlMedian, c.itlP99 = three(gaps, prose.ITL, c.ITLMeanMs, c.ITLMedianMs, c.ITLP99Ms)
	c.itlReach = gaps.ratio(c.itlP99, c.itlMedian)
	if c.itlMean.known() && c.itlMedian.known() && c.itlMean.Value > 0 {
		c.medianGaps = gaps.share(c.itlMedian.Value/c.itlMean.Value, c.itlMedian.Of, c.itlMean.Of)
	}
}

// throughput is what the slots delivered together and each.
func (c *scene) throughput() {
	c.out = c.measured(c.of(prose.Output, ""), c.OutputThroughput, "tok/s", 2)
	c.perUserOut = c.measured(c.of(prose.PerUser, ""), c.perUser(), "tok/s", 2)
	if !c.bundledITL() && !c.peakCountsLess() {
		c.peak = c.measured(c.of(prose.PeakOutput, ""), c.PeakOutputThroughput, "tok/s", 2)
		c.burst = c.ratio(c.peak, c.out)
	}
	c.total = c.measured(c.of(prose.Total, ""), c.TotalThroughput, "tok/s", 2)
	c.requestRate = c.measured(c.of(prose.RequestRate, ""), c.RequestThroughput, "requests/s", 2)
	c.runTime = c.measured(c.of(prose.RunTime, ""), c.DurationS, "s", 2)
	c.pp = c.measured(c.of(prose.PP, ""), c.PPSpeed, "tok/s", 1)
	c.tg = c.measured(c.of(prose.TG, ""), c.TGSpeed, "tok/s", 1)
	if c.detail != nil {
		c.enginePrefill = c.measured(c.of(prose.EnginePrefill, ""), c.detail.EnginePrefill, "tok/s", 1)
	}
	if c.ttftMean.known() && c.ttftMean.Value > 0 {
		c.impliedPrefill = c.derived(c.of(prose.PP, prose.Mean), 1000*float64(c.InputLen)/c.ttftMean.Value, "tok/s", 1)
	}
	// What all slots make at the median gap between tokens.
	if c.Concurrency > 1 && !c.bundledITL() && c.itlMedian.known() && c.itlMedian.Value > 0 {
		c.fullDecode = c.derived(c.of(prose.FullDecode, ""), 1000*float64(c.Concurrency)/c.itlMedian.Value, "tok/s", 1)
		if c.fullDecode.known() && c.out.known() {
			c.ofFullDecode = c.share(c.out.Value/c.fullDecode.Value, c.out.Of, c.fullDecode.Of)
		}
	}
	// TG is 1000 / mean TPOT; where a file says otherwise it is not used.
	if c.Concurrency == 1 && c.out.known() && c.tg.known() && c.out.Value > 0 && c.tg.Value > 0 {
		c.ofLoneRate = c.share(c.out.Value/c.tg.Value, c.out.Of, c.tg.Of)
	}
}

// requestTime derives a request's mean duration and what follows from it.
// Without a detail it is TTFT + (n−1) TPOT, which holds for the means where
// all requests generate the same n.
func (c *scene) requestTime() {
	var ms float64
	switch d := c.detail; {
	case d != nil && d.E2EL != nil:
		ms = 1000 * d.E2EL.Mean
	case c.rangeRatio() == 0 && c.OutputLen > 1 && c.ttftMean.known() && c.tpotMean.known():
		ms = c.ttftMean.Value + float64(c.OutputLen-1)*c.tpotMean.Value
	}
	if !(ms > 0) {
		return
	}
	whole := c.of(prose.E2EL, prose.Mean)
	c.e2e = c.derived(whole, ms/1000, "s", 2)
	if c.ttftMean.known() {
		c.ttftShare = c.share(c.ttftMean.Value/ms, c.ttftMean.Of, whole)
	}
	if c.ttftShare.known() {
		decode := c.of(prose.DecodeTime, prose.Mean)
		c.decodeTime = c.derived(decode, (ms-c.ttftMean.Value)/1000, "s", 2)
		c.decodeShare = c.share(1-c.ttftShare.Value, decode, whole)
	}
	// Little's law: the time all requests took over the time the run took.
	// Failed requests were in flight too but have no duration here.
	if c.DurationS != nil && *c.DurationS > 0 && c.FailedRequests == 0 && !c.partial() {
		if n := c.SuccessfulRequests * ms / 1000 / *c.DurationS; n > 0 && n <= float64(c.Concurrency) {
			c.inFlight = c.derived(c.of(prose.InFlight, ""), n, "requests", 1)
			c.slotShare = c.share(n/float64(c.Concurrency), c.inFlight.Of, c.users.Of)
		}
	}
}

// engineTime is what only this program's own runs know: how much of a wait
// was a queue, and what the engine was kept from working by.
func (c *scene) engineTime() {
	d := c.detail
	if d == nil {
		return
	}
	c.overhead = c.measured(c.of(prose.Overhead, ""), d.OverheadRatio, "", 4)
	// The distributions have to be of the same requests.
	if d.TTFT == nil || d.Prefill == nil || d.TTFT.Count != d.Prefill.Count || !(d.TTFT.Mean > 0) {
		return
	}
	queue := c.of(prose.QueueTime, prose.Mean)
	c.waitShare = c.share(1-d.Prefill.Mean/d.TTFT.Mean, queue, c.of(prose.TTFT, prose.Mean))
	// In an open loop a request may wait for its slot first, and that wait is
	// in none of these times.
	if !c.waitShare.known() || !c.closedLoop() {
		return
	}
	prefill := c.of(prose.PrefillTime, prose.Mean)
	c.queueTime = c.derived(queue, 1000*(d.TTFT.Mean-d.Prefill.Mean), "ms", 2)
	c.prefillTime = c.derived(prefill, 1000*d.Prefill.Mean, "ms", 2)
	if d.E2EL != nil && d.E2EL.Count == d.TTFT.Count && d.E2EL.Mean >= d.TTFT.Mean {
		whole := c.of(prose.E2EL, prose.Mean)
		c.queueShare = c.share((d.TTFT.Mean-d.Prefill.Mean)/d.E2EL.Mean, queue, whole)
		c.prefillShare = c.share(d.Prefill.Mean/d.E2EL.Mean, prefill, whole)
	}
}

// spreads compare the scenario's figures with each other.
func (c *scene) spreads() {
	c.ttftTail, c.ttftReach = c.ratio(c.ttftP99, c.ttftMean), c.ratio(c.ttftP99, c.ttftMedian)
	c.ttftSkew, c.ttftLag = c.ratio(c.ttftMean, c.ttftMedian), c.ratio(c.ttftMedian, c.ttftMean)
	c.tpotTail, c.tpotReach = c.ratio(c.tpotP99, c.tpotMean), c.ratio(c.tpotP99, c.tpotMedian)
	c.itlBundle = c.ratio(c.itlMean, c.tpotMean)
	if c.tpotTail.known() {
		c.slowStream = c.derived(c.of(prose.StreamRate, prose.P99), 1000/c.tpotP99.Value, "tok/s", 1)
		c.usualStream = c.derived(c.of(prose.StreamRate, prose.Mean), 1000/c.tpotMean.Value, "tok/s", 1)
	}
	if c.ttftMean.known() && c.tpotMean.known() && c.tpotMean.Value > 0 {
		n := c.ttftMean.Value / c.tpotMean.Value
		if text := fixed(&n, 0); n >= 1 && text != missing {
			c.firstTokenWorth = c.add(prose.Fact{Value: n, Unit: "tokens", Text: text + " tokens", Of: c.ttftMean.Of, Against: c.tpotMean.Of})
		}
	}
}

// dead says whether the scenario has no figures to speak of.
func (c *scene) dead() bool {
	_, failed := c.failed()
	return failed
}

func (c *scene) sameShape(o *scene) bool {
	return c.InputLen == o.InputLen && c.OutputLen == o.OutputLen
}
