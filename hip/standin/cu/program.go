package cu

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"ceiling/hip/standin/gcn"
)

// step is one instruction, ready to run.
type step struct {
	gcn.Inst
	run     run
	pc      uint64
	touches regs  // registers that it uses
	loads   regs  // of a load, those that it writes later
	names   regs  // both
	memory  bool  // its results come later
	matrix  bool  // MFMA, or a move from accumulation registers
	passes  int16 // of MFMA, else 0
	states  int64 // wait states that it takes
}

// ending is how a block ends.
type ending uint8

const (
	falls ending = iota // into the next
	jumps
	jumpsIf
	barrier
	ends
	jumpsTo // the address in a register
)

// block is code without a branch but at its end.
type block struct {
	id     int
	pc     uint64
	code   []byte // as it was compiled
	steps  []step
	end    ending
	last   gcn.Inst // of a branch
	next   uint64   // behind the block
	target uint64   // of a branch
	when   func(w *wave) bool
	tally  Counts                   // of one pass through it
	follow [2]atomic.Pointer[block] // those that were found behind it last
}

// forms are the forms of a block's instructions.
func (b *block) forms() []string {
	list := []string{b.last.Form()}
	for i := range b.steps {
		list = append(list, b.steps[i].Form())
	}
	return list
}

// Program is the code of a kernel, compiled as far as it was reached.
type Program struct {
	ListForms bool // Run lists the forms of instructions that it executes

	entry  uint64
	limit  int // vector registers that the kernel has
	mem    Memory
	mu     sync.RWMutex
	blocks map[uint64]*block
	order  []*block
}

// NewProgram is the kernel whose descriptor is at an address.
func NewProgram(mem Memory, object uint64) (*Program, error) {
	d, err := readDescriptor(mem, object)
	if err != nil {
		return nil, err
	}
	return &Program{entry: d.entry, limit: d.registers(), mem: mem, blocks: map[uint64]*block{}}, nil
}

// Stale says whether the code in memory is another than the one compiled: its
// module was unloaded, and something else loaded there.
func (p *Program) Stale() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, b := range p.order {
		host, base := p.mem.Region(b.pc)
		if host == nil || !bytes.HasPrefix(host[b.pc-base:], b.code) {
			return true
		}
	}
	return false
}

// at returns the block that begins at an address.
func (p *Program) at(pc uint64) (*block, error) {
	p.mu.RLock()
	b := p.blocks[pc]
	p.mu.RUnlock()
	if b != nil {
		return b, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.blocks[pc]; b != nil {
		return b, nil
	}
	b, err := p.compile(pc)
	if err != nil {
		return nil, err
	}
	b.id = len(p.order)
	p.blocks[pc] = b
	p.order = append(p.order, b)
	return b, nil
}

// behind returns the block at an address to which a block, nil: none, has led.
func (p *Program) behind(b *block, pc uint64) (*block, error) {
	if b == nil {
		return p.at(pc)
	}
	link := &b.follow[0]
	if pc != b.next {
		link = &b.follow[1]
	}
	if to := link.Load(); to != nil && to.pc == pc {
		return to, nil
	}
	to, err := p.at(pc)
	if err == nil {
		link.Store(to)
	}
	return to, err
}

// longest block, in instructions: a bound on what is compiled in vain.
const longest = 4096

func (p *Program) compile(pc uint64) (*block, error) {
	host, base := p.mem.Region(pc)
	if host == nil {
		return nil, &Fault{Offset: pc - p.entry, Lane: -1, Reason: fmt.Sprintf("no code at %#x", pc)}
	}
	code := host[pc-base:]
	b := &block{pc: pc, next: pc}
	c := compiler{}
	for len(b.steps) < longest {
		in, err := gcn.Decode(code[b.next-pc:])
		if err != nil {
			return nil, &Fault{Offset: b.next - p.entry, Lane: -1, Reason: err.Error()}
		}
		c.in, c.pc = &in, b.next
		b.next += uint64(in.Size)
		b.tally.add(&in)
		if b.finish(&c) {
			break
		}
		s, err := c.step()
		if err == nil && p.beyond(&s.Inst) {
			err = fmt.Errorf("names a register beyond the %d that the kernel has", p.limit)
		}
		if err != nil {
			return nil, &Fault{Offset: c.pc - p.entry, Text: in.String(), Lane: -1, Reason: err.Error()}
		}
		b.steps = append(b.steps, s)
	}
	b.code = bytes.Clone(code[:b.next-pc])
	return b, nil
}

// beyond says whether an instruction names a vector register that the kernel
// does not have.
func (p *Program) beyond(in *gcn.Inst) bool {
	for _, o := range in.Operands() {
		if (o.Kind == gcn.VGPR || o.Kind == gcn.AGPR) && o.Reg+o.Width > p.limit {
			return true
		}
	}
	return false
}

// step compiles one instruction that is no branch.
func (c *compiler) step() (step, error) {
	f, err := c.compileOne()
	if err != nil {
		return step{}, err
	}
	in := c.in
	s := step{Inst: *in, run: f, pc: c.pc, states: 1}
	s.touches, s.loads = touched(in)
	s.names = s.touches
	s.names.join(&s.loads)
	switch in.Format {
	case gcn.SMEM:
		s.memory = in.Dst.Kind != gcn.None
	case gcn.DS:
		s.memory = in.Name != "ds_nop"
	case gcn.Flat, gcn.Global, gcn.Scratch:
		s.memory = true
	case gcn.MUBUF:
		s.memory = in.Dst.Kind != gcn.None
	case gcn.VOP3P:
		s.matrix = in.MFMA() || in.Name == "v_accvgpr_read_b32"
		if in.MFMA() {
			s.passes = passesOf(in)
		}
	case gcn.SOPP:
		if in.Name == "s_nop" {
			s.states = int64(in.Imm) + 1
		}
	}
	return s, nil
}

func (c *compiler) compileOne() (run, error) {
	switch c.in.Format {
	case gcn.SOP2:
		return c.sop2()
	case gcn.SOP1:
		if c.in.Name == "s_set_gpr_idx_idx" {
			a, err := c.scalar(c.in.Src[0])
			return func(w *wave) { w.s[gcn.M0] = w.s[gcn.M0]&^0xff | a(w)&0xff }, err
		}
		return c.sop1()
	case gcn.SOPC:
		if c.in.Name == "s_set_gpr_idx_on" {
			return c.indexOn()
		}
		return c.sopc()
	case gcn.SOPK:
		return c.sopk()
	case gcn.SOPP:
		return c.sopp()
	case gcn.SMEM:
		return c.smem()
	case gcn.DS:
		return c.lds()
	case gcn.Flat, gcn.Global, gcn.Scratch:
		return c.flat()
	case gcn.MUBUF:
		return c.buffer()
	}
	return c.vector()
}

// indexOn makes vector registers be counted from M0: the mask of operands is
// in the field of the second source.
func (c *compiler) indexOn() (run, error) {
	a, err := c.scalar(c.in.Src[0])
	if err != nil {
		return nil, err
	}
	o := c.in.Src[1]
	if o.Kind != gcn.SGPR || o.Reg > 15 {
		return nil, c.unknown()
	}
	c.indexed = uint32(o.Reg)
	return func(w *wave) { w.s[gcn.M0] = a(w)&0xff | uint32(o.Reg)<<12 }, nil
}

func (c *compiler) sopp() (run, error) {
	in := c.in
	switch in.Name {
	case "s_waitcnt":
		vm, _, lgkm := in.Waits()
		return func(w *wave) { w.wait.done(vm, lgkm) }, nil
	case "s_sleep":
		return func(w *wave) { w.slept = true }, nil
	case "s_nop", "s_setprio", "s_sethalt", "s_wakeup", "s_icache_inv", "s_incperflevel", "s_decperflevel", "s_sendmsg":
		return func(*wave) {}, nil
	case "s_set_gpr_idx_off":
		c.indexed = 0
		return func(*wave) {}, nil
	case "s_set_gpr_idx_mode":
		c.indexed = uint32(in.Imm & 15)
		return func(*wave) {}, nil
	case "s_trap":
		n := in.Imm & 0xff
		return func(w *wave) { w.fail(-1, "trap %d: the kernel gave up (an assertion, or abort)", n) }, nil
	}
	return nil, c.unknown()
}

// finish ends a block with a branch, a barrier or the program's end.
func (b *block) finish(c *compiler) bool {
	in := c.in
	b.last = *in
	if in.Has("rel") {
		b.target = c.pc + 4 + uint64(int64(in.Imm)*4)
	}
	switch in.Name {
	case "s_endpgm", "s_endpgm_saved":
		b.end = ends
	case "s_barrier":
		b.end = barrier
	case "s_branch":
		b.end = jumps
	case "s_setpc_b64", "s_swappc_b64", "s_call_b64":
		b.end = jumpsTo
	default:
		if b.when = conditions[in.Name]; b.when == nil {
			return false
		}
		b.end = jumpsIf
	}
	return true
}

var conditions = map[string]func(w *wave) bool{
	"s_cbranch_scc0":   func(w *wave) bool { return !w.scc },
	"s_cbranch_scc1":   func(w *wave) bool { return w.scc },
	"s_cbranch_vccz":   func(w *wave) bool { return w.vcc() == 0 },
	"s_cbranch_vccnz":  func(w *wave) bool { return w.vcc() != 0 },
	"s_cbranch_execz":  func(w *wave) bool { return w.exec() == 0 },
	"s_cbranch_execnz": func(w *wave) bool { return w.exec() != 0 },
}

// patience is how many blocks a wave runs before the others of its workgroup
// have their turn: it may be waiting for one of them.
const patience = 20000

// run goes on until the wave ends, waits at a barrier, or has had its turn.
func (w *wave) run(p *Program) error {
	var b *block
	for range patience {
		var err error
		if b, err = p.behind(b, w.pc); err != nil {
			return err
		}
		w.count.pass(b)
		for i := range b.steps {
			w.one(&b.steps[i])
		}
		w.at = nil
		if b.end == falls {
			w.pc = b.next
			continue
		}
		w.clock++
		if w.leave(b); w.done || w.barrier {
			return nil
		}
		if w.slept { // what it waits for may be another card's to do
			w.slept = false
			runtime.Gosched()
			return nil
		}
	}
	return nil
}

func (w *wave) one(s *step) {
	w.at = s
	if s.names.meets(&w.wait.any) {
		w.checkWaits(s)
	}
	if s.matrix {
		w.checkMatrix(s)
	}
	s.run(w)
	w.clock += s.states
	if s.memory {
		w.wait.issue(s.Format, s.loads, w.metLDS)
		w.metLDS = false
	}
}

// leave does what stands at a block's end.
func (w *wave) leave(b *block) {
	w.pc = b.next
	switch b.end {
	case ends:
		w.done = true
	case barrier:
		w.barrier = true
	case jumps:
		w.pc = b.target
	case jumpsIf:
		if b.when(w) {
			w.pc = b.target
		}
	case jumpsTo:
		w.pc = b.target
		if b.last.Name != "s_call_b64" {
			w.pc = w.s64(b.last.Src[0].Reg)
		}
		if b.last.Dst.Kind != gcn.None {
			w.set64(b.last.Dst.Reg, b.next)
		}
	}
}
