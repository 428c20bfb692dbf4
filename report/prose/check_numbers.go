package prose

import (
	"slices"
	"strings"
)

// checkNumbers holds every number that is no ratio or share against the
// facts: its digits and unit, and the metric, statistic and scenario that the
// sentence gives it.
func (c *checker) checkNumbers() {
	c.claimBehind()
	c.each(aNumber, func(i int) {
		q := c.items[i].num
		switch {
		case q.spelled && q.unit == "":
			c.checkSpelled(i)
		case q.unit == "×" || q.unit == "%":
			c.checkPrinted(i)
		default:
			c.checkFigure(i)
		}
	})
}

// claimBehind marks the names that stand behind a number and belong to it:
// "37.05 ms at p99", "60.95 tok/s per user", "71.45 tok/s at c=2".
func (c *checker) claimBehind() {
	for i := range c.items {
		q := c.items[i].num
		if q == nil {
			continue
		}
		if q.unit == "×" || q.unit == "%" {
			if g := c.objectGroup(i); g != nil {
				g.object = true
			}
			continue
		}
		if g := c.behind(i); g != nil {
			g.taken = true
		}
	}
}

// objectGroup is the name that a ratio or share is over, nil for none.
func (c *checker) objectGroup(i int) *group {
	for k := i + 1; k < len(c.items) && k <= i+5; k++ {
		it := &c.items[k]
		switch {
		case it.group >= 0:
			return &c.groups[it.group]
		case it.is("the", "that of", "those of", "that", "of", "what", "a", "an", "its", "those", "of the"), it.is("at", "in") && c.items[k-1].is("that"), it.is("request", "user", "slot") && k == i+2:
		default:
			return nil
		}
	}
	return nil
}

// behind is the group that belongs to the number at i from behind, nil for
// none.
func (c *checker) behind(i int) *group {
	loose := false // bound by a word that can also begin something new
	for k := i + 1; k < len(c.items) && k <= i+4; k++ {
		it := &c.items[k]
		if it.group >= 0 {
			g := &c.groups[it.group]
			if loose && g.metrics != nil && !c.perUserOnly(g) || c.claimedByNext(g) {
				return nil
			}
			return g
		}
		switch {
		case it.is("with", "for", "in", "at", "on", "(", "under"):
			loose = true
		case it.is("was measured", "measured", "reached", "in the", "the", "of", "a", "its", "per", "as"), it.is("was", "is") && c.measuredNext(k):
		default:
			return nil
		}
	}
	return nil
}

// measuredNext says whether "was measured" or the like stands at k.
func (c *checker) measuredNext(k int) bool {
	return k+1 < len(c.items) && c.items[k+1].is("measured", "measure", "recorded", "record", "reached", "reach", "observed", "observe", "found", "seen")
}

func (c *checker) perUserOnly(g *group) bool {
	return len(g.metrics) > 0 && g.metrics[0] == PerUser
}

// claimedByNext says whether a group is followed by a number of its own.
func (c *checker) claimedByNext(g *group) bool {
	for k := g.to; k < len(c.items) && k < g.to+3; k++ {
		it := &c.items[k]
		switch {
		case it.num != nil:
			return true
		case it.is("of", "(", ":", "=", "is", "was", "are", "at", "a", "stands", "stand", "reach", "reaches"):
		default:
			return false
		}
	}
	return false
}

// checkSpelled looks at numbers in words. "one" mostly counts nothing.
func (c *checker) checkSpelled(i int) {
	q := c.items[i].num
	counted := c.countedBehind(i)
	if q.text == "one" && (counted == nil || c.own >= 0 && c.s.Evidence.Points[c.own].Concurrency == 1) {
		c.settle(i)
		return
	}
	for _, f := range c.s.Facts {
		if f.Unit == "" && f.Value == q.value && slices.Contains(counted, f.Of.Metric) {
			c.matched[i] = append(c.matched[i], f)
		}
	}
	if len(c.matched[i]) == 0 {
		c.fault(ForeignNumber, "%s is no number of this section", c.quote(i, i))
		c.settle(i)
		return
	}
	c.grant(i)
}

// printed are the facts with the digits and the unit of a number.
func (c *checker) printed(i int) (facts []Fact, otherUnit bool) {
	q := c.items[i].num
	for _, f := range c.s.Facts {
		number, unit := splitText(f.Text)
		switch {
		case number != q.text:
		case unit == q.unit && c.prefixed(i, f.Text, number):
			facts = append(facts, f)
		case unit != q.unit:
			otherUnit = true
		}
	}
	return facts, otherUnit && len(facts) == 0
}

// splitText divides the text of a fact: "less than 0.1%" is 0.1 and %. What
// is no unit of ours counts as none: "12.7 requests".
func splitText(text string) (number, unit string) {
	at := strings.IndexFunc(text, isDigit)
	if at < 0 {
		return "", ""
	}
	n := numberLength(text[at:])
	number = text[at : at+n]
	var q quantity
	readUnit(tokenise(text[at+n:]), &q)
	return number, q.unit
}

// prefixed says whether the words of a fact before its number stand before
// the number at i too, and marks them: "less than 0.1%".
func (c *checker) prefixed(i int, text, number string) bool {
	prefix := strings.TrimSpace(text[:strings.Index(text, number)])
	if prefix == "" {
		return true
	}
	if i == 0 || !strings.EqualFold(c.items[i-1].text, prefix) {
		return false
	}
	c.settle(i - 1)
	return true
}

// checkPrinted checks only that a ratio or share is printed so somewhere.
func (c *checker) checkPrinted(i int) {
	facts, otherUnit := c.printed(i)
	if len(facts) > 0 {
		return
	}
	c.noSuchNumber(i, otherUnit)
}

func (c *checker) noSuchNumber(i int, otherUnit bool) {
	if otherUnit {
		c.fault(WrongUnit, "%s is known with another unit", c.quote(i, i))
	} else {
		c.fault(ForeignNumber, "%s is no number of this section", c.quote(i, i))
	}
	c.settle(i)
}

// checkFigure checks a number that is a figure of a metric.
func (c *checker) checkFigure(i int) {
	facts, otherUnit := c.printed(i)
	facts = slices.DeleteFunc(facts, func(f Fact) bool { return f.Unit == "×" || f.Unit == "%" })
	if len(facts) == 0 {
		c.noSuchNumber(i, otherUnit)
		return
	}
	f := c.frame(i)
	c.matched[i] = c.match(i, f, facts)
	if len(c.matched[i]) > 0 {
		c.grant(i)
	} else {
		c.settle(i)
	}
}

// frame is what the sentence says that a number is.
type frame struct {
	operand
	all bool // every one of stats has to have it
}

// frame gathers the names that govern the number at i: what stands behind it
// and belongs to it, then the names before it, the nearest first. A statistic
// counts up to the metric that it stands beside and no further.
func (c *checker) frame(i int) frame {
	f := frame{operand: operand{at: i, metrics: c.countedBehind(i)}}
	if g := c.behind(i); g != nil {
		f.take(g)
	}
	index, length := c.placeInList(i)
	for k := len(c.groups) - 1; k >= 0; k-- {
		g := &c.groups[k]
		if g.to > i || g.taken {
			continue
		}
		if its := c.possessor(g.from); its != nil && g.metrics == nil && f.metrics == nil {
			f.metrics = its
		}
		if f.metrics != nil && (g.metrics != nil || g.line < c.items[i].line) {
			break
		}
		g = c.listMember(k, index, length)
		open := f.stats == nil
		f.take(g)
		if open && len(f.stats) > 1 {
			f.spread(index, length)
		}
		if g.metrics != nil {
			break
		}
	}
	if f.stats == nil {
		f.stats = c.wideStat(i)
	}
	if from, to := c.sameClause(i); slices.ContainsFunc(c.items[from:to], func(it item) bool { return it.class == aStat && it.stat == Failed }) {
		f.stats = []Stat{Failed}
	}
	f.points = c.sceneOf(i)
	return f
}

// wideStat is a statistic that counts for the whole of i's clause: "half of
// the requests get their first token within 80 ms".
func (c *checker) wideStat(i int) []Stat {
	from, _ := c.sameClause(i)
	for k := i - 1; k >= from; k-- {
		if c.items[k].class == aStat && c.items[k].wide {
			return []Stat{c.items[k].stat}
		}
	}
	return nil
}

// take fills what is open from a group.
func (f *frame) take(g *group) {
	if f.metrics == nil {
		f.metrics = g.metrics
	}
	if f.stats == nil {
		f.stats = g.stats
	}
}

// spread gives the number at index of a list of length its statistic out of
// a list as long. One number for several statistics is that of all.
func (f *frame) spread(index, length int) {
	switch {
	case length == len(f.stats):
		f.stats = f.stats[index : index+1]
	case length == 1:
		f.all = true
	}
}

// listMember replaces the last of several names in a list by the one for the
// number at index of a list as long: "TTFT p99 and TPOT p99 of a and b".
func (c *checker) listMember(k, index, length int) *group {
	first := k
	for first > 0 && c.groups[first].listed {
		first--
	}
	if n := k - first + 1; n > 1 && n == length {
		return &c.groups[first+index]
	}
	return &c.groups[k]
}

// placeInList is a number's place among those that follow each other, and how
// many there are.
func (c *checker) placeInList(i int) (index, length int) {
	first := i
	for k := i - 1; k >= 0 && k >= first-3; k-- {
		if c.items[k].num != nil && c.nextInList(k) == first && c.sameList(k, first) {
			first = k
			index++
		}
	}
	length = index + 1
	for k := c.nextInList(i); k >= 0 && c.sameList(i, k); k = c.nextInList(k) {
		length++
	}
	return index, length
}

// sameList says whether two numbers are members of one list, not the ends of
// a range.
func (c *checker) sameList(a, b int) bool {
	for k := a + 1; k < b; k++ {
		if c.items[k].is("to", "–", "—", "-", "→", "vs", "versus") {
			return false
		}
	}
	return c.items[a].num.unit == c.items[b].num.unit
}

// countedBehind is what the noun behind a bare number counts, nil for none.
func (c *checker) countedBehind(i int) []Metric {
	q := c.items[i].num
	if q.unit != "" {
		return nil
	}
	side := c.sideBefore(i)
	for k := i + 1; k < len(c.items) && k <= i+3; k++ {
		words := strings.Fields(strings.ToLower(c.items[k].text))
		for _, w := range words {
			if w == "input" || w == "prompt" && len(words) > 1 {
				side = "input"
			} else if w == "output" {
				side = "output"
			}
			for _, form := range append([]string{w}, stems(w)...) {
				switch counted := countWords[form]; {
				case form == "token" && side == "input":
					return []Metric{InputLen, ReusedTokens, PromptTokens}
				case form == "token" && side == "output":
					return []Metric{OutputLen}
				case form == "token":
					return nil // of the prompt or of the answer: it does not say
				case counted != nil && !(form == "prompt" && k < i+3 && len(words) > 1):
					return counted
				}
			}
		}
		if c.items[k].class == aMark {
			break
		}
	}
	return nil
}

// sideBefore says whether the clause speaks of prompts or of answers before
// item i.
func (c *checker) sideBefore(i int) string {
	from, _ := c.sameClause(i)
	for k := i - 1; k >= from; k-- {
		switch it := &c.items[k]; {
		case it.is("prompt", "input", "long prompt", "short prompt"):
			return "input"
		case it.is("answer", "response", "reply", "output", "generate", "generated"):
			return "output"
		}
	}
	return ""
}
