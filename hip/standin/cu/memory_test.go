package cu

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ceiling/hip/standin/gcn"
)

func (m *machine) global(name string, dst, addr, data uint32) []uint32 {
	return []uint32{0xdc000000 | op(m.t, gcn.Global, name)<<18 | 2<<14, dst<<24 | 0x7f<<16 | data<<8 | addr}
}

func (m *machine) ds(name string, dst, addr, data, data2, offset uint32) []uint32 {
	return []uint32{0xd8000000 | op(m.t, gcn.DS, name)<<17 | offset, dst<<24 | data2<<16 | data<<8 | addr}
}

// memory makes v[0:1] the address of each lane's 8 bytes.
func (m *machine) memory() []byte {
	for l := range Lanes {
		m.w.v[0][l], m.w.v[1][l] = uint32(memoryBase+8*l), 0
	}
	return m.w.mem.(flatMemory).b
}

func TestGlobalMemory(t *testing.T) {
	m := newMachine(t)
	b := m.memory()
	for i := range b {
		b[i] = byte(i * 37)
	}
	le := binary.LittleEndian
	lane := uint32(5)
	at := 8 * lane
	word := le.Uint32(b[at:])
	for name, want := range map[string]uint32{
		"global_load_dword": word, "global_load_ubyte": uint32(b[at]), "global_load_ushort": uint32(le.Uint16(b[at:])),
		"global_load_sbyte": uint32(int32(int8(b[at]))), "global_load_sshort": uint32(int32(int16(le.Uint16(b[at:])))),
		"global_load_short_d16": 0xabcd0000 | uint32(le.Uint16(b[at:])), "global_load_short_d16_hi": 0xef01 | uint32(le.Uint16(b[at:]))<<16,
		"global_load_ubyte_d16": 0xabcd0000 | uint32(b[at]),
	} {
		broadcast(&m.w.v[4], 0xabcdef01)
		m.must(append(m.global(name, 4, 0, 0), waitAll)...)
		if got := m.w.v[4][lane]; got != want {
			t.Errorf("%s: %#x, want %#x", name, got, want)
		}
	}
	for name, n := range map[string]int{"global_store_byte": 1, "global_store_short": 2, "global_store_dword": 4} {
		broadcast(&m.w.v[4], 0x11223344)
		before := le.Uint32(b[at:])
		m.must(m.global(name, 0, 0, 4)...)
		mask := uint32(1<<(8*n) - 1)
		if got, want := le.Uint32(b[at:]), before&^mask|0x11223344&mask; got != want {
			t.Errorf("%s: %#x, want %#x", name, got, want)
		}
	}
	broadcast(&m.w.v[4], 0x01020304)
	broadcast(&m.w.v[5], 0x05060708)
	m.must(append(append(m.global("global_store_dwordx2", 0, 0, 4), m.global("global_load_dwordx2", 8, 0, 0)...), waitAll)...)
	if m.w.v[8][63] != 0x01020304 || m.w.v[9][63] != 0x05060708 {
		t.Errorf("two words: %#x %#x", m.w.v[8][63], m.w.v[9][63])
	}
}

func TestMemoryFaults(t *testing.T) {
	m := newMachine(t)
	m.memory()
	m.w.v[0][13] = 0x99999
	f := m.run(m.global("global_load_dword", 4, 0, 0)...)
	if f == nil || f.Lane != 13 || !strings.Contains(f.Error(), "0x99999") || f.Text != "global_load_dword v4, v[0:1], off" || f.Kernel != "test" {
		t.Errorf("%v", f)
	}
	m.w.v[2] = vec{}
	m.w.v[2][3] = 1022 // two bytes before LDS's end
	if f := m.run(m.ds("ds_read_b32", 4, 2, 0, 0, 0)...); f == nil || f.Lane != 3 {
		t.Errorf("beyond LDS: %v", f)
	}
}

// A result that is used before its s_waitcnt is a fault; one that was waited
// for is not.
func TestWaitcnt(t *testing.T) {
	use := func(m *machine, reg uint32) uint32 { return m.vop1("v_mov_b32", 20, v(reg)) }
	vm := func(n uint32) uint32 { return 0xbf8c0000 | n&15 | n>>4<<14 | 7<<4 | 15<<8 }
	lgkm := func(n uint32) uint32 { return 0xbf8c0000 | 15 | 3<<14 | 7<<4 | n<<8 }
	join := func(parts ...[]uint32) (all []uint32) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	load := func(m *machine, d uint32) []uint32 { return m.global("global_load_dword", d, 0, 0) }
	one := func(w uint32) []uint32 { return []uint32{w} }
	for _, c := range []struct {
		name  string
		words func(m *machine) []uint32
		fault string
	}{
		{"at once", func(m *machine) []uint32 { return join(load(m, 4), one(use(m, 4))) }, "v4 is used before"},
		{"waited", func(m *machine) []uint32 { return join(load(m, 4), one(vm(0)), one(use(m, 4))) }, ""},
		{"overwritten at once", func(m *machine) []uint32 { return join(load(m, 4), one(m.vop1("v_mov_b32", 4, v(9)))) }, "v4 is used before"},
		{"another", func(m *machine) []uint32 { return join(load(m, 4), one(use(m, 5))) }, ""},
		{"first of two", func(m *machine) []uint32 { return join(load(m, 4), load(m, 5), one(vm(1)), one(use(m, 4))) }, ""},
		{"second of two", func(m *machine) []uint32 { return join(load(m, 4), load(m, 5), one(vm(1)), one(use(m, 5))) }, "v5 is used before"},
		{"the wrong counter", func(m *machine) []uint32 { return join(load(m, 4), one(lgkm(0)), one(use(m, 4))) }, "v4 is used before"},
		{"loaded again", func(m *machine) []uint32 { return join(load(m, 4), load(m, 4), one(vm(0)), one(use(m, 4))) }, ""},
		{"loaded again from LDS", func(m *machine) []uint32 { return join(load(m, 4), m.ds("ds_read_b32", 4, 2, 0, 0, 0)) }, "v4 is used before"},
		{"the address of the next", func(m *machine) []uint32 {
			return join(load(m, 4), load(m, 5), []uint32{m.global("global_load_dword", 6, 4, 0)[0], m.global("global_load_dword", 6, 4, 0)[1]})
		}, "v4 is used before"},
		{"lds", func(m *machine) []uint32 { return join(m.ds("ds_read_b32", 4, 2, 0, 0, 0), one(use(m, 4))) }, "v4 is used before"},
		{"lds, waited", func(m *machine) []uint32 {
			return join(m.ds("ds_read_b32", 4, 2, 0, 0, 0), one(lgkm(0)), one(use(m, 4)))
		}, ""},
		{"scalar", func(m *machine) []uint32 {
			return join([]uint32{0xc0020000 | 20<<6 | 5, 0}, one(m.sop1("s_mov_b32", 30, 20)))
		}, "s20 is used before"},
		{"scalar loads come in any order", func(m *machine) []uint32 {
			return join([]uint32{0xc0020000 | 20<<6 | 5, 0, 0xc0020000 | 21<<6 | 5, 0}, one(lgkm(1)), one(m.sop1("s_mov_b32", 30, 20)))
		}, "s20 is used before"},
	} {
		m := newMachine(t)
		m.memory()
		m.w.v[2] = vec{}
		m.w.set64(10, memoryBase)
		f := m.run(c.words(m)...)
		if c.fault == "" && f != nil || c.fault != "" && (f == nil || !strings.Contains(f.Error(), c.fault)) {
			t.Errorf("%s: %v", c.name, f)
		}
	}
}

func TestLDS(t *testing.T) {
	m := newMachine(t)
	for l := range Lanes {
		m.w.v[2][l] = uint32(4 * l)
		m.w.v[3][l] = uint32(1000 + l)
	}
	m.must(append(append(m.ds("ds_write_b32", 0, 2, 3, 0, 16), m.ds("ds_read2_b32", 6, 2, 0, 0, 5<<8|4)...), waitAll)...)
	if m.w.v[6][10] != 1010 || m.w.v[7][10] != 1011 {
		t.Errorf("read2: %d %d", m.w.v[6][10], m.w.v[7][10])
	}
	clear(m.w.lds)
	m.w.v[2] = vec{}
	broadcast(&m.w.v[3], 3)
	m.must(append(m.ds("ds_add_rtn_u32", 8, 2, 3, 0, 0), waitAll)...)
	if binary.LittleEndian.Uint32(m.w.lds) != 192 || m.w.v[8][0] != 0 || m.w.v[8][63] != 189 {
		t.Errorf("add: %d, lanes saw %d … %d", binary.LittleEndian.Uint32(m.w.lds), m.w.v[8][0], m.w.v[8][63])
	}
	for l := range Lanes {
		m.w.v[2][l] = uint32(4 * (63 - l))
		m.w.v[3][l] = uint32(l)
	}
	m.must(append(m.ds("ds_bpermute_b32", 9, 2, 3, 0, 0), waitAll)...)
	if m.w.v[9][0] != 63 || m.w.v[9][20] != 43 {
		t.Errorf("bpermute: %d %d", m.w.v[9][0], m.w.v[9][20])
	}
	m.must(append(m.ds("ds_swizzle_b32", 9, 3, 0, 0, 0x041f), waitAll)...) // SWAP,1
	if m.w.v[9][6] != 7 || m.w.v[9][33] != 32 {
		t.Errorf("swizzle: %d %d", m.w.v[9][6], m.w.v[9][33])
	}
}

func TestAtomics(t *testing.T) {
	for _, c := range []struct {
		name         string
		was, x, want uint32
	}{
		{"global_atomic_add", 5, 7, 12}, {"global_atomic_swap", 5, 7, 7}, {"global_atomic_smin", 5, 0xffffffff, 0xffffffff}, {"global_atomic_umin", 5, 0xffffffff, 5},
		{"global_atomic_inc", 7, 7, 0}, {"global_atomic_dec", 0, 9, 9}, {"global_atomic_or", 0xf0, 0x0f, 0xff}, {"global_atomic_add_f32", 0x3f800000, 0x40000000, 0x40400000},
		{"global_atomic_pk_add_f16", 0x3c004000, 0x3c003c00, 0x40004200},
	} {
		m := newMachine(t)
		b := m.memory()
		binary.LittleEndian.PutUint32(b[8*9:], c.was)
		broadcast(&m.w.v[4], c.x)
		words := m.global(c.name, 6, 0, 4)
		words[0] |= 1 << 16 // glc: returns what was there
		m.must(append(words, waitAll)...)
		if got := binary.LittleEndian.Uint32(b[8*9:]); got != c.want || m.w.v[6][9] != c.was {
			t.Errorf("%s of %#x and %#x: %#x, want %#x; returned %#x", c.name, c.was, c.x, got, c.want, m.w.v[6][9])
		}
	}
	m := newMachine(t)
	b := m.memory()
	binary.LittleEndian.PutUint32(b[8*9:], 42)
	broadcast(&m.w.v[4], 7)  // new
	broadcast(&m.w.v[5], 42) // expected
	m.must(m.global("global_atomic_cmpswap", 0, 0, 4)...)
	if binary.LittleEndian.Uint32(b[8*9:]) != 7 || binary.LittleEndian.Uint32(b[8*10:]) != 0 {
		t.Errorf("cmpswap: %d beside %d", binary.LittleEndian.Uint32(b[8*9:]), binary.LittleEndian.Uint32(b[8*10:]))
	}
}

// Beyond a buffer's end loads are 0 and stores nothing, though there is memory.
func TestBufferEnd(t *testing.T) {
	m := newMachine(t)
	mem := m.w.mem.(flatMemory).b
	for i := range mem {
		mem[i] = 0x11
	}
	copy(m.w.s[4:], []uint32{memoryBase, 0, 200, 0})
	for l := range Lanes {
		m.w.v[0][l] = uint32(4 * l)
	}
	m.must(0xe0501000, 0x80010100) // buffer_load_dword v1, v0, s[4:7], 0 offen
	for l, got := range m.w.v[1] {
		if want := map[bool]uint32{true: 0x11111111}[l < 50]; got != want {
			t.Errorf("lane %d loaded %#x, want %#x", l, got, want)
		}
	}
	m.must(waitAll, 0xe0701000, 0x80010000) // buffer_store_dword v0, v0, s[4:7], 0 offen
	if mem[196] != 196 || mem[200] != 0x11 {
		t.Errorf("stored %d at the end, %#x behind it", mem[196], mem[200])
	}
}

// Eight bytes that one wave stores another loads all or none of, as RCCL relies on
// between cards.
func TestEightBytesAtOnce(t *testing.T) {
	for _, name := range []string{"dwordx2", "dwordx3", "dwordx4"} {
		store, _ := accessOf("global_store_" + name)
		load, _ := accessOf("global_load_" + name)
		from, to := newMachine(t).w, newMachine(t).w
		mem := make([]byte, 16*Lanes)
		var at places
		for l := range at {
			at[l] = uint64(16 * l)
		}
		var stop atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			for x := uint32(1); !stop.Load(); x++ {
				for reg := range 4 {
					broadcast(&from.v[reg], x)
				}
				store.moveAll(from, mem, &at, 0)
			}
		})
		torn := 0
		for range 20000 {
			load.moveAll(to, mem, &at, 0)
			for l := range Lanes {
				if to.v[0][l] != to.v[1][l] {
					torn++
				}
			}
		}
		stop.Store(true)
		wg.Wait()
		if torn > 0 {
			t.Errorf("%s: %d lanes saw half of what was stored", name, torn)
		}
	}
}

// A stack pointer counts the bytes of the whole wave, a lane's own address its own.
func TestScratchOffset(t *testing.T) {
	m := newMachine(t)
	copy(m.w.s[4:], []uint32{0, scratchTag >> 32, 0, 1 << 23})
	m.w.s[8] = 8 * Lanes
	for l := range Lanes {
		m.w.v[1][l] = uint32(l)
	}
	m.must(0xe0700004, 8<<24|0x00010100) // buffer_store_dword v1, off, s[4:7], s8 offset:4
	if got := binary.LittleEndian.Uint32(m.w.scratch[9*64+12:]); got != 9 {
		t.Errorf("lane 9 has %d at 12", got)
	}
	m.w.s[8] = 4
	if f := m.run(0xe0700004, 8<<24|0x00010100); f == nil {
		t.Error("an offset that shifts lanes is taken")
	}
}

// Every comparison of floats, where one may be NaN, by Go's own operators.
func TestRelations(t *testing.T) {
	nan := float32(math.NaN())
	for _, p := range [][2]float32{{1, 2}, {2, 1}, {1, 1}, {nan, 1}, {1, nan}} {
		a, b := p[0], p[1]
		for op, want := range map[string]bool{
			"f": false, "lt": a < b, "eq": a == b, "le": a <= b, "gt": a > b, "ge": a >= b, "lg": a < b || a > b,
			"o": a == a && b == b, "u": a != a || b != b, "nlt": !(a < b), "neq": a != b, "nle": !(a <= b),
			"ngt": !(a > b), "nge": !(a >= b), "nlg": !(a < b || a > b), "tru": true,
		} {
			if r, ok := relations[op]; !ok || r.has(compared(a, b)) != want {
				t.Errorf("%s of %v and %v: %v, want %v", op, a, b, !want, want)
			}
		}
	}
}
