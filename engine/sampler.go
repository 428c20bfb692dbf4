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
//
// The grammar is asked about the most likely tokens first, and about the whole
// vocabulary only where the answer could change what is drawn: with greedy
// sampling where none of the likely tokens is allowed, with TopK where fewer
// than TopK are, with MinP alone where a less likely token could pass it. The
// distribution is that of a grammar over the whole vocabulary.
type Sampler struct {
	native *llama.NativeSampler
	vocab  int
}

// NewSampler makes a sampler for texts of this model. ErrGrammar: the grammar
// does not parse.
func (m *Model) NewSampler(o SamplerOptions) (*Sampler, error) {
	if o.TopP <= 0 {
		o.TopP = 1
	}
	llama.ResetLogged()
	native := m.native.NewSampler(llama.SamplerParams{Temperature: o.Temperature, TopK: o.TopK, TopP: o.TopP,
		MinP: o.MinP, Seed: o.Seed, Grammar: o.Grammar})
	if native == nil {
		return nil, fmt.Errorf("%w%s", ErrGrammar, logged())
	}
	return &Sampler{native: native, vocab: m.VocabSize()}, nil
}

// Sample draws the token that follows batch position i of the session's last
// Decode, which must have wanted it. Errors: ErrNoLogits, ErrNaN, ErrNoToken
// where the grammar is at a loss.
func (p *Sampler) Sample(s *Session, i int) (int32, error) {
	return drawn(p.native.Sample(s.native, i))
}

// Draw is Sample from the caller's own logits, one per token of the vocabulary.
func (p *Sampler) Draw(logits []float32) (int32, error) {
	if len(logits) != p.vocab {
		return 0, fmt.Errorf("%w: %d logits for a vocabulary of %d", ErrNoLogits, len(logits), p.vocab)
	}
	return drawn(p.native.Draw(logits))
}

func drawn(id int32) (int32, error) {
	switch id {
	case llama.NoLogits:
		return 0, ErrNoLogits
	case llama.NaNLogits:
		return 0, ErrNaN
	case llama.NoToken:
		return 0, ErrNoToken
	}
	return id, nil
}

// Close frees the sampler.
func (p *Sampler) Close() { p.native.Free() }
