package prose

import (
	"strings"
	"sync"
)

// The checker's vocabulary. What it does not list is not understood, and a
// sentence with a word that is not understood is not taken: causes and
// judgements can be put in more words than anyone could forbid.
//
// A table's words stand in a canonical form, separated by "|"; of a phrase,
// every word does. A word of a sentence is looked up as it is and then
// without the endings of English inflection (stem), so that "rise" finds
// "rises" and "rising" too.

// class is what a word or phrase does in a sentence.
type class int

const (
	unknownWord class = iota
	aMark             // punctuation
	aGlue             // function words
	aPlain            // words that claim nothing
	aMetric           // names a metric
	aStat             // names a statistic
	aScene            // names a scenario or several
	aNumber           // a number, in digits or words
	aMore             // comparatives: higher, slower
	aMove             // verbs of change: rises, doubles
	aSame             // close to, equal, matches
	aFactor           // twice, half
	aTop              // superlatives: highest, peaks
	aTrend            // with concurrency, along the curve
	aDegree           // slightly, far
	aSteady           // stable, tight, even
	aVaried           // variable, erratic; tail, pause
	aSpread           // variation, gap: little or much of it makes the claim
	aLittle           // small, low
	aMuch             // large, high
	aMiddling         // moderate, some
	aSkew             // a slow minority
	aBound            // bottleneck, limited by
	aPart             // queueing, prefill, decoding: parts of a request's time
	aCause            // reasons that evidence may carry
	anAlien           // reasons that no evidence of ours carries
	aBecause          // what follows is a reason
	aHence            // what follows is a conclusion
	aDrives           // what stands before is a reason
	aJudge            // praise and blame
	aNegation         // not, no, without
	anAdvice          // use, avoid, plan
	aPurpose          // interactive, batch
	aQuantifier       // all, every
	aModal            // would, could: what was not measured
	aTotal            // together, in total: of all users
	aChat             // first person, address, chatter
)

// sense is what "up" means for a word of comparison.
type sense int

const (
	byValue    sense = iota // higher, more
	bySpeed                 // faster: less time, or more per time
	byQuality               // better: what the metric calls better
	byTime                  // longer, shorter: of times only
	byEvenness              // steadier, wider: of the spread
)

// entry is what the vocabulary knows of a word or phrase.
type entry struct {
	word    string
	class   class
	metrics []Metric
	stat    Stat
	place   place
	up      int // +1, −1; for negations and others 0
	sense   sense
	lo, hi  float64 // of factors
	phase   phase
	reason  reason
	use     use
	wide    bool // of statistics: it counts for its whole clause
}

// lexicon finds entries by their phrase: a tree with a word on each branch.
type lexicon struct {
	next map[string]*lexicon
	here *entry // nil: no phrase ends here
}

// vocabulary is built once, at the first check.
var vocabulary = sync.OnceValue(func() *lexicon {
	l := &lexicon{}
	l.addPlain()
	l.addMetrics()
	l.addClaims()
	l.addReasons()
	return l
})

// add enters phrases; a later table overrides an earlier one.
func (l *lexicon) add(e entry, phrases string) {
	for phrase := range strings.SplitSeq(phrases, "|") {
		words := strings.Fields(phrase)
		if len(words) == 0 {
			continue
		}
		own := e
		own.word = strings.Join(words, " ")
		l.branch(words).here = &own
	}
}

// branch is the node at which the phrase ends.
func (l *lexicon) branch(words []string) *lexicon {
	for _, w := range words {
		if l.next == nil {
			l.next = map[string]*lexicon{}
		}
		if l.next[w] == nil {
			l.next[w] = &lexicon{}
		}
		l = l.next[w]
	}
	return l
}

// find returns the entry of the longest phrase that words begin with, and the
// number of its words; of phrases of one length the one nearest to how the
// words are written.
func (l *lexicon) find(words []string) (*entry, int) {
	best, length := l.here, 0
	if len(words) == 0 || l.next == nil {
		return best, 0
	}
	for _, form := range append([]string{words[0]}, stems(words[0])...) {
		n := l.next[form]
		if n == nil {
			continue
		}
		if e, more := n.find(words[1:]); e != nil && (best == nil || more+1 > length) {
			best, length = e, more+1
		}
	}
	return best, length
}

// stems are the words that word may be a form of.
func stems(w string) []string {
	var out []string
	cut := func(ending string, put ...string) {
		s, ok := strings.CutSuffix(w, ending)
		if !ok || len(s) < 2 {
			return
		}
		for _, p := range put {
			out = append(out, s+p)
		}
		if n := len(s); n > 2 && s[n-1] == s[n-2] && (ending == "ed" || ending == "ing") {
			out = append(out, s[:n-1])
		}
	}
	cut("ies", "y")
	cut("es", "", "e")
	cut("s", "")
	cut("ied", "y")
	cut("ed", "", "e")
	cut("ing", "", "e")
	cut("ily", "y")
	cut("ly", "", "le")
	return out
}
