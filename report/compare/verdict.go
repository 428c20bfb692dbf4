package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
	"ceiling/report/metric"
)

// Overall is what a pair comes to over all its scenarios.
type Overall struct {
	// Verdict is that of the leading figure: output throughput in closed loops,
	// the time of a whole request where requests come on a schedule.
	Verdict Significance `json:"verdict"`
	// Sentence says it, with its reasons.
	Sentence string `json:"sentence"`
	// Doubts are why a run's figures are not its own: one for each run.
	Doubts []string `json:"doubts,omitempty"`
	// Figures are geometric means over the scenarios, pass by pass. The leading
	// one is the first.
	Figures   []Measure `json:"figures"`
	Scenarios int       `json:"scenarios"` // that they are of

	said doc.Text // Sentence with what stands out
}

// summed are the figures of an overall verdict; the first that is measured
// leads.
func summed(matched []pairOf) []metric.Key {
	open := slices.ContainsFunc(matched, func(p pairOf) bool { return p.a.loads[0].Open() })
	if open {
		return []metric.Key{metric.E2ELMean, metric.TTFTMean, metric.TPOTMean}
	}
	return []metric.Key{metric.OutputThroughput, metric.TPOTMean, metric.TTFTMean}
}

// newOverall sums a pair up.
func newOverall(p *Pair, matched []pairOf, opt ComparisonOptions) *Overall {
	o := &Overall{Verdict: Unknown, Doubts: doubts(matched)}
	// What only one of two runs computed is no part of a mean.
	matched = slices.DeleteFunc(slices.Clone(matched), func(m pairOf) bool {
		return m.a.cache() != "" && m.b.cache() != "" && m.a.cache() != m.b.cache()
	})
	for _, m := range summed(matched) {
		if f, n := overall(m, matched, opt); f != nil {
			o.Figures = append(o.Figures, *f)
			o.Scenarios = max(o.Scenarios, n)
		}
	}
	if len(o.Figures) > 0 {
		o.Verdict = o.Figures[0].Verdict()
	}
	o.said = o.sentence(p, opt)
	for _, span := range o.said {
		o.Sentence += span.Text
	}
	return o
}

// overall is one metric over all scenarios that have it in the same passes: a
// pass's value is the geometric mean over them, so that each pass is one value
// however many scenarios it has. nil: there is none.
func overall(m metric.Key, matched []pairOf, opt ComparisonOptions) (f *Measure, scenarios int) {
	var x, y []float64
	var first *pairOf
	for i := range matched {
		a, b := aboveZero(matched[i].a.values(m)), aboveZero(matched[i].b.values(m))
		if len(a) == 0 || len(b) == 0 || notSame(m, matched[i].a, matched[i].b) != "" {
			continue
		}
		if first == nil {
			first, x, y = &matched[i], make([]float64, len(a)), make([]float64, len(b))
		}
		if len(a) != len(x) || len(b) != len(y) {
			return nil, 0 // some scenario has other passes
		}
		scenarios++
		for k := range a {
			x[k] += math.Log(a[k])
		}
		for k := range b {
			y[k] += math.Log(b[k])
		}
	}
	if first == nil {
		return nil, 0
	}
	for _, sums := range [][]float64{x, y} {
		for k := range sums {
			sums[k] = math.Exp(sums[k] / float64(scenarios))
		}
	}
	a, b := center(x, opt.Assume), center(y, opt.Assume)
	ratio, difference := b/a, b-a
	f = &Measure{Metric: m, A: &a, B: &b, Ratio: &ratio, Difference: &difference}
	if len(x) > 1 && len(y) > 1 {
		f.overPasses(x, y, basis(first.a, first.b), opt)
	}
	return f, scenarios
}

// doubts say of each run why its figures can't be taken for its own.
func doubts(matched []pairOf) []string {
	var out []string
	for _, side := range []func(pairOf) *group{func(p pairOf) *group { return p.a }, func(p pairOf) *group { return p.b }} {
		var worst *result.Verdict
		text, n := "", 0
		for _, p := range matched {
			g := side(p)
			v := g.verdict()
			if v.Trusted() {
				continue
			}
			if n++; worst == nil || v.State.Worse(worst.State) {
				worst, text = v, fmt.Sprintf("%s is %s in %s", g.label, oneline.Of(v.String()), oneline.Of(g.name()))
			}
		}
		if n > 1 {
			text += fmt.Sprintf(", and not valid in %d more", n-1)
		}
		if n > 0 {
			out = append(out, text)
		}
	}
	return out
}

// verdict is the worst of a group's passes, nil where nobody looked.
func (g *group) verdict() *result.Verdict {
	var worst *result.Verdict
	for i := range g.loads {
		if v := g.loads[i].Verdict; v != nil && (worst == nil || v.State.Worse(worst.State)) {
			worst = v
		}
	}
	return worst
}

// sentence is the verdict, and what it rests on.
func (o *Overall) sentence(p *Pair, opt ComparisonOptions) doc.Text {
	if len(o.Figures) == 0 {
		return nil
	}
	var parts []string
	for i := range o.Figures {
		parts = append(parts, o.Figures[i].change())
	}
	figures := fmt.Sprintf(" %s against %s: %s", p.B, p.A, strings.Join(parts, "; "))
	if o.Scenarios > 1 {
		figures += fmt.Sprintf(" (geometric means over %d scenarios)", o.Scenarios)
	}
	figures += "."
	if i := o.Figures[0].Interval; i != nil {
		figures += " " + i.rests()
	}
	say := func(verdict, why string) doc.Text {
		return doc.Join(doc.Marked(doc.Strong, verdict), doc.T(why+figures))
	}
	switch lead := &o.Figures[0]; {
	case len(o.Doubts) > 0:
		return say("Not to be trusted:", " "+strings.Join(o.Doubts, "; ")+". Run again what is not valid; the ratios hold that, too.")
	case lead.Interval == nil:
		return say("These two runs only:", " "+o.tooFew(p)+", so nothing tells what the next run would show; that takes "+leastPasses(opt.Assume)+" (--repeat-process).")
	case o.Verdict == Differs:
		return say("Different.", "")
	case o.Verdict == Same:
		return say("Same", " within "+percentText(opt.EqualWithin)+".")
	}
	return say("Undecided:", " no difference shows, and none is ruled out"+marginHint(opt.EqualWithin)+"."+o.Figures[0].toDecide(opt))
}

// toDecide says what an undecided figure takes.
func (f *Measure) toDecide(opt ComparisonOptions) string {
	what := string(f.Interval.Basis)
	decide := "show a difference of the size seen"
	if opt.EqualWithin > 0 {
		decide = "decide"
	}
	switch {
	case f.MorePasses == 0:
		return ""
	case f.MorePasses > MostPasses:
		return fmt.Sprintf(" It would take more than %d more %s of each side to %s.", MostPasses, what, decide)
	}
	return fmt.Sprintf(" About %d more %s of each side would %s, if what is seen is what is.", f.MorePasses, what, decide)
}

// leastPasses is what an interval over passes takes.
func leastPasses(assume Assumption) string {
	if assume == Normal {
		return "2 passes of each side"
	}
	return "4 passes of each side, or 2 with --assume normal"
}

func marginHint(margin float64) string {
	if margin > 0 {
		return " within " + percentText(margin)
	}
	return " (--equal-within 2% asks whether they are the same)"
}

// tooFew says how many passes there are.
func (o *Overall) tooFew(p *Pair) string {
	fewest := math.MaxInt
	for i := range p.Scenarios {
		fewest = min(fewest, p.Scenarios[i].PassesA, p.Scenarios[i].PassesB)
	}
	if fewest == 1 {
		return "one pass a side"
	}
	return fmt.Sprintf("%d passes a side are too few", fewest)
}

// rests says what the interval is over.
func (i *Interval) rests() string {
	switch i.Basis {
	case Processes:
		return fmt.Sprintf("Over %d + %d processes: what start-up and memory layout change is in it.", i.NA, i.NB)
	case Passes:
		return fmt.Sprintf("Over %d + %d passes, each side's in one process: what start-up and memory layout change from process to process is not in it (--repeat-process).", i.NA, i.NB)
	}
	return ""
}

// change is a figure in words: "TPOT mean +5.1 % (+4.0 to +6.2 %)".
func (f *Measure) change() string {
	text := f.Metric.Info().Title + " " + changeText(*f.Ratio)
	if i := f.Interval; i != nil {
		text += fmt.Sprintf(" (%s to %s, %s)", changeText(i.Lo), changeText(i.Hi), f.Verdict())
	}
	return text
}

// mostPercent is the ratio from which on people say "2.3 times" instead of
// "+130 %".
const mostPercent = 2

// changeText is a ratio as a change in percent: "−28 %", "+4.3 %"; "2.31×" from
// the double on.
func changeText(ratio float64) string {
	change := 100 * (ratio - 1)
	switch a := math.Abs(change); {
	case ratio >= mostPercent:
		return ratioText(ratio) + "×"
	case a >= 9.95:
		return signed(change, 0) + " %"
	default:
		return signed(change, 1) + " %"
	}
}

func percentText(share float64) string { return fmt.Sprintf("%g %%", math.Round(1e4*share)/100) }
