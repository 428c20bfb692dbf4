package cu

import (
	"math/bits"

	"ceiling/hip/standin/gcn"
)

// regs is a set of registers: 256 vector ones, then 128 scalar ones.
type regs [6]uint64

func (r *regs) add(i, n int) {
	for ; n > 0; i, n = i+1, n-1 {
		r[i/64] |= 1 << (i % 64)
	}
}

func (r *regs) join(o *regs) {
	for i := range r {
		r[i] |= o[i]
	}
}

func (r *regs) meets(o *regs) bool {
	return r[0]&o[0]|r[1]&o[1]|r[2]&o[2]|r[3]&o[3]|r[4]&o[4]|r[5]&o[5] != 0
}

// first is a register that both have.
func (r *regs) first(o *regs) int {
	for i := range r {
		if m := r[i] & o[i]; m != 0 {
			return 64*i + bits.TrailingZeros64(m)
		}
	}
	return -1
}

// operand adds a register operand.
func (r *regs) operand(o gcn.Operand) {
	switch o.Kind {
	case gcn.VGPR:
		r.add(o.Reg, min(o.Width, 256-o.Reg))
	case gcn.SGPR:
		r.add(256+o.Reg, min(o.Width, 128-o.Reg))
	}
}

// touched are all registers that an instruction reads or writes; of a load
// those that it writes come apart.
func touched(in *gcn.Inst) (r, loaded regs) {
	ops := in.Operands()
	if in.Dst.Kind != gcn.None && counter(in) != none && !isStore(in) {
		loaded.operand(in.Dst)
		ops[0] = gcn.Operand{}
	}
	for _, o := range ops {
		r.operand(o)
	}
	return r, loaded
}

// The counters of operations under way.
const (
	none = iota
	vector
	local
	scalar
)

// counter is the one that a memory instruction's results are waited for with.
func counter(in *gcn.Inst) int {
	switch in.Format {
	case gcn.SMEM:
		return scalar
	case gcn.DS:
		return local
	case gcn.Flat, gcn.Global, gcn.Scratch, gcn.MUBUF:
		return vector
	}
	return none
}

// waits are the memory operations that a program has not waited for. Their
// results are in the registers already; on a card they may not be.
type waits struct {
	vector []regs  // vmcnt, in order
	local  []regs  // lgkmcnt: LDS and flat, in order
	scalar []regs  // lgkmcnt: scalar memory, in any order
	all    [4]regs // of each counter
	any    regs    // of all counters
}

// issue adds an operation whose results go to the registers r. Of a flat one
// both counters rise, but what comes from global memory has come when vmcnt says
// so; metLDS: some came from LDS.
func (q *waits) issue(f gcn.Format, r regs, metLDS bool) {
	switch f {
	case gcn.SMEM:
		q.add(scalar, &q.scalar, &r)
	case gcn.DS:
		q.add(local, &q.local, &r)
	case gcn.Flat:
		q.add(vector, &q.vector, &r)
		if !metLDS {
			r = regs{}
		}
		q.add(local, &q.local, &r)
	default:
		q.add(vector, &q.vector, &r)
	}
}

func (q *waits) add(counter int, list *[]regs, r *regs) {
	*list = append(*list, *r)
	q.all[counter].join(r)
	q.any.join(r)
}

func isStore(in *gcn.Inst) bool {
	a, ok := accessOf(in.Name)
	return ok && a.store
}

// done takes away what s_waitcnt has waited for. Scalar loads come back in any
// order, so only a count of 0 says anything about them.
func (q *waits) done(vm, lgkm int) {
	if lgkm == 0 {
		q.keep(scalar, &q.scalar, 0)
	}
	if len(q.scalar) == 0 {
		q.keep(local, &q.local, lgkm)
	}
	q.keep(vector, &q.vector, vm)
	q.any = q.all[vector]
	q.any.join(&q.all[local])
	q.any.join(&q.all[scalar])
}

// keep leaves the last n of a counter's operations.
func (q *waits) keep(counter int, list *[]regs, n int) {
	if len(*list) <= n {
		return
	}
	*list = append((*list)[:0], (*list)[len(*list)-n:]...)
	q.all[counter] = regs{}
	for i := range *list {
		q.all[counter].join(&(*list)[i])
	}
}

// checkWaits faults where an instruction uses a register that memory may still
// write. Loads of one kind come back in order, but for scalar ones, so a second
// into the same register may follow at once.
func (w *wave) checkWaits(s *step) {
	own := counter(&s.Inst)
	for i := range w.wait.all {
		pending := &w.wait.all[i]
		if s.touches.meets(pending) {
			w.tooEarly(s.touches.first(pending))
		}
		if (i != own || own == scalar) && s.loads.meets(pending) {
			w.tooEarly(s.loads.first(pending))
		}
	}
}

func (w *wave) tooEarly(register int) {
	file := "v"
	if register >= 256 {
		register, file = register-256, "s"
	}
	w.fail(-1, "%s%d is used before s_waitcnt says that its load is done", file, register)
}

// accumulators are, for each accumulation register, the matrix instruction that
// wrote it last: when, how long it takes, and which registers it writes.
type accumulators [256]struct {
	at                   int64
	passes, first, count int16
}

// Wait states between a matrix instruction of 2, 8 or 16 passes and an
// instruction that reads what it wrote: as LLVM's hazard recognizer has them
// for gfx908, they are the passes, and two more unless it only adds to it. A
// second matrix instruction that accumulates into the very same registers needs
// none.
func statesUntilRead(passes int16) int64  { return int64(passes) + 2 }
func statesUntilAdded(passes int16) int64 { return int64(passes) }

// passesOf is how long a matrix instruction takes.
func passesOf(in *gcn.Inst) int16 {
	s, _ := shapeOf(in.Name)
	switch s.m {
	case 32:
		return 16
	case 16:
		return 8
	}
	return 2
}

// checkMatrix faults where the result of a matrix instruction is read too
// early, and notes what this one writes.
func (w *wave) checkMatrix(s *step) {
	in := &s.Inst
	w.early(in.Src[0], statesUntilRead, false)
	if s.passes == 0 {
		return // a move
	}
	w.early(in.Src[1], statesUntilRead, false)
	w.early(in.Src[2], statesUntilAdded, true)
	for r := in.Dst.Reg; r < in.Dst.Reg+in.Dst.Width && r < len(w.ready); r++ {
		x := &w.ready[r]
		x.at, x.passes, x.first, x.count = w.clock, s.passes, int16(in.Dst.Reg), int16(in.Dst.Width)
	}
}

// early faults where a source was written too short ago; same says that the
// very registers of the instruction before need no wait.
func (w *wave) early(o gcn.Operand, states func(passes int16) int64, same bool) {
	if o.Kind != gcn.AGPR {
		return
	}
	for r := o.Reg; r < o.Reg+o.Width && r < len(w.ready); r++ {
		x := w.ready[r]
		if x.passes == 0 || same && int(x.first) == o.Reg && int(x.count) == o.Width {
			continue
		}
		if passed := w.clock - x.at - 1; passed < states(x.passes) {
			w.fail(-1, "a%d is read %d wait states after the matrix instruction that writes it, %d are needed", r, passed, states(x.passes))
		}
	}
}
