package checkpoint

import (
	"errors"
	"math"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// nativeType returns the type of a file's tensor that holds the same bytes.
func nativeType(d safetensors.DType) gguf.Type {
	switch d {
	case safetensors.BF16:
		return gguf.BF16
	case safetensors.F16:
		return gguf.F16
	}
	return gguf.F32
}

var (
	errNotFinite = errors.New("has elements that are NaN or infinite")
	errOverflow  = errors.New("has elements that are too large for the type that is asked for")
)

// convertFloats writes the elements of src, of type from, to dst as type to. It
// returns the largest absolute error. src holds whole blocks of to, dst as many.
func convertFloats(dst, src []byte, from safetensors.DType, to gguf.Type) (worst float64, err error) {
	if to == nativeType(from) {
		copy(dst, src)
		return 0, finiteOr(errNotFinite, src, from)
	}
	info, _ := to.Info()
	size := from.Size()
	// At most 32 elements at a time: blocks of Q8_0 are the largest.
	var x, back [blockSize]float32
	for n := int64(len(src)) / size; n > 0; {
		k := min(n, blockSize)
		for i := range k {
			x[i] = decodeFloat(src[i*size:], from)
		}
		bytes := k / info.Block * info.Bytes
		if err := encodeFloats(dst[:bytes], x[:k], to); err != nil {
			return 0, err
		}
		if err := gguf.Dequantize(to, dst[:bytes], back[:k]); err != nil {
			return 0, err
		}
		for i := range k {
			worst = max(worst, math.Abs(float64(back[i])-float64(x[i])))
		}
		dst, src, n = dst[bytes:], src[k*size:], n-k
	}
	return worst, nil
}

func decodeFloat(p []byte, d safetensors.DType) float32 {
	switch d {
	case safetensors.BF16:
		return gguf.BFloat16ToFloat32(le.Uint16(p))
	case safetensors.F16:
		return gguf.HalfToFloat32(le.Uint16(p))
	}
	return math.Float32frombits(le.Uint32(p))
}

// encodeFloats stores x as type t, rounded to nearest.
func encodeFloats(dst []byte, x []float32, t gguf.Type) error {
	for _, v := range x {
		if v-v != 0 {
			return errNotFinite
		}
	}
	switch t {
	case gguf.Q8_0:
		return encodeBlock8(dst, x)
	case gguf.F32:
		for i, v := range x {
			le.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	case gguf.BF16:
		for i, v := range x {
			le.PutUint16(dst[2*i:], gguf.Float32ToBFloat16(v))
		}
		return finiteOr(errOverflow, dst, safetensors.BF16)
	case gguf.F16:
		for i, v := range x {
			le.PutUint16(dst[2*i:], gguf.Float32ToHalf(v))
		}
		return finiteOr(errOverflow, dst, safetensors.F16)
	}
	return nil
}

func finiteOr(err error, p []byte, d safetensors.DType) error {
	if finite(p, d) {
		return nil
	}
	return err
}

// encodeBlock8 stores 32 floats as a block of Q8_0, as ggml does: the scale is
// the largest magnitude / 127, integers are rounded half away from zero with
// the scale before that is narrowed to float16.
func encodeBlock8(dst []byte, x []float32) error {
	var most float32
	for _, v := range x {
		most = max(most, float32(math.Abs(float64(v))))
	}
	d := most / 127
	inverse := float32(0)
	if d > 0x1p-120 { // smaller ones are 0 in float16, and have no inverse
		inverse = 1 / d
	}
	h := gguf.Float32ToHalf(d)
	if h&0x7c00 == 0x7c00 {
		return errOverflow
	}
	le.PutUint16(dst, h)
	for i, v := range x {
		dst[2+i] = byte(int8(math.Round(float64(v * inverse))))
	}
	return nil
}

// finite reports whether no element is NaN or infinite, that is, none has all
// bits of its exponent set. It looks at 8 bytes at a time: exponents become
// zero where they are full, and only then does subtracting 1 borrow.
func finite(p []byte, d safetensors.DType) bool {
	exponents, ones := uint64(0x7f807f807f807f80), uint64(0x0001000100010001)
	switch d {
	case safetensors.F16:
		exponents = 0x7c007c007c007c00
	case safetensors.F32:
		exponents, ones = 0x7f8000007f800000, 0x0000000100000001
	}
	var full uint64
	tops := ones << (8*d.Size() - 1)
	for len(p) >= 8 {
		x := ^le.Uint64(p) & exponents
		full |= (x - ones) & ^x & tops
		p = p[8:]
	}
	for size := d.Size(); len(p) > 0; p = p[size:] {
		if v := decodeFloat(p, d); v-v != 0 {
			return false
		}
	}
	return full == 0
}
