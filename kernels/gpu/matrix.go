package gpu

import (
	"fmt"
	"math"
	"time"

	"ceiling/hip/launch"
	"ceiling/internal/figure"
	"ceiling/kernels"
)

// form is a matrix instruction of gfx908.
type form struct {
	kind  string  // of the probe's name
	name  string  // of the kernels
	text  string  // the instruction
	rows  int     // and columns
	k     int     // the inner dimension
	each  int     // elements of an operand in a lane
	rate  float64 // operations of a cycle and compute unit
	whole bool    // integers
}

// forms are those of "AMD Instinct MI100 CDNA1 ISA", with the rates of AMD's
// rocprof-compute.
var forms = []form{
	{"f16", "f16_32", "v_mfma_f32_32x32x8f16", 32, 8, 4, 1024, false},
	{"f16", "f16_16", "v_mfma_f32_16x16x16f16", 16, 16, 4, 1024, false},
	{"bf16", "bf16_32", "v_mfma_f32_32x32x4bf16", 32, 4, 2, 512, false},
	{"bf16", "bf16_16", "v_mfma_f32_16x16x8bf16", 16, 8, 2, 512, false},
	{"i8", "i8_32", "v_mfma_i32_32x32x8i8", 32, 8, 4, 1024, true},
	{"i8", "i8_16", "v_mfma_i32_16x16x16i8", 16, 16, 4, 1024, true},
	{"f32", "f32_32", "v_mfma_f32_32x32x2f32", 32, 2, 1, 256, false},
	{"f32", "f32_16", "v_mfma_f32_16x16x4f32", 16, 4, 1, 256, false},
}

// operations of one instruction.
func (f form) operations() float64 { return 2 * float64(f.rows*f.rows*f.k) }

// registers of an accumulator.
func (f form) registers() int { return f.rows * f.rows / 64 }

func matrixProbes() []probe {
	var out []probe
	for _, kind := range []string{"f16", "bf16", "i8", "f32"} {
		out = append(out, probe{name: "mfma." + kind, files: []string{"matrix"}, on: func(c *card, sc scale) ([]*work, error) {
			return matrixWorks(c, sc, kind)
		}})
	}
	return out
}

// exactPairs is how many pairs of instructions leave sums that floats hold
// exactly: the sums are below 64 times the pairs.
const exactPairs = 1 << 24 / 64

// sustained is how long a sample is in which the card's power decides.
const sustained = time.Second

// matrixWorks are all forms of a type; those with 4 accumulators and one wave a
// SIMD also with zeros, and for a second.
func matrixWorks(c *card, sc scale, kind string) ([]*work, error) {
	var out []*work
	for _, f := range forms {
		if f.kind != kind {
			continue
		}
		for _, chains := range []int{1, 2, 4} {
			for _, waves := range []int{1, 2} {
				plain := chains == 4 && waves == 1
				if sc.quick && !plain {
					continue
				}
				for _, m := range masks {
					if m.mask == 0 && !plain {
						continue
					}
					w, err := f.work(c, sc, chains, waves, m.mask)
					if err != nil {
						return nil, err
					}
					w.variant = fmt.Sprintf("%s, %s, %s a SIMD, %s", f.text, figure.Count(chains, "accumulator"), figure.Count(waves, "wave"), m.name)
					out = append(out, w)
					if plain && m.mask != 0 && !sc.standin && !sc.quick {
						long := *w
						long.least, long.variant = sustained, w.variant+", 1 s"
						out = append(out, &long)
					}
				}
			}
		}
	}
	return out, nil
}

func (f form) work(c *card, sc scale, chains, waves int, keep uint32) (*work, error) {
	g := launch.Grid{Groups: sc.pick(c.CUs*waves, waves), Threads: 256}
	out, err := c.Alloc(g.Groups*g.Threads*f.registers()*4, launch.Cached)
	if err != nil {
		return nil, err
	}
	all := g.Groups * g.Threads / 64
	w := work{unit: kernels.OpsPerSecond, amount: float64(all*2*chains) * f.operations(), most: exactPairs / chains,
		limit: limit{perClock: f.rate * float64(c.CUs), nominal: c.ClockHz}}
	w.reset = func() error { return out.Set(0x5a) }
	w.check = func(rounds int) error { return f.check(out, all, rounds*chains, keep) }
	return c.timed(w, fmt.Sprintf("mfma_%s_%d", f.name, chains), g, func(rounds int) []any {
		return []any{out, uint32(rounds), keep}
	}), nil
}

// check compares the accumulators of all waves with pairs times E B: the first row
// of B, its sign turned in even rows.
func (f form) check(out launch.Buffer, waves, pairs int, keep uint32) error {
	values, err := words32(out)
	if err != nil {
		return err
	}
	regs := f.registers()
	for w := range waves {
		for lane := range 64 {
			column := lane % f.rows
			// Row 0 of B is the first element of the lanes below rows.
			b := odd(mix(uint32(w*1024+column*16+8))) & int(int32(keep))
			for r := range regs {
				row := f.row(lane, r)
				want := pairs * b
				if row%2 == 0 {
					want = -want
				}
				got := f.number(values[(w*64+lane)*regs+r])
				if got != float64(want) {
					return fmt.Errorf("wave %d: row %d, column %d of the product is %v, it should be %d", w, row, column, got, want)
				}
			}
		}
	}
	return nil
}

// row is the row of the product that a lane's register holds: blocks of four rows,
// which go round the groups of lanes.
func (f form) row(lane, register int) int {
	groups := 64 / f.rows
	return register/4*4*groups + lane/f.rows*4 + register%4
}

func (f form) number(bits uint32) float64 {
	if f.whole {
		return float64(int32(bits))
	}
	return float64(math.Float32frombits(bits))
}
