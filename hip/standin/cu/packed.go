package cu

import (
	"math"
	"strings"

	"ceiling/hip/standin/gcn"
)

// pairs are the instructions on two 16-bit values in a register.
var pairs = map[string]func(a, b, c uint32) uint32{
	"v_pk_fma_f16":     func(a, b, c uint32) uint32 { return fma16(f16(a), f16(b), f16(c)) },
	"v_pk_add_f16":     func(a, b, _ uint32) uint32 { return h16(float64(f16(a)) + float64(f16(b))) },
	"v_pk_mul_f16":     func(a, b, _ uint32) uint32 { return h16(float64(f16(a)) * float64(f16(b))) },
	"v_pk_min_f16":     func(a, b, _ uint32) uint32 { return h16(float64(min32(f16(a), f16(b)))) },
	"v_pk_max_f16":     func(a, b, _ uint32) uint32 { return h16(float64(max32(f16(a), f16(b)))) },
	"v_pk_mad_i16":     func(a, b, c uint32) uint32 { return a*b + c },
	"v_pk_mad_u16":     func(a, b, c uint32) uint32 { return a*b + c },
	"v_pk_mul_lo_u16":  func(a, b, _ uint32) uint32 { return a * b },
	"v_pk_add_i16":     func(a, b, _ uint32) uint32 { return a + b },
	"v_pk_add_u16":     func(a, b, _ uint32) uint32 { return a + b },
	"v_pk_sub_i16":     func(a, b, _ uint32) uint32 { return a - b },
	"v_pk_sub_u16":     func(a, b, _ uint32) uint32 { return a - b },
	"v_pk_lshlrev_b16": func(a, b, _ uint32) uint32 { return b << (a & 15) },
	"v_pk_lshrrev_b16": func(a, b, _ uint32) uint32 { return b >> (a & 15) },
	"v_pk_ashrrev_i16": func(a, b, _ uint32) uint32 { return uint32(int16(b) >> (a & 15)) },
	"v_pk_max_i16":     func(a, b, _ uint32) uint32 { return uint32(max(int16(a), int16(b))) },
	"v_pk_min_i16":     func(a, b, _ uint32) uint32 { return uint32(min(int16(a), int16(b))) },
	"v_pk_max_u16":     func(a, b, _ uint32) uint32 { return max(a, b) },
	"v_pk_min_u16":     func(a, b, _ uint32) uint32 { return min(a, b) },
}

// pick returns the 16 bits of each source that the lower or upper result
// reads, with their sign.
func (c *compiler) pick(i int, upper bool) func(x uint32) uint32 {
	sel, neg := c.in.OpSel, uint32(0)
	if c.in.Src[i].Neg && !upper || c.in.NegHi>>i&1 == 1 && upper {
		neg = 0x8000
	}
	if upper {
		sel = c.in.OpSelHi
	}
	shift := 16 * (sel >> i & 1)
	return func(x uint32) uint32 { return x>>shift&0xffff ^ neg }
}

func (c *compiler) packed() (run, error) {
	f, ok := pairs[c.in.Name]
	if !ok || c.in.Clamp && !strings.HasSuffix(c.in.Name, "f16") {
		return nil, c.unknown()
	}
	t := raw
	if strings.HasSuffix(c.in.Name, "f16") {
		t = half
	}
	var get [3]fetch
	var low, high [3]func(uint32) uint32
	for i, o := range c.in.Src {
		get[i] = func(w *wave) *vec { return &w.tmp[3] } // not read
		low[i], high[i] = c.pick(i, false), c.pick(i, true)
		if o.Kind == gcn.None {
			continue
		}
		var err error
		if get[i], err = c.plain(o, i, t); err != nil {
			return nil, err
		}
	}
	clamp := c.in.Clamp
	one := func(x, y, z uint32) uint32 {
		r := f(x, y, z)
		if clamp {
			r = h16(saturate01(float64(f16(r))))
		}
		return r & 0xffff
	}
	d := c.in.Dst.Reg
	return func(w *wave) {
		a, b, s := get[0](w), get[1](w), get[2](w)
		for l := range w.out {
			w.out[l] = one(low[0](a[l]), low[1](b[l]), low[2](s[l])) | one(high[0](a[l]), high[1](b[l]), high[2](s[l]))<<16
		}
		merge(&w.v[d], &w.out, w.exec())
	}, nil
}

// mixed compiles v_fma_mix: sources are float32 or either half of a register.
func (c *compiler) mixed() (run, error) {
	in := c.in
	var get [3]fetch
	var value [3]func(x uint32) float32
	for i, o := range in.Src {
		t := float
		if in.OpSelHi>>i&1 == 1 {
			t = half
		}
		var err error
		if get[i], err = c.plain(o, i, t); err != nil {
			return nil, err
		}
		value[i] = mixValue(t, 16*(in.OpSel>>i&1), in.NegHi>>i&1 == 1, o.Neg)
	}
	d, clamp := in.Dst.Reg, in.Clamp
	return func(w *wave) {
		a, b, s := get[0](w), get[1](w), get[2](w)
		for l := range w.out {
			r := odd(float64(value[0](a[l])), float64(value[1](b[l])), float64(value[2](s[l])))
			if clamp {
				r = saturate01(r)
			}
			switch in.Name {
			case "v_fma_mixlo_f16":
				w.out[l] = w.v[d][l]&^0xffff | h16(r)
			case "v_fma_mixhi_f16":
				w.out[l] = w.v[d][l]&0xffff | h16(r)<<16
			default:
				w.out[l] = u32(float32(r))
			}
		}
		merge(&w.v[d], &w.out, w.exec())
	}, nil
}

func mixValue(t typ, shift int, abs, neg bool) func(x uint32) float32 {
	return func(x uint32) float32 {
		y := f32(x)
		if t == half {
			y = f16(x >> shift & 0xffff)
		}
		if abs {
			y = float32(math.Abs(float64(y)))
		}
		if neg {
			y = -y
		}
		return y
	}
}

// shape is what a matrix instruction multiplies: blocks of M×K by K×M.
type shape struct {
	m, k, blocks int
	kind         string // f32, f16, bf16, i8
}

// shapeOf reads a name such as v_mfma_f32_32x32x8f16.
func shapeOf(name string) (s shape, ok bool) {
	for _, known := range []struct {
		suffix string
		shape
	}{
		{"32x32x1f32", shape{32, 1, 2, "f32"}}, {"16x16x1f32", shape{16, 1, 4, "f32"}}, {"4x4x1f32", shape{4, 1, 16, "f32"}},
		{"32x32x2f32", shape{32, 2, 1, "f32"}}, {"16x16x4f32", shape{16, 4, 1, "f32"}},
		{"32x32x4f16", shape{32, 4, 2, "f16"}}, {"16x16x4f16", shape{16, 4, 4, "f16"}}, {"4x4x4f16", shape{4, 4, 16, "f16"}},
		{"32x32x8f16", shape{32, 8, 1, "f16"}}, {"16x16x16f16", shape{16, 16, 1, "f16"}},
		{"32x32x4i8", shape{32, 4, 2, "i8"}}, {"16x16x4i8", shape{16, 4, 4, "i8"}}, {"4x4x4i8", shape{4, 4, 16, "i8"}},
		{"32x32x8i8", shape{32, 8, 1, "i8"}}, {"16x16x16i8", shape{16, 16, 1, "i8"}},
		{"32x32x2bf16", shape{32, 2, 2, "bf16"}}, {"16x16x2bf16", shape{16, 2, 4, "bf16"}}, {"4x4x2bf16", shape{4, 2, 16, "bf16"}},
		{"32x32x4bf16", shape{32, 4, 1, "bf16"}}, {"16x16x8bf16", shape{16, 8, 1, "bf16"}},
	} {
		if strings.HasSuffix(name, "_"+known.suffix) {
			return known.shape, true
		}
	}
	return shape{}, false
}

// lane is where element k of row i of A's block b lies (B's column likewise):
// the lane, and the element's number within the lane.
func (s shape) lane(b, i, k int) (lane, element int) {
	per := s.k * s.m * s.blocks / Lanes // elements of a lane
	if s.blocks > 1 {
		return i + s.m*b, k
	}
	return i + s.m*(k/per), k % per
}

// place is where element (i, j) of block b of the result lies.
func (s shape) place(b, i, j int) (reg, lane int) {
	switch s.m {
	case 32:
		return 16*b + 4*(i/8) + i%4, j + 32*(i/4%2)
	case 16:
		return 4*b + i%4, j + 16*(i/4)
	}
	return i, j + 4*b
}

// operand is a matrix source: registers, or a constant.
type operand struct {
	accumulation bool
	reg          int
}

func (o operand) file(w *wave) *[256]vec {
	if o.accumulation {
		return &w.a
	}
	return &w.v
}

func (c *compiler) mfma() (run, error) {
	in := c.in
	s, ok := shapeOf(in.Name)
	if !ok || in.Src[0].Kind != gcn.VGPR && in.Src[0].Kind != gcn.AGPR || in.Src[1].Kind != gcn.VGPR && in.Src[1].Kind != gcn.AGPR {
		return nil, c.unknown()
	}
	m := &matrix{shape: s, d: in.Dst.Reg, cbsz: in.Cbsz, abid: in.Abid, blgp: in.Blgp,
		a: operand{in.Src[0].Kind == gcn.AGPR, in.Src[0].Reg}, b: operand{in.Src[1].Kind == gcn.AGPR, in.Src[1].Reg}}
	if x, ok := c.constant(in.Src[2], map[bool]typ{true: raw, false: float}[s.kind == "i8"]); ok {
		m.c = func(_ *wave, out *[32]vec) {
			for r := range out {
				broadcast(&out[r], x)
			}
		}
	} else {
		r := in.Src[2].Reg
		m.c = func(w *wave, out *[32]vec) { copy(out[:m.registers()], w.a[r:]) }
	}
	m.plan()
	if s.kind == "i8" {
		return m.integers, nil
	}
	return m.floats, nil
}

// matrix is a compiled MFMA. EXEC does not matter to it.
type matrix struct {
	shape
	a, b       operand
	c          func(w *wave, out *[32]vec) // what is added to
	d          int
	cbsz, abid int
	blgp       int

	rows, columns, results []spot // of all blocks
}

// source is the block of A that block b multiplies: cbsz and abid make blocks
// share one.
func (m *matrix) source(b int) int { return b&^(1<<m.cbsz-1) | m.abid*min(m.cbsz, 1) }

// from is the lane whose part of B stands in for a lane's: blgp makes groups of
// lanes share one group's, or rotates all by 16.
func (m *matrix) from(lane int) int {
	switch m.blgp {
	case 0:
		return lane
	case 1, 2: // the first or second 32
		return lane%32 + 32*(m.blgp-1)
	case 3:
		return (lane + 16) % Lanes
	}
	return lane%16 + 16*(m.blgp-4)
}

// spot is where a number lies: a register, counted from the first, and a lane,
// and how far up in it.
type spot struct {
	reg, lane, shift uint8
}

// plan finds where the numbers of all blocks lie: A's rows, B's columns, and the
// result's rows.
func (m *matrix) plan() {
	per := map[string]int{"f32": 1, "f16": 2, "bf16": 2, "i8": 4}[m.kind] // numbers in a register
	at := func(lane, element int) spot {
		return spot{uint8(element / per), uint8(lane), uint8(element % per * (32 / per))}
	}
	for block := range m.blocks {
		for i := range m.m {
			for k := range m.k {
				m.rows = append(m.rows, at(m.lane(m.source(block), i, k)))
				lane, e := m.lane(block, i, k)
				m.columns = append(m.columns, at(m.from(lane), e))
			}
			for j := range m.m {
				reg, lane := m.place(block, i, j)
				m.results = append(m.results, spot{reg: uint8(reg), lane: uint8(lane)})
			}
		}
	}
}

// numbers reads those of one operand.
func (m *matrix) numbers(w *wave, o operand, spots []spot, to []float32) {
	file := o.file(w)
	switch m.kind {
	case "f16":
		for i, s := range spots {
			to[i] = f16(file[o.reg+int(s.reg)][s.lane&63] >> (s.shift & 31) & 0xffff)
		}
	case "bf16":
		for i, s := range spots {
			to[i] = f32(file[o.reg+int(s.reg)][s.lane&63] >> (s.shift & 31) << 16)
		}
	default:
		for i, s := range spots {
			to[i] = f32(file[o.reg+int(s.reg)][s.lane&63])
		}
	}
}

func (m *matrix) floats(w *wave) {
	var a, b [256]float32 // [block][row or column][k]: at most four numbers a lane
	var out [32]vec
	m.c(w, &out)
	m.numbers(w, m.a, m.rows, a[:])
	m.numbers(w, m.b, m.columns, b[:])
	to := m.results
	for row := 0; row < len(m.rows); row += m.k {
		x := a[row : row+m.k]
		first := row / (m.m * m.k) * m.m * m.k // column of the block
		for column := first; column < first+m.m*m.k; column += m.k {
			y := b[column : column+m.k]
			s := to[0]
			to = to[1:]
			sum := f32(out[s.reg&31][s.lane&63])
			if m.kind == "f32" {
				for k := range x {
					sum = fma32(x[k], y[k], sum)
				}
			} else {
				for k := range x {
					sum += float32(x[k] * y[k]) // the product is exact
				}
			}
			out[s.reg&31][s.lane&63] = u32(sum)
		}
	}
	copy(w.a[m.d:], out[:m.registers()])
}

func (m *matrix) integers(w *wave) {
	var out [32]vec
	m.c(w, &out)
	fa, fb := m.a.file(w), m.b.file(w)
	to := m.results
	for row := 0; row < len(m.rows); row += m.k {
		first := row / (m.m * m.k) * m.m * m.k
		for column := first; column < first+m.m*m.k; column += m.k {
			s := to[0]
			to = to[1:]
			sum := out[s.reg&31][s.lane&63]
			for k := 0; k < m.k; k += 4 { // a lane's register has four
				x, y := m.rows[row+k], m.columns[column+k]
				sum = dot4i(fa[m.a.reg+int(x.reg)][x.lane&63], fb[m.b.reg+int(y.reg)][y.lane&63], sum)
			}
			out[s.reg&31][s.lane&63] = sum
		}
	}
	copy(w.a[m.d:], out[:m.registers()])
}

// registers of the result.
func (m *matrix) registers() int { return m.m * m.m * m.blocks / Lanes }
