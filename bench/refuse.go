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
		w, same := suite.DrawLengths(suite.WorkloadSpec{Scenario: sc, Vocab: c.Vocab, Seed: c.Seed, Total: total})
		err := cmp.Or(c.limits(sc), same)
		if err == nil && !c.PrefixCache {
			err = check(c.coldSpec(w))
		}
		if err != nil {
			refused[i] = err
		}
	}
	if c.PrefixCache {
		c.refuseShared(refused, check)
	}
	return refused
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
func (c *Config) limits(sc result.Scenario) error {
	n := sc.InFlight()
	if most := c.maxSequences(); n > most {
		return fmt.Errorf("\"%d\" requests in flight (concurrency %d, %d prompts) are more than the %d sequences that the engine takes: lower the concurrency",
			n, sc.Concurrency, sc.Prompts, most)
	}
	if c.Budget > 0 && n > c.Budget {
		return tooWide(n, c.Budget)
	}
	return nil
}

func tooWide(n, budget int) error {
	return fmt.Errorf("\"%d\" requests in flight exceed the %d tokens of one step: raise --step-tokens or lower the concurrency", n, budget)
}

// coldSpec is the session of a scenario by itself. What was drawn may be
// shorter than what could have been.
func (c *Config) coldSpec(w *suite.Workload) SessionSpec {
	spec := need(w.Spec.Scenario, c.KVUnified != nil && *c.KVUnified)
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
		m := result.Measured{Status: result.StatusFailed, Error: oneline.Err(err), Cache: result.CacheCold, Dropped: sc.Prompts}
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
