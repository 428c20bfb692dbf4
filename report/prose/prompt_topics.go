package prose

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Topic is what one sentence of the model is about: the facts that one
// sentence of the rules uses. So the model speaks about what matters in a
// section, each thing once, and what it fails to say has its substitute.
type Topic struct {
	Rule  int // index into Section.Rules; −1: no rule speaks of these facts
	Facts []Fact
}

// Limits of a topic and of a section without rules.
const (
	mostTopicFacts = 3
	mostText       = 60 // characters of a fact or a name
)

// Topics are the section's topics, in the order of its rules. A rule that uses
// no fact gives none. Where no rule uses any, facts of one metric are a topic.
func Topics(s *Section) []Topic {
	facts := slices.DeleteFunc(usable(s.Facts), func(f Fact) bool { return !telling(s, f) })
	var out []Topic
	for i, rule := range s.Rules {
		if used := factsIn(rule, facts); len(used) > 0 {
			out = append(out, Topic{i, used[:min(len(used), mostTopicFacts)]})
		}
	}
	if len(out) > 0 {
		return out
	}
	at := map[Metric]int{}
	for _, f := range facts {
		i, known := at[f.Of.Metric]
		if !known {
			if len(out) == max(1, s.Max-len(s.Fixed)) {
				continue
			}
			i = len(out)
			at[f.Of.Metric] = i
			out = append(out, Topic{Rule: -1})
		}
		if len(out[i].Facts) < mostTopicFacts {
			out[i].Facts = append(out[i].Facts, f)
		}
	}
	return out
}

// telling says whether a sentence can be made of the fact alone. A count says
// nothing without what the rules make of it, nor does a limit, a figure of the
// workload, or one as a factor of itself; and a sentence names only scenarios that the section has.
func telling(s *Section, f Fact) bool {
	for _, name := range []string{f.Of.Scenario, f.Against.Scenario} {
		known := slices.ContainsFunc(s.Evidence.Points, func(p Point) bool { return p.Scenario == name })
		if name != "" && !(known && printable(name)) {
			return false
		}
	}
	self := f.Against.Metric == f.Of.Metric && f.Against.Stat == f.Of.Stat &&
		(f.Against.Scenario == f.Of.Scenario || f.Of.Scenario == "" && f.Against.Scenario == s.Title)
	workload := slices.Contains([]Metric{InputLen, OutputLen, Prompts, Requests, Concurrency}, f.Of.Metric)
	return f.Unit != "" && f.Unit != "tokens" && f.Of.Stat != Limit && !self && !workload
}

// usable are the facts whose text can stand in a sentence.
func usable(facts []Fact) []Fact {
	var out []Fact
	for _, f := range facts {
		if printable(f.Text) {
			out = append(out, f)
		}
	}
	return out
}

// printable says whether a text fits into one line of prose as it is.
func printable(text string) bool {
	return text != "" && len(text) <= mostText && strings.TrimSpace(text) == text && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// factsIn lists the facts that a sentence uses, in its order, one for each of
// the texts that it holds. Of facts with the same text it is the one whose
// metric the sentence names.
func factsIn(sentence string, facts []Fact) []Fact {
	type place struct {
		at   int
		fact Fact
	}
	var found []place
	seen := map[string]bool{}
	for _, f := range facts {
		if seen[f.Text] {
			continue
		}
		seen[f.Text] = true
		at := standsAlone(sentence, f.Text)
		if at < 0 {
			continue
		}
		for _, other := range facts {
			if other.Text == f.Text && names(sentence, other) > names(sentence, f) {
				f = other
			}
		}
		found = append(found, place{at, f})
	}
	slices.SortStableFunc(found, func(a, b place) int { return a.at - b.at })
	out := make([]Fact, len(found))
	for i, p := range found {
		out[i] = p.fact
	}
	return out
}

// names counts what a sentence says of a fact's figures: a word of a metric's
// name is enough.
func names(sentence string, f Fact) int {
	n, lower := 0, strings.ToLower(sentence)
	for _, metric := range []Metric{f.Of.Metric, f.Against.Metric} {
		if slices.ContainsFunc(strings.Fields(strings.ToLower(string(metric))), func(word string) bool { return strings.Contains(lower, word) }) {
			n++
		}
	}
	for _, scenario := range []string{f.Of.Scenario, f.Against.Scenario} {
		if scenario != "" && strings.Contains(sentence, scenario) {
			n++
		}
	}
	for _, stat := range []Stat{f.Of.Stat, f.Against.Stat} {
		if stat != "" && strings.Contains(sentence, string(stat)) {
			n++
		}
	}
	return n
}

// standsAlone finds a text where it is not a part of a longer number or word;
// −1: nowhere.
func standsAlone(sentence, text string) int {
	for from := 0; ; {
		at := strings.Index(sentence[from:], text)
		if at < 0 {
			return -1
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(sentence[:at])
		rest := sentence[at+len(text):]
		if !glued(before) && before != '.' && before != ',' && !continues(rest) {
			return at
		}
		from = at + 1
	}
}

// continues says whether what follows a text makes it a part of a longer one:
// "12" in "12.5", "12×" and "12 ms" is not the number 12.
func continues(rest string) bool {
	next, size := utf8.DecodeRuneInString(rest)
	switch {
	case rest == "":
		return false
	case glued(next) || next == '×' || next == '%':
		return true
	case next == '.' || next == ',':
		after, _ := utf8.DecodeRuneInString(rest[size:])
		return unicode.IsDigit(after)
	}
	for _, unit := range []string{" ms", " s", " tok/s"} {
		if after, ok := strings.CutPrefix(rest, unit); ok {
			r, _ := utf8.DecodeRuneInString(after)
			return !unicode.IsLetter(r)
		}
	}
	return false
}

func glued(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_')
}
