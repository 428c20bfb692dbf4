package prose

import (
	"slices"
	"strconv"
	"strings"
)

// item is a word, phrase, number or mark with what the vocabulary knows of
// it. Together the items of a sentence are all of its text.
type item struct {
	*entry
	text       string // as written
	start, end int
	clause     int       // counted over the whole text
	line       int       // the sentence, counted from 0
	num        *quantity // of a number
	points     []int     // of a scene: indices of Evidence.Points
	group      int       // index of the name it is a part of, −1: none
	done       bool      // what it claims was seen to be true, or was reported
}

// quantity is a number as it is written.
type quantity struct {
	text  string // digits without separators of thousands
	value float64
	unit  string // "ms", "s", "tok/s", "×", "%", "" where none follows
	// spelled: in words; shared: the unit stands behind a later number of the
	// same list.
	spelled, shared bool
}

// blank entries for what has no place in the vocabulary.
var (
	unknownEntry = &entry{class: unknownWord}
	markEntry    = &entry{class: aMark}
	numberEntry  = &entry{class: aNumber}
)

// annotate turns tokens into items: first the scenarios' names, then numbers
// with their units, then the vocabulary's longest phrases.
func (c *checker) annotate(s string) {
	toks := tokenise(s)
	words := make([]string, len(toks))
	for i, t := range toks {
		words[i] = t.text
	}
	for i := 0; i < len(toks); {
		it := item{entry: unknownEntry, group: -1}
		n := 1
		switch points, length := c.named(words[i:]); {
		case length > 0:
			it.entry, it.points, n = &entry{class: aScene, word: "a scenario"}, points, length
		case toks[i].kind == numberToken:
			it.entry, it.num = numberEntry, &quantity{}
			n = readNumber(toks[i:], it.num)
		default:
			it.entry, n = lookUp(words[i:], toks[i].kind)
			if v, ok := spelledNumbers[words[i]]; ok && n == 1 && it.class != aFactor {
				it.entry, it.num = numberEntry, &quantity{text: words[i], value: v, spelled: true}
				n += readUnit(toks[i+1:], it.num)
			}
		}
		it.start, it.end = toks[i].start, toks[i+n-1].end
		it.text = s[it.start:it.end]
		c.items = append(c.items, it)
		i += n
	}
	c.joinConcurrency()
	c.shareUnits()
	c.divide()
}

func lookUp(words []string, kind tokenKind) (*entry, int) {
	if e, n := vocabulary().find(words); e != nil {
		return e, n
	}
	if kind == markToken {
		return &entry{class: aMark, word: words[0]}, 1
	}
	return unknownEntry, 1
}

// named finds a scenario's name, with or without what stands in brackets, or
// "c=8".
func (c *checker) named(words []string) ([]int, int) {
	var best []int
	length := 0
	for i, name := range c.sceneNames {
		for _, form := range name {
			if len(form) > length && len(form) <= len(words) && slices.Equal(form, words[:len(form)]) {
				best, length = []int{i}, len(form)
			}
		}
	}
	if length == 0 && len(words) > 2 && words[0] == "c" && words[1] == "=" {
		if n, err := strconv.Atoi(words[2]); err == nil {
			return c.atConcurrency(n), 3
		}
	}
	return best, length
}

// nameForms are the ways to write a scenario's name, in tokens.
func nameForms(name string) [][]string {
	var forms [][]string
	short, _, _ := strings.Cut(name, "(")
	for _, form := range []string{name, short, strings.TrimSuffix(strings.TrimSpace(short), " Test")} {
		var words []string
		for _, t := range tokenise(form) {
			words = append(words, t.text)
		}
		generic := len(words) < 2 || strings.EqualFold(strings.TrimSpace(form), "concurrency scaling")
		if len(words) == 1 {
			// A scenario called "Steady" does not make the word a name.
			if e, _ := vocabulary().find(words); e != nil {
				continue
			}
		}
		if len(words) > 0 && (form == name || !generic) {
			forms = append(forms, words)
		}
	}
	return forms
}

// readNumber reads a number and its unit.
func readNumber(toks []token, q *quantity) int {
	q.text = strings.ReplaceAll(toks[0].text, ",", "")
	q.value, _ = strconv.ParseFloat(q.text, 64)
	return 1 + readUnit(toks[1:], q)
}

// unitForms are the ways to write a unit, in tokens.
var unitForms = []struct{ unit, words string }{
	{"tok/s", "tok / s"}, {"tok/s", "token / s"}, {"tok/s", "tokens / s"}, {"tok/s", "tokens per second"},
	{"requests/s", "requests / s"}, {"requests/s", "requests per second"}, {"requests/s", "requests a second"},
	{"tok/s", "token per second"}, {"tok/s", "tokens / second"}, {"tok/s", "tokens a second"}, {"tok/s", "tok per second"},
	{"ms", "ms"}, {"ms", "milliseconds"}, {"ms", "millisecond"}, {"s", "s"}, {"s", "seconds"}, {"s", "second"}, {"s", "sec"},
	{"%", "%"}, {"%", "percent"}, {"%", "per cent"}, {"×", "×"}, {"×", "x"}, {"×", "times"}, {"×", "fold"},
	{"thousand", "k"}, {"million", "m"}, {"minutes", "minutes"}, {"minutes", "minute"}, {"µs", "µs"}, {"µs", "us"}, {"µs", "microseconds"},
	{"hours", "hours"}, {"hours", "h"}, {"W", "w"}, {"W", "watts"}, {"GB", "gb"}, {"MB", "mb"}, {"J", "j"}, {"MHz", "mhz"}, {"GHz", "ghz"},
}

// readUnit reads the unit behind a number and returns how many tokens it has.
func readUnit(toks []token, q *quantity) int {
	for _, f := range unitForms {
		words := strings.Fields(f.words)
		if len(words) > len(toks) || q.spelled && f.unit == "thousand" {
			continue
		}
		if slices.EqualFunc(words, toks[:len(words)], func(w string, t token) bool { return w == t.text }) {
			q.unit = f.unit
			return len(words)
		}
	}
	return 0
}

// spelledNumbers are numbers in words. "one" is a number only where it
// counts: see joinConcurrency and checkSpelled.
var spelledNumbers = map[string]float64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
	"nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
	"hundred": 100, "hundreds": 100, "thousand": 1000, "thousands": 1000, "million": 1e6, "millions": 1e6, "billion": 1e9, "dozen": 12,
	"dozens": 12, "tens": 10, "tenths": 0.1, "quarters": 0.25, "thirds": 1.0 / 3, "fifth": 0.2, "fifths": 0.2, "hundredth": 0.01,
}

// shareUnits gives a number without a unit that of the next in its list:
// "16.67/16.60/17.00 ms", "from 12 to 15 ms".
func (c *checker) shareUnits() {
	for i := len(c.items) - 1; i >= 0; i-- {
		q := c.items[i].num
		if q == nil || q.unit != "" || q.spelled {
			continue
		}
		next := c.nextInList(i)
		if next < 0 {
			continue
		}
		if u := c.items[next].num.unit; u != "" && u != "×" && u != "%" {
			q.unit, q.shared = u, true
		}
	}
}

// nextInList is the number that follows item i in a list or range, −1 if
// there is none.
func (c *checker) nextInList(i int) int {
	for k := i + 1; k < len(c.items) && k <= i+3; k++ {
		it := &c.items[k]
		switch {
		case it.num != nil:
			return k
		case it.is("/", ",", "and", "to", "–", "—", "-", "→", "or", "vs", "versus"):
		default:
			return -1
		}
	}
	return -1
}

// is says whether the item is one of words.
func (it *item) is(words ...string) bool {
	return slices.Contains(words, it.word)
}

// divide numbers sentences and clauses.
func (c *checker) divide() {
	line, clause := 0, 0
	for i := range c.items {
		it := &c.items[i]
		if it.class == aBecause || it.class == aHence || it.is("but", "while", "whereas", "although", "though", "which", "where", "when", "if", "despite", "yet", "even though", "whose") {
			clause++
		}
		it.line, it.clause = line, clause
		switch {
		case it.is(";", ":"):
			clause++
		case it.is(",") && !c.listComma(i):
			clause++
		case it.is(".", "!", "?") && i+1 < len(c.items):
			clause++
			line++
		}
	}
}

// listComma says whether the comma at i stands between members of a list of
// names or numbers.
func (c *checker) listComma(i int) bool {
	if i == 0 || i+1 >= len(c.items) {
		return false
	}
	before, after := &c.items[i-1], &c.items[i+1]
	if after.is("and", "or") && i+2 < len(c.items) {
		after = &c.items[i+2]
	}
	return before.class == after.class && (before.class == aStat || before.class == aNumber || before.class == aMetric)
}
