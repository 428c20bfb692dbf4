package gpu

import (
	"fmt"

	"ceiling/hip/launch"
	"ceiling/kernels"
)

// Peaks of gfx908, from the configuration of AMD's rocprof-compute for it.
const (
	// hbmPeak is 4096 bits × 2 × 1200 MHz, in bytes a second.
	hbmPeak = 1228.8e9
	l2Clock = 32 * 64 // bytes: 32 channels of 64 bytes
	// Bytes of a cycle and compute unit.
	l1Clock  = 64
	ldsClock = 128
)

func memoryProbes() []probe {
	files := []string{"memory"}
	return []probe{
		{name: "hbm.read", files: files, on: readWorks, pick: true},
		{name: "hbm.write", files: files, on: writeWorks},
		{name: "hbm.copy", files: files, on: copyWorks},
		{name: "hbm.triad", files: files, on: triadWorks},
	}
}

// granule is the bytes that all threads of a grid of streams touch in a pass of 8
// loads each: sizes are multiples of it.
func granule(g launch.Grid) int { return g.Groups * g.Threads * 16 * 8 }

// fitted is the largest multiple of a grid's granule in a number of bytes; at
// least one of it.
func fitted(bytes int, g launch.Grid) int { return max(1, bytes/granule(g)) * granule(g) }

// streamGrid fills the card with a number of waves a SIMD.
func streamGrid(c *card, sc scale, threads, waves int) launch.Grid {
	if sc.standin {
		return launch.Grid{Groups: 2, Threads: 256}
	}
	return launch.Grid{Groups: c.CUs * 4 * waves * 64 / threads, Threads: threads}
}

// masks are the operands of a probe: random bits, and zeros beside, which draw
// less.
var masks = []struct {
	name string
	mask uint32
}{{"random bits", ^uint32(0)}, {"zeros", 0}}

// readWorks are reads with 1 to 8 loads in flight, in grids that hold 2 to 10 waves
// a SIMD, as far as the kernel's registers allow.
func readWorks(c *card, sc scale) ([]*work, error) {
	var out []*work
	a, err := c.filled("fill", sc.pick(2<<30-1<<20, 192<<10), 0, ^uint32(0))
	if err != nil {
		return nil, err
	}
	for _, loads := range []int{1, 2, 4, 8} {
		name := fmt.Sprintf("read_%d", loads)
		for _, threads := range []int{256, 512, 1024} {
			for _, waves := range []int{2, 4, 8, 10} {
				if c.kernel(name).needs.Waves(threads) < waves || sc.standin && (threads != 256 || waves != 2) {
					continue
				}
				w, err := reads(c, name, a, streamGrid(c, sc, threads, waves))
				if err != nil {
					return nil, err
				}
				w.variant = fmt.Sprintf("%d loads, %d threads, %d waves a SIMD", loads, threads, waves)
				w.limit = limit{fixed: hbmPeak}
				out = append(out, w)
			}
		}
	}
	return out, nil
}

// reads is a stream out of memory that was filled with words, on card c; the
// memory may be another's.
func reads(c *card, name string, a launch.Buffer, g launch.Grid) (*work, error) {
	n := fitted(a.Bytes, g)
	sums, err := c.Alloc(4*g.Groups*g.Threads, launch.Cached)
	if err != nil {
		return nil, err
	}
	w := work{unit: kernels.BytesPerSecond, bytes: int64(n), amount: float64(n)}
	w.check = func(rounds int) error { return checkSum(sums, uint32(rounds)*sumWords(uint64(n/4))) }
	return c.timed(w, name, g, func(rounds int) []any { return []any{a, uint32(n), uint32(rounds), sums} }), nil
}

// checkSum adds up what threads left.
func checkSum(sums launch.Buffer, want uint32) error {
	values, err := words32(sums)
	if err != nil {
		return err
	}
	got := uint32(0)
	for _, v := range values {
		got += v
	}
	if got != want {
		return fmt.Errorf("the sum of all that was read is %#x, it should be %#x", got, want)
	}
	return nil
}

func writeWorks(c *card, sc scale) ([]*work, error) {
	g := streamGrid(c, sc, 256, 8)
	a, err := c.Alloc(fitted(sc.pick(1<<30, 128<<10), g), launch.Cached)
	if err != nil {
		return nil, err
	}
	var out []*work
	for _, m := range masks {
		w := writes(c, a, g, m.mask)
		w.variant, w.limit = m.name, limit{fixed: hbmPeak}
		out = append(out, w)
	}
	return out, nil
}

// writes is a stream into memory, which may be another card's. The check is of
// the card that has it.
func writes(c *card, a launch.Buffer, g launch.Grid, mask uint32) *work {
	w := work{unit: kernels.BytesPerSecond, bytes: int64(a.Bytes), amount: float64(a.Bytes)}
	w.reset = func() error { return a.Set(0x5a) }
	w.check = func(rounds int) error { return c.counted("check_write", a, mask, 0, 0, rounds-1) }
	return c.timed(w, "write_4", g, func(rounds int) []any { return []any{a, uint32(a.Bytes), uint32(rounds), mask} })
}

// filled is a buffer of words from a first one on.
func (c *card) filled(kernel string, bytes int, first uint64, mask uint32) (launch.Buffer, error) {
	b, err := c.Alloc(bytes, launch.Cached)
	if err != nil {
		return b, err
	}
	return b, c.do(kernel, launch.Grid{Groups: c.checkGroups(bytes), Threads: 256}, b, uint32(bytes), mask, first)
}

func copyWorks(c *card, sc scale) ([]*work, error) {
	g := streamGrid(c, sc, 256, 8)
	n := fitted(sc.pick(1<<30, 128<<10), g)
	var out []*work
	b, err := c.Alloc(n, launch.Cached)
	if err != nil {
		return nil, err
	}
	for _, m := range masks {
		a, err := c.filled("fill", n, 0, m.mask)
		if err != nil {
			return nil, err
		}
		w := work{variant: m.name, unit: kernels.BytesPerSecond, bytes: int64(n), amount: 2 * float64(n), limit: limit{fixed: hbmPeak}}
		w.reset = func() error { return b.Set(0x5a) }
		w.check = func(rounds int) error { return c.counted("check_copy", b, m.mask, 0, 0, rounds-1) }
		out = append(out, c.timed(w, "copy_4", g, func(rounds int) []any { return []any{a, b, uint32(n), uint32(rounds)} }))
	}
	return out, nil
}

func triadWorks(c *card, sc scale) ([]*work, error) {
	g := streamGrid(c, sc, 256, 8)
	n := fitted(sc.pick(1<<30, 128<<10), g)
	const second = 1 << 40 // the word that the second source begins with
	var out []*work
	a, err := c.Alloc(n, launch.Cached)
	if err != nil {
		return nil, err
	}
	for _, m := range masks {
		x, err := c.filled("fill_floats", n, 0, m.mask)
		if err != nil {
			return nil, err
		}
		y, err := c.filled("fill_floats", n, second, m.mask)
		if err != nil {
			return nil, err
		}
		w := work{variant: m.name, unit: kernels.BytesPerSecond, bytes: int64(n), amount: 3 * float64(n), limit: limit{fixed: hbmPeak}}
		w.reset = func() error { return a.Set(0x5a) }
		w.check = func(rounds int) error { return c.counted("check_triad", a, m.mask, 0, second, rounds-1) }
		out = append(out, c.timed(w, "triad_2", g, func(rounds int) []any { return []any{a, x, y, uint32(n), uint32(rounds)} }))
	}
	return out, nil
}
