package report

import "ceiling/report/prose"

// Rules on the work itself: where a request's time goes, how prefill did,
// and what differs from other scenarios.

// saySplit divides a request's time between first token and decoding.
func saySplit(c *scene, v *voice) string {
	if !c.e2e.known() || !c.ttftShare.known() {
		return ""
	}
	decode := c.decodeShare
	switch {
	case c.ttftShare.Value >= prose.Most:
		return v.pick("split ttft",
			say("TTFT is %s of a request's mean duration of %s, so a shorter wait would help users more than faster decoding.", c.ttftShare, c.e2e),
			say("More of a request's mean %s passes before the first token (%s) than after it.", c.e2e, c.ttftShare),
		)
	case c.ttftShare.Value <= prose.Hardly:
		return v.pick("split decode",
			say("Decoding is %s of a request's mean duration of %s: even an instant first token would shorten it by no more than %s.", decode, c.e2e, c.ttftShare),
			say("Decoding dominates with %s of a request's mean %s.", decode, c.e2e),
			say("Of a request's mean %s, all but %s is decoding.", c.e2e, c.ttftShare),
			say("The first token is a small part of a request here: %s of %s on average.", c.ttftShare, c.e2e),
		)
	default:
		return v.pick("split both",
			say("Of a request's mean %s, %s pass before the first token and %s while decoding, so faster decoding has more to win.", c.e2e, c.ttftShare, decode),
			say("Decoding takes the larger part of a request's mean %s (%s); the first token takes %s.", c.e2e, decode, c.ttftShare),
			say("A request takes %s on average, %s of it before the first token.", c.e2e, c.ttftShare),
		)
	}
}

// sayPrefill reads how fast prompts went in, and what of TTFT was waiting.
func sayPrefill(c *scene, v *voice) string {
	if text := c.sayWait(v); text != "" {
		return text
	}
	if text := c.sayTooFast(v); text != "" {
		return text
	}
	if c.Concurrency > 1 {
		return c.sayDerivedPrefill(v)
	}
	tokens := c.firstTokenWorth
	if !tokens.known() {
		return ""
	}
	return v.pick("prefill worth",
		say("The first token costs as much time as decoding %s, for a prompt of %s.", tokens, c.input),
		say("Measured in decoding time, a prompt of %s tokens costs as much as %s of output.", c.input, tokens),
	)
}

// sayWait uses the engine's own times, which the reference does not have.
func (c *scene) sayWait(v *voice) string {
	if !c.waitShare.known() || c.Concurrency < 2 {
		return ""
	}
	var text string
	switch {
	case c.waitShare.Value >= prose.Most:
		text = v.pick("wait most",
			say("Most of mean TTFT (%s) passed before the engine took the prompt up: queueing outweighs prefill", c.waitShare),
			say("The wait for a first token is mainly a queue, with %s of mean TTFT before a prompt's first step", c.waitShare),
		)
	case c.waitShare.Value <= prose.Hardly:
		text = v.pick("wait hardly",
			say("Prompts are taken up at once (%s of mean TTFT is waiting), so TTFT is the time of the steps that carry them", c.waitShare),
			say("No queue to speak of: %s of mean TTFT passes before a prompt's first step, the rest is its prefill", c.waitShare),
		)
	default:
		text = v.pick("wait part",
			say("Of mean TTFT, %s is waiting before a prompt's first step and the larger rest its prefill", c.waitShare),
			say("Waiting for a turn makes %s of mean TTFT, less than the prefill itself", c.waitShare),
		)
	}
	// Prompts that share steps share the engine, so the rate is one prompt's
	// and not the device's.
	if c.alone != nil && c.enginePrefill.known() && c.alone.enginePrefill.known() {
		return text + say("; from then on a prompt goes in at %s, against %s for one request at a time (%s).", c.enginePrefill, c.alone.enginePrefill, name(c.alone))
	}
	return text + "."
}

// sayTooFast finds prompts that came back faster than computing them alone
// would have allowed.
func (c *scene) sayTooFast(v *voice) string {
	if c.detail != nil || c.alone == nil {
		return "" // a detail says how many tokens were reused; sayCache reports it
	}
	a := c.alone
	rate, single, much := c.impliedPrefill, a.impliedPrefill, c.shared.faster
	if !much.known() || much.Value < suspectCache {
		return ""
	}
	return v.pick("prefill too fast",
		say("Mean TTFT implies that prompts went in at %s, %s the rate of one request alone (%s, %s): sharing the device does not speed a prompt up, so cached prompts are a likely reason.", rate, much, name(a), single),
		say("First tokens came faster than with one request at a time: mean TTFT implies %s here and %s there (%s). A prefix cache would do this.", rate, single, name(a)),
		say("Prompts again went in faster than alone: the rate implied by mean TTFT is %s that of %s.", much, name(a)),
	)
}

// sayDerivedPrefill compares the rate that mean TTFT implies with that of a
// request alone.
func (c *scene) sayDerivedPrefill(v *voice) string {
	a := c.alone
	if a == nil {
		return ""
	}
	rate, single, slower := c.impliedPrefill, a.impliedPrefill, c.shared.slower
	if !slower.known() || slower.Value < suspectCache {
		return ""
	}
	return v.pick("prefill derived",
		say("Seen from a user, prompts go in at %s, which is %s slower than with one request at a time (%s, %s): the price of sharing the device and waiting for it.", rate, slower, name(a), single),
		say("Mean TTFT implies a prefill of %s per user, against %s for %s; sharing and waiting make the difference of %s.", rate, single, name(a), slower),
		say("Per user, prompts go in %s more slowly than in %s.", slower, name(a)),
	)
}

// sayTwin compares decoding with another shape at the same concurrency.
func sayTwin(c *scene, v *voice) string {
	o := c.twin
	if o == nil {
		return ""
	}
	q, faster := c.pace.slower, c.pace.faster
	switch {
	case !q.known():
		return ""
	case q.Value >= prose.SameAs:
		return v.pick("twin slower",
			say("At the same concurrency, %s (%s in, %s out) has a mean TPOT of %s: a token here takes %s as long.", name(o), o.input, o.output, o.tpotMean, q),
			say("Tokens come %s as slowly as in %s, the scenario with as many requests in flight (%s tokens in, %s out).", q, name(o), o.input, o.output),
			say("Mean TPOT is %s that of %s, which has as many requests in flight but %s tokens in and %s out.", q, name(o), o.input, o.output),
		)
	case q.Value <= 1/prose.SameAs:
		return v.pick("twin faster",
			say("At the same concurrency, tokens of %s (%s in, %s out) take %s as long as here.", name(o), o.input, o.output, faster),
			say("Decoding is faster than in %s, whose %s tokens in and %s out cost %s the mean TPOT at the same concurrency.", name(o), o.input, o.output, faster),
		)
	default:
		return v.pick("twin same",
			say("Decoding is as fast as in %s, which has as many requests in flight but %s tokens in and %s out: mean TPOT differs by less than a tenth (%s).", name(o), o.input, o.output, q),
			say("Lengths hardly show in decoding: mean TPOT is %s that of %s with its %s tokens in and %s out.", q, name(o), o.input, o.output),
		)
	}
}

// sayLengths relates the spread of TTFT to that of the prompts.
func sayLengths(c *scene, _ *voice) string {
	longest, reach := c.longest, c.ttftReach
	if !longest.known() || !reach.known() {
		return ""
	}
	// Prefill time grows with length at most as attention does, squared.
	if reach.Value > longest.Value*longest.Value {
		return say("Lengths vary, but no prompt is longer than %s the nominal one while TTFT p99 is %s the median: prompt length alone does not explain the spread.", longest, reach)
	}
	return say("Lengths vary: prompts reach %s the nominal length and TTFT p99 %s the median, so part of the spread belongs to the workload.", longest, reach)
}

// sayCache reports reuse of earlier prompts' KV.
func sayCache(c *scene, _ *voice) string {
	if !c.reusedShare.known() {
		return ""
	}
	return say("Of all prompt tokens, %s came from the KV of earlier prompts, so TTFT and PP describe a warm cache and can't be compared with a cold run.", c.reusedShare)
}

// sayFew warns of a tiny sample.
func sayFew(c *scene, _ *voice) string {
	n := c.measuredRequests()
	if n <= 1 || n > fewRequests {
		return ""
	}
	return say("With %s requests, p99 of TTFT and TPOT is all but the slowest request.", c.sample)
}

// sayFailures speaks of requests that failed and of a scenario cut short.
func sayFailures(c *scene, _ *voice) string {
	if c.FailedRequests > 0 && c.ended.Value > 0 {
		return say("%s of %s requests failed; every figure is of the others.", c.failures, c.ended)
	}
	if c.partial() {
		return "The run stopped inside this scenario" + c.whyCut() + say(": the figures are of %s of %s requests.", c.ok, c.prompts)
	}
	return ""
}
