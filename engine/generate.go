package engine

import (
	"context"
	"fmt"
)

// TextRequest is one text that Generate writes.
type TextRequest struct {
	Prompt    []int32 // 1 to TokensPerSequence − 1 tokens
	Sampling  SamplerOptions
	MaxTokens int // of the text at most; the sequence's length is a limit too
}

// GeneratedText is what Generate wrote for a request.
type GeneratedText struct {
	Tokens []int32 // without the one that ended it
	Ended  bool    // the model or its grammar ended it, not a limit
	Reused int     // tokens of the prompt that other texts had computed
}

// sharedPrefix is the shortest prefix that is worth copying between sequences.
const sharedPrefix = 16

// Generate writes texts side by side, as many at once as the session has
// sequences: what all prompts have in common is computed once, and a text that
// ends makes room for the next. done is called with the index of each text's
// request; what it returns, if anything, is written too, under the same index,
// and keeps the part of the prompt that it shares with the one before.
//
// An end of ctx ends all texts: done gets those that had begun, Ended false,
// and what it then returns is ignored. The session's sequences are Generate's
// own; it leaves them empty.
//
// Errors: those of Decode and Sample, ErrContextTooSmall for a prompt that
// leaves no room, ErrGrammar.
func (s *Session) Generate(ctx context.Context, requests []TextRequest, done func(i int, t GeneratedText) *TextRequest) error {
	if s.native == nil {
		return ErrClosed
	}
	s.Clear()
	defer s.Clear()
	g := &generation{session: s, done: done, slots: make([]textSlot, s.seqs)}
	defer g.close()
	for i := range requests {
		g.waiting = append(g.waiting, indexedRequest{i, &requests[i]})
	}
	if err := g.prefix(ctx, requests); err != nil {
		return err
	}
	for {
		if err := g.admit(); err != nil {
			return err
		}
		if !g.fill() {
			return nil
		}
		if err := s.Decode(ctx, &g.batch); err != nil {
			if ctx.Err() != nil {
				g.stop()
			}
			return err
		}
		if err := g.draw(); err != nil {
			return err
		}
	}
}

// generation is one call of Generate.
type generation struct {
	session *Session
	done    func(i int, t GeneratedText) *TextRequest
	waiting []indexedRequest
	slots   []textSlot
	batch   Batch
}

type indexedRequest struct {
	index   int
	request *TextRequest
}

// textSlot is a sequence and the text that is written in it.
type textSlot struct {
	busy    bool
	index   int
	limit   int      // tokens of the text
	held    []int32  // what the sequence's KV cells stand for
	todo    []int32  // to be computed next; the last one's logits are wanted
	sampler *Sampler // of the text
	text    GeneratedText
}

// prefix computes what all prompts begin with in the first sequence, and
// copies it to the others.
func (g *generation) prefix(ctx context.Context, requests []TextRequest) error {
	if len(requests) < 2 {
		return nil
	}
	n := len(requests[0].Prompt)
	for _, r := range requests[1:] {
		n = min(n, common(requests[0].Prompt, r.Prompt))
	}
	n = min(n, g.session.TokensPerSequence()-1)
	if n < sharedPrefix {
		return nil
	}
	shared := requests[0].Prompt[:n]
	for from := 0; from < n; from += g.session.BatchLimit() {
		g.reset()
		for k := from; k < min(n, from+g.session.BatchLimit()); k++ {
			g.put(0, int32(k), shared[k], false)
		}
		if err := g.session.Decode(ctx, &g.batch); err != nil {
			return err
		}
	}
	for i := range g.slots[:min(len(g.slots), len(requests))] {
		if i > 0 {
			if err := g.session.CopySeq(0, int32(i), int32(n)); err != nil {
				return err
			}
		}
		g.slots[i].held = append(g.slots[i].held, shared...)
	}
	return nil
}

// common is the length of the prefix that two texts share.
func common(a, b []int32) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// admit gives free slots to those who wait.
func (g *generation) admit() error {
	for i := range g.slots {
		if len(g.waiting) == 0 {
			return nil
		}
		if !g.slots[i].busy {
			next := g.waiting[0]
			g.waiting = g.waiting[1:]
			if err := g.start(i, next); err != nil {
				return err
			}
		}
	}
	return nil
}

// start begins a text in slot i, with what the slot holds of its prompt.
func (g *generation) start(i int, next indexedRequest) error {
	slot, r := &g.slots[i], next.request
	room := g.session.TokensPerSequence() - len(r.Prompt)
	if len(r.Prompt) == 0 || room < 1 {
		return fmt.Errorf("%w: a prompt of %d tokens in sequences of %d", ErrContextTooSmall, len(r.Prompt), g.session.TokensPerSequence())
	}
	sampler, err := g.session.model.NewSampler(r.Sampling)
	if err != nil {
		return err
	}
	// The last token is always computed: its logits are wanted.
	keep := min(common(slot.held, r.Prompt), len(r.Prompt)-1)
	if keep < len(slot.held) && g.session.model.Recurrent() {
		keep = 0 // a state can't go back to a part of what it has taken in
	}
	if err := g.session.RemoveSeq(int32(i), int32(keep)); err != nil {
		sampler.Close()
		return err
	}
	*slot = textSlot{busy: true, index: next.index, limit: min(r.MaxTokens, room), held: slot.held[:keep],
		todo: r.Prompt[keep:], sampler: sampler, text: GeneratedText{Reused: keep}}
	return nil
}

// fill makes the next batch: one token of every text first, then as much of
// the prompts as fits. It returns false where nothing is left to do.
func (g *generation) fill() bool {
	g.reset()
	budget := g.session.BatchLimit()
	for _, prompts := range []bool{false, true} {
		for i := range g.slots {
			slot := &g.slots[i]
			if !slot.busy || prompts != (len(slot.todo) > 1) {
				continue
			}
			n := min(len(slot.todo), budget)
			for k, token := range slot.todo[:n] {
				g.put(i, int32(len(slot.held)+k), token, k == len(slot.todo)-1)
			}
			budget -= n
		}
	}
	return len(g.batch.Tokens) > 0
}

func (g *generation) reset() {
	b := &g.batch
	b.Tokens, b.Pos, b.Seqs, b.Want = b.Tokens[:0], b.Pos[:0], b.Seqs[:0], b.Want[:0]
}

func (g *generation) put(slot int, pos, token int32, want bool) {
	b := &g.batch
	b.Tokens, b.Pos, b.Seqs = append(b.Tokens, token), append(b.Pos, pos), append(b.Seqs, int32(slot))
	wanted := int8(0)
	if want {
		wanted = 1
	}
	b.Want = append(b.Want, wanted)
}

// draw takes the batch as computed, and the next token of each text whose
// logits are there.
func (g *generation) draw() error {
	for row, seq := range g.batch.Seqs {
		slot := &g.slots[seq]
		slot.held = append(slot.held, slot.todo[0])
		slot.todo = slot.todo[1:]
		if g.batch.Want[row] == 0 {
			continue
		}
		id, err := slot.sampler.Sample(g.session, row)
		if err != nil {
			return err
		}
		slot.text.Ended = g.session.model.EndsGeneration(id)
		if !slot.text.Ended {
			slot.text.Tokens = append(slot.text.Tokens, id)
			slot.todo = []int32{id}
		}
		if slot.text.Ended || len(slot.text.Tokens) >= slot.limit {
			if err := g.finish(int(seq)); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish hands the text of slot i over, and starts what is wanted in its place:
// that was made from the same prompt.
func (g *generation) finish(i int) error {
	slot := &g.slots[i]
	slot.sampler.Close()
	slot.busy, slot.sampler, slot.todo = false, nil, nil
	if again := g.done(slot.index, slot.text); again != nil {
		return g.start(i, indexedRequest{slot.index, again})
	}
	return nil
}

// stop hands over the texts that have begun.
func (g *generation) stop() {
	for i := range g.slots {
		if slot := &g.slots[i]; slot.busy {
			g.done(slot.index, slot.text)
		}
	}
}

func (g *generation) close() {
	for i := range g.slots {
		if g.slots[i].sampler != nil {
			g.slots[i].sampler.Close()
		}
	}
}
