package checkpoint

import "testing"

// BenchmarkGatherNibbles transposes a stripe of AutoAWQ's words in a matrix of
// 5120 columns and 4096 rows.
func BenchmarkGatherNibbles(b *testing.B) {
	const in, rows = 5120, 4096
	src, dst := make([]byte, in*rows/2), make([]byte, stripeRows*in/2)
	b.SetBytes(int64(len(dst)))
	for i := range b.N {
		gatherNibbles(dst, src, in/2, rows/2, int64(i)%(rows/stripeRows)*stripeRows/2, stripeRows/8)
	}
}

// BenchmarkGatherWords is the same for GPTQ.
func BenchmarkGatherWords(b *testing.B) {
	const in, rows = 5120, 4096
	src, dst := make([]byte, in*rows/2), make([]byte, stripeRows*in/2)
	b.SetBytes(int64(len(dst)))
	for i := range b.N {
		gatherWords(dst, src, in/2, rows*4, int64(i)%(rows/stripeRows)*stripeRows*4, stripeRows)
	}
}

// BenchmarkEncode repacks rows of 5120 codes, counted in bytes of codes.
func BenchmarkEncode(b *testing.B) {
	const in, group = 5120, 32
	codes, half, zeros, dst := make([]byte, in), make([]uint16, in/group), make([]uint8, in/group), make([]byte, in/32*34)
	for kind, encode := range encoders {
		b.Run(kind.String(), func(b *testing.B) {
			b.SetBytes(in / 2)
			for range b.N {
				encode(dst, codes, half, zeros, group/blockSize)
			}
		})
	}
}
