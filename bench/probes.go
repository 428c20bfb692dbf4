package bench

import (
	"context"
	"slices"

	"ceiling/bench/result"
)

// Probes are scenarios that are measured one by one, each as often as a search
// wants it: one run, with one journal and one list of results, in which each
// scenario stands once and its measurements are passes over it.
type Probes struct {
	cfg     Config
	suite   result.Suite
	passes  [][]result.Pass // by scenario
	made    []int           // passes by scenario, those that were discarded too
	prompts int             // so far
	at      int             // the scenario that is measured
}

// mostProbePrompts bounds the prompts of a run of probes, which are numbered so
// that they differ.
const mostProbePrompts = 1 << 22

// NewProbes begins a run. The configuration says on what to measure; of its suite
// the name and the number of passes for disturbed ones count.
func NewProbes(cfg Config) *Probes {
	cfg.Resume = nil // of the run: see [EarlierProbes.GoOn]
	return &Probes{cfg: cfg, suite: result.Suite{Name: cfg.Suite.Name, Retry: cfg.Suite.Retry}}
}

// Measure runs a scenario once, and again while others disturb it. change, if not
// nil, sets what is special about this time. It returns the outcome, with the
// records of the pass that its figures are of. The error is Run's, which ends the
// run; what was measured until then is kept.
func (p *Probes) Measure(ctx context.Context, sc result.Scenario, change func(*Config)) (e result.Entry, records []result.Record, err error) {
	p.at = p.place(sc)
	kept := &probeRecords{to: p.cfg.Journal, scenario: p.at, pass: p.made[p.at]}
	cfg := p.cfg
	if change != nil {
		change(&cfg)
	}
	cfg.Journal, cfg.FirstPrompt, cfg.TotalPrompts = kept, p.prompts, mostProbePrompts
	cfg.Suite = result.Suite{Name: p.suite.Name, Scenarios: []result.Scenario{sc}, Retry: p.suite.Retry}
	_, prompts := Plan(cfg.Suite)
	p.prompts += prompts
	r, err := Run(ctx, cfg)
	if r == nil || len(r.Results) == 0 {
		return e, nil, err
	}
	pass := p.add(r)
	e = result.Entry{Result: pass.Result, Detail: pass.Detail}
	return e, slices.DeleteFunc(kept.records, func(r result.Record) bool { return r.Pass != pass.Pass }), err
}

// place is the scenario's index, by its name.
func (p *Probes) place(sc result.Scenario) int {
	i := slices.IndexFunc(p.suite.Scenarios, func(o result.Scenario) bool { return o.Name == sc.Name })
	if i < 0 {
		p.suite.Scenarios = append(p.suite.Scenarios, sc)
		p.passes, p.made = append(p.passes, nil), append(p.made, 0)
		return len(p.made) - 1
	}
	return i
}

// add enters the outcome of the scenario that is measured.
func (p *Probes) add(r *result.Run) result.Pass {
	passes := renumbered(r, p.made[p.at])
	p.made[p.at] += 1 + len(r.Details[0].Discarded)
	p.passes[p.at] = append(p.passes[p.at], passes)
	return passes
}

// renumbered is the one pass of a run whose passes come after others.
func renumbered(r *result.Run, before int) result.Pass {
	out := result.Pass{Pass: r.Details[0].Pass + before, Result: r.Results[0], Detail: r.Details[0]}
	out.Detail.Pass = out.Pass
	out.Detail.Discarded = slices.Clone(out.Detail.Discarded)
	for i := range out.Detail.Discarded {
		out.Detail.Discarded[i].Pass += before
	}
	return out
}

// Results are those of all that was measured, each scenario's passes as one
// outcome.
func (p *Probes) Results() *result.Run { return p.results(p.passes) }

// With is Results with those of a call of Measure that does not return.
func (p *Probes) With(part *result.Run) *result.Run {
	if part == nil || len(part.Results) == 0 {
		return p.Results()
	}
	all := slices.Clone(p.passes)
	all[p.at] = append(slices.Clone(all[p.at]), renumbered(part, p.made[p.at]))
	out := p.results(all)
	out.Partial, out.PartialReason = part.Partial, part.PartialReason
	return out
}

func (p *Probes) results(passes [][]result.Pass) *result.Run {
	out := p.cfg.Template
	out.Results = []result.Summary{}
	for i, sc := range p.suite.Scenarios {
		if len(passes[i]) == 0 {
			continue
		}
		var discarded []result.Pass
		for _, pass := range passes[i] {
			discarded = append(discarded, pass.Detail.Discarded...)
		}
		summary, detail := result.Combine(len(passes[i]), passes[i])
		detail.Discarded = discarded
		out.Planned = append(out.Planned, sc.Name)
		out.Results, out.Details = append(out.Results, summary), append(out.Details, detail)
	}
	out.Verdict = result.JudgeRun(&out)
	return &out
}

// probeRecords keeps the records that it hands on, with the place that they have in
// the run of all probes.
type probeRecords struct {
	to             result.RecordSink // nil: nowhere
	scenario, pass int               // of the first
	records        []result.Record
}

func (k *probeRecords) Append(records []result.Record) error {
	at := len(k.records)
	for _, r := range records {
		r.Scenario, r.Pass = k.scenario, k.pass+r.Pass
		k.records = append(k.records, r)
	}
	if k.to == nil {
		return nil
	}
	return k.to.Append(k.records[at:])
}

func (k *probeRecords) Flush() error {
	if k.to == nil {
		return nil
	}
	return k.to.Flush()
}
