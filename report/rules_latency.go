package report

import "ceiling/report/prose"

// Rules on what a user waits for: the first token, the pace of the stream,
// and its evenness. Each is silent where its figures are missing.

// sayTTFT reads the spread of the time to first token.
func sayTTFT(c *scene, v *voice) string {
	tail, skew, reach := c.ttftTail, c.ttftSkew, c.ttftReach
	if !tail.known() || !skew.known() || !reach.known() {
		return ""
	}
	switch {
	case c.equalWork() && reach.Value >= unequalWork:
		return say("With one request at a time and prompts of equal length nothing queues, yet TTFT p99 (%s) is %s the median (%s): ", c.ttftP99, reach, c.ttftMedian) + c.unequalReason()
	case skew.Value >= prose.Skewed:
		return v.pick("ttft skewed",
			say("A slow minority sets the TTFT figures: half of the requests had their first token within %s, but the mean is %s that and p99 %s.", c.ttftMedian, skew, reach),
			say("The typical wait for a first token is the median TTFT, %s; slow requests lift the mean to %s that and p99 to %s.", c.ttftMedian, skew, reach),
			say("Mean TTFT is no guide here: the median is %s, and the requests that waited longest pull the mean to %s and p99 to %s the median.", c.ttftMedian, skew, reach),
		)
	case 1/skew.Value >= early:
		lag := c.ttftLag
		return v.pick("ttft early",
			say("At least half of the first tokens came later than the mean TTFT says: the median (%s) is %s the mean, which an early minority pulls down. P99 is %s the mean.", c.ttftMedian, lag, tail),
			say("An early minority flatters mean TTFT (%s); the median is %s and p99 %s of it.", c.ttftMean, lag, tail),
		)
	case tail.Value >= prose.LongTail:
		return v.pick("ttft tail",
			say("First tokens have a long tail: where the average request waits %s, p99 is %s that.", c.ttftMean, tail),
			say("How long a user waits for the first token depends on luck: TTFT p99 (%s) is %s the mean.", c.ttftP99, tail),
			say("TTFT p99 is %s the mean although mean and median lie close (%s): plan with p99, not with the average.", tail, skew),
		)
	case tail.Value <= prose.SteadyTTFT:
		return v.pick("ttft steady",
			say("Requests wait equally long for their first token: with TTFT p99 at %s the mean, nearly all get the mean of %s or at most a tenth more.", tail, c.ttftMean),
			say("TTFT is steady: p99 is %s the mean, so up to there no tail has to be planned for.", tail),
			say("The first token is predictable: TTFT mean, median and p99 lie together (p99 %s the mean).", tail),
		)
	default:
		return v.pick("ttft moderate",
			say("TTFT p99 is %s the mean: slow first tokens exist but up to there stay within twice the average wait.", tail),
			say("The slowest first tokens take %s the mean TTFT, short of the factor of two that would make a long tail.", tail),
			say("Between mean and p99, TTFT grows to %s, less than double.", tail),
			say("Waits for the first token differ, but by less than a factor of two up to p99: %s against a mean of %s, which is %s.", c.ttftP99, c.ttftMean, tail),
		)
	}
}

// equalWork says whether every request has the device for itself and the
// same amount to do.
func (c *scene) equalWork() bool {
	return c.Concurrency == 1 && c.closedLoop() && c.rangeRatio() == 0
}

// unequalReason finishes the sentence on equal requests with unequal TTFT.
func (c *scene) unequalReason() string {
	d := c.detail
	switch {
	case d == nil:
		return "equal work took unequal time, which is consistent with a prefix cache that held some of the prompts."
	case d.ReusedTokens > 0:
		return "the cache served some prompts in part, and the others had to be computed."
	default:
		return "equal work took unequal time, and not because of a cache, since no prompt token was reused."
	}
}

// sayTPOT reads how far the pace differs between requests.
func sayTPOT(c *scene, v *voice) string {
	tail, slow, usual := c.tpotTail, c.slowStream, c.usualStream
	switch {
	case !tail.known():
		return ""
	case tail.Value <= prose.SteadyTPOT:
		return v.pick("tpot steady",
			say("Once a stream runs it keeps its pace: TPOT p99 is %s the mean.", tail),
			say("Decode treats requests alike (TPOT p99 at %s the mean).", tail),
			say("Which request one has makes no difference to decode speed: TPOT p99 is %s the mean of %s.", tail, c.tpotMean),
			say("TPOT hardly differs between requests, with p99 at %s the mean.", tail),
		)
	case tail.Value >= prose.UnequalTPOT:
		return v.pick("tpot unequal",
			say("Streams are unequal: at TPOT p99 a request decodes %s where mean TPOT means %s.", slow, usual),
			say("Decode speed depends on the request: TPOT p99 is %s the mean, %s against %s.", tail, slow, usual),
		)
	default:
		return v.pick("tpot moderate",
			say("The slowest streams take %s the mean TPOT per token, which still is %s.", tail, slow),
			say("TPOT p99 is %s the mean: a slow stream gets %s.", tail, slow),
			say("The pace differs between streams, with TPOT p99 at %s the mean (%s).", tail, slow),
			say("Requests do not decode alike: the slow end of TPOT, p99, is %s the mean and leaves %s.", tail, slow),
			say("Even at TPOT p99, %s the mean, a stream gets %s.", tail, slow),
		)
	}
}

// sayITL reads how evenly tokens arrive within the streams.
func sayITL(c *scene, v *voice) string {
	reach, bundle := c.itlReach, c.itlBundle
	switch {
	case !reach.known():
		return ""
	case c.bundledITL():
		return v.pick("itl bundled",
			say("Mean ITL is %s mean TPOT: gaps were counted between deliveries of several tokens, so ITL here is no measure of single tokens.", bundle),
			say("Tokens arrived in bundles, since one delivery took %s the mean TPOT; ITL percentiles describe bundles.", bundle),
			say("ITL and TPOT do not count alike here (means differ by %s, one gap per several tokens).", bundle),
		)
	case reach.Value >= prose.Pauses:
		return v.pick("itl pauses",
			say("Streams are uneven: one gap in a hundred lasts %s or more, %s the median gap, and TPOT averages that away.", c.itlP99, reach),
			say("The median gap between tokens is %s, but one in a hundred is at least %s as long.", c.itlMedian, reach),
			say("The rhythm breaks at times: ITL p99 (%s) is %s the median.", c.itlP99, reach),
			say("Every hundredth token comes %s or more after the one before it, %s the median gap.", c.itlP99, reach),
		) + c.pauseCause()
	case reach.Value <= prose.EvenITL:
		return v.pick("itl even",
			say("Tokens arrive evenly: up to p99 no gap is longer than %s the median.", reach),
			say("The streams have no pauses up to p99, where a gap is %s the median.", reach),
			say("ITL confirms an even stream (p99 at %s the median of %s).", reach, c.itlMedian),
			say("Within a stream the rhythm holds, with ITL p99 at %s the median.", reach),
		)
	default:
		return v.pick("itl moderate",
			say("ITL p99 is %s the median: gaps stretch, but up to there none reaches three median gaps.", reach),
			say("The rhythm is not strict: ITL p99 (%s) is %s the median, short of the three gaps that would make a pause.", c.itlP99, reach),
			say("Gaps between tokens stretch to %s the median at p99, less than a pause of three.", reach),
		)
	}
}

// pauseCause says what the pauses can or can't come from.
func (c *scene) pauseCause() string {
	switch {
	case c.Concurrency == 1 && c.closedLoop():
		return " With one request at a time, other prompts are not the reason."
	case c.oneWave() || c.Concurrency == 1:
		return ""
	default:
		return " That is consistent with decode steps that also carry other requests' prompts."
	}
}

// sayPauses weighs the long gaps by the time they take.
func sayPauses(c *scene, v *voice) string {
	rest := c.medianGaps
	if !rest.known() || rest.Value > pausesCost || c.bundledITL() {
		return ""
	}
	return v.pick("pauses cost",
		say("The long gaps weigh: had all been as short as the median, decoding would have taken %s of its time.", rest),
		say("With every gap at the median, decoding would need only %s of the time it took.", rest),
	)
}
