package prose

import (
	"fmt"
	"slices"
	"strings"
)

// step is the next bullet of a section: what a model may write now.
type step struct {
	claims []*Claim // any of these
	joints bool     // two of them may share the bullet
	end    bool     // nothing, which ends the section
}

// next is the step behind what was composed so far; ok is false where there is
// none. Claims are joined only where enough are left for the section's Min.
func (c *composition) next() (st step, ok bool) {
	st.claims = c.open()
	missing := c.section.Min - len(c.lines)
	st.end = missing <= 0
	st.joints = c.section.Kind != Summary && len(st.claims)-2 >= missing-1
	return st, len(st.claims) > 0 && len(c.lines) < c.section.Max
}

// bullet begins a line of a model's text.
const bullet = "- "

// grammar is the step in GBNF: the union of the wordings of its claims, and of
// their pairs with the joint that fits.
func (st step) grammar() string {
	var b strings.Builder
	var first []string
	for i := range st.claims {
		first = append(first, fmt.Sprintf("a%d", i))
	}
	fmt.Fprintf(&b, "root ::= (%s (%s) \".\")", literal(bullet), strings.Join(first, " | "))
	if st.end {
		b.WriteString("?")
	}
	b.WriteString("\n")
	for i, claim := range st.claims {
		begun := make([]string, len(claim.Phrases))
		for k, phrase := range claim.Phrases {
			begun[k] = strings.TrimSuffix(sentence(phrase), ".")
		}
		fmt.Fprintf(&b, "a%d ::= %s%s\n", i, alternatives(begun), st.joined(i))
		if st.joints {
			fmt.Fprintf(&b, "b%d ::= %s\n", i, alternatives(claim.Phrases))
		}
	}
	return b.String()
}

// joined is what may follow claim i in its bullet.
func (st step) joined(i int) string {
	var parts []string
	for _, joint := range []Joint{And, But} {
		var second []string
		for k := range st.claims {
			if st.joint(i, k) == joint {
				second = append(second, fmt.Sprintf("b%d", k))
			}
		}
		if len(second) > 0 {
			parts = append(parts, fmt.Sprintf("%s (%s)", literal(joint.text()), strings.Join(second, " | ")))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, " | ") + ")?"
}

// joint is the one that may connect claims i and k in this step.
func (st step) joint(i, k int) Joint {
	a, b := st.claims[i], st.claims[k]
	if !st.joints || a.Topic() == b.Topic() {
		return NoJoint
	}
	return jointOf(a.Tone, b.Tone)
}

// parse finds the choices that a text of the grammar stands for; none for an
// empty one. ok is false for any other text.
func (st step) parse(text string) (choices []Choice, ok bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, st.end
	}
	text, ok = strings.CutPrefix(text, bullet)
	if !ok {
		return nil, false
	}
	for i, claim := range st.claims {
		for w, phrase := range claim.Phrases {
			rest, found := strings.CutPrefix(text, strings.TrimSuffix(sentence(phrase), "."))
			if !found {
				continue
			}
			choice := Choice{Key: claim.Key, Wording: w}
			if rest == "." {
				return []Choice{choice}, true
			}
			if second, found := st.parseSecond(i, rest); found {
				return []Choice{choice, second}, true
			}
		}
	}
	return nil, false
}

// parseSecond finds the choice that the rest of claim i's bullet stands for.
func (st step) parseSecond(i int, rest string) (Choice, bool) {
	for k, claim := range st.claims {
		joint := st.joint(i, k)
		if joint == NoJoint {
			continue
		}
		phrase, found := strings.CutPrefix(rest, joint.text())
		if w := slices.Index(claim.Phrases, strings.TrimSuffix(phrase, ".")); found && w >= 0 && strings.HasSuffix(phrase, ".") {
			return Choice{Key: claim.Key, Wording: w, Joint: joint}, true
		}
	}
	return Choice{}, false
}
