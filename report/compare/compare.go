// Package compare compares runs: which scenarios of two runs
// are the same load, how their figures differ, whether the difference is more
// than noise, and which figures should not be believed at all. It is a pure
// function of what the importer read.
package compare

import (
	"fmt"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// Assumption is what is taken for granted about how a figure varies.
type Assumption string

// Assumptions.
const (
	// Nothing: medians over passes, the Mann–Whitney U test and its interval.
	Nothing Assumption = "nothing"
	// Normal: means over passes, Welch's t-test and its interval. Fewer
	// passes give an interval, which is wrong where one pass is an outlier.
	Normal Assumption = "normal"
)

// ComparisonOptions say how to compare. The zero value is usable.
type ComparisonOptions struct {
	Assume Assumption // "" stands for Nothing
	// EqualWithin is the margin, a share, within which two figures count as the
	// same; 0: nothing is called the same.
	EqualWithin float64
}

// confidence is that of every interval, and 1 − confidence the level of every
// test.
const confidence = result.Confidence

// Comparison is the outcome: the first run is the base, and every other one
// is held against it.
type Comparison struct {
	Assume      Assumption          `json:"assume"`
	EqualWithin float64             `json:"equal_within,omitempty"`
	Confidence  float64             `json:"confidence"`
	Runs        []ComparedRun       `json:"runs"`
	Conditions  []ComparedCondition `json:"conditions"` // those that some run tells
	Findings    []Artefact          `json:"findings"`
	Pairs       []Pair              `json:"pairs"`
}

// ComparedRun is what stands above the tables about one run.
type ComparedRun struct {
	Label     string   `json:"label"` // "A", "B", …
	Tool      string   `json:"tool"`
	Path      string   `json:"path"`
	Model     string   `json:"model,omitempty"`
	Hardware  string   `json:"hardware,omitempty"`
	Date      string   `json:"date,omitempty"`
	InProcess bool     `json:"in_process"`
	Notes     []string `json:"notes,omitempty"`
}

// ComparedCondition is one hidden condition in all runs.
type ComparedCondition struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // one per run; "": the file does not say
	// Differs says that two runs tell different values.
	Differs bool `json:"differs"`
}

// known says whether every run tells the condition.
func (c *ComparedCondition) known() bool {
	for _, v := range c.Values {
		if v == "" {
			return false
		}
	}
	return true
}

// Pair is run A, the base, against run B.
type Pair struct {
	A         string             `json:"a"` // label
	B         string             `json:"b"`
	Overall   *Overall           `json:"overall"` // nil: no load is in both
	Scenarios []ComparedScenario `json:"scenarios"`
	Unmatched []Unmatched        `json:"unmatched"`
	// Overhead breaks the gap between an engine and a server down; nil where not
	// exactly one of the runs was in process.
	Overhead *Overhead `json:"server_overhead,omitempty"`
}

// ComparedScenario is one load that both runs have.
type ComparedScenario struct {
	Name  string       `json:"name"`             // in A
	NameB string       `json:"name_b,omitempty"` // in B, where it is another
	Load  ComparedLoad `json:"load"`

	PassesA int       `json:"passes_a"`
	PassesB int       `json:"passes_b"`
	Figures []Measure `json:"figures"`
	// Flags are reasons not to compare the two as they stand.
	Flags []string `json:"flags,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// CacheDiffers says that only one of the two had prompts served from a
	// prefix cache.
	CacheDiffers bool `json:"cache_differs,omitempty"`
	// DraftsDiffer says that only one of the two speculated, as far as is known, or
	// in another way than the other; Synthetic that acceptance was drawn in one.
	DraftsDiffer bool `json:"speculation_differs,omitempty"`
	Synthetic    bool `json:"synthetic_acceptance,omitempty"`
	// SamePrompts says that the journals of both hold the same prompts.
	SamePrompts bool `json:"same_prompts,omitempty"`

	// VerdictA and VerdictB say how far a side's figures can be trusted; nil:
	// nobody looked.
	VerdictA *result.Verdict `json:"verdict_a,omitempty"`
	VerdictB *result.Verdict `json:"verdict_b,omitempty"`

	all      []Measure // of every metric that a side has, for the gate
	failures []string  // requests that failed, or got no token
}

// Unmatched is a load that only one run has.
type Unmatched struct {
	Run  string       `json:"run"` // label
	Name string       `json:"name"`
	Load ComparedLoad `json:"load"`
	Why  string       `json:"why"`
}

// Measure is one quantity of a scenario in both runs.
type Measure struct {
	Metric metric.Key `json:"metric"`
	A      *float64   `json:"a"`
	B      *float64   `json:"b"`
	// Ratio is B/A and Difference B − A; nil where a side is missing, or the
	// two are not the same quantity.
	Ratio      *float64 `json:"ratio"`
	Difference *float64 `json:"difference"`
	// NotSame says why the two are not the same quantity.
	NotSame string `json:"not_same,omitempty"`

	Interval *Interval `json:"interval"`
	// Equal is whether the ratio lies within the margin that was asked for; nil:
	// none was, or there are too few passes.
	Equal *Equivalence `json:"equal,omitempty"`
	// Why says why there is no interval, and Need what one over passes takes.
	Why  string `json:"no_interval,omitempty"`
	Need string `json:"need,omitempty"`
	// MorePasses is how many more passes (of the basis Processes: processes) of
	// each side would decide, four times out of five, what those there are leave
	// undecided: show a difference of the size seen or, where a margin was asked
	// for, that it is within. It takes what is seen for what is. Above MostPasses
	// it is not counted; 0: decided, or no number would.
	MorePasses int `json:"more_passes,omitempty"`

	tooFew bool // passes of both sides, but too few for an interval
}

// Significance says whether a difference is more than noise.
type Significance string

// Verdicts.
const (
	Unknown   Significance = "unknown"   // no interval
	Undecided Significance = "undecided" // no difference shows, and none is ruled out
	Same      Significance = "same"      // within the margin
	Differs   Significance = "different" // another run would show it, too
	// TwoRuns is a difference within one pass a side: of these two runs only.
	TwoRuns Significance = "different in these two runs"
)

// Verdict needs both the interval and the test to agree on a difference. A small
// one that is certain to be within the margin is none.
func (f *Measure) Verdict() Significance {
	switch i := f.Interval; {
	case i == nil:
		return Unknown
	case f.Equal != nil && f.Equal.Holds:
		return Same
	case i.P >= 1-confidence || i.Lo <= 1 && i.Hi >= 1:
		return Undecided
	case i.Basis == Requests:
		return TwoRuns
	}
	return Differs
}

// Compare holds every run against the first. It needs at least two.
func Compare(runs []*importer.ToolRun, opt ComparisonOptions) (*Comparison, error) {
	switch opt.Assume {
	case "":
		opt.Assume = Nothing
	case Nothing, Normal:
	default:
		return nil, fmt.Errorf("unknown assumption %q: use %q or %q", opt.Assume, Nothing, Normal)
	}
	if len(runs) < 2 {
		return nil, fmt.Errorf("\"%d\" runs: a comparison takes at least two", len(runs))
	}
	c := &Comparison{Assume: opt.Assume, EqualWithin: opt.EqualWithin, Confidence: confidence, Conditions: conditions(runs)}
	for i := range runs {
		r := runs[i]
		label := Label(i)
		c.Runs = append(c.Runs, ComparedRun{Label: label, Tool: r.Tool, Path: r.Path, Model: r.Model, Hardware: r.Hardware,
			Date: r.Date, InProcess: r.InProcess, Notes: r.Notes})
		c.Findings = append(c.Findings, findings(label, r)...)
	}
	for i := range runs[1:] {
		c.Pairs = append(c.Pairs, newPair(runs[0], runs[i+1], Label(i+1), opt))
	}
	return c, nil
}

// Label is the name of the i-th run: A, B, … Z, A1, B1, ….
func Label(i int) string {
	s := string(rune('A' + i%26))
	if i >= 26 {
		s += fmt.Sprint(i / 26)
	}
	return s
}

func newPair(a, b *importer.ToolRun, label string, opt ComparisonOptions) Pair {
	p := Pair{A: Label(0), B: label}
	as, bs := groups(a, p.A), groups(b, p.B)
	matched, onlyA, onlyB := match(as, bs)
	for _, m := range matched {
		p.Scenarios = append(p.Scenarios, newScenario(m.a, m.b, opt))
	}
	for _, u := range onlyA {
		p.Unmatched = append(p.Unmatched, Unmatched{p.A, u.name(), u.load(), u.nearest(bs, p.B)})
	}
	for _, u := range onlyB {
		p.Unmatched = append(p.Unmatched, Unmatched{p.B, u.name(), u.load(), u.nearest(as, p.A)})
	}
	if len(matched) > 0 {
		p.Overall = newOverall(&p, matched, opt)
	}
	if a.InProcess != b.InProcess {
		p.Overhead = newOverhead(a, b, &p, matched)
	}
	return p
}

func newScenario(a, b *group, opt ComparisonOptions) ComparedScenario {
	s := ComparedScenario{Name: a.name(), Load: a.load(), PassesA: len(a.loads), PassesB: len(b.loads), VerdictA: a.verdict(), VerdictB: b.verdict()}
	if b.name() != s.Name {
		s.NameB = b.name()
	}
	s.SamePrompts = samePrompts(a, b)
	if ca, cb := a.cache(), b.cache(); ca != "" && cb != "" && ca != cb {
		s.CacheDiffers = true
		s.Flags = append(s.Flags, fmt.Sprintf("cache state differs: %s is %s, %s is %s; prompts served from a cache are not computed, so TTFT, throughput and request rate do not compare",
			a.label, ca, b.label, cb))
	}
	s.drafts(a, b)
	failed := append(a.failed(), b.failed()...)
	s.Flags = append(s.Flags, failed...)
	s.failures = slices.Concat(failed, a.tokenless(), b.tokenless())
	for _, g := range []*group{a, b} {
		if v := g.verdict(); !v.Trusted() {
			s.Flags = append(s.Flags, fmt.Sprintf("%s is %s", g.label, oneline.Markdown(v.String())))
		}
	}
	s.Notes = append(s.Notes, loadNotes(a, b)...)
	inTable := shown(a, b)
	for _, i := range metric.All() {
		if len(a.values(i.Key)) > 0 || len(b.values(i.Key)) > 0 {
			s.all = append(s.all, newFigure(i.Key, a, b, opt))
		}
	}
	s.all = append(s.all, failedShare(a, b))
	for _, m := range inTable {
		s.Figures = append(s.Figures, *s.figure(m))
	}
	return s
}

// drafts flags speculation in which the two differ, and acceptance that was drawn.
func (s *ComparedScenario) drafts(a, b *group) {
	if s.DraftsDiffer = !sameDrafts(a, b); s.DraftsDiffer {
		s.Flags = append(s.Flags, fmt.Sprintf("speculative decoding differs: %s: %s; %s: %s; a ratio is what the drafts did as well", a.label, a.drafts(), b.label, b.drafts()))
	}
	for _, g := range []*group{a, b} {
		if d := g.loads[0].Speculation; d != nil && d.Synthetic {
			s.Synthetic = true
			s.Flags = append(s.Flags, fmt.Sprintf("the acceptance of drafts in %s is SYNTHETIC: it was drawn (%s), and the text means nothing", g.label, d))
		}
	}
}

// failed flags requests that failed: the figures are of the others.
func (g *group) failed() []string {
	bad, all, _ := g.requestCounts()
	if bad == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d of %d requests failed; its figures are of the others", g.label, bad, all)}
}

// requestCounts adds up over the passes how many requests failed; known is
// false where a file does not say so of each.
func (g *group) requestCounts() (bad, all int, known bool) {
	known = true
	for _, l := range g.loads {
		known = known && l.Failed != nil && l.Successful != nil
		if l.Failed != nil {
			bad, all = bad+*l.Failed, all+*l.Failed
		}
		if l.Successful != nil {
			all += *l.Successful
		}
	}
	return bad, all, known && all > 0
}

// tokenless says how many requests completed without a token.
func (g *group) tokenless() []string {
	n := 0
	for _, l := range g.loads {
		n += l.Tokenless
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s without a token", g.label, figure.Plural(n, "completed request", "completed requests"))}
}

// failedShare is the percentage of requests that failed in both runs.
func failedShare(a, b *group) Measure {
	share := func(g *group) *float64 {
		bad, all, known := g.requestCounts()
		if !known {
			return nil
		}
		v := 100 * float64(bad) / float64(all)
		return &v
	}
	f := Measure{Metric: metric.FailedShare, A: share(a), B: share(b), Why: "a count has none"}
	if f.A != nil && f.B != nil && *f.A > 0 {
		q, d := *f.B / *f.A, *f.B-*f.A
		f.Ratio, f.Difference = &q, &d
	}
	return f
}

// loadNotes are the importer's notes on both loads, each once.
func loadNotes(a, b *group) []string {
	var order []string
	labels := map[string][]string{}
	for _, g := range []*group{a, b} {
		for _, l := range g.loads {
			for _, n := range l.Notes {
				if labels[n] == nil {
					order = append(order, n)
				}
				if !slices.Contains(labels[n], g.label) {
					labels[n] = append(labels[n], g.label)
				}
			}
		}
	}
	var out []string
	for _, n := range order {
		out = append(out, strings.Join(labels[n], ", ")+": "+n)
	}
	return out
}

// main are the figures that every comparison shows, in this order.
var main = []metric.Key{
	metric.TTFTMean, metric.TTFTMedian, metric.TTFTP99,
	metric.TPOTMean, metric.TPOTMedian, metric.TPOTP99,
	metric.ITLMean, metric.E2ELMean,
	metric.OutputThroughput, metric.RequestThroughput,
	metric.EnginePrefill, metric.DecodeRate,
	metric.DecodeShare, metric.PrefillShare,
}

// overview are those of them in the overview.
var overview = []metric.Key{metric.TTFTMean, metric.TPOTMean, metric.OutputThroughput, metric.RequestThroughput}

// optional metrics are left out where a side lacks them; a main figure that
// is missing is shown as missing.
var optional = map[metric.Key]bool{
	metric.TTFTMedian: true, metric.TTFTP99: true, metric.TPOTMedian: true, metric.TPOTP99: true,
	metric.ITLMean: true, metric.E2ELMean: true, metric.EnginePrefill: true, metric.DecodeRate: true,
	metric.DecodeShare: true, metric.PrefillShare: true,
}

// shown lists the metrics of a scenario's table. Tools that measure none of
// the main ones on both sides get whatever both have.
func shown(a, b *group) []metric.Key {
	var out []metric.Key
	both := 0
	for _, m := range main {
		inA, inB := len(a.values(m)) > 0, len(b.values(m)) > 0
		if inA && inB {
			both++
		}
		if inA && inB || (inA || inB) && !optional[m] {
			out = append(out, m)
		}
	}
	if both > 0 {
		return out
	}
	for _, i := range metric.All() {
		if len(a.values(i.Key)) > 0 && len(b.values(i.Key)) > 0 {
			out = append(out, i.Key)
		}
	}
	return out
}
