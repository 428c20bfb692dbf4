package report

import (
	"math"
	"strconv"
)

// fact is one number that prose may use: its value, its unit and the only
// text under which it is printed. Measured facts have the text of the tables;
// derived ones (ratios, shares, times per request) have one of their own. No
// number reaches a sentence any other way.
type fact struct {
	value float64
	unit  string // "ms", "tok/s", "×", "%", "" for a count
	text  string // with its unit
	known bool
}

// ledger makes facts and remembers them, so that whoever checks prose can ask
// which numbers a scenario's sentences may hold.
type ledger struct{ facts []fact }

func (l *ledger) add(value float64, unit, text string) fact {
	f := fact{value: value, unit: unit, text: text, known: true}
	l.facts = append(l.facts, f)
	return f
}

// measured is a quantity of the results file; unknown where that has none.
func (l *ledger) measured(v *float64, unit string, decimals int) fact {
	text := fixed(v, decimals)
	if text == missing {
		return fact{}
	}
	return l.add(*v, unit, text+" "+unit)
}

// derived is a quantity computed here, unknown where it came out as no
// finite number.
func (l *ledger) derived(v float64, unit string, decimals int) fact {
	return l.measured(&v, unit, decimals)
}

// number is a count of things.
func (l *ledger) number(n int) fact { return l.add(float64(n), "", strconv.Itoa(n)) }

// ratio is a/b with about three digits, unknown unless both are positive.
func (l *ledger) ratio(a, b fact) fact {
	if !a.known || !b.known || a.value <= 0 || b.value <= 0 {
		return fact{}
	}
	q := a.value / b.value
	if math.IsInf(q, 0) || q == 0 {
		return fact{}
	}
	decimals := 2
	switch {
	case a.unit == "" && b.unit == "" && q == math.Trunc(q):
		decimals = 0 // counts: 32 requests are 2× 16
	case q >= 99.95:
		decimals = 0
	case q >= 9.995:
		decimals = 1
	case q < 0.0995:
		decimals = 3
	}
	return l.add(q, "×", strconv.FormatFloat(q, 'f', decimals, 64)+"×")
}

// share is a part of a whole (0 to 1) in whole percent. Nearly nothing and
// nearly all do not print as 0% and 100%. It is unknown outside that range.
func (l *ledger) share(part float64) fact {
	if !(part >= 0 && part <= 1) {
		return fact{}
	}
	decimals := 0
	switch {
	case part == 0 || part == 1:
	case part < 0.0005:
		return l.add(part, "%", "less than 0.1%")
	case part >= 0.9995:
		return l.add(part, "%", "more than 99.9%")
	case part <= 0.005 || part >= 0.995: // 0.005 would round to an even 0
		decimals = 1
	}
	return l.add(part, "%", strconv.FormatFloat(100*part, 'f', decimals, 64)+"%")
}

// scene is a scenario as the rules see it: its facts, and the scenarios that
// it can be compared with.
type scene struct {
	ledger
	*scenario

	input, output, users, prompts fact // nominal

	out, peak, perUserOut         fact // tok/s
	ttftMean, ttftMedian, ttftP99 fact // ms
	tpotMean, tpotMedian, tpotP99 fact // ms
	itlMean, itlMedian, itlP99    fact // ms
	pp, tg, enginePrefill         fact // tok/s

	e2e       fact // ms, a request's mean duration
	ttftShare fact // of e2e
	waitShare fact // of mean TTFT, before the engine took the prompt up
	inFlight  fact // requests in flight, mean over the run

	alone    *scene // one request at a time, the nearest in prompt length
	twin     *scene // another shape at the same concurrency
	previous *scene // the scaling point below
	role     role   // on the scaling curve
}

// newScene computes the facts that need no other scenario.
func newScene(s *scenario) *scene {
	c := &scene{scenario: s}
	c.input, c.output = c.number(s.InputLen), c.number(s.OutputLen)
	c.users, c.prompts = c.number(s.Concurrency), c.number(s.NumPrompts)
	c.out = c.measured(s.OutputThroughput, "tok/s", 2)
	c.perUserOut = c.measured(s.perUser(), "tok/s", 2)
	if !s.bundledITL() && !s.peakCountsLess() {
		c.peak = c.measured(s.PeakOutputThroughput, "tok/s", 2)
	}
	c.ttftMean, c.ttftMedian, c.ttftP99 = c.three(s.TTFTMeanMs, s.TTFTMedianMs, s.TTFTP99Ms)
	c.tpotMean, c.tpotMedian, c.tpotP99 = c.three(s.TPOTMeanMs, s.TPOTMedianMs, s.TPOTP99Ms)
	c.itlMean, c.itlMedian, c.itlP99 = c.three(s.ITLMeanMs, s.ITLMedianMs, s.ITLP99Ms)
	c.pp, c.tg = c.measured(s.PPSpeed, "tok/s", 1), c.measured(s.TGSpeed, "tok/s", 1)
	if d := s.detail; d != nil {
		c.enginePrefill = c.measured(d.EnginePrefill, "tok/s", 1)
		// Both distributions have to be of the same requests.
		if d.TTFT != nil && d.Prefill != nil && d.TTFT.Count == d.Prefill.Count && d.TTFT.Mean > 0 {
			c.waitShare = c.share(1 - d.Prefill.Mean/d.TTFT.Mean)
		}
	}
	c.requestTime()
	return c
}

func (c *scene) three(mean, median, p99 *float64) (fact, fact, fact) {
	return c.measured(mean, "ms", 2), c.measured(median, "ms", 2), c.measured(p99, "ms", 2)
}

// requestTime derives a request's mean duration and what follows from it.
// Without a detail it is TTFT + (n−1) TPOT, which holds for the means where
// all requests generate the same n.
func (c *scene) requestTime() {
	var ms float64
	switch d := c.detail; {
	case d != nil && d.E2EL != nil:
		ms = 1000 * d.E2EL.Mean
	case c.rangeRatio() == 0 && c.OutputLen > 1 && c.ttftMean.known && c.tpotMean.known:
		ms = c.ttftMean.value + float64(c.OutputLen-1)*c.tpotMean.value
	}
	if ms <= 0 {
		return
	}
	c.e2e = c.derived(ms/1000, "s", 2)
	if c.ttftMean.known {
		c.ttftShare = c.share(c.ttftMean.value / ms)
	}
	// Little's law: the time all requests took over the time the run took.
	// Failed requests were in flight too but have no duration here.
	if c.DurationS != nil && *c.DurationS > 0 && c.FailedRequests == 0 && !c.partial() {
		if n := c.SuccessfulRequests * ms / 1000 / *c.DurationS; n > 0 && n <= float64(c.Concurrency) {
			c.inFlight = c.derived(n, "requests", 1)
		}
	}
}

// scenes builds the scenes of a run with their relations.
func scenes(all []scenario) []*scene {
	out := make([]*scene, len(all))
	for i := range all {
		out[i] = newScene(&all[i])
	}
	for _, c := range out {
		c.relate(out)
	}
	assignRoles(out)
	return out
}

// relate finds the scenarios that c is compared with. Failed scenarios are
// none.
func (c *scene) relate(others []*scene) {
	if c.dead() {
		return
	}
	for _, o := range others {
		if o == c || o.dead() {
			continue
		}
		if o.Concurrency == 1 && c.Concurrency > 1 && (c.alone == nil || lengthDistance(c, o) < lengthDistance(c, c.alone)) {
			c.alone = o
		}
		if o.Concurrency == c.Concurrency && !c.scaling() && (o.scaling() || c.Concurrency == 1) && c.twin == nil {
			c.twin = o
		}
		if c.scaling() && o.scaling() && o.Concurrency < c.Concurrency && o.sameShape(c) &&
			(c.previous == nil || o.Concurrency > c.previous.Concurrency) {
			c.previous = o
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

// lengthDistance compares prompt lengths as factors: 512 is as far from 1024
// as 2048 is.
func lengthDistance(a, b *scene) float64 {
	return math.Abs(math.Log(float64(max(1, a.InputLen))) - math.Log(float64(max(1, b.InputLen))))
}
