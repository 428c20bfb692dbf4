package prose

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is what is wrong with a sentence.
type Fault string

// The faults.
const (
	ForeignNumber Fault = "foreign number"       // no fact of the section
	WrongMetric   Fault = "wrong metric"         // a number of another metric, or of none that is named
	WrongUnit     Fault = "wrong unit"           // the number is known with another unit
	WrongStat     Fault = "wrong statistic"      // of mean, median, p99
	WrongScope    Fault = "scope"                // of another scenario; per user for total
	WrongWay      Fault = "wrong direction"      // a comparison that the figures contradict
	WrongSteady   Fault = "wrong stability"      // a spread that the figures contradict
	WrongLimit    Fault = "wrong bottleneck"     // a time split that was not measured
	InventedCause Fault = "invented cause"       // a reason that no evidence carries
	Ungrounded    Fault = "ungrounded judgement" // praise or blame without a measure
	Unclear       Fault = "unclear"              // a word or comparison that can't be worked out
	Empty         Fault = "says nothing"         // no fact and no claim
	NoNews        Fault = "says nothing new"     // only figures that stand beside it
	Form          Fault = "form"                 // not a plain sentence
)

// Violation says what is wrong with a sentence and quotes the words.
type Violation struct {
	Kind Fault  `json:"kind"`
	Text string `json:"text"`
}

// Check holds a sentence, or a bullet of two, against a section's facts and
// evidence. It returns nil where every number and every claim was seen to be
// true. What it can't work out is a violation: a true sentence that is not
// understood can be written again, a wrong one that gets through can't be
// taken back.
func Check(s *Section, sentence string) []Violation {
	c := newChecker(s)
	if c.checkForm(sentence); len(c.faults) > 0 {
		return c.faults
	}
	c.text = sentence
	c.annotate(sentence)
	c.nameGroups()
	for _, step := range []func(){
		c.checkWords, c.checkLoose, c.checkScenes, c.checkModals, c.checkNumbers, c.checkRatios, c.checkTops, c.checkFactors, c.checkSkew,
		c.checkMoves, c.checkMore, c.checkSame, c.checkSteadiness, c.checkLimits,
		c.checkIdentity, c.checkCauses, c.checkPurposes, c.checkAdvice, c.checkLinks, c.checkQuantifiers, c.checkTotals, c.checkFailed, c.checkJudgements, c.checkVerbs, c.checkUnused, c.checkRest, c.checkNews,
	} {
		step()
	}
	return c.faults
}

// checker is one sentence under examination.
type checker struct {
	s          *Section
	text       string
	items      []item
	groups     []group
	own        int              // index of the section's own point, −1: none
	sceneNames [][][]string     // of each point, the forms of its name in tokens
	matched    map[int][]Fact   // by item: the facts that a number can be
	ratios     map[int]relation // by item: what a ratio compares
	better     []int            // of each comparison found true: +1 it speaks for its subject, −1 against
	later      []int            // items whose claim waits for the others
	claims     int              // numbers and claims found true
	faults     []Violation
}

func newChecker(s *Section) *checker {
	c := &checker{s: s, own: -1, matched: map[int][]Fact{}, ratios: map[int]relation{}}
	for i, p := range s.Evidence.Points {
		c.sceneNames = append(c.sceneNames, nameForms(p.Scenario))
		if p.Own {
			c.own = i
		}
	}
	return c
}

// fault records a violation, once.
func (c *checker) fault(kind Fault, format string, args ...any) {
	v := Violation{kind, fmt.Sprintf(format, args...)}
	if !slices.Contains(c.faults, v) {
		c.faults = append(c.faults, v)
	}
}

// settle marks an item's claim as dealt with: true, or reported.
func (c *checker) settle(i int) { c.items[i].done = true }

// grant marks an item's claim as true.
func (c *checker) grant(i int) {
	c.items[i].done = true
	c.claims++
}

// quote is the text from item a to item b.
func (c *checker) quote(a, b int) string {
	a, b = max(0, min(a, b)), min(len(c.items)-1, max(a, b))
	return `"` + strings.TrimSpace(c.text[c.items[a].start:c.items[b].end]) + `"`
}

// each calls f for the items of a class whose claims are open.
func (c *checker) each(class class, f func(i int)) {
	for i := range c.items {
		if c.items[i].class == class && !c.items[i].done {
			f(i)
		}
	}
}

// sameLine lists the items of i's sentence.
func (c *checker) sameLine(i int) (from, to int) {
	return c.stretch(i, func(it *item) int { return it.line })
}

// sameClause lists the items of i's clause.
func (c *checker) sameClause(i int) (from, to int) {
	return c.stretch(i, func(it *item) int { return it.clause })
}

// stretch is the items around i that have the same mark as it.
func (c *checker) stretch(i int, mark func(*item) int) (from, to int) {
	here := mark(&c.items[i])
	from, to = i, i+1
	for from > 0 && mark(&c.items[from-1]) == here {
		from--
	}
	for to < len(c.items) && mark(&c.items[to]) == here {
		to++
	}
	return from, to
}
