package prose

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a bullet.
const (
	mostLines      = 2  // sentences
	mostLineWords  = 45 // words of a sentence
	leastLineWords = 3
	mostBytes      = 1000
)

// plainMarks are the marks that a sentence may hold beside letters, digits
// and blanks.
const plainMarks = `.,;:()/%×=+'’-–—~≈→‑±&<>`

// checkForm looks at a text before it is read: whether it is one plain
// sentence or two.
func (c *checker) checkForm(s string) {
	switch first, _ := utf8.DecodeRuneInString(s); {
	case strings.TrimSpace(s) == "":
		c.fault(Form, "it is empty")
	case !utf8.ValidString(s):
		c.fault(Form, "it is no valid text")
	case len(s) > mostBytes:
		c.fault(Form, "it has %d bytes, more than %d", len(s), mostBytes)
	case s != strings.TrimSpace(s):
		c.fault(Form, "it begins or ends with a blank")
	case !unicode.IsUpper(first) && !unicode.IsDigit(first) && !c.beginsWithName(s):
		c.fault(Form, "it does not start with a capital letter: %q", beginning(s))
	case !strings.HasSuffix(s, "."):
		c.fault(Form, "it does not end with a full stop: %q", ending(s))
	}
	if len(c.faults) > 0 {
		return
	}
	for i, r := range s {
		if r == ' ' || isDigit(r) || plainLetter(r) || strings.ContainsRune(plainMarks, r) {
			continue
		}
		c.fault(Form, "it holds %q, which plain text does not", beginning(s[i:]))
		return
	}
	if strings.Contains(s, "..") || strings.Contains(s, "  ") || strings.Contains(s, "--") {
		c.fault(Form, "it holds a row of marks or blanks")
	}
	c.checkLength(s)
	c.checkRepeats(s)
}

// plainLetter says whether r is a letter of English text: no other script,
// since its letters can look like ours and its digits like none.
func plainLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == 'é' || r == 'µ'
}

// beginsWithName allows "c=8 ..." at the start.
func (c *checker) beginsWithName(s string) bool {
	if strings.HasPrefix(s, "c=") || strings.HasPrefix(s, "p99 ") {
		return true
	}
	for _, p := range c.s.Evidence.Points {
		if p.Scenario != "" && strings.HasPrefix(s, p.Scenario) {
			return true
		}
	}
	return false
}

func beginning(s string) string {
	words := strings.Fields(s)
	return strings.Join(words[:min(2, len(words))], " ")
}

func ending(s string) string {
	words := strings.Fields(s)
	return strings.Join(words[max(0, len(words)-2):], " ")
}

// checkLength counts sentences and their words.
func (c *checker) checkLength(s string) {
	lines, words := 1, 0
	toks := tokenise(s)
	for i, t := range toks {
		switch {
		case t.kind == markToken && t.text == "." && i+1 < len(toks):
			lines++
			words = 0
		case t.kind == wordToken:
			words++
		}
		if words > mostLineWords {
			c.fault(Form, "a sentence has more than %d words: %q …", mostLineWords, beginning(s))
			return
		}
	}
	if lines > mostLines {
		c.fault(Form, "it has %d sentences, more than %d", lines, mostLines)
	}
	if len(toks) < leastLineWords {
		c.fault(Form, "it is too short to say anything: %q", s)
	}
}

// checkRepeats finds what a model writes that goes round in circles: a word
// twice in a row, two words twice in a row, three for the fourth time, or seven
// for the second.
func (c *checker) checkRepeats(s string) {
	for _, p := range c.s.Evidence.Points {
		if p.Scenario != "" {
			s = strings.ReplaceAll(s, p.Scenario, "scenario "+strconv.Itoa(p.Concurrency))
		}
	}
	var words []string
	seen := map[string]int{}
	again := func(n, most int) string {
		if len(words) < n {
			return ""
		}
		run := strings.Join(words[len(words)-n:], " ")
		if seen[run]++; seen[run] <= most || strings.ContainsAny(run, "=×23456789") {
			return ""
		}
		return run
	}
	for _, t := range tokenise(s) {
		words = append(words, t.text)
		run := again(7, 1)
		if run == "" {
			run = again(3, 3)
		}
		n := len(words)
		if n > 1 && t.kind == wordToken && words[n-2] == t.text {
			run = t.text + " " + t.text
		}
		if n > 3 && t.kind == wordToken && words[n-2] == words[n-4] && t.text == words[n-3] && wordLength(words[n-2]) > 0 {
			run = words[n-2] + " " + t.text
		}
		if run != "" {
			c.fault(Form, "it repeats itself: %q", run)
			return
		}
	}
}
