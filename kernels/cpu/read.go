package cpu

import (
	"context"
	"fmt"
	"slices"

	"ceiling/kernels"
	"ceiling/kernels/cpu/internal/probe"
)

// How much is read.
const (
	minMemory = 512 << 20 // bytes of the memory probe, at least
	cacheRuns = 8         // and so many times the last cache
	windows   = 8         // that the memory is read in, one a round
	wordBytes = 8
	granule   = 4096 // parts begin and end at whole pages
)

// beyond are sizes in last caches. Read again and again, little of what is beyond
// a cache's size is still in it when its turn comes.
var beyond = []float64{1, 1.25, 1.5, 2, 3}

// read measures the reading of memory, then of each cache that is known, then of
// what is a little too large for the last one.
func (r *run) read(ctx context.Context) error {
	levels := caches(r.sys, r.cpus)
	size := int64(minMemory)
	if n := len(levels); n > 0 {
		size = max(size, cacheRuns*levels[n-1].total)
	}
	if err := r.readSize(ctx, "memory", size, windows); err != nil {
		return err
	}
	for _, c := range slices.Backward(levels) {
		// Half of it: what else is in use has its place too.
		if err := r.readSize(ctx, fmt.Sprintf("L%d", c.level), c.perThread/2*int64(len(r.cpus)), 1); err != nil {
			return err
		}
	}
	for _, times := range beyond {
		if n := len(levels); n > 0 {
			if err := r.readSize(ctx, fmt.Sprintf("%g%s%d", times, kernels.Beyond, levels[n-1].level), int64(times*float64(levels[n-1].total)), 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// reader is the name of the best kernel that the engine's instructions allow.
func reader(features []string) string {
	for _, k := range []struct{ feature, kernel string }{{"AVX512", "read_avx512"}, {"AVX2", "read_avx2"}} {
		if slices.Contains(features, k.feature) && probe.Has(k.kernel) {
			return k.kernel
		}
	}
	return "read_plain"
}

// readSize measures the reading of so many bytes, shared out among the threads. A
// round reads one window of each thread's part after the other, so that what is
// read next was read longest ago.
func (r *run) readSize(ctx context.Context, variant string, size int64, windows int) error {
	per := int(size) / len(r.cpus) / windows / granule * granule
	if per == 0 {
		return nil
	}
	r.tell(fmt.Sprintf("%s, %s", Read, variant))
	m, err := r.readWith(ctx, reader(r.Features), per, windows)
	m.Variant = variant
	r.out = append(r.out, m)
	return err
}

// readWith measures a kernel that reads windows of per bytes for each thread.
func (r *run) readWith(ctx context.Context, kernel string, per, windows int) (kernels.Measurement, error) {
	m := kernels.Measurement{Probe: Read, Bytes: int64(per * windows * len(r.cpus)), Unit: kernels.BytesPerSecond}
	memory, err := probe.Map(int(m.Bytes))
	if err != nil {
		m.Verdict, m.Reason = kernels.Missing, err.Error()
		return m, nil
	}
	defer memory.Free()
	sums := make([][]uint64, windows) // by window and thread
	for w := range sums {
		times, err := probe.Run("fill", memory, r.parts(per, w), 1)
		if err != nil {
			return m, err
		}
		for _, t := range times {
			sums[w] = append(sums[w], t.Sum)
		}
	}
	s := r.sampler(kernel, memory, nil, nil)
	read := windowReader{r: r, kernel: kernel, memory: memory, per: per, sums: sums}
	s.run, s.right = read.rounds, read.right
	return m, s.fill(ctx, &m, func(rounds uint64) float64 { return float64(rounds) * float64(per*len(r.cpus)) })
}

// parts are the threads' windows number w.
func (r *run) parts(per, w int) []probe.Part {
	parts := make([]probe.Part, len(r.cpus))
	for i, cpu := range r.cpus {
		parts[i] = probe.Part{CPU: cpu, Offset: (w*len(r.cpus) + i) * per, Size: per / wordBytes}
	}
	return parts
}

// windowReader reads windows in turn, a round each.
type windowReader struct {
	r      *run
	kernel string
	memory probe.Pages
	per    int
	sums   [][]uint64 // that each thread must find, by window
	next   int        // window
	found  []uint64   // by thread, in the last call
	want   []uint64
}

// rounds reads so many windows. Where there is one, a kernel reads it again and
// again by itself.
func (w *windowReader) rounds(rounds uint64) (took float64, all []probe.Time, err error) {
	n := len(w.r.cpus)
	w.found, w.want = make([]uint64, n), make([]uint64, n)
	calls, inside := rounds, uint64(1)
	if len(w.sums) == 1 {
		calls, inside = 1, rounds
	}
	for range calls {
		times, err := probe.Run(w.kernel, w.memory, w.r.parts(w.per, w.next), inside)
		if err != nil {
			return 0, nil, err
		}
		for i, t := range times {
			w.found[i] += t.Sum
			w.want[i] += w.sums[w.next][i] * inside
		}
		took += span(times)
		all = add(all, fromFirst(times))
		w.next = (w.next + 1) % len(w.sums)
	}
	return took, all, nil
}

// add sums up what the threads got, call by call.
func add(all, times []probe.Time) []probe.Time {
	if all == nil {
		return times
	}
	for i := range all {
		all[i].CPUTime += times[i].CPUTime
		all[i].Start += times[i].Start // how late it began, in all
		all[i].End += times[i].End
		all[i].ClockHz = times[i].ClockHz
	}
	return all
}

func (w *windowReader) right(_ uint64, _ []probe.Time) error {
	for i := range w.found {
		if w.found[i] != w.want[i] {
			return fmt.Errorf("thread %d found the sum %x of what it read, not %x", i, w.found[i], w.want[i])
		}
	}
	return nil
}
