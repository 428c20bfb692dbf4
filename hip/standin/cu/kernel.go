package cu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Dispatch is a kernel launch, as its AQL packet has it.
type Dispatch struct {
	Name            string // of the kernel, for messages
	Object          uint64 // address of the kernel's descriptor
	Kernarg         uint64 // address of its arguments
	Grid, Workgroup [3]int // in work items
	LDS             int    // bytes of a workgroup
	Private         int    // bytes of a work item
	Packet, Queue   uint64 // addresses that the kernel may ask for
}

// descriptor is what a code object says of a kernel.
type descriptor struct {
	entry        uint64
	rsrc1, rsrc2 uint32
	properties   uint16
}

const descriptorBytes = 64

func readDescriptor(mem Memory, at uint64) (descriptor, error) {
	host, base := mem.Region(at)
	if host == nil || at-base+descriptorBytes > uint64(len(host)) {
		return descriptor{}, fmt.Errorf("no kernel descriptor at %#x", at)
	}
	b := host[at-base:]
	le := binary.LittleEndian
	return descriptor{
		entry: at + le.Uint64(b[16:]), rsrc1: le.Uint32(b[48:]), rsrc2: le.Uint32(b[52:]), properties: le.Uint16(b[56:]),
	}, nil
}

// Run executes a kernel to its end, its workgroups over all cores, and returns
// what was counted. An error is a *Fault, or says what is wrong with the
// launch.
func (p *Program) Run(d Dispatch, clock func() uint64) (Counts, error) {
	desc, err := readDescriptor(p.mem, d.Object)
	if err != nil {
		return Counts{}, err
	}
	var groups [3]int
	total := 1
	for i := range groups {
		if d.Workgroup[i] <= 0 || d.Grid[i] <= 0 {
			return Counts{}, fmt.Errorf("kernel %s: grid %v in workgroups of %v", d.Name, d.Grid, d.Workgroup)
		}
		groups[i] = (d.Grid[i] + d.Workgroup[i] - 1) / d.Workgroup[i]
		total *= groups[i]
	}
	r := launch{p: p, d: &d, desc: desc, groups: groups, total: int64(total)}
	workers := min(runtime.GOMAXPROCS(0), total)
	var wg sync.WaitGroup
	counts := make([]counters, workers)
	errs := make([]error, workers)
	for i := range workers {
		counts[i].clock = clock
		wg.Go(func() { errs[i] = r.work(&counts[i]) })
	}
	wg.Wait()
	var sum Counts
	for i := range counts {
		counts[i].sum(p, &sum)
	}
	return sum, errors.Join(errs...)
}

// launch is a kernel being executed.
type launch struct {
	p      *Program
	d      *Dispatch
	desc   descriptor
	groups [3]int
	total  int64
	next   atomic.Int64
	failed atomic.Bool
}

// idle waves are used again: each is 130 KB.
var idle = sync.Pool{New: func() any { return new(wave) }}

// work runs workgroups until there are no more.
func (r *launch) work(count *counters) error {
	var waves []*wave
	defer func() {
		for _, w := range waves {
			idle.Put(w)
		}
	}()
	lds := make([]byte, r.d.LDS)
	for !r.failed.Load() {
		n := r.next.Add(1) - 1
		if n >= r.total {
			return nil
		}
		at := [3]int{int(n) % r.groups[0], int(n) / r.groups[0] % r.groups[1], int(n) / r.groups[0] / r.groups[1]}
		waves = r.prepare(waves, at, lds, count)
		if err := r.group(waves); err != nil {
			r.failed.Store(true)
			return err
		}
	}
	return nil
}

// group runs the waves of a workgroup in turns until all have ended.
func (r *launch) group(waves []*wave) error {
	for left := len(waves); left > 0; {
		waiting := 0
		for _, w := range waves {
			if w.done {
				continue
			}
			if !w.barrier {
				if err := r.turn(w); err != nil {
					return err
				}
				if w.done {
					left--
					continue
				}
			}
			if w.barrier {
				waiting++
			}
		}
		if waiting == left { // ended waves count as arrived
			for _, w := range waves {
				w.barrier = false
			}
		}
	}
	return nil
}

// turn runs one wave, and makes a fault out of what it panics with.
func (r *launch) turn(w *wave) (err error) {
	defer func() {
		x := recover()
		if x == nil {
			if f, ok := err.(*Fault); ok {
				f.Kernel = r.d.Name
			}
			return
		}
		f, ok := x.(*Fault)
		if !ok {
			f = &Fault{Lane: -1, Reason: fmt.Sprint(x)}
		}
		f.Kernel = r.d.Name
		if w.at != nil {
			f.Offset, f.Text = w.at.pc-r.p.entry, w.at.String()
		}
		err = f
	}()
	return w.run(r.p)
}

// prepare gives the waves of a workgroup the registers that the hardware
// would.
func (r *launch) prepare(waves []*wave, at [3]int, lds []byte, count *counters) []*wave {
	d := r.d
	var size [3]int
	items := 1
	for i := range size {
		size[i] = min(d.Workgroup[i], d.Grid[i]-at[i]*d.Workgroup[i])
		items *= size[i]
	}
	n := (items + Lanes - 1) / Lanes
	for len(waves) < n {
		waves = append(waves, idle.Get().(*wave))
	}
	for ; len(waves) > n; waves = waves[:len(waves)-1] {
		idle.Put(waves[len(waves)-1])
	}
	count.own.Waves += int64(n)
	clear(lds)
	for i, w := range waves {
		w.reset(r, lds, count)
		first := i * Lanes
		active := min(Lanes, items-first)
		w.set64(126, ^uint64(0)>>(Lanes-active))
		for l := range Lanes {
			id := first + l
			w.v[0][l] = uint32(id % size[0])
			w.v[1][l] = uint32(id / size[0] % size[1])
			w.v[2][l] = uint32(id / size[0] / size[1])
		}
		w.userRegisters(r, at)
	}
	return waves
}

// garbage is what registers hold that nobody has written.
const garbage = 0x7fc0dead // a NaN, and no address

var unwritten = *broadcast(new(vec), garbage)

// registers is how many vector registers a kernel has, and as many accumulation
// registers.
func (d *descriptor) registers() int { return min(256, 4*int(d.rsrc1&63+1)) }

// reset makes a new wave of a used one. Registers that the kernel does not have
// are left alone: no instruction of it may name them.
func (w *wave) reset(r *launch, lds []byte, count *counters) {
	w.mem, w.lds, w.private, w.pc, w.count = r.p.mem, lds, r.d.Private, r.desc.entry, count
	w.host, w.base, w.at = nil, 0, nil
	w.scc, w.done, w.barrier, w.slept, w.metLDS, w.clock = false, false, false, false, false, 0
	w.wait.done(0, 0)
	w.ready = accumulators{}
	clear(w.s[:])
	n := r.desc.registers()
	for i := range n {
		w.v[i], w.a[i] = unwritten, unwritten
	}
	if n := r.d.Private * Lanes; cap(w.scratch) >= n {
		w.scratch = w.scratch[:n]
	} else {
		w.scratch = make([]byte, n)
	}
	w.setMode(r.desc.rsrc1 >> 12 & 0xff)
}

// userRegisters are the scalar registers in which a kernel finds its arguments
// and its place in the grid.
func (w *wave) userRegisters(r *launch, at [3]int) {
	n := 0
	put := func(words ...uint32) { n += copy(w.s[n:], words) }
	put64 := func(x uint64) { put(uint32(x), uint32(x>>32)) }
	p := r.desc.properties
	for i, f := range []func(){
		func() { put(0, scratchTag>>32, 0, 1<<23) },
		func() { put64(r.d.Packet) },
		func() { put64(r.d.Queue) },
		func() { put64(r.d.Kernarg) },
		func() { put64(0) }, // dispatch id
		func() { put64(0) }, // flat scratch: the aperture is translated here
		func() { put(uint32(r.d.Private)) },
	} {
		if p>>i&1 == 1 {
			f()
		}
	}
	for i, g := range at {
		if r.desc.rsrc2>>(7+i)&1 == 1 {
			put(uint32(g))
		}
	}
	if r.desc.rsrc2>>10&1 == 1 {
		put(0) // workgroup info
	}
	if r.desc.rsrc2&1 == 1 {
		put(0) // the wave's offset into scratch: each has its own here
	}
}
