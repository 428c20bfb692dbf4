package prose

// What the words of judgement mean. Ratios of two figures of the same unit;
// the rules of package report and the checker both go by them.
const (
	// SteadyTTFT: p99 within a tenth of the mean. A tenth of a wait is not
	// noticed (Weber fractions for durations are near 0.1).
	SteadyTTFT = 1.10
	// LongTail: p99 at least twice the mean, the factor by which the sweet
	// spot's definition also calls a latency too far off.
	LongTail = 2.0
	// Skewed: the mean this far from the median means that a minority of
	// requests makes the mean.
	Skewed = 1.25
	// SteadyTPOT is narrower than SteadyTTFT, since TPOT is already a mean
	// over a request's tokens.
	SteadyTPOT = 1.05
	// UnequalTPOT: the slowest streams have two thirds of the mean's speed.
	UnequalTPOT = 1.5
	// EvenITL and Pauses: a gap of less than 1.1 median gaps is not seen as
	// one; a gap of three is a pause.
	EvenITL = 1.10
	Pauses  = 3.0
	// UnevenOutput and EvenOutput: the fullest second against the mean.
	UnevenOutput = 1.5
	EvenOutput   = 1.15
	// SameAs: two figures within a tenth are called equal. One run does not
	// show its own spread, so smaller differences are not spoken of.
	SameAs = 1.10
	// Flat: a gain of less than 5 % from more requests.
	Flat = 1.05
	// Shares of a whole: most of it, and hardly any of it.
	Most   = 0.5
	Hardly = 0.1
)

// Thresholds that only the checker has: the adverbs of a comparison. Between
// the two a comparison needs no adverb.
const (
	// slightly: no more than the factor from which a distribution is skewed.
	slightly = 1.25
	// markedly: as unequal as streams have to be to be called so.
	markedly = 1.5
	// about: how far a factor in words may be off, up or down.
	about = 1.10
)
