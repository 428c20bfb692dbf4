package engine

import (
	"fmt"

	"ceiling/engine/internal/llama"
)

// SamplerOptions configure text sampling: grammar, then top-k, top-p, min-p,
// temperature, and a seeded draw.
type SamplerOptions struct {
	Temperature float32 // 0: greedy
	TopK        int     // 0: off
	TopP        float32 // 0 or 1: off
	MinP        float32 // 0: off
	Seed        uint32
	Grammar     string // GBNF whose start is the rule "root"; "": none
}

// Sampler draws tokens from a session's logits and carries the state of its
// grammar. It belongs to one text.
type Sampler struct{ native *llama.Sampler }

// NewSampler makes a sampler for texts of this model. ErrGrammar: the grammar
// does not parse.
func (m *Model) NewSampler(o SamplerOptions) (*Sampler, error) {
	if o.TopP <= 0 {
		o.TopP = 1
	}
	llama.ResetErrors()
	native := m.native.NewSampler(llama.SamplerParams{Temperature: o.Temperature, TopK: o.TopK, TopP: o.TopP,
		MinP: o.MinP, Seed: o.Seed, Grammar: o.Grammar})
	if native == nil {
		return nil, fmt.Errorf("%w%s", ErrGrammar, logged())
	}
	return &Sampler{native: native}, nil
}

// Sample draws the token that follows batch position i of the session's last
// Decode, which must have wanted it.
func (p *Sampler) Sample(s *Session, i int) int32 { return p.native.Sample(s.native, i) }

// Close frees the sampler.
func (p *Sampler) Close() { p.native.Free() }
