// Package cpu measures what the CPUs of this machine can do at most: read from
// memory and caches, multiply and add with the instructions that the engine uses,
// make the products of quantised blocks, and begin the next node of a compute graph.
//
// Threads are pinned. A sample counts where every thread had its CPU for all of
// it, and only while the results are right.
package cpu

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"ceiling/kernels"
	"ceiling/kernels/cpu/internal/probe"
)

// The probes' names.
const (
	Read  = "cpu.read"  // bytes/s from memory and caches, by size
	FMA   = "cpu.fma"   // 32-bit floats
	BF16  = "cpu.bf16"  // bfloat16 pairs to 32-bit floats
	Dot   = "cpu.dot"   // products of bytes, added up in 32 bits
	Block = "cpu.block" // products of blocks, by storage type: "cpu.block.q4_0"
	Node  = "cpu.node"  // seconds of a node of a graph that computes next to nothing
)

// Probes lists them in the order in which they run.
func Probes() []string { return []string{Read, FMA, BF16, Dot, Block, Node} }

// HostProbeOptions say what is measured.
type HostProbeOptions struct {
	Threads  int      // ≥ 1
	Features []string // of the engine's CPU back end, by its names: "AVX2", "FMA"
	Only     []string // of the probes; none: all
	// Limit is the time for each figure.
	Limit time.Duration
	// Chain computes a graph of so many nodes, each of which adds 1 to the one
	// before, on so many threads of the engine. It returns the time in seconds and
	// the number that it ended with. nil: the engine can't.
	Chain func(threads, nodes int) (seconds, end float64, err error)
	Tell  func(what string) // is told of each figure before it is measured; may be nil
}

// run is a run of the probes.
type run struct {
	HostProbeOptions
	cpus []int
	sys  fs.FS
	out  []kernels.Measurement
}

// Measure runs the probes. What could not be measured is in the list, with the
// reason. An error is of the system or the context.
func Measure(ctx context.Context, o HostProbeOptions) ([]kernels.Measurement, error) {
	from, err := allowed()
	if err != nil {
		return nil, err
	}
	r := &run{HostProbeOptions: o, sys: os.DirFS("/")}
	r.cpus = choose(r.sys, from, o.Threads)
	for _, p := range []struct {
		name string
		run  func(context.Context) error
	}{
		{Read, r.read},
		{FMA, func(ctx context.Context) error { return r.arith(ctx, FMA, fma) }},
		{BF16, func(ctx context.Context) error { return r.arith(ctx, BF16, bf16) }},
		{Dot, func(ctx context.Context) error { return r.arith(ctx, Dot, dot) }},
		{Block, r.blocks},
		{Node, r.node},
	} {
		if len(o.Only) > 0 && !slices.Contains(o.Only, p.name) {
			continue
		}
		if err := p.run(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return r.out, nil
}

func (r *run) tell(what string) {
	if r.Tell != nil {
		r.Tell(what)
	}
}

// cores are the CPUs in use.
func (r *run) cores() int {
	return len(slices.Compact(slices.Sorted(slices.Values(r.cpus))))
}

// arith measures with the best of the kernels.
func (r *run) arith(ctx context.Context, name string, list []arith) error {
	a := best(list, r.Features)
	if a == nil || !probe.Has(a.kernel) {
		r.out = append(r.out, noInstructions(kernels.Measurement{Probe: name, Unit: kernels.OpsPerSecond}))
		return nil
	}
	m := kernels.Measurement{Probe: name, Variant: a.set, Unit: kernels.OpsPerSecond}
	data, sum := a.operands(rand.New(rand.NewPCG(1, 2)))
	if err := r.compute(ctx, m, a.kernel, data, sum, a.ops()); err != nil {
		return err
	}
	last := &r.out[len(r.out)-1]
	last.PeakAtClock = a.peakAtClock(r.cores(), last.ClockHz)
	return nil
}

// noInstructions is a measurement that there is no kernel for.
func noInstructions(m kernels.Measurement) kernels.Measurement {
	m.Verdict, m.Reason = kernels.Missing, "the engine's CPU back end uses no instructions that this probe has"
	return m
}

// compute measures a kernel that makes ops operations a round with its data, of
// which each thread's checksum is sum(rounds).
func (r *run) compute(ctx context.Context, m kernels.Measurement, kernel string, data []byte, sum func(rounds uint64) uint64, ops float64) error {
	r.tell(m.Probe + ", " + m.Variant)
	memory, err := probe.Map(len(data))
	if err != nil {
		return err
	}
	defer memory.Free()
	memory.Write(data)
	parts := make([]probe.Part, len(r.cpus))
	for i, cpu := range r.cpus {
		parts[i] = probe.Part{CPU: cpu, Size: len(data)}
	}
	s := r.sampler(kernel, memory, parts, func(rounds uint64, times []probe.Time) error {
		for i, t := range times {
			if want := sum(rounds); t.Sum != want {
				return fmt.Errorf("thread %d computed %d after %d rounds, not %d", i, int64(t.Sum), rounds, int64(want))
			}
		}
		return nil
	})
	if err := s.fill(ctx, &m, func(rounds uint64) float64 { return ops * float64(rounds) * float64(len(parts)) }); err != nil {
		return err
	}
	r.out = append(r.out, m)
	return nil
}

// sampler takes samples of a kernel that works on the same parts every time.
func (r *run) sampler(kernel string, memory probe.Pages, parts []probe.Part, right func(uint64, []probe.Time) error) *sampler {
	return &sampler{limit: r.Limit, now: time.Now, right: right, run: func(rounds uint64) (float64, []probe.Time, error) {
		times, err := probe.Run(kernel, memory, parts, rounds)
		return span(times), fromFirst(times), err
	}}
}
