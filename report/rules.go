package report

import (
	"fmt"
	"slices"

	"ceiling/bench"
)

// How the prose comes about
//
// A rule looks at the facts of one scenario and returns one sentence or two,
// or nothing. Its condition makes the sentence true: each word that judges
// ("steady", "unequal") stands for a named threshold below, and each
// comparison names what it compares with. Rules give causes only where the
// way of measuring leaves no other; elsewhere they say what a pattern is
// consistent with.
//
// Four rules, one each for TTFT, TPOT, ITL and output, speak wherever their
// figures are there. The others speak when they apply; the most telling fill
// the list up to mostBullets. Where so much is missing that the list would
// have fewer than leastBullets, it says what is missing. The order follows
// what the scenario is about.

// Limits on the number of bullets: those that the reference asks its model
// for. A failed scenario has one bullet.
const (
	leastBullets = 4
	mostBullets  = 7
)

// Thresholds. Ratios of two figures of the same unit.
const (
	// steadyTTFT: p99 within a tenth of the mean. A tenth of a wait is not
	// noticed (Weber fractions for durations are near 0.1).
	steadyTTFT = 1.10
	// longTail: p99 at least twice the mean, the factor by which the sweet
	// spot's definition also calls a latency too far off.
	longTail = 2.0
	// skewed: the mean this far from the median means that a minority of
	// requests makes the mean.
	skewed = 1.25
	// early: the median this far above the mean, the same from the other side.
	early = 1.10
	// unequalWork: equal requests, one at a time, that differ this much did
	// not do the same work or were not left alone.
	unequalWork = 2.0
	// steadyTPOT: narrower than steadyTTFT, since TPOT is already a mean over
	// a request's tokens.
	steadyTPOT = 1.05
	// unequalTPOT: the slowest streams have two thirds of the mean's speed.
	unequalTPOT = 1.5
	// evenITL and pauses: a gap of less than 1.1 median gaps is not seen as
	// one; a gap of three is a pause.
	evenITL = 1.10
	pauses  = 3.0
	// bundled: where every token has its gap, mean ITL and mean TPOT are means
	// of the same times with other weights.
	bundled = 1.5
	// unevenOutput and evenOutput: the fullest second against the mean.
	unevenOutput = 1.5
	evenOutput   = 1.15
	// sameAs: two figures within a tenth are called equal. One run does not
	// show its own spread, so smaller differences are not spoken of.
	sameAs = 1.10
	// suspectCache: several requests at once can't each be prefilled this
	// much faster than one alone of similar length.
	suspectCache = 1.5
	// similarLength: within this factor, prompts are prefilled at rates that
	// can be compared; beyond it, attention's share and fixed costs differ.
	similarLength = 4.0
	// linearEnough: of each added request's worth of output, four fifths
	// arrive.
	linearEnough = 0.8
	// flat: a gain of less than 5 % from more requests.
	flat = 1.05
	// Shares of a whole.
	most   = 0.5
	hardly = 0.1
	idle   = 0.85 // slots in use, below which idle ones are worth a sentence
	// pausesCost: gaps above the median take a quarter of decode time or more.
	pausesCost = 0.75
	// shortRun, in seconds: fewer whole seconds than these have no fullest one
	// to speak of.
	shortRun = 3.0
	// fewRequests: p99 is then all but the slowest request.
	fewRequests = 10
)

// prose is the text of a report.
type prose struct {
	summary         string
	scenarios       [][]string // bullets, one list per result
	recommendations []string
}

// writeProse applies the rules to a run.
func writeProse(r *bench.Results, all []scenario) *prose {
	run := newRun(r, all)
	p := &prose{scenarios: make([][]string, len(all))}
	v := &voice{used: map[string]int{}}
	for i, c := range run.scenes {
		p.scenarios[i] = interpret(c, v)
	}
	p.summary = run.summary()
	p.recommendations = run.recommendations()
	return p
}

// voice chooses between sentences that say the same, so that scenarios with
// the same finding do not read as copies. It is part of the function: the
// n-th use of a key gets the n-th variant.
type voice struct{ used map[string]int }

func (v *voice) pick(key string, variants ...string) string {
	n := v.used[key]
	v.used[key]++
	return variants[n%len(variants)]
}

// topic names what a rule speaks about.
type topic int

const (
	topicFailures topic = iota
	topicCache
	topicWave
	topicStep
	topicRole
	topicTTFT
	topicTPOT
	topicITL
	topicOutput
	topicSplit
	topicPrefill
	topicTwin
	topicSharing
	topicLengths
	topicIdle
	topicPauses
	topicFew
)

// rules lists every rule, the ones to be heard first at the top.
var rules = []struct {
	topic topic
	say   func(*scene, *voice) string
}{
	{topicTTFT, sayTTFT},
	{topicTPOT, sayTPOT},
	{topicITL, sayITL},
	{topicOutput, sayOutput},
	{topicFailures, sayFailures},
	{topicWave, sayWave},
	{topicCache, sayCache},
	{topicStep, sayStep},
	{topicRole, sayRole},
	{topicLengths, sayLengths},
	{topicPrefill, sayPrefill},
	{topicSplit, saySplit},
	{topicTwin, sayTwin},
	{topicIdle, sayIdle},
	{topicPauses, sayPauses},
	{topicSharing, saySharing},
	{topicFew, sayFew},
}

// gaps are said where too little else can be. There is one for each of the
// first four rules, and it speaks if that rule does not.
var gaps = []struct {
	topic topic
	text  string
}{
	{topicTTFT, "TTFT is missing in whole or in part, so nothing can be said about the wait for the first token."},
	{topicTPOT, "TPOT is missing in whole or in part, so nothing can be said about how far decode speed differs between requests."},
	{topicITL, "ITL is missing in whole or in part, so nothing can be said about pauses within a stream."},
	{topicOutput, "Output throughput is missing, so nothing can be said about capacity."},
}

// leading says, per category, what the list begins with after the notices on
// failures, cache and waves. Topics that are not named follow in their own
// order.
var leading = map[string][]topic{
	"Latency":       {topicTTFT, topicSplit, topicPrefill, topicTPOT, topicITL},
	"Throughput":    {topicOutput, topicSharing, topicTTFT, topicPrefill, topicTPOT, topicITL},
	"Long Context":  {topicSplit, topicTTFT, topicPrefill, topicTPOT, topicTwin, topicITL},
	"Decode":        {topicTPOT, topicITL, topicTwin, topicSplit, topicOutput},
	"Mixed":         {topicLengths, topicTTFT, topicPrefill, topicITL, topicTPOT, topicTwin},
	categoryScaling: {topicStep, topicRole, topicTTFT, topicTPOT, topicITL, topicOutput},
}

// interpret returns the bullets of one scenario: one for a failed one, else
// leastBullets to mostBullets.
func interpret(c *scene, v *voice) []string {
	if reason, failed := c.failed(); failed {
		return []string{"Nothing was measured: " + reason + ". Comparisons elsewhere leave this scenario out."}
	}
	type bullet struct {
		topic topic
		text  string
	}
	var said []bullet
	spoken := map[topic]bool{}
	for _, r := range rules {
		if len(said) == mostBullets {
			break
		}
		if text := r.say(c, v); text != "" {
			said = append(said, bullet{r.topic, text})
			spoken[r.topic] = true
		}
	}
	for _, g := range gaps {
		if len(said) < leastBullets && !spoken[g.topic] {
			said = append(said, bullet{g.topic, g.text})
		}
	}
	order := leading[c.category()]
	place := func(t topic) int {
		if t <= topicWave {
			return int(t)
		}
		if i := slices.Index(order, t); i >= 0 {
			return int(topicWave) + 1 + i
		}
		return 100 + int(t)
	}
	slices.SortStableFunc(said, func(a, b bullet) int { return place(a.topic) - place(b.topic) })
	out := make([]string, len(said))
	for i, b := range said {
		out[i] = b.text
	}
	return out
}

// say formats a sentence from facts only.
func say(format string, facts ...fact) string {
	args := make([]any, len(facts))
	for i, f := range facts {
		args[i] = f.text
	}
	return fmt.Sprintf(format, args...)
}
