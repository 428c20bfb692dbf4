package bench

import "context"

// StepBatch is the input and output of one engine step: token i belongs to
// sequence Seqs[i] at position Pos[i]. All slices but Out have the same
// length. A StepBatch is reused from step to step and allocates nothing once its
// slices have grown.
type StepBatch struct {
	Tokens []int32 // token ids
	Pos    []int32 // position of each token in its sequence, from 0
	Seqs   []int32 // sequence of each token, 0 ≤ id < SessionSpec.Sequences
	Want   []int8  // 1: sample the token that follows this one
	// Out holds, after Step, one sampled id for each i with Want[i] = 1, in
	// batch order. The engine resizes it within its capacity, and grows it
	// only where that is too small.
	Out []int32
	// Graphs is, after Step, the number of compute graphs that the engine ran
	// for the batch; 0 where it does not tell.
	Graphs int
}

// SessionSpec is what a scenario needs of a session (a llama.cpp context).
type SessionSpec struct {
	Sequences         int  // sequences in flight at most
	TokensPerSequence int  // positions one sequence may need
	TotalTokens       int  // KV cells wanted when Unified; 0: Sequences × TokensPerSequence
	Unified           bool // one KV buffer for all sequences, so that CopySeq shares cells
	Keep              bool // parts of sequences are copied and removed, so that every position must be kept
	Engine            int  // the number of the engine's settings: see Point
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

// Opener opens a session of the loaded model. An error is the scenario's
// failure, never the run's: "context too small", "not enough memory".
type Opener interface {
	Open(ctx context.Context, spec SessionSpec) (Engine, error)
}
