package gpu

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"ceiling/hip/launch"
	"ceiling/kernels"
)

func cacheProbes() []probe {
	files := []string{"cache"}
	chase := func(bytes, standin int) func(c *card, sc scale) ([]*work, error) {
		return func(c *card, sc scale) ([]*work, error) { return chaseWorks(c, sc.pick(bytes, standin)) }
	}
	return []probe{
		{name: "l2.read", files: files, on: l2Works},
		{name: "l1.read", files: files, on: l1Works},
		{name: "lds.read", files: files, on: ldsWorks("lds_1", 1)},
		{name: "lds.conflict", files: files, on: ldsWorks("lds_2", 2)},
		{name: "latency.l1", files: files, on: chase(8<<10, 8<<10)},
		{name: "latency.l2", files: files, on: chase(2<<20, 16<<10)},
		{name: "latency.hbm", files: files, on: chase(512<<20, 64<<10)},
	}
}

// cacheGrid is one workgroup of 1024 threads for each compute unit.
func cacheGrid(c *card, sc scale) launch.Grid {
	return launch.Grid{Groups: sc.pick(c.CUs, 2), Threads: sc.pick(1024, 256)}
}

func (c *card) cacheFill(bytes int) (launch.Buffer, error) {
	b, err := c.Alloc(bytes, launch.Cached)
	if err != nil {
		return b, err
	}
	return b, c.do("fill_words", launch.Grid{Groups: c.checkGroups(bytes), Threads: 256}, b, uint64(bytes/16))
}

func l2Works(c *card, sc scale) ([]*work, error) {
	g := cacheGrid(c, sc)
	pieces := sc.pick(4096, 128)
	a, err := c.cacheFill(pieces << 10)
	if err != nil {
		return nil, err
	}
	sums, err := c.Alloc(4*g.Groups*g.Threads, launch.Cached)
	if err != nil {
		return nil, err
	}
	waves := g.Groups * g.Threads / 64
	w := work{unit: kernels.BytesPerSecond, bytes: int64(a.Bytes), amount: float64(waves) * float64(a.Bytes),
		limit: limit{perClock: l2Clock, nominal: c.ClockHz}}
	w.check = func(rounds int) error {
		return checkSum(sums, uint32(rounds)*uint32(waves)*sumWords(uint64(a.Bytes/4)))
	}
	return []*work{c.timed(w, "l2", g, func(rounds int) []any { return []any{a, uint32(pieces), uint32(rounds), sums} })}, nil
}

func l1Works(c *card, sc scale) ([]*work, error) {
	const each = 12 << 10 // of a workgroup
	g := cacheGrid(c, sc)
	a, err := c.cacheFill(g.Groups * each)
	if err != nil {
		return nil, err
	}
	sums, err := c.Alloc(4*g.Groups*g.Threads, launch.Cached)
	if err != nil {
		return nil, err
	}
	waves := g.Threads / 64
	w := work{unit: kernels.BytesPerSecond, bytes: each, amount: float64(waves) * float64(a.Bytes),
		limit: limit{perClock: l1Clock * float64(c.CUs), nominal: c.ClockHz}}
	w.check = func(rounds int) error {
		return checkSum(sums, uint32(rounds)*uint32(waves)*sumWords(uint64(a.Bytes/4)))
	}
	return []*work{c.timed(w, "l1", g, func(rounds int) []any { return []any{a, uint32(rounds), sums} })}, nil
}

// ldsWorks read 8 KiB of LDS with each wave, 16 bytes a lane, whose places are a
// number of times 16 bytes apart.
func ldsWorks(name string, stride int) func(c *card, sc scale) ([]*work, error) {
	return func(c *card, sc scale) ([]*work, error) {
		g := cacheGrid(c, sc)
		sums, err := c.Alloc(4*g.Groups*g.Threads, launch.Cached)
		if err != nil {
			return nil, err
		}
		waves := g.Groups * g.Threads / 64
		w := work{unit: kernels.BytesPerSecond, bytes: 8 << 10, amount: float64(waves * 8 << 10),
			limit: limit{perClock: ldsClock * float64(c.CUs) / float64(stride), nominal: c.ClockHz}}
		if stride > 1 {
			w.variant = fmt.Sprintf("%d-way bank conflict", stride)
		}
		w.check = func(rounds int) error {
			wave := uint32(0)
			for k := range uint64(512) {
				for i := range uint64(4) {
					wave += word(4*k*uint64(stride) + i)
				}
			}
			return checkSum(sums, uint32(rounds)*uint32(waves)*wave)
		}
		return []*work{c.timed(w, name, g, func(rounds int) []any { return []any{uint32(rounds), sums} })}, nil
	}
}

// chaseSteps is what a round of the pointer chase is, and what its loop unrolls.
const chaseSteps = 64

// chaseWorks follow pointers through all of a buffer, 64 bytes each, in random
// order.
func chaseWorks(c *card, bytes int) ([]*work, error) {
	n := bytes / 64
	order := make([]uint32, n)
	for i, v := range rand.New(rand.NewPCG(1, uint64(n))).Perm(n) {
		order[i] = uint32(v)
	}
	memory, err := c.Alloc(bytes, launch.Cached)
	if err != nil {
		return nil, err
	}
	list, err := c.upload32(order)
	if err != nil {
		return nil, err
	}
	if err := c.do("link", launch.Grid{Groups: c.checkGroups(bytes), Threads: 256}, memory, list, uint32(n)); err != nil {
		return nil, err
	}
	starts, err := c.Alloc(8, launch.Cached)
	if err != nil {
		return nil, err
	}
	node := func(k int) uint64 { return memory.Address + 64*uint64(order[k%n]) }
	if err := starts.Upload(binary.LittleEndian.AppendUint64(nil, node(0))); err != nil {
		return nil, err
	}
	end, err := c.Alloc(8, launch.Cached)
	if err != nil {
		return nil, err
	}
	w := work{unit: kernels.Cycles, bytes: int64(bytes), amount: chaseSteps}
	w.reset = func() error { return end.Set(0) }
	w.check = func(rounds int) error {
		got := make([]byte, 8)
		if err := end.Download(got); err != nil {
			return broken{err}
		}
		if p, want := binary.LittleEndian.Uint64(got), node(rounds*chaseSteps); p != want {
			return fmt.Errorf("after %d steps the chase is at %#x, it should be at %#x", rounds*chaseSteps, p, want)
		}
		return nil
	}
	return []*work{c.timed(w, "chase", launch.Grid{Groups: 1, Threads: 1}, func(rounds int) []any {
		return []any{starts, uint32(rounds * chaseSteps), end}
	})}, nil
}
