package cu

import "math"

func f32(x uint32) float32 { return math.Float32frombits(x) }
func u32(x float32) uint32 { return math.Float32bits(x) }
func f64(x uint64) float64 { return math.Float64frombits(x) }
func u64(x float64) uint64 { return math.Float64bits(x) }

// f16 is a binary16 as a float32, which holds each exactly.
func f16(x uint32) float32 {
	e, m, sign := x>>10&31, x&1023, x>>15&1<<31
	switch {
	case e == 31:
		return f32(sign | 0x7f800000 | m<<13)
	case e == 0:
		y := float32(m) * (1.0 / (1 << 24))
		return f32(u32(y) | sign)
	}
	return f32(sign | (e+112)<<23 | m<<13)
}

// h16 rounds to binary16, to nearest even.
func h16(x float64) uint32 {
	u := u64(x)
	sign := uint32(u>>48) & 0x8000
	a := math.Abs(x)
	switch {
	case a != a:
		return sign | 0x7e00
	case a >= 65520: // half way to the first number that is too large
		return sign | 0x7c00
	case a < 1.0/(1<<14):
		return sign | uint32(math.RoundToEven(a*(1<<24)))
	}
	e := math.Ilogb(a)
	m := uint32(math.RoundToEven(math.Ldexp(a, 10-e)))
	return sign | (uint32(e+15)<<10 + m - 1024)
}

// h16z rounds to binary16, towards zero.
func h16z(x float32) uint32 {
	r := h16(float64(x))
	if y := f16(r); math.Abs(float64(y)) > math.Abs(float64(x)) {
		return r - 1 // of the same sign, towards zero; infinity becomes the largest number
	}
	return r
}

// odd is a×b + c in float64, rounded to odd: what is rounded again to fewer
// bits is then rounded as if once. a×b must be exact in float64.
func odd(a, b, c float64) float64 {
	p := a * b
	s := p + c
	if math.IsInf(s, 0) || s != s {
		return s
	}
	t := s - p
	lost := (p - (s - t)) + (c - t)
	if lost == 0 || u64(s)&1 == 1 {
		return s
	}
	if (lost > 0) == (s > 0) {
		return f64(u64(s) + 1)
	}
	return f64(u64(s) - 1)
}

// fma32 is a×b + c, rounded once.
func fma32(a, b, c float32) float32 {
	p := float64(a) * float64(b)
	s := p + float64(c)
	// Rounding twice harms only half way between two float32, and where the
	// result is denormal.
	if u64(s)&0x1fffffff != 0x10000000 && math.Abs(s) >= 0x1p-125 {
		return float32(s)
	}
	return float32(odd(float64(a), float64(b), float64(c)))
}

func fma16(a, b, c float32) uint32 { return h16(odd(float64(a), float64(b), float64(c))) }

// min32 and max32 are IEEE's minNum and maxNum: a number wins over a NaN.
func min32(a, b float32) float32 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	case a == 0 && b == 0:
		return f32(u32(a) | u32(b))
	}
	return min(a, b)
}

func max32(a, b float32) float32 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	case a == 0 && b == 0:
		return f32(u32(a) & u32(b))
	}
	return max(a, b)
}

func min64(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Min(a, b)
}

func max64(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Max(a, b)
}

func med3(a, b, c float32) float32 {
	if a != a || b != b || c != c {
		return min32(min32(a, b), c)
	}
	return max32(min32(a, b), min32(max32(a, b), c))
}

// flush32 makes a denormal zero, with its sign.
func flush32(x uint32) uint32 {
	if x&0x7f800000 == 0 {
		return x & 0x80000000
	}
	return x
}

// fract is x − floor(x), below 1.
func fract(x float64, below float64) float64 {
	if math.IsInf(x, 0) {
		return math.NaN()
	}
	return math.Min(x-math.Floor(x), below)
}

// toInt and toUint round towards zero and saturate; NaN is 0.
func toInt(x float64) uint32 {
	switch {
	case x != x:
		return 0
	case x >= math.MaxInt32:
		return math.MaxInt32
	case x <= math.MinInt32:
		return 1 << 31
	}
	return uint32(int32(x))
}

func toUint(x float64) uint32 {
	switch {
	case x != x || x <= 0:
		return 0
	case x >= math.MaxUint32:
		return math.MaxUint32
	}
	return uint32(x)
}

func clampInt(x, lo, hi int64) int64 { return max(lo, min(hi, x)) }

// class is that of a number: one bit of the ten of v_cmp_class.
func class(exp, top uint32, mantissa uint64, quiet, neg bool) uint32 {
	i := 0
	switch {
	case exp == top && mantissa != 0:
		if quiet {
			return 2
		}
		return 1
	case exp == top:
		i = 0
	case exp != 0:
		i = 1
	case mantissa != 0:
		i = 2
	default:
		i = 3
	}
	if neg {
		return 4 << i
	}
	return 1 << (9 - i)
}

func class32(x uint32) uint32 {
	return class(x>>23&255, 255, uint64(x&0x7fffff), x>>22&1 == 1, x>>31 == 1)
}

func class16(x uint32) uint32 {
	return class(x>>10&31, 31, uint64(x&1023), x>>9&1 == 1, x>>15&1 == 1)
}

func class64(x uint64) uint32 {
	return class(uint32(x>>52&2047), 2047, x&(1<<52-1), x>>51&1 == 1, x>>63 == 1)
}
