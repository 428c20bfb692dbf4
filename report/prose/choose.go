package prose

import (
	"slices"
)

// Choice is one claim that a model chose.
type Choice struct {
	Key     string `json:"key"`
	Wording int    `json:"wording,omitempty"` // of Phrases, from 0
	Joint   Joint  `json:"joint,omitempty"`   // to the choice before
}

// Line is a bullet, or a sentence of a summary.
type Line struct {
	Text    string
	ByModel bool // chosen by it
}

// Lines is the final text of a section: the required claims, those that a
// model chose, and by rank what is missing up to Min. Without a choice that
// holds, the claims are taken by rank up to Max, those from Filler on up to
// Min. A choice of a claim that the section does not have adds nothing.
func (s *ProseSection) Lines(choices []Choice) []Line {
	c := newComposition(s)
	for _, choice := range choices {
		c.choose(choice)
	}
	chosen := len(c.last) > 0
	for _, claim := range s.ranked() {
		if n := len(c.lines); n < s.Min || n < s.Max && !chosen && claim.Rank < Filler {
			c.add(claim, 0, false)
		}
	}
	return c.lines
}

// ranked are the claims in the order of their ranks.
func (s *ProseSection) ranked() []*Claim {
	out := make([]*Claim, len(s.Claims))
	for i := range s.Claims {
		out[i] = &s.Claims[i]
	}
	slices.SortStableFunc(out, func(a, b *Claim) int { return a.Rank - b.Rank })
	return out
}

// composition is a section's text as it grows.
type composition struct {
	section *ProseSection
	lines   []Line
	said    map[Topic]bool
	last    []*Claim // of the last line that the model chose
}

// newComposition begins with the required claims.
func newComposition(s *ProseSection) *composition {
	c := &composition{section: s, said: map[Topic]bool{}}
	for _, claim := range s.ranked() {
		if claim.Required {
			c.add(claim, 0, false)
		}
	}
	return c
}

// add is a claim on a line of its own, unless its topic had one.
func (c *composition) add(claim *Claim, wording int, byModel bool) bool {
	if c.said[claim.Topic()] {
		return false
	}
	c.said[claim.Topic()] = true
	c.lines = append(c.lines, Line{sentence(claim.Phrases[wording]), byModel})
	return true
}

// choose takes a choice that holds. One whose joint does not fit becomes a line
// of its own.
func (c *composition) choose(choice Choice) {
	i := slices.IndexFunc(c.section.Claims, func(claim Claim) bool { return claim.Key == choice.Key })
	if i < 0 {
		return
	}
	claim := &c.section.Claims[i]
	if choice.Wording < 0 || choice.Wording >= len(claim.Phrases) || c.said[claim.Topic()] {
		return
	}
	if len(c.last) == 1 && choice.Joint != NoJoint && choice.Joint == jointOf(c.last[0].Tone, claim.Tone) {
		c.said[claim.Topic()] = true
		line := &c.lines[len(c.lines)-1].Text
		*line = (*line)[:len(*line)-1] + choice.Joint.text() + claim.Phrases[choice.Wording] + "."
		c.last = append(c.last, claim)
		return
	}
	if len(c.lines) < c.section.Max && c.add(claim, choice.Wording, true) {
		c.last = []*Claim{claim}
	}
}

// open are the claims that may still be chosen, by rank.
func (c *composition) open() []*Claim {
	return slices.DeleteFunc(c.section.ranked(), func(claim *Claim) bool { return c.said[claim.Topic()] })
}
