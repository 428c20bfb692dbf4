package cu

import "math"

func unh(f func(a float64) float64) kernel {
	return un(func(a uint32) uint32 { return h16(f(float64(f16(a)))) })
}

func bih(f func(a, b float32) float32) kernel {
	return bi(func(a, b uint32) uint32 { return h16(float64(f(f16(a), f16(b)))) })
}

// halves are the instructions on float16; sums and products of two are exact
// in float32 or round the same.
var halves = map[string]kernel{
	"v_add_f16":        bi(func(a, b uint32) uint32 { return h16(float64(f16(a)) + float64(f16(b))) }),
	"v_sub_f16":        bi(func(a, b uint32) uint32 { return h16(float64(f16(a)) - float64(f16(b))) }),
	"v_subrev_f16":     bi(func(a, b uint32) uint32 { return h16(float64(f16(b)) - float64(f16(a))) }),
	"v_mul_f16":        bi(func(a, b uint32) uint32 { return h16(float64(f16(a)) * float64(f16(b))) }),
	"v_min_f16":        bih(min32),
	"v_max_f16":        bih(max32),
	"v_fma_f16":        tri(func(a, b, c uint32) uint32 { return fma16(f16(a), f16(b), f16(c)) }),
	"v_mad_f16":        tri(mad16),
	"v_mac_f16":        tri(mad16),
	"v_mad_legacy_f16": tri(mad16),
	"v_fma_legacy_f16": tri(func(a, b, c uint32) uint32 { return fma16(f16(a), f16(b), f16(c)) }),
	"v_min3_f16":       tri(func(a, b, c uint32) uint32 { return h16(float64(min32(min32(f16(a), f16(b)), f16(c)))) }),
	"v_max3_f16":       tri(func(a, b, c uint32) uint32 { return h16(float64(max32(max32(f16(a), f16(b)), f16(c)))) }),
	"v_med3_f16":       tri(func(a, b, c uint32) uint32 { return h16(float64(med3(f16(a), f16(b), f16(c)))) }),
	"v_rcp_f16":        unh(func(a float64) float64 { return 1 / a }),
	"v_rsq_f16":        unh(func(a float64) float64 { return 1 / math.Sqrt(a) }),
	"v_sqrt_f16":       unh(math.Sqrt),
	"v_exp_f16":        unh(math.Exp2),
	"v_log_f16":        unh(math.Log2),
	"v_sin_f16":        unh(func(a float64) float64 { return turn(math.Sin, a) }),
	"v_cos_f16":        unh(func(a float64) float64 { return turn(math.Cos, a) }),
	"v_floor_f16":      unh(math.Floor),
	"v_ceil_f16":       unh(math.Ceil),
	"v_trunc_f16":      unh(math.Trunc),
	"v_rndne_f16":      unh(math.RoundToEven),
	"v_fract_f16":      unh(func(a float64) float64 { return fract(a, 1-0x1p-11) }),
	"v_frexp_mant_f16": unh(func(a float64) float64 {
		m, _ := frexp(a)
		return m
	}),
	"v_ldexp_f16": bi(func(a, b uint32) uint32 { return h16(ldexp(float64(f16(a)), int32(int16(b)))) }),
	"v_div_fixup_f16": tri(func(a, b, c uint32) uint32 {
		return h16(divFixup(float64(f16(a)), float64(f16(b)), float64(f16(c))))
	}),
	"v_pack_b32_f16": bi(func(a, b uint32) uint32 { return a&0xffff | b<<16 }),
}

func mad16(a, b, c uint32) uint32 {
	return h16(float64(f16(h16(float64(f16(a))*float64(f16(b))))) + float64(f16(c)))
}

// fromHalf are conversions of float16.
var fromHalf = map[string]kernel{
	"v_cvt_f32_f16": un(func(a uint32) uint32 { return u32(f16(a)) }),
	"v_cvt_i16_f16": un(func(a uint32) uint32 {
		return uint32(clampInt(int64(int32(toInt(float64(f16(a))))), -32768, 32767)) & 0xffff
	}),
	"v_cvt_u16_f16": un(func(a uint32) uint32 { return min(toUint(float64(f16(a))), 0xffff) }),
	"v_frexp_exp_i16_f16": un(func(a uint32) uint32 {
		_, e := frexp(float64(f16(a)))
		return uint32(e) & 0xffff
	}),
}

func bi16(f func(a, b uint16) uint16) kernel {
	return bi(func(a, b uint32) uint32 { return uint32(f(uint16(a), uint16(b))) })
}

func tri16(f func(a, b, c uint16) uint16) kernel {
	return tri(func(a, b, c uint32) uint32 { return uint32(f(uint16(a), uint16(b), uint16(c))) })
}

// shorts are the instructions on 16-bit integers.
var shorts = map[string]kernel{
	"v_add_u16":        bi16(func(a, b uint16) uint16 { return a + b }),
	"v_sub_u16":        bi16(func(a, b uint16) uint16 { return a - b }),
	"v_subrev_u16":     bi16(func(a, b uint16) uint16 { return b - a }),
	"v_add_i16":        bi16(func(a, b uint16) uint16 { return a + b }),
	"v_sub_i16":        bi16(func(a, b uint16) uint16 { return a - b }),
	"v_mul_lo_u16":     bi16(func(a, b uint16) uint16 { return a * b }),
	"v_lshlrev_b16":    bi16(func(a, b uint16) uint16 { return b << (a & 15) }),
	"v_lshrrev_b16":    bi16(func(a, b uint16) uint16 { return b >> (a & 15) }),
	"v_ashrrev_i16":    bi16(func(a, b uint16) uint16 { return uint16(int16(b) >> (a & 15)) }),
	"v_min_u16":        bi16(func(a, b uint16) uint16 { return min(a, b) }),
	"v_max_u16":        bi16(func(a, b uint16) uint16 { return max(a, b) }),
	"v_min_i16":        bi16(func(a, b uint16) uint16 { return uint16(min(int16(a), int16(b))) }),
	"v_max_i16":        bi16(func(a, b uint16) uint16 { return uint16(max(int16(a), int16(b))) }),
	"v_mad_u16":        tri16(func(a, b, c uint16) uint16 { return a*b + c }),
	"v_mad_i16":        tri16(func(a, b, c uint16) uint16 { return a*b + c }),
	"v_mad_legacy_u16": tri16(func(a, b, c uint16) uint16 { return a*b + c }),
	"v_mad_legacy_i16": tri16(func(a, b, c uint16) uint16 { return a*b + c }),
	"v_min3_u16":       tri16(func(a, b, c uint16) uint16 { return min(a, b, c) }),
	"v_max3_u16":       tri16(func(a, b, c uint16) uint16 { return max(a, b, c) }),
	"v_med3_u16":       tri16(func(a, b, c uint16) uint16 { return max(min(a, b), min(max(a, b), c)) }),
	"v_min3_i16":       tri16(func(a, b, c uint16) uint16 { return uint16(min(int16(a), int16(b), int16(c))) }),
	"v_max3_i16":       tri16(func(a, b, c uint16) uint16 { return uint16(max(int16(a), int16(b), int16(c))) }),
	"v_med3_i16": tri16(func(a, b, c uint16) uint16 {
		x, y, z := int16(a), int16(b), int16(c)
		return uint16(max(min(x, y), min(max(x, y), z)))
	}),
	"v_cvt_f16_u16": un(func(a uint32) uint32 { return h16(float64(uint16(a))) }),
	"v_cvt_f16_i16": un(func(a uint32) uint32 { return h16(float64(int16(a))) }),
}
