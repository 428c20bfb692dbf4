package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/report/importer"
)

// ComparedLoad is what two scenarios must have in common to be compared. A 0, nil or
// "" is not known.
type ComparedLoad struct {
	Input       int      `json:"input"`
	Output      int      `json:"output"`
	Concurrency int      `json:"concurrency"`
	Prompts     int      `json:"prompts"`
	Depth       int      `json:"depth,omitempty"`
	RangeRatio  *float64 `json:"range_ratio"`
	RequestRate *float64 `json:"request_rate"`
	Arrivals    string   `json:"arrivals,omitempty"` // of an open loop without one rate
	Prefix      *int     `json:"prefix,omitempty"`   // tokens that all prompts have in common
	Cache       string   `json:"cache,omitempty"`
	Dataset     string   `json:"dataset,omitempty"` // file of the prompts
}

// String is "2048/512 tokens ±50 %, c=8, 30 prompts, 2.5 req/s, cold".
func (l ComparedLoad) String() string {
	known := func(n int) string {
		if n == 0 {
			return "?"
		}
		return strconv.Itoa(n)
	}
	s := known(l.Input) + "/" + known(l.Output) + " tokens"
	if l.RangeRatio != nil && *l.RangeRatio > 0 {
		s += fmt.Sprintf(" ±%g %%", math.Round(1000**l.RangeRatio)/10)
	}
	if l.Depth > 0 {
		s += fmt.Sprintf(" at depth %d", l.Depth)
	}
	if l.Concurrency > 0 {
		s += fmt.Sprintf(", c=%d", l.Concurrency)
	}
	if l.Prompts > 0 {
		s += fmt.Sprintf(", %d prompts", l.Prompts)
	}
	if l.RequestRate != nil {
		s += fmt.Sprintf(", %g req/s", *l.RequestRate)
	}
	if l.Arrivals != "" {
		s += ", " + l.Arrivals
	}
	if l.Prefix != nil && *l.Prefix > 0 {
		s += fmt.Sprintf(", %d tokens in common", *l.Prefix)
	}
	if l.Dataset != "" {
		s += ", prompts of " + l.Dataset
	}
	if l.Cache != "" {
		s += ", " + l.Cache
	}
	return s
}

// group is one load of a run with all its passes.
type group struct {
	run   *importer.ToolRun
	label string              // of the run
	loads []importer.ToolLoad // one per pass, at least one
	// repeated says that a load's samples are repetitions of the whole
	// measurement, not requests within it.
	repeated bool
}

func (g *group) name() string  { return g.loads[0].Name }
func (g *group) cache() string { return g.loads[0].Cache }

func (g *group) load() ComparedLoad {
	l := g.loads[0]
	return ComparedLoad{l.Input, l.Output, l.Concurrency, l.Prompts, l.Depth, l.RangeRatio, l.RequestRate, l.Arrivals, l.Prefix, l.Cache, drawnFrom(&l)}
}

// drawnFrom is the dataset of a load; "": prompts are drawn, or it is not known.
func drawnFrom(l *importer.ToolLoad) string {
	if l.Dataset == nil {
		return ""
	}
	return *l.Dataset
}

// repeatingTools are those whose samples are one value per repetition.
var repeatingTools = []string{importer.ToolLlamaBench, importer.ToolLlamaBenchy, importer.ToolBatchedBench, importer.ToolOllama}

// groups gathers the passes over each load of a run, in the run's order. Two
// loads are passes of one when the importer numbered them so and nothing else
// tells them apart.
func groups(r *importer.ToolRun, label string) []*group {
	var out []*group
	for _, l := range r.Loads {
		i := slices.IndexFunc(out, func(g *group) bool { return g.takes(l) })
		if i < 0 {
			out = append(out, &group{run: r, label: label, repeated: slices.Contains(repeatingTools, r.Tool)})
			i = len(out) - 1
		}
		out[i].loads = append(out[i].loads, l)
	}
	return out
}

func (g *group) takes(l importer.ToolLoad) bool {
	f := g.loads[0]
	return f.Name == l.Name && f.Input == l.Input && f.Output == l.Output && f.Concurrency == l.Concurrency &&
		f.Prompts == l.Prompts && f.Depth == l.Depth && f.Cache == l.Cache && equal(f.RangeRatio, l.RangeRatio) && equal(f.RequestRate, l.RequestRate) &&
		f.Arrivals == l.Arrivals && equal(f.Prefix, l.Prefix) && equal(f.Dataset, l.Dataset) &&
		!slices.ContainsFunc(g.loads, func(o importer.ToolLoad) bool { return o.Repeat == l.Repeat })
}

func equal[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// pairOf is a load that both runs have.
type pairOf struct{ a, b *group }

// match pairs the groups of two runs by their load, each at most once, in the
// order of a. Equal cache states, equal speculation and equal names go first, so that
// a run that has a load both cold and warm, or with drafts and without, meets its like.
func match(as, bs []*group) (both []pairOf, onlyA, onlyB []*group) {
	partner := map[*group]*group{}
	taken := map[*group]bool{}
	for _, round := range []func(a, b *group) bool{
		func(a, b *group) bool { return sameCache(a, b) && sameDrafts(a, b) && a.name() == b.name() },
		func(a, b *group) bool { return sameCache(a, b) && sameDrafts(a, b) },
		func(a, b *group) bool { return sameCache(a, b) && a.name() == b.name() },
		sameCache,
		func(a, b *group) bool { return a.name() == b.name() },
		func(*group, *group) bool { return true },
	} {
		for _, a := range as {
			if partner[a] != nil {
				continue
			}
			i := slices.IndexFunc(bs, func(b *group) bool { return !taken[b] && len(a.contradictions(b)) == 0 && round(a, b) })
			if i >= 0 {
				partner[a], taken[bs[i]] = bs[i], true
			}
		}
	}
	for _, a := range as {
		if partner[a] == nil {
			onlyA = append(onlyA, a)
			continue
		}
		both = append(both, pairOf{a, partner[a]})
	}
	for _, b := range bs {
		if !taken[b] {
			onlyB = append(onlyB, b)
		}
	}
	return both, onlyA, onlyB
}

func sameCache(a, b *group) bool {
	return a.cache() == b.cache() || a.cache() == "" || b.cache() == ""
}

// drafts says what is drafted.
func (g *group) drafts() string {
	if d := g.loads[0].Speculation; d != nil {
		return d.String()
	}
	return "not told"
}

// sameDrafts tells whether both drafted alike: where neither is known to draft, they
// did as far as is known.
func sameDrafts(a, b *group) bool {
	x, y := a.loads[0].Speculation, b.loads[0].Speculation
	drafting := func(s *result.Speculation) bool { return s != nil && s.Speculates() }
	return !drafting(x) && !drafting(y) || a.drafts() == b.drafts()
}

// lengthTolerance is how far apart two lengths may be where one of them is a
// mean over what was really sent: special tokens and drawn lengths move it.
const lengthTolerance = 0.02

// contradictions lists in what two loads differ as far as both are known. The
// cache state is not among them: it is flagged where it differs.
func (g *group) contradictions(o *group) []string {
	var out []string
	a, b := g.loads[0], o.loads[0]
	nominal := a.Lengths == importer.LengthsNominal && b.Lengths == importer.LengthsNominal
	length := func(what string, x, y int) {
		near := !nominal && math.Abs(float64(x-y)) <= lengthTolerance*float64(max(x, y))
		if x != y && !near {
			out = append(out, fmt.Sprintf("%s (%d against %d)", what, x, y))
		}
	}
	length("input", a.Input, b.Input)
	length("output", a.Output, b.Output)
	count := func(what string, x, y int, needed bool) {
		if x != y && (needed || x != 0 && y != 0) {
			out = append(out, fmt.Sprintf("%s (%d against %d)", what, x, y))
		}
	}
	count("concurrency", a.Concurrency, b.Concurrency, true)
	count("prompts", a.Prompts, b.Prompts, false)
	count("depth", a.Depth, b.Depth, true)
	if a.RangeRatio != nil && b.RangeRatio != nil && *a.RangeRatio != *b.RangeRatio {
		out = append(out, fmt.Sprintf("range ratio (%g against %g)", *a.RangeRatio, *b.RangeRatio))
	}
	if a.Prefix != nil && b.Prefix != nil && *a.Prefix != *b.Prefix {
		out = append(out, fmt.Sprintf("tokens that the prompts have in common (%d against %d)", *a.Prefix, *b.Prefix))
	}
	if a.Dataset != nil && b.Dataset != nil && *a.Dataset != *b.Dataset {
		out = append(out, fmt.Sprintf("prompts (%s against %s)", cmp.Or(*a.Dataset, "drawn"), cmp.Or(*b.Dataset, "drawn")))
	}
	if !equal(a.RequestRate, b.RequestRate) || a.Arrivals != b.Arrivals {
		out = append(out, fmt.Sprintf("request rate (%s against %s)", rateText(&a), rateText(&b)))
	} else if a.Burstiness != nil && b.Burstiness != nil && *a.Burstiness != *b.Burstiness {
		out = append(out, fmt.Sprintf("burstiness (%s against %s)", gapsText(*a.Burstiness), gapsText(*b.Burstiness)))
	}
	return out
}

func gapsText(burstiness float64) string {
	if math.IsInf(burstiness, 1) {
		return "even gaps"
	}
	return strconv.FormatFloat(burstiness, 'g', -1, 64)
}

func rateText(l *importer.ToolLoad) string {
	switch {
	case l.Arrivals != "":
		return l.Arrivals
	case l.RequestRate == nil:
		return "closed loop"
	}
	return fmt.Sprintf("%g req/s", *l.RequestRate)
}

// nearest says why a load has no partner among others: in what the nearest
// one differs.
func (g *group) nearest(others []*group, label string) string {
	best := -1
	var what []string
	for i, o := range others {
		d := g.contradictions(o)
		if best < 0 || len(d) < len(what) {
			best, what = i, d
		}
	}
	switch {
	case best < 0:
		return label + " has no loads"
	case len(what) == 0:
		return fmt.Sprintf("%s has %q once, and it is compared with another load already", label, others[best].name())
	case len(what) > 2:
		return label + " has no load like it"
	}
	return fmt.Sprintf("nearest in %s: %q, which differs in %s", label, others[best].name(), strings.Join(what, " and "))
}

// samePrompts says whether the journals of both hold the same prompts, token
// by token, request by request.
func samePrompts(a, b *group) bool {
	x, y := a.byRequest(), b.byRequest()
	if len(x) == 0 || len(x) != len(y) {
		return false
	}
	for key, r := range x {
		if o, ok := y[key]; !ok || r.PromptHash == "" || o.PromptHash != r.PromptHash {
			return false
		}
	}
	return true
}

// byRequest finds the records of a group by pass and request.
func (g *group) byRequest() map[[2]int]*result.Record {
	out := map[[2]int]*result.Record{}
	for i := range g.loads {
		l := &g.loads[i]
		for k := range l.Records {
			out[[2]int{l.Repeat, l.Records[k].Request}] = &l.Records[k]
		}
	}
	return out
}
