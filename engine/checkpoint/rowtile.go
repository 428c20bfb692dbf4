package checkpoint

import (
	"errors"
	"fmt"

	"ceiling/engine/checkpoint/safetensors"
)

// span is a range of a tensor's rows (outputs).
type span struct{ row, rows int64 }

// rowTile is a range of a packed tensor's rows, read from the checkpoint. Its
// buffers grow to the largest and are used again.
type rowTile struct {
	at    span
	codes []byte   // as read
	half  []uint16 // scales, [rows][groups]
	zeros []uint8  // zero points, [rows][groups]; nil where all are in the middle
	stats scaleStats

	zeroBuf []uint8  // what zeros lies in
	raw     []byte   // scales or zero points as read
	cols    []uint16 // scales, [groups][rows]
}

// sized returns a slice of n elements in *buf's memory, or in larger.
func sized[T any](buf *[]T, n int64) []T {
	if int64(cap(*buf)) < n {
		*buf = make([]T, n)
	}
	*buf = (*buf)[:n]
	return *buf
}

// load reads the codes, scales and, if wanted, zero points of rows.
func (b *rowTile) load(files *safetensors.Files, t *tensor, at span, wantZeros bool) error {
	b.at, b.zeros = at, nil
	if err := b.readScales(files, t, at); err != nil {
		return err
	}
	if wantZeros {
		if err := b.readZeros(files, t, at); err != nil {
			return err
		}
	}
	return b.readCodes(files, t, at)
}

// Reads of pieces that are nearer to each other than closePieces are done as
// one of up to wholeBytes: a system call costs as much as copying that much.
const (
	closePieces = 8 << 10
	wholeBytes  = 1 << 20
)

// readPieces reads lines pieces of n bytes, stride bytes apart, the first at
// offset off of the tensor.
func readPieces(files *safetensors.Files, t *safetensors.StoredTensor, dst []byte, lines, stride, off, n int64) error {
	if n == stride || lines == 1 {
		return files.ReadAt(t, dst[:lines*n], off)
	}
	if stride > closePieces {
		for i := range lines {
			if err := files.ReadAt(t, dst[i*n:(i+1)*n], off+i*stride); err != nil {
				return err
			}
		}
		return nil
	}
	buf := make([]byte, min(wholeBytes/stride, lines)*stride)
	for i := int64(0); i < lines; {
		k := min(int64(len(buf))/stride, lines-i)
		if err := files.ReadAt(t, buf[:(k-1)*stride+n], off+i*stride); err != nil {
			return err
		}
		for j := range k {
			copy(dst[(i+j)*n:(i+j+1)*n], buf[j*stride:])
		}
		i += k
	}
	return nil
}

// readScales reads the scales of rows as float16 and counts them in b.stats.
func (b *rowTile) readScales(files *safetensors.Files, t *tensor, at span) error {
	size, width := t.scales.DType.Size(), t.scales.Shape[1]
	half := sized(&b.half, at.rows*t.groups)
	if t.columns() {
		n := at.rows * t.groups
		raw := sized(&b.raw, n*size)
		if err := readPieces(files, t.scales, raw, t.groups, width*size, at.row*size, at.rows*size); err != nil {
			return err
		}
		cols := sized(&b.cols, n)
		b.stats.halves(t.scales.DType, raw, cols)
		transpose(half, cols, at.rows, t.groups)
		return nil
	}
	raw := sized(&b.raw, at.rows*width*size)
	if err := files.ReadAt(t.scales, raw, at.row*width*size); err != nil {
		return err
	}
	if width == t.groups {
		b.stats.halves(t.scales.DType, raw, half)
		return nil
	}
	for r := range at.rows { // without the padding of AWQ's GEMV version
		b.stats.halves(t.scales.DType, raw[r*width*size:], half[r*t.groups:(r+1)*t.groups])
	}
	return nil
}

// transpose writes src, [groups][rows], to dst, [rows][groups].
func transpose[T any](dst, src []T, rows, groups int64) {
	const block = 32 // of rows: a few cache lines at a time
	for r0 := int64(0); r0 < rows; r0 += block {
		r1 := min(r0+block, rows)
		for g := range groups {
			line := src[g*rows+r0 : g*rows+r1]
			for i, v := range line {
				dst[(r0+int64(i))*groups+g] = v
			}
		}
	}
}

// nibbleOf[j] is where in a word AutoAWQ puts output j of 8.
var nibbleOf = [8]int64{0, 4, 1, 5, 2, 6, 3, 7}

// zeroError says that stored zero points have no meaning that is certain.
type zeroError string

func (e zeroError) Error() string { return string(e) }

func isZeroError(err error) bool {
	var z zeroError
	return errors.As(err, &z)
}

// errCarry is the one stored zero point of GPTQ version 1 on which its readers
// disagree.
const errCarry = zeroError("has stored zero points of 15 (GPTQ version 1 stores z-1), which its readers understand differently: " +
	"if GPTQModel wrote the checkpoint, use ceiling convert --gptq-v1-carry")

// zeroWords says where the zero points of a span of rows lie in the words that
// are read for them: that of row o and group g at place (o%perRow or g%perGroup)
// of word o/perRow·rowStep + g/perGroup·groupStep, counted from the first row's.
type zeroWords struct {
	perRow, perGroup   int64 // one of them is 1
	rowStep, groupStep int64
	first              int64 // o/perRow of the first row
	words              int64 // to read
}

// zeroWords returns it for a span.
func (t *tensor) zeroWords(at span) zeroWords {
	per := t.per()
	first := at.row / per
	n := (at.row+at.rows+per-1)/per - first // words that hold the span's rows
	switch t.zero {
	case zeroRows:
		return zeroWords{perRow: per, perGroup: 1, rowStep: t.groups, groupStep: 1, first: first, words: n * t.groups}
	case zeroAlong:
		width := t.zeros.Shape[1]
		return zeroWords{perRow: 1, perGroup: per, rowStep: width, groupStep: 1, first: at.row, words: at.rows * width}
	}
	return zeroWords{perRow: per, perGroup: 1, rowStep: 1, groupStep: n, first: first, words: n * t.groups}
}

// readZeros reads the zero points of rows, where any are stored.
func (b *rowTile) readZeros(files *safetensors.Files, t *tensor, at span) error {
	switch t.zero {
	case zeroNone:
		b.zeros = nil
		return nil
	case zeroSigned:
		return b.signedZeros(files, t, at)
	}
	w := t.zeroWords(at)
	raw := sized(&b.raw, 4*w.words)
	var err error
	if t.zero == zeroRows || t.zero == zeroAlong {
		err = files.ReadAt(t.zeros, raw, 4*w.first*w.rowStep)
	} else {
		err = readPieces(files, t.zeros, raw, t.groups, 4*(t.role.out/t.per()), 4*w.first, 4*w.groupStep)
	}
	if err != nil {
		return err
	}
	b.zeros = sized(&b.zeroBuf, at.rows*t.groups)
	for r := range at.rows {
		o := at.row + r
		if err := t.rowZeros(b.zeros[r*t.groups:(r+1)*t.groups], raw[4*(o/w.perRow-w.first)*w.rowStep:], o, w); err != nil {
			return err
		}
	}
	return nil
}

// rowZeros unpacks the zero points of row o. raw begins at its first word.
func (t *tensor) rowZeros(dst []uint8, raw []byte, o int64, w zeroWords) error {
	bits, mask := int64(t.Bits), uint32(1)<<t.Bits-1
	place := o % w.perRow
	if t.zero == zeroAWQ {
		place = nibbleOf[place]
	}
	ones := ^uint32(0) / mask // 1 in every code of a word
	for g := range dst {
		i := int64(g)
		word := le.Uint32(raw[4*(i/w.perGroup)*w.groupStep:])
		shift := place * bits
		if w.perGroup > 1 {
			shift = i % w.perGroup * bits
		}
		if t.zeroBias == 0 {
			dst[g] = uint8(word >> shift & mask)
			continue
		}
		stored := word >> shift & mask
		switch {
		case t.carry:
			dst[g] = uint8((word + ones) >> shift & mask)
		case stored == mask:
			return errCarry
		default:
			dst[g] = uint8(stored + 1)
		}
	}
	return nil
}

// signedZeros reads zero points that are signed bytes, less the middle.
func (b *rowTile) signedZeros(files *safetensors.Files, t *tensor, at span) error {
	z := sized(&b.zeroBuf, at.rows*t.groups)
	if err := files.ReadAt(t.zeros, z, at.row*t.groups); err != nil {
		return err
	}
	middle := int(t.middle())
	for i, stored := range z {
		v := int(int8(stored)) + middle
		if v < 0 || v >= 2*middle {
			return zeroError(fmt.Sprintf("has the zero point %d, must be %d to %d", int8(stored), -middle, middle-1))
		}
		z[i] = uint8(v)
	}
	b.zeros = z
	return nil
}
