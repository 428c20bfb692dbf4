package gguf

import (
	"fmt"
	"math"
)

// Dequantize decodes src, whole blocks of type t, into dst, which must have
// exactly as many elements. It knows F32, F16, BF16, Q4_0, Q4_1, Q5_0 and Q8_0.
//
// With d and m the block's scale and minimum, in 16-bit floats, and q its
// integers, a value is:
//
//	Q4_0  (q-8)·d    q of 4 bits
//	Q4_1  q·d + m    q of 4 bits
//	Q5_0  (q-16)·d   q of 5 bits, the fifth kept apart
//	Q8_0  q·d        q of 8 bits, signed
//
// The 4-bit integers of a block of 32 are two to a byte: byte j holds element
// j in its low half and element j+16 in its high half.
func Dequantize(t Type, src []byte, dst []float32) error {
	info, _ := t.Info()
	decode := decoders[t]
	if decode == nil {
		return fmt.Errorf("can't decode %s", t)
	}
	blocks := int64(len(src)) / info.Bytes
	if blocks*info.Bytes != int64(len(src)) || blocks*info.Block != int64(len(dst)) {
		return fmt.Errorf("%d bytes of %s are not %d elements", len(src), t, len(dst))
	}
	for i := range blocks {
		decode(src[i*info.Bytes:(i+1)*info.Bytes], dst[i*info.Block:(i+1)*info.Block])
	}
	return nil
}

// decoders decode one block each.
var decoders = map[Type]func(b []byte, dst []float32){
	F32:  func(b []byte, dst []float32) { dst[0] = math.Float32frombits(le.Uint32(b)) },
	F16:  func(b []byte, dst []float32) { dst[0] = HalfToFloat32(le.Uint16(b)) },
	BF16: func(b []byte, dst []float32) { dst[0] = BFloat16ToFloat32(le.Uint16(b)) },
	Q4_0: decodeQ4_0,
	Q4_1: decodeQ4_1,
	Q5_0: decodeQ5_0,
	Q8_0: decodeQ8_0,
}

func decodeQ4_0(b []byte, dst []float32) {
	d := HalfToFloat32(le.Uint16(b))
	for j, q := range b[2:18] {
		dst[j] = float32(int(q&15)-8) * d
		dst[j+16] = float32(int(q>>4)-8) * d
	}
}

func decodeQ4_1(b []byte, dst []float32) {
	d, m := HalfToFloat32(le.Uint16(b)), HalfToFloat32(le.Uint16(b[2:]))
	// The inner conversion rounds the product, so that no machine fuses it
	// with the addition and all agree on the last bit.
	for j, q := range b[4:20] {
		dst[j] = float32(float32(q&15)*d) + m
		dst[j+16] = float32(float32(q>>4)*d) + m
	}
}

func decodeQ5_0(b []byte, dst []float32) {
	d, high := HalfToFloat32(le.Uint16(b)), le.Uint32(b[2:])
	for j, q := range b[6:22] {
		lo := int(q&15) | int(high>>j&1)<<4
		hi := int(q>>4) | int(high>>(j+16)&1)<<4
		dst[j] = float32(lo-16) * d
		dst[j+16] = float32(hi-16) * d
	}
}

func decodeQ8_0(b []byte, dst []float32) {
	d := HalfToFloat32(le.Uint16(b))
	for j, q := range b[2:34] {
		dst[j] = float32(int8(q)) * d
	}
}
