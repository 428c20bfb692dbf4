package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

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
// others took is in the slower ones. It ends with the time that a figure may take,
// but not before the first difference.
func (r *run) chains(ctx context.Context, m *kernels.Measurement) error {
	end := time.Now().Add(r.Limit)
	for len(m.Samples) < samples && (len(m.Samples) == 0 || time.Now().Before(end)) {
		var fastest [2]float64
		for k, nodes := range []int{shortChain, longChain} {
			took, err := r.fastest(ctx, nodes)
			var wrong wrongResult
			if errors.As(err, &wrong) {
				m.Samples, m.Verdict, m.Reason = nil, kernels.Wrong, wrong.Error()
				return nil
			}
			if err != nil {
				return err
			}
			fastest[k] = took
		}
		m.Samples = append(m.Samples, (fastest[1]-fastest[0])/(longChain-shortChain))
	}
	m.Verdict, m.Summary = kernels.OK, kernels.Summarize(m.Samples, m.Unit)
	if m.Summary.Best <= 0 {
		m.Samples, m.Summary, m.Verdict, m.Reason = nil, nil, kernels.Unknown, "a long graph took less time than a short one"
	}
	return nil
}

// fastest is the shortest time of a few chains of so many nodes.
func (r *run) fastest(ctx context.Context, nodes int) (float64, error) {
	const tries = 5
	best := math.Inf(1)
	for range tries {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		took, end, err := r.Chain(r.Threads, nodes)
		if err != nil {
			return 0, err
		}
		if end != float64(nodes) {
			return 0, wrongResult{fmt.Errorf("a chain of %d additions of 1 ended with %g", nodes, end)}
		}
		best = min(best, took)
	}
	return best, nil
}
