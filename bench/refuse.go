package bench

import (
	"cmp"
	"fmt"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/internal/oneline"
)

// Refusals says of each scenario that can't run why it can't, by its index in
// the suite. Nothing is opened: check tells what keeps a session from being
// opened. Of the configuration it reads what a session follows from, and the
// vocabulary.
func (c *Config) Refusals(check func(SessionSpec) error) map[int]error {
	refused := map[int]error{}
	_, total := Plan(c.Suite)
	for i, sc := range c.Suite.Scenarios {
		w, same := suite.DrawLengths(c.draw(sc, total))
		err := cmp.Or(c.limits(i), same)
		if err == nil && !c.PrefixCache && !deep(sc) {
			err = check(c.coldSpec(i, w))
		}
		if err != nil {
			refused[i] = err
		}
	}
	if c.PrefixCache {
		c.refuseShared(refused, check)
	}
	c.refuseDeep(refused, check)
	return refused
}

// Session is what scenario i needs of a session, of a warm run what all need
// that can run. Its error says that the scenario's lengths can't be drawn.
func (c *Config) Session(i int) (SessionSpec, error) {
	if deep(c.Suite.Scenarios[i]) {
		spec, _ := c.deepSpec(i, c.Refused)
		return spec, nil
	}
	if c.PrefixCache {
		s := sessions{cfg: *c, tooLarge: c.Refused}
		spec, _, _ := s.sharedSpec()
		return spec, nil
	}
	_, total := Plan(c.Suite)
	w, err := suite.DrawLengths(c.draw(c.Suite.Scenarios[i], total))
	return c.coldSpec(i, w), err
}

// draw says which requests a scenario has, in a run of so many prompts in all.
func (c *Config) draw(sc result.Scenario, prompts int) suite.WorkloadSpec {
	return suite.WorkloadSpec{Scenario: sc, Vocab: c.Vocab, Seed: c.Seed, Total: prompts, Texts: c.Texts.Of(sc), Context: c.Context}
}

// Left is the number of scenarios, in all passes, that are neither complete nor
// refused.
func (c *Config) Left() int {
	n := 0
	units, _ := Plan(c.Suite)
	for _, u := range units {
		done := false
		if c.Resume != nil {
			_, done = c.Resume.Done[place(c.Suite, u.Pass, u.Scenario)]
		}
		if !done && c.Refused[u.Scenario] == nil {
			n++
		}
	}
	return n
}

// refuseShared gives scenarios up, those with the longest sequences first,
// until one session holds the rest.
func (c *Config) refuseShared(refused map[int]error, check func(SessionSpec) error) {
	s := sessions{cfg: *c, tooLarge: refused}
	for {
		spec, _, largest := s.sharedSpec()
		if largest < 0 {
			return
		}
		err := check(spec)
		if err == nil {
			return
		}
		refused[largest] = err
	}
}

// limits are those that follow from the numbers alone.
func (c *Config) limits(i int) error {
	sc := c.Suite.Scenarios[i]
	n, most := sc.InFlight(), c.maxSequences()
	if deep(sc) {
		most-- // one keeps the context
	}
	if n > most {
		return fmt.Errorf("\"%d\" requests in flight (concurrency %d, %d prompts) are more than the %d sequences that the engine takes: lower the concurrency",
			n, sc.Concurrency, sc.Prompts, most)
	}
	if budget := c.point(i).Budget; n > budget {
		return tooWide(n, budget)
	}
	return nil
}

func tooWide(n, budget int) error {
	return fmt.Errorf("\"%d\" requests in flight exceed the %d tokens of one step: raise --step-tokens or lower the concurrency", n, budget)
}

// coldSpec is the session of a scenario by itself. What was drawn may be
// shorter than what could have been.
func (c *Config) coldSpec(i int, w *suite.Workload) SessionSpec {
	p := c.point(i)
	spec := need(w.Spec.Scenario, p.KVUnified != nil && *p.KVUnified)
	spec.Engine, spec.Drafts = p.Engine, p.drafts()
	_, _, spec.TokensPerSequence = w.Longest()
	return spec
}

// refuse enters the scenarios that can't run, with their reasons.
func (r *runner) refuse() {
	for k, u := range r.units {
		err, sc := r.cfg.Refused[u.Scenario], r.cfg.Suite.Scenarios[u.Scenario]
		if err == nil || r.entries[k] != nil {
			continue
		}
		m := result.Measured{Status: result.StatusFailed, Error: oneline.Err(err), Cache: result.CacheCold, Dropped: sc.Requests()}
		if r.cfg.PrefixCache {
			m.Cache = result.CacheWarm
		}
		var entry result.Entry
		entry.Result, entry.Detail = result.Summarize(sc, nil, m)
		r.entries[k] = &entry
		r.track.begin(k, "")
		r.track.end()
	}
}
