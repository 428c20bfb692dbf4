package synth

import (
	"encoding/binary"
	"hash/fnv"
	"math"

	"ceiling/engine/gguf"
)

// stream is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom
// Number Generators, OOPSLA 2014). It is spelled out here because the bytes of
// a file must not change with a library.
type stream uint64

func (s *stream) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// chunkStream returns the generator of one chunk of a tensor. Chunks have
// generators of their own, so that they can be made in any order.
func chunkStream(seed uint64, tensor string, chunk int64) stream {
	h := fnv.New64a()
	h.Write([]byte(tensor))
	s := stream(seed)
	s = stream(s.next() ^ h.Sum64())
	s = stream(s.next() + uint64(chunk))
	return stream(s.next())
}

// filler fills whole blocks with random elements. Quantised blocks are made
// directly, integers and scales; nothing is quantised.
type filler func(dst []byte, s *stream)

// newFiller returns the filler of a tensor. Elements have mean 0 and the
// tensor's root mean square.
func newFiller(t tensor) filler {
	if t.rms == 0 {
		return fillNorm
	}
	switch t.kind {
	case gguf.Q4_0:
		return fillQ4_0(scales(t.rms / rmsQ4_0))
	case gguf.Q4_1:
		return fillQ4_1(scales(t.rms / rmsQ4_1))
	case gguf.Q8_0:
		return fillQ8_0(scales(t.rms / rmsQ8_0))
	case gguf.BF16:
		return fillHalf(levels(t.rms, gguf.Float32ToBFloat16))
	}
	return fillHalf(levels(t.rms, gguf.Float32ToHalf))
}

// The root mean square of the integers that a scale multiplies: all values of
// n bits are equally frequent.
var (
	rmsQ4_0 = math.Sqrt((16*16-1)/12. + 0.25)   // -8 … 7
	rmsQ4_1 = math.Sqrt((16*16 - 1) / 12.)      // -7.5 … 7.5, by the minimum
	rmsQ8_0 = math.Sqrt((256*256-1)/12. + 0.25) // -128 … 127
)

// scaleCount is how many scales a tensor's blocks choose from: 16 sizes, from
// 0.6 to 1.4 times the wanted one, of both signs. Integers from -8 to 7 have
// the mean -0.5; with one sign that bias would be the strongest direction of
// every matrix, and hidden states would drift along it.
const scaleCount = 32

func scales(size float64) (list [scaleCount]uint16) {
	const sizes = scaleCount / 2
	var square float64
	for i := range sizes {
		f := 0.6 + 0.8*float64(i)/(sizes-1)
		square += f * f / sizes
	}
	for i := range sizes {
		f := 0.6 + 0.8*float64(i)/(sizes-1)
		d := float32(size * f / math.Sqrt(square))
		list[2*i], list[2*i+1] = gguf.Float32ToHalf(d), gguf.Float32ToHalf(-d)
	}
	return list
}

// picks hands out random indices of 5 bits, 12 from each number.
type picks struct {
	bits uint64
	left int
}

func (p *picks) next(s *stream) int {
	if p.left == 0 {
		p.bits, p.left = s.next(), 12
	}
	i := int(p.bits % scaleCount)
	p.bits /= scaleCount
	p.left--
	return i
}

func fillQ4_0(scale [scaleCount]uint16) filler {
	return func(dst []byte, s *stream) {
		var p picks
		for ; len(dst) >= 18; dst = dst[18:] {
			b := dst[:18]
			binary.LittleEndian.PutUint16(b, scale[p.next(s)])
			binary.LittleEndian.PutUint64(b[2:], s.next())
			binary.LittleEndian.PutUint64(b[10:], s.next())
		}
	}
}

func fillQ4_1(scale [scaleCount]uint16) filler {
	var minimum [scaleCount]uint16
	for i, d := range scale {
		minimum[i] = gguf.Float32ToHalf(-7.5 * gguf.HalfToFloat32(d))
	}
	return func(dst []byte, s *stream) {
		var p picks
		for ; len(dst) >= 20; dst = dst[20:] {
			b, i := dst[:20], p.next(s)
			binary.LittleEndian.PutUint16(b, scale[i])
			binary.LittleEndian.PutUint16(b[2:], minimum[i])
			binary.LittleEndian.PutUint64(b[4:], s.next())
			binary.LittleEndian.PutUint64(b[12:], s.next())
		}
	}
}

func fillQ8_0(scale [scaleCount]uint16) filler {
	return func(dst []byte, s *stream) {
		var p picks
		for ; len(dst) >= 34; dst = dst[34:] {
			b := dst[:34]
			binary.LittleEndian.PutUint16(b, scale[p.next(s)])
			for i := 2; i < 34; i += 8 {
				binary.LittleEndian.PutUint64(b[i:], s.next())
			}
		}
	}
}

// levelCount is how many values the elements of an unquantised tensor choose
// from, at equal distances.
const levelCount = 1 << 12

// levels returns the values with a root mean square of rms.
func levels(rms float64, narrow func(float32) uint16) *[levelCount]uint16 {
	var list [levelCount]uint16
	for i := range list {
		// (2i+1-n)/n is uniform in (-1, 1), of mean square 1/3.
		list[i] = narrow(float32(rms * math.Sqrt(3) * float64(2*i+1-levelCount) / levelCount))
	}
	return &list
}

func fillHalf(level *[levelCount]uint16) filler {
	return func(dst []byte, s *stream) {
		for len(dst) >= 8 {
			r := s.next()
			v := uint64(level[r%levelCount]) |
				uint64(level[r>>12%levelCount])<<16 |
				uint64(level[r>>24%levelCount])<<32 |
				uint64(level[r>>36%levelCount])<<48
			binary.LittleEndian.PutUint64(dst, v)
			dst = dst[8:]
		}
		for ; len(dst) >= 2; dst = dst[2:] {
			binary.LittleEndian.PutUint16(dst, level[s.next()%levelCount])
		}
	}
}

// fillNorm fills a float32 vector with weights from 0.9 to 1.1.
func fillNorm(dst []byte, s *stream) {
	for ; len(dst) >= 4; dst = dst[4:] {
		u := float32(s.next()>>40) * 0x1p-24 // 0 ≤ u < 1, exact
		binary.LittleEndian.PutUint32(dst, math.Float32bits(0.9+float32(0.2*u)))
	}
}
