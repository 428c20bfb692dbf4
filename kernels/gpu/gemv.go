package gpu

import (
	"encoding/binary"
	"fmt"
	"math"

	"ceiling/hip/launch"
	"ceiling/kernels"
)

// quant is how weights are stored, as in GGUF files.
type quant struct {
	name   string // of the probe
	kernel string
	block  int                           // bytes of 32 weights
	scales int                           // 2-byte floats at a block's start; -1: all is floats
	rows   int                           // that a wave works on at once
	value  func(b []byte, i int) float64 // of weight i of a block
}

var quants = []quant{
	{"q4_0", "q4_0", 18, 1, 4, func(b []byte, i int) float64 { return halfAt(b, 0) * float64(nibble(b[2:], i)-8) }},
	{"q4_1", "q4_1", 20, 2, 4, func(b []byte, i int) float64 { return halfAt(b, 0)*float64(nibble(b[4:], i)) + halfAt(b, 2) }},
	{"q8_0", "q8_0", 34, 1, 4, func(b []byte, i int) float64 { return halfAt(b, 0) * float64(int8(b[2+i])) }},
	{"f16", "f16s", 64, -1, 2, func(b []byte, i int) float64 { return halfAt(b, 2*i) }},
}

func halfAt(b []byte, at int) float64 { return halfValue(binary.LittleEndian.Uint16(b[at:])) }

// nibble: the first 16 weights are the low halves of 16 bytes.
func nibble(b []byte, i int) int { return int(b[i%16]>>(i/16*4)) & 15 }

// halfValue is a normal number of 16 bits.
func halfValue(bits uint16) float64 {
	x := math.Ldexp(float64(1024+bits&1023), int(bits>>10&31)-25)
	if bits&0x8000 != 0 {
		return -x
	}
	return x
}

func gemvProbes() []probe {
	var out []probe
	for _, q := range quants {
		out = append(out, probe{name: "hbm.gemv." + q.name, files: []string{"gemv"}, on: q.works})
	}
	return out
}

// rotated is how many bytes of weights are gone through before the first come
// again: far more than any cache holds.
const rotated = 768 << 20

// works are the two shapes of a 24B model's large matrices, as often as it takes
// to fill rotated.
func (q quant) works(c *card, sc scale) ([]*work, error) {
	var out []*work
	for _, shape := range []struct{ columns, rows int }{{5120, 32768}, {32768, 5120}} {
		rows := shape.rows
		if sc.standin {
			rows = 16
		} else {
			each := shape.rows * shape.columns / 32 * q.block
			rows *= (rotated + each - 1) / each
		}
		w, err := q.work(c, sc, shape.columns/32, rows)
		if err != nil {
			return nil, err
		}
		w.variant = fmt.Sprintf("%d × %d", shape.columns, shape.rows)
		out = append(out, w)
	}
	return out, nil
}

const vectorBlock = 40 // bytes of 32 elements of the vector

func (q quant) work(c *card, sc scale, blocks, rows int) (*work, error) {
	k := c.kernel("gemv_" + q.kernel)
	g := launch.Grid{Groups: sc.pick(c.CUs*k.needs.Waves(256), 2), Threads: 256}
	fill := launch.Grid{Groups: c.checkGroups(rows * blocks * q.block), Threads: 256}
	weights, err := c.Alloc(rows*blocks*q.block, launch.Cached)
	if err != nil {
		return nil, err
	}
	if err := c.do("fill_"+q.kernel, fill, weights, uint64(rows*blocks)); err != nil {
		return nil, err
	}
	x, err := c.Alloc(blocks*vectorBlock, launch.Cached)
	if err != nil {
		return nil, err
	}
	if err := c.do("fill_q8", launch.Grid{Groups: 1, Threads: 256}, x, uint32(blocks)); err != nil {
		return nil, err
	}
	y, err := c.Alloc(4*rows, launch.Cached)
	if err != nil {
		return nil, err
	}
	w := work{unit: kernels.BytesPerSecond, bytes: int64(weights.Bytes), amount: float64(weights.Bytes), limit: limit{fixed: hbmPeak}}
	w.reset = func() error { return y.Set(0xff) } // NaN
	w.check = func(rounds int) error { return q.check(y, blocks, rounds) }
	return c.timed(w, "gemv_"+q.kernel, g, func(rounds int) []any {
		return []any{weights, x, y, uint32(blocks), uint32(rows), uint32(rounds)}
	}), nil
}

// gemvChecked is how many rows are computed again here; all others have to be
// numbers.
const gemvChecked = 64

func (q quant) check(y launch.Buffer, blocks, rounds int) error {
	values, err := words32(y)
	if err != nil {
		return err
	}
	step := max(1, len(values)/gemvChecked)
	for row, bits := range values {
		got := float64(math.Float32frombits(bits)) - float64(rounds-1)
		if math.IsNaN(got) {
			return fmt.Errorf("row %d of the product was not written", row)
		}
		if row%step != 0 && row != len(values)-1 {
			continue
		}
		want, size := q.row(row, blocks)
		if math.Abs(got-want) > 1e-5*size+1e-6*float64(rounds) {
			return fmt.Errorf("row %d of the product is %v, it should be %v", row, got, want)
		}
	}
	return nil
}

// row is the product's element, and the sum of its terms' sizes.
func (q quant) row(row, blocks int) (want, size float64) {
	b := make([]byte, q.block)
	for k := range blocks {
		at := uint64(row)*uint64(blocks) + uint64(k)
		q.fill(b, at)
		for i := range 32 {
			x := float64(int8(mix(uint32(0x40000000+k*8+i/4))>>(i%4*8))) / 64
			term := q.value(b, i) * x
			want += term
			size += math.Abs(term)
		}
	}
	return want, size
}

// fill makes the block with a number.
func (q quant) fill(b []byte, number uint64) {
	for i := range q.block / 2 {
		r := mix(uint32(number*32) + uint32(i))
		if q.scales < 0 || i < q.scales {
			r = r&0x83ff | (8+r>>10&3)<<10
		}
		binary.LittleEndian.PutUint16(b[2*i:], uint16(r))
	}
}
