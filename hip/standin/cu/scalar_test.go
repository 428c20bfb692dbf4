package cu

import (
	"math/bits"
	"math/rand/v2"
	"testing"

	"ceiling/hip/standin/gcn"
)

// scc says what an instruction leaves in the condition code.
type scc uint8

const (
	kept scc = iota
	nonZero
	clear0
	set1
)

func TestScalarArithmetic(t *testing.T) {
	carry := func(b bool) scc {
		if b {
			return set1
		}
		return clear0
	}
	over := func(x int64) scc { return carry(x != int64(int32(x))) }
	cases := map[string]func(a, b uint32, in bool) (uint32, scc){
		"s_add_u32": func(a, b uint32, _ bool) (uint32, scc) {
			x := uint64(a) + uint64(b)
			return uint32(x), carry(x>>32 != 0)
		},
		"s_sub_u32": func(a, b uint32, _ bool) (uint32, scc) { return a - b, carry(a < b) },
		"s_add_i32": func(a, b uint32, _ bool) (uint32, scc) {
			return a + b, over(int64(int32(a)) + int64(int32(b)))
		},
		"s_sub_i32": func(a, b uint32, _ bool) (uint32, scc) {
			return a - b, over(int64(int32(a)) - int64(int32(b)))
		},
		"s_addc_u32": func(a, b uint32, in bool) (uint32, scc) {
			x := uint64(a) + uint64(b)
			if in {
				x++
			}
			return uint32(x), carry(x>>32 != 0)
		},
		"s_subb_u32": func(a, b uint32, in bool) (uint32, scc) {
			x := int64(a) - int64(b)
			if in {
				x--
			}
			return uint32(x), carry(x < 0)
		},
		"s_and_b32":    func(a, b uint32, _ bool) (uint32, scc) { return a & b, nonZero },
		"s_andn2_b32":  func(a, b uint32, _ bool) (uint32, scc) { return a & (b ^ 0xffffffff), nonZero },
		"s_lshl_b32":   func(a, b uint32, _ bool) (uint32, scc) { return uint32(uint64(a) << (b % 32)), nonZero },
		"s_ashr_i32":   func(a, b uint32, _ bool) (uint32, scc) { return uint32(int64(int32(a)) >> (b % 32)), nonZero },
		"s_mul_i32":    func(a, b uint32, _ bool) (uint32, scc) { return uint32(uint64(a) * uint64(b)), kept },
		"s_mul_hi_u32": func(a, b uint32, _ bool) (uint32, scc) { return uint32(uint64(a) * uint64(b) >> 32), kept },
		"s_max_i32": func(a, b uint32, _ bool) (uint32, scc) {
			if int32(a) > int32(b) {
				return a, set1
			}
			return b, clear0
		},
		"s_bfe_u32": func(a, b uint32, _ bool) (uint32, scc) {
			return uint32(uint64(a) >> (b & 31) & (1<<(b>>16&127) - 1)), nonZero
		},
		"s_cselect_b32": func(a, b uint32, in bool) (uint32, scc) {
			if in {
				return a, kept
			}
			return b, kept
		},
		"s_lshl2_add_u32": func(a, b uint32, _ bool) (uint32, scc) {
			x := uint64(a)*4 + uint64(b)
			return uint32(x), carry(x>>32 != 0)
		},
		"s_pack_lh_b32_b16": func(a, b uint32, _ bool) (uint32, scc) { return a%65536 + b/65536*65536, kept },
	}
	m := newMachine(t)
	r := rand.New(rand.NewPCG(21, 22))
	for name, f := range cases {
		for i := range 300 {
			a, b := r.Uint32(), r.Uint32()
			if i%3 == 0 {
				a, b = edges[r.IntN(len(edges))], edges[r.IntN(len(edges))]
			}
			in := i%2 == 0
			m.w.s[10], m.w.s[11], m.w.scc = a, b, in
			m.must(m.sop2(name, 12, 10, 11))
			want, code := f(a, b, in)
			out := map[scc]bool{kept: in, nonZero: want != 0, clear0: false, set1: true}[code]
			if m.w.s[12] != want || m.w.scc != out {
				t.Fatalf("%s %#x, %#x, scc %v: %#x, scc %v, want %#x, scc %v", name, a, b, in, m.w.s[12], m.w.scc, want, out)
			}
		}
	}
}

func TestScalarBits(t *testing.T) {
	m := newMachine(t)
	loop := func(x uint64, n int, f func(i int, bit bool) bool) int {
		for i := range n {
			if f(i, x>>i&1 == 1) {
				return i
			}
		}
		return -1
	}
	for _, x := range []uint64{0, 1, 0x8000000000000000, 0xffffffffffffffff, 0x00f0000000001000, 0xffffffff00000000} {
		m.w.set64(10, x)
		m.must(m.sop1("s_ff1_i32_b64", 12, 10), m.sop1("s_bcnt1_i32_b64", 13, 10), m.sop1("s_brev_b64", 14, 10), m.sop1("s_not_b64", 16, 10), m.sop1("s_flbit_i32_b32", 18, 11))
		ones, reversed := 0, uint64(0)
		loop(x, 64, func(i int, bit bool) bool {
			if bit {
				ones++
				reversed |= 1 << (63 - i)
			}
			return false
		})
		first := loop(x, 64, func(_ int, bit bool) bool { return bit })
		lead := loop(uint64(bits.Reverse32(uint32(x>>32))), 32, func(_ int, bit bool) bool { return bit })
		if int32(m.w.s[12]) != int32(first) || m.w.s[13] != uint32(ones) || m.w.s64(14) != reversed || m.w.s64(16) != x^0xffffffffffffffff || int32(m.w.s[18]) != int32(lead) {
			t.Errorf("%#x: first %d, ones %d, reversed %#x, not %#x, leading %d", x, int32(m.w.s[12]), m.w.s[13], m.w.s64(14), m.w.s64(16), int32(m.w.s[18]))
		}
	}
}

func TestSaveExec(t *testing.T) {
	m := newMachine(t)
	m.w.set64(10, 0x0f)
	m.w.set64(gcn.Exec, 0x3c)
	m.must(m.sop1("s_and_saveexec_b64", 12, 10))
	if m.w.s64(12) != 0x3c || m.w.exec() != 0x0c || !m.w.scc {
		t.Errorf("saved %#x, exec %#x, scc %v", m.w.s64(12), m.w.exec(), m.w.scc)
	}
}

// A loop: s10 is counted down to 0, s11 up.
func TestBranches(t *testing.T) {
	m := newMachine(t)
	m.w.s[10], m.w.s[11] = 5, 0
	m.must(
		m.sop2("s_add_u32", 11, 11, 129), // + 1
		m.sop2("s_sub_u32", 10, 10, 129),
		0xbf000000|op(t, gcn.SOPC, "s_cmp_lg_u32")<<16|128<<8|10,
		0xbf800000|op(t, gcn.SOPP, "s_cbranch_scc1")<<16|0xfffc, // 4 words back
	)
	if m.w.s[11] != 5 {
		t.Errorf("%d rounds", m.w.s[11])
	}
}
