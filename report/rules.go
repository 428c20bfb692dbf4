package report

import (
	"fmt"
	"slices"
)

// How the prose comes about
//
// A rule looks at the facts of one scenario and returns one sentence or two,
// or nothing. Its condition makes the sentence true: each word that judges
// ("steady", "unequal") stands for a named threshold, and each comparison names
// what it compares with. Rules give causes only where the way of measuring
// leaves no other; elsewhere they say what a pattern is consistent with.
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

// Thresholds that only rules have; the words of judgement that the model may
// use too have theirs in package prose. Ratios of two figures of the same unit.
const (
	// early: the median this far above the mean, from where an early minority
	// makes the mean.
	early = 1.10
	// unequalWork: equal requests, one at a time, that differ this much did
	// not do the same work or were not left alone.
	unequalWork = 2.0
	// bundled: where every token has its gap, mean ITL and mean TPOT are means
	// of the same times with other weights.
	bundled = 1.5
	// suspectCache: several requests at once can't each be prefilled this
	// much faster than one alone of similar length.
	suspectCache = 1.5
	// similarLength: within this factor, prompts are prefilled at rates that
	// can be compared; beyond it, attention's share and fixed costs differ.
	similarLength = 4.0
	// linearEnough: of each added request's worth of output, four fifths
	// arrive.
	linearEnough = 0.8
	// idle is the share of slots in use below which idle ones are worth a
	// sentence.
	idle = 0.85
	// pausesCost: gaps above the median take a quarter of decode time or more.
	pausesCost = 0.75
	// shortRun, in seconds: fewer whole seconds than these have no fullest one
	// to speak of.
	shortRun = 3.0
	// fewRequests: p99 is then all but the slowest request.
	fewRequests = 10
)

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

// lastNotice is the last of the topics that no list of bullets may lose.
const lastNotice = topicWave

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

// interpret returns the bullets of a scenario with figures, leastBullets to
// mostBullets. The first ones, notices of them, must stand whoever writes the
// others.
func interpret(c *scene, v *voice) (bullets []string, notices int) {
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
		if t <= lastNotice {
			return int(t)
		}
		if i := slices.Index(order, t); i >= 0 {
			return int(lastNotice) + 1 + i
		}
		return 100 + int(t)
	}
	slices.SortStableFunc(said, func(a, b bullet) int { return place(a.topic) - place(b.topic) })
	for _, b := range said {
		bullets = append(bullets, b.text)
		if b.topic <= lastNotice {
			notices++
		}
	}
	return bullets, notices
}

// nothingMeasured is all there is to say of a failed scenario.
func nothingMeasured(reason string) string {
	return "Nothing was measured: " + reason + ". Comparisons elsewhere leave this scenario out."
}

// say formats a sentence from facts only.
func say(format string, facts ...fact) string {
	args := make([]any, len(facts))
	for i, f := range facts {
		args[i] = f.Text
	}
	return fmt.Sprintf(format, args...)
}
