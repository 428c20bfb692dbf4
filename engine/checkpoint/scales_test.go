package checkpoint

import (
	"math"
	"math/bits"
	"testing"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// odd writes x as n·2^e with n odd, or 0.
func odd(x float64) (n int64, e int) {
	if x == 0 {
		return 0, 0
	}
	frac, exp := math.Frexp(x)
	n, e = int64(frac*(1<<53)), exp-53
	zeros := bits.TrailingZeros64(uint64(n))
	return n >> zeros, e + zeros
}

// holds reports whether float16 has n·2^e, n odd, by definition: 11 bits, none
// below 2^-24, none above 2^15.
func holds(n int64, e int) bool {
	length := bits.Len64(uint64(max(n, -n)))
	return n == 0 || length <= 11 && e >= -24 && length+e <= 16
}

// TestEveryBFloat16 compares what is said of each of the 65,536 scales.
func TestEveryBFloat16(t *testing.T) {
	exact := 0
	for b := range 1 << 16 {
		v := gguf.BFloat16ToFloat32(uint16(b))
		var s scaleStats
		var h [1]uint16
		s.halves(safetensors.BF16, le.AppendUint16(nil, uint16(b)), h[:])
		x := float64(v)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			if s.notFinite != 1 || s.inexact != 0 {
				t.Fatalf("%#04x: %+v", b, s)
			}
			continue
		}
		if n, e := odd(x); holds(n, e) {
			exact++
			if got := gguf.HalfToFloat32(h[0]); got != v || s.inexact+s.tooLarge+s.notFinite != 0 {
				t.Fatalf("%#04x = %v: float16 %v, %+v", b, v, got, s)
			}
		} else {
			checkInexact(t, b, x, h[0], s)
		}
		wantSmall := x != 0 && math.Abs(float64(gguf.HalfToFloat32(h[0]))) < 0x1p-14 && h[0]&0x7fff != 0
		if (s.small == 1) != wantSmall || (s.odd == 1) != (x <= 0) || s.scales != 1 {
			t.Fatalf("%#04x = %v: %+v", b, v, s)
		}
	}
	// 128 mantissas from 2^-17 to 2^15, then ever fewer, the two zeros, two signs.
	if want := 2 * (33*128 + 64 + 32 + 16 + 8 + 4 + 2 + 1 + 1); exact != want {
		t.Errorf("%d exact scales, want %d", exact, want)
	}
}

// checkInexact checks the counts and the error of a scale that float16 lacks.
func checkInexact(t *testing.T, b int, x float64, h uint16, s scaleStats) {
	t.Helper()
	// From 65520 on, half way to the next number that there is none for.
	if math.Abs(x) >= 65520 {
		if s.tooLarge != 1 || s.inexact != 0 {
			t.Fatalf("%#04x = %v: %+v", b, x, s)
		}
		return
	}
	got := float64(gguf.HalfToFloat32(h))
	if s.inexact != 1 || s.worst != math.Abs(got-x)/math.Abs(x) || s.worst == 0 {
		t.Fatalf("%#04x = %v became %v: %+v", b, x, got, s)
	}
	for _, step := range []int{-1, 1} {
		near := float64(gguf.HalfToFloat32(uint16(int(h) + step)))
		if h&0x7fff == 0 {
			near = math.Copysign(0x1p-24, x)
		}
		if math.Abs(near-x) < math.Abs(got-x) {
			t.Fatalf("%#04x = %v became %v, %v is nearer", b, x, got, near)
		}
	}
}

// TestEveryFloat16 does the same for float16, where all finite scales are
// exact, and for their products with every zero point.
func TestEveryFloat16(t *testing.T) {
	for b := range 1 << 16 {
		var s scaleStats
		var h [1]uint16
		s.halves(safetensors.F16, le.AppendUint16(nil, uint16(b)), h[:])
		if h[0] != uint16(b) {
			t.Fatalf("%#04x became %#04x", b, h[0])
		}
		x := float64(gguf.HalfToFloat32(uint16(b)))
		if notFinite := math.IsNaN(x) || math.IsInf(x, 0); notFinite != (s.notFinite == 1) || s.inexact != 0 {
			t.Fatalf("%#04x = %v: %+v", b, x, s)
		} else if notFinite {
			continue
		}
		if small := x != 0 && math.Abs(x) < 0x1p-14; small != (s.small == 1) || (x <= 0) != (s.odd == 1) {
			t.Fatalf("%#04x = %v: %+v", b, x, s)
		}
		n, e := odd(x)
		for z := range int64(16) {
			m, exact := minimum(uint16(b), uint8(z))
			// z may add factors of two to n.
			product, more := odd(float64(n * z))
			if want := holds(product, e+more); exact != want {
				t.Fatalf("scale %v, z %d: exact %v, want %v", x, z, exact, want)
			}
			if got := float64(gguf.HalfToFloat32(m)); exact && got != -float64(z)*x {
				t.Fatalf("scale %v, z %d: minimum %v", x, z, got)
			}
		}
		if m, _ := minimum(uint16(b), 0); m != 0 {
			t.Fatalf("scale %v, z 0: minimum %#04x, want +0", x, m)
		}
	}
}

// TestFloat32Scales: the edges, and one step beyond each.
func TestFloat32Scales(t *testing.T) {
	for _, c := range []struct {
		v                            float32
		inexact, tooLarge, notFinite int64
	}{
		{1, 0, 0, 0},
		{65504, 0, 0, 0},
		{math.Nextafter32(65504, 1e9), 1, 0, 0},
		{math.Nextafter32(65520, 0), 1, 0, 0},
		{65520, 0, 1, 0},
		{0x1p-24, 0, 0, 0},
		{math.Nextafter32(0x1p-24, 1), 1, 0, 0},
		{0x1p-25, 1, 0, 0},
		{1 + 0x1p-10, 0, 0, 0},
		{1 + 0x1p-11, 1, 0, 0},
		{math.MaxFloat32, 0, 1, 0},
		{float32(math.Inf(-1)), 0, 0, 1},
		{float32(math.NaN()), 0, 0, 1},
	} {
		var s scaleStats
		s.halves(safetensors.F32, le.AppendUint32(nil, math.Float32bits(c.v)), make([]uint16, 1))
		if s.inexact != c.inexact || s.tooLarge != c.tooLarge || s.notFinite != c.notFinite {
			t.Errorf("%v: %+v", c.v, s)
		}
	}
}

// TestFinite puts one value with a full exponent at every place.
func TestFinite(t *testing.T) {
	for _, c := range []struct {
		d         safetensors.DType
		good, bad []uint32
	}{
		{safetensors.BF16, []uint32{0, 0x3f80, 0x7f7f, 0xff7f, 0x8000, 0x0001}, []uint32{0x7f80, 0xff80, 0x7fc0, 0xffff, 0x7f81}},
		{safetensors.F16, []uint32{0, 0x3c00, 0x7bff, 0xfbff, 0x8000, 0x0001}, []uint32{0x7c00, 0xfc00, 0x7e00, 0xffff, 0x7c01}},
		{safetensors.F32, []uint32{0, 0x3f800000, 0x7f7fffff, 0xff7fffff, 0x80000000, 1}, []uint32{0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff, 0x7f800001}},
	} {
		const n = 13
		size := int(c.d.Size())
		p := make([]byte, 0, n*size+4)
		set := func(i int, v uint32) {
			for k := range size {
				p[i*size+k] = byte(v >> (8 * k))
			}
		}
		p = p[:n*size]
		for i := range n {
			set(i, c.good[i%len(c.good)])
		}
		if !finite(p, c.d) {
			t.Errorf("%s: finite values are taken for others", c.d)
		}
		for i := range n {
			for _, bad := range c.bad {
				set(i, bad)
				if finite(p, c.d) {
					t.Errorf("%s: %#x at %d is not seen", c.d, bad, i)
				}
			}
			set(i, c.good[i%len(c.good)])
		}
	}
}
