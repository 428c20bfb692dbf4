package prose

import (
	"slices"
	"strings"
)

// finite are the verbs of which a sentence needs one.
var finite = strings.Fields(`is are was were has have had get gets got take takes took reach reaches reached stay stays stayed remain remains remained show shows showed
	make makes made give gives gave deliver delivers delivered hold holds held keep keeps kept lie lies lay stand stands stood run runs ran come comes came go goes went
	wait waits waited pass passes passed last lasts lasted need needs needed spend spends spent use do does did arrive arrives flow flows sit sits begin begins belong belongs
	vary varies differ differs match matches align aligns track tracks mirror equal equals exceed exceeds surpass dominate dominates peaks peaked share shares pause pauses
	stall stalls fluctuate average averages fail failed cost costs pay pays buy buys leave leaves make makes serve serves process handle decode treat treats become becomes became
	see sees find finds sustain sustains maintain maintains suggest suggests indicate indicates imply implies reveal reveals confirm reflect mean means outweigh read starts start
	end ends bring brings achieve achieves receive receives produce produces generate generates can should must carry carries correspond amount yield yields offer provide spikes spike swing tell tells`)

// checkVerbs sees that every sentence has a verb, that "which is" does not
// equate two figures, and that a comma does not join what has nothing to do
// with each other.
func (c *checker) checkVerbs() {
	for i := 0; i < len(c.items); {
		_, to := c.sameLine(i)
		if !slices.ContainsFunc(c.items[i:to], isVerb) {
			c.fault(Form, "%s has no verb", c.quote(i, to-1))
		}
		i = to
	}
	c.checkClauses()
	for k := range c.groups {
		g := &c.groups[k]
		if g.metrics == nil || c.second(g) < 0 {
			continue
		}
		switch is := c.second(g); {
		case c.items[is-1].is("which", "that"):
			c.fault(Unclear, "%s: these are different figures", c.quote(is-1, g.to-1))
		}
	}
	c.checkSplices()
}

// checkClauses refuses a clause with a verb, or several nouns, and nothing in it that could be
// held against a figure: "the engine batches prompts".
func (c *checker) checkClauses() {
	for i := 0; i < len(c.items); {
		_, to := c.sameClause(i)
		clause := c.items[i:to]
		i = to
		plain := 0
		for _, it := range clause {
			if it.class == aPlain {
				plain++
			}
		}
		if plain < 3 && !slices.ContainsFunc(clause, isVerb) || slices.ContainsFunc(clause, tangible) {
			continue
		}
		c.fault(Unclear, "%s says what no figure shows", c.quote(to-len(clause), to-1))
	}
}

// tangible says whether an item is of a claim that was looked at.
func tangible(it item) bool {
	switch it.class {
	case anAdvice, aPurpose, aCause, aPart, aTrend, aMore, aMuch, aLittle, aMiddling:
		return true
	}
	return it.num != nil || it.group >= 0 || comparing(it.class) || it.class == aBecause && it.done
}

func isVerb(it item) bool {
	if it.class == aMove || it.class == anAdvice || it.class == aDrives || it.class == aHence && it.word != "so" {
		return true
	}
	for word := range strings.FieldsSeq(it.word) {
		if slices.Contains(finite, word) {
			return true
		}
	}
	return false
}

// second is the "is" right before a name: −1 for none.
func (c *checker) second(g *group) int {
	k := g.from - 1
	for k > 0 && c.items[k].is("the", "a", "an", "its") {
		k--
	}
	if k > 0 && c.items[k].is("is", "are", "was", "were") {
		return k
	}
	return -1
}

// checkSplices refuses two figures that only a comma joins, or in a bullet on
// a scenario "and", unless they are of one family, the same statistic of one
// scenario, or compare with the same scenario.
func (c *checker) checkSplices() {
	for i := 1; i+2 < len(c.items); i++ {
		and := c.s.Kind == Interpretation && c.items[i].is("and")
		if !and && (!c.items[i].is(",") || c.items[i].clause == c.items[i+1].clause) {
			continue
		}
		k := i + 1
		for k < len(c.items)-1 && c.items[k].is("the", "its", "a", "mean") {
			k++
		}
		if c.items[k].group < 0 || c.groups[c.items[k].group].metrics == nil {
			continue
		}
		after := &c.groups[c.items[k].group]
		if after.to >= len(c.items) || !c.items[after.to].is("is", "are", "was", "were") {
			continue
		}
		from, _ := c.sameLine(i)
		before := c.metricsIn(from, i)
		if len(before) > 0 && !related(before, after.metrics[:1]) && !c.sameStat(from, i, after) && !c.sameOther(i) {
			c.fault(Form, "%s: this has nothing to do with what it is joined to", c.quote(i+1, after.to))
		}
	}
}

// sameStat says whether a name before i has the statistic of the group.
func (c *checker) sameStat(from, i int, g *group) bool {
	for k := range c.groups {
		o := &c.groups[k]
		if o.from >= from && o.to <= i && o.metrics != nil && g.stats != nil && slices.Equal(o.stats, g.stats) && slices.Equal(o.points, g.points) {
			return true
		}
	}
	return false
}

// sameOther says whether the ratios on both sides of the comma at i compare
// with the same other scenario.
func (c *checker) sameOther(i int) bool {
	from, to := c.sameLine(i)
	for a := from; a < i; a++ {
		for b := i + 1; b < to; b++ {
			x, okX := c.ratios[a]
			y, okY := c.ratios[b]
			if okX && okY && slices.Equal(x.against.points, y.against.points) && !slices.Equal(x.of.points, x.against.points) {
				return true
			}
		}
	}
	return false
}

// inBlock are the metrics that a scenario's key metrics print above its
// interpretation.
var inBlock = []Metric{TTFT, TPOT, Output, PeakOutput, PP, TG, Concurrency, Prompts, Requests, InputLen, OutputLen}

// checkNews refuses a bullet of an interpretation that only repeats figures
// of the scenario which stand right above it.
func (c *checker) checkNews() {
	if c.s.Kind != Interpretation || len(c.faults) > 0 || len(c.ratios) > 0 {
		return
	}
	for i := range c.items {
		it := &c.items[i]
		if it.done && (comparing(it.class) || it.class == aCause || it.class == aPart || it.class == aPurpose || it.class == aMuch || it.class == aLittle) {
			return
		}
		for _, f := range c.matched[i] {
			if f.Of.Scenario != "" || !slices.Contains(inBlock, f.Of.Metric) {
				return
			}
		}
		if it.class == aScene && (it.place == sweetPlace || it.place == peakPlace) {
			return
		}
	}
	c.fault(NoNews, "it repeats what the key metrics above it say")
}
