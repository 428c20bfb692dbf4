package report

import (
	"math"

	"ceiling/report/prose"
)

// Rules on what concurrency does: output, batching, the scaling curve.

// sayOutput reads output throughput and its evenness over time.
func sayOutput(c *scene, v *voice) string {
	if !c.out.known() {
		return ""
	}
	if c.Concurrency == 1 && c.closedLoop() {
		if text := c.sayLoneOutput(v); text != "" {
			return text
		}
	}
	burst := c.burst
	switch {
	case c.DurationS != nil && *c.DurationS < shortRun:
		return say("Output averages %s; a run of %s is too short to be looked at second by second.", c.out, c.runTime)
	case !burst.known() || burst.Value < 1:
		return say("Output averages %s over the run; how it was spread over time is not known.", c.out)
	case burst.Value >= prose.UnevenOutput && c.peakIsFullDecode():
		full, kept := c.fullDecode, c.ofFullDecode
		return v.pick("output full decode",
			say("The fullest second was undisturbed decoding: its %s are about what %s streams at the median ITL make (%s). Over the whole run %s of that was kept.", c.peak, c.users, full, kept),
			say("The peak second (%s) comes within a tenth of %s undisturbed streams, %s at the median ITL; the run as a whole reached %s of that.", c.peak, c.users, full, kept),
			say("Left alone, %s streams at the median ITL make %s, and the fullest second did (%s); the average keeps %s of it.", c.users, full, c.peak, kept),
			say("Output falls to %s of what undisturbed decoding would give (%s streams at the median ITL: %s), a rate that the fullest second shows (%s).", kept, c.users, full, c.peak),
		)
	case burst.Value >= prose.UnevenOutput:
		return v.pick("output uneven",
			say("Output is uneven over time: the fullest second delivered %s the average.", burst),
			say("The rate is not steady, with %s the mean output in the fullest second.", burst),
			say("Mean output hides its swings: the fullest second is %s of it.", burst),
		)
	case burst.Value <= prose.EvenOutput:
		return v.pick("output even",
			say("Output is even over time, with the fullest second at %s the mean.", burst),
			say("The rate holds throughout: no second delivered more than %s the mean output.", burst),
			say("Peak and mean output lie together (%s), so the mean is a sustained rate.", burst),
		)
	default:
		return v.pick("output moderate",
			say("The fullest second made %s the mean output.", burst),
			say("Output over time swings up to %s the mean.", burst),
			say("The fullest second and the average are %s apart.", burst),
		)
	}
}

// sayLoneOutput compares a lone user's rate with the decode rate.
func (c *scene) sayLoneOutput(v *voice) string {
	kept := c.ofLoneRate
	if !kept.known() {
		return ""
	}
	n := float64(c.OutputLen)
	text := v.pick("output lone",
		say("Over whole requests a lone user gets %s, %s of the decode rate TG", c.out, kept),
		say("Of the decode rate TG, %s reaches a lone user over whole requests (%s)", kept, c.out),
	)
	// n tokens take TTFT and n−1 times TPOT. If decoding at TG and TTFT add up
	// to the whole time, nothing else took any.
	const explained = 0.01
	if c.ttftShare.known() && math.Abs(kept.Value*(n-1)/n+c.ttftShare.Value-1) <= explained {
		return text + "; the wait for first tokens accounts for the rest."
	}
	return text + "."
}

// peakIsFullDecode says whether the fullest second is as full as undisturbed
// decoding in all slots makes it.
func (c *scene) peakIsFullDecode() bool {
	if c.Concurrency < 2 || !c.peak.known() || !c.fullDecode.known() || !c.ofFullDecode.known() {
		return false
	}
	q := c.peak.Value / c.fullDecode.Value
	return q <= prose.SameAs && q >= 1/prose.SameAs
}

// sayWave marks a run of one wave.
func sayWave(c *scene, v *voice) string {
	if !c.oneWave() {
		return ""
	}
	return v.pick("wave",
		say("All %s prompts start together at concurrency %s and none follows: this is one burst, whose TTFT and output say nothing about a steady load.", c.prompts, c.users),
		say("Again one burst: %s prompts fill the %s slots once and nothing follows, which says nothing about a steady load.", c.prompts, c.users),
		say("With %s prompts for %s slots this is a burst too, and its figures mix start, peak and tail.", c.prompts, c.users),
	)
}

// sayStep compares a scaling point with the one below it, and the lowest one
// with a single stream.
func sayStep(c *scene, v *voice) string {
	p := c.previous
	if p == nil {
		if c.scaling {
			return sharing(c, v)
		}
		return ""
	}
	more, gain, cost, linear := c.step.more, c.step.gain, c.step.cost, c.step.linear
	if !more.known() || !gain.known() || !cost.known() {
		return ""
	}
	switch {
	case gain.Value < 1:
		text := say("Going from c=%s to c=%s loses output (%s) while mean TPOT becomes %s.", p.users, c.users, gain, cost)
		if cost.Value > 1 {
			return say("Going from c=%s to c=%s loses output (%s) and each token takes longer (mean TPOT %s): c=%s is better on both counts.", p.users, c.users, gain, cost, p.users)
		}
		return text
	case gain.Value < prose.Flat:
		return v.pick("step flat",
			say("The curve is flat here: %s the requests of c=%s give %s the output.", more, p.users, gain),
			say("More requests bring next to nothing: output is %s that of c=%s for %s the requests.", gain, p.users, more),
		)
	case gain.Value >= more.Value:
		return v.pick("step superlinear",
			say("Output grows at least as fast as the load: %s for %s the requests of c=%s.", gain, more, p.users),
			say("Nothing is lost to sharing at this step: from c=%s on, output grows %s for %s the requests.", p.users, gain, more),
		)
	case gain.Value/more.Value >= linearEnough:
		return v.pick("step linear",
			say("Batching pays here: %s the requests of c=%s give %s the output, %s of proportional growth, and mean TPOT becomes %s.", more, p.users, gain, linear, cost),
			say("The step from c=%s is close to proportional: output %s (%s of proportional) at %s the mean TPOT.", p.users, gain, linear, cost),
		)
	default:
		return v.pick("step partial",
			say("Against c=%s, %s the requests give %s the output (%s of proportional growth); the price is a mean TPOT of %s.", p.users, more, gain, linear, cost),
			say("From c=%s on, output becomes %s for %s the requests, %s of proportional growth, while each token takes %s the time.", p.users, gain, more, linear, cost),
			say("Compared with c=%s, the batch still gains (%s), but each stream slows to %s the mean TPOT: %s of proportional growth.", p.users, gain, cost, linear),
			say("This step buys %s the output of c=%s with %s the mean TPOT, %s of what proportional growth would give.", gain, p.users, cost, linear),
		)
	}
}

// sayRole says why a scaling point is, or is not, the interactive sweet spot.
func sayRole(c *scene, v *voice) string {
	r := c.role
	if r.sweetSpot == nil || !c.canBeSweet() {
		return ""
	}
	ttft, tpot := r.ttft, r.tpot
	slowTTFT, slowTPOT := ttft.Value > prose.LongTail, tpot.Value > prose.LongTail
	var text string
	switch {
	case r.sweet:
		text = say("This is the interactive sweet spot: TTFT p99 and TPOT p99 are within twice the lowest of the curve (%s and %s), and no other such point gives a user more than %s.", ttft, tpot, c.perUserOut)
	case slowTTFT && slowTPOT:
		text = v.pick("role both",
			say("Not for interactive use: TTFT p99 is %s and TPOT p99 %s the lowest of the curve, both beyond the limit of twice.", ttft, tpot),
			say("Both tails have left the interactive range of twice the curve's lowest (TTFT p99 %s, TPOT p99 %s).", ttft, tpot),
			say("With TTFT p99 at %s and TPOT p99 at %s the lowest, this point is for batch work.", ttft, tpot),
		)
	case slowTTFT:
		text = v.pick("role ttft",
			say("TTFT p99 rules it out as an interactive setting: it is %s the lowest of the curve, where twice is the limit.", ttft),
			say("Only its first tokens keep this point from interactive use, with TTFT p99 at %s the curve's lowest.", ttft),
		)
	case slowTPOT:
		text = v.pick("role tpot",
			say("TPOT p99 rules it out as an interactive setting: it is %s the lowest of the curve, where twice is the limit.", tpot),
			say("Only its pace keeps this point from interactive use, with TPOT p99 at %s the curve's lowest.", tpot),
		)
	default:
		best := r.sweetSpot
		text = v.pick("role within",
			say("Its tails would do for interactive use, but a user gets %s where the sweet spot c=%s gives %s.", c.perUserOut, best.users, best.perUserOut),
			say("Both p99 are within twice the curve's lowest; it loses to c=%s on what one user gets (%s against %s).", best.users, c.perUserOut, best.perUserOut),
		)
	}
	if r.peak {
		text += " Its output is the highest of the curve."
	}
	return text
}

// sayIdle reads how many slots were in use.
func sayIdle(c *scene, v *voice) string {
	if !c.inFlight.known() || c.Concurrency < 2 || !c.closedLoop() || c.oneWave() {
		return ""
	}
	if c.inFlight.Value > idle*float64(c.Concurrency) {
		return ""
	}
	return v.pick("idle",
		say("On average %s of %s were in flight: %s prompts leave slots empty while the last ones finish, so the output understates a lasting load.", c.inFlight, c.users, c.prompts),
		say("The run's tail weighs: with %s prompts, only %s of %s were in flight on average.", c.prompts, c.inFlight, c.users),
	)
}

// saySharing compares a stream in the batch with a stream alone. For the
// lowest scaling point, sayStep does.
func saySharing(c *scene, v *voice) string {
	if c.scaling && c.previous == nil {
		return ""
	}
	return sharing(c, v)
}

func sharing(c *scene, v *voice) string {
	a := c.alone
	if a == nil || c.Concurrency < 2 {
		return ""
	}
	cost, gain := c.shared.cost, c.shared.gain
	if !cost.known() || !gain.known() {
		return ""
	}
	if cost.Value < 1 || gain.Value < 1 {
		return ""
	}
	return v.pick("sharing",
		say("Against one request at a time (%s), a token takes %s as long and the batch delivers %s the output.", name(a), cost, gain),
		say("The batch delivers %s the output of %s, at %s its mean TPOT.", gain, name(a), cost),
		say("A stream decodes at %s the mean TPOT of %s, which buys %s its output.", cost, name(a), gain),
	)
}

// name is a scenario's name, which may hold digits of its own.
func name(c *scene) fact { return fact{prose.Fact{Text: c.label}} }
