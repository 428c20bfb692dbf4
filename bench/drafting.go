package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"ceiling/bench/result"
)

// drafting is what a batcher knows of a session that speculates.
type drafting struct {
	most  int        // drafts of a sequence in one step; 0: the session does not speculate
	odds  []float64  // of the draft at each place, where the ones before it were accepted; nil: drafts are accepted where they are right
	texts [][]int32  // memory for each slot's drafts
	asked []DraftAsk // of the step at hand
}

// luck is a generator of its own for each request, so that what is drawn for it does
// not depend on what ran beside it.
type luck struct{ pcg rand.PCG }

func newLuck(seed uint64, request int) (l luck) {
	l.pcg.Seed(seed, uint64(request))
	return l
}

// below tells whether a number drawn evenly from [0, 1) is below p.
func (l *luck) below(p float64) bool { return float64(l.pcg.Uint64()<<11>>11)/(1<<53) < p }

// odds are, of the rates at which the drafts at each place are accepted, all before
// them included, those of each draft where the ones before it were accepted.
func odds(rates []float64) []float64 {
	out := make([]float64, len(rates))
	before := 1.0
	for i, rate := range rates {
		if before > 0 {
			out[i] = rate / before
		}
		before = rate
	}
	return out
}

// SynthRates are the rates p, p², … for so many drafts at which a verification gives a
// mean of length tokens, 1 + Σ pⁱ, as llama.cpp resolves --spec-synth-len.
func SynthRates(length float64, drafts int) ([]float64, error) {
	if !(length >= 1 && length <= float64(drafts+1)) {
		return nil, fmt.Errorf("%g tokens of a verification with %d drafts; use 1 to %d", length, drafts, drafts+1)
	}
	sum := func(p float64) (sum float64) {
		for i := 1; i <= drafts; i++ {
			sum += math.Pow(p, float64(i))
		}
		return sum
	}
	low, high := 0.0, 1.0
	for range 60 {
		if mid := (low + high) / 2; sum(mid) < length-1 {
			low = mid
		} else {
			high = mid
		}
	}
	rates := make([]float64, drafts)
	for i := range rates {
		rates[i] = math.Pow(high, float64(i+1))
	}
	if length == 1 {
		clear(rates)
	}
	return rates, nil
}

// speculate lets each sequence have so many drafts in a step. With rates it is drawn
// which are accepted.
func (b *batcher) speculate(most int, rates []float64) {
	b.drafting = drafting{most: most, asked: make([]DraftAsk, 0, len(b.slots))}
	if rates != nil {
		b.odds = odds(rates)
	}
	for i := range b.slots {
		b.texts = append(b.texts, make([]int32, 0, most))
		b.slots[i].given = make([]int32, 0, most+1)
	}
}

// asks are the sequences that may have drafts in the next step of at most budget
// tokens, and how many. None has more than its request has use for beside the step's
// own token.
func (b *batcher) asks(budget int) []DraftAsk {
	decoding := 0
	for i := range b.slots {
		b.slots[i].drafts = nil
		if b.slots[i].phase == decode {
			decoding++
		}
	}
	b.asked = b.asked[:0]
	if decoding == 0 {
		return nil
	}
	left := budget - decoding
	if len(b.queue) > 0 {
		left /= 2
	}
	for i := range b.slots {
		s := &b.slots[i]
		if s.phase != decode {
			continue
		}
		if n := min(b.most, left/decoding, s.want-s.got-1); n > 0 {
			b.asked = append(b.asked, DraftAsk{Seq: int32(i), Last: s.last, Pos: int32(b.at(i)), Max: n, Tokens: b.texts[i][:0]})
		}
	}
	return b.asked
}

// take gives the slots the drafts that were asked for. An error means that the
// engine broke its contract.
func (b *batcher) take(asks []DraftAsk) error {
	for _, ask := range asks {
		if len(ask.Tokens) > ask.Max {
			return fmt.Errorf("engine drafted \"%d\" tokens for sequence %d where at most %d were asked for", len(ask.Tokens), ask.Seq, ask.Max)
		}
		for _, id := range ask.Tokens {
			if id < 0 || int(id) >= b.ids {
				return fmt.Errorf("engine drafted token \"%d\" for sequence %d: the vocabulary has %d", id, ask.Seq, b.ids)
			}
		}
		b.slots[ask.Seq].drafts = ask.Tokens
	}
	return nil
}

// verify gives a slot its drafts up to the first that is not accepted, and the token
// that was sampled in the place of that, or behind them all.
func (b *batcher) verify(s *slot, out []int32) {
	s.given = s.given[:0]
	for k, id := range s.drafts {
		if !b.accepts(s, k, out[k]) {
			break
		}
		s.given = append(s.given, id)
	}
	s.accepted = len(s.given)
	s.given = append(s.given, out[s.accepted])
}

// accepts decides on draft k, with the token that was sampled in its place. Where it
// is drawn, no draft ends a text: that is the model's to do.
func (b *batcher) accepts(s *slot, k int, sampled int32) bool {
	if b.odds == nil {
		return s.drafts[k] == sampled
	}
	return s.luck.below(b.odds[k]) && !b.endsText(s.drafts[k])
}

// draftMeter counts what was drafted, what of it was accepted, and what that took.
type draftMeter struct {
	call time.Duration // of Draft before the step at hand
	sum  result.Speculation
}

// add books a step, before its tokens are handed out: it took so long, the draft side
// in it a part of that.
func (m *draftMeter) add(b *batcher, prompt, decoding, drafts int, took, drafting time.Duration) {
	if b.most == 0 {
		return
	}
	draft, step := result.Seconds(m.call+drafting), result.Seconds(took-drafting)
	m.sum.DraftS += draft
	if drafts > 0 {
		m.sum.Steps++
		m.sum.VerifyS += step
	}
	for i := range b.slots {
		if s := &b.slots[i]; len(s.drafts) > 0 && len(s.given) > 0 {
			m.sum.Verified(len(s.drafts), s.accepted)
		}
	}
	if prompt == 0 && decoding > 0 {
		m.sum.Decode.Steps++
		m.sum.Decode.Sequences += int64(decoding)
		m.sum.Decode.Drafted += int64(drafts)
		m.sum.Decode.Tokens += int64(b.decoded)
		m.sum.Decode.DraftS += draft
		m.sum.Decode.StepS += step
		m.sum.Decode.SeenS += float64(decoding) * (draft + step)
	}
}

// speculate has sequences draft as the settings say; nil: they don't. The session must
// have been opened for it.
func (d *executor) speculate(s *result.SpecSettings) error {
	if s == nil {
		return nil
	}
	drafter, ok := d.eng.(Drafter)
	if !ok {
		return errors.New("the engine's session can't speculate: leave --spec away")
	}
	d.drafter = drafter
	d.batcher.speculate(s.DraftMax, s.SynthRates)
	most := len(d.batcher.slots) * (1 + s.DraftMax)
	d.batch.Out = make([]int32, 0, min(d.budget, most))
	d.drafts.sum = result.Speculation{SpecSettings: *s, DraftedAt: make([]int64, s.DraftMax), AcceptedAt: make([]int64, s.DraftMax)}
	return nil
}

// draft has the session propose tokens for the next step.
func (d *executor) draft(ctx context.Context) error {
	d.drafts.call = 0
	if d.drafter == nil {
		return nil
	}
	asks := d.batcher.asks(d.budget)
	if len(asks) == 0 {
		return nil
	}
	begin := d.clock.Now()
	err := d.drafter.Draft(ctx, asks)
	d.drafts.call = d.clock.Now() - begin
	if err != nil {
		return fmt.Errorf("drafting: %w", err)
	}
	return d.batcher.take(asks)
}

// keepAccepted takes the drafts that were not accepted out of the KV cache, and tells
// the draft side how the sequences that go on do.
func (d *executor) keepAccepted() error {
	if d.drafter == nil {
		return nil
	}
	for i := range d.batcher.slots {
		s := &d.batcher.slots[i]
		if s.phase != decode || len(s.given) == 0 {
			continue
		}
		seq := int32(i)
		if s.got == 1 {
			if err := d.drafter.BeginDraft(seq, s.prompt, s.last); err != nil {
				return err
			}
			continue
		}
		if s.accepted < len(s.drafts) {
			if err := d.eng.RemoveSeq(seq, int32(d.batcher.at(i))); err != nil {
				return err
			}
		}
		if err := d.drafter.Accept(seq, len(s.drafts), s.given); err != nil {
			return err
		}
	}
	return nil
}
