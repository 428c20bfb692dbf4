package prose

import (
	"fmt"
	"slices"
	"strings"
)

// How long a sentence may get.
const (
	mostIntro = 5 // words before the first number's name
	mostTail  = 8 // words behind the last number
)

// links stand between a figure's name and its number, moves also where that is
// a factor of another scenario's. Whether the direction is true is for Check.
var (
	links = []string{"is", "was", "reaches", "comes to", "amounts to", "is only", "is just", "is still"}
	moves = []string{"rises to", "grows to", "increases to", "falls to", "drops to", "decreases to"}
)

// joints stand between two claims.
var joints = []string{" and ", ", and ", ", while ", " while ", "; ", ", but "}

// openers begin what stands before the first figure's name: "At c=8, ".
var openers = []string{
	"At", "In", "With", "On", "For", "Under", "Here", "Compared", "From", "While", "Since", "As", "Of", "Overall", "Still", "By", "Per",
	"When", "Although", "However", "Even", "Because", "Once", "Up",
}

// closers begin what stands behind the last number. Any words may follow, but
// a model that may go on with anything tends to begin another figure here, for
// which it has no number.
var closers = []string{
	"which", "so", "close", "far", "more", "less", "higher", "lower", "than", "as", "while", "but", "only", "well", "slightly",
	"not", "below", "above", "even", "still", "just", "slower", "faster", "longer", "shorter", "because", "most",
}

// freedom is how much a grammar leaves to the model beside the claims.
type freedom int

const (
	oneClaim   freedom = iota // a single claim, with the note's remark or without
	claimsOnly                // several claims
	freeWords                 // and words of its own before and behind them
)

// A recommendation begins with one of these and a scenario: good is for the
// sweet spot and the peak, bad for other points of the scaling curve, watch for
// any scenario.
var (
	good  = []string{"Use", "Prefer", "Choose", "Stay at", "Keep to"}
	bad   = []string{"Avoid", "Do not use"}
	watch = []string{"Watch"}
)

// reasons lead from the advice to the figures.
var reasons = []string{": ", ", where "}

// mostPurpose is the number of words that may say what for.
const mostPurpose = 2

// Grammar is the GBNF grammar of a section's text: one line for each topic,
// "- ", one sentence, and a full stop. A sentence is of words and of the
// topic's claims, each once at most: a figure's name, a verb, and the figure's
// number with its unit; of a ratio or a share what it is of as well.
//
// So a digit, "×" or "%" is possible only as a part of a fact's text, behind
// that fact's name, or in a name that the section knows ("p99", "c=8", a
// scenario's). Nothing that could change its meaning stands next to it: words
// are of Latin letters, and a blank, a comma or a bracket divides them from
// numbers. The topics are some of those that Topics gives.
func Grammar(s *Section, topics []Topic) string { return grammarOf(s, topics, freeWords) }

// grammarOf is Grammar with less freedom: what a weak model adds to a claim is
// what most of its sentences fail by.
func grammarOf(s *Section, topics []Topic, free freedom) string {
	g := &grammar{notes: newNotes(s), advice: s.Kind == Recommendations, free: free}
	g.b.WriteString("root ::= ")
	for i := range topics {
		mark := `"\n- "`
		if i == 0 {
			mark = `"- "`
		}
		fmt.Fprintf(&g.b, "%s s%d ", mark, i)
	}
	g.b.WriteString("\n")
	for i, t := range topics {
		facts := usable(t.Facts)
		g.sentence(i, facts[:min(len(facts), mostTopicFacts)])
	}
	fmt.Fprintf(&g.b, "link ::= \" \" %s \" \"\n", alternatives(links))
	fmt.Fprintf(&g.b, "move ::= \" \" %s \" \"\n", alternatives(slices.Concat(links, moves)))
	fmt.Fprintf(&g.b, "joint ::= %s\n", alternatives(joints))
	fmt.Fprintf(&g.b, "why ::= %s\n", alternatives(reasons))
	if free == freeWords {
		names := alternatives(g.notes.names)
		fmt.Fprintf(&g.b, "tail ::= (\", \" | \" \") %s (\" \" (w | than)){0,%d}\n", alternatives(closers), mostTail-1)
		fmt.Fprintf(&g.b, "than ::= \"than \" (\"at \" | \"in \" | \"with \")? %s\n", names)
		fmt.Fprintf(&g.b, "intro ::= %s (\" \" (w | %s)){0,%d} \", \"\n", alternatives(openers), names, mostIntro-1)
	}
	g.b.WriteString("w ::= [a-zA-Z]{1,18} (\"-\" [a-zA-Z]{1,14}){0,2} (\"'\" \"s\"?)?\n")
	return g.b.String()
}

// grammar is a Grammar on its way.
type grammar struct {
	b      strings.Builder
	notes  *notes
	advice bool // the sentences are recommendations
	free   freedom
}

// sentence writes the rules of topic i: s is its sentence, c one of its
// claims, C one that begins the sentence, t what follows when the claims of a
// set have been made.
func (g *grammar) sentence(i int, facts []Fact) {
	var upper, lower []string
	facts, embedded := split(facts)
	for k := range facts {
		id := fmt.Sprintf("%d-%d", i, k)
		begin, rest := g.claim(facts[k], embedded)
		fmt.Fprintf(&g.b, "c%s ::= \"the \"? %s r%s\n", id, alternatives(begin), id)
		if counts(facts[k]) {
			fmt.Fprintf(&g.b, "C%s ::= \"On average, \" %s r%s\n", id, alternatives(begin), id)
		} else {
			fmt.Fprintf(&g.b, "C%s ::= (\"The \" %s | %s) r%s\n", id, alternatives(begin), alternatives(capital(begin)), id)
		}
		fmt.Fprintf(&g.b, "r%s ::= %s\n", id, rest)
		then := fmt.Sprintf(" t%d-%d", i, 1<<k)
		upper, lower = append(upper, "C"+id+then), append(lower, "c"+id+then)
	}
	tail := ""
	if g.free == freeWords {
		tail = "tail?"
	} else if remarks := remarksOn(facts); len(remarks) > 0 && !g.advice {
		tail = alternatives(remarks) + "?"
	}
	switch claims := strings.Join(lower, " | "); {
	case g.advice:
		fmt.Fprintf(&g.b, "s%d ::= %s why (%s) %s \".\"\n", i, g.advise(facts), claims, tail)
	case g.free == freeWords:
		fmt.Fprintf(&g.b, "s%d ::= (%s | intro (%s)) %s \".\"\n", i, strings.Join(upper, " | "), claims, tail)
	default:
		fmt.Fprintf(&g.b, "s%d ::= (%s) %s \".\"\n", i, strings.Join(upper, " | "), tail)
	}
	g.sets(i, len(facts))
}

// advise is how a recommendation on facts begins.
func (g *grammar) advise(facts []Fact) string {
	var parts []string
	for _, p := range g.notes.pointsOf(facts) {
		name := " " + alternatives([]string{" " + g.notes.name(p.Scenario)})
		switch {
		case p.Sweet || p.Peak:
			purpose := fmt.Sprintf(` (" for" (" " w){1,%d})?`, mostPurpose)
			if g.free != freeWords {
				purpose = " " + alternatives(purposes(p))
			}
			parts = append(parts, alternatives(good)+name+purpose)
		case p.Scaling && g.free == freeWords:
			parts = append(parts, alternatives(bad)+name)
		default:
			parts = append(parts, alternatives(watch)+name)
		}
	}
	if len(parts) == 0 {
		return alternatives(watch) + fmt.Sprintf(` (" " w){1,%d}`, mostIntro)
	}
	return "(" + strings.Join(parts, " | ") + ")"
}

// purposes are what the sweet spot and the peak are good for.
func purposes(p Point) []string {
	var out []string
	if p.Sweet {
		out = append(out, " for interactive traffic")
	}
	if p.Peak {
		out = append(out, " for batch work")
	}
	return out
}

// sets writes what may follow each set of claims that were made.
func (g *grammar) sets(i, n int) {
	for set := 1; set < 1<<n; set++ {
		var next []string
		for k := range n {
			if set&(1<<k) == 0 && g.free != oneClaim {
				next = append(next, fmt.Sprintf("c%d-%d t%d-%d", i, k, i, set|1<<k))
			}
		}
		if len(next) == 0 {
			fmt.Fprintf(&g.b, "t%d-%d ::= \"\"\n", i, set)
		} else {
			fmt.Fprintf(&g.b, "t%d-%d ::= (joint (%s))?\n", i, set, strings.Join(next, " | "))
		}
	}
}

// split divides a topic's facts into those that are said and those that stand
// behind the name of a figure in another: "the mean of 96.20 ms".
func split(facts []Fact) (said, embedded []Fact) {
	for i, f := range facts {
		inside := f.Against == Figure{} && slices.ContainsFunc(facts, func(other Fact) bool {
			return other.Against != (Figure{}) && (other.Of == f.Of || other.Against == f.Of)
		})
		if inside {
			embedded = append(embedded, facts[i])
		} else {
			said = append(said, facts[i])
		}
	}
	return said, embedded
}

// claim is a fact as an expression: the texts that it begins with, and what
// follows them.
func (g *grammar) claim(f Fact, embedded []Fact) (begin []string, rest string) {
	if counts(f) {
		return []string{f.Text + " in flight"}, `""` // the name stands behind the number
	}
	link := "link "
	if f.Unit == "×" && f.Against.Scenario != f.Of.Scenario {
		link = "move "
	}
	rest = link + alternatives([]string{f.Text})
	if f.Against != (Figure{}) {
		of := ` " " `
		if f.Unit == "%" {
			of = ` " of " `
		}
		rest += of + alternatives(g.notes.against(f)) + value(embedded, f.Against)
	}
	return g.notes.labels(f.Of), value(embedded, f.Of) + rest
}

// value is an optional number behind a figure's name: " of 96.20 ms", or in
// brackets behind a scenario's.
func value(embedded []Fact, of Figure) string {
	for _, f := range embedded {
		if f.Of != of {
			continue
		}
		text := alternatives([]string{f.Text})
		if of.Scenario != "" {
			return fmt.Sprintf(` (" (" %s ")")? `, text)
		}
		return fmt.Sprintf(` (" of " %s | " (" %s ")")? `, text, text)
	}
	return " "
}

// capital makes texts fit for the beginning of a sentence.
func capital(texts []string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = strings.ToUpper(t[:1]) + t[1:]
	}
	return out
}
