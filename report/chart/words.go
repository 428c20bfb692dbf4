package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// list joins things as a sentence does: "a", "a and b", "a, b and c".
func list(things []string) string {
	if n := len(things); n > 1 {
		return strings.Join(things[:n-1], ", ") + " and " + things[n-1]
	}
	return strings.Join(things, "")
}

// joinSentences joins those that are not empty.
func joinSentences(sentences ...string) string {
	var out []string
	for _, s := range sentences {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}

// A trendPoint is one value of a metric as it is printed.
type trendPoint struct {
	c    int
	v    float64
	text string // with the unit
}

func (p trendPoint) String() string { return fmt.Sprintf("%s at c=%d", p.text, p.c) }

// trendPoints are the values that are there, rounded as they are printed.
func trendPoints(m metric, cs []int) []trendPoint {
	var out []trendPoint
	for i, v := range m.values {
		if !math.IsNaN(v) {
			text := twoDecimals(v)
			printed, _ := strconv.ParseFloat(text, 64) // what twoDecimals wrote
			out = append(out, trendPoint{cs[i], printed, text + " " + m.unit})
		}
	}
	return out
}

// trend says in a sentence how a metric goes with concurrency. It goes by the
// figures as they are printed, so that no sentence contradicts the table.
func trend(m metric, cs []int) string {
	ps := trendPoints(m, cs)
	switch len(ps) {
	case 0:
		return m.name + " was not measured."
	case 1:
		return fmt.Sprintf("%s is %v, the only point measured.", m.name, ps[0])
	}
	first, last := ps[0], ps[len(ps)-1]
	rises, falls := false, false
	for i := range ps[1:] {
		rises, falls = rises || ps[i+1].v > ps[i].v, falls || ps[i+1].v < ps[i].v
	}
	switch {
	case !rises && !falls:
		return fmt.Sprintf("%s is %s at all %d points measured, c=%d to c=%d.", m.name, first.text, len(ps), first.c, last.c)
	case !falls:
		return fmt.Sprintf("%s rises from %v to %v, the highest.", m.name, first, last)
	case !rises:
		return fmt.Sprintf("%s falls from %v to %v, the lowest.", m.name, first, last)
	}
	return m.name + " " + wander(ps)
}

// wander tells of values that both rise and fall: their ends, and the extremes
// where they are.
func wander(ps []trendPoint) string {
	lo, hi := ps[0], ps[0]
	for _, p := range ps {
		if p.v < lo.v {
			lo = p
		}
		if p.v > hi.v {
			hi = p
		}
	}
	end := func(p trendPoint) string {
		switch p {
		case lo:
			return p.String() + ", the lowest"
		case hi:
			return p.String() + ", the highest"
		}
		return p.String()
	}
	first, last := ps[0], ps[len(ps)-1]
	text := "goes from " + end(first)
	if first == lo || first == hi {
		text += ","
	}
	text += " to " + end(last)
	var between []string
	if lo != first && lo != last {
		between = append(between, "the lowest is "+lo.String())
	}
	if hi != first && hi != last {
		between = append(between, "the highest is "+hi.String())
	}
	if len(between) > 0 {
		text += "; " + list(between)
	}
	return text + "."
}
