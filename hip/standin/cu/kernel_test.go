package cu

import (
	"encoding/binary"
	"strings"
	"testing"
)

// twoWaves is a kernel of two waves that meet at a barrier: lane i of the
// workgroup writes i to LDS, and then reads what the other wave wrote.
//
//	v_lshlrev_b32 v1, 2, v0
//	ds_write_b32 v1, v0
//	v_xor_b32 v2, 0x100, v1
//	s_waitcnt lgkmcnt(0)
//	s_barrier
//	ds_read_b32 v3, v2
//	s_load_dwordx2 s[2:3], s[0:1], 0x0
//	s_waitcnt lgkmcnt(0)
//	global_store_dword v1, v3, s[2:3]
//	s_endpgm
var twoWaves = []uint32{
	0x24020082, 0xd81a0000, 0x00000001, 0x2a0402ff, 0x100, 0xbf8cc07f, 0xbf8a0000,
	0xd86c0000, 0x03000002, 0xc0060080, 0, 0xbf8cc07f, 0xdc708000, 0x00020301, 0xbf810000,
}

const argumentAt, resultAt = 1024, 2048

// putKernel lays a kernel's descriptor and code out at the start of memory.
func putKernel(code []uint32, vgprs uint32) flatMemory {
	b := make([]byte, 4096)
	le := binary.LittleEndian
	le.PutUint64(b[16:], 64)
	le.PutUint32(b[48:], vgprs/4-1|denorm16<<12)
	le.PutUint16(b[56:], 1<<3) // the address of the arguments in s[0:1]
	for i, w := range code {
		le.PutUint32(b[64+4*i:], w)
	}
	le.PutUint64(b[argumentAt:], memoryBase+resultAt)
	return flatMemory{b}
}

func runKernel(t *testing.T, mem flatMemory, d Dispatch) (Counts, error) {
	t.Helper()
	p, err := NewProgram(mem, memoryBase)
	if err != nil {
		t.Fatal(err)
	}
	defer record(p)
	d.Name, d.Object, d.Kernarg = "test", memoryBase, memoryBase+argumentAt
	return p.Run(d, func() uint64 { return 0 })
}

func TestBarrier(t *testing.T) {
	mem := putKernel(twoWaves, 8)
	counts, err := runKernel(t, mem, Dispatch{Grid: [3]int{128, 1, 1}, Workgroup: [3]int{128, 1, 1}, LDS: 512})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 128 {
		if got := binary.LittleEndian.Uint32(mem.b[resultAt+4*i:]); got != uint32(i^64) {
			t.Fatalf("lane %d read %d of the other wave, want %d", i, got, i^64)
		}
	}
	if counts.Waves != 2 || counts.Instructions != 20 || counts.Stored != 512 || counts.ByFormat["ds"] != 4 {
		t.Errorf("%+v", counts)
	}
}

// The same kernel with one thing wrong in it.
func TestKernelFaults(t *testing.T) {
	change := func(i int, w uint32) []uint32 {
		code := append([]uint32(nil), twoWaves...)
		code[i] = w
		return code
	}
	for _, c := range []struct {
		name  string
		code  []uint32
		vgprs uint32
		lds   int
		want  string
	}{
		{"no wait for the arguments", change(11, 0xbf800000), 8, 512, "is used before s_waitcnt"},
		{"no room in LDS", twoWaves, 8, 256, "4 bytes at 0x100 of LDS"},
		{"a register it has not", change(0, 0x24120082), 8, 512, "beyond the 8"},
		{"no instruction", change(3, 0xfc000000), 8, 512, "0xfc000000"},
		{"runs off its end", twoWaves[:14], 8, 512, "test+"},
	} {
		_, err := runKernel(t, putKernel(c.code, c.vgprs), Dispatch{Grid: [3]int{128, 1, 1}, Workgroup: [3]int{128, 1, 1}, LDS: c.lds})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := runKernel(t, putKernel(twoWaves, 8), Dispatch{Grid: [3]int{128, 1, 1}}); err == nil {
		t.Error("a workgroup of nothing")
	}
}

// Without its barrier the kernel reads what the other wave has not written yet.
func TestMissingBarrier(t *testing.T) {
	code := append([]uint32(nil), twoWaves...)
	code[6] = 0xbf800000 // s_nop
	mem := putKernel(code, 8)
	if _, err := runKernel(t, mem, Dispatch{Grid: [3]int{128, 1, 1}, Workgroup: [3]int{128, 1, 1}, LDS: 512}); err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint32(mem.b[resultAt:]); got == 64 {
		t.Error("wave 0 read what wave 1 writes later")
	}
}

// Code that was replaced in memory is compiled anew.
func TestStale(t *testing.T) {
	mem := putKernel(twoWaves, 8)
	p, err := NewProgram(mem, memoryBase)
	if err != nil {
		t.Fatal(err)
	}
	d := Dispatch{Name: "test", Object: memoryBase, Kernarg: memoryBase + argumentAt, Grid: [3]int{64, 1, 1}, Workgroup: [3]int{64, 1, 1}, LDS: 512}
	if _, err := p.Run(d, func() uint64 { return 0 }); err != nil || p.Stale() {
		t.Fatalf("%v, stale %v", err, p.Stale())
	}
	mem.b[64+4] ^= 1
	if !p.Stale() {
		t.Error("changed code is still taken for the old one")
	}
}

func BenchmarkWaveInstructions(b *testing.B) {
	mem := putKernel(twoWaves, 8)
	p, err := NewProgram(mem, memoryBase)
	if err != nil {
		b.Fatal(err)
	}
	d := Dispatch{Name: "test", Object: memoryBase, Kernarg: memoryBase + argumentAt, Grid: [3]int{128, 1, 1}, Workgroup: [3]int{128, 1, 1}, LDS: 512}
	n := int64(0)
	for b.Loop() {
		c, err := p.Run(d, func() uint64 { return 0 })
		if err != nil {
			b.Fatal(err)
		}
		n += c.Instructions
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "instructions/s")
}

// A function that is called from two places returns to each.
func TestReturns(t *testing.T) {
	m := newMachine(t)
	m.w.s[6] = 0
	m.must(
		m.sop1("s_mov_b32", 2, 255), memoryBase+24, // the function's address
		m.sop1("s_mov_b32", 3, 128),
		m.sop1("s_swappc_b64", 4, 2),
		m.sop1("s_swappc_b64", 4, 2),
		endpgm,
		m.sop2("s_add_u32", 6, 6, 129),
		m.sop1("s_setpc_b64", 0, 4),
	)
	if m.w.s[6] != 2 {
		t.Errorf("the function ran %d times", m.w.s[6])
	}
}

// A wave that sleeps lets others have their turn.
func TestSleep(t *testing.T) {
	var code []byte
	for _, word := range []uint32{0xbf8e0001, 0xbf82fffe} { // s_sleep 1; s_branch back to it
		code = binary.LittleEndian.AppendUint32(code, word)
	}
	p := &Program{entry: memoryBase, limit: 256, mem: flatMemory{code}, blocks: map[uint64]*block{}}
	w := newMachine(t).w
	w.pc = memoryBase
	for turn := int64(1); turn <= 2; turn++ {
		if err := w.run(p); err != nil || w.done || w.clock != 2*turn {
			t.Errorf("turn %d: %v, ended %v, %d instructions", turn, err, w.done, w.clock)
		}
	}
}
