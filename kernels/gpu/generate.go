package gpu

import "math/bits"

// What the kernels fill memory with, for checks. The functions are those of the
// same names in src.

func mix(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}

const (
	tileBits = 18 // words after which the random bits repeat
	tileStep = 0x9e3779b1
)

func word(i uint64) uint32 { return mix(uint32(i)&(1<<tileBits-1)) + uint32(i>>tileBits)*tileStep }

// sumWords is the sum of the first n words.
func sumWords(n uint64) uint32 {
	tiles := n >> tileBits
	var tile, rest uint32
	for i := range uint64(min(n, 1<<tileBits)) {
		tile += word(i)
	}
	if tiles == 0 {
		return tile
	}
	for i := tiles << tileBits; i < n; i++ {
		rest += word(i)
	}
	// Tile k has k steps more in each of its words.
	high, low := bits.Mul64(tiles, tiles-1)
	_ = high // all is modulo 2^32, and tiles are fewer than 2^32
	return uint32(tiles)*tile + uint32(low/2)*tileStep<<tileBits + rest
}

// odd is a small odd integer of random bits.
func odd(r uint32) int { return int(r&62) + 1 - int(r>>6&1)*64 }
