package cu

import (
	"math"
	"math/bits"
	"strings"

	"ceiling/hip/standin/gcn"
)

// doubles are the instructions on float64.
var doubles = map[string]func(a, b, c float64) float64{
	"v_add_f64":        func(a, b, _ float64) float64 { return a + b },
	"v_mul_f64":        func(a, b, _ float64) float64 { return a * b },
	"v_min_f64":        func(a, b, _ float64) float64 { return min64(a, b) },
	"v_max_f64":        func(a, b, _ float64) float64 { return max64(a, b) },
	"v_fma_f64":        math.FMA,
	"v_rcp_f64":        func(a, _, _ float64) float64 { return 1 / a },
	"v_rsq_f64":        func(a, _, _ float64) float64 { return 1 / math.Sqrt(a) },
	"v_sqrt_f64":       func(a, _, _ float64) float64 { return math.Sqrt(a) },
	"v_floor_f64":      func(a, _, _ float64) float64 { return math.Floor(a) },
	"v_ceil_f64":       func(a, _, _ float64) float64 { return math.Ceil(a) },
	"v_trunc_f64":      func(a, _, _ float64) float64 { return math.Trunc(a) },
	"v_rndne_f64":      func(a, _, _ float64) float64 { return math.RoundToEven(a) },
	"v_fract_f64":      func(a, _, _ float64) float64 { return fract(a, 1-0x1p-53) },
	"v_frexp_mant_f64": func(a, _, _ float64) float64 { m, _ := frexp(a); return m },
	"v_div_fixup_f64":  divFixup,
}

// fromDouble are conversions of float64 to 32 bits.
var fromDouble = map[string]func(a float64) uint32{
	"v_cvt_f32_f64":       func(a float64) uint32 { return u32(float32(a)) },
	"v_cvt_i32_f64":       toInt,
	"v_cvt_u32_f64":       toUint,
	"v_frexp_exp_i32_f64": func(a float64) uint32 { _, e := frexp(a); return uint32(int32(e)) },
}

// toDouble are conversions of 32 bits to float64.
var toDouble = map[string]func(a uint32) float64{
	"v_cvt_f64_f32": func(a uint32) float64 { return float64(f32(a)) },
	"v_cvt_f64_i32": func(a uint32) float64 { return float64(int32(a)) },
	"v_cvt_f64_u32": func(a uint32) float64 { return float64(a) },
}

// double compiles the instructions with 64-bit operands.
func (c *compiler) double() (run, error) {
	in := c.in
	switch {
	case doubles[in.Name] != nil:
		return c.arithmetic64(doubles[in.Name])
	case fromDouble[in.Name] != nil:
		f := fromDouble[in.Name]
		a, err := c.source64(0, true)
		if err != nil {
			return nil, err
		}
		return c.lanes32(func(w *wave, l int) uint32 { return f(f64(a(w, l))) })
	case toDouble[in.Name] != nil:
		f := toDouble[in.Name]
		t := raw
		if in.Name == "v_cvt_f64_f32" {
			t = float
		}
		a, err := c.source(0, t)
		if err != nil {
			return nil, err
		}
		return c.lanes64(func(w *wave, l int) uint64 { return u64(f(a(w)[l])) })
	case strings.HasPrefix(in.Name, "v_mad_u64") || strings.HasPrefix(in.Name, "v_mad_i64"):
		return c.mad64()
	case in.Name == "v_ldexp_f64":
		a, err := c.source64(0, true)
		if err != nil {
			return nil, err
		}
		b, err := c.source(1, raw)
		if err != nil {
			return nil, err
		}
		return c.lanes64(func(w *wave, l int) uint64 { return u64(ldexp(f64(a(w, l)), int32(b(w)[l]))) })
	}
	return c.shift64()
}

func (c *compiler) arithmetic64(f func(a, b, c float64) float64) (run, error) {
	var get [3]func(w *wave, l int) uint64
	for i, o := range c.in.Src {
		get[i] = func(*wave, int) uint64 { return 0 }
		if o.Kind == gcn.None {
			continue
		}
		var err error
		if get[i], err = c.source64(i, true); err != nil {
			return nil, err
		}
	}
	factor, clamp := []float64{1, 2, 4, 0.5}[c.in.Omod], c.in.Clamp
	return c.lanes64(func(w *wave, l int) uint64 {
		x := f(f64(get[0](w, l)), f64(get[1](w, l)), f64(get[2](w, l))) * factor
		if clamp {
			x = saturate01(x)
		}
		return u64(x)
	})
}

func (c *compiler) shift64() (run, error) {
	shifts := map[string]func(n uint32, x uint64) uint64{
		"v_lshlrev_b64": func(n uint32, x uint64) uint64 { return x << (n & 63) },
		"v_lshrrev_b64": func(n uint32, x uint64) uint64 { return x >> (n & 63) },
		"v_ashrrev_i64": func(n uint32, x uint64) uint64 { return uint64(int64(x) >> (n & 63)) },
	}
	f, ok := shifts[c.in.Name]
	if !ok {
		return nil, c.unknown()
	}
	a, err := c.source(0, raw)
	if err != nil {
		return nil, err
	}
	b, err := c.source64(1, false)
	if err != nil {
		return nil, err
	}
	return c.lanes64(func(w *wave, l int) uint64 { return f(a(w)[l], b(w, l)) })
}

func (c *compiler) mad64() (run, error) {
	a, err := c.source(0, raw)
	if err != nil {
		return nil, err
	}
	b, err := c.source(1, raw)
	if err != nil {
		return nil, err
	}
	s, err := c.source64(2, false)
	if err != nil {
		return nil, err
	}
	signed := strings.HasPrefix(c.in.Name, "v_mad_i64")
	mask, d := c.in.Sdst.Reg, c.in.Dst.Reg
	return func(w *wave) {
		x, y, active := a(w), b(w), w.exec()
		var over uint64
		var lo, hi vec
		for l := range lo {
			p := uint64(x[l]) * uint64(y[l])
			if signed {
				p = uint64(int64(int32(x[l])) * int64(int32(y[l])))
			}
			sum, carry := bits.Add64(p, s(w, l), 0)
			if signed {
				carry = (^(p ^ s(w, l)) & (p ^ sum)) >> 63
			}
			over |= carry << l
			lo[l], hi[l] = uint32(sum), uint32(sum>>32)
		}
		merge(&w.v[d], &lo, active)
		merge(&w.v[d+1], &hi, active)
		w.set64(mask, over&active)
	}, nil
}

// lanes32 writes a result that is computed lane by lane.
func (c *compiler) lanes32(f func(w *wave, l int) uint32) (run, error) {
	finish, err := c.finish(float)
	if err != nil {
		return nil, err
	}
	d := c.in.Dst.Reg
	return func(w *wave) {
		for l := range w.out {
			w.out[l] = f(w, l)
		}
		if finish != nil {
			finish(&w.out, &w.v[d])
		}
		merge(&w.v[d], &w.out, w.exec())
	}, nil
}

func (c *compiler) lanes64(f func(w *wave, l int) uint64) (run, error) {
	d := c.in.Dst.Reg
	return func(w *wave) {
		var hi vec
		for l := range hi {
			x := f(w, l)
			w.out[l], hi[l] = uint32(x), uint32(x>>32)
		}
		active := w.exec()
		merge(&w.v[d], &w.out, active)
		merge(&w.v[d+1], &hi, active)
	}, nil
}

// divide compiles the steps of a division; those of scaling are its own.
func (c *compiler) divide() (run, error) {
	switch c.in.Name {
	case "v_div_scale_f32":
		return c.divScale32()
	case "v_div_scale_f64":
		return c.divScale64()
	case "v_div_fmas_f32":
		return c.divFmas32()
	case "v_div_fmas_f64":
		return c.divFmas64()
	}
	return c.double()
}

// scaling are the bounds at which a division of one type is scaled.
type scaling struct {
	far, low int     // exponents: of quotients near overflow, of tiny numerators
	tiny     float64 // the smallest normal number
	step     int     // the power of two
}

var (
	scaling32 = scaling{96, 23, 0x1p-126, 64}
	scaling64 = scaling{768, 53, 0x1p-1022, 128}
)

// scale is s0 of a division s2/s1, scaled so that the steps behind it neither
// overflow nor lose bits; scaled says that the quotient will have to be
// unscaled. e1 and e2 are the exponents' bits of s1 and s2. A reciprocal counts
// as denormal by float64's bound, also of a float32.
func (z scaling) scale(s0, s1, s2 float64, e1, e2 int) (result float64, scaled bool) {
	below := func(x, bound float64) bool { x = math.Abs(x); return x != 0 && x < bound }
	up := math.Ldexp(s0, z.step)
	only := func(which float64) (float64, bool) {
		if s0 == which {
			return up, true
		}
		return s0, true
	}
	reciprocal, quotient := below(1/s1, 0x1p-1022), below(s2/s1, z.tiny)
	switch {
	case s1 == 0 || s2 == 0:
		return math.NaN(), false
	case e2-e1 >= z.far:
		return only(s1)
	case below(s1, z.tiny):
		return up, false
	case reciprocal && quotient:
		return only(s1)
	case reciprocal:
		return math.Ldexp(s0, -z.step), false
	case quotient:
		return only(s2)
	case e2 <= z.low:
		return up, false
	}
	return s0, false
}

func (c *compiler) divScale32() (run, error) {
	get, err := c.sources(3, float)
	if err != nil {
		return nil, err
	}
	d, mask := c.in.Dst.Reg, c.in.Sdst.Reg
	return func(w *wave) {
		x, y, z := get[0](w), get[1](w), get[2](w)
		var m uint64
		for l := range w.out {
			e1, e2 := int(y[l]>>23&255), int(z[l]>>23&255)
			r, scaled := scaling32.scale(float64(f32(x[l])), float64(f32(y[l])), float64(f32(z[l])), e1, e2)
			w.out[l] = u32(float32(r))
			if scaled {
				m |= 1 << l
			}
		}
		active := w.exec()
		merge(&w.v[d], &w.out, active)
		w.set64(mask, m&active)
	}, nil
}

func (c *compiler) divScale64() (run, error) {
	var get [3]func(w *wave, l int) uint64
	for i := range get {
		var err error
		if get[i], err = c.source64(i, true); err != nil {
			return nil, err
		}
	}
	mask := c.in.Sdst.Reg
	write, err := c.lanes64(func(w *wave, l int) uint64 {
		y, z := get[1](w, l), get[2](w, l)
		r, scaled := scaling64.scale(f64(get[0](w, l)), f64(y), f64(z), int(y>>52&2047), int(z>>52&2047))
		if scaled {
			w.lanes |= 1 << l
		}
		return u64(r)
	})
	if err != nil {
		return nil, err
	}
	return func(w *wave) {
		w.lanes = 0
		write(w)
		w.set64(mask, w.lanes&w.exec())
	}, nil
}

func (c *compiler) divFmas32() (run, error) {
	get, err := c.sources(3, float)
	if err != nil {
		return nil, err
	}
	return c.lanes32(func(w *wave, l int) uint32 {
		a, b, s := f32(get[0](w)[l]), f32(get[1](w)[l]), f32(get[2](w)[l])
		if w.vcc()>>l&1 == 1 {
			return u32(float32(math.Ldexp(odd(float64(a), float64(b), float64(s)), unscale(math.Abs(float64(s)) >= 2, 64))))
		}
		return u32(fma32(a, b, s))
	})
}

func (c *compiler) divFmas64() (run, error) {
	var get [3]func(w *wave, l int) uint64
	for i := range get {
		var err error
		if get[i], err = c.source64(i, true); err != nil {
			return nil, err
		}
	}
	return c.lanes64(func(w *wave, l int) uint64 {
		s := f64(get[2](w, l))
		x := math.FMA(f64(get[0](w, l)), f64(get[1](w, l)), s)
		if w.vcc()>>l&1 == 1 {
			x = math.Ldexp(x, unscale(math.Abs(s) >= 2, 128))
		}
		return u64(x)
	})
}

// unscale is the power of two that takes a scaling back: a large quotient's
// denominator was scaled up, a small one's numerator.
func unscale(large bool, step int) int {
	if large {
		return step
	}
	return -step
}
