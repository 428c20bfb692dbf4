package bench

import (
	"context"
	"fmt"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// keptContext is the KV that scenarios at a depth begin behind. One sequence of the
// session holds it, as deep as was needed so far; each scenario's sequences get a
// copy of its first tokens.
type keptContext struct {
	seq  int32 // that holds it, behind those of requests
	held int   // tokens in it
	ids  []int32
}

// deep tells whether a scenario has a depth of its own, 0 being one: all that have
// share a session where the engine's settings are the same.
func deep(sc result.Scenario) bool { return sc.Depth != nil }

// deepSpec is the session of all scenarios at depths that have the settings of
// scenario i and are not refused, and the one of them with the longest sequences, −1
// for none.
func (c *Config) deepSpec(i int, refused map[int]error) (spec SessionSpec, largest int) {
	at := c.point(i)
	spec = SessionSpec{Unified: at.KVUnified != nil && *at.KVUnified, Engine: at.Engine, Drafts: at.drafts(), Keep: true}
	largest = -1
	deepest, own := 0, 0
	for k, sc := range c.Suite.Scenarios {
		if !deep(sc) || refused[k] != nil || c.point(k).Engine != at.Engine {
			continue
		}
		longest := sc.LongestRequest()
		if longest > spec.TokensPerSequence {
			spec.TokensPerSequence, largest = longest, k
		}
		spec.Sequences = max(spec.Sequences, sc.InFlight())
		deepest = max(deepest, sc.Behind())
		own = max(own, sc.InFlight()*(longest-sc.Behind()))
	}
	spec.Sequences++ // the one that keeps the context
	if spec.Unified {
		spec.TotalTokens = deepest + own // the copies share its cells
	}
	return spec, largest
}

// refuseDeep gives up scenarios at depths, those with the longest sequences first,
// until one session holds the others of the same settings.
func (c *Config) refuseDeep(refused map[int]error, check func(SessionSpec) error) {
	for i, sc := range c.Suite.Scenarios {
		for deep(sc) && refused[i] == nil {
			spec, largest := c.deepSpec(i, refused)
			err := check(spec)
			if err == nil {
				break
			}
			refused[largest] = err
		}
	}
}

// acquireDeep returns the session that keeps the context of scenario i. One of
// other settings is closed for it, with its context.
func (s *sessions) acquireDeep(ctx context.Context, i int) (*session, error) {
	spec, _ := s.cfg.deepSpec(i, s.tooLarge)
	if s.deep != nil && s.deep.spec == spec {
		return s.deep, nil
	}
	if err := s.closeDeep(); err != nil {
		return nil, err
	}
	eng, err := s.cfg.Opener.Open(ctx, spec)
	if err != nil {
		return nil, err
	}
	deepest := 0
	for _, sc := range s.cfg.Suite.Scenarios {
		deepest = max(deepest, sc.Behind())
	}
	s.deep = &session{eng: eng, spec: spec, context: &keptContext{seq: int32(spec.Sequences - 1), ids: suite.Context(s.cfg.Vocab, s.cfg.Seed, deepest)}}
	return s.deep, nil
}

// closeDeep closes the session of scenarios at depths, where one is open.
func (s *sessions) closeDeep() error {
	if s.deep == nil {
		return nil
	}
	return s.release(s.deep, true)
}

// lay puts the first tokens of the context into the first sequences, and says what
// of it was there. It computes what is missing in steps of at most budget tokens.
func (k *keptContext) lay(ctx context.Context, eng Engine, sequences, tokens, budget int) (*result.KVContext, error) {
	out := &result.KVContext{Tokens: tokens, Reused: min(k.held, tokens), Copies: sequences}
	for seq := range sequences {
		if err := eng.RemoveSeq(int32(seq), 0); err != nil {
			return nil, err
		}
	}
	for k.held < tokens {
		var b StepBatch
		for n := min(budget, tokens-k.held); n > 0; n-- {
			put(&b, k.ids[k.held], k.held, int(k.seq), 0)
			k.held++
			out.Computed++
		}
		if err := eng.Step(ctx, &b); err != nil {
			return nil, fmt.Errorf("computing the context: %w", err)
		}
	}
	if tokens == 0 {
		out.Copies = 0
	}
	for seq := range out.Copies {
		if err := eng.CopySeq(k.seq, int32(seq), int32(tokens)); err != nil {
			return nil, fmt.Errorf("copying the context: %w", err)
		}
	}
	return out, nil
}
