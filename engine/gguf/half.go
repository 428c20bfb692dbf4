package gguf

import "math"

// HalfToFloat32 widens an IEEE 754 binary16 value; every one is exact.
func HalfToFloat32(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch {
	case exp == 31: // infinity and NaN
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	// Zero and subnormals: frac × 2^-24.
	v := float32(frac) * 0x1p-24
	return math.Float32frombits(sign | math.Float32bits(v))
}

// Float32ToHalf narrows to binary16, ties to even. Values above 65504 that
// round up become infinity, NaN stays NaN.
func Float32ToHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000: // NaN, kept quiet
		return sign | 0x7e00
	case b >= 0x47800000: // 65536 and above
		return sign | 0x7c00
	case b < 0x38800000: // below the smallest normal, 2^-14
		// Adding 0.5 leaves v in units of 2^-24 in the low bits, rounded by
		// the hardware to nearest even.
		sum := math.Float32frombits(b) + 0.5
		return sign | uint16(math.Float32bits(sum)-math.Float32bits(0.5))
	}
	// Rebias the exponent by -112 and round the 13 bits that go.
	b += 0xc8000000 + 0xfff + b>>13&1
	return sign | uint16(b>>13)
}

// BFloat16ToFloat32 widens a bfloat16 value; every one is exact.
func BFloat16ToFloat32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// Float32ToBFloat16 narrows to bfloat16, ties to even; NaN stays NaN.
func Float32ToBFloat16(v float32) uint16 {
	b := math.Float32bits(v)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
