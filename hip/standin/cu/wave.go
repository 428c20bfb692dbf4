// Package cu executes gfx908 machine code on the CPU, one wave of 64 lanes at a
// time: what a compute unit of an MI100 does with a workgroup.
//
// A kernel's instructions are decoded once, and compiled to Go functions over
// whole vectors of lanes. Loads and stores act at once; that their results may
// be used only behind an s_waitcnt is checked, because a real card returns
// garbage there. Results are IEEE's, rounded to nearest even, denormals as the
// kernel's mode says; the transcendental functions, of which the hardware
// promises one unit in the last place, are rounded correctly. Nothing here says
// anything about time.
package cu

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"ceiling/hip/standin/gcn"
)

// Lanes of a wave.
const Lanes = 64

type vec = [Lanes]uint32

// Where LDS and scratch lie in the address space of flat instructions.
const (
	SharedAperture  = 1 << 48
	PrivateAperture = 2 << 48
)

// Memory is what global addresses reach.
type Memory interface {
	// Region is the memory around an address: all of the allocation that
	// holds it, and the address of its first byte. nil: there is none.
	Region(address uint64) (host []byte, base uint64)
}

// Fault is what ended a kernel: an instruction that a card would not have
// executed, or that would have harmed.
type Fault struct {
	Kernel string // its name, where it is known
	Offset uint64 // of the instruction, from the kernel's entry; of a function before it negative
	Text   string // the instruction
	Lane   int    // −1: no one lane
	Reason string
}

func (f *Fault) Error() string {
	s := fmt.Sprintf("kernel %s%+#x: %s", f.Kernel, int64(f.Offset), f.Text)
	if f.Lane >= 0 {
		s += fmt.Sprintf(", lane %d", f.Lane)
	}
	return s + ": " + f.Reason
}

// wave is the state of 64 lanes.
type wave struct {
	s   [128]uint32 // 106: vcc, 124: m0, 126: exec
	v   [256]vec
	a   [256]vec
	scc bool

	mem     Memory
	host    []byte // the region used last
	base    uint64
	lds     []byte
	scratch []byte // private bytes of lane 0, lane 1, …
	private int    // bytes of a lane

	pc      uint64
	done    bool
	barrier bool // waits for the others of its workgroup
	slept   bool // has nothing to do for a while

	tmp   [4]vec // sources that had to be made
	out   vec    // a result before it is written
	lanes uint64 // those that DPP lets write

	flush32 bool // denormals of 32-bit floats are zero, by the mode register
	mode    uint32

	wait   waits
	metLDS bool  // a lane of the flat instruction at hand reached LDS
	clock  int64 // instructions and the waits of s_nop
	ready  accumulators
	at     *step // being executed
	count  *counters
}

func (w *wave) s64(i int) uint64      { return uint64(w.s[i]) | uint64(w.s[i+1])<<32 }
func (w *wave) set64(i int, x uint64) { w.s[i], w.s[i+1] = uint32(x), uint32(x>>32) }
func (w *wave) exec() uint64          { return w.s64(gcn.Exec) }
func (w *wave) vcc() uint64           { return w.s64(gcn.VCC) }
func (w *wave) fail(lane int, format string, args ...any) {
	panic(&Fault{Lane: lane, Reason: fmt.Sprintf(format, args...)})
}

// merge writes the active lanes of a result.
func merge(d, result *vec, active uint64) {
	for m := active; m != 0; m &= m - 1 {
		l := bits.TrailingZeros64(m) & (Lanes - 1)
		d[l] = result[l]
	}
}

// bytes is the global memory behind an address.
func (w *wave) bytes(address uint64, n, lane int) []byte {
	if off := address - w.base; off < uint64(len(w.host)) && off+uint64(n) <= uint64(len(w.host)) {
		return w.host[off : off+uint64(n)]
	}
	host, base := w.mem.Region(address)
	if host == nil || address-base+uint64(n) > uint64(len(host)) {
		w.fail(lane, "%d bytes at %#x are no memory of this card's", n, address)
	}
	w.host, w.base = host, base
	return host[address-base : address-base+uint64(n)]
}

// flat is what a flat address reaches: global memory, LDS or scratch.
func (w *wave) flat(address uint64, n, lane int) []byte {
	switch address >> 32 {
	case SharedAperture >> 32:
		w.metLDS = true
		return w.shared(uint32(address), n, lane)
	case PrivateAperture >> 32:
		return w.scratchAt(int(uint32(address)), n, lane)
	}
	return w.bytes(address, n, lane)
}

func (w *wave) shared(at uint32, n, lane int) []byte {
	if uint64(at)+uint64(n) > uint64(len(w.lds)) {
		w.fail(lane, "%d bytes at %#x of LDS, the workgroup has %#x", n, at, len(w.lds))
	}
	return w.lds[at : at+uint32(n)]
}

func (w *wave) scratchAt(at, n, lane int) []byte {
	if at < 0 || at+n > w.private {
		w.fail(lane, "%d bytes at %#x of scratch, a lane has %#x", n, at, w.private)
	}
	at += lane * w.private
	return w.scratch[at : at+n]
}

// load reads n bytes, at most 4, little-endian.
func load(b []byte) uint32 {
	switch len(b) {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(binary.LittleEndian.Uint16(b))
	}
	return binary.LittleEndian.Uint32(b)
}

func store(b []byte, x uint32) {
	switch len(b) {
	case 1:
		b[0] = byte(x)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(x))
	default:
		binary.LittleEndian.PutUint32(b, x)
	}
}
