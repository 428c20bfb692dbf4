package engine

import (
	"errors"
	"fmt"
	"runtime"

	"ceiling/engine/internal/llama"
)

// ErrChain: the CPU back end did not compute a chain of nodes.
var ErrChain = errors.New("chain of nodes not computed")

// Op is one node of a session's graph, computed by itself on whatever device the
// graph has it on: with a call to the back end and a wait for its end of its own. Two nodes that the back end would
// make one of stay two.
type Op struct {
	Op   string // "MUL_MAT"
	Name string // of its result: "ffn_down-3"
	Type string // of what it reads first, the weights of a product: "q4_0"
	// Device is the name of the one that its result lies on, "CPU"; "" where the
	// library does not say.
	Device string
	Shape  [4]int64
	Inner  int64 // length of the sums of a matrix product; 0: it is none

	Seconds    float64
	Bytes      uint64 // that it must read and write
	Operations uint64 // a multiplication and an addition are two
}

// Ops are the nodes of the last Step or Decode in the order of their computation,
// empty without SessionOptions.TimeOps.
func (s *Session) Ops() []Op {
	list := s.native.Ops()
	out := make([]Op, len(list))
	for i, o := range list {
		out[i] = Op(o)
	}
	return out
}

// Nodes is the number of nodes of the graph of the session's first step that
// compute something; 0 where that is not known.
func (s *Session) Nodes() int { return s.native.Nodes() }

// Chain computes a graph of so many nodes on the CPU back end's threads, each of
// which adds 1 to the one before. It returns the seconds that it took and the
// number that it ended with.
func Chain(threads, nodes int) (seconds, end float64, err error) {
	// The OpenMP pool belongs to the thread that calls.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if threads < 1 || nodes < 1 {
		return 0, 0, fmt.Errorf("%w: %d nodes on %d threads; each must be 1 or more", ErrUnknownOption, nodes, threads)
	}
	seconds, end, ok := llama.Chain(threads, nodes)
	if !ok {
		return 0, 0, fmt.Errorf("%w: %d nodes on %d threads", ErrChain, nodes, threads)
	}
	return seconds, end, nil
}

// CPUFeatures are the instruction sets that the CPU back end uses, by ggml's
// names: "AVX2", "AVX512_VNNI".
func CPUFeatures() []string { return llama.CPUFeatures() }
