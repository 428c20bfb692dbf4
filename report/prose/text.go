package prose

import (
	"slices"
	"strings"
	"unicode"
)

// Text is what a model wrote about a run. It holds for results of the model
// that it names and no others.
type Text struct {
	Model string `json:"model"` // as results.json has it
	// Sections holds, by Section.ID, the sentences behind Section.Fixed, in
	// order. One by the rules, or without text, stands for a sentence that the
	// model did not bring about.
	Sections map[string][]Sentence `json:"sections"`
}

// Compose is the final text of a section: Fixed, then the model's sentences,
// with those of the rules wherever the model has none that stands. A model's
// sentence stands if Check finds nothing against it now, so a text that was
// edited, or that is of other numbers, adds nothing to a report. Where the
// stored sentences are as many as Rules, each stands for the rule's in its
// place; else a rule is taken that says something new. A nil Text, and one
// without a sentence that stands, gives Fixed and Rules.
//
// The list has Min to Max sentences if Fixed and Rules together have.
func (t *Text) Compose(s *Section) []Sentence {
	out := byRules(s.Fixed)
	slots, found := t.standing(s)
	if !found {
		return append(out, byRules(s.Rules)...)
	}
	c := composer{section: s, out: out, used: make([]bool, len(s.Rules)), model: slots}
	parallel := len(slots) == len(s.Rules)
	for i, text := range slots {
		switch {
		case len(c.out) >= s.Max:
		case text != "":
			c.out = append(c.out, Sentence{text, ByModel})
		case parallel:
			c.take(i)
		default:
			c.takeNew()
		}
	}
	for len(c.out) < s.Min && (c.takeNew() || c.takeAny()) {
	}
	return c.out
}

// byRules marks sentences as the rules'.
func byRules(texts []string) []Sentence {
	out := make([]Sentence, len(texts))
	for i, text := range texts {
		out[i] = Sentence{text, ByRules}
	}
	return out
}

// standing is the section's stored sentences, "" for each that does not stand.
func (t *Text) standing(s *Section) (slots []string, found bool) {
	if t == nil {
		return nil, false
	}
	stored := t.Sections[s.ID]
	slots = make([]string, len(stored))
	have := map[string]bool{}
	for _, text := range s.Fixed {
		have[text] = true
	}
	for i, sentence := range stored {
		text := Clean(sentence.Text)
		if sentence.Author != ByModel || text == "" || have[text] || len(Check(s, text)) > 0 {
			continue
		}
		slots[i], have[text], found = text, true, true
	}
	return slots, found
}

// composer puts a section together.
type composer struct {
	section *Section
	out     []Sentence
	used    []bool   // rules that were taken
	model   []string // its sentences, "" for none
}

func (c *composer) take(rule int) {
	c.used[rule] = true
	c.out = append(c.out, Sentence{c.section.Rules[rule], ByRules})
}

// takeNew takes the first rule with a fact that no sentence states; false
// where there is none.
func (c *composer) takeNew() bool { return c.takeFirst(c.isNew) }

func (c *composer) takeAny() bool { return c.takeFirst(func(string) bool { return true }) }

func (c *composer) takeFirst(fits func(string) bool) bool {
	for i, rule := range c.section.Rules {
		if !c.used[i] && fits(rule) {
			c.take(i)
			return true
		}
	}
	return false
}

func (c *composer) isNew(rule string) bool {
	return slices.ContainsFunc(c.section.Facts, func(f Fact) bool {
		return standsAlone(rule, f.Text) >= 0 && !c.states(f.Text)
	})
}

func (c *composer) states(text string) bool {
	return slices.ContainsFunc(c.out, func(s Sentence) bool { return standsAlone(s.Text, text) >= 0 }) ||
		slices.ContainsFunc(c.model, func(s string) bool { return standsAlone(s, text) >= 0 })
}

// Clean brings a sentence into the form in which it is checked and printed:
// one line, without control characters or characters that do not show, with
// single blanks.
func Clean(sentence string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return -1
		}
	}, strings.ToValidUTF8(sentence, "�"))
	return strings.Join(strings.Fields(visible), " ")
}
