package bench

import (
	"context"
	"errors"
	"fmt"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// session is an open engine and what it was opened for.
type session struct {
	eng   Engine
	spec  SessionSpec
	cache *prefixCache // nil: cold
	// context is what scenarios at depths begin behind; nil: another session.
	context *keptContext
}

// sessions opens what scenarios need. Cold, each scenario has a session of
// its own. Warm, one session serves them all, so that the KV of finished
// prompts lives on.
type sessions struct {
	cfg    Config
	shared *session
	deep   *session // of scenarios at depths, kept between them
	// tooLarge are scenarios that the shared session could not be opened for,
	// with the reason.
	tooLarge map[int]error
}

// need is the session that scenario sc asks for by itself.
func need(sc result.Scenario, unified bool) SessionSpec {
	return SessionSpec{Sequences: sc.InFlight(), TokensPerSequence: sc.LongestRequest(), Unified: unified}
}

// acquire returns a session for scenario i. Its error is the scenario's.
func (s *sessions) acquire(ctx context.Context, i int, work *suite.Workload) (*session, error) {
	if deep(s.cfg.Suite.Scenarios[i]) {
		return s.acquireDeep(ctx, i)
	}
	if !s.cfg.PrefixCache {
		// What is kept takes memory, and keeps a model from being loaded anew.
		if err := s.closeDeep(); err != nil {
			return nil, err
		}
		spec := s.cfg.coldSpec(i, work)
		eng, err := s.cfg.Opener.Open(ctx, spec)
		if err != nil {
			return nil, err
		}
		return &session{eng: eng, spec: spec}, nil
	}
	if s.shared == nil {
		if err := s.openShared(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.tooLarge[i]; err != nil {
		return nil, err
	}
	return s.shared, nil
}

// openShared opens the session of a warm run, large enough for every scenario
// that is not known to be too large. Where it can't be opened, the scenario
// with the longest sequences is given up and the rest is tried.
func (s *sessions) openShared(ctx context.Context) error {
	for {
		spec, cells, largest := s.sharedSpec()
		if largest < 0 {
			return errors.New("no scenario fits: see the scenarios before this one")
		}
		eng, err := s.cfg.Opener.Open(ctx, spec)
		if err == nil {
			first := spec.Sequences - s.spares(cells.Sequences)
			s.shared = &session{eng: eng, spec: spec,
				cache: newPrefixCache(int32(first), spec.Sequences-first, spec.TotalTokens-cells.TotalTokens)}
			return nil
		}
		if canceled(ctx, err) || errors.Is(err, result.ErrEngineLost) {
			return err
		}
		s.tooLarge[largest] = err
	}
}

// sharedSpec is the session for every scenario that fits, the part of it that
// requests in flight need at most, and the scenario with the longest
// sequences, −1 if there is none left.
func (s *sessions) sharedSpec() (spec, active SessionSpec, largest int) {
	largest = -1
	for i, sc := range s.cfg.Suite.Scenarios {
		if s.tooLarge[i] != nil {
			continue
		}
		n := need(sc, true)
		if n.TokensPerSequence > active.TokensPerSequence {
			active.TokensPerSequence, largest = n.TokensPerSequence, i
		}
		active.Sequences = max(active.Sequences, n.Sequences)
		active.TotalTokens = max(active.TotalTokens, n.Sequences*n.TokensPerSequence)
	}
	spec = active
	spec.Unified, spec.Engine, spec.Drafts = true, s.cfg.point(0).Engine, s.cfg.point(0).drafts()
	spec.Sequences += s.spares(active.Sequences)
	spec.TotalTokens += s.cfg.cacheCells()
	return spec, active, largest
}

// spares is the number of sequences that keep finished prompts.
func (s *sessions) spares(active int) int {
	return max(0, min(s.cfg.maxSequences()-active, s.cfg.Suite.Prompts()))
}

// release gives a session back. A session in which something failed is closed
// also when it is shared: what is in its cache is not known any more.
func (s *sessions) release(x *session, broken bool) error {
	if (x == s.shared || x == s.deep) && !broken {
		return nil
	}
	switch x {
	case s.shared:
		s.shared = nil
	case s.deep:
		s.deep = nil
	}
	if err := x.eng.Close(); err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	return nil
}

// close ends the sessions that are kept.
func (s *sessions) close() error {
	err := s.closeDeep()
	if s.shared == nil {
		return err
	}
	return errors.Join(err, s.release(s.shared, true))
}
