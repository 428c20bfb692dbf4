package cu

import (
	"math/bits"
	"strings"

	"ceiling/hip/standin/gcn"
)

type run func(w *wave)

// putNZ sets scc where a result is not zero, as bitwise scalar instructions do.
func (w *wave) putNZ(d int, x uint32)   { w.s[d], w.scc = x, x != 0 }
func (w *wave) putNZ64(d int, x uint64) { w.set64(d, x); w.scc = x != 0 }

// sop2of32 are the 32-bit scalar instructions of two sources: result and scc.
var sop2of32 = map[string]func(a, b uint32, scc bool) (uint32, bool){
	"s_add_u32": func(a, b uint32, scc bool) (uint32, bool) { s, c := bits.Add32(a, b, 0); return s, c != 0 },
	"s_sub_u32": func(a, b uint32, scc bool) (uint32, bool) { s, c := bits.Sub32(a, b, 0); return s, c != 0 },
	"s_add_i32": func(a, b uint32, scc bool) (uint32, bool) {
		s := int64(int32(a)) + int64(int32(b))
		return uint32(s), s != int64(int32(s))
	},
	"s_sub_i32": func(a, b uint32, scc bool) (uint32, bool) {
		s := int64(int32(a)) - int64(int32(b))
		return uint32(s), s != int64(int32(s))
	},
	"s_addc_u32": func(a, b uint32, scc bool) (uint32, bool) { s, c := bits.Add32(a, b, one(scc)); return s, c != 0 },
	"s_subb_u32": func(a, b uint32, scc bool) (uint32, bool) { s, c := bits.Sub32(a, b, one(scc)); return s, c != 0 },
	"s_min_i32": func(a, b uint32, scc bool) (uint32, bool) {
		return uint32(min(int32(a), int32(b))), int32(a) < int32(b)
	},
	"s_min_u32": func(a, b uint32, scc bool) (uint32, bool) { return min(a, b), a < b },
	"s_max_i32": func(a, b uint32, scc bool) (uint32, bool) {
		return uint32(max(int32(a), int32(b))), int32(a) > int32(b)
	},
	"s_max_u32":    func(a, b uint32, scc bool) (uint32, bool) { return max(a, b), a > b },
	"s_and_b32":    nz(func(a, b uint32) uint32 { return a & b }),
	"s_or_b32":     nz(func(a, b uint32) uint32 { return a | b }),
	"s_xor_b32":    nz(func(a, b uint32) uint32 { return a ^ b }),
	"s_andn2_b32":  nz(func(a, b uint32) uint32 { return a &^ b }),
	"s_orn2_b32":   nz(func(a, b uint32) uint32 { return a | ^b }),
	"s_nand_b32":   nz(func(a, b uint32) uint32 { return ^(a & b) }),
	"s_nor_b32":    nz(func(a, b uint32) uint32 { return ^(a | b) }),
	"s_xnor_b32":   nz(func(a, b uint32) uint32 { return ^(a ^ b) }),
	"s_lshl_b32":   nz(func(a, b uint32) uint32 { return a << (b & 31) }),
	"s_lshr_b32":   nz(func(a, b uint32) uint32 { return a >> (b & 31) }),
	"s_ashr_i32":   nz(func(a, b uint32) uint32 { return uint32(int32(a) >> (b & 31)) }),
	"s_bfe_u32":    nz(func(a, b uint32) uint32 { return a >> (b & 31) & ones32(b>>16&127) }),
	"s_bfe_i32":    nz(func(a, b uint32) uint32 { return extend32(a>>(b&31), b>>16&127, a, b&31) }),
	"s_bfm_b32":    keep(func(a, b uint32) uint32 { return ones32(a&31) << (b & 31) }),
	"s_mul_i32":    keep(func(a, b uint32) uint32 { return a * b }),
	"s_mul_hi_u32": keep(func(a, b uint32) uint32 { h, _ := bits.Mul32(a, b); return h }),
	"s_mul_hi_i32": keep(func(a, b uint32) uint32 { return uint32(int64(int32(a)) * int64(int32(b)) >> 32) }),
	"s_absdiff_i32": nz(func(a, b uint32) uint32 {
		if d := int32(a - b); int32(a) < int32(b) {
			return uint32(-d)
		}
		return a - b
	}),
	"s_lshl1_add_u32": shiftAdd(1), "s_lshl2_add_u32": shiftAdd(2), "s_lshl3_add_u32": shiftAdd(3), "s_lshl4_add_u32": shiftAdd(4),
	"s_pack_ll_b32_b16": keep(func(a, b uint32) uint32 { return a&0xffff | b<<16 }),
	"s_pack_lh_b32_b16": keep(func(a, b uint32) uint32 { return a&0xffff | b&0xffff0000 }),
	"s_pack_hh_b32_b16": keep(func(a, b uint32) uint32 { return a>>16 | b&0xffff0000 }),
	"s_cselect_b32": func(a, b uint32, scc bool) (uint32, bool) {
		if scc {
			return a, scc
		}
		return b, scc
	},
}

func one(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func nz(f func(a, b uint32) uint32) func(a, b uint32, scc bool) (uint32, bool) {
	return func(a, b uint32, _ bool) (uint32, bool) { x := f(a, b); return x, x != 0 }
}

func keep(f func(a, b uint32) uint32) func(a, b uint32, scc bool) (uint32, bool) {
	return func(a, b uint32, scc bool) (uint32, bool) { return f(a, b), scc }
}

func shiftAdd(n int) func(a, b uint32, scc bool) (uint32, bool) {
	return func(a, b uint32, _ bool) (uint32, bool) {
		s := uint64(a)<<n + uint64(b)
		return uint32(s), s>>32 != 0
	}
}

// ones32 is n ones, 32 at most.
func ones32(n uint32) uint32 { return uint32(1<<min(n, 32) - 1) }

// extend32 sign-extends the n bits of x; where the field reaches beyond the
// register, its sign is the register's.
func extend32(x, n, whole, from uint32) uint32 {
	switch {
	case n == 0:
		return 0
	case from+n >= 32:
		return uint32(int32(whole) >> from)
	}
	return uint32(int32(x<<(32-n)) >> (32 - n))
}

var sop2of64 = map[string]func(a, b uint64) uint64{
	"s_and_b64":   func(a, b uint64) uint64 { return a & b },
	"s_or_b64":    func(a, b uint64) uint64 { return a | b },
	"s_xor_b64":   func(a, b uint64) uint64 { return a ^ b },
	"s_andn2_b64": func(a, b uint64) uint64 { return a &^ b },
	"s_orn2_b64":  func(a, b uint64) uint64 { return a | ^b },
	"s_nand_b64":  func(a, b uint64) uint64 { return ^(a & b) },
	"s_nor_b64":   func(a, b uint64) uint64 { return ^(a | b) },
	"s_xnor_b64":  func(a, b uint64) uint64 { return ^(a ^ b) },
	"s_lshl_b64":  func(a, b uint64) uint64 { return a << (b & 63) },
	"s_lshr_b64":  func(a, b uint64) uint64 { return a >> (b & 63) },
	"s_ashr_i64":  func(a, b uint64) uint64 { return uint64(int64(a) >> (b & 63)) },
	"s_bfe_u64":   func(a, b uint64) uint64 { return a >> (b & 63) & ones64(b>>16&127) },
	"s_bfe_i64": func(a, b uint64) uint64 {
		n := b >> 16 & 127
		if n == 0 {
			return 0
		}
		up := 64 - min(n, 64)
		return uint64(int64(a>>(b&63)<<up) >> up)
	},
}

func ones64(n uint64) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}

func (c *compiler) sop2() (run, error) {
	in, d := c.in, c.in.Dst.Reg
	if f, ok := sop2of32[in.Name]; ok {
		a, err := c.scalar(in.Src[0])
		if err != nil {
			return nil, err
		}
		b, err := c.scalar(in.Src[1])
		if err != nil {
			return nil, err
		}
		return func(w *wave) { w.s[d], w.scc = f(a(w), b(w), w.scc) }, nil
	}
	a, err := c.wide(in.Src[0])
	if err != nil {
		return nil, err
	}
	b, err := c.wide(in.Src[1])
	if err != nil {
		return nil, err
	}
	if f, ok := sop2of64[in.Name]; ok {
		return func(w *wave) { w.putNZ64(d, f(a(w), b(w))) }, nil
	}
	switch in.Name {
	case "s_cselect_b64":
		return func(w *wave) {
			x := b(w)
			if w.scc {
				x = a(w)
			}
			w.set64(d, x)
		}, nil
	case "s_bfm_b64":
		return func(w *wave) { w.set64(d, ones64(a(w)&63)<<(b(w)&63)) }, nil
	}
	return nil, c.unknown()
}

// wide is a scalar source as 64 bits, whatever its width.
func (c *compiler) wide(o gcn.Operand) (func(w *wave) uint64, error) {
	if o.Width == 2 {
		return c.scalar64(o, false)
	}
	s, err := c.scalar(o)
	if err != nil {
		return nil, err
	}
	return func(w *wave) uint64 { return uint64(s(w)) }, nil
}

var sop1of32 = map[string]func(a uint32) uint32{
	"s_brev_b32":      bits.Reverse32,
	"s_sext_i32_i8":   func(a uint32) uint32 { return uint32(int32(int8(a))) },
	"s_sext_i32_i16":  func(a uint32) uint32 { return uint32(int32(int16(a))) },
	"s_mov_b32":       func(a uint32) uint32 { return a },
	"s_ff1_i32_b32":   func(a uint32) uint32 { return firstBit(bits.TrailingZeros32(a), a == 0) },
	"s_ff0_i32_b32":   func(a uint32) uint32 { return firstBit(bits.TrailingZeros32(^a), ^a == 0) },
	"s_flbit_i32_b32": func(a uint32) uint32 { return firstBit(bits.LeadingZeros32(a), a == 0) },
	"s_flbit_i32":     flbit,
}

// flbit counts the bits that equal the sign, from the top.
func flbit(a uint32) uint32 {
	x := a ^ uint32(int32(a)>>31)
	return firstBit(bits.LeadingZeros32(x), x == 0)
}

// firstBit is a position, or −1.
func firstBit(at int, none bool) uint32 {
	if none {
		return ^uint32(0)
	}
	return uint32(at)
}

var sop1nz32 = map[string]func(a uint32) uint32{
	"s_not_b32":       func(a uint32) uint32 { return ^a },
	"s_bcnt1_i32_b32": func(a uint32) uint32 { return uint32(bits.OnesCount32(a)) },
	"s_bcnt0_i32_b32": func(a uint32) uint32 { return uint32(bits.OnesCount32(^a)) },
	"s_abs_i32": func(a uint32) uint32 {
		if int32(a) < 0 {
			return -a
		}
		return a
	},
	"s_wqm_b32": func(a uint32) uint32 { return uint32(wholeQuads(uint64(a))) },
}

var sop1of64 = map[string]func(a uint64) uint64{
	"s_mov_b64":  func(a uint64) uint64 { return a },
	"s_brev_b64": bits.Reverse64,
}

var sop1nz64 = map[string]func(a uint64) uint64{
	"s_not_b64": func(a uint64) uint64 { return ^a },
	"s_wqm_b64": wholeQuads,
}

// to32 are 64-bit sources with a 32-bit result.
var to32 = map[string]func(a uint64) uint32{
	"s_ff1_i32_b64":   func(a uint64) uint32 { return firstBit(bits.TrailingZeros64(a), a == 0) },
	"s_ff0_i32_b64":   func(a uint64) uint32 { return firstBit(bits.TrailingZeros64(^a), ^a == 0) },
	"s_flbit_i32_b64": func(a uint64) uint32 { return firstBit(bits.LeadingZeros64(a), a == 0) },
}

var to32nz = map[string]func(a uint64) uint32{
	"s_bcnt1_i32_b64": func(a uint64) uint32 { return uint32(bits.OnesCount64(a)) },
	"s_bcnt0_i32_b64": func(a uint64) uint32 { return uint32(bits.OnesCount64(^a)) },
}

func wholeQuads(a uint64) uint64 {
	a |= a >> 1 & 0x7777777777777777
	a |= a >> 2 & 0x3333333333333333
	return a & 0x1111111111111111 * 15
}

var saveexec = map[string]func(a, exec uint64) uint64{
	"s_and_saveexec_b64":   func(a, e uint64) uint64 { return a & e },
	"s_or_saveexec_b64":    func(a, e uint64) uint64 { return a | e },
	"s_xor_saveexec_b64":   func(a, e uint64) uint64 { return a ^ e },
	"s_andn2_saveexec_b64": func(a, e uint64) uint64 { return a &^ e },
	"s_orn2_saveexec_b64":  func(a, e uint64) uint64 { return a | ^e },
	"s_nand_saveexec_b64":  func(a, e uint64) uint64 { return ^(a & e) },
	"s_nor_saveexec_b64":   func(a, e uint64) uint64 { return ^(a | e) },
	"s_xnor_saveexec_b64":  func(a, e uint64) uint64 { return ^(a ^ e) },
	"s_andn1_saveexec_b64": func(a, e uint64) uint64 { return e &^ a },
	"s_orn1_saveexec_b64":  func(a, e uint64) uint64 { return e | ^a },
}

func (c *compiler) sop1() (run, error) {
	in, d := c.in, c.in.Dst.Reg
	if in.Name == "s_getpc_b64" {
		next := c.pc + uint64(in.Size)
		return func(w *wave) { w.set64(d, next) }, nil
	}
	a, err := c.wide(in.Src[0])
	if err != nil {
		return nil, err
	}
	if f, ok := sop1of32[in.Name]; ok {
		return func(w *wave) { w.s[d] = f(uint32(a(w))) }, nil
	}
	if f, ok := sop1nz32[in.Name]; ok {
		return func(w *wave) { w.putNZ(d, f(uint32(a(w)))) }, nil
	}
	if f, ok := sop1of64[in.Name]; ok {
		return func(w *wave) { w.set64(d, f(a(w))) }, nil
	}
	if f, ok := sop1nz64[in.Name]; ok {
		return func(w *wave) { w.putNZ64(d, f(a(w))) }, nil
	}
	if f, ok := to32[in.Name]; ok {
		return func(w *wave) { w.s[d] = f(a(w)) }, nil
	}
	if f, ok := to32nz[in.Name]; ok {
		return func(w *wave) { w.putNZ(d, f(a(w))) }, nil
	}
	if f, ok := saveexec[in.Name]; ok {
		return func(w *wave) {
			e := w.exec()
			x := f(a(w), e)
			w.set64(d, e)
			w.set64(gcn.Exec, x)
			w.scc = x != 0
		}, nil
	}
	return c.sop1Rest(a)
}

func (c *compiler) sop1Rest(a func(w *wave) uint64) (run, error) {
	d := c.in.Dst.Reg
	switch c.in.Name {
	case "s_andn1_wrexec_b64", "s_andn2_wrexec_b64":
		first := c.in.Name == "s_andn1_wrexec_b64"
		return func(w *wave) {
			x := w.exec() &^ a(w)
			if !first {
				x = a(w) &^ w.exec()
			}
			w.putNZ64(d, x)
			w.set64(gcn.Exec, x)
		}, nil
	case "s_cmov_b32":
		return func(w *wave) {
			if w.scc {
				w.s[d] = uint32(a(w))
			}
		}, nil
	case "s_cmov_b64":
		return func(w *wave) {
			if w.scc {
				w.set64(d, a(w))
			}
		}, nil
	case "s_bitset0_b32":
		return func(w *wave) { w.s[d] &^= 1 << (a(w) & 31) }, nil
	case "s_bitset1_b32":
		return func(w *wave) { w.s[d] |= 1 << (a(w) & 31) }, nil
	case "s_bitset0_b64":
		return func(w *wave) { w.set64(d, w.s64(d)&^(1<<(a(w)&63))) }, nil
	case "s_bitset1_b64":
		return func(w *wave) { w.set64(d, w.s64(d)|1<<(a(w)&63)) }, nil
	case "s_movrels_b32":
		n := c.in.Src[0].Reg
		return func(w *wave) { w.s[d] = w.s[(n+int(w.s[gcn.M0]))&127] }, nil
	case "s_movreld_b32":
		return func(w *wave) { w.s[(d+int(w.s[gcn.M0]))&127] = uint32(a(w)) }, nil
	}
	return nil, c.unknown()
}

// relation is a set of outcomes of a comparison.
type relation uint8

const (
	less relation = 1 << iota
	equal
	greater
	unordered // one is NaN
)

// relations are the comparisons by the letters in an instruction's name.
var relations = map[string]relation{
	"f": 0, "lt": less, "eq": equal, "le": less | equal, "gt": greater, "ge": greater | equal,
	"lg": less | greater, "ne": less | greater, "o": less | equal | greater, "u": unordered,
	"t": less | equal | greater | unordered, "tru": less | equal | greater | unordered,
	"nlt": greater | equal | unordered, "neq": less | greater | unordered, "nle": greater | unordered,
	"ngt": less | equal | unordered, "nge": less | unordered, "nlg": equal | unordered,
}

// compared is the outcome of a comparison.
func compared[T int32 | uint32 | int64 | uint64 | float32 | float64](a, b T) relation {
	switch {
	case a < b:
		return less
	case a > b:
		return greater
	case a == b:
		return equal
	}
	return unordered
}

// has says whether an outcome is in the set.
func (r relation) has(outcome relation) bool { return r&outcome != 0 }

func (c *compiler) sopc() (run, error) {
	a, err := c.wide(c.in.Src[0])
	if err != nil {
		return nil, err
	}
	b, err := c.wide(c.in.Src[1])
	if err != nil {
		return nil, err
	}
	name := c.in.Name
	switch name {
	case "s_bitcmp0_b32":
		return func(w *wave) { w.scc = a(w)>>(b(w)&31)&1 == 0 }, nil
	case "s_bitcmp1_b32":
		return func(w *wave) { w.scc = a(w)>>(b(w)&31)&1 == 1 }, nil
	case "s_bitcmp0_b64":
		return func(w *wave) { w.scc = a(w)>>(b(w)&63)&1 == 0 }, nil
	case "s_bitcmp1_b64":
		return func(w *wave) { w.scc = a(w)>>(b(w)&63)&1 == 1 }, nil
	}
	parts := strings.Split(name, "_") // s cmp lt i32
	if len(parts) != 4 || parts[1] != "cmp" {
		return nil, c.unknown()
	}
	r, ok := relations[parts[2]]
	if !ok {
		return nil, c.unknown()
	}
	switch parts[3] {
	case "i32":
		return func(w *wave) { w.scc = r.has(compared(int32(a(w)), int32(b(w)))) }, nil
	case "u32", "u64":
		return func(w *wave) { w.scc = r.has(compared(a(w), b(w))) }, nil
	}
	return nil, c.unknown()
}

func (c *compiler) sopk() (run, error) {
	in, d := c.in, c.in.Dst.Reg
	k := int32(in.Imm)
	switch in.Name {
	case "s_movk_i32":
		return func(w *wave) { w.s[d] = uint32(k) }, nil
	case "s_cmovk_i32":
		return func(w *wave) {
			if w.scc {
				w.s[d] = uint32(k)
			}
		}, nil
	case "s_addk_i32":
		return func(w *wave) {
			x := int64(int32(w.s[d])) + int64(k)
			w.s[d], w.scc = uint32(x), x != int64(int32(x))
		}, nil
	case "s_mulk_i32":
		return func(w *wave) { w.s[d] *= uint32(k) }, nil
	case "s_getreg_b32", "s_setreg_b32", "s_setreg_imm32_b32":
		return c.hardwareRegister()
	}
	parts := strings.Split(in.Name, "_") // s cmpk lt i32
	if len(parts) != 4 || parts[1] != "cmpk" {
		return nil, c.unknown()
	}
	r, ok := relations[parts[2]]
	if !ok {
		return nil, c.unknown()
	}
	if parts[3] == "u32" {
		u := uint32(uint16(k))
		return func(w *wave) { w.scc = r.has(compared(w.s[d], u)) }, nil
	}
	return func(w *wave) { w.scc = r.has(compared(int32(w.s[d]), k)) }, nil
}

// Bits of the mode register that the stand-in knows: rounding and denormals of
// 32-bit and of 16- and 64-bit floats.
const (
	modeRegister = 1
	roundMask    = 0xf
	denorm32     = 3 << 4
	denorm16     = 3 << 6
)

func (w *wave) setMode(mode uint32) {
	if mode&roundMask != 0 {
		w.fail(-1, "rounding mode %#x, the stand-in rounds to nearest even only", mode&roundMask)
	}
	if mode&denorm16 == 0 {
		w.fail(-1, "mode %#x makes denormals of 16- and 64-bit floats zero, the stand-in keeps them", mode)
	}
	w.mode = mode
	w.flush32 = mode&denorm32 == 0
}

func (c *compiler) hardwareRegister() (run, error) {
	in, d := c.in, c.in.Dst.Reg
	imm := uint16(in.Imm)
	id, offset, size := int(imm&63), int(imm>>6&31), uint32(imm>>11)+1
	if in.Name == "s_getreg_b32" {
		return func(w *wave) {
			x := uint32(0) // of the others: where the wave runs, which is nowhere
			if id == modeRegister {
				x = w.mode
			}
			w.s[d] = x >> offset & ones32(size)
		}, nil
	}
	if id != modeRegister {
		return nil, c.unknown()
	}
	literal, fixed := in.Literal, in.Name == "s_setreg_imm32_b32"
	return func(w *wave) {
		x := w.s[d]
		if fixed {
			x = literal
		}
		mask := ones32(size) << offset
		w.setMode(w.mode&^mask | x<<offset&mask)
	}, nil
}
