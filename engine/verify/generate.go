package verify

import (
	"context"
	"fmt"

	"ceiling/engine"
)

// Stepper is what is asked of an engine's session.
type Stepper interface {
	Step(ctx context.Context, b *engine.Batch) error
	Decode(ctx context.Context, b *engine.Batch) error
	Logits(i int) []float32
	CopySeq(src, dst, n int32) error
	RemoveSeq(seq, from int32) error
	Clear()
}

// Greedy makes n tokens after each prompt, inFlight texts at a time, step by step
// as a run's scheduler does: each step takes one token of every text under way
// and one new prompt. The session has one sequence more than that.
//
// With warm all of a prompt but its end is computed in the spare sequence and
// shared from there, as a prefix cache does.
func Greedy(ctx context.Context, s Stepper, prompts [][]int32, n, inFlight int, warm bool) ([][]int32, error) {
	out := make([][]int32, len(prompts))
	for from := 0; from < len(prompts); from += inFlight {
		s.Clear()
		g := group{session: s, prompts: prompts[from:min(from+inFlight, len(prompts))], n: n, spare: int32(inFlight), warm: warm}
		if err := g.write(ctx); err != nil {
			return nil, err
		}
		copy(out[from:], g.texts)
	}
	s.Clear()
	return out, nil
}

// group are texts in flight together; text i is sequence i.
type group struct {
	session Stepper
	prompts [][]int32
	n       int
	spare   int32
	warm    bool
	texts   [][]int32
	batch   engine.Batch
}

// write runs the steps: text i begins in step i.
func (g *group) write(ctx context.Context) error {
	g.texts = make([][]int32, len(g.prompts))
	for step := 0; step < len(g.prompts)+g.n-1; step++ {
		clearBatch(&g.batch)
		var asked []int
		for i := range g.prompts[:min(step+1, len(g.prompts))] {
			switch done := len(g.texts[i]); {
			case done == g.n:
				continue
			case done > 0:
				add(&g.batch, i, len(g.prompts[i])+done-1, g.texts[i][done-1:], 1)
			default:
				from, err := g.reuse(ctx, i)
				if err != nil {
					return err
				}
				add(&g.batch, i, from, g.prompts[i][from:], 1)
			}
			asked = append(asked, i)
		}
		if err := g.session.Step(ctx, &g.batch); err != nil {
			return err
		}
		for k, i := range asked {
			g.texts[i] = append(g.texts[i], g.batch.Out[k])
		}
	}
	return nil
}

// reuse brings the cached part of prompt i into its sequence, and tells how many
// tokens that are.
func (g *group) reuse(ctx context.Context, i int) (int, error) {
	prompt := g.prompts[i]
	n := len(prompt) - 1 - i%step // never all: the last token's logits are wanted
	if !g.warm {
		return 0, nil
	}
	if err := g.session.RemoveSeq(g.spare, 0); err != nil {
		return 0, err
	}
	var b engine.Batch
	add(&b, int(g.spare), 0, prompt[:n], 0)
	if err := g.session.Decode(ctx, &b); err != nil {
		return 0, err
	}
	return n, g.session.CopySeq(g.spare, int32(i), int32(n))
}

// Score computes the logits of each token of the texts, given their prompts and
// the tokens before it, all in one batch per text that begins at position shift.
// The session takes as many outputs as a text has tokens.
func Score(ctx context.Context, s Stepper, prompts, texts [][]int32, shift int) ([][]Position, error) {
	out := make([][]Position, len(texts))
	for i, text := range texts {
		s.Clear()
		var b engine.Batch
		last := len(prompts[i]) - 1
		add(&b, 0, shift, prompts[i][:last], 0)
		add(&b, 0, shift+last, prompts[i][last:], 1)
		for k, id := range text[:len(text)-1] {
			add(&b, 0, shift+last+1+k, []int32{id}, 1)
		}
		if err := s.Decode(ctx, &b); err != nil {
			return nil, err
		}
		for k := range text {
			logits := s.Logits(last + k)
			if logits == nil {
				return nil, fmt.Errorf("%w: prompt %d, token %d", engine.ErrNoLogits, i, k)
			}
			out[i] = append(out[i], position(logits))
		}
	}
	s.Clear()
	return out, nil
}

func clearBatch(b *engine.Batch) {
	b.Tokens, b.Pos, b.Seqs, b.Want = b.Tokens[:0], b.Pos[:0], b.Seqs[:0], b.Want[:0]
}

// add appends tokens of a sequence from a position on; of the last one a sample
// is wanted or not.
func add(b *engine.Batch, seq, from int, ids []int32, want int8) {
	for i, id := range ids {
		b.Tokens, b.Pos, b.Seqs, b.Want = append(b.Tokens, id), append(b.Pos, int32(from+i)), append(b.Seqs, int32(seq)), append(b.Want, 0)
	}
	if len(ids) > 0 {
		b.Want[len(b.Want)-1] = want
	}
}
