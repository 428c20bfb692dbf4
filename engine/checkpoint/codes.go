package checkpoint

import "ceiling/engine/checkpoint/safetensors"

// readCodes reads the codes of rows as the checkpoint packs them: of a matrix
// that is stored by columns, [lines][rows] with as many lines as its words have
// rows.
func (b *rowTile) readCodes(files *safetensors.Files, t *tensor, at span) error {
	in, out := t.role.in, t.role.out
	switch t.layout {
	case colWords:
		lines := in / t.per()
		return readPieces(files, t.codes, sized(&b.codes, lines*at.rows*4), lines, 4*out, 4*at.row, 4*at.rows)
	case colNibbles:
		return readPieces(files, t.codes, sized(&b.codes, in*at.rows/2), in, out/2, at.row/2, at.rows/2)
	}
	row := in * int64(t.Bits) / 8
	return files.ReadAt(t.codes, sized(&b.codes, at.rows*row), at.row*row)
}

// stripeRows is how many rows of a matrix that is stored by columns are put
// together at a time: as many as fill whole cache lines of words.
const stripeRows = 128

// codeRows returns the codes of rows [first, first+n) of the row tile as words of
// consecutive codes, row by row. They may lie in buf.
func (b *rowTile) codeRows(t *tensor, first, n int64, buf *[]byte) []byte {
	row := t.role.in * int64(t.Bits) / 8
	if t.layout == rowWords {
		return b.codes[first*row : (first+n)*row]
	}
	dst := sized(buf, n*row)
	if t.layout == colWords {
		gatherWords(dst, b.codes, row, 4*b.at.rows, 4*first, n)
	} else {
		gatherNibbles(dst, b.codes, row, b.at.rows/2, first/2, n/8)
	}
	return dst
}

// gatherWords transposes n columns of 32-bit words of src, whose lines have
// stride bytes and which begin at byte offset from of a line, into rows of row
// bytes.
func gatherWords(dst, src []byte, row, stride, from, n int64) {
	const block = 64 // bytes of a row at a time: a cache line
	for at := int64(0); at < row; at += block {
		end := min(at+block, row)
		for o := range n {
			in := at/4*stride + from + 4*o
			for i := o*row + at; i < o*row+end; i += 4 {
				le.PutUint32(dst[i:], le.Uint32(src[in:]))
				in += stride
			}
		}
	}
}

// outputOf[k] is the output of 8 that AutoAWQ puts in nibble k of a word.
var outputOf = [8]int64{0, 2, 4, 6, 1, 3, 5, 7}

// gatherNibbles turns n columns of words, each of 8 outputs of one input, into
// 8·n rows of words of 8 inputs of one output. Offsets are as in gatherWords.
func gatherNibbles(dst, src []byte, row, stride, from, n int64) {
	const block = 64
	for at := int64(0); at < row; at += block {
		end := min(at+block, row)
		in := 2*at*stride + from // a byte of a row is two lines
		c := int64(0)
		for ; c+2 <= n; c += 2 {
			gatherPair(dst[8*c*row:], src[in+4*c:], row, stride, at, end)
		}
		if c < n {
			gatherSingle(dst[8*c*row:], src[in+4*c:], row, stride, at, end)
		}
	}
}

// gatherPair turns two columns of words into bytes at to end of 16 rows. src
// begins at the first word.
func gatherPair(dst, src []byte, row, stride, at, end int64) {
	var w [8]uint64
	in := int64(0)
	for ; at < end; at += 4 {
		for k := range w {
			w[k] = le.Uint64(src[in:])
			in += stride
		}
		transposeNibbles(&w)
		for k, v := range w {
			o := outputOf[k] * row
			le.PutUint32(dst[o+at:], uint32(v))
			le.PutUint32(dst[o+8*row+at:], uint32(v>>32))
		}
	}
}

// gatherSingle is gatherPair for one column.
func gatherSingle(dst, src []byte, row, stride, at, end int64) {
	var w [8]uint64
	in := int64(0)
	for ; at < end; at += 4 {
		for k := range w {
			w[k] = uint64(le.Uint32(src[in:]))
			in += stride
		}
		transposeNibbles(&w)
		for k, v := range w {
			le.PutUint32(dst[outputOf[k]*row+at:], uint32(v))
		}
	}
}

// transposeNibbles makes nibble j of word i nibble i of word j, for the words
// in both halves of the elements.
func transposeNibbles(w *[8]uint64) {
	swap := func(a, b *uint64, shift int, mask uint64) {
		t := (*a>>shift ^ *b) & mask
		*b ^= t
		*a ^= t << shift
	}
	const m16, m8, m4 = 0x0000ffff0000ffff, 0x00ff00ff00ff00ff, 0x0f0f0f0f0f0f0f0f
	a, b, c, d, e, f, g, h := w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
	swap(&a, &e, 16, m16)
	swap(&b, &f, 16, m16)
	swap(&c, &g, 16, m16)
	swap(&d, &h, 16, m16)
	swap(&a, &c, 8, m8)
	swap(&b, &d, 8, m8)
	swap(&e, &g, 8, m8)
	swap(&f, &h, 8, m8)
	swap(&a, &b, 4, m4)
	swap(&c, &d, 4, m4)
	swap(&e, &f, 4, m4)
	swap(&g, &h, 4, m4)
	*w = [8]uint64{a, b, c, d, e, f, g, h}
}
