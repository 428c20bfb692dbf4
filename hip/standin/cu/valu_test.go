package cu

import (
	"math"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"testing"

	"ceiling/hip/standin/gcn"
)

// exact is a float32 as a rational number of any precision; ok is false for
// infinities and NaN.
func exact(x uint32) (*big.Float, bool) {
	f := math.Float32frombits(x)
	if math.IsInf(float64(f), 0) || f != f {
		return nil, false
	}
	return new(big.Float).SetPrec(1000).SetFloat64(float64(f)), true
}

// rounded is a number of any precision as a float32, rounded once.
func rounded(x *big.Float) uint32 {
	f, _ := x.Float32()
	return math.Float32bits(f)
}

func sum(xs ...*big.Float) *big.Float {
	s := new(big.Float).SetPrec(1000)
	for _, x := range xs {
		s.Add(s, x)
	}
	return s
}

func product(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(1000).Mul(a, b) }

// The definitions below are written anew, in arithmetic that is exact, and
// know nothing of the executor's.

func TestFloatArithmetic(t *testing.T) {
	type definition func(a, b, c *big.Float) *big.Float
	cases := map[string]struct {
		words func(m *machine) []uint32
		want  definition
	}{
		"v_add_f32":    {func(m *machine) []uint32 { return []uint32{m.vop2("v_add_f32", 12, v(0), 1)} }, func(a, b, _ *big.Float) *big.Float { return sum(a, b) }},
		"v_sub_f32":    {func(m *machine) []uint32 { return []uint32{m.vop2("v_sub_f32", 12, v(0), 1)} }, func(a, b, _ *big.Float) *big.Float { return sum(a, new(big.Float).Neg(b)) }},
		"v_subrev_f32": {func(m *machine) []uint32 { return []uint32{m.vop2("v_subrev_f32", 12, v(0), 1)} }, func(a, b, _ *big.Float) *big.Float { return sum(b, new(big.Float).Neg(a)) }},
		"v_mul_f32":    {func(m *machine) []uint32 { return []uint32{m.vop2("v_mul_f32", 12, v(0), 1)} }, func(a, b, _ *big.Float) *big.Float { return product(a, b) }},
		"v_fma_f32":    {func(m *machine) []uint32 { return m.vop3("v_fma_f32", 12, v(0), v(1), v(2)) }, func(a, b, c *big.Float) *big.Float { return sum(product(a, b), c) }},
		"v_fmac_f32": {func(m *machine) []uint32 {
			return []uint32{m.vop1("v_mov_b32", 12, v(2)), m.vop2("v_fmac_f32", 12, v(0), 1)}
		}, func(a, b, c *big.Float) *big.Float { return sum(product(a, b), c) }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			r := rand.New(rand.NewPCG(1, 2))
			compared := 0
			for range 50 {
				m.randomize(r)
				m.must(c.words(m)...)
				for l := range Lanes {
					x, ok1 := exact(m.w.v[0][l])
					y, ok2 := exact(m.w.v[1][l])
					z, ok3 := exact(m.w.v[2][l])
					if !ok1 || !ok2 || !ok3 {
						continue // what infinities and NaN give: TestSpecialFloats
					}
					want := c.want(x, y, z)
					got := m.w.v[12][l]
					if want.Sign() == 0 {
						got &= 0x7fffffff // the sign of 0: TestSpecialFloats
					}
					if w := rounded(want); got != w && want.Sign() != 0 || want.Sign() == 0 && got != 0 {
						t.Fatalf("lane %d: %#x, %#x, %#x give %#x, want %#x", l, m.w.v[0][l], m.w.v[1][l], m.w.v[2][l], m.w.v[12][l], w)
					}
					compared++
				}
			}
			if compared < 1000 {
				t.Errorf("%d values compared", compared)
			}
		})
	}
}

func TestSpecialFloats(t *testing.T) {
	const inf, ninf, nan, zero, nzero, one = 0x7f800000, 0xff800000, 0x7fc00000, 0, 0x80000000, 0x3f800000
	for _, c := range []struct {
		name    string
		a, b, w uint32
	}{
		{"v_add_f32", inf, ninf, nan}, {"v_add_f32", inf, one, inf}, {"v_add_f32", nan, one, nan}, {"v_add_f32", nzero, nzero, nzero}, {"v_add_f32", zero, nzero, zero},
		{"v_mul_f32", inf, zero, nan}, {"v_mul_f32", ninf, one, ninf}, {"v_mul_f32", nzero, one, nzero}, {"v_mul_f32", 0x7f7fffff, 0x7f7fffff, inf},
		{"v_mul_f32", 0x00000001, 0x3f000000, 0}, {"v_mul_f32", 0x00800000, 0x3f000000, 0x00400000},
		{"v_max_f32", nan, one, one}, {"v_max_f32", one, nan, one}, {"v_max_f32", nzero, zero, zero}, {"v_min_f32", zero, nzero, nzero}, {"v_min_f32", nan, ninf, ninf},
		{"v_max_f32", nan, nan, nan},
	} {
		m := newMachine(t)
		broadcast(&m.w.v[0], c.a)
		broadcast(&m.w.v[1], c.b)
		m.must(m.vop2(c.name, 2, v(0), 1))
		if got := m.w.v[2][17]; !same32(got, c.w) {
			t.Errorf("%s %#x, %#x: %#x, want %#x", c.name, c.a, c.b, got, c.w)
		}
	}
}

// Denormals are zero where the mode says so.
func TestFlush(t *testing.T) {
	m := newMachine(t)
	m.w.setMode(denorm16)
	broadcast(&m.w.v[0], 0x00400000)
	broadcast(&m.w.v[1], 0x3f800000)
	m.must(m.vop2("v_add_f32", 2, v(0), 0), m.vop2("v_mul_f32", 3, v(0), 1))
	if m.w.v[2][0] != 0 || m.w.v[3][0] != 0 {
		t.Errorf("%#x, %#x", m.w.v[2][0], m.w.v[3][0])
	}
	if m.w.setMode(denorm32 | denorm16); m.run(m.vop2("v_mul_f32", 3, v(0), 1)) != nil || m.w.v[3][0] != 0x00400000 {
		t.Errorf("with denormals: %#x", m.w.v[3][0])
	}
}

func TestIntegers(t *testing.T) {
	cut := func(x *big.Int, from, n uint) uint32 {
		y := new(big.Int).Rsh(x, from)
		return uint32(y.And(y, big.NewInt(1<<n-1)).Uint64())
	}
	u := func(x uint32) *big.Int { return new(big.Int).SetUint64(uint64(x)) }
	s := func(x uint32) *big.Int { return big.NewInt(int64(int32(x))) }
	mul := func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) }
	add := func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) }
	mod := func(x *big.Int) uint32 { return uint32(new(big.Int).Mod(x, big.NewInt(1<<32)).Uint64()) }
	two := map[string]func(a, b uint32) uint32{
		"v_add_u32":        func(a, b uint32) uint32 { return mod(add(u(a), u(b))) },
		"v_sub_u32":        func(a, b uint32) uint32 { return mod(new(big.Int).Sub(u(a), u(b))) },
		"v_subrev_u32":     func(a, b uint32) uint32 { return mod(new(big.Int).Sub(u(b), u(a))) },
		"v_lshlrev_b32":    func(a, b uint32) uint32 { return mod(new(big.Int).Lsh(u(b), uint(a%32))) },
		"v_lshrrev_b32":    func(a, b uint32) uint32 { return mod(new(big.Int).Rsh(u(b), uint(a%32))) },
		"v_ashrrev_i32":    func(a, b uint32) uint32 { return mod(new(big.Int).Rsh(s(b), uint(a%32))) },
		"v_mul_u32_u24":    func(a, b uint32) uint32 { return mod(mul(u(a<<8>>8), u(b<<8>>8))) },
		"v_mul_i32_i24":    func(a, b uint32) uint32 { return mod(mul(s(uint32(int32(a<<8)>>8)), s(uint32(int32(b<<8)>>8)))) },
		"v_mul_hi_u32_u24": func(a, b uint32) uint32 { return cut(mul(u(a<<8>>8), u(b<<8>>8)), 32, 32) },
		"v_min_i32":        func(a, b uint32) uint32 { return mod([]*big.Int{s(a), s(b)}[max(0, s(a).Cmp(s(b)))]) },
		"v_max_u32":        func(a, b uint32) uint32 { return mod([]*big.Int{u(a), u(b)}[max(0, u(b).Cmp(u(a)))]) },
		"v_and_b32":        func(a, b uint32) uint32 { return mod(new(big.Int).And(u(a), u(b))) },
		"v_xor_b32":        func(a, b uint32) uint32 { return mod(new(big.Int).Xor(u(a), u(b))) },
	}
	three := map[string]func(a, b, c uint32) uint32{
		"v_add3_u32":     func(a, b, c uint32) uint32 { return mod(add(add(u(a), u(b)), u(c))) },
		"v_lshl_add_u32": func(a, b, c uint32) uint32 { return mod(add(new(big.Int).Lsh(u(a), uint(b%32)), u(c))) },
		"v_mad_u32_u24":  func(a, b, c uint32) uint32 { return mod(add(mul(u(a<<8>>8), u(b<<8>>8)), u(c))) },
		"v_mad_i32_i24": func(a, b, c uint32) uint32 {
			return mod(add(mul(s(uint32(int32(a<<8)>>8)), s(uint32(int32(b<<8)>>8))), s(c)))
		},
		"v_bfe_u32": func(a, b, c uint32) uint32 { return cut(u(a), uint(b%32), uint(c%32)) },
		"v_bfe_i32": func(a, b, c uint32) uint32 {
			n := uint(c % 32)
			x := new(big.Int).Rsh(s(a), uint(b%32)) // sign beyond the register
			y := new(big.Int).And(x, big.NewInt(1<<n-1))
			if n > 0 && y.Bit(int(n)-1) == 1 {
				y.Sub(y, big.NewInt(1<<n))
			}
			return mod(y)
		},
		"v_alignbit_b32": func(a, b, c uint32) uint32 { return cut(add(new(big.Int).Lsh(u(a), 32), u(b)), uint(c%32), 32) },
		"v_mul_lo_u32":   func(a, b, _ uint32) uint32 { return mod(mul(u(a), u(b))) },
		"v_mul_hi_u32":   func(a, b, _ uint32) uint32 { return cut(mul(u(a), u(b)), 32, 32) },
		"v_mul_hi_i32":   func(a, b, _ uint32) uint32 { return mod(new(big.Int).Rsh(mul(s(a), s(b)), 32)) },
		"v_bcnt_u32_b32": func(a, b, _ uint32) uint32 { return mod(add(big.NewInt(int64(bits.OnesCount32(a))), u(b))) },
		"v_bfi_b32": func(a, b, c uint32) uint32 {
			return mod(new(big.Int).Or(new(big.Int).And(u(a), u(b)), new(big.Int).AndNot(u(c), u(a))))
		},
		"v_med3_i32": func(a, b, c uint32) uint32 {
			x := []int32{int32(a), int32(b), int32(c)}
			for i := range x { // a sort by hand
				for j := range i {
					if x[i] < x[j] {
						x[i], x[j] = x[j], x[i]
					}
				}
			}
			return uint32(x[1])
		},
	}
	compareIntegers(t, two, three)
}

// compareIntegers runs instructions of two and of three sources on edges and
// random bits.
func compareIntegers(t *testing.T, two map[string]func(a, b uint32) uint32, three map[string]func(a, b, c uint32) uint32) {
	t.Helper()
	m := newMachine(t)
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		m.randomize(r)
		for name, f := range two {
			m.must(m.vop2(name, 12, v(0), 1))
			for l := range Lanes {
				if a, b := m.w.v[0][l], m.w.v[1][l]; m.w.v[12][l] != f(a, b) {
					t.Fatalf("%s %#x, %#x: %#x, want %#x", name, a, b, m.w.v[12][l], f(a, b))
				}
			}
		}
		for name, f := range three {
			m.must(m.vop3(name, 12, v(0), v(1), v(2))...)
			for l := range Lanes {
				if a, b, c := m.w.v[0][l], m.w.v[1][l], m.w.v[2][l]; m.w.v[12][l] != f(a, b, c) {
					t.Fatalf("%s %#x, %#x, %#x: %#x, want %#x", name, a, b, c, m.w.v[12][l], f(a, b, c))
				}
			}
		}
	}
}

func TestDots(t *testing.T) {
	m := newMachine(t)
	r := rand.New(rand.NewPCG(5, 6))
	for _, d := range []struct {
		name          string
		width, signed int
	}{{"v_dot4_i32_i8", 8, 1}, {"v_dot4_u32_u8", 8, 0}, {"v_dot8_i32_i4", 4, 1}, {"v_dot8_u32_u4", 4, 0}, {"v_dot2_i32_i16", 16, 1}, {"v_dot2_u32_u16", 16, 0}} {
		for range 20 {
			m.randomize(r)
			m.must(m.vop3p(d.name, 12, v(0), v(1), v(2))...)
			for l := range Lanes {
				want := int64(int32(m.w.v[2][l]))
				for i := 0; i < 32; i += d.width {
					part := func(x uint32) int64 {
						n := int64(x>>i) & (1<<d.width - 1)
						if d.signed == 1 && n >= 1<<(d.width-1) {
							n -= 1 << d.width
						}
						return n
					}
					want += part(m.w.v[0][l]) * part(m.w.v[1][l])
				}
				if m.w.v[12][l] != uint32(want) {
					t.Fatalf("%s %#x, %#x, %#x: %#x, want %#x", d.name, m.w.v[0][l], m.w.v[1][l], m.w.v[2][l], m.w.v[12][l], uint32(want))
				}
			}
		}
	}
}

// Every number of float16 goes to float32 and back; every rounding of a
// float32 is to the nearest, even at a tie.
func TestHalf(t *testing.T) {
	value := func(h uint32) float64 {
		e, f := int(h>>10&31), float64(h&1023)
		x := math.Ldexp(f, -24)
		switch {
		case e == 31 && f != 0:
			return math.NaN()
		case e == 31:
			x = math.Inf(1)
		case e > 0:
			x = math.Ldexp(1024+f, e-25)
		}
		return math.Copysign(x, 1-2*float64(h>>15))
	}
	for h := range uint32(1 << 16) {
		want := value(h)
		if got := float64(f16(h)); got != want && got == got {
			t.Fatalf("%#x is %g, want %g", h, got, want)
		}
		if want == want && h16(want) != h {
			t.Fatalf("%g rounds to %#x, want %#x", want, h16(want), h)
		}
		if h&0x7fff >= 0x7bff {
			continue
		}
		// Half way to the next number goes to the even one, a hair beside it to
		// the nearer.
		mid := (want + value(h+1)) / 2
		even := h + h&1
		if got := h16(mid); got != even {
			t.Fatalf("%g, half way, rounds to %#x, want %#x", mid, got, even)
		}
		if got := h16(mid + (value(h)-mid)/1024); got != h {
			t.Fatalf("below half way to %#x, want %#x", got, h)
		}
		if got := h16(mid + (value(h+1)-mid)/1024); got != h+1 {
			t.Fatalf("above half way to %#x, want %#x", got, h+1)
		}
	}
}

func TestPackedHalf(t *testing.T) {
	m := newMachine(t)
	r := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		m.randomize(r)
		m.must(m.vop3p("v_pk_fma_f16", 12, v(0), v(1), v(2))...)
		for l := range Lanes {
			for _, shift := range []int{0, 16} {
				h := func(reg int) *big.Float {
					x := float64(f16(m.w.v[reg][l] >> shift & 0xffff)) // checked by TestHalf
					if math.IsInf(x, 0) || x != x {
						return nil
					}
					return new(big.Float).SetPrec(200).SetFloat64(x)
				}
				a, b, c := h(0), h(1), h(2)
				if a == nil || b == nil || c == nil {
					continue
				}
				x := sum(product(a, b), c)
				want := roundHalf(x)
				got := m.w.v[12][l] >> shift & 0xffff
				if x.Sign() == 0 {
					got, want = got&0x7fff, 0
				}
				if got != want {
					t.Fatalf("%v × %v + %v: %#x, want %#x", a, b, c, got, want)
				}
			}
		}
	}
}

// roundHalf rounds to float16 by looking for the nearest of all.
func roundHalf(x *big.Float) uint32 {
	lo, hi := uint32(0), uint32(0x7c00)
	abs := new(big.Float).Abs(x)
	at := func(h uint32) *big.Float {
		if h == 0x7c00 {
			return big.NewFloat(65536) // where infinity begins to be nearer: half way from the largest
		}
		return new(big.Float).SetFloat64(float64(f16(h)))
	}
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if at(mid).Cmp(abs) <= 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	if at(hi).Cmp(abs) <= 0 {
		lo = hi
	}
	down := new(big.Float).SetPrec(300).Sub(abs, at(lo))
	up := new(big.Float).SetPrec(300).Sub(at(hi), abs)
	r := lo
	if c := down.Cmp(up); lo != hi && (c > 0 || c == 0 && lo&1 == 1) {
		r = hi
	}
	if x.Signbit() {
		r |= 0x8000
	}
	return r
}

func TestSDWA(t *testing.T) {
	m := newMachine(t)
	broadcast(&m.w.v[0], 0x818283f4)
	broadcast(&m.w.v[1], 0x00000001)
	broadcast(&m.w.v[2], 0xaaaaaaaa)
	// v_add_u32_sdwa v2, sext(v0), v1 dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0 src1_sel:DWORD
	sdwa := func(dst, unused, sel0 uint32, sext bool) uint32 {
		x := dst<<8 | unused<<11 | sel0<<16 | 6<<24
		if sext {
			x |= 1 << 19
		}
		return x
	}
	m.must(m.vop2("v_add_u32", 2, 0xf9, 1), sdwa(1, 2, 0, true))
	if got := m.w.v[2][9]; got != 0xaaaaf5aa {
		t.Errorf("preserve: %#x", got)
	}
	m.must(m.vop2("v_add_u32", 2, 0xf9, 1), sdwa(6, 0, 4, true))
	if got := m.w.v[2][9]; got != 0xffff83f5 {
		t.Errorf("signed word: %#x", got)
	}
	m.must(m.vop2("v_add_u32", 2, 0xf9, 1), sdwa(5, 0, 3, false))
	if got := m.w.v[2][9]; got != 0x00820000 {
		t.Errorf("pad: %#x", got)
	}
}

func TestDPP(t *testing.T) {
	number := func(m *machine) {
		for l := range Lanes {
			m.w.v[0][l], m.w.v[2][l] = uint32(l), 1000
		}
	}
	for _, c := range []struct {
		name       string
		ctrl       uint32
		bound      bool
		lane, want uint32
	}{
		{"quad_perm [1,0,3,2]", 0xb1, false, 6, 7},
		{"row_shl:1", 0x101, false, 3, 4}, {"row_shl:1, the last of a row, not written", 0x101, false, 15, 1000}, {"row_shl:1, the last of a row, zero", 0x101, true, 15, 0},
		{"row_shr:2", 0x112, false, 18, 16}, {"row_shr:2, the first of a row", 0x112, true, 17, 0},
		{"row_ror:4", 0x124, false, 1, 13}, {"wave_shl:1", 0x130, false, 15, 16}, {"wave_rol:1", 0x134, false, 63, 0}, {"wave_shr:1", 0x138, false, 16, 15},
		{"wave_ror:1", 0x13c, false, 0, 63}, {"row_mirror", 0x140, false, 17, 30}, {"row_half_mirror", 0x141, false, 9, 14},
		{"row_bcast:15", 0x142, false, 20, 15}, {"row_bcast:31", 0x143, false, 40, 31}, {"row_bcast:31 below", 0x143, false, 20, 1000},
	} {
		m := newMachine(t)
		number(m)
		x := c.ctrl<<8 | 0xff<<24
		if c.bound {
			x |= 1 << 19
		}
		m.must(m.vop1("v_mov_b32", 2, 0xfa), x)
		if got := m.w.v[2][c.lane]; got != c.want {
			t.Errorf("%s: lane %d reads %d, want %d", c.name, c.lane, got, c.want)
		}
	}
}

// Lanes that are off keep what they have, in every kind of instruction.
func TestExec(t *testing.T) {
	m := newMachine(t)
	const active = uint64(0xf0f0_0000_ffff_1234)
	for name, words := range map[string][]uint32{
		"plain":  {m.vop2("v_add_u32", 2, v(0), 1)},
		"carry":  {m.vop2("v_add_co_u32", 2, v(0), 1)},
		"choose": {m.vop2("v_cndmask_b32", 2, v(0), 1)},
		"packed": m.vop3p("v_pk_add_u16", 2, v(0), v(1), 0),
		"wide":   m.vop3("v_lshlrev_b64", 2, v(0), v(4), 0),
		"lds":    {0xd8000000 | op(t, gcn.DS, "ds_read_b32")<<17, 2 << 24},
	} {
		m.w.set64(gcn.Exec, active)
		broadcast(&m.w.v[0], 4)
		broadcast(&m.w.v[1], 5)
		broadcast(&m.w.v[2], 77)
		broadcast(&m.w.v[4], 1)
		m.must(words...)
		for l := range Lanes {
			if on, kept := active>>l&1 == 1, m.w.v[2][l] == 77; on == kept {
				t.Errorf("%s: lane %d, active %v, has %d", name, l, on, m.w.v[2][l])
				break
			}
		}
		m.w.wait = waits{}
	}
}

func TestComparisons(t *testing.T) {
	m := newMachine(t)
	r := rand.New(rand.NewPCG(9, 10))
	holds := func(op string, c int, nan bool) bool { // c: sign of a−b
		switch op {
		case "lt":
			return !nan && c < 0
		case "nlt":
			return nan || c >= 0
		case "eq":
			return !nan && c == 0
		case "neq":
			return nan || c != 0
		case "le":
			return !nan && c <= 0
		case "gt":
			return !nan && c > 0
		case "ge":
			return !nan && c >= 0
		case "u":
			return nan
		case "o":
			return !nan
		case "lg":
			return !nan && c != 0
		}
		return false
	}
	for range 20 {
		m.randomize(r)
		copy(m.w.v[1][:8], m.w.v[0][:8]) // some equal ones
		for _, o := range []string{"lt", "nlt", "eq", "neq", "le", "gt", "ge", "u", "o", "lg"} {
			m.must(0x7c000000 | op(t, gcn.VOPC, "v_cmp_"+o+"_f32")<<17 | 1<<9 | v(0))
			for l := range Lanes {
				a, b := math.Float32frombits(m.w.v[0][l]), math.Float32frombits(m.w.v[1][l])
				nan := a != a || b != b
				c := 0
				if !nan {
					c = big.NewFloat(float64(a)).Cmp(big.NewFloat(float64(b)))
				}
				if got := m.w.vcc()>>l&1 == 1; got != holds(o, c, nan) {
					t.Fatalf("%g %s %g: %v", a, o, b, got)
				}
			}
		}
	}
}

func TestCarries(t *testing.T) {
	m := newMachine(t)
	r := rand.New(rand.NewPCG(11, 12))
	for range 20 {
		m.randomize(r)
		// A 64-bit sum of v[0:1] and v[2:3] in v[4:5], and the difference in v[6:7].
		m.must(m.vop2("v_add_co_u32", 4, v(0), 2), m.vop2("v_addc_co_u32", 5, v(1), 3),
			m.vop2("v_sub_co_u32", 6, v(0), 2), m.vop2("v_subb_co_u32", 7, v(1), 3))
		for l := range Lanes {
			pair := func(i int) uint64 { return uint64(m.w.v[i][l]) | uint64(m.w.v[i+1][l])<<32 }
			if pair(4) != pair(0)+pair(2) || pair(6) != pair(0)-pair(2) {
				t.Fatalf("%#x, %#x: sum %#x, difference %#x", pair(0), pair(2), pair(4), pair(6))
			}
			if borrow := pair(0) < pair(2); m.w.vcc()>>l&1 == 1 != borrow {
				t.Fatalf("borrow of %#x − %#x", pair(0), pair(2))
			}
		}
	}
}

// A division as the compiler writes it is correctly rounded for every pair of
// numbers.
func TestDivision(t *testing.T) {
	m := newMachine(t)
	r := rand.New(rand.NewPCG(13, 14))
	for range 60 {
		m.randomize(r)
		m.must(m.division(0, 1)...)
		for l := range Lanes {
			n, d := math.Float32frombits(m.w.v[0][l]), math.Float32frombits(m.w.v[1][l])
			if got, want := m.w.v[20][l], math.Float32bits(n/d); !same32(got, want) {
				t.Fatalf("%g / %g: %#x, want %#x", n, d, got, want)
			}
		}
	}
}

// division is n/d into v20, in the steps of LLVM's expansion.
func (m *machine) division(n, d uint32) (words []uint32) {
	const neg1 = 1 << 29 // sign of the first source
	scale := func(dst, mask, a, b, c uint32) {
		words = append(words, 0xd0000000|op(m.t, gcn.VOP3, "v_div_scale_f32")<<16|mask<<8|dst, a|b<<9|c<<18)
	}
	fma := func(dst, a, b, c uint32, negative uint32) {
		words = append(words, 0xd0000000|op(m.t, gcn.VOP3, "v_fma_f32")<<16|dst, a|b<<9|c<<18|negative)
	}
	scale(10, 8, v(d), v(d), v(n))
	scale(11, gcn.VCC, v(n), v(d), v(n))
	words = append(words, m.vop1("v_rcp_f32", 12, v(10)))
	fma(13, v(10), v(12), 242, neg1) // 1.0
	fma(12, v(13), v(12), v(12), 0)
	words = append(words, m.vop2("v_mul_f32", 14, v(11), 12))
	fma(15, v(10), v(14), v(11), neg1)
	fma(14, v(15), v(12), v(14), 0)
	fma(15, v(10), v(14), v(11), neg1)
	words = append(words, 0xd0000000|op(m.t, gcn.VOP3, "v_div_fmas_f32")<<16|16, v(15)|v(12)<<9|v(14)<<18)
	return append(words, 0xd0000000|op(m.t, gcn.VOP3, "v_div_fixup_f32")<<16|20, v(16)|v(d)<<9|v(n)<<18)
}
