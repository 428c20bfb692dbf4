package prose

import (
	"slices"
	"strconv"
	"strings"
)

// joinConcurrency turns numbers that stand for a concurrency into the points
// measured there: "concurrency of 8", "from 2 to 4" behind "concurrency",
// "eight concurrent requests", "16 users". And it finds the points that
// descriptions mean.
func (c *checker) joinConcurrency() {
	level := false // the numbers that follow are levels of concurrency
	for i := range c.items {
		it := &c.items[i]
		switch {
		case it.class == aMetric && slices.Contains(it.metrics, Concurrency):
			level = true
		case it.num != nil && whole(it.num) && (level || c.countsUsers(i)):
			points := c.atConcurrency(int(it.num.value))
			if points != nil || !level && !it.num.spelled {
				it.entry, it.points, it.num = &entry{class: aScene, word: "concurrency"}, points, nil
			}
		case it.class == aScene && it.place != noPlace:
			it.points = c.placed(it.place)
		case !it.is("of", "at", "from", "to", "and", ",", "=", "is", "by", "between", "or", "level"):
			level = false
		}
	}
}

// whole says whether a number is a bare whole number.
func whole(q *quantity) bool {
	return q.unit == "" && q.value == float64(int(q.value)) && !strings.Contains(q.text, ".")
}

// countsUsers says whether the number at i counts what runs at once.
func (c *checker) countsUsers(i int) bool {
	var words []string
	for k := i + 1; k < len(c.items) && k <= i+4 && c.items[k].class != aMark && c.items[k].num == nil; k++ {
		words = append(words, strings.Fields(strings.ToLower(c.items[k].text))...)
	}
	if len(words) == 0 {
		return false
	}
	var noun string
	at := strings.Contains(strings.Join(words, " "), "in flight")
	for n, w := range words {
		switch {
		case n == 0 && w == "way", w == "concurrent", w == "parallel", w == "simultaneous":
			return true
		case n > 1 && noun == "":
			return false
		}
		if noun == "" {
			for _, form := range append([]string{w}, stems(w)...) {
				if _, ok := countWords[form]; ok {
					noun = form
				}
			}
			continue
		}
		rest := strings.Join(words[n:], " ")
		for phrase := range strings.SplitSeq(together, "|") {
			at = at || strings.HasPrefix(rest, phrase)
		}
	}
	switch noun {
	case "user", "client", "stream", "slot", "sequence":
		return true
	case "request", "prompt":
		return at
	}
	return false
}

// checkScenes reports scenarios that the run does not have.
func (c *checker) checkScenes() {
	c.each(aScene, func(i int) {
		if len(c.items[i].points) > 0 {
			return
		}
		if c.items[i].word == "" || strings.HasPrefix(c.items[i].text, "c=") {
			c.fault(ForeignNumber, "no scenario that it may speak of has %s", c.quote(i, i))
		} else if c.items[i].place != ownPlace {
			c.fault(Unclear, "%s is no scenario that it may speak of", c.quote(i, i))
		}
		c.settle(i)
	})
}

// referring are the words that make a scenario one that others are compared
// with, not one that is spoken of.
var referring = []string{"compared with", "compared to", "relative to", "against", "versus", "vs", "than", "beyond", "from", "unlike",
	"in comparison to", "in comparison with", "instead of", "rather than", "past", "go beyond", "going from", "moving from", "step from", "over", "than that", "up from", "down from", "that of", "those of"}

// reference says whether the group is one that others are compared with.
func (c *checker) reference(g *group) bool {
	k := g.from - 1
	if g.taken { // "than the 42 ms of c=8"
		for k >= 0 && c.items[k].num == nil {
			k--
		}
		k--
	}
	for k >= 0 && c.items[k].is("the", "at", "for", "of", "in", "a", "with", "its") && !c.items[k].is(referring...) {
		k--
	}
	if k >= 0 && c.items[k].is("that of", "those of") && c.claimedByNext(g) {
		return false // "that of c=4 is 2.66 tok/s"
	}
	return k >= 0 && (c.items[k].is(referring...) || c.items[k].class == aMore)
}

// sceneFor are the points that what stands at item i is said of: the
// scenario named last before it in the sentence, else the section's own, else
// the one named last in the sentence before, else the first behind it. nil:
// none is named.
func (c *checker) sceneFor(i int) []int {
	if g := c.items[i].group; g >= 0 && c.groups[g].points != nil {
		return c.groups[g].points
	}
	var before, earlier, behind *group
	for k := range c.groups {
		g := &c.groups[k]
		switch {
		case g.points == nil || g.taken || g.object || c.reference(g):
		case g.from < i && g.line == c.items[i].line:
			before = g
		case g.from < i:
			earlier = g
		case behind == nil && g.line == c.items[i].line:
			behind = g
		}
	}
	switch {
	case before != nil:
		return before.use()
	case c.own >= 0:
		return []int{c.own}
	case earlier != nil:
		return earlier.use()
	case behind != nil:
		return behind.use()
	}
	if points := c.sceneOfNumber(i); points != nil {
		return points
	}
	return c.onlyScene(i)
}

// use are the points of a group of which something is checked.
func (g *group) use() []int {
	g.used = true
	return g.points
}

// checkUnused refuses scenarios that are named and of which nothing was
// checked: "steady at c=4 and at c=8".
func (c *checker) checkUnused() {
	for k := range c.groups {
		g := &c.groups[k]
		if k+1 < len(c.groups) && c.oneOfTwo(g, &c.groups[k+1]) {
			c.fault(Unclear, "what is said of %s could not be checked of both", c.quote(g.from, c.groups[k+1].to-1))
		}
		if g.points == nil || g.metrics != nil || g.stats != nil || g.used || g.taken || g.object || c.own >= 0 && slices.Contains(g.points, c.own) {
			continue
		}
		if k+1 < len(c.groups) && c.groups[k+1].from == g.to && slices.Equal(c.groups[k+1].points, g.points) {
			continue // "the sweet spot c=4"
		}
		if !slices.ContainsFunc(c.items[g.from:g.to], func(it item) bool { return it.place == ownPlace || it.place == alonePlace }) {
			c.fault(Unclear, "nothing that is said of %s could be checked", c.quote(g.from, g.to-1))
		}
	}
}

// onlyScene is the scenario behind i where its sentence names no other.
func (c *checker) onlyScene(i int) []int {
	from, to := c.sameLine(i)
	var only []int
	for k := range c.groups {
		g := &c.groups[k]
		switch {
		case g.points == nil || g.from < from || g.from >= to || c.reference(g):
		case only == nil:
			only = g.points
		case !slices.Equal(only, g.points):
			return nil
		}
	}
	return only
}

// sceneOfNumber is the scenario of the number nearest before i: "throughput
// peaks at 99 tok/s with c=8, twice that of c=2".
func (c *checker) sceneOfNumber(i int) []int {
	for k := i; k >= 0; k-- {
		if facts := c.matched[k]; len(facts) > 0 {
			var out []int
			for _, f := range facts {
				if p := c.pointOf(f.Of); p >= 0 {
					out = appendNew(out, p)
				}
			}
			return out
		}
	}
	return nil
}

// comparedWith are the points that the sentence compares with at item i: the
// reference nearest to the left, or to the right; nil: none is named.
func (c *checker) comparedWith(i int) []int {
	from, to := c.sameLine(i)
	var found *group
	distance := to - from + 1
	for k := range c.groups {
		g := &c.groups[k]
		if g.points == nil || g.from < from || g.from >= to || !c.reference(g) && !g.object {
			continue
		}
		if d := max(g.from-i, i-g.from); d < distance {
			found, distance = g, d
		}
	}
	if found == nil {
		return nil
	}
	return found.use()
}

// sceneName is the name by which a message calls a point.
func (c *checker) sceneName(points []int) string {
	if len(points) == 0 {
		return "no scenario"
	}
	name := c.s.Evidence.Points[points[0]].Scenario
	if name == "" {
		return "c=" + strconv.Itoa(c.s.Evidence.Points[points[0]].Concurrency)
	}
	return name
}
