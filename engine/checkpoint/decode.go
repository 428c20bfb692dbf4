package checkpoint

import (
	"fmt"
	"math"

	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// This file decodes single rows of a checkpoint and of a GGUF file, element by
// element, as the formats' definitions have it. It is what the conversion is
// compared with, so it shares nothing with it and need not be fast.

// sourceRow is one row of the checkpoint's matrix.
type sourceRow struct {
	values []float64 // KindFloat
	codes  []uint8   // KindPacked, one per column
	zeros  []uint8   // one per group
	scales []float32 // one per group
	group  int64
}

// value returns (u - z)·s of a column. The product is exact: the difference has
// at most 9 bits, the scale 24.
func (r *sourceRow) value(col int64) float64 {
	if r.values != nil {
		return r.values[col]
	}
	g := col / r.group
	return (float64(r.codes[col]) - float64(r.zeros[g])) * float64(r.scales[g])
}

// rounded is value with the scale in float16.
func (r *sourceRow) rounded(col int64) float64 {
	g := col / r.group
	scale := gguf.HalfToFloat32(gguf.Float32ToHalf(r.scales[g]))
	return (float64(r.codes[col]) - float64(r.zeros[g])) * float64(scale)
}

// tolerance returns how far an element may be off when it was rounded to type
// t: half a unit of its last place and, for Q8_0, half the step of its block
// and the rounding of that step.
func (r *sourceRow) tolerance(t gguf.Type, col int) float64 {
	x := math.Abs(r.values[col])
	switch t {
	case gguf.BF16:
		return math.Max(x*0x1p-8, 0x1p-134)
	case gguf.F16:
		return math.Max(x*0x1p-11, 0x1p-25)
	case gguf.Q8_0:
		first := col / blockSize * blockSize
		var most float64
		for _, v := range r.values[first : first+blockSize] {
			most = math.Max(most, math.Abs(v))
		}
		return most/127*0.501 + most*0x1p-11 + 127*0x1p-25
	}
	return 0
}

// decodeRows reads n rows of the checkpoint's matrix, first a multiple of 8.
func (t *tensor) decodeRows(files *safetensors.Files, first, n int64) ([]sourceRow, error) {
	rows := make([]sourceRow, n)
	if t.Kind == KindFloat {
		return rows, t.decodeFloats(files, rows, first)
	}
	for k := range rows {
		rows[k] = sourceRow{
			codes: make([]uint8, t.role.in), zeros: make([]uint8, t.groups), scales: make([]float32, t.groups), group: t.group,
		}
	}
	for _, decode := range []func(*safetensors.Files, []sourceRow, int64) error{t.decodeCodes, t.decodeScales, t.decodeZeros} {
		if err := decode(files, rows, first); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (t *tensor) decodeFloats(files *safetensors.Files, rows []sourceRow, first int64) error {
	dtype := safetensors.DType(t.DType)
	row := t.role.in * dtype.Size()
	p := make([]byte, int64(len(rows))*row)
	if err := t.readFloats(files, p, first*row); err != nil {
		return err
	}
	for k := range rows {
		rows[k].values = make([]float64, t.role.in)
		for i := range t.role.in {
			rows[k].values[i] = float64(floatAt(dtype, p[int64(k)*row+i*dtype.Size():]))
		}
	}
	return nil
}

// floatAt widens one element.
func floatAt(d safetensors.DType, p []byte) float32 {
	switch d {
	case safetensors.BF16:
		return gguf.BFloat16ToFloat32(uint16(p[0]) | uint16(p[1])<<8)
	case safetensors.F16:
		return gguf.HalfToFloat32(uint16(p[0]) | uint16(p[1])<<8)
	}
	return math.Float32frombits(uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24)
}

// awqPlace[j] is the nibble that holds output j of the 8 of an AutoAWQ word.
var awqPlace = [8]int64{0, 4, 1, 5, 2, 6, 3, 7}

// decodeCodes fills in the codes of neighbouring rows.
func (t *tensor) decodeCodes(files *safetensors.Files, rows []sourceRow, first int64) error {
	per, bits, mask := t.per(), int64(t.Bits), uint32(1)<<t.Bits-1
	out, in, n := t.role.out, t.role.in, int64(len(rows))
	var p []byte
	var err error
	switch t.layout {
	case rowWords:
		p, err = pieces(files, t.codes, n, in/per*4, first*in/per*4, in/per*4)
	case colWords:
		p, err = pieces(files, t.codes, in/per, 4*out, 4*first, 4*n)
	case colNibbles:
		p, err = pieces(files, t.codes, in, out/8*4, first/8*4, 4)
	}
	if err != nil {
		return err
	}
	for k := range rows {
		for i := range in {
			var word, place int64
			switch t.layout {
			case rowWords:
				word, place = int64(k)*(in/per)+i/per, i%per
			case colWords:
				word, place = i/per*n+int64(k), i%per
			case colNibbles:
				word, place = i, awqPlace[k]
			}
			rows[k].codes[i] = uint8(le.Uint32(p[4*word:]) >> (place * bits) & mask)
		}
	}
	return nil
}

// pieces is readPieces into new memory.
func pieces(files *safetensors.Files, t *safetensors.StoredTensor, lines, stride, off, n int64) ([]byte, error) {
	p := make([]byte, lines*n)
	return p, readPieces(files, t, p, lines, stride, off, n)
}

// decodeScales fills in the scales of neighbouring rows.
func (t *tensor) decodeScales(files *safetensors.Files, rows []sourceRow, first int64) error {
	size, width, n := t.scales.DType.Size(), t.scales.Shape[1], int64(len(rows))
	var p []byte
	var err error
	if t.layout == rowWords {
		p, err = pieces(files, t.scales, n, width*size, first*width*size, width*size)
	} else {
		p, err = pieces(files, t.scales, t.groups, width*size, first*size, n*size)
	}
	if err != nil {
		return err
	}
	for k := range rows {
		for g := range t.groups {
			at := int64(k)*width + g
			if t.layout != rowWords {
				at = g*n + int64(k)
			}
			rows[k].scales[g] = floatAt(t.scales.DType, p[at*size:])
		}
	}
	return nil
}

// decodeZeros fills in the zero points of neighbouring rows. They lie in words
// of per rows, or of per groups, or are signed bytes.
func (t *tensor) decodeZeros(files *safetensors.Files, rows []sourceRow, first int64) error {
	per, n := t.per(), int64(len(rows))
	across := (n + per - 1) / per // words that the rows share
	var p []byte
	var err error
	switch t.zero {
	case zeroSigned:
		p, err = pieces(files, t.zeros, n, t.groups, first*t.groups, t.groups)
	case zeroRows:
		p, err = pieces(files, t.zeros, across, 4*t.groups, first/per*4*t.groups, 4*t.groups)
	case zeroAlong:
		width := t.zeros.Shape[1]
		p, err = pieces(files, t.zeros, n, 4*width, first*4*width, 4*width)
	case zeroCols, zeroAWQ:
		p, err = pieces(files, t.zeros, t.groups, t.role.out/per*4, first/per*4, 4*across)
	}
	if err != nil {
		return err
	}
	for k := range rows {
		for g := range t.groups {
			k := int64(k)
			switch t.zero {
			case zeroNone:
				rows[k].zeros[g] = t.middle()
			case zeroSigned:
				rows[k].zeros[g] = uint8(int8(p[k*t.groups+g])) + t.middle()
			case zeroRows:
				rows[k].zeros[g] = t.zeroIn(p, k/per*t.groups+g, k%per)
			case zeroAlong:
				rows[k].zeros[g] = t.zeroIn(p, k*t.zeros.Shape[1]+g/per, g%per)
			case zeroCols:
				rows[k].zeros[g] = t.zeroIn(p, g*across+k/per, k%per)
			case zeroAWQ:
				rows[k].zeros[g] = t.zeroIn(p, g*across+k/per, awqPlace[k%per])
			}
		}
	}
	return nil
}

// zeroIn returns the zero point at a place of a word.
func (t *tensor) zeroIn(p []byte, word, place int64) uint8 {
	w, mask := le.Uint32(p[4*word:]), uint32(1)<<t.Bits-1
	switch {
	case t.zeroBias == 0:
		return uint8(w >> (place * int64(t.Bits)) & mask)
	case t.carry:
		for i := int64(0); i < 32; i += int64(t.Bits) {
			w += 1 << i
		}
		return uint8(w >> (place * int64(t.Bits)) & mask)
	}
	return uint8(w>>(place*int64(t.Bits))&mask) + 1
}

// decodeExact decodes blocks of a GGUF file to float64. All values are exact:
// sums of Q4_1 too, since float16 spans 40 bits from its least to its largest.
func decodeExact(t gguf.Type, raw []byte, dst []float64) error {
	info, ok := t.Info()
	if !ok || int64(len(raw)) != int64(len(dst))/info.Block*info.Bytes {
		return fmt.Errorf("has %d bytes of %s for %d elements", len(raw), t, len(dst))
	}
	half := func(p []byte) float64 { return float64(gguf.HalfToFloat32(uint16(p[0]) | uint16(p[1])<<8)) }
	for i := range dst {
		b := raw[int64(i)/info.Block*info.Bytes:]
		j := i % int(info.Block)
		nibble := func(p []byte) float64 { return float64(p[j%16] >> (j / 16 * 4) & 15) }
		switch t {
		case gguf.F32:
			dst[i] = float64(floatAt(safetensors.F32, b))
		case gguf.F16:
			dst[i] = float64(floatAt(safetensors.F16, b))
		case gguf.BF16:
			dst[i] = float64(floatAt(safetensors.BF16, b))
		case gguf.Q4_0:
			dst[i] = (nibble(b[2:]) - 8) * half(b)
		case gguf.Q4_1:
			dst[i] = nibble(b[4:])*half(b) + half(b[2:])
		case gguf.Q5_0:
			fifth := float64(b[2+j/8] >> (j % 8) & 1)
			dst[i] = (nibble(b[6:]) + 16*fifth - 16) * half(b)
		case gguf.Q8_0:
			dst[i] = float64(int8(b[2+j])) * half(b)
		default:
			return fmt.Errorf("is of type %s, which no conversion gives", t)
		}
	}
	return nil
}
