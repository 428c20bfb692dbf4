package cpu

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// arith is an arithmetic kernel, and what its result follows from.
//
// Its operands are nA vectors A, nB vectors B and the first values of its chains,
// in this order, each of lanes accumulators of 4 bytes. In every round chain k
// becomes
//
//	C[k] += Σ over the group of A[k mod nA] · B[k mod nB]
//
// lane by lane: a group is as many values as lie in the 4 bytes.
type arith struct {
	kernel string
	set    string // of instructions, for people
	// Features are the engine's names of what it needs; it is taken where the
	// engine's CPU back end has them all.
	features []string
	values   kind
	lanes    int
	nA, nB   int
	chains   int
	// perClock are the operations of a core with two units of its width, which
	// every core with AVX2 has; 0: cores differ.
	perClock float64
}

type kind int

const (
	floats kind = iota // of 32 bits
	bfloats
	bytes
	tiles // of bytes, see tileSum
)

// The kernels of a probe, the fastest first. The first is taken whose features
// the engine's CPU back end has: what it does not use is not its ceiling.
var (
	fma = []arith{
		{kernel: "fma_avx512", set: "AVX-512", features: []string{"AVX512"}, values: floats, lanes: 16, nA: 1, nB: 3, chains: 12},
		{kernel: "fma_avx2", set: "AVX2 with FMA", features: []string{"AVX2", "FMA"}, values: floats, lanes: 8, nA: 1, nB: 3, chains: 12, perClock: 32},
	}
	bf16 = []arith{
		{kernel: "bf16_avx512", set: "AVX-512 BF16", features: []string{"AVX512_BF16"}, values: bfloats, lanes: 16, nA: 1, nB: 3, chains: 12},
	}
	dot = []arith{
		{kernel: "dot_amx", set: "AMX", features: []string{"AMX_INT8"}, values: tiles},
		{kernel: "dot_avx512vnni", set: "AVX-512 VNNI", features: []string{"AVX512_VNNI"}, values: bytes, lanes: 16, nA: 1, nB: 3, chains: 12},
		{kernel: "dot_avxvnni", set: "AVX-VNNI", features: []string{"AVX_VNNI"}, values: bytes, lanes: 8, nA: 1, nB: 3, chains: 12},
		{kernel: "dot_avx512", set: "AVX-512", features: []string{"AVX512"}, values: bytes, lanes: 16, nA: 2, nB: 3, chains: 6},
		{kernel: "dot_avx2", set: "AVX2", features: []string{"AVX2"}, values: bytes, lanes: 8, nA: 2, nB: 3, chains: 6, perClock: 64},
	}
)

// best is the first whose features are all there; nil: none.
func best(list []arith, features []string) *arith {
	for i := range list {
		if has(features, list[i].features) {
			return &list[i]
		}
	}
	return nil
}

// has tells whether all that is needed is there.
func has(features, needed []string) bool {
	return !slices.ContainsFunc(needed, func(f string) bool { return !slices.Contains(features, f) })
}

const (
	tileRows  = 16
	tileBytes = 16 * 64
)

// group is how many values lie in a lane.
func (a *arith) group() int { return map[kind]int{floats: 1, bfloats: 2, bytes: 4, tiles: 4}[a.values] }

// ops are the operations of one round.
func (a *arith) ops() float64 {
	if a.values == tiles {
		return 4 * 2 * tileRows * tileBytes
	}
	return float64(2 * a.chains * a.lanes * a.group())
}

// operands are random: equal ones draw less power. The values are small and
// whole, so that every sum is exact.
func (a *arith) operands(r *rand.Rand) (data []byte, sum func(rounds uint64) uint64) {
	if a.values == tiles {
		return tileOperands(r)
	}
	n := (a.nA + a.nB) * a.lanes * a.group()
	values := make([]int64, n)
	for i := range values {
		values[i] = a.value(r, i < a.nA*a.lanes*a.group())
		data = a.put(data, values[i])
	}
	var first, step int64
	for range a.chains * a.lanes {
		v := 1 + r.Int64N(4)
		first += v
		data = a.first(data, v)
	}
	vector := func(i, lane, k int) int64 { return values[(i*a.lanes+lane)*a.group()+k] }
	for c := range a.chains {
		for lane := range a.lanes {
			for k := range a.group() {
				step += vector(c%a.nA, lane, k) * vector(a.nA+c%a.nB, lane, k)
			}
		}
	}
	if a.values == bytes {
		return data, func(rounds uint64) uint64 { return uint64(uint32(first) + uint32(rounds)*uint32(step)) }
	}
	return data, func(rounds uint64) uint64 { return floatSum(rounds, first, step) }
}

// floatBlock are the rounds after which float chains begin anew.
const floatBlock = 1 << 19

func floatSum(rounds uint64, first, step int64) uint64 {
	blocks := (rounds + floatBlock - 1) / floatBlock
	return uint64(int64(blocks)*first + int64(rounds)*step)
}

// value is 1 to 4 of floats, of which a chain's sum stays below 2²⁴, and of bytes
// one without a sign (A) or with one (B), as AMX and VNNI take them.
func (a *arith) value(r *rand.Rand, isA bool) int64 {
	switch {
	case a.values == bytes && isA:
		return r.Int64N(128)
	case a.values == bytes:
		return r.Int64N(255) - 127
	case a.values == bfloats:
		return 1 + r.Int64N(2)
	}
	return 1 + r.Int64N(4)
}

// put appends an operand, first a chain's first value.
func (a *arith) put(data []byte, v int64) []byte {
	switch a.values {
	case floats:
		return binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v)))
	case bfloats:
		return binary.LittleEndian.AppendUint16(data, uint16(math.Float32bits(float32(v))>>16))
	}
	return append(data, byte(v))
}

func (a *arith) first(data []byte, v int64) []byte {
	if a.values == bytes {
		return binary.LittleEndian.AppendUint32(data, uint32(v))
	}
	return binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(v)))
}

// tileOperands are two tiles A of 16 × 64 bytes, two B whose byte 4n+i of row r
// belongs to column n and to k = 4r+i, and four of zeros. Four products are
// added up: A0·B0 and A1·B1, twice each.
func tileOperands(r *rand.Rand) (data []byte, sum func(rounds uint64) uint64) {
	data = make([]byte, 8*tileBytes)
	for i := range 4 * tileBytes {
		if data[i] = byte(r.IntN(128)); i >= 2*tileBytes {
			data[i] = byte(r.IntN(255) - 127)
		}
	}
	var step int64
	for p := range 2 {
		a, b := data[p*tileBytes:], data[(2+p)*tileBytes:]
		for k := range 64 {
			var columns, rows int64
			for m := range tileRows {
				columns += int64(a[m*64+k])
				rows += int64(int8(b[k/4*64+4*m+k%4]))
			}
			step += 2 * columns * rows
		}
	}
	return data, func(rounds uint64) uint64 { return uint64(uint32(rounds) * uint32(step)) }
}

// peakAtClock is what so many cores could do at a clock, nil where that is not
// known of the instruction set.
func (a *arith) peakAtClock(cores int, hz *float64) *float64 {
	if a.perClock == 0 || hz == nil {
		return nil
	}
	v := float64(cores) * a.perClock * *hz
	return &v
}
