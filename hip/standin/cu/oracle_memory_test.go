package cu

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ceiling/hip/standin/gcn"
)

// apart is how far from each other the lanes' memory lies: further than any
// offset in the forms.
const apart = 16 << 10

// moved is what a memory instruction moves: parts of so many bytes, at so many
// places from the lane's address on.
type moved struct {
	bytes  int   // of one part
	at     []int // offsets of the parts
	signed bool
	high   bool // the upper half of the register, which keeps the other
	low    bool // the lower half
	store  bool
	atomic string
}

// movedBy reads the name of a load or store; ok is false for others.
func movedBy(in *gcn.Inst) (m moved, ok bool) {
	name := in.Name
	m.store = strings.Contains(name, "store") || strings.Contains(name, "write")
	m.high, m.low = strings.HasSuffix(name, "_d16_hi"), strings.HasSuffix(name, "_d16")
	if strings.Contains(name, "bpermute") || strings.Contains(name, "atomic") && !slices.Contains([]string{
		"global_atomic_add", "global_atomic_add_x2", "global_atomic_cmpswap", "global_atomic_cmpswap_x2"}, name) {
		return m, false
	}
	parts, step := 1, 0
	rest := strings.TrimSuffix(strings.TrimSuffix(name, "_hi"), "_d16")
	switch kind := kindOf(rest); {
	case strings.Contains(name, "atomic"), name == "ds_add_u32", name == "ds_or_b32":
		m.atomic = name
		m.bytes = 4
		if strings.HasSuffix(name, "_x2") {
			m.bytes = 8
		}
	case kind == "ubyte" || kind == "byte" || kind == "b8" || kind == "u8":
		m.bytes = 1
	case kind == "sbyte" || kind == "i8":
		m.bytes, m.signed = 1, true
	case kind == "ushort" || kind == "short" || kind == "b16" || kind == "u16":
		m.bytes = 2
	case kind == "sshort" || kind == "i16":
		m.bytes, m.signed = 2, true
	default:
		m.bytes = map[string]int{"dword": 4, "dwordx2": 8, "dwordx3": 12, "dwordx4": 16, "b32": 4, "b64": 8, "b96": 12, "b128": 16}[kind]
	}
	if strings.HasPrefix(name, "ds_read2") || strings.HasPrefix(name, "ds_write2") {
		if parts, step = 2, m.bytes; strings.Contains(name, "st64") {
			step *= 64
		}
	}
	if m.at = []int{in.Imm}; parts == 2 {
		m.at = []int{in.Imm * step, in.Imm2 * step}
	}
	return m, m.bytes > 0
}

// TestMemoryForms is TestForms for what moves bytes: every lane has its own.
func TestMemoryForms(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	tested := 0
	eachForm(t, func(text string, code []byte, in *gcn.Inst) {
		switch in.Format {
		case gcn.DS, gcn.Flat, gcn.Global:
		default:
			return
		}
		if m, ok := movedBy(in); ok {
			tested++
			t.Run(text, func(t *testing.T) { compareMoved(t, r, code, in, m) })
		}
	})
	if tested < 50 {
		t.Errorf("%d forms", tested)
	}
}

func compareMoved(t *testing.T, r *rand.Rand, code []byte, in *gcn.Inst, what moved) {
	m := newMachine(t)
	for i := range m.w.v {
		for l := range Lanes {
			m.w.v[i][l] = r.Uint32()
		}
	}
	all := make([]byte, Lanes*apart)
	for i := 0; i < len(all); i += 4 {
		binary.LittleEndian.PutUint32(all[i:], r.Uint32())
	}
	m.w.set64(gcn.Exec, r.Uint64()|1)
	first := 0 // byte of lane 0
	data := in.Src[1]
	for l := range Lanes {
		address := uint64(l * apart)
		switch {
		case in.Format == gcn.DS:
			m.w.lds = all
		case in.Base.Kind == gcn.SGPR:
			first = -min(in.Imm, 0)
			m.w.mem = flatMemory{all}
			m.w.set64(in.Base.Reg, memoryBase+uint64(first))
		default:
			first = -min(in.Imm, 0)
			m.w.mem = flatMemory{all}
			address += memoryBase + uint64(first)
			m.w.v[in.Src[0].Reg+1][l] = uint32(address >> 32)
		}
		m.w.v[in.Src[0].Reg][l] = uint32(address)
	}
	if strings.Contains(in.Name, "cmpswap") { // half of the lanes find what they expect
		for l := 0; l < Lanes; l += 2 {
			for i := range what.bytes / 4 {
				binary.LittleEndian.PutUint32(all[l*apart+first+in.Imm+4*i:], m.w.v[data.Reg+what.bytes/4+i][l])
			}
		}
	}
	want, memory := stateOf(m.w), append([]byte(nil), all...)
	for l := range Lanes {
		if want.active(l) {
			move(want, memory, in, what, l, l*apart+first)
		}
	}
	m.must(wordsOf(code)...)
	got := stateOf(m.w)
	for i := range got.v {
		if got.v[i] != want.v[i] {
			t.Fatalf("v%d: %#x, want %#x", i, got.v[i], want.v[i])
		}
	}
	for i := range all {
		if all[i] != memory[i] {
			t.Fatalf("byte %d of lane %d: %#x, want %#x", i%apart-first, i/apart, all[i], memory[i])
		}
	}
}

// move does it for one lane, byte by byte.
func move(x *state, memory []byte, in *gcn.Inst, what moved, l, at int) {
	if what.atomic != "" {
		trade(x, memory[at+what.at[0]:], in, what, l)
		return
	}
	for part, offset := range what.at {
		b := memory[at+offset:][:what.bytes]
		if what.store {
			from := in.Src[1+part].Reg
			for i := range b {
				shift := 8 * (i % 4)
				if what.high {
					shift += 16
				}
				b[i] = byte(x.v[from+i/4][l] >> shift)
			}
			continue
		}
		to := in.Dst.Reg + part*what.bytes/4
		if what.bytes < 4 {
			x.v[to][l] = loadedWord(x.v[to][l], b, what)
			continue
		}
		for i := 0; i < len(b); i += 4 {
			x.v[to+i/4][l] = binary.LittleEndian.Uint32(b[i:])
		}
	}
}

// loadedWord is a register after one or two bytes were loaded.
func loadedWord(before uint32, b []byte, what moved) uint32 {
	y := uint32(b[0])
	if len(b) == 2 {
		y |= uint32(b[1]) << 8
	}
	if n := 8 * len(b); what.signed && y>>(n-1) == 1 {
		y |= ^uint32(0) << n
	}
	switch {
	case what.high:
		return before&0xffff | y<<16
	case what.low:
		return before&0xffff0000 | y&0xffff
	}
	return y
}

// trade is an atomic operation of one lane.
func trade(x *state, b []byte, in *gcn.Inst, what moved, l int) {
	le := binary.LittleEndian
	data := in.Src[1].Reg
	switch what.atomic {
	case "ds_add_u32", "global_atomic_add":
		le.PutUint32(b, le.Uint32(b)+x.v[data][l])
	case "ds_or_b32":
		le.PutUint32(b, le.Uint32(b)|x.v[data][l])
	case "global_atomic_add_x2":
		le.PutUint64(b, le.Uint64(b)+x.v64(data, l))
	case "global_atomic_cmpswap":
		old := le.Uint32(b)
		if old == x.v[data+1][l] {
			le.PutUint32(b, x.v[data][l])
		}
		if in.GLC {
			x.v[in.Dst.Reg][l] = old
		}
	case "global_atomic_cmpswap_x2":
		old := le.Uint64(b)
		if old == x.v64(data+2, l) {
			le.PutUint64(b, x.v64(data, l))
		}
		if in.GLC {
			x.setV64(in.Dst.Reg, l, old)
		}
	default:
		panic("atomic " + what.atomic)
	}
}
