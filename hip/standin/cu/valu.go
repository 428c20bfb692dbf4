package cu

import (
	"math"
	"math/bits"
	"strings"

	"ceiling/hip/standin/gcn"
)

// kernel computes a result for all lanes; sources that an instruction does not
// have are nil. d may be one of the sources.
type kernel func(d, a, b, c *vec)

func un(f func(a uint32) uint32) kernel {
	return func(d, a, _, _ *vec) {
		for l := range d {
			d[l] = f(a[l])
		}
	}
}

func bi(f func(a, b uint32) uint32) kernel {
	return func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = f(a[l], b[l])
		}
	}
}

func tri(f func(a, b, c uint32) uint32) kernel {
	return func(d, a, b, c *vec) {
		for l := range d {
			d[l] = f(a[l], b[l], c[l])
		}
	}
}

func unf(f func(a float32) float32) kernel {
	return func(d, a, _, _ *vec) {
		for l := range d {
			d[l] = u32(f(f32(a[l])))
		}
	}
}

func trif(f func(a, b, c float32) float32) kernel {
	return func(d, a, b, c *vec) {
		for l := range d {
			d[l] = u32(f(f32(a[l]), f32(b[l]), f32(c[l])))
		}
	}
}

// wide32 rounds a function of float64 to float32.
func wide32(f func(float64) float64) kernel {
	return unf(func(a float32) float32 { return float32(f(float64(a))) })
}

// integers are the instructions on 32-bit integers and bits.
var integers = map[string]kernel{
	"v_mov_b32":   func(d, a, _, _ *vec) { *d = *a },
	"v_not_b32":   un(func(a uint32) uint32 { return ^a }),
	"v_bfrev_b32": un(bits.Reverse32),
	"v_ffbh_u32":  un(func(a uint32) uint32 { return firstBit(bits.LeadingZeros32(a), a == 0) }),
	"v_ffbh_i32":  un(flbit),
	"v_ffbl_b32":  un(func(a uint32) uint32 { return firstBit(bits.TrailingZeros32(a), a == 0) }),
	"v_sat_pk_u8_i16": un(func(a uint32) uint32 {
		return uint32(clampInt(int64(int16(a)), 0, 255)) | uint32(clampInt(int64(int16(a>>16)), 0, 255))<<8
	}),

	"v_add_u32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = a[l] + b[l]
		}
	},
	"v_sub_u32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = a[l] - b[l]
		}
	},
	"v_subrev_u32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = b[l] - a[l]
		}
	},
	"v_add_i32": bi(func(a, b uint32) uint32 { return a + b }),
	"v_sub_i32": bi(func(a, b uint32) uint32 { return a - b }),
	"v_and_b32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = a[l] & b[l]
		}
	},
	"v_or_b32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = a[l] | b[l]
		}
	},
	"v_xor_b32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = a[l] ^ b[l]
		}
	},
	"v_xnor_b32": bi(func(a, b uint32) uint32 { return ^(a ^ b) }),
	"v_lshlrev_b32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = b[l] << (a[l] & 31)
		}
	},
	"v_lshrrev_b32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = b[l] >> (a[l] & 31)
		}
	},
	"v_ashrrev_i32": bi(func(a, b uint32) uint32 { return uint32(int32(b) >> (a & 31)) }),
	"v_min_u32":     bi(func(a, b uint32) uint32 { return min(a, b) }),
	"v_max_u32":     bi(func(a, b uint32) uint32 { return max(a, b) }),
	"v_min_i32":     bi(func(a, b uint32) uint32 { return uint32(min(int32(a), int32(b))) }),
	"v_max_i32":     bi(func(a, b uint32) uint32 { return uint32(max(int32(a), int32(b))) }),
	"v_mul_lo_u32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = a[l] * b[l]
		}
	},
	"v_mul_hi_u32":     bi(func(a, b uint32) uint32 { h, _ := bits.Mul32(a, b); return h }),
	"v_mul_hi_i32":     bi(func(a, b uint32) uint32 { return uint32(int64(int32(a)) * int64(int32(b)) >> 32) }),
	"v_mul_u32_u24":    bi(func(a, b uint32) uint32 { return a & 0xffffff * (b & 0xffffff) }),
	"v_mul_i32_i24":    bi(func(a, b uint32) uint32 { return uint32(low24(a) * low24(b)) }),
	"v_mul_hi_u32_u24": bi(func(a, b uint32) uint32 { h, _ := bits.Mul32(a&0xffffff, b&0xffffff); return h }),
	"v_mul_hi_i32_i24": bi(func(a, b uint32) uint32 { return uint32(int64(low24(a)) * int64(low24(b)) >> 32) }),
	"v_bcnt_u32_b32":   bi(func(a, b uint32) uint32 { return uint32(bits.OnesCount32(a)) + b }),
	"v_bfm_b32":        bi(func(a, b uint32) uint32 { return ones32(a&31) << (b & 31) }),
	"v_cvt_pk_u16_u32": bi(func(a, b uint32) uint32 { return min(a, 0xffff) | min(b, 0xffff)<<16 }),
	"v_cvt_pk_i16_i32": bi(func(a, b uint32) uint32 {
		return uint32(uint16(clampInt(int64(int32(a)), -32768, 32767))) | uint32(clampInt(int64(int32(b)), -32768, 32767))<<16
	}),

	"v_add3_u32":      tri(func(a, b, c uint32) uint32 { return a + b + c }),
	"v_lshl_add_u32":  tri(func(a, b, c uint32) uint32 { return a<<(b&31) + c }),
	"v_add_lshl_u32":  tri(func(a, b, c uint32) uint32 { return (a + b) << (c & 31) }),
	"v_lshl_or_b32":   tri(func(a, b, c uint32) uint32 { return a<<(b&31) | c }),
	"v_and_or_b32":    tri(func(a, b, c uint32) uint32 { return a&b | c }),
	"v_or3_b32":       tri(func(a, b, c uint32) uint32 { return a | b | c }),
	"v_xad_u32":       tri(func(a, b, c uint32) uint32 { return a ^ b + c }),
	"v_bfi_b32":       tri(func(a, b, c uint32) uint32 { return a&b | c&^a }),
	"v_bfe_u32":       tri(func(a, b, c uint32) uint32 { return a >> (b & 31) & ones32(c&31) }),
	"v_bfe_i32":       tri(func(a, b, c uint32) uint32 { return extend32(a>>(b&31), c&31, a, b&31) }),
	"v_alignbit_b32":  tri(func(a, b, c uint32) uint32 { return uint32((uint64(a)<<32 | uint64(b)) >> (c & 31)) }),
	"v_alignbyte_b32": tri(func(a, b, c uint32) uint32 { return uint32((uint64(a)<<32 | uint64(b)) >> (8 * (c & 3))) }),
	"v_perm_b32":      tri(permute),
	"v_mad_u32_u24":   tri(func(a, b, c uint32) uint32 { return a&0xffffff*(b&0xffffff) + c }),
	"v_mad_i32_i24":   tri(func(a, b, c uint32) uint32 { return uint32(low24(a)*low24(b)) + c }),
	"v_mad_u32_u16":   tri(func(a, b, c uint32) uint32 { return a&0xffff*(b&0xffff) + c }),
	"v_mad_i32_i16":   tri(func(a, b, c uint32) uint32 { return uint32(int32(int16(a))*int32(int16(b))) + c }),
	"v_min3_u32":      tri(func(a, b, c uint32) uint32 { return min(a, b, c) }),
	"v_max3_u32":      tri(func(a, b, c uint32) uint32 { return max(a, b, c) }),
	"v_med3_u32":      tri(func(a, b, c uint32) uint32 { return max(min(a, b), min(max(a, b), c)) }),
	"v_min3_i32":      tri(func(a, b, c uint32) uint32 { return uint32(min(int32(a), int32(b), int32(c))) }),
	"v_max3_i32":      tri(func(a, b, c uint32) uint32 { return uint32(max(int32(a), int32(b), int32(c))) }),
	"v_med3_i32": tri(func(a, b, c uint32) uint32 {
		x, y, z := int32(a), int32(b), int32(c)
		return uint32(max(min(x, y), min(max(x, y), z)))
	}),
	"v_sad_u8":  tri(func(a, b, c uint32) uint32 { return sad8(a, b) + c }),
	"v_sad_u32": tri(func(a, b, c uint32) uint32 { return max(a, b) - min(a, b) + c }),
}

func low24(x uint32) int32 { return int32(x<<8) >> 8 }

func sad8(a, b uint32) (s uint32) {
	for i := 0; i < 32; i += 8 {
		x, y := a>>i&255, b>>i&255
		s += max(x, y) - min(x, y)
	}
	return s
}

// permute picks four bytes out of a:b by the selectors of c.
func permute(a, b, c uint32) (r uint32) {
	both := uint64(a)<<32 | uint64(b)
	for i := 0; i < 32; i += 8 {
		var x uint32
		switch s := c >> i & 255; {
		case s < 8:
			x = uint32(both >> (8 * s) & 255)
		case s < 12: // the sign of a word
			x = uint32(both>>(16*(s-8)+15)&1) * 255
		case s > 12:
			x = 255
		}
		r |= x << i
	}
	return r
}

// floats32 are the instructions on float32.
var floats32 = map[string]kernel{
	"v_add_f32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = u32(f32(a[l]) + f32(b[l]))
		}
	},
	"v_sub_f32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = u32(f32(a[l]) - f32(b[l]))
		}
	},
	"v_subrev_f32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = u32(f32(b[l]) - f32(a[l]))
		}
	},
	"v_mul_f32": func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = u32(f32(a[l]) * f32(b[l]))
		}
	},
	"v_mul_legacy_f32": bi(func(a, b uint32) uint32 {
		if f32(a) == 0 || f32(b) == 0 {
			return 0
		}
		return u32(f32(a) * f32(b))
	}),
	"v_min_f32": bi(func(a, b uint32) uint32 { return u32(min32(f32(a), f32(b))) }),
	"v_max_f32": bi(func(a, b uint32) uint32 { return u32(max32(f32(a), f32(b))) }),
	"v_fma_f32": func(d, a, b, c *vec) {
		for l := range d {
			d[l] = u32(fma32(f32(a[l]), f32(b[l]), f32(c[l])))
		}
	},
	// Two roundings, and denormals are zero whatever the mode.
	"v_mad_f32":  mad32,
	"v_mac_f32":  mad32,
	"v_min3_f32": trif(func(a, b, c float32) float32 { return min32(min32(a, b), c) }),
	"v_max3_f32": trif(func(a, b, c float32) float32 { return max32(max32(a, b), c) }),
	"v_med3_f32": trif(med3),

	"v_rcp_f32":       unf(func(a float32) float32 { return 1 / a }),
	"v_rcp_iflag_f32": unf(func(a float32) float32 { return 1 / a }),
	"v_rsq_f32":       wide32(func(a float64) float64 { return 1 / math.Sqrt(a) }),
	"v_sqrt_f32":      wide32(math.Sqrt),
	"v_exp_f32":       un(func(a uint32) uint32 { return flush32(u32(float32(math.Exp2(float64(f32(flush32(a))))))) }),
	"v_log_f32":       un(func(a uint32) uint32 { return u32(float32(math.Log2(float64(f32(flush32(a)))))) }),
	"v_sin_f32":       wide32(func(a float64) float64 { return turn(math.Sin, a) }),
	"v_cos_f32":       wide32(func(a float64) float64 { return turn(math.Cos, a) }),
	"v_fract_f32":     wide32(func(a float64) float64 { return fract(a, 1-0x1p-24) }),
	"v_floor_f32":     wide32(math.Floor),
	"v_ceil_f32":      wide32(math.Ceil),
	"v_trunc_f32":     wide32(math.Trunc),
	"v_rndne_f32":     wide32(math.RoundToEven),
	"v_frexp_mant_f32": unf(func(a float32) float32 {
		m, _ := frexp(float64(a))
		return float32(m)
	}),
	"v_ldexp_f32": bi(func(a, b uint32) uint32 { return u32(float32(ldexp(float64(f32(a)), int32(b)))) }),
	"v_div_fixup_f32": trif(func(a, b, c float32) float32 {
		return float32(divFixup(float64(a), float64(b), float64(c)))
	}),

	"v_cvt_pkrtz_f16_f32": bi(func(a, b uint32) uint32 { return h16z(f32(a)) | h16z(f32(b))<<16 }),
	"v_cvt_pknorm_i16_f32": bi(func(a, b uint32) uint32 {
		return norm16(f32(a), -32767, 32767) | norm16(f32(b), -32767, 32767)<<16
	}),
	"v_cvt_pknorm_u16_f32": bi(func(a, b uint32) uint32 { return norm16(f32(a), 0, 65535) | norm16(f32(b), 0, 65535)<<16 }),
	"v_cvt_f16_f32":        un(func(a uint32) uint32 { return h16(float64(f32(a))) }),
	"v_cvt_i32_f32":        un(func(a uint32) uint32 { return toInt(float64(f32(a))) }),
	"v_cvt_u32_f32":        un(func(a uint32) uint32 { return toUint(float64(f32(a))) }),
	"v_cvt_rpi_i32_f32":    un(func(a uint32) uint32 { return toInt(math.Floor(float64(f32(a)) + 0.5)) }),
	"v_cvt_flr_i32_f32":    un(func(a uint32) uint32 { return toInt(math.Floor(float64(f32(a)))) }),
	"v_frexp_exp_i32_f32": un(func(a uint32) uint32 {
		_, e := frexp(float64(f32(a)))
		return uint32(int32(e))
	}),
}

// sources of another type than the result, which is a float32.
var toFloat = map[string]kernel{
	"v_cvt_f32_i32":    un(func(a uint32) uint32 { return u32(float32(int32(a))) }),
	"v_cvt_f32_u32":    un(func(a uint32) uint32 { return u32(float32(a)) }),
	"v_cvt_f32_ubyte0": un(func(a uint32) uint32 { return u32(float32(a & 255)) }),
	"v_cvt_f32_ubyte1": un(func(a uint32) uint32 { return u32(float32(a >> 8 & 255)) }),
	"v_cvt_f32_ubyte2": un(func(a uint32) uint32 { return u32(float32(a >> 16 & 255)) }),
	"v_cvt_f32_ubyte3": un(func(a uint32) uint32 { return u32(float32(a >> 24)) }),
	"v_cvt_off_f32_i4": un(func(a uint32) uint32 { return u32(float32(int32(a<<28)>>28) / 16) }),
}

func mad32(d, a, b, c *vec) {
	for l := range d {
		p := flush32(u32(f32(flush32(a[l])) * f32(flush32(b[l]))))
		d[l] = flush32(u32(f32(p) + f32(flush32(c[l]))))
	}
}

// turn is a function of an angle in turns. Out of the hardware's range of ±256
// it returns the value of 0.
func turn(f func(float64) float64, a float64) float64 {
	if math.Abs(a) > 256 {
		return f(0)
	}
	return f(2 * math.Pi * (a - math.Floor(a)))
}

func norm16(x float32, lo, hi int64) uint32 {
	if x != x {
		return 0
	}
	return uint32(clampInt(int64(math.RoundToEven(float64(max(-2, min(2, x)))*float64(hi))), lo, hi)) & 0xffff
}

// frexp is mantissa and exponent as the hardware has them: of infinity and NaN
// the exponent is 0.
func frexp(x float64) (float64, int) {
	if math.IsInf(x, 0) || x != x {
		return x, 0
	}
	return math.Frexp(x)
}

func ldexp(x float64, e int32) float64 {
	return math.Ldexp(x, int(max(-4000, min(4000, e))))
}

// divFixup is the last step of a division: q approximates n/d.
func divFixup(q, d, n float64) float64 {
	negative := math.Signbit(d) != math.Signbit(n)
	sign := func(x float64) float64 {
		if negative {
			return -x
		}
		return x
	}
	switch {
	case n != n:
		return n
	case d != d:
		return d
	case d == 0 && n == 0, math.IsInf(d, 0) && math.IsInf(n, 0):
		return math.NaN()
	case math.IsInf(d, 0), n == 0:
		return sign(0)
	case d == 0, math.IsInf(n, 0), q != q: // a quotient that overflowed on the way is NaN
		return sign(math.Inf(1))
	}
	return sign(math.Abs(q))
}

// dots are products of packed integers and floats that are added to a third
// source; those with a c read it from their destination.
var dots = map[string]kernel{
	"v_dot4_i32_i8":   tri(dot4i),
	"v_dot4c_i32_i8":  tri(dot4i),
	"v_dot4_u32_u8":   tri(func(a, b, c uint32) uint32 { return dotBits(a, b, c, 8, false) }),
	"v_dot8_i32_i4":   tri(func(a, b, c uint32) uint32 { return dotBits(a, b, c, 4, true) }),
	"v_dot8c_i32_i4":  tri(func(a, b, c uint32) uint32 { return dotBits(a, b, c, 4, true) }),
	"v_dot8_u32_u4":   tri(func(a, b, c uint32) uint32 { return dotBits(a, b, c, 4, false) }),
	"v_dot2_i32_i16":  tri(func(a, b, c uint32) uint32 { return dotBits(a, b, c, 16, true) }),
	"v_dot2c_i32_i16": tri(func(a, b, c uint32) uint32 { return dotBits(a, b, c, 16, true) }),
	"v_dot2_u32_u16":  tri(func(a, b, c uint32) uint32 { return dotBits(a, b, c, 16, false) }),
	"v_dot2c_f32_f16": tri(dot2f),
	"v_dot2_f32_f16":  tri(dot2f),
}

func dot4i(a, b, c uint32) uint32 {
	return c + uint32(int32(int8(a))*int32(int8(b))+int32(int8(a>>8))*int32(int8(b>>8))+
		int32(int8(a>>16))*int32(int8(b>>16))+int32(int8(a>>24))*int32(int8(b>>24)))
}

func dotBits(a, b, c uint32, width int, signed bool) uint32 {
	up := 32 - width
	for i := 0; i < 32; i += width {
		x, y := a>>i<<up, b>>i<<up
		if signed {
			c += uint32(int32(x)>>up) * uint32(int32(y)>>up)
		} else {
			c += x >> up * (y >> up)
		}
	}
	return c
}

func dot2f(a, b, c uint32) uint32 {
	return u32(float32(float64(f16(a))*float64(f16(b)) + float64(f16(a>>16))*float64(f16(b>>16)) + float64(f32(c))))
}

// readsDestination says whether an instruction adds to what is in its
// destination.
func readsDestination(name string) bool {
	return strings.HasPrefix(name, "v_mac_") || strings.HasPrefix(name, "v_fmac_") || strings.HasPrefix(name, "v_dot") && strings.Contains(name, "c_")
}

// find returns the kernel of a vector instruction and the types of its sources
// and result.
func find(name string) (k kernel, from, to typ) {
	name = strings.Replace(name, "v_fmac_", "v_fma_", 1)
	switch {
	case integers[name] != nil:
		return integers[name], raw, raw
	case floats32[name] != nil:
		to = float
		if strings.Contains(name, "cvt_") || strings.Contains(name, "_i32_") {
			to = raw
		}
		return floats32[name], float, to
	case toFloat[name] != nil:
		return toFloat[name], raw, float
	case dots[name] != nil:
		return dots[name], raw, raw
	case halves[name] != nil:
		return halves[name], half, half
	case shorts[name] != nil:
		return shorts[name], raw, raw
	case fromHalf[name] != nil:
		return fromHalf[name], half, raw
	}
	return nil, raw, raw
}

// vector compiles an instruction on single lanes whose result is a register.
func (c *compiler) vector() (run, error) {
	in := c.in
	k, from, to := find(in.Name)
	if k == nil {
		return c.vectorRest()
	}
	if in.Format == gcn.VOP3P && strings.HasPrefix(in.Name, "v_dot") && (in.OpSel != 0 || in.OpSelHi != 7 || in.NegHi != 0 || in.Src[0].Neg || in.Src[1].Neg) {
		return nil, c.unknown()
	}
	if in.Clamp && to == raw {
		if k = saturating[in.Name]; k == nil {
			return nil, c.unknown()
		}
	}
	var get [3]fetch
	for i := range in.Src {
		t := from
		if i == 1 && strings.HasPrefix(in.Name, "v_ldexp") {
			t = raw
		}
		if in.Src[i].Kind == gcn.None {
			continue
		}
		var err error
		if get[i], err = c.source(i, t); err != nil {
			return nil, err
		}
	}
	if in.Opcode.Format == gcn.VOP2 && strings.HasPrefix(in.Name, "v_mad") {
		if err := c.literalSource(&get, from); err != nil {
			return nil, err
		}
	}
	flush := from == float && !strings.HasPrefix(in.Name, "v_cvt") && !strings.HasPrefix(in.Name, "v_ma")
	return c.write(get, k, to, flush)
}

// literalSource puts the literal of v_madmk and v_madak where it is read: a×K+b
// and a×b+K.
func (c *compiler) literalSource(get *[3]fetch, t typ) error {
	k, err := c.plain(gcn.Operand{Kind: gcn.Literal}, 2, t)
	if err != nil {
		return err
	}
	if strings.HasPrefix(c.in.Name, "v_madmk") {
		get[1], get[2] = k, get[1]
	} else {
		get[2] = k
	}
	return nil
}

// write compiles the fetching of sources, the kernel, and what becomes of its
// result: clamped, scaled, put into a part of the register, in active lanes.
func (c *compiler) write(get [3]fetch, k kernel, to typ, flush bool) (run, error) {
	in := c.in
	finish, err := c.finish(to)
	if err != nil {
		return nil, err
	}
	d, file := in.Dst.Reg, in.Dst.Kind
	adds := readsDestination(in.Name)
	isDPP := in.Encoding == gcn.DPP
	indexed := c.indexed&8 != 0
	return func(w *wave) {
		n := d
		if indexed {
			n = (d + int(w.s[gcn.M0]&255)) & 255
		}
		dst := &w.v[n]
		if file == gcn.AGPR {
			dst = &w.a[n]
		}
		var src [3]*vec
		for i, g := range get {
			if g != nil {
				src[i] = g(w)
			}
		}
		if adds {
			src[2] = dst
		}
		active := w.exec()
		if isDPP {
			active &= w.lanes
		}
		if flush && w.flush32 {
			w.flushSources(&src)
		}
		if active == ^uint64(0) && finish == nil && !(flush && w.flush32) {
			k(dst, src[0], src[1], src[2])
			return
		}
		k(&w.out, src[0], src[1], src[2])
		if flush && w.flush32 {
			for l := range w.out {
				w.out[l] = flush32(w.out[l])
			}
		}
		if finish != nil {
			finish(&w.out, dst)
		}
		merge(dst, &w.out, active)
	}, nil
}

func (w *wave) flushSources(src *[3]*vec) {
	for i, s := range src {
		if s == nil {
			continue
		}
		t := &w.tmp[i]
		for l := range t {
			t[l] = flush32(s[l])
		}
		src[i] = t
	}
}

// finish returns what is done to a result before it is written; nil: nothing.
func (c *compiler) finish(to typ) (func(result, old *vec), error) {
	in := c.in
	var steps []func(result, old *vec)
	if in.Omod != 0 || in.Clamp && to != raw {
		s, err := c.scale(to)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	if s := c.part(); s != nil {
		steps = append(steps, s)
	}
	switch len(steps) {
	case 0:
		return nil, nil
	case 1:
		return steps[0], nil
	}
	return func(result, old *vec) {
		steps[0](result, old)
		steps[1](result, old)
	}, nil
}

func (c *compiler) scale(to typ) (func(result, old *vec), error) {
	factor := []float32{1, 2, 4, 0.5}[c.in.Omod]
	clamp := c.in.Clamp
	one := func(x float32) float32 {
		x *= factor
		if clamp {
			x = float32(saturate01(float64(x)))
		}
		return x
	}
	switch to {
	case float:
		return func(r, _ *vec) {
			for l := range r {
				r[l] = u32(one(f32(r[l])))
			}
		}, nil
	case half:
		return func(r, _ *vec) {
			for l := range r {
				r[l] = h16(float64(one(f16(r[l]))))
			}
		}, nil
	}
	return nil, c.unknown()
}

// part returns how a result goes into a part of its register; nil: all of it.
func (c *compiler) part() func(result, old *vec) {
	in := c.in
	if in.Encoding == gcn.SDWA && in.Dst.Sel != gcn.DWord {
		return insert(in.Dst.Sel, in.DstUnused)
	}
	if c.keepsUpper() {
		if in.OpSel>>3&1 == 1 {
			return func(r, old *vec) {
				for l := range r {
					r[l] = r[l]<<16 | old[l]&0xffff
				}
			}
		}
		return func(r, old *vec) {
			for l := range r {
				r[l] = r[l]&0xffff | old[l]&0xffff0000
			}
		}
	}
	return nil
}

// keepsUpper says whether a 16-bit instruction leaves the other half of its
// destination alone. On gfx9 these are the later ones of VOP3, which have op_sel;
// all others write zeros there.
func (c *compiler) keepsUpper() bool {
	if c.in.Format != gcn.VOP3 {
		return false
	}
	n := c.in.Name
	return strings.HasSuffix(n, "16") && !strings.Contains(n, "32") && !strings.Contains(n, "legacy") && n != "v_pack_b32_f16" && !strings.HasPrefix(n, "v_cvt")
}

// insert puts the low bits of a result into a part of a register.
func insert(sel gcn.Sel, unused int) func(result, old *vec) {
	shift, width := selection(sel)
	mask := ones32(uint32(width))
	return func(r, old *vec) {
		for l := range r {
			x := r[l] & mask
			switch unused {
			case gcn.UnusedPreserve:
				r[l] = old[l]&^(mask<<shift) | x<<shift
			case gcn.UnusedSext:
				up := 32 - width
				r[l] = uint32(int32(x<<up)>>up) << shift
			default:
				r[l] = x << shift
			}
		}
	}
}
