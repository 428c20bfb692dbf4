package engine

import (
	"context"
	"fmt"
	"time"

	"ceiling/engine/internal/llama"
)

// Batch is the input and output of one Step: token i belongs to sequence
// Seqs[i] at position Pos[i]. All slices but Out have the same length.
type Batch struct {
	Tokens []int32 // token ids
	Pos    []int32 // position of each token in its sequence, from 0
	Seqs   []int32 // sequence of each token
	Want   []int8  // 1: sample the token that follows this one; at most once per sequence, and once per draft more
	// Out holds, after Step, one id for each i with Want[i] = 1, in batch
	// order. It is resized within its capacity, and grown where that is too
	// small.
	Out []int32
	// Graphs is, after Step or Decode, the number of compute graphs that the
	// library ran for the batch, counted; 0 where that can't be counted. It
	// cuts a batch at UBatch tokens, and without a unified KV cache also where
	// sequence ids have a gap or the sequences' parts differ in length.
	Graphs int
	// Drafting is, after Step, the part of its time that went into the draft side: a
	// draft model that computes the batch too. 0 where there is none.
	Drafting time.Duration
}

// Step decodes one batch and samples greedily where asked, in one call to the
// library. When it returns, the device is done: a timestamp taken next is the
// tokens' own. It allocates nothing once Out has its capacity.
//
// Errors: ErrInvalidBatch, ErrNoKVSlot, ErrAborted (with ctx's error),
// ErrDecode, ErrNoLogits, ErrNaN, ErrBadToken, ErrDraft, ErrClosed.
func (s *Session) Step(ctx context.Context, b *Batch) error {
	n, err := s.begin(ctx, b)
	if err != nil {
		return err
	}
	if cap(b.Out) < n {
		b.Out = make([]int32, n)
	}
	b.Out = b.Out[:n]
	code := s.native.Step(b.Tokens, b.Pos, b.Seqs, b.Want, b.Out)
	b.Graphs, b.Drafting = s.native.Graphs(), time.Duration(s.native.Drafting())
	return s.result(ctx, code)
}

// Decode is Step without the sampling: Sample or Logits read what Want asked
// for. Several tokens of one sequence may be wanted.
func (s *Session) Decode(ctx context.Context, b *Batch) error {
	if _, err := s.begin(ctx, b); err != nil {
		return err
	}
	code := s.native.Decode(b.Tokens, b.Pos, b.Seqs, b.Want)
	b.Graphs = s.native.Graphs()
	return s.result(ctx, code)
}

// Logits returns a copy of the logits of batch position i of the last Decode,
// one per token of the vocabulary, or nil where Want did not ask for them.
func (s *Session) Logits(i int) []float32 { return s.native.Logits(i) }

// begin checks a batch before C reads it, and returns how many samples it
// asks for.
func (s *Session) begin(ctx context.Context, b *Batch) (wanted int, err error) {
	if s.native == nil {
		return 0, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrAborted, err)
	}
	s.watch(ctx)
	n := len(b.Tokens)
	if n == 0 || n > s.batch || len(b.Pos) != n || len(b.Seqs) != n || len(b.Want) != n {
		return 0, fmt.Errorf("%w: %d tokens, %d positions, %d sequences, %d wants; the session takes 1 to %d of each",
			ErrInvalidBatch, n, len(b.Pos), len(b.Seqs), len(b.Want), s.batch)
	}
	s.step++
	for i, token := range b.Tokens {
		seq := b.Seqs[i]
		if token < 0 || token >= s.vocab || seq < 0 || seq >= s.seqs || b.Pos[i] < 0 || b.Pos[i] >= s.perSeq {
			return 0, fmt.Errorf("%w: token %d at position %d of sequence %d; the session has %d tokens, %d positions, %d sequences",
				ErrInvalidBatch, token, b.Pos[i], seq, s.vocab, s.perSeq, s.seqs)
		}
		if b.Want[i] == 0 {
			continue
		}
		// The back end's sampler answers once per sequence and step.
		if s.outputs == int(s.seqs) && s.wanted[seq] == s.step {
			return 0, fmt.Errorf("%w: two samples wanted of sequence %d in one step", ErrInvalidBatch, seq)
		}
		s.wanted[seq] = s.step
		wanted++
	}
	if wanted > s.outputs {
		return 0, fmt.Errorf("%w: %d samples wanted, the session has room for %d", ErrInvalidBatch, wanted, s.outputs)
	}
	return wanted, nil
}

// watch lets a cancellation of ctx abort a running step. Registering is done
// once per context, not per step: it allocates.
func (s *Session) watch(ctx context.Context) {
	if ctx == s.watched {
		return
	}
	if s.unwatch != nil {
		s.unwatch()
	}
	s.closing.Lock()
	s.native.Abort(false)
	s.watched = ctx
	s.closing.Unlock()
	s.unwatch = context.AfterFunc(ctx, func() {
		s.closing.Lock()
		defer s.closing.Unlock()
		// A late call for an earlier context must not end this one's steps.
		if s.native != nil && s.watched == ctx {
			s.native.Abort(true)
		}
	})
}

const cantCompute = "the engine can't compute this model in this configuration: try another split mode or device, or check the model file"

// Warm runs a token through an empty session, twice, which makes the library
// reserve memory and build its graph, and empties it again. What the first
// sample was taken from is looked at on the host, whoever sampled: the argmax of
// a back end makes a token of NaN too. From then on a back end that samples
// keeps its logits; a second call does nothing.
//
// Errors: those of Step, ErrFlatLogits.
func (s *Session) Warm(ctx context.Context) error {
	if s.warm {
		return nil
	}
	warm := Batch{Tokens: []int32{0}, Pos: []int32{0}, Seqs: []int32{0}, Want: []int8{1}}
	if err := s.Step(ctx, &warm); err != nil {
		return err
	}
	if err := s.result(ctx, s.native.CheckLogits(0)); err != nil {
		return err
	}
	if err := s.result(ctx, s.native.CheckDraft()); err != nil {
		return fmt.Errorf("the draft model: %w", err)
	}
	s.Clear()
	s.native.Settle()
	err := s.Step(ctx, &warm)
	s.Clear()
	s.warm = err == nil
	return err
}

// result maps llama_decode's codes one by one.
func (s *Session) result(ctx context.Context, code int) error {
	switch {
	case code == 0:
		return nil
	case code == 1:
		return fmt.Errorf("%w; use fewer sequences or a larger context", ErrNoKVSlot)
	case code == 2:
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrAborted, err)
		}
		return ErrAborted
	case code == -1:
		return fmt.Errorf("%w%s", ErrInvalidBatch, logged())
	case code == llama.NoLogits:
		return ErrNoLogits
	case code == llama.NaNLogits:
		return fmt.Errorf("%w; %s", ErrNaN, cantCompute)
	case code == llama.BadToken:
		return fmt.Errorf("%w; its logits may be NaN: %s", ErrBadToken, cantCompute)
	case code == llama.NoDrafts:
		return fmt.Errorf("%w%s; the run's engine log has more", ErrDraft, logged())
	case code == llama.FlatLogits:
		return fmt.Errorf("%w; %s", ErrFlatLogits, cantCompute)
	}
	return fmt.Errorf("%w with code %d%s; the run's engine log has more", ErrDecode, code, logged())
}
