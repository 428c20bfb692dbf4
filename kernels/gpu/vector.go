package gpu

import (
	"fmt"
	"math"

	"ceiling/hip/launch"
	"ceiling/internal/figure"
	"ceiling/kernels"
)

const (
	chains    = 8
	stepsEach = 4 // of a chain in a round
)

// unit is an instruction of the vector units.
type unit struct {
	name string
	rate float64 // operations of a cycle and compute unit
	most int     // rounds after which the check's arithmetic is not exact any more; 0: never
	// last is what a chain of a thread ends with.
	last func(seeds [3]uint32, rounds int) uint32
	// lanes that are checked: where the chain has to be followed step by step,
	// only a few.
	few bool
}

// units have the rates of AMD's rocprof-compute for gfx908.
var units = []unit{
	{"f32", 128, 0, chaosF32, true},
	{"pk_f16", 256, 0, chaosF16, true},
	{"dot2", 256, exactPairs / 2, dot2Sum, false},
	{"dot4", 512, 0, dot4Sum, false},
	{"dot8", 1024, 0, dot8Sum, false},
}

func vectorProbes() []probe {
	var out []probe
	for _, u := range units {
		out = append(out, probe{name: "valu." + u.name, files: []string{"vector"}, on: u.works})
	}
	return out
}

func (u unit) works(c *card, sc scale) ([]*work, error) {
	var out []*work
	for _, waves := range []int{1, 2, 4} {
		if waves != 2 && (sc.quick || sc.standin) {
			continue
		}
		for _, m := range masks {
			if m.mask == 0 && waves != 2 {
				continue
			}
			w, err := u.work(c, sc, waves, m.mask)
			if err != nil {
				return nil, err
			}
			w.variant = fmt.Sprintf("%d chains, %s a SIMD, %s", chains, figure.Count(waves, "wave"), m.name)
			out = append(out, w)
		}
	}
	return out, nil
}

func (u unit) work(c *card, sc scale, waves int, keep uint32) (*work, error) {
	g := launch.Grid{Groups: sc.pick(c.CUs*waves, 1), Threads: 256}
	threads := g.Groups * g.Threads
	out, err := c.Alloc(4*chains*threads, launch.Cached)
	if err != nil {
		return nil, err
	}
	// A SIMD takes four cycles for a wave; four SIMDs a compute unit.
	w := work{unit: kernels.OpsPerSecond, amount: float64(threads*chains*stepsEach) * u.rate / 64, most: u.most,
		limit: limit{perClock: u.rate * float64(c.CUs), nominal: c.ClockHz}}
	w.reset = func() error { return out.Set(0x5a) }
	w.check = func(rounds int) error { return u.check(out, threads, rounds, keep) }
	return c.timed(w, "valu_"+u.name, g, func(rounds int) []any { return []any{out, uint32(rounds), keep} }), nil
}

func (u unit) check(out launch.Buffer, threads, rounds int, keep uint32) error {
	values, err := words32(out)
	if err != nil {
		return err
	}
	for t := range threads {
		if u.few && t != 0 && t != threads/2+1 && t != threads-1 {
			continue
		}
		for k := range chains {
			var seeds [3]uint32
			for kind := range seeds {
				seeds[kind] = mix(uint32((kind*chains+k)*65536 + t))
			}
			want := uint32(0) // of zeros
			if keep != 0 {
				want = u.last(seeds, rounds)
			}
			if got := values[k*threads+t]; got != want {
				return fmt.Errorf("chain %d of thread %d ends with %#x, it should be %#x", k, t, got, want)
			}
		}
	}
	return nil
}

// chaosF32 follows x = x² + c with one rounding, as the fused instruction.
func chaosF32(seeds [3]uint32, rounds int) uint32 {
	x := float32(seeds[0]>>8)*0x1p-24 - 0.5
	c := -2 + float32(seeds[1]>>8)*0x1p-25
	for range rounds * stepsEach {
		x = fused(x, c)
	}
	return math.Float32bits(x)
}

// fused is x² + c, rounded once: the square is exact in 64 bits.
func fused(x, c float32) float32 { return roundedSum(float64(x)*float64(x), float64(c)) }

// roundedSum is p + q, rounded once to 32 bits: where the sum of 64 bits is not
// exact its last bit is set, so that rounding again sees that there was more.
func roundedSum(p, q float64) float32 {
	s := p + q
	t := s - p
	if rest := (p - (s - t)) + (q - t); rest != 0 {
		bits := math.Float64bits(s)
		if (rest > 0) != (s > 0) {
			bits-- // towards zero
		}
		s = math.Float64frombits(bits | 1)
	}
	return float32(s)
}

// chaosF16 is the same on two halves of 16 bits.
func chaosF16(seeds [3]uint32, rounds int) uint32 {
	out := uint32(0)
	for i := range 2 {
		x := half(float64(seeds[0]>>(16*i)&1023)*0x1p-10 - 0.5)
		c := half(float64(seeds[1]>>(1+16*i)&511)*0x1p-10 - 2)
		for range rounds * stepsEach {
			x = half(x*x + c) // exact in 64 bits but for the rounding
		}
		out |= uint32(halfBits(x)) << (16 * i)
	}
	return out
}

// half rounds to the nearest number of 16 bits, ties to even.
func half(x float64) float64 {
	if x == 0 {
		return x
	}
	_, e := math.Frexp(x)
	unit := math.Ldexp(1, max(e-11, -24))
	return math.RoundToEven(x/unit) * unit
}

// halfBits are those of a number that half returned.
func halfBits(x float64) uint16 {
	sign := uint16(0)
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	if x < 0x1p-14 {
		return sign | uint16(x*0x1p24)
	}
	f, e := math.Frexp(x) // f from 0.5 to 1
	return sign | uint16(e+14)<<10 | uint16(f*2048)&0x3ff
}

// dot2Sum: two steps add b once, in its first half.
func dot2Sum(seeds [3]uint32, rounds int) uint32 {
	return math.Float32bits(float32(rounds * stepsEach / 2 * odd(seeds[2])))
}

func dot4Sum(seeds [3]uint32, rounds int) uint32 {
	sum := int32(0)
	for i := 0; i < 32; i += 8 {
		sum += int32(int8(seeds[1]>>i)) * int32(int8(seeds[2]>>i))
	}
	return uint32(rounds*stepsEach) * uint32(sum)
}

func dot8Sum(seeds [3]uint32, rounds int) uint32 {
	sum := int32(0)
	for i := 0; i < 32; i += 4 {
		sum += int32(seeds[1]<<(28-i)) >> 28 * (int32(seeds[2]<<(28-i)) >> 28)
	}
	return uint32(rounds*stepsEach) * uint32(sum)
}
