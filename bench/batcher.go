package bench

import (
	"fmt"
	"slices"
)

// phase is what a sequence slot is doing.
type phase uint8

const (
	free      phase = iota // holds no request
	prefill                // some of its prompt is not computed yet
	decode                 // its prompt is computed; one token a step
	completed              // has all its tokens; waits to be collected
)

// slot is one sequence of the session and the request in it.
type slot struct {
	phase  phase
	prompt []int32
	done   int   // prompt tokens in the KV cache
	want   int   // tokens to generate
	got    int   // tokens generated
	last   int32 // the token to feed next

	dummies  int  // tokens of nobody in the sequence of a free slot
	reserved bool // free, for the next turn of a conversation

	take     int     // tokens of this slot in the step at hand
	drafts   []int32 // that it has in the step at hand, behind last
	given    []int32 // tokens that the step at hand yielded for it
	accepted int     // how many of these are drafts
	luck     luck    // decides on drafts where acceptance is drawn
}

// batcher decides what goes into each step. It has no clock and calls no
// engine: admit, fill and apply are all there is, and given the same calls it
// does the same.
//
// Its rules, in order:
//  1. every decoding sequence gets one token (decode is never starved);
//  2. where the session speculates, each may have an equal share of drafts from
//     what is left, or from half of it while prompts wait;
//  3. what is left of the budget then goes to waiting prompts in the order of
//     their admission, each as much as it can take, over several steps where
//     it must;
//  4. the batch is written in ascending sequence id, without small gaps where
//     those cost a graph.
type batcher struct {
	slots    []slot
	queue    []int32 // slots in prefill, in the order of admission
	inFlight int
	base     int     // tokens in the KV of every sequence before its request
	ids      int     // token ids that the engine may return are 0 to ids−1
	ends     []int32 // tokens that end a request before it has all it wants

	bridging bool // the session cuts a batch where sequence ids have a gap
	dummies  int  // tokens in the step at hand that bridge gaps

	drafting     // zero where the session does not speculate
	decoded  int // tokens that the step at hand gave to sequences that decoded
}

// longestBridge is how many free slots between two others get a token of
// nobody, so that the step stays one graph. A graph more took as much CPU time
// as 6 (demo model) to 9 (SmolLM2) tokens more in one graph; on a GPU, where it
// reads all weights again, it costs more.
const longestBridge = 5

func newBatcher(slots, longestPrompt, ids int) batcher {
	b := batcher{slots: make([]slot, slots), queue: make([]int32, 0, slots), ids: ids}
	for i := range b.slots {
		b.slots[i].prompt = make([]int32, 0, longestPrompt)
	}
	return b
}

// lowestFree returns the free slot with the lowest id, or −1.
func (b *batcher) lowestFree() int {
	if b.inFlight == len(b.slots) {
		return -1
	}
	return slices.IndexFunc(b.slots, func(s slot) bool { return s.phase == free && !s.reserved })
}

// admit puts a request into a free slot. The first cached tokens of the
// prompt are in the KV cache already; cached is less than the prompt's
// length, because the last token must be computed to yield the first output.
func (b *batcher) admit(id int, prompt []int32, cached, want int) {
	b.slots[id] = slot{phase: prefill, prompt: prompt, done: cached, want: want, given: b.slots[id].given[:0]}
	b.queue = append(b.queue, int32(id))
	b.inFlight++
}

// release frees the slot of a completed request. Its prompt's memory stays
// with the slot.
func (b *batcher) release(id int) {
	b.slots[id] = slot{prompt: b.slots[id].prompt[:0], given: b.slots[id].given[:0]}
	b.inFlight--
}

// fill writes the next step's batch, at most budget tokens. The budget is at
// least the number of slots.
func (b *batcher) fill(batch *StepBatch, budget int) {
	left := b.share(budget)
	b.dummies = 0
	if b.bridging {
		b.bridge(left)
	}
	batch.Tokens, batch.Pos = batch.Tokens[:0], batch.Pos[:0]
	batch.Seqs, batch.Want = batch.Seqs[:0], batch.Want[:0]
	batch.Out = batch.Out[:0]
	// Ascending sequence ids, decode and prefill alike: a llama.cpp context
	// whose KV cache is not unified cuts a batch into ubatches of sequences
	// with consecutive ids and equally many tokens, so any other order makes
	// more and smaller ubatches of the same work.
	for i := range b.slots {
		s := &b.slots[i]
		if s.take == 0 {
			continue
		}
		switch s.phase {
		case free:
			put(batch, 0, b.base+s.dummies, i, 0)
			continue
		case decode:
			// The token sampled last stands behind the prompt and the
			// tokens before it.
			put(batch, s.last, b.at(i), i, 1)
			for k, id := range s.drafts {
				put(batch, id, b.at(i)+1+k, i, 1)
			}
			continue
		}
		for k := s.done; k < s.done+s.take; k++ {
			want := int8(0)
			if k == len(s.prompt)-1 {
				want = 1
			}
			put(batch, s.prompt[k], b.base+k, i, want)
		}
	}
}

// share gives each slot its tokens of the step, and returns what is left of
// the budget.
func (b *batcher) share(budget int) (left int) {
	for i := range b.slots {
		s := &b.slots[i]
		s.take, s.given = 0, s.given[:0]
		if s.phase == decode {
			s.take = 1 + len(s.drafts)
			budget -= s.take
		}
	}
	for _, id := range b.queue {
		s := &b.slots[id]
		s.take = min(budget, len(s.prompt)-s.done)
		budget -= s.take
	}
	return budget
}

// bridge gives the free slots of small gaps a token of nobody, at most left of
// them. Where something is left of the budget, every slot that holds a request
// has its tokens.
func (b *batcher) bridge(left int) {
	last := -1 // the last slot with tokens
	for i := range b.slots {
		if b.slots[i].take == 0 {
			continue
		}
		if gap := i - last - 1; last >= 0 && gap <= min(left, longestBridge) {
			for k := last + 1; k < i; k++ {
				b.slots[k].take = 1
			}
			left -= gap
			b.dummies += gap
		}
		last = i
	}
}

func put(b *StepBatch, token int32, pos, seq int, want int8) {
	b.Tokens = append(b.Tokens, token)
	b.Pos = append(b.Pos, int32(pos))
	b.Seqs = append(b.Seqs, int32(seq))
	b.Want = append(b.Want, want)
}

// apply hands the sampled tokens of the step that fill wrote to their slots.
// An error means that the engine broke its contract.
func (b *batcher) apply(out []int32) error {
	asked := 0
	b.decoded = 0
	for i := range b.slots {
		s := &b.slots[i]
		if s.take == 0 {
			continue
		}
		if s.phase == free {
			s.dummies++
			continue
		}
		decoding := s.phase == decode
		if s.phase == prefill {
			if s.done += s.take; s.done < len(s.prompt) {
				continue
			}
			s.phase = decode
		}
		first := asked
		if asked += 1 + len(s.drafts); asked > len(out) {
			continue // counted on, for the message
		}
		if err := b.give(i, out[first:asked]); err != nil {
			return err
		}
		if decoding {
			b.decoded += len(s.given)
		}
	}
	if asked != len(out) {
		return fmt.Errorf("engine returned \"%d\" tokens where %d were asked for", len(out), asked)
	}
	b.queue = slices.DeleteFunc(b.queue, func(id int32) bool { return b.slots[id].phase != prefill })
	return nil
}

// give hands a slot what was sampled after its last token and after each of its
// drafts.
func (b *batcher) give(i int, out []int32) error {
	s := &b.slots[i]
	for _, id := range out {
		if id < 0 || int(id) >= b.ids {
			return fmt.Errorf("engine returned token \"%d\" for sequence %d: the vocabulary has %d", id, i, b.ids)
		}
	}
	b.verify(s, out)
	if end := slices.IndexFunc(s.given, b.endsText); end >= 0 {
		s.given = s.given[:end+1]

		s.accepted = min(s.accepted, len(s.given))
		s.phase = completed
	}
	s.last = s.given[len(s.given)-1]
	if s.got += len(s.given); s.got >= s.want {
		s.phase = completed
	}
	return nil
}

func (b *batcher) endsText(id int32) bool { return slices.Contains(b.ends, id) }

// at is the position of the token that slot i feeds next. It stands behind the
// prompt and the tokens before it.
func (b *batcher) at(i int) int { return b.base + len(b.slots[i].prompt) + b.slots[i].got - 1 }
