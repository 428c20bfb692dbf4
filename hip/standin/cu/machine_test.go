package cu

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"ceiling/hip/standin/gcn"
)

// machine runs a few instructions on one wave.
type machine struct {
	t *testing.T
	w *wave
}

// flatMemory is one allocation at address 0x1000.
type flatMemory struct{ b []byte }

const memoryBase = 0x1000

func (m flatMemory) Region(address uint64) ([]byte, uint64) {
	if address < memoryBase || address >= memoryBase+uint64(len(m.b)) {
		return nil, 0
	}
	return m.b, memoryBase
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	w := &wave{mem: flatMemory{make([]byte, 4096)}, lds: make([]byte, 1024), private: 64, scratch: make([]byte, 64*Lanes), count: &counters{clock: func() uint64 { return 7 }}}
	w.set64(gcn.Exec, ^uint64(0))
	w.setMode(denorm32 | denorm16)
	return &machine{t, w}
}

// run executes words of machine code, up to their end or an s_endpgm, and
// returns the fault.
func (m *machine) run(words ...uint32) (fault *Fault) {
	m.t.Helper()
	code := binary.LittleEndian.AppendUint32(nil, 0)[:0]
	for _, w := range words {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	code = binary.LittleEndian.AppendUint32(code, endpgm)
	p := &Program{entry: memoryBase, limit: 256, mem: flatMemory{code}, blocks: map[uint64]*block{}}
	m.w.pc, m.w.done = memoryBase, false
	r := launch{p: p, d: &Dispatch{Name: "test"}}
	err := r.turn(m.w)
	record(p)
	if err != nil {
		return err.(*Fault)
	}
	if !m.w.done {
		m.t.Fatal("the program did not end")
	}
	return nil
}

func (m *machine) must(words ...uint32) {
	m.t.Helper()
	if f := m.run(words...); f != nil {
		m.t.Fatal(f)
	}
}

const endpgm = 0xbf810000

// op finds an instruction's opcode by its name.
func op(t *testing.T, f gcn.Format, name string) uint32 {
	t.Helper()
	for _, o := range gcn.Ops() {
		if o.Format == f && o.Name == name {
			return uint32(o.Code)
		}
	}
	t.Fatalf("no %s %s", f, name)
	return 0
}

// Encoders; v(n) and s(n) are sources.
func v(n uint32) uint32 { return 256 + n }

func (m *machine) vop1(name string, d, a uint32) uint32 {
	return 0x7e000000 | d<<17 | op(m.t, gcn.VOP1, name)<<9 | a
}

func (m *machine) vop2(name string, d, a, b uint32) uint32 {
	return op(m.t, gcn.VOP2, name)<<25 | d<<17 | b<<9 | a
}

func (m *machine) vop3(name string, d, a, b, c uint32) []uint32 {
	return []uint32{0xd0000000 | op(m.t, gcn.VOP3, name)<<16 | d, a | b<<9 | c<<18}
}

func (m *machine) vop3p(name string, d, a, b, c uint32) []uint32 {
	return []uint32{0xd3800000 | op(m.t, gcn.VOP3P, name)<<16 | 1<<14 | d, a | b<<9 | c<<18 | 3<<27}
}

func (m *machine) sop2(name string, d, a, b uint32) uint32 {
	return 0x80000000 | op(m.t, gcn.SOP2, name)<<23 | d<<16 | b<<8 | a
}

func (m *machine) sop1(name string, d, a uint32) uint32 {
	return 0xbe800000 | d<<16 | op(m.t, gcn.SOP1, name)<<8 | a
}

// waitcnt waits for everything, or leaves vm operations under way.
const waitAll = 0xbf8c0000 | 7<<4

// edges are values at which instructions differ: signs, ends, infinities,
// NaN, denormals.
var edges = []uint32{
	0, 1, 2, 31, 32, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x7f800000, 0xff800000, 0x7fc00000,
	0x00000001, 0x007fffff, 0x00800000, 0x80800000, 0x3f800000, 0xbf800000, 0x3effffff, 0x3f000000, 0x4b000001, 0x7f7fffff,
	0x00010000, 0xffff8000, 0x0000ffff, 0x7c007c00, 0xfc000001, 0x3c003c00, 0x03ff0400, 0x7bff7bff, 0x7e00fe00,
}

// randomize fills registers v0 to v9 with edges and random bits; every third
// lane with floats of about 1.
func (m *machine) randomize(r *rand.Rand) {
	for reg := range 10 {
		for l := range Lanes {
			switch r.IntN(3) {
			case 0:
				m.w.v[reg][l] = edges[r.IntN(len(edges))]
			case 1:
				m.w.v[reg][l] = r.Uint32()
			default:
				m.w.v[reg][l] = math.Float32bits(float32(r.NormFloat64()))
			}
		}
	}
}

// same compares results; any NaN is as good as another.
func same32(a, b uint32) bool {
	x, y := math.Float32frombits(a), math.Float32frombits(b)
	return a == b || x != x && y != y
}
