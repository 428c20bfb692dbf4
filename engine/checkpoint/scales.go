package checkpoint

import (
	"fmt"
	"math"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// scaleStats counts what matters about scales and zero points.
type scaleStats struct {
	scales    int64
	inexact   int64   // that float16 can't hold
	worst     float64 // largest relative error of an inexact one
	tooLarge  int64   // that would become infinite
	notFinite int64   // NaN and infinity
	small     int64   // subnormal in float16
	odd       int64   // zero or negative
	offMiddle int64   // zero points that are not in the middle
	noMinimum int64   // groups where float16 can't hold zero point times scale
	misfits   int64   // rows of a sample with codes that Q4_0 can't hold
}

// merge adds the counts of another part.
func (s *scaleStats) merge(o scaleStats) {
	s.scales += o.scales
	s.inexact += o.inexact
	s.worst = max(s.worst, o.worst)
	s.tooLarge += o.tooLarge
	s.notFinite += o.notFinite
	s.small += o.small
	s.odd += o.odd
	s.offMiddle += o.offMiddle
	s.noMinimum += o.noMinimum
	s.misfits += o.misfits
}

// exactHalf narrows a float to float16, and reports whether that kept its
// value. NaN and infinity are never exact.
func exactHalf(v float32) (h uint16, exact bool) {
	h = gguf.Float32ToHalf(v)
	return h, h&0x7c00 != 0x7c00 && gguf.HalfToFloat32(h) == v
}

// add counts one scale and returns it in float16.
func (s *scaleStats) add(v float32) uint16 {
	h, exact := exactHalf(v)
	s.scales++
	if !exact {
		s.inexactScale(v, h)
	}
	if h&0x7c00 == 0 && h&0x3ff != 0 {
		s.small++
	}
	if !(v > 0) {
		s.odd++
	}
	return h
}

func (s *scaleStats) inexactScale(v float32, h uint16) {
	switch {
	case v-v != 0: // NaN, infinity
		s.notFinite++
	case h&0x7c00 == 0x7c00:
		s.tooLarge++
	default:
		s.inexact++
		got := float64(gguf.HalfToFloat32(h))
		s.worst = max(s.worst, math.Abs(got-float64(v))/math.Abs(float64(v)))
	}
}

// addHalf is add for a scale that is in float16 already.
func (s *scaleStats) addHalf(h uint16) {
	s.scales++
	switch {
	case h&0x7c00 == 0x7c00:
		s.notFinite++
	case h&0x7c00 == 0 && h&0x3ff != 0:
		s.small++
	}
	if h&0x8000 != 0 || h == 0 {
		s.odd++
	}
}

// halves converts scales to float16.
func (s *scaleStats) halves(d safetensors.DType, src []byte, dst []uint16) {
	switch d {
	case safetensors.F16:
		for i := range dst {
			dst[i] = le.Uint16(src[2*i:])
			s.addHalf(dst[i])
		}
	case safetensors.BF16:
		for i := range dst {
			b := le.Uint16(src[2*i:])
			// The common case: positive, and normal in float16.
			if e := b >> 7; e >= 113 && e <= 142 {
				dst[i] = (e-112)<<10 | b&0x7f<<3
				s.scales++
				continue
			}
			dst[i] = s.add(gguf.BFloat16ToFloat32(b))
		}
	case safetensors.F32:
		for i := range dst {
			dst[i] = s.add(math.Float32frombits(le.Uint32(src[4*i:])))
		}
	}
}

// minimum returns -z·s in float16, the m of a Q4_1 block, and whether that is
// exact. The product of 4 and 11 bits is exact in float32.
func minimum(h uint16, z uint8) (m uint16, exact bool) {
	if z == 0 {
		return 0, true
	}
	return exactHalf(-float32(z) * gguf.HalfToFloat32(h))
}

// zeroPoints counts zero points and the minima that they lead to. half holds
// one scale for each.
func (s *scaleStats) zeroPoints(zeros []uint8, half []uint16, middle uint8) {
	for i, z := range zeros {
		if z != middle {
			s.offMiddle++
		}
		if _, exact := minimum(half[i], z); !exact {
			s.noMinimum++
		}
	}
}

// fatal says what makes the scales unusable whatever the options; "" if
// nothing does.
func (s *scaleStats) fatal() string {
	switch {
	case s.notFinite > 0:
		return fmt.Sprintf("has %d scales that are NaN or infinite", s.notFinite)
	case s.tooLarge > 0:
		return fmt.Sprintf("has %d scales above 65504, the largest number of float16", s.tooLarge)
	}
	return ""
}

// rounding says that scales are inexact; "" if none is.
func (s *scaleStats) rounding() string {
	if s.inexact == 0 {
		return ""
	}
	return fmt.Sprintf("has %d of %d scales that float16 can't hold exactly, the worst would change by %.3g of its value: --allow-rounding (of `ceiling convert` and `ceiling run`) converts it nevertheless",
		s.inexact, s.scales, s.worst)
}
