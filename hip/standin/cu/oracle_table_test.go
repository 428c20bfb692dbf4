package cu

import (
	"math"
	"math/big"
	"math/bits"
	"strings"

	"ceiling/hip/standin/gcn"
)

type narrowFunc = func(a, b, c, d uint32) uint32

func i8(x uint32) int64  { return int64(int8(x)) }
func i16(x uint32) int64 { return int64(int16(x)) }
func i32(x uint32) int64 { return int64(int32(x)) }
func i24(x uint32) int64 { return int64(int32(x<<8) >> 8) }

// half16 makes a definition of one in float64, exact for these.
func half16(f func(a, b float64) float64) narrowFunc {
	return func(a, b, _, _ uint32) uint32 { return halfFrom(f(halfValue(a), halfValue(b))) }
}

func one32(f func(a float64) float64) narrowFunc {
	return func(a, _, _, _ uint32) uint32 { return bitsOf(f(floatOf(a))) }
}

func two32(f func(a, b float64) float64) narrowFunc {
	return func(a, b, _, _ uint32) uint32 { return bitsOf(f(floatOf(a), floatOf(b))) }
}

func both16(f func(a, b uint32) uint32) narrowFunc {
	return func(a, b, _, _ uint32) uint32 { return f(a&0xffff, b&0xffff)&0xffff | f(a>>16, b>>16)<<16 }
}

// limited is a float as a whole number between ends; NaN is 0.
func limited(v, low, high float64) int64 {
	if v != v {
		return 0
	}
	return int64(max(low, min(high, math.Trunc(v))))
}

// narrow are results of one register. Sums of two 32-bit floats and products of
// two are exact in, or rounded right from, a float64.
var narrow = map[string]narrowFunc{
	"v_mov_b32": func(a, _, _, _ uint32) uint32 { return a }, "v_not_b32": func(a, _, _, _ uint32) uint32 { return a ^ math.MaxUint32 },
	"v_bfrev_b32": func(a, _, _, _ uint32) (r uint32) {
		for i := range 32 {
			r |= a >> i & 1 << (31 - i)
		}
		return r
	},
	"v_ffbh_u32": func(a, _, _, _ uint32) uint32 {
		for i := range 32 {
			if a>>(31-i)&1 == 1 {
				return uint32(i)
			}
		}
		return math.MaxUint32
	},
	"v_and_b32": func(a, b, _, _ uint32) uint32 { return a & b }, "v_or_b32": func(a, b, _, _ uint32) uint32 { return a | b },
	"v_xor_b32": func(a, b, _, _ uint32) uint32 { return a ^ b }, "v_add_u32": func(a, b, _, _ uint32) uint32 { return a + b },
	"v_sub_u32": func(a, b, _, _ uint32) uint32 { return a - b }, "v_subrev_u32": func(a, b, _, _ uint32) uint32 { return b - a },
	"v_and_or_b32": func(a, b, c, _ uint32) uint32 { return a&b | c }, "v_or3_b32": func(a, b, c, _ uint32) uint32 { return a | b | c },
	"v_add3_u32": func(a, b, c, _ uint32) uint32 { return a + b + c }, "v_xad_u32": func(a, b, c, _ uint32) uint32 { return a ^ b + c },
	"v_add_lshl_u32": func(a, b, c, _ uint32) uint32 { return (a + b) << (c % 32) }, "v_lshl_add_u32": func(a, b, c, _ uint32) uint32 { return a<<(b%32) + c },
	"v_lshl_or_b32":  func(a, b, c, _ uint32) uint32 { return a<<(b%32) | c },
	"v_lshlrev_b32":  func(a, b, _, _ uint32) uint32 { return b << (a % 32) },
	"v_lshrrev_b32":  func(a, b, _, _ uint32) uint32 { return b >> (a % 32) },
	"v_ashrrev_i32":  func(a, b, _, _ uint32) uint32 { return uint32(i32(b) >> (a % 32)) },
	"v_bfe_u32":      func(a, b, c, _ uint32) uint32 { return a >> (b % 32) & (1<<(c%32) - 1) },
	"v_bfe_i32":      func(a, b, c, _ uint32) uint32 { return uint32(int64(i32(a)>>(b%32)) << (64 - c%32) >> (64 - c%32)) },
	"v_bfi_b32":      func(a, b, c, _ uint32) uint32 { return a&b | (a^math.MaxUint32)&c },
	"v_alignbit_b32": func(a, b, c, _ uint32) uint32 { return uint32((uint64(a)<<32 | uint64(b)) >> (c % 32)) },
	"v_perm_b32": func(a, b, c, _ uint32) (r uint32) {
		all := uint64(a)<<32 | uint64(b)
		for i := range 4 {
			var y uint64
			switch s := c >> (8 * i) & 255; {
			case s < 8:
				y = all >> (8 * s) & 255
			case s < 12: // the sign of the words, from the lowest
				if all>>(16*(s-8)+15)&1 == 1 {
					y = 255
				}
			case s > 12:
				y = 255
			}
			r |= uint32(y) << (8 * i)
		}
		return r
	},
	"v_mul_lo_u32": func(a, b, _, _ uint32) uint32 { return uint32(uint64(a) * uint64(b)) }, "v_mul_hi_u32": func(a, b, _, _ uint32) uint32 { return uint32(uint64(a) * uint64(b) >> 32) },
	"v_mul_hi_i32": func(a, b, _, _ uint32) uint32 { return uint32(i32(a) * i32(b) >> 32) }, "v_mul_i32_i24": func(a, b, _, _ uint32) uint32 { return uint32(i24(a) * i24(b)) },
	"v_mul_u32_u24": func(a, b, _, _ uint32) uint32 { return a << 8 >> 8 * (b << 8 >> 8) }, "v_mul_hi_i32_i24": func(a, b, _, _ uint32) uint32 { return uint32(i24(a) * i24(b) >> 32) },
	"v_mad_u32_u24": func(a, b, c, _ uint32) uint32 { return a<<8>>8*(b<<8>>8) + c }, "v_mad_i32_i24": func(a, b, c, _ uint32) uint32 { return uint32(i24(a)*i24(b) + i32(c)) },
	"v_min_i32": func(a, b, _, _ uint32) uint32 { return uint32(min(i32(a), i32(b))) }, "v_max_i32": func(a, b, _, _ uint32) uint32 { return uint32(max(i32(a), i32(b))) },
	"v_min_u32": func(a, b, _, _ uint32) uint32 { return min(a, b) }, "v_max_u32": func(a, b, _, _ uint32) uint32 { return max(a, b) },
	"v_min3_u32": func(a, b, c, _ uint32) uint32 { return min(a, b, c) }, "v_max3_i32": func(a, b, c, _ uint32) uint32 { return uint32(max(i32(a), i32(b), i32(c))) },
	"v_dot4_i32_i8": dot4, "v_dot4c_i32_i8": func(a, b, _, d uint32) uint32 { return dot4(a, b, d, 0) },

	"v_add_u16": func(a, b, _, _ uint32) uint32 { return (a + b) & 0xffff }, "v_sub_u16": func(a, b, _, _ uint32) uint32 { return (a - b) & 0xffff },
	"v_mul_lo_u16": func(a, b, _, _ uint32) uint32 { return a * b & 0xffff }, "v_lshlrev_b16": func(a, b, _, _ uint32) uint32 { return b << (a % 16) & 0xffff },
	"v_lshrrev_b16": func(a, b, _, _ uint32) uint32 { return b & 0xffff >> (a % 16) }, "v_ashrrev_i16": func(a, b, _, _ uint32) uint32 { return uint32(i16(b)>>(a%16)) & 0xffff },

	"v_add_f32": two32(func(a, b float64) float64 { return a + b }), "v_sub_f32": two32(func(a, b float64) float64 { return a - b }),
	"v_subrev_f32": two32(func(a, b float64) float64 { return b - a }), "v_mul_f32": two32(func(a, b float64) float64 { return a * b }),
	"v_min_f32": two32(smaller), "v_max_f32": two32(larger),
	"v_max3_f32": func(a, b, c, _ uint32) uint32 { return bitsOf(larger(larger(floatOf(a), floatOf(b)), floatOf(c))) },
	"v_fma_f32":  func(a, b, c, _ uint32) uint32 { return fused(a, b, c) }, "v_fmac_f32": func(a, b, _, d uint32) uint32 { return fused(a, b, d) },
	"v_floor_f32": one32(math.Floor), "v_ceil_f32": one32(math.Ceil), "v_trunc_f32": one32(math.Trunc), "v_rndne_f32": one32(math.RoundToEven), "v_sqrt_f32": one32(math.Sqrt),
	"v_exp_f32": func(a, _, _, _ uint32) uint32 { return noDenormal(bitsOf(math.Exp2(floatOf(noDenormal(a))))) }, "v_log_f32": func(a, _, _, _ uint32) uint32 { return bitsOf(math.Log2(floatOf(noDenormal(a)))) }, "v_rsq_f32": one32(func(a float64) float64 { return 1 / math.Sqrt(a) }),
	"v_rcp_f32": one32(func(a float64) float64 { return 1 / a }), "v_rcp_iflag_f32": one32(func(a float64) float64 { return 1 / a }),
	"v_ldexp_f32": func(a, b, _, _ uint32) uint32 {
		return bitsOf(math.Ldexp(floatOf(a), int(max(-2000, min(2000, i32(b))))))
	},
	"v_frexp_mant_f32": func(a, _, _, _ uint32) uint32 {
		m, _ := math.Frexp(floatOf(a))
		return bitsOf(m)
	},
	"v_frexp_exp_i32_f32": func(a, _, _, _ uint32) uint32 {
		if v := floatOf(a); v != v || math.IsInf(v, 0) {
			return 0
		}
		_, e := math.Frexp(floatOf(a))
		return uint32(int32(e))
	},
	"v_cvt_f32_i32": func(a, _, _, _ uint32) uint32 { return bitsOf(float64(int32(a))) }, "v_cvt_f32_u32": func(a, _, _, _ uint32) uint32 { return bitsOf(float64(a)) },
	"v_cvt_f32_ubyte0": func(a, _, _, _ uint32) uint32 { return bitsOf(float64(a % 256)) }, "v_cvt_f32_ubyte1": func(a, _, _, _ uint32) uint32 { return bitsOf(float64(a / 256 % 256)) },
	"v_cvt_f32_ubyte2": func(a, _, _, _ uint32) uint32 { return bitsOf(float64(a / 65536 % 256)) }, "v_cvt_f32_ubyte3": func(a, _, _, _ uint32) uint32 { return bitsOf(float64(a / 16777216)) },
	"v_cvt_i32_f32": func(a, _, _, _ uint32) uint32 { return uint32(limited(floatOf(a), math.MinInt32, math.MaxInt32)) },
	"v_cvt_u32_f32": func(a, _, _, _ uint32) uint32 { return uint32(limited(floatOf(a), 0, math.MaxUint32)) },
	"v_cvt_f32_f16": func(a, _, _, _ uint32) uint32 { return bitsOf(halfValue(a)) }, "v_cvt_f16_f32": func(a, _, _, _ uint32) uint32 { return halfFrom(floatOf(a)) },
	"v_cvt_f16_u16": func(a, _, _, _ uint32) uint32 { return halfFrom(float64(a & 0xffff)) }, "v_cvt_f16_i16": func(a, _, _, _ uint32) uint32 { return halfFrom(float64(i16(a))) },

	"v_add_f16": half16(func(a, b float64) float64 { return a + b }), "v_sub_f16": half16(func(a, b float64) float64 { return a - b }),
	"v_mul_f16": half16(func(a, b float64) float64 { return a * b }), "v_min_f16": half16(smaller), "v_max_f16": half16(larger),
	"v_floor_f16": half16(func(a, _ float64) float64 { return math.Floor(a) }), "v_ceil_f16": half16(func(a, _ float64) float64 { return math.Ceil(a) }),
	"v_trunc_f16":    half16(func(a, _ float64) float64 { return math.Trunc(a) }),
	"v_fma_f16":      func(a, b, c, d uint32) uint32 { return d&0xffff0000 | fused16(a, b, c) }, // the only one here that keeps the upper half
	"v_pack_b32_f16": func(a, b, _, _ uint32) uint32 { return a&0xffff | b<<16 },
}

// noDenormal: exponentials and logarithms know no denormals, in any mode.
func noDenormal(a uint32) uint32 {
	if a>>23&255 == 0 {
		a &= 1 << 31
	}
	return a
}

func dot4(a, b, c, _ uint32) uint32 {
	s := i32(c)
	for i := range 4 {
		s += i8(a>>(8*i)) * i8(b>>(8*i))
	}
	return uint32(s)
}

func fused16(a, b, c uint32) uint32 {
	x, y, z := halfValue(a), halfValue(b), halfValue(c)
	if v := x*y + z; math.IsInf(v, 0) || v != v {
		return halfFrom(v)
	}
	s := sum(product(new(big.Float).SetFloat64(x), new(big.Float).SetFloat64(y)), new(big.Float).SetFloat64(z))
	if s.Sign() == 0 {
		return halfFrom(x*y + z)
	}
	return halfOf(s)
}

func f64s(x *state, in *gcn.Inst, l int) (a, b, c float64) {
	return math.Float64frombits(source64(x, in, 0, l, true)), math.Float64frombits(source64(x, in, 1, l, true)), math.Float64frombits(source64(x, in, 2, l, true))
}

func double64(f func(a, b, c float64) float64) func(x *state, in *gcn.Inst, l int) uint64 {
	return func(x *state, in *gcn.Inst, l int) uint64 { return math.Float64bits(f(f64s(x, in, l))) }
}

// wide64 are results of two registers.
var wide64 = map[string]func(x *state, in *gcn.Inst, l int) uint64{
	"v_add_f64": double64(func(a, b, _ float64) float64 { return a + b }), "v_mul_f64": double64(func(a, b, _ float64) float64 { return a * b }),
	"v_fma_f64": double64(math.FMA), "v_min_f64": double64(func(a, b, _ float64) float64 { return smaller(a, b) }), "v_max_f64": double64(func(a, b, _ float64) float64 { return larger(a, b) }),
	"v_rcp_f64":     double64(func(a, _, _ float64) float64 { return 1 / a }),
	"v_cvt_f64_f32": func(x *state, in *gcn.Inst, l int) uint64 { return math.Float64bits(floatOf(source(x, in, 0, l))) },
	"v_cvt_f64_i32": func(x *state, in *gcn.Inst, l int) uint64 {
		return math.Float64bits(float64(int32(source(x, in, 0, l))))
	},
	"v_cvt_f64_u32": func(x *state, in *gcn.Inst, l int) uint64 { return math.Float64bits(float64(source(x, in, 0, l))) },
	"v_lshlrev_b64": func(x *state, in *gcn.Inst, l int) uint64 {
		return source64(x, in, 1, l, false) << (source(x, in, 0, l) % 64)
	},
	"v_lshrrev_b64": func(x *state, in *gcn.Inst, l int) uint64 {
		return source64(x, in, 1, l, false) >> (source(x, in, 0, l) % 64)
	},
	"v_ashrrev_i64": func(x *state, in *gcn.Inst, l int) uint64 {
		return uint64(int64(source64(x, in, 1, l, false)) >> (source(x, in, 0, l) % 64))
	},
}

var to32from64 = map[string]func(a uint64) uint32{
	"v_cvt_f32_f64": func(a uint64) uint32 { return bitsOf(math.Float64frombits(a)) },
	"v_cvt_i32_f64": func(a uint64) uint32 { return uint32(limited(math.Float64frombits(a), math.MinInt32, math.MaxInt32)) },
	"v_cvt_u32_f64": func(a uint64) uint32 { return uint32(limited(math.Float64frombits(a), 0, math.MaxUint32)) },
}

// holds says whether a comparison's name holds for an order: −1, 0, 1, or 2 for
// none.
func holds(op string, order int) bool {
	switch op {
	case "lt":
		return order == -1
	case "eq":
		return order == 0
	case "le":
		return order == -1 || order == 0
	case "gt":
		return order == 1
	case "ge":
		return order == 0 || order == 1
	case "lg":
		return order == -1 || order == 1
	case "ne", "neq":
		return order != 0
	case "nlt", "nle", "ngt", "nge", "nlg":
		return !holds(op[1:], order)
	case "o":
		return order != 2
	case "u":
		return order == 2
	}
	panic("comparison " + op)
}

func order[T int64 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a == b:
		return 0
	case a > b:
		return 1
	}
	return 2
}

// compareOracle is v_cmp_OP_TYPE: a bit for each active lane.
func compareOracle(in *gcn.Inst) func(x *state) {
	parts := strings.Split(in.Name, "_")
	if len(parts) != 4 || parts[1] != "cmp" {
		return nil
	}
	op, kind := parts[2], parts[3]
	if op == "class" {
		return classOracle(in, kind)
	}
	compare := map[string]func(x *state, l int) int{
		"f16": func(x *state, l int) int {
			return order(halfValue(source(x, in, 0, l)), halfValue(source(x, in, 1, l)))
		},
		"f32": func(x *state, l int) int { return order(floatOf(source(x, in, 0, l)), floatOf(source(x, in, 1, l))) },
		"f64": func(x *state, l int) int { a, b, _ := f64s(x, in, l); return order(a, b) },
		"i16": func(x *state, l int) int { return order(i16(source(x, in, 0, l)), i16(source(x, in, 1, l))) },
		"u16": func(x *state, l int) int {
			return order(uint64(source(x, in, 0, l)&0xffff), uint64(source(x, in, 1, l)&0xffff))
		},
		"i32": func(x *state, l int) int { return order(i32(source(x, in, 0, l)), i32(source(x, in, 1, l))) },
		"u32": func(x *state, l int) int { return order(uint64(source(x, in, 0, l)), uint64(source(x, in, 1, l))) },
		"i64": func(x *state, l int) int {
			return order(int64(source64(x, in, 0, l, false)), int64(source64(x, in, 1, l, false)))
		},
		"u64": func(x *state, l int) int { return order(source64(x, in, 0, l, false), source64(x, in, 1, l, false)) },
	}[kind]
	return maskOracle(in, func(x *state, l int) bool { return holds(op, compare(x, l)) })
}

// maskOracle writes a bit for each active lane, and 0 for others.
func maskOracle(in *gcn.Inst, f func(x *state, l int) bool) func(x *state) {
	return func(x *state) {
		var m uint64
		for l := range Lanes {
			if x.active(l) && f(x, l) {
				m |= 1 << l
			}
		}
		d := in.Dst
		if d.Kind == gcn.None {
			d = in.Sdst
		}
		x.set64(d.Reg, m)
	}
}

// classOracle: which of ten classes a number is of.
func classOracle(in *gcn.Inst, kind string) func(x *state) {
	exponent, mantissa := 8, 23
	switch kind {
	case "f16":
		exponent, mantissa = 5, 10
	case "f64":
		return nil
	}
	return maskOracle(in, func(x *state, l int) bool {
		a := source(x, in, 0, l)
		o := in.Src[1]
		var mask uint32
		switch o.Kind {
		case gcn.VGPR:
			mask = x.v[o.Reg][l]
		case gcn.SGPR:
			mask = x.s[o.Reg]
		default:
			mask = uint32(o.Value)
		}
		e, m := a>>mantissa&(1<<exponent-1), a&(1<<mantissa-1)
		negative := a>>(mantissa+exponent)&1 == 1
		var class int
		switch {
		case e == 1<<exponent-1 && m != 0: // signalling, quiet
			return mask>>(m>>(mantissa-1))&1 == 1
		case e == 1<<exponent-1:
			class = 0 // of −∞
		case e != 0:
			class = 1
		case m != 0:
			class = 2
		default:
			class = 3
		}
		if negative {
			return mask>>(2+class)&1 == 1
		}
		return mask>>(9-class)&1 == 1
	})
}

// carryOracle is v_{add,sub,subrev}{c,b,}_co_u32.
func carryOracle(in *gcn.Inst) func(x *state) {
	name, _, _ := strings.Cut(strings.TrimPrefix(in.Name, "v_"), "_")
	return func(x *state) {
		before := *x
		var carries uint64
		for l := range Lanes {
			if !before.active(l) {
				continue
			}
			a, b := int64(source(&before, in, 0, l)), int64(source(&before, in, 1, l))
			c := int64(0)
			if name == "addc" || name == "subb" || name == "subbrev" {
				c = int64(before.s64(in.Mask.Reg) >> l & 1)
			}
			var y int64
			switch name {
			case "add", "addc":
				y = a + b + c
			case "sub", "subb":
				y = a - b - c
			default:
				y = b - a - c
			}
			x.v[in.Dst.Reg][l] = uint32(y)
			if y < 0 || y > math.MaxUint32 {
				carries |= 1 << l
			}
		}
		x.set64(in.Sdst.Reg, carries)
	}
}

// scalarOracle: what scalar instructions do.
func scalarOracle(in *gcn.Inst) func(x *state) {
	if in.Format == gcn.SOPK {
		return sopkOracle(in)
	}
	if op, kind, ok := comparisonName(in.Name, "s_cmp_"); ok {
		return func(x *state) { x.scc = holds(op, scalarOrder(kind, scalarOf(x, in, 0), scalarOf(x, in, 1))) }
	}
	if bit, ok := strings.CutPrefix(in.Name, "s_bitcmp"); ok {
		return func(x *state) {
			x.scc = scalarOf(x, in, 0)>>(scalarOf(x, in, 1)%32)&1 == uint64(bit[0]-'0')
		}
	}
	if f, ok := scalar32[in.Name]; ok {
		return func(x *state) {
			y, scc := f(uint32(scalarOf(x, in, 0)), uint32(scalarOf(x, in, 1)), x.scc)
			x.s[in.Dst.Reg], x.scc = y, scc
		}
	}
	if f, ok := scalar64[in.Name]; ok {
		return func(x *state) {
			y, scc := f(scalarOf(x, in, 0), scalarOf(x, in, 1), x.scc)
			x.set64(in.Dst.Reg, y)
			x.scc = scc
		}
	}
	if op, ok := strings.CutSuffix(strings.TrimPrefix(in.Name, "s_"), "_saveexec_b64"); ok {
		return func(x *state) {
			e, a := x.s64(gcn.Exec), scalarOf(x, in, 0)
			y := map[string]uint64{"and": a & e, "or": a | e, "xor": a ^ e, "andn2": a &^ e}[op]
			x.set64(in.Dst.Reg, e)
			x.set64(gcn.Exec, y)
			x.scc = y != 0
		}
	}
	return nil
}

func comparisonName(name, prefix string) (op, kind string, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	op, kind, _ = strings.Cut(rest, "_")
	return op, kind, ok
}

func scalarOrder(kind string, a, b uint64) int {
	switch kind {
	case "i32":
		return order(i32(uint32(a)), i32(uint32(b)))
	case "u32":
		return order(uint64(uint32(a)), uint64(uint32(b)))
	}
	return order(a, b)
}

func sopkOracle(in *gcn.Inst) func(x *state) {
	k, d := int64(int16(in.Imm)), in.Dst.Reg
	if op, kind, ok := comparisonName(in.Name, "s_cmpk_"); ok {
		return func(x *state) {
			a := x.s[d]
			if x.scc = holds(op, order(i32(a), k)); kind == "u32" {
				x.scc = holds(op, order(uint64(a), uint64(uint16(in.Imm))))
			}
		}
	}
	switch in.Name {
	case "s_movk_i32":
		return func(x *state) { x.s[d] = uint32(k) }
	case "s_mulk_i32":
		return func(x *state) { x.s[d] = uint32(i32(x.s[d]) * k) }
	case "s_addk_i32":
		return func(x *state) {
			y := i32(x.s[d]) + k
			x.s[d], x.scc = uint32(y), y < math.MinInt32 || y > math.MaxInt32
		}
	}
	return nil
}

// scalarOf reads a scalar source of one or two registers.
func scalarOf(x *state, in *gcn.Inst, i int) uint64 {
	switch o := in.Src[i]; {
	case o.Kind == gcn.SGPR && o.Width == 2:
		return x.s64(o.Reg)
	case o.Kind == gcn.SGPR:
		return uint64(x.s[o.Reg])
	case o.Kind == gcn.Literal:
		return uint64(int64(int32(in.Literal)))
	case o.Kind == gcn.Float:
		return uint64(bitsOf(gcn.FloatValue(o.Value)))
	default:
		return uint64(int64(o.Value))
	}
}

type scalar32Func = func(a, b uint32, scc bool) (uint32, bool)
type scalar64Func = func(a, b uint64, scc bool) (uint64, bool)

// nonzero sets SCC where the result is not 0.
func nonzero(f func(a, b uint32) uint32) scalar32Func {
	return func(a, b uint32, _ bool) (uint32, bool) { y := f(a, b); return y, y != 0 }
}

func nonzero64(f func(a, b uint64) uint64) scalar64Func {
	return func(a, b uint64, _ bool) (uint64, bool) { y := f(a, b); return y, y != 0 }
}

// untouched leaves SCC.
func untouched(f func(a, b uint32) uint32) scalar32Func {
	return func(a, b uint32, scc bool) (uint32, bool) { return f(a, b), scc }
}

func carried(f func(a, b, c int64) int64) scalar32Func {
	return func(a, b uint32, scc bool) (uint32, bool) {
		c := int64(0)
		if scc {
			c = 1
		}
		y := f(int64(a), int64(b), c)
		return uint32(y), y < 0 || y > math.MaxUint32
	}
}

func overflowing(f func(a, b int64) int64) scalar32Func {
	return func(a, b uint32, _ bool) (uint32, bool) {
		y := f(i32(a), i32(b))
		return uint32(y), y < math.MinInt32 || y > math.MaxInt32
	}
}

func chosen(first func(a, b uint32) bool) scalar32Func {
	return func(a, b uint32, _ bool) (uint32, bool) {
		if first(a, b) {
			return a, true
		}
		return b, false
	}
}

var scalar32 = map[string]scalar32Func{
	"s_mov_b32": untouched(func(a, _ uint32) uint32 { return a }), "s_not_b32": nonzero(func(a, _ uint32) uint32 { return a ^ math.MaxUint32 }),
	"s_brev_b32":    untouched(func(a, _ uint32) uint32 { return bits.Reverse32(a) }),
	"s_abs_i32":     nonzero(func(a, _ uint32) uint32 { return uint32(max(i32(a), -i32(a))) }),
	"s_sext_i32_i8": untouched(func(a, _ uint32) uint32 { return uint32(i8(a)) }), "s_sext_i32_i16": untouched(func(a, _ uint32) uint32 { return uint32(i16(a)) }),
	"s_add_u32": carried(func(a, b, _ int64) int64 { return a + b }), "s_addc_u32": carried(func(a, b, c int64) int64 { return a + b + c }),
	"s_sub_u32": carried(func(a, b, _ int64) int64 { return a - b }), "s_subb_u32": carried(func(a, b, c int64) int64 { return a - b - c }),
	"s_add_i32": overflowing(func(a, b int64) int64 { return a + b }), "s_sub_i32": overflowing(func(a, b int64) int64 { return a - b }),
	"s_min_i32": chosen(func(a, b uint32) bool { return i32(a) < i32(b) }), "s_min_u32": chosen(func(a, b uint32) bool { return a < b }),
	"s_max_i32": chosen(func(a, b uint32) bool { return i32(a) > i32(b) }), "s_max_u32": chosen(func(a, b uint32) bool { return a > b }),
	"s_and_b32": nonzero(func(a, b uint32) uint32 { return a & b }), "s_or_b32": nonzero(func(a, b uint32) uint32 { return a | b }),
	"s_xor_b32": nonzero(func(a, b uint32) uint32 { return a ^ b }), "s_andn2_b32": nonzero(func(a, b uint32) uint32 { return a & (b ^ math.MaxUint32) }),
	"s_lshl_b32": nonzero(func(a, b uint32) uint32 { return a << (b % 32) }), "s_lshr_b32": nonzero(func(a, b uint32) uint32 { return a >> (b % 32) }),
	"s_ashr_i32": nonzero(func(a, b uint32) uint32 { return uint32(i32(a) >> (b % 32)) }),
	"s_mul_i32":  untouched(func(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b)) }), "s_mul_hi_u32": untouched(func(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b) >> 32) }),
	"s_mul_hi_i32": untouched(func(a, b uint32) uint32 { return uint32(i32(a) * i32(b) >> 32) }),
	"s_bfe_u32":    nonzero(func(a, b uint32) uint32 { return uint32(uint64(a) >> (b % 32) & (1<<(b>>16%128) - 1)) }),
	"s_bfe_i32": nonzero(func(a, b uint32) uint32 {
		n := min(b>>16%128, 32-b%32) // bits that there are
		if n == 0 {
			return 0
		}
		return uint32(int64(a) << (64 - n - b%32) >> (64 - n))
	}),
	"s_cselect_b32": func(a, b uint32, scc bool) (uint32, bool) {
		if scc {
			return a, scc
		}
		return b, scc
	},
	"s_lshl1_add_u32": carried(func(a, b, _ int64) int64 { return a<<1 + b }), "s_lshl2_add_u32": carried(func(a, b, _ int64) int64 { return a<<2 + b }),
	"s_lshl3_add_u32": carried(func(a, b, _ int64) int64 { return a<<3 + b }), "s_lshl4_add_u32": carried(func(a, b, _ int64) int64 { return a<<4 + b }),
	"s_pack_ll_b32_b16": untouched(func(a, b uint32) uint32 { return a&0xffff | b<<16 }),
}

var scalar64 = map[string]scalar64Func{
	"s_mov_b64": func(a, _ uint64, scc bool) (uint64, bool) { return a, scc }, "s_not_b64": nonzero64(func(a, _ uint64) uint64 { return a ^ math.MaxUint64 }),
	"s_and_b64": nonzero64(func(a, b uint64) uint64 { return a & b }), "s_or_b64": nonzero64(func(a, b uint64) uint64 { return a | b }),
	"s_xor_b64": nonzero64(func(a, b uint64) uint64 { return a ^ b }), "s_andn2_b64": nonzero64(func(a, b uint64) uint64 { return a & (b ^ math.MaxUint64) }),
	"s_orn2_b64": nonzero64(func(a, b uint64) uint64 { return a | (b ^ math.MaxUint64) }), "s_nor_b64": nonzero64(func(a, b uint64) uint64 { return (a | b) ^ math.MaxUint64 }),
	"s_lshl_b64": nonzero64(func(a, b uint64) uint64 { return a << (b % 64) }), "s_lshr_b64": nonzero64(func(a, b uint64) uint64 { return a >> (b % 64) }),
	"s_ashr_i64": nonzero64(func(a, b uint64) uint64 { return uint64(int64(a) >> (b % 64)) }),
	"s_cselect_b64": func(a, b uint64, scc bool) (uint64, bool) {
		if scc {
			return a, scc
		}
		return b, scc
	},
	"s_bfe_i64": nonzero64(func(a, b uint64) uint64 {
		n := min(b>>16%128, 64-b%64)
		if n == 0 {
			return 0
		}
		return uint64(int64(a<<(64-n-b%64)) >> (64 - n))
	}),
}
