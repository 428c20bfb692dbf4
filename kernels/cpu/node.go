package cpu

import (
	"context"
	"fmt"
	"slices"

	"ceiling/kernels"
)

// The two lengths of a chain whose difference is the time of a node: what it
// takes to begin and end a graph is in neither.
const (
	shortChain = 64
	longChain  = 1024
)

// node measures the time of a node on the engine's own threads: its barrier and
// the way to the next one.
func (r *run) node(ctx context.Context) error {
	m := kernels.Measurement{Probe: Node, Unit: kernels.Seconds, Variant: fmt.Sprintf("%d threads", r.Threads)}
	if r.Chain == nil {
		m.Verdict, m.Reason = kernels.Missing, "no engine"
		r.out = append(r.out, m)
		return nil
	}
	r.tell(Node)
	err := r.chains(ctx, &m)
	r.out = append(r.out, m)
	return err
}

// chains takes the difference of the fastest of a few graphs of each length: what
// others took is in the slower ones.
func (r *run) chains(ctx context.Context, m *kernels.Measurement) error {
	const tries = 5
	for len(m.Samples) < samples {
		var fastest [2]float64
		for k, nodes := range []int{shortChain, longChain} {
			var took []float64
			for range tries {
				if err := ctx.Err(); err != nil {
					return err
				}
				t, end, err := r.Chain(r.Threads, nodes)
				if err != nil {
					return err
				}
				if end != float64(nodes) {
					m.Samples, m.Verdict = nil, kernels.Wrong
					m.Reason = fmt.Sprintf("a chain of %d additions of 1 ended with %g", nodes, end)
					return nil
				}
				took = append(took, t)
			}
			fastest[k] = slices.Min(took)
		}
		m.Samples = append(m.Samples, (fastest[1]-fastest[0])/(longChain-shortChain))
	}
	m.Verdict, m.Summary = kernels.OK, kernels.Summarize(m.Samples, m.Unit)
	if m.Summary.Best <= 0 {
		m.Samples, m.Summary, m.Verdict, m.Reason = nil, nil, kernels.Unknown, "a long graph took less time than a short one"
	}
	return nil
}
