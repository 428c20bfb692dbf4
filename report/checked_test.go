package report

import (
	"fmt"
	"slices"
	"testing"

	"ceiling/report/prose"
)

// plainly states a fact as a plain sentence; "" for a count and a limit, which
// is no claim by itself.
func plainly(f prose.Fact, text string) string {
	name := func(of prose.Figure) string {
		label := string(of.Metric)
		if of.Stat != "" {
			label = string(of.Stat) + " " + label
		}
		return label
	}
	subject := "the " + name(f.Of)
	if f.Of.Scenario != "" {
		subject += " of " + f.Of.Scenario
	}
	against := "the " + name(f.Against)
	if f.Against.Metric == f.Of.Metric && f.Against.Stat == f.Of.Stat {
		against = "that"
	}
	switch {
	case f.Unit == "" || f.Unit == "tokens" || f.Of.Stat == prose.Limit || f.Of.Stat == prose.Longest || f.Of == f.Against:
		return ""
	case f.Against == prose.Figure{}:
		return "T" + subject[1:] + " is " + text + "."
	case f.Against.Scenario != "":
		against += " of " + f.Against.Scenario
	case against == "that":
		against += " of this scenario"
	}
	if f.Unit == "%" {
		against = "of " + against
	}
	return "T" + subject[1:] + " is " + text + " " + against + "."
}

// The names that facts have here are those that the checker reads sentences
// by: each fact passes when it is stated plainly, and no other fact's number
// passes in its place.
func TestFactsPassTheCheck(t *testing.T) {
	stated, swapped, complaints := 0, 0, 0
	complain := func(format string, args ...any) {
		if complaints++; complaints <= 20 {
			t.Errorf(format, args...)
		}
	}
	for _, file := range referenceFiles {
		for _, s := range Sections(mustLoad(t, file)) {
			for i, f := range s.Facts {
				sentence := plainly(f, f.Text)
				if sentence == "" {
					continue
				}
				stated++
				if faults := wrong(&s, sentence); len(faults) > 0 {
					complain("%s, %s: %q: %v", file, s.ID, sentence, faults)
				}
				if text := otherText(s.Facts, i); text != "" {
					swapped++
					if sentence := plainly(f, text); len(wrong(&s, sentence)) == 0 {
						complain("%s, %s: %q passes, but it is %s", file, s.ID, sentence, fmt.Sprint(f.Text))
					}
				}
			}
		}
	}
	if stated < 2000 || swapped < 2000 {
		t.Errorf("only %d facts and %d other numbers were stated", stated, swapped)
	}
	if complaints > 0 {
		t.Errorf("%d of %d", complaints, stated+swapped)
	}
}

// wrong are the faults of a sentence but for that it says nothing new, which a
// figure of the scenario's own does not.
func wrong(s *prose.Section, sentence string) []prose.Violation {
	return slices.DeleteFunc(prose.Check(s, sentence), func(v prose.Violation) bool { return v.Kind == prose.NoNews })
}

// otherText is the next text of the same unit that is not one of the figure's
// own; "" where there is none.
func otherText(facts []prose.Fact, i int) string {
	f := facts[i]
	own := func(text string) bool {
		return slices.ContainsFunc(facts, func(g prose.Fact) bool {
			return g.Of == f.Of && g.Against == f.Against && g.Text == text
		})
	}
	for k := range facts {
		if g := facts[(i+k)%len(facts)]; g.Unit == f.Unit && !own(g.Text) {
			return g.Text
		}
	}
	return ""
}
