package report

import (
	"fmt"

	"ceiling/bench"
	"ceiling/report/prose"
)

// Limits on the number of sentences in the Executive Summary, the reference's.
const (
	leastSummary = 2
	mostSummary  = 4
)

// Sections are the pieces of prose of a run's report, in the order in which
// they are written: one for each scenario with figures, then the
// recommendations, then the summary. Each brings the facts that it may use and
// the sentences that it consists of if no model writes it. Results without a
// single figure have none.
//
// It is a pure function of r, and changes nothing in it.
func Sections(r *bench.Results) []prose.Section {
	p := newPlan(r, scenarios(r))
	var out []prose.Section
	for _, s := range p.scenarios {
		if s != nil {
			out = append(out, *s)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return append(out, p.recommendations, p.summary)
}

// plan is a report's prose as the rules have it.
type plan struct {
	scenarios                []*prose.Section // nil for a failed one, which has one bullet
	recommendations, summary prose.Section
}

// newPlan applies the rules to a run. The facts are complete before the first
// rule speaks.
func newPlan(r *bench.Results, all []scenario) *plan {
	x := newRun(r, all)
	p := &plan{scenarios: make([]*prose.Section, len(all))}
	v := &voice{used: map[string]int{}}
	for i, c := range x.scenes {
		if c.dead() {
			continue
		}
		bullets, notices := interpret(c, v)
		p.scenarios[i] = &prose.Section{
			ID: fmt.Sprintf("interpretation %d", i+1), Kind: prose.Interpretation, Title: c.label,
			About: c.about(), Facts: ownFacts(c), Evidence: c.evidence(x.scenes),
			Min: leastBullets, Max: mostBullets, Fixed: bullets[:notices], Rules: bullets[notices:],
		}
	}
	advice, notices := x.recommendations()
	p.recommendations = prose.Section{
		ID: "recommendations", Kind: prose.Recommendations, Title: "Recommendations",
		About: x.about(), Facts: x.facts, Evidence: x.evidence(),
		Min: min(leastAdvice, len(advice)), Max: mostAdvice, Fixed: advice[:notices], Rules: advice[notices:],
	}
	summary := x.summary()
	p.summary = prose.Section{
		ID: "summary", Kind: prose.Summary, Title: "Executive Summary",
		About: x.about(), Facts: x.facts, Evidence: x.evidence(),
		Min: min(leastSummary, len(summary)), Max: mostSummary, Fixed: summary[:1], Rules: summary[1:],
	}
	return p
}

// ownFacts are a scene's facts as its own section names them: without the
// scenario where that is the section's.
func ownFacts(c *scene) []prose.Fact {
	out := make([]prose.Fact, len(c.facts))
	for i, f := range c.facts {
		for _, figure := range []*prose.Figure{&f.Of, &f.Against} {
			if figure.Scenario == c.label {
				figure.Scenario = ""
			}
		}
		out[i] = f
	}
	return out
}

// about says in plain words under which conditions the scenario ran.
func (c *scene) about() []string {
	load := fmt.Sprintf("%d requests at a time; a new one starts only when another has ended.", c.Concurrency)
	switch {
	case !c.closedLoop():
		load = fmt.Sprintf("Requests arrive on a schedule of their own; at most %d are served at a time.", c.Concurrency)
	case c.Concurrency == 1:
		load = "One request at a time, so nothing queues and nothing is batched."
	case c.oneWave():
		load = fmt.Sprintf("%d requests start together and none follows: one burst.", c.NumPrompts)
	}
	lengths := fmt.Sprintf("Each prompt has %d tokens and each answer %d.", c.InputLen, c.OutputLen)
	if r := c.rangeRatio(); r > 0 {
		lengths = fmt.Sprintf("Prompts have about %d tokens and answers about %d, each up to %.0f%% more or less.", c.InputLen, c.OutputLen, 100*r)
	}
	about := []string{"Purpose: " + oneLine(c.purpose()) + ".", load, lengths}
	switch cold, warm := c.cache(); {
	case cold:
		about = append(about, "No prompt token came from a cache.")
	case warm:
		about = append(about, "Prompt tokens may have come from a cache.")
	}
	if c.bundledITL() {
		about = append(about, "Gaps between tokens were not measured one by one.")
	}
	return about
}

// cache says whether the scenario's prompts were all computed, or could come
// from a cache; neither where the file does not tell.
func (c *scene) cache() (cold, warm bool) {
	d := c.detail
	if d == nil {
		return false, false
	}
	warm = d.Cache == bench.CacheWarm || d.ReusedTokens > 0
	return d.Cache == bench.CacheCold && !warm, warm
}

// point is the scene as others are compared with it: its measured figures.
func (c *scene) point() prose.Point {
	p := prose.Point{Scenario: c.label, Concurrency: c.Concurrency, Scaling: c.scaling,
		Sweet: c.role.sweet, Peak: c.role.peak, Values: map[prose.Figure]float64{}}
	for _, f := range c.facts {
		if f.Of.Scenario == c.label && f.Against == (prose.Figure{}) {
			figure := f.Of
			figure.Scenario = ""
			p.Values[figure] = f.Value
		}
	}
	return p
}

// evidence is what claims on the scenario are held against.
func (c *scene) evidence(all []*scene) prose.Evidence {
	own := c.point()
	own.Own = true
	e := prose.Evidence{
		Points: []prose.Point{own},
		Queue:  valueOf(c.queueShare), Prefill: valueOf(c.prefillShare), Decode: valueOf(c.decodeShare), Overhead: valueOf(c.overhead),
		Closed: c.closedLoop(), EqualWork: c.equalWork(), OneWave: c.oneWave(),
		Failed: c.FailedRequests > 0, Power: c.powered(),
	}
	e.Cold, e.Warm = c.cache()
	if n := c.measuredRequests(); n > 0 {
		e.FewRequests = n <= fewRequests
	}
	for _, o := range c.related(all) {
		p := o.point()
		p.Previous = o == c.previous
		e.Points = append(e.Points, p)
	}
	return e
}

// evidence is what claims on the run are held against.
func (x *run) evidence() prose.Evidence {
	measured := x.measuredScenes()
	e := prose.Evidence{Cold: len(measured) > 0, Closed: len(measured) > 0}
	for _, c := range measured {
		cold, warm := c.cache()
		e.Cold = e.Cold && cold
		e.Warm = e.Warm || warm
		e.Closed = e.Closed && c.closedLoop()
		e.Failed = e.Failed || c.FailedRequests > 0
		e.Power = e.Power || c.powered()
		e.Points = append(e.Points, c.point())
	}
	e.FewRequests = x.smallest.known() && x.smallest.Value <= fewRequests
	return e
}

// about says in plain words what the run is.
func (x *run) about() []string {
	about := []string{"Model: " + orMissing(oneLine(x.results.Model)) + ".", "Hardware: " + orMissing(oneLine(x.results.Hardware)) + "."}
	if x.sweet != nil {
		about = append(about, fmt.Sprintf("The interactive sweet spot is c=%d: the most output for one user while TTFT p99 and TPOT p99 stay within twice the lowest of the scaling curve.", x.sweet.Concurrency))
	}
	if x.peak != nil {
		about = append(about, fmt.Sprintf("The highest output of the scaling curve is at c=%d.", x.peak.Concurrency))
	}
	return about
}

// powered says whether the scenario has power figures.
func (c *scene) powered() bool {
	return c.detail != nil && c.detail.Energy != nil && len(c.detail.Energy.Groups) > 0
}

// valueOf is a fact's value, nil for an unknown one.
func valueOf(f fact) *float64 {
	if !f.known() {
		return nil
	}
	return &f.Value
}
