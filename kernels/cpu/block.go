package cpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"ceiling/kernels"
	"ceiling/kernels/cpu/internal/probe"
)

// The shape of a block kernel's data (internal/probe/block.h): rows of weights in
// the blocks of their storage type, then tokens of activations.
const (
	blockValues  = 32
	blockLength  = 1024 // values of a row
	manyTokens   = 16
	blockPadding = 64
)

// blockType is a storage type whose products are measured.
type blockType struct {
	storage string // "q4_0"
	rows    int    // whose products a kernel makes together
	// many says that there is a kernel for many tokens. Without one those products
	// are what cpu.fma and cpu.bf16 measure: nothing is unpacked.
	many bool
}

// The engine keeps rows of q4_0 side by side wherever it has AVX2. Those of other
// types it keeps as they lie in the file.
var blockTypes = []blockType{{"q4_0", 16, true}, {"q4_1", 4, true}, {"q8_0", 4, true}, {"f16", 4, false}, {"bf16", 4, false}}

// blockSet is a set of instructions that there are kernels for.
type blockSet struct {
	suffix   string // of the kernels' names
	set      string // for people
	features []string
}

// The sets, the fastest first. Not every type has a kernel for each.
var blockSets = []blockSet{
	{"avx512bf16", "AVX-512 BF16", []string{"AVX512", "AVX512_BF16"}},
	{"avx512vnni", "AVX-512 VNNI", []string{"AVX512", "AVX512_VNNI"}},
	{"avxvnni", "AVX-VNNI", []string{"AVX2", "FMA", "F16C", "AVX_VNNI"}},
	{"avx512", "AVX-512", []string{"AVX512"}},
	{"avx2", "AVX2", []string{"AVX2", "FMA", "F16C"}},
}

// kernel is the name of the kernel with a set.
func (t blockType) kernel(s blockSet, tokens int) string {
	count := "one"
	if tokens > 1 {
		count = "many"
	}
	return fmt.Sprintf("%s_%s_%s", t.storage, s.suffix, count)
}

// blocks measures the products of each storage type for one token, for which every
// block is unpacked, and for many.
func (r *run) blocks(ctx context.Context) error {
	for _, t := range blockTypes {
		for _, tokens := range []int{1, manyTokens} {
			if tokens > 1 && !t.many {
				continue
			}
			if err := r.block(ctx, t, tokens); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) block(ctx context.Context, t blockType, tokens int) error {
	m := kernels.Measurement{Probe: Block + "." + t.storage, Tokens: tokens, Unit: kernels.OpsPerSecond}
	i := slices.IndexFunc(blockSets, func(s blockSet) bool { return has(r.Features, s.features) && probe.Has(t.kernel(s, tokens)) })
	if i < 0 {
		r.out = append(r.out, noInstructions(m))
		return nil
	}
	m.Variant = fmt.Sprintf("%s, %d tokens", blockSets[i].set, tokens)
	if tokens == 1 {
		m.Variant = blockSets[i].set + ", 1 token"
	}
	data, sum := t.operands(tokens, rand.New(rand.NewPCG(1, 2)))
	ops := float64(2 * t.rows * tokens * blockLength)
	return r.compute(ctx, m, t.kernel(blockSets[i], tokens), data, sum, ops)
}

// operands are a kernel's data, and the sum of all products after so many rounds.
// Scales and values are small and whole, so that every sum is exact.
func (t blockType) operands(tokens int, r *rand.Rand) (data []byte, sum func(rounds uint64) uint64) {
	activations := "q8_0"
	if !t.many {
		activations = t.storage
	}
	// The sum over rows and tokens is that over positions of what each has of all.
	var weights, values [blockLength]int64
	for range t.rows {
		data = appendRow(data, t.storage, math.MaxInt8, &weights, r)
	}
	for range tokens {
		// A sum of 32 times its scale has its place in 16 bits, as q8_1 keeps it.
		data = appendRow(data, activations, 63, &values, r)
	}
	var all int64
	for i := range weights {
		all += weights[i] * values[i]
	}
	return append(data, make([]byte, blockPadding)...), func(rounds uint64) uint64 { return uint64(int64(rounds) * all) }
}

// appendRow appends a row of random blocks, and adds its values to those of
// others. Bytes are no larger than most.
func appendRow(data []byte, storage string, most int64, add *[blockLength]int64, r *rand.Rand) []byte {
	for at := 0; at < blockLength; at += blockValues {
		values := add[at : at+blockValues]
		scale, least := 1+r.Int64N(2), int64(0)
		switch storage {
		case "f16", "bf16":
			for i := range values {
				v := r.Int64N(17) - 8
				values[i] += v
				data = binary.LittleEndian.AppendUint16(data, float16(storage, v))
			}
			continue
		case "q4_0":
			least = -8 * scale
		case "q4_1":
			least = r.Int64N(17) - 8
		}
		data = binary.LittleEndian.AppendUint16(data, float16("f16", scale))
		if storage == "q4_1" {
			data = binary.LittleEndian.AppendUint16(data, float16("f16", least))
		}
		if storage == "q8_0" {
			for i := range values {
				v := r.Int64N(2*most+1) - most
				values[i] += scale * v
				data = append(data, byte(v))
			}
			continue
		}
		for i := range blockValues / 2 {
			low, high := r.Int64N(16), r.Int64N(16)
			values[i] += scale*low + least
			values[blockValues/2+i] += scale*high + least
			data = append(data, byte(low|high<<4))
		}
	}
	return data
}

// float16 are the 16 bits of a small whole number.
func float16(storage string, v int64) uint16 {
	bits := math.Float32bits(float32(v))
	switch {
	case storage == "bf16":
		return uint16(bits >> 16)
	case v == 0:
		return 0
	}
	return uint16(bits>>16&0x8000) | uint16((bits&0x7fffffff-112<<23)>>13)
}
