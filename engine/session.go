package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ceiling/engine/internal/llama"
)

// SessionOptions size a context. Lengths are in tokens.
type SessionOptions struct {
	Sequences         int // in flight at most, ≥ 1
	TokensPerSequence int // positions one sequence may need, ≥ 1
	// TotalTokens are the KV cells of a unified session; 0: Sequences ×
	// TokensPerSequence. Without Unified every sequence has its own cells.
	TotalTokens int
	Unified     bool

	UBatch       int    // physical batch; 0: 512
	Batch        int    // most tokens of one Step; 0: 2048; at least UBatch and Sequences
	Threads      int    // for decode, ≥ 1
	ThreadsBatch int    // for prefill; 0: Threads
	FlashAttn    string // see FlashModes
	KVType       string // see KVTypes
	KVOnHost     bool   // keep the KV cache off the GPUs
	// FullWindow makes layers with a sliding window keep all positions, which
	// CopySeq and RemoveSeq of a part need. Without it they keep their window and
	// the tokens of one batch.
	FullWindow bool

	// Greedy asks for argmax in the back end's graph, so that logits stay on
	// the device. Where the back end can't (a tensor split never can), and
	// always without it, Step takes a vectorised argmax on the CPU. Sessions
	// for Decode and Sample leave it off.
	Greedy bool
	// Needs are what a plan of the model has told of this session; nil: Open
	// makes a plan of its own, which takes the memory of a second vocabulary.
	Needs []Need
	// TimeOps computes node by node, and times each: see Session.Ops.
	TimeOps bool
	// Outputs are the rows of logits that one batch may ask for; 0: Sequences, and
	// Drafts more of each.
	Outputs int
	// Speculation has the session draft tokens, at most Drafts of a sequence in one
	// step; nil or 0: none.
	Speculation *Drafting
	Drafts      int
}

// Session is a context of a model: KV cache, compute buffers, samplers. Its
// methods are for one goroutine locked to its thread.
type Session struct {
	native  *llama.NativeSession
	model   *Model
	vocab   int32
	perSeq  int32
	batch   int
	seqs    int32
	outputs int
	unified bool
	windows bool     // some layers have forgotten what lies before their window
	wanted  []uint32 // step number in which a sequence last asked for a sample
	step    uint32

	warm     bool     // see Warm
	warnings []string // that the library logged while it opened
	choices  []string // see Choices

	watched context.Context // whose cancellation aborts a running step
	unwatch func() bool
	closing sync.Mutex // a cancellation may come while Close frees

	drafts draftState
}

// Open makes a session. The memory that its KV cache and compute buffers need is
// compared with what is free first: the kernel would grant it and end the process
// later.
//
// Errors: ErrContextTooSmall, ErrOutOfMemory, ErrUnknownOption, ErrSpeculation,
// ErrSession.
func (m *Model) Open(ctx context.Context, o SessionOptions) (*Session, error) {
	keepPolling()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.vocabOnly {
		return nil, fmt.Errorf("%w: of %s only the vocabulary was loaded", ErrSession, modelName(m.path))
	}
	p, err := m.openParams(&o)
	if err != nil {
		return nil, err
	}
	if err := m.checkMemory(ctx, o); err != nil {
		return nil, err
	}
	llama.ResetLogged()
	native := m.native.OpenSession(p)
	if native == nil {
		return nil, fmt.Errorf("%w: %d sequences of %d tokens%s", ErrSession, o.Sequences, o.TokensPerSequence, logged())
	}
	m.open.Add(1)
	if p.Draft.Model != nil {
		o.Speculation.Draft.open.Add(1)
	}
	perSeq, batch, seqs := native.Limits()
	chosen := choices(llama.LoggedFacts())
	if llama.Library.UBatchSteps && batch < p.Batch {
		chosen = append(chosen, "a step takes at most the physical batch times the sequences")
	}
	return &Session{native: native, warnings: llama.LoggedWarnings(), choices: chosen, model: m, vocab: int32(m.VocabSize()), perSeq: int32(perSeq), batch: batch,
		seqs: int32(seqs), outputs: p.Outputs, unified: p.Unified, windows: m.Window() > 0 && !p.SWAFull, wanted: make([]uint32, seqs),
		drafts: newDraftState(p.Draft, o.Speculation, seqs)}, nil
}

func (m *Model) openParams(o *SessionOptions) (llama.OpenParams, error) {
	var p llama.OpenParams
	if o.Sequences < 1 || o.TokensPerSequence < 1 || o.Threads < 1 {
		return p, fmt.Errorf("%w: %d sequences of %d tokens on %d threads; each must be 1 or more",
			ErrUnknownOption, o.Sequences, o.TokensPerSequence, o.Threads)
	}
	if most := MaxSequences(); o.Sequences > most {
		return p, fmt.Errorf("%w: %d sequences; the engine takes %d", ErrSession, o.Sequences, most)
	}
	if o.TokensPerSequence > m.Context() {
		return p, fmt.Errorf("%w: %d tokens per sequence, %s was trained for %d; use a shorter scenario",
			ErrContextTooSmall, o.TokensPerSequence, modelName(m.path), m.Context())
	}
	var err error
	if p.FlashAttn, err = flashModes.lookup("flash attention", o.FlashAttn); err != nil {
		return p, err
	}
	if p.TypeK, err = kvTypes.lookup("KV type", o.KVType); err != nil {
		return p, err
	}
	p.TypeV = p.TypeK
	if kvBytes[p.TypeV] < 64 && p.FlashAttn == llama.FlashOff {
		return p, fmt.Errorf("%w: KV type %s without flash attention; turn flash attention on or use f16",
			ErrUnknownOption, o.KVType)
	}
	if m.split.Mode == SplitTensor {
		if o.FlashAttn == "off" || kvBytes[p.TypeV] < 64 {
			return p, fmt.Errorf("%w: the model is split by tensors, which needs flash attention (%s) and a KV cache that is not quantised (%s); load it with split mode layer",
				ErrUnknownOption, orWord(o.FlashAttn, "auto"), orWord(o.KVType, "f16"))
		}
	}
	cells := o.Sequences * pad(o.TokensPerSequence)
	if o.Unified && o.TotalTokens > 0 {
		cells = pad(max(o.TotalTokens, o.TokensPerSequence))
	}
	p.Context, p.Sequences, p.Unified = cells, o.Sequences, o.Unified
	p.UBatch = orDefault(o.UBatch, 512)
	p.Batch = max(orDefault(o.Batch, 2048), p.UBatch, o.Sequences)
	p.Threads, p.ThreadsBatch = o.Threads, orDefault(o.ThreadsBatch, o.Threads)
	p.Outputs = orDefault(o.Outputs, o.Sequences)
	// Where the CPU computes the model its threads spin on every core for a while
	// after a step, and others only wait for them.
	if p.ThreadsArgmax = 1; len(m.split.Devices) > 0 {
		p.ThreadsArgmax = min(p.Threads, p.Outputs)
	}
	p.SWAFull, p.TimeOps = o.FullWindow || llama.Library.FullWindow, o.TimeOps
	p.OffloadKQV, p.BackendGreedy = !o.KVOnHost, o.Greedy && m.split.Mode != SplitTensor
	return p, m.speculate(&p, o)
}

// MaxSequences is the most sequences that a session can have.
func MaxSequences() int { return llama.MaxSequences() }

// pad rounds a length up to the library's granularity of a KV cache.
func pad(n int) int { return (n + 255) / 256 * 256 }

func orWord(word, def string) string {
	if word == "" {
		return def
	}
	return word
}

func orDefault(n, def int) int {
	if n > 0 {
		return n
	}
	return def
}

// checkMemory compares what the session takes with what each device has free,
// now that the weights lie there.
func (m *Model) checkMemory(ctx context.Context, o SessionOptions) error {
	list := o.Needs
	if list == nil {
		plan, err := NewPlan(ctx, m.path, m.opts, SessionOptions{})
		if err != nil {
			return err
		}
		defer plan.Close()
		draft, err := o.planDraft(ctx)
		if err != nil {
			return err
		}
		defer draft()
		if list, err = plan.Need(ctx, o); errors.Is(err, ErrNoDryRun) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return outOfMemory(afterLoad(list, Devices(), hostRoom()), o)
}

// Close frees the session.
func (s *Session) Close() error {
	if s.native == nil {
		return ErrClosed
	}
	if s.unwatch != nil {
		s.unwatch()
	}
	s.closing.Lock()
	defer s.closing.Unlock()
	s.native.Free()
	s.native = nil
	s.model.open.Add(-1)
	if s.drafts.model != nil {
		s.drafts.model.open.Add(-1)
	}
	return nil
}

// BatchLimit is the most tokens that one Step takes.
func (s *Session) BatchLimit() int { return s.batch }

// TokensPerSequence is the context of one sequence, as the library rounded it.
func (s *Session) TokensPerSequence() int { return int(s.perSeq) }

// Warnings are the lines that the library logged as warnings while it opened
// the session.
func (s *Session) Warnings() []string { return s.warnings }

// Sampled counts the tokens that Step took from the back end's sampler and
// from the CPU's argmax.
func (s *Session) Sampled() (backend, argmax uint64) { return s.native.Sampled() }

var errWindow = errors.New("layers with a sliding window keep that alone; open the session with FullWindow")

// RemoveSeq drops the KV cells of a sequence from position from on, of the draft model
// too.
func (s *Session) RemoveSeq(seq, from int32) error {
	if seq < 0 || seq >= s.seqs || from < 0 {
		return fmt.Errorf("%w: sequence %d from %d; the session has %d", ErrInvalidBatch, seq, from, s.seqs)
	}
	if from > 0 && s.windows {
		return fmt.Errorf("%w: sequence %d from %d: %w", ErrInvalidBatch, seq, from, errWindow)
	}
	if !s.native.RemoveSeq(seq, from, -1) {
		return fmt.Errorf("%w: the model's memory can't drop sequence %d from position %d", ErrInvalidBatch, seq, from)
	}
	return nil
}

// CopySeq lets dst share the first n positions of src, in place of what it
// held. A session that is not unified copies the cells instead. It holds for the draft
// model too.
func (s *Session) CopySeq(src, dst, n int32) error {
	if src < 0 || src >= s.seqs || dst < 0 || dst >= s.seqs || src == dst || n < 1 {
		return fmt.Errorf("%w: copy of %d tokens from sequence %d to %d; the session has %d",
			ErrInvalidBatch, n, src, dst, s.seqs)
	}
	if s.windows {
		return fmt.Errorf("%w: copy of %d tokens from sequence %d: %w", ErrInvalidBatch, n, src, errWindow)
	}
	if end := s.native.SeqEnd(src); end < n-1 {
		return fmt.Errorf("%w: copy of %d tokens from sequence %d, which holds %d", ErrInvalidBatch, n, src, end+1)
	}
	if err := s.RemoveSeq(dst, 0); err != nil {
		return err
	}
	if s.unified || s.seqs == 1 {
		s.native.CopySeq(src, dst, 0, n)
		return nil
	}
	// Between buffers of their own the library copies whole sequences only, and
	// ends the process over a part of one.
	s.native.CopySeq(src, dst, 0, -1)
	return s.RemoveSeq(dst, n)
}

// Clear empties the KV cache.
func (s *Session) Clear() { s.native.Clear() }
