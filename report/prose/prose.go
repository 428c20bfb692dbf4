// Package prose lets the model under test choose what a report says.
//
// A section is a list of claims: statements that were computed to be true, each
// in a few wordings. Without a model they are taken by rank. A model gets the
// list, and a grammar of exactly these wordings for each bullet that it writes,
// so it picks which claims, in which order and in which wording; it can't write
// anything that is not in the list. What it chose is kept as keys, not as text.
//
// The package knows no results and no engine: a model is the small interface
// BulletWriter.
package prose

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Topic is what a claim is about. A section has one claim per topic at most.
type Topic string

// Tone says what a claim means for a user.
type Tone int

// The tones.
const (
	Worse   Tone = -1
	Neutral Tone = 0
	Better  Tone = 1
)

// Filler is the rank from which claims only fill a section up to its Min.
const Filler = 1000

// Claim is one true statement.
type Claim struct {
	Key      string // "ttft.tail": its topic, and which statement on it
	Rank     int    // the order of a section that no model wrote
	Tone     Tone   // decides which joints may connect it
	Required bool   // stands first and alone, whoever chooses the others
	// Phrases are its wordings: clauses without the full stop, beginning in
	// lower case unless with a name. All say the same, and each can stand alone.
	Phrases []string
}

// Topic is the first word of the key.
func (c *Claim) Topic() Topic {
	topic, _, _ := strings.Cut(c.Key, ".")
	return Topic(topic)
}

// SectionKind is what a section of prose is.
type SectionKind string

// The kinds of sections, in the order in which they are written.
const (
	Interpretation  SectionKind = "interpretation"  // of one scenario
	Recommendations SectionKind = "recommendations" // for the run
	Summary         SectionKind = "summary"         // sentences instead of bullets
)

// ProseSection is one piece of prose.
type ProseSection struct {
	ID       string // stable within a run: "interpretation 3", "recommendations", "summary"
	Kind     SectionKind
	Title    string // the scenario's name, or the kind in words
	Min, Max int    // bullets or sentences, the required ones included
	Claims   []Claim
}

// Joint connects a claim to the one before in the same bullet. Both only add:
// no joint claims a reason, a consequence or a time.
type Joint string

// The joints.
const (
	NoJoint Joint = ""    // a bullet of its own
	And     Joint = "and" // "; ", between claims of the same tone
	But     Joint = "but" // ", but ", between opposite ones
)

// text is what stands between the two claims.
func (j Joint) text() string {
	return map[Joint]string{And: "; ", But: ", but "}[j]
}

// jointOf is the joint that may connect two claims, NoJoint for none.
func jointOf(a, b Tone) Joint {
	switch {
	case a == b:
		return And
	case a == -b:
		return But
	default:
		return NoJoint
	}
}

// sentence is a phrase that begins and ends one. A symbol as c=8 keeps its case.
func sentence(phrase string) string {
	first, n := utf8.DecodeRuneInString(phrase)
	second, _ := utf8.DecodeRuneInString(phrase[n:])
	if unicode.IsLetter(second) || second == ' ' {
		phrase = string(unicode.ToUpper(first)) + phrase[n:]
	}
	return phrase + "."
}
