package report

import (
	"strings"

	"ceiling/report/prose"
)

// Rules on the run as a whole: the executive summary and the recommendations.

// Limits on the number of recommendations, the reference's.
const (
	leastAdvice = 5
	mostAdvice  = 8
)

// summary is the Executive Summary: two to four sentences. The first says what
// was measured and stands whoever writes the others.
func (x *run) summary() []string {
	sentences := []string{x.sayScope()}
	for _, rule := range []func() string{x.saySweet, x.sayPeak, x.sayBest} {
		if text := rule(); text != "" {
			sentences = append(sentences, text)
		}
	}
	return sentences
}

// sayScope says what was measured and how much of it.
func (x *run) sayScope() string {
	on := ""
	if hw := oneLine(x.results.Hardware); hw != "" {
		on = " on " + hw
	}
	model := oneLine(x.results.Model)
	if model == "" {
		model = "a model that the results do not name"
	}
	scope := say("all %s scenarios have results", x.planned)
	switch {
	case x.withResult.Value < x.planned.Value:
		scope = say("%s of %s scenarios have results", x.withResult, x.planned)
	case x.planned.Value == 1:
		scope = "its one scenario has a result"
	}
	return "This report measures " + model + on + ": " + scope + "."
}

func (x *run) saySweet() string {
	s := x.sweet
	switch {
	case !x.curve:
		return ""
	case s == nil:
		return "An interactive sweet spot can't be named, since no point of the scaling curve has TTFT p99, TPOT p99 and output throughput."
	}
	return say("The interactive sweet spot is c=%s, where each user gets %s with a TTFT p99 of %s and a TPOT p99 of %s.", s.users, x.sweetPerUser, s.ttftP99, s.tpotP99)
}

// sayPeak sets the peak against the sweet spot.
func (x *run) sayPeak() string {
	p := x.peak
	if p == nil || !p.out.known() {
		return ""
	}
	if x.sweet == p {
		return say("The same point has the highest output of the curve, %s.", p.out)
	}
	if x.sweet == nil {
		return say("Output throughput is highest at c=%s, %s.", p.users, p.out)
	}
	gain, ttft, tpot := x.peakOver.out, x.peakOver.ttft, x.peakOver.tpot
	if !gain.known() || !ttft.known() || !tpot.known() {
		return say("Output throughput is highest at c=%s, %s.", p.users, p.out)
	}
	return say("Throughput peaks at %s with c=%s: %s the sweet spot's output at %s its TTFT p99 and %s its TPOT p99.", p.out, p.users, gain, ttft, tpot)
}

// sayBest names the scenario with the lowest mean TPOT.
func (x *run) sayBest() string {
	best := x.fastest
	if best == nil || len(x.measuredScenes()) < 2 {
		return ""
	}
	return say("The lowest mean TPOT, %s, belongs to %s.", best.tpotMean, name(best))
}

// recommendations returns leastAdvice to mostAdvice bullets, fewer only for a
// run without any result. Of a concurrency sweep the first names the sweet spot
// in the reference's words; it and the notices behind it stand whoever writes
// the others.
func (x *run) recommendations() (advice []string, notices int) {
	switch {
	case x.sweet != nil:
		advice = []string{"Use " + sweetSpotText(x.results) + " for interactive UX."}
	case x.curve:
		advice = []string{"No concurrency can be recommended for interactive UX: the scaling curve has no point with TTFT p99, TPOT p99 and output throughput."}
	}
	if text := x.adviseRerun(); text != "" {
		advice = append(advice, text)
	}
	notices = len(advice)
	for _, rule := range []func() string{
		x.adviseCap, x.adviseBatch, x.adviseStop, x.adviseAlert,
		x.adviseLong, x.adviseStutter, x.adviseSample, x.adviseOwnShape, x.adviseRepeat, x.adviseSizing, x.adviseCompare,
	} {
		if len(advice) == mostAdvice {
			break
		}
		if text := rule(); text != "" {
			advice = append(advice, text)
		}
	}
	return advice, notices
}

// adviseRerun names what has no figures.
func (x *run) adviseRerun() string {
	var names []string
	have := map[string]bool{}
	for _, c := range x.scenes {
		have[c.Name] = true
		if c.dead() || c.partial() {
			names = append(names, oneLine(c.Name))
		}
	}
	for _, planned := range x.results.Planned {
		if !have[planned] {
			names = append(names, oneLine(planned))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "Complete the run before deciding on it; without full figures are: " + strings.Join(names, ", ") + "."
}

// adviseCap says what the next point above the sweet spot costs a user.
func (x *run) adviseCap() string {
	c := x.next
	if c == nil {
		return ""
	}
	ttft, tpot := x.nextOver.ttft, x.nextOver.tpot
	if !ttft.known() || !tpot.known() || !c.perUserOut.known() {
		return ""
	}
	return say("Cap interactive traffic at %s requests in flight and queue the rest: at c=%s a user gets %s instead of %s, with TTFT p99 at %s and TPOT p99 at %s the sweet spot's.",
		x.sweet.users, c.users, c.perUserOut, x.sweet.perUserOut, ttft, tpot)
}

// adviseBatch puts the peak to use, apart from interactive traffic.
func (x *run) adviseBatch() string {
	if x.peak == nil || x.sweet == nil {
		return ""
	}
	if x.peak == x.sweet {
		return say("Batch work gains nothing from another setting, since c=%s also has the highest output of the curve (%s).", x.peak.users, x.peak.out)
	}
	gain, ttft, tpot := x.peakOver.out, x.peakOver.ttft, x.peakOver.tpot
	if !gain.known() || !ttft.known() || !tpot.known() {
		return ""
	}
	return say("Give batch and offline work a pool of its own at c=%s: %s the sweet spot's output, at %s its TTFT p99 and %s its TPOT p99.", x.peak.users, gain, ttft, tpot)
}

// adviseStop says where more concurrency ends to pay.
func (x *run) adviseStop() string {
	if x.peak == nil || len(x.points) < 2 {
		return ""
	}
	last := x.points[len(x.points)-1]
	gain := x.lastOfPeak
	if last != x.peak {
		if !gain.known() {
			return ""
		}
		return say("Do not go beyond c=%s for throughput: c=%s has %s its output.", x.peak.users, last.users, gain)
	}
	p := last.previous
	if p == nil {
		return ""
	}
	step, more := last.step.gain, last.step.more
	if !step.known() || !more.known() {
		return ""
	}
	if step.Value < prose.SameAs {
		return say("Take c=%s as the end of the curve: it has %s the output of c=%s for %s the requests.", last.users, step, p.users, more)
	}
	return say("Measure beyond c=%s if throughput matters: the curve has not turned, its last step still gave %s the output for %s the requests.", last.users, step, more)
}

// adviseAlert turns the sweet spot's limits into alerts.
func (x *run) adviseAlert() string {
	if x.sweet == nil {
		return ""
	}
	ttft, tpot := x.ttftLimit, x.tpotLimit
	if !ttft.known() || !tpot.known() {
		return ""
	}
	return say("Alert on TTFT p99 above %s or TPOT p99 above %s for prompts like those of the scaling test: these are twice the lowest of the curve, the limits behind the sweet spot.", ttft, tpot)
}

// adviseLong keeps long prompts apart, where they were measured to be slow.
func (x *run) adviseLong() string {
	long := x.longest
	if long == nil || long.twin == nil || long.InputLen <= long.twin.InputLen {
		return ""
	}
	q := long.pace.ttft
	if !q.known() || q.Value < prose.LongTail || long.twin.InputLen <= 0 {
		return ""
	}
	return say("Route prompts of about %s tokens apart from short ones: at the same concurrency (c=%s) their mean TTFT is %s that of prompts of %s tokens.", long.input, long.users, q, long.twin.input)
}

// adviseStutter names the load whose streams pause the most.
func (x *run) adviseStutter() string {
	if x.uneven == nil {
		return ""
	}
	return say("Watch ITL p99 beside TPOT where streams have to flow: in %s it is %s the median gap, which TPOT does not show.", name(x.uneven), x.uneven.itlReach)
}

// adviseSample asks for more prompts where p99 can't rest on those there are.
func (x *run) adviseSample() string {
	if !x.smallest.known() || x.smallest.Value >= carriesP99 {
		return ""
	}
	return say("Do not promise a p99 from this run alone: its smallest sample is %s requests and a p99 needs %s.", x.smallest, x.needed)
}

// adviseOwnShape names the range of shapes that the figures cover.
func (x *run) adviseOwnShape() string {
	lo, hi := x.shortest()
	switch {
	case lo == nil:
		return ""
	case lo.InputLen == hi.InputLen:
		return say("Measure your own prompt lengths before sizing a service: this run covers %s input tokens only.", lo.input)
	default:
		return say("Measure your own mix before sizing a service: this run covers %s to %s input tokens, and TTFT and TPOT depend on them.", lo.input, hi.input)
	}
}

// adviseRepeat reminds of what one run can't tell.
func (x *run) adviseRepeat() string {
	if repeated(x.results) {
		return "Hold small differences against the spread over the passes (Repeats) before acting on them."
	}
	return "Repeat the run before acting on small differences: one run does not show how much its figures vary."
}

// adviseCompare says what a comparison has to hold equal.
func (x *run) adviseCompare() string {
	return "Compare this run only with runs of the same scenarios, model file and cache state; TTFT depends on all three."
}

// adviseSizing closes a run that says nothing on capacity.
func (x *run) adviseSizing() string {
	if x.peak != nil || !x.curve {
		return ""
	}
	return "Do not size a service by this run: no point of the scaling curve has an output throughput."
}
