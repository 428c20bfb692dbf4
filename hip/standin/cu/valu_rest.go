package cu

import (
	"math"
	"math/bits"
	"strings"

	"ceiling/hip/standin/gcn"
)

// saturating are the integer instructions whose results clamp limits to their
// type.
var saturating = map[string]kernel{
	"v_add_u32":    bi(func(a, b uint32) uint32 { return uint32(min(uint64(a)+uint64(b), math.MaxUint32)) }),
	"v_sub_u32":    bi(func(a, b uint32) uint32 { return a - min(a, b) }),
	"v_subrev_u32": bi(func(a, b uint32) uint32 { return b - min(a, b) }),
	"v_add_i32":    bi(func(a, b uint32) uint32 { return limit32(int64(int32(a)) + int64(int32(b))) }),
	"v_sub_i32":    bi(func(a, b uint32) uint32 { return limit32(int64(int32(a)) - int64(int32(b))) }),
	"v_add_u16":    bi(func(a, b uint32) uint32 { return min(a&0xffff+b&0xffff, 0xffff) }),
	"v_sub_u16":    bi(func(a, b uint32) uint32 { return a&0xffff - min(a&0xffff, b&0xffff) }),
	"v_add_i16":    bi(func(a, b uint32) uint32 { return limit16(int64(int16(a)) + int64(int16(b))) }),
	"v_sub_i16":    bi(func(a, b uint32) uint32 { return limit16(int64(int16(a)) - int64(int16(b))) }),
	"v_mad_u32_u24": tri(func(a, b, c uint32) uint32 {
		return uint32(min(uint64(a&0xffffff)*uint64(b&0xffffff)+uint64(c), math.MaxUint32))
	}),
	"v_mad_i32_i24": tri(func(a, b, c uint32) uint32 { return limit32(int64(low24(a))*int64(low24(b)) + int64(int32(c))) }),
	"v_dot4_i32_i8": tri(func(a, b, c uint32) uint32 { return limit32(int64(int32(dot4i(a, b, 0))) + int64(int32(c))) }),
}

func limit32(x int64) uint32 { return uint32(clampInt(x, math.MinInt32, math.MaxInt32)) }
func limit16(x int64) uint32 { return uint32(clampInt(x, math.MinInt16, math.MaxInt16)) & 0xffff }

// vectorRest compiles what reads or writes more than single lanes of single
// registers.
func (c *compiler) vectorRest() (run, error) {
	in := c.in
	name := in.Name
	switch {
	case in.Format == gcn.VOPC:
		return c.compare()
	case in.MFMA():
		return c.mfma()
	case strings.HasPrefix(name, "v_pk_"):
		return c.packed()
	case strings.HasPrefix(name, "v_fma_mix"):
		return c.mixed()
	case strings.Contains(name, "_co_u32"):
		return c.carry()
	case name == "v_nop":
		return func(*wave) {}, nil
	case name == "v_cndmask_b32":
		return c.choose()
	case strings.HasPrefix(name, "v_accvgpr"):
		get, err := c.source(0, raw)
		if err != nil {
			return nil, err
		}
		return c.write([3]fetch{get}, integers["v_mov_b32"], raw, false)
	case strings.HasPrefix(name, "v_mbcnt"):
		return c.countBelow()
	case strings.HasPrefix(name, "v_read"):
		return c.readLane()
	case strings.HasPrefix(name, "v_div_"):
		return c.divide()
	}
	switch name {
	case "v_writelane_b32":
		return c.writeLane()
	case "v_swap_b32":
		d, s := in.Dst.Reg, in.Src[0].Reg
		return func(w *wave) {
			for m := w.exec(); m != 0; m &= m - 1 {
				l := bits.TrailingZeros64(m)
				w.v[d][l], w.v[s][l] = w.v[s][l], w.v[d][l]
			}
		}, nil
	}
	return c.double()
}

// mask returns a 64-bit mask source.
func (c *compiler) mask(o gcn.Operand) (func(w *wave) uint64, error) { return c.scalar64(o, false) }

func (c *compiler) choose() (run, error) {
	// The sources' modifiers are those of float32.
	a, err := c.source(0, float)
	if err != nil {
		return nil, err
	}
	b, err := c.source(1, float)
	if err != nil {
		return nil, err
	}
	m, err := c.mask(c.in.Mask)
	if err != nil {
		return nil, err
	}
	d := c.in.Dst.Reg
	part := c.part()
	isDPP := c.in.Encoding == gcn.DPP
	return func(w *wave) {
		x, y, pick := a(w), b(w), m(w)
		active := w.exec()
		if isDPP {
			active &= w.lanes
		}
		for l := range w.out {
			if pick>>l&1 == 1 {
				w.out[l] = y[l]
			} else {
				w.out[l] = x[l]
			}
		}
		if part != nil {
			part(&w.out, &w.v[d])
		}
		merge(&w.v[d], &w.out, active)
	}, nil
}

// carry compiles sums and differences with a carry out, and in.
func (c *compiler) carry() (run, error) {
	in := c.in
	get, err := c.sources(2, raw)
	if err != nil {
		return nil, err
	}
	a, b := get[0], get[1]
	carried := func(*wave) uint64 { return 0 }
	if in.Mask.Kind != gcn.None {
		if carried, err = c.mask(in.Mask); err != nil {
			return nil, err
		}
	}
	op := bits.Add32
	if strings.HasPrefix(in.Name, "v_sub") {
		op = bits.Sub32
	}
	reverse := strings.Contains(in.Name, "rev")
	d, out := in.Dst.Reg, in.Sdst.Reg
	isDPP := in.Encoding == gcn.DPP
	return func(w *wave) {
		x, y, ci := a(w), b(w), carried(w)
		if reverse {
			x, y = y, x
		}
		active := w.exec()
		if isDPP {
			active &= w.lanes
		}
		var co uint64
		for l := range w.out {
			sum, over := op(x[l], y[l], uint32(ci>>l&1))
			w.out[l] = sum
			co |= uint64(over) << l
		}
		merge(&w.v[d], &w.out, active)
		w.set64(out, co&active)
	}, nil
}

func (c *compiler) countBelow() (run, error) {
	get, err := c.sources(2, raw)
	if err != nil {
		return nil, err
	}
	a, b := get[0], get[1]
	high := strings.Contains(c.in.Name, "_hi_")
	d := c.in.Dst.Reg
	return func(w *wave) {
		x, y := a(w), b(w)
		for l := range w.out {
			below := uint64(1)<<l - 1
			if high {
				below >>= 32
			}
			w.out[l] = uint32(bits.OnesCount32(x[l]&uint32(below))) + y[l]
		}
		merge(&w.v[d], &w.out, w.exec())
	}, nil
}

func (c *compiler) readLane() (run, error) {
	in, d := c.in, c.in.Dst.Reg
	get, err := c.plain(in.Src[0], 0, raw)
	if err != nil {
		return nil, err
	}
	if in.Name == "v_readfirstlane_b32" {
		return func(w *wave) { w.s[d] = get(w)[firstLane(w.exec())] }, nil
	}
	lane, err := c.scalar(in.Src[1])
	if err != nil {
		return nil, err
	}
	return func(w *wave) { w.s[d] = get(w)[lane(w)&63] }, nil
}

func (c *compiler) writeLane() (run, error) {
	d := c.in.Dst.Reg
	x, err := c.scalar(c.in.Src[0])
	if err != nil {
		return nil, err
	}
	lane, err := c.scalar(c.in.Src[1])
	if err != nil {
		return nil, err
	}
	return func(w *wave) { w.v[d][lane(w)&63] = x(w) }, nil
}

// compare compiles v_cmp and v_cmpx, which write a mask.
func (c *compiler) compare() (run, error) {
	parts := strings.Split(c.in.Name, "_") // v cmp lt f32
	if len(parts) != 4 {
		return nil, c.unknown()
	}
	op, kind := parts[2], parts[3]
	test, err := c.comparison(op, kind)
	if err != nil {
		return nil, err
	}
	d, writesExec := c.in.Sdst.Reg, parts[1] == "cmpx"
	return func(w *wave) {
		m := test(w) & w.exec()
		w.set64(d, m)
		if writesExec {
			w.set64(gcn.Exec, m)
		}
	}, nil
}

func (c *compiler) comparison(op, kind string) (func(w *wave) uint64, error) {
	switch kind {
	case "u64", "i64", "f64":
		return c.comparison64(op, kind)
	}
	types := map[string]typ{"f32": float, "f16": half}
	a, err := c.source(0, types[kind])
	if err != nil {
		return nil, err
	}
	second := types[kind]
	if op == "class" {
		second = raw
	}
	b, err := c.source(1, second)
	if err != nil {
		return nil, err
	}
	test := comparer(op, kind)
	if test == nil {
		return nil, c.unknown()
	}
	return func(w *wave) uint64 { return test(a(w), b(w)) }, nil
}

// each is the mask of lanes for which f holds.
func each(f func(a, b uint32) bool) func(a, b *vec) uint64 {
	return func(a, b *vec) (m uint64) {
		for l := range a {
			if f(a[l], b[l]) {
				m |= 1 << l
			}
		}
		return m
	}
}

func comparer(op, kind string) func(a, b *vec) uint64 {
	if op == "class" {
		return map[string]func(a, b *vec) uint64{
			"f32": each(func(a, b uint32) bool { return class32(a)&b != 0 }),
			"f16": each(func(a, b uint32) bool { return class16(a)&b != 0 }),
		}[kind]
	}
	r, ok := relations[op]
	if !ok {
		return nil
	}
	switch kind {
	case "u32":
		return r.integers(0, 0)
	case "i32":
		return r.integers(0, 1<<31)
	case "u16":
		return r.integers(16, 0)
	case "i16":
		return r.integers(16, 1<<31)
	case "f32":
		return r.floats
	case "f16":
		return each(func(a, b uint32) bool { return r.has(compared(f16(a), f16(b))) })
	}
	return nil
}

// integers is the mask of lanes whose integers compare so, as unsigned ones
// after their low bits were moved up and their sign changed.
func (r relation) integers(up, sign uint32) func(a, b *vec) uint64 {
	return func(a, b *vec) (m uint64) {
		for l := range a {
			if r.has(compared(a[l]<<(up&31)^sign, b[l]<<(up&31)^sign)) {
				m |= 1 << (l & 63)
			}
		}
		return m
	}
}

func (r relation) floats(a, b *vec) (m uint64) {
	for l := range a {
		if r.has(compared(f32(a[l]), f32(b[l]))) {
			m |= 1 << (l & 63)
		}
	}
	return m
}

func (c *compiler) comparison64(op, kind string) (func(w *wave) uint64, error) {
	a, err := c.source64(0, kind == "f64")
	if err != nil {
		return nil, err
	}
	var test func(w *wave, l int) bool
	if op == "class" {
		b, err := c.source(1, raw)
		if err != nil {
			return nil, err
		}
		test = func(w *wave, l int) bool { return class64(a(w, l))&b(w)[l] != 0 }
	} else {
		b, err := c.source64(1, kind == "f64")
		if err != nil {
			return nil, err
		}
		r, ok := relations[op]
		if !ok {
			return nil, c.unknown()
		}
		test = func(w *wave, l int) bool {
			x, y := a(w, l), b(w, l)
			switch kind {
			case "u64":
				return r.has(compared(x, y))
			case "i64":
				return r.has(compared(int64(x), int64(y)))
			}
			return r.has(compared(f64(x), f64(y)))
		}
	}
	return func(w *wave) (m uint64) {
		for l := range Lanes {
			if test(w, l) {
				m |= 1 << l
			}
		}
		return m
	}, nil
}
