package checkpoint

import "ceiling/engine/gguf"

// lanes repeats a byte in all of a word's.
const lanes = 0x0101010101010101

// spread puts the 8 nibbles of a word into 8 bytes, the lowest first.
func spread(w uint32) uint64 {
	x := uint64(w)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	return (x | x<<4) & 0x0f0f0f0f0f0f0f0f
}

// rowEncoder writes one row of blocks. codes are the row's codes in order,
// half and zeros have one entry per group (zeros is nil where all zero points
// are in the middle), and each group is blocks blocks long. It returns false
// where a code does not fit the type.
type rowEncoder func(dst, codes []byte, half []uint16, zeros []uint8, blocks int) bool

// encoders lists the types that packed matrices become.
var encoders = map[gguf.Type]rowEncoder{
	gguf.Q4_0: encodeQ4_0,
	gguf.Q4_1: encodeQ4_1,
	gguf.Q5_0: encodeQ5_0,
	gguf.Q8_0: encodeQ8_0,
}

// encodeQ4_0 stores n = u - z + 8. The bytes of 8 codes are one number: the sum
// of all is right where each is, and otherwise the lowest wrong one shows in
// its upper half.
func encodeQ4_0(dst, codes []byte, half []uint16, zeros []uint8, blocks int) bool {
	var add, wrong uint64
	for g, d := range half {
		if zeros != nil {
			add = lanes*8 - lanes*uint64(zeros[g])
		}
		for range blocks {
			block, src := dst[:18], codes[:16]
			a, b := spread(le.Uint32(src))+add, spread(le.Uint32(src[4:]))+add
			c, e := spread(le.Uint32(src[8:]))+add, spread(le.Uint32(src[12:]))+add
			wrong |= a | b | c | e
			le.PutUint16(block, d)
			le.PutUint64(block[2:], a|c<<4)
			le.PutUint64(block[10:], b|e<<4)
			dst, codes = dst[18:], codes[16:]
		}
	}
	return wrong&(lanes*0xf0) == 0
}

// encodeQ4_1 stores n = u and the minimum -z·d.
func encodeQ4_1(dst, codes []byte, half []uint16, zeros []uint8, blocks int) bool {
	ok := true
	for g, d := range half {
		z := uint8(8)
		if zeros != nil {
			z = zeros[g]
		}
		m, exact := minimum(d, z)
		ok = ok && exact
		for range blocks {
			block, src := dst[:20], codes[:16]
			le.PutUint16(block, d)
			le.PutUint16(block[2:], m)
			le.PutUint64(block[4:], spread(le.Uint32(src))|spread(le.Uint32(src[8:]))<<4)
			le.PutUint64(block[12:], spread(le.Uint32(src[4:]))|spread(le.Uint32(src[12:]))<<4)
			dst, codes = dst[20:], codes[16:]
		}
	}
	return ok
}

// encodeQ5_0 stores n = u - z + 16, 1 to 31, the fifth bits apart.
func encodeQ5_0(dst, codes []byte, half []uint16, zeros []uint8, blocks int) bool {
	add := uint64(lanes * 8)
	for g, d := range half {
		if zeros != nil {
			add = lanes*16 - lanes*uint64(zeros[g])
		}
		for range blocks {
			block, src := dst[:22], codes[:16]
			a, b := spread(le.Uint32(src))+add, spread(le.Uint32(src[4:]))+add
			c, e := spread(le.Uint32(src[8:]))+add, spread(le.Uint32(src[12:]))+add
			le.PutUint16(block, d)
			le.PutUint32(block[2:], fifths(a)|fifths(b)<<8|fifths(c)<<16|fifths(e)<<24)
			le.PutUint64(block[6:], a&(lanes*15)|c&(lanes*15)<<4)
			le.PutUint64(block[14:], b&(lanes*15)|e&(lanes*15)<<4)
			dst, codes = dst[22:], codes[16:]
		}
	}
	return true
}

// fifths collects bit 4 of every byte; the product moves that of byte j to bit
// 56+j.
func fifths(x uint64) uint32 {
	return uint32((x >> 4 & lanes) * 0x0102040810204080 >> 56)
}

// encodeQ8_0 stores n = u - 128 as a signed byte: the same bits but the
// highest.
func encodeQ8_0(dst, codes []byte, half []uint16, zeros []uint8, blocks int) bool {
	for _, d := range half {
		for range blocks {
			le.PutUint16(dst, d)
			for i := 0; i < 32; i += 8 {
				le.PutUint64(dst[2+i:], le.Uint64(codes[i:])^lanes*0x80)
			}
			dst, codes = dst[34:], codes[32:]
		}
	}
	for _, z := range zeros {
		if z != 128 {
			return false
		}
	}
	return true
}
