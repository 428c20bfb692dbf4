package bench

import (
	"context"
	"time"
)

// StepBatch is the input and output of one engine step: token i belongs to
// sequence Seqs[i] at position Pos[i]. All slices but Out have the same
// length. A StepBatch is reused from step to step and allocates nothing once its
// slices have grown.
type StepBatch struct {
	Tokens []int32 // token ids
	Pos    []int32 // position of each token in its sequence, from 0
	Seqs   []int32 // sequence of each token, 0 ≤ id < SessionSpec.Sequences
	Want   []int8  // 1: sample the token that follows this one; of a sequence with drafts, several
	// Out holds, after Step, one sampled id for each i with Want[i] = 1, in
	// batch order. The engine resizes it within its capacity, and grows it
	// only where that is too small.
	Out []int32
	// Graphs is, after Step, the number of compute graphs that the engine ran
	// for the batch; 0 where it does not tell.
	Graphs int
	// Drafting is, after Step, the part of its time that went into the draft
	// side: a draft model that computes the batch too. 0 where there is none.
	Drafting time.Duration
}

// SessionSpec is what a scenario needs of a session (a llama.cpp context).
type SessionSpec struct {
	Sequences         int  // sequences in flight at most
	TokensPerSequence int  // positions one sequence may need
	TotalTokens       int  // KV cells wanted when Unified; 0: Sequences × TokensPerSequence
	Unified           bool // one KV buffer for all sequences, so that CopySeq shares cells
	Keep              bool // parts of sequences are copied and removed, so that every position must be kept
	Engine            int  // the number of the engine's settings: see Point
	Drafts            int  // most drafted tokens of a sequence in one step; 0: the session does not speculate
}

// Engine is the narrow surface that the scheduler drives. One goroutine,
// locked to its thread, makes every call.
type Engine interface {
	// Step computes one batch and samples greedily where asked. It returns
	// when the device's work is complete, so a timestamp taken next is the
	// tokens' own. The context is looked at before the work starts and, on
	// back ends that can, during it.
	Step(ctx context.Context, b *StepBatch) error
	// RemoveSeq drops the KV cells of a sequence from position from on; 0
	// empties it.
	RemoveSeq(seq, from int32) error
	// CopySeq lets dst, which is empty, share the first n positions of src. A
	// session that is not unified copies the cells instead, and must have Keep.
	CopySeq(src, dst, n int32) error
	// BatchLimit is the most tokens that one Step takes.
	BatchLimit() int
	Close() error
}

// Drafter is what a session with SessionSpec.Drafts above 0 is beside an [Engine].
// A step then has, of a sequence that decodes, the token sampled last and the drafts
// that follow it, each with Want 1. The caller accepts drafts as long as each is what
// was sampled before it, and takes back the rest by RemoveSeq, from any position of
// the step on. RemoveSeq and CopySeq hold for the draft side as well.
type Drafter interface {
	// BeginDraft tells that seq has computed a prompt, whole or from a copied prefix
	// on, and that first was sampled from it. It begins the sequence anew.
	BeginDraft(seq int32, prompt []int32, first int32) error
	// Draft proposes tokens for each of the asks, of different sequences that have
	// begun. It fills Tokens within its capacity, which is at least Max. None is an
	// answer.
	Draft(ctx context.Context, asks []DraftAsk) error
	// Accept tells what a step with that many drafts, 0 too, has given seq: the
	// drafts that were accepted, and the one token that was sampled after them. It
	// comes after the RemoveSeq of the others. The tokens are the caller's again
	// when it returns. A request that has ended is not told of.
	Accept(seq int32, drafted int, tokens []int32) error
}

// DraftAsk asks for tokens of one sequence.
type DraftAsk struct {
	Seq    int32
	Last   int32   // the token sampled last, which the next step feeds
	Pos    int32   // its position
	Max    int     // most tokens wanted, 1 ≤ Max ≤ SessionSpec.Drafts
	Tokens []int32 // in: empty; out: the tokens proposed to follow Last
}

// Opener opens a session of the loaded model. An error is the scenario's
// failure, never the run's: "context too small", "not enough memory".
type Opener interface {
	Open(ctx context.Context, spec SessionSpec) (Engine, error)
}
