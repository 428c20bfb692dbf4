package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// A new context brings new handles, pools, graphs and pages, and the first
// calls pay for them. So before each scenario's clock starts, its session runs
// blocks of the kinds of steps that the scenario will make.
const (
	warmupDecodes = 3                // decode steps of a block, with all sequences
	warmupLimit   = 10 * time.Second // after which no further block begins
)

// warmer runs blocks on the sequences of one scenario.
type warmer struct {
	eng    Engine
	ids    []int32   // plain tokens
	base   int       // tokens in every sequence, which stay
	used   int       // of ids, round and round
	held   []int     // tokens that each sequence holds
	texts  [][]int32 // which, where drafts are made
	prompt int       // the scenario's longest prompt
	fit    int       // tokens that a sequence has room for, more than a prompt
	full   int       // tokens of a round's prefill
	step   int       // most tokens of a step
	batch  StepBatch

	drafter Drafter // nil: the scenario does not speculate
	drafts  int     // most of a sequence in a step
}

// newWarmer sizes a block after the scenario: a full physical batch, but no
// prompt longer than its own.
func newWarmer(eng Engine, work *suite.Workload, ubatch, step int) *warmer {
	seqs := work.Spec.Scenario.InFlight()
	prompt, _, fit := work.Longest()
	return &warmer{eng: eng, ids: work.Spec.Vocab.Allowed, held: make([]int, seqs), prompt: prompt, fit: fit, full: max(min(ubatch, step), seqs), step: step}
}

// run makes a step of several physical batches, where the scenario has such,
// and repeats the block until two in a row agree, or the time is over.
func (w *warmer) run(ctx context.Context, clock *result.Clock) (*result.Warmup, error) {
	var out result.Warmup
	begin, before := clock.Now(), time.Duration(0)
	if most := min(w.step, len(w.held)*w.prompt); most > w.full {
		if err := w.fullest(ctx, most); err != nil {
			return nil, fmt.Errorf("warm-up: %w", err)
		}
	}
	for {
		from := clock.Now()
		if err := w.block(ctx); err != nil {
			return nil, fmt.Errorf("warm-up: %w", err)
		}
		now := clock.Now()
		took := now - from
		if out.Rounds++; out.Rounds > 1 {
			spread := 0.0
			if longer := max(took, before); longer > 0 {
				spread = math.Abs((took - before).Seconds()) / longer.Seconds()
			}
			out.Spread = &spread
		}
		out.TookS = result.Seconds(now - begin)
		if out.Settled() || now-begin >= warmupLimit {
			return &out, nil
		}
		before = took
	}
}

// block is one prefill step, decode steps with all sequences, where drafts are made
// a step with as many as fit, and, where there are several sequences, a step in which the last one begins anew while the others
// decode. It leaves the sequences empty.
func (w *warmer) block(ctx context.Context) error {
	if err := w.compute(ctx, w.prompt, w.full); err != nil {
		return err
	}
	for range warmupDecodes {
		if err := w.compute(ctx, 1, w.full); err != nil {
			return err
		}
	}
	if err := w.speculate(ctx); err != nil {
		return err
	}
	if last := len(w.held) - 1; last > 0 {
		if err := w.empty(last); err != nil {
			return err
		}
		if err := w.compute(ctx, w.prompt, w.full); err != nil {
			return err
		}
	}
	return w.clear()
}

// fullest is one step as full as the scenario's fullest.
func (w *warmer) fullest(ctx context.Context, tokens int) error {
	if err := w.compute(ctx, w.prompt, tokens); err != nil {
		return err
	}
	return w.clear()
}

func (w *warmer) clear() error {
	for i := range w.held {
		if err := w.empty(i); err != nil {
			return err
		}
	}
	return nil
}

// compute makes a step of one token of every sequence that holds some, and a
// prompt of every other, as much of it as so many tokens leave room for beside
// one of each that follows. A sequence that is full begins anew.
func (w *warmer) compute(ctx context.Context, prompt, tokens int) error {
	b := &w.batch
	b.Tokens, b.Pos, b.Seqs, b.Want, b.Out = b.Tokens[:0], b.Pos[:0], b.Seqs[:0], b.Want[:0], b.Out[:0]
	spare := tokens - len(w.held)
	for i := range w.held {
		if w.held[i] == w.fit {
			if err := w.empty(i); err != nil {
				return err
			}
		}
		n := 1
		if w.held[i] == 0 {
			n += min(spare, prompt-1)
			spare -= n - 1
		}
		for k := range n {
			want := int8(0)
			if k == n-1 {
				want = 1
			}
			id := w.ids[w.used%len(w.ids)]
			put(b, id, w.base+w.held[i], i, want)
			w.used++
			w.held[i]++
			if w.drafter != nil {
				w.texts[i] = append(w.texts[i], id)
			}
		}
	}
	return w.eng.Step(ctx, b)
}

func (w *warmer) empty(seq int) error {
	w.held[seq] = 0
	if w.drafter != nil {
		w.texts[seq] = w.texts[seq][:0]
	}
	return w.eng.RemoveSeq(int32(seq), int32(w.base))
}

// speculate has all sequences draft, and makes a step with as many drafts as they
// have room for, which it then takes back. What was not drafted is made up: the step
// is of the size that counts.
func (w *warmer) speculate(ctx context.Context) error {
	if w.drafter == nil {
		return nil
	}
	asks := w.asks()
	for _, ask := range asks {
		if err := w.drafter.BeginDraft(ask.Seq, w.texts[ask.Seq], ask.Last); err != nil {
			return err
		}
	}
	if len(asks) == 0 {
		return nil
	}
	if err := w.drafter.Draft(ctx, asks); err != nil {
		return err
	}
	b := &w.batch
	b.Tokens, b.Pos, b.Seqs, b.Want, b.Out = b.Tokens[:0], b.Pos[:0], b.Seqs[:0], b.Want[:0], b.Out[:0]
	for _, ask := range asks {
		put(b, ask.Last, int(ask.Pos), int(ask.Seq), 1)
		for k := range ask.Max {
			id := ask.Last
			if k < len(ask.Tokens) {
				id = ask.Tokens[k]
			}
			put(b, id, int(ask.Pos)+1+k, int(ask.Seq), 1)
		}
	}
	if err := w.eng.Step(ctx, b); err != nil {
		return err
	}
	for _, ask := range asks {
		if err := w.eng.RemoveSeq(ask.Seq, ask.Pos); err != nil {
			return err
		}
	}
	return nil
}

// asks are those of all sequences that have room for a draft.
func (w *warmer) asks() (asks []DraftAsk) {
	for i, held := range w.held {
		n := min(w.drafts, w.fit-held-1, w.step/len(w.held)-1)
		if held > 0 && n > 0 {
			asks = append(asks, DraftAsk{Seq: int32(i), Last: w.ids[w.used%len(w.ids)], Pos: int32(w.base + held), Max: n, Tokens: make([]int32, 0, n)})
		}
	}
	return asks
}
