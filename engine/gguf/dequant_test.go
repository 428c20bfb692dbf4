package gguf

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

// Blocks worked out by hand from the definitions of the formats: the integers
// q, the scale d and, where the format has one, the minimum m or zero point z.
func TestDequantizeGolden(t *testing.T) {
	ramp := func(i int) int { // -8 … 7, 7 … -8
		if i < 16 {
			return i - 8
		}
		return 23 - i
	}
	affine := func(a, b int) func(int) int { return func(i int) int { return (a*i + b) % 16 } }
	for _, c := range []struct {
		name  string
		t     Type
		block string
		value func(i int) float64
	}{
		{"ramp", Q4_0, "00 22 f0 e1 d2 c3 b4 a5 96 87 78 69 5a 4b 3c 2d 1e 0f",
			func(i int) float64 { return float64(ramp(i)) * 0.01171875 }},
		{"zero point 5", Q4_1, "10 1e 94 a7 33 aa 11 88 ff 66 dd 44 bb 22 99 00 77 ee 55 cc",
			func(i int) float64 { return float64(affine(7, 3)(i)-5) * 0.00592041015625 }},
		{"zero point 5", Q5_0, "10 1e 7a f5 7a f5 ee 55 cc 33 aa 11 88 ff 66 dd 44 bb 22 99 00 77",
			func(i int) float64 { return float64(affine(7, 3)(i)-5) * 0.00592041015625 }},
		{"zero point 15", Q5_0, "f8 1f 10 00 10 00 44 bb 22 99 00 77 ee 55 cc 33 aa 11 88 ff 66 dd",
			func(i int) float64 { return float64(affine(7, 3)(i)-15) * 255 * 0x1p-15 }},
		{"zero point 8", Q4_0, "66 22 22 77 cc 11 66 bb 00 55 aa ff 44 99 ee 33 88 dd",
			func(i int) float64 { return float64(affine(5, 2)(i)-8) * 0.0124969482421875 }},
		{"-16 … 15", Q8_0, "00 3c f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
			func(i int) float64 { return float64(i - 16) }},
		{"extremes", Q8_0, "00 b8" + strings.Repeat(" 80 7f", 16),
			func(i int) float64 { return []float64{64, -63.5}[i%2] }},
	} {
		src, err := hex.DecodeString(strings.ReplaceAll(c.block, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, 64)
		if err := Dequantize(c.t, append(src, src...), dst); err != nil {
			t.Errorf("%s %s: %v", c.t, c.name, err)
			continue
		}
		for i, got := range dst {
			if want := c.value(i % 32); float64(got) != want {
				t.Errorf("%s %s: element %d is %v, want %v", c.t, c.name, i, got, want)
				break
			}
		}
	}
}

func TestDequantizeFloats(t *testing.T) {
	src := []byte{0x00, 0x3c, 0x01, 0x00, 0xff, 0xfb, 0x00, 0x7c}
	dst := make([]float32, 4)
	if err := Dequantize(F16, src, dst); err != nil || dst[0] != 1 || dst[1] != 0x1p-24 || dst[2] != -65504 || !math.IsInf(float64(dst[3]), 1) {
		t.Errorf("F16: %v %v", dst, err)
	}
	if err := Dequantize(BF16, []byte{0x80, 0x3f, 0xc2, 0xbb}, dst[:2]); err != nil || dst[0] != 1 || dst[1] != -97*0x1p-14 {
		t.Errorf("BF16: %v %v", dst, err)
	}
	if err := Dequantize(F32, []byte{0, 0, 0x80, 0x3f}, dst[:1]); err != nil || dst[0] != 1 {
		t.Errorf("F32: %v %v", dst, err)
	}
	for _, c := range []struct {
		t        Type
		src, dst int
	}{{Q4_0, 17, 32}, {Q4_0, 18, 31}, {Q4_0, 36, 32}, {F32, 4, 2}, {14, 210, 256}, {99, 0, 0}} {
		if err := Dequantize(c.t, make([]byte, c.src), make([]float32, c.dst)); err == nil {
			t.Errorf("%s: %d bytes became %d elements", c.t, c.src, c.dst)
		}
	}
}

// Every 16-bit pattern goes through float32 and back; between neighbours the
// nearer one is chosen, and the even one in the middle.
func TestHalf(t *testing.T) {
	for _, c := range []struct {
		name   string
		widen  func(uint16) float32
		narrow func(float32) uint16
		inf    uint16
	}{
		{"binary16", HalfToFloat32, Float32ToHalf, 0x7c00},
		{"bfloat16", BFloat16ToFloat32, Float32ToBFloat16, 0x7f80},
	} {
		for i := range 1 << 16 {
			h := uint16(i)
			v := c.widen(h)
			if h&0x7fff > c.inf {
				if back := c.narrow(v); v == v || back&0x7fff <= c.inf || back&0x8000 != h&0x8000 {
					t.Fatalf("%s: NaN %#04x becomes %v and %#04x", c.name, h, v, back)
				}
				continue
			}
			if back := c.narrow(v); back != h {
				t.Fatalf("%s: %#04x is %v and becomes %#04x", c.name, h, v, back)
			}
			if h&0x7fff >= c.inf-1 {
				continue
			}
			next := c.widen(h + 1)
			middle := float32((float64(v) + float64(next)) / 2)
			even := h + h&1
			if got := c.narrow(middle); got != even {
				t.Fatalf("%s: %v, between %#04x and the next, becomes %#04x", c.name, middle, h, got)
			}
			if got := c.narrow(math.Nextafter32(middle, v)); got != h {
				t.Fatalf("%s: just below the middle above %#04x becomes %#04x", c.name, h, got)
			}
			if got := c.narrow(math.Nextafter32(middle, next)); got != h+1 {
				t.Fatalf("%s: just above the middle above %#04x becomes %#04x", c.name, h, got)
			}
		}
		for _, v := range []float32{math.MaxFloat32, float32(math.Inf(1))} {
			if got := c.narrow(v); got != c.inf {
				t.Errorf("%s: %v becomes %#04x", c.name, v, got)
			}
		}
	}
	if got := Float32ToHalf(65519); got != 0x7bff {
		t.Errorf("65519 becomes %#04x", got)
	}
	if got := Float32ToHalf(65520); got != 0x7c00 {
		t.Errorf("65520 becomes %#04x", got)
	}
}
