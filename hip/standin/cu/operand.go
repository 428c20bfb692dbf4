package cu

import (
	"fmt"
	"math"
	"math/bits"

	"ceiling/hip/standin/gcn"
)

// typ is how an operand's bits are read: it decides what an inline float and
// the modifiers mean.
type typ uint8

const (
	raw   typ = iota // integers and bits
	float            // float32
	half             // float16
)

// fetch returns a source for all lanes. What is not a register already is made
// in w.tmp[slot].
type fetch func(w *wave) *vec

// compiler makes functions of instructions.
type compiler struct {
	in      *gcn.Inst
	pc      uint64
	indexed uint32 // s_set_gpr_idx: 1 a, 2 b, 4 c, 8 destination
}

// unknown is the error of an instruction that is not executed yet.
func (c *compiler) unknown() error {
	return fmt.Errorf("%s is decoded, but not executed by the stand-in yet", c.in)
}

// constant is the bits of a source that is the same for all kernels.
func (c *compiler) constant(o gcn.Operand, t typ) (uint32, bool) {
	switch o.Kind {
	case gcn.Integer:
		return uint32(int32(o.Value)), true
	case gcn.Literal:
		return c.in.Literal, true
	case gcn.Float:
		x := gcn.FloatValue(o.Value)
		if t == half {
			return h16(x), true
		}
		return u32(float32(x)), true
	}
	return 0, false
}

// scalar returns a source that is the same for all lanes.
func (c *compiler) scalar(o gcn.Operand) (func(w *wave) uint32, error) {
	if x, ok := c.constant(o, raw); ok {
		return func(*wave) uint32 { return x }, nil
	}
	switch o.Kind {
	case gcn.SGPR:
		n := o.Reg
		return func(w *wave) uint32 { return w.s[n] }, nil
	case gcn.Special:
		return special(o.Value)
	}
	return nil, c.unknown()
}

func special(code int) (func(w *wave) uint32, error) {
	flag := func(f func(w *wave) bool) func(w *wave) uint32 {
		return func(w *wave) uint32 { return one(f(w)) }
	}
	switch code {
	case gcn.SharedBase:
		return func(*wave) uint32 { return SharedAperture >> 32 }, nil
	case gcn.PrivateBase:
		return func(*wave) uint32 { return PrivateAperture >> 32 }, nil
	case gcn.SCC:
		return flag(func(w *wave) bool { return w.scc }), nil
	case gcn.VCCZ:
		return flag(func(w *wave) bool { return w.vcc() == 0 }), nil
	case gcn.ExecZ:
		return flag(func(w *wave) bool { return w.exec() == 0 }), nil
	}
	return nil, fmt.Errorf("source %d is none that a kernel may read", code)
}

// scalar64 returns a 64-bit source that is the same for all lanes; double says
// that it is a float64.
func (c *compiler) scalar64(o gcn.Operand, double bool) (func(w *wave) uint64, error) {
	fixed := func(x uint64) (func(w *wave) uint64, error) { return func(*wave) uint64 { return x }, nil }
	switch o.Kind {
	case gcn.Integer:
		return fixed(uint64(int64(o.Value)))
	case gcn.Float:
		return fixed(u64(gcn.FloatValue(o.Value)))
	case gcn.Literal:
		if double {
			return fixed(uint64(c.in.Literal) << 32)
		}
		return fixed(uint64(int64(int32(c.in.Literal))))
	case gcn.SGPR:
		n := o.Reg
		return func(w *wave) uint64 { return w.s64(n) }, nil
	case gcn.Special:
		s, err := special(o.Value)
		if err != nil {
			return nil, err
		}
		if o.Value == gcn.SharedBase || o.Value == gcn.PrivateBase {
			return func(w *wave) uint64 { return uint64(s(w)) << 32 }, nil
		}
		return func(w *wave) uint64 { return uint64(s(w)) }, nil
	}
	return nil, c.unknown()
}

func broadcast(v *vec, x uint32) *vec {
	for l := range v {
		v[l] = x
	}
	return v
}

// source returns the i-th source of a vector instruction with its modifiers.
func (c *compiler) source(i int, t typ) (fetch, error) {
	o := c.in.Src[i]
	get, err := c.plain(o, i, t)
	if err != nil {
		return nil, err
	}
	if c.in.Encoding == gcn.DPP && i == 0 {
		get = c.dpp(get)
	}
	if c.in.Encoding == gcn.SDWA && (o.Sel != gcn.DWord || o.Sext) {
		get = selected(get, i, o)
	}
	if c.in.Format == gcn.VOP3 || c.in.Encoding == gcn.E64 {
		if c.in.OpSel>>i&1 == 1 {
			get = mapped(get, i, func(x uint32) uint32 { return x >> 16 })
		}
	}
	return modified(get, i, o, t), nil
}

// sources returns the first n sources.
func (c *compiler) sources(n int, t typ) (get [3]fetch, err error) {
	for i := range n {
		if get[i], err = c.source(i, t); err != nil {
			return get, err
		}
	}
	return get, nil
}

// plain is a source without modifiers.
func (c *compiler) plain(o gcn.Operand, slot int, t typ) (fetch, error) {
	if x, ok := c.constant(o, t); ok {
		v := broadcast(new(vec), x)
		return func(*wave) *vec { return v }, nil
	}
	n := o.Reg
	switch o.Kind {
	case gcn.VGPR:
		if c.indexed>>slot&1 == 1 {
			return func(w *wave) *vec { return &w.v[(n+int(w.s[gcn.M0]&255))&255] }, nil
		}
		return func(w *wave) *vec { return &w.v[n] }, nil
	case gcn.AGPR:
		return func(w *wave) *vec { return &w.a[n] }, nil
	}
	s, err := c.scalar(o)
	if err != nil {
		return nil, err
	}
	return func(w *wave) *vec { return broadcast(&w.tmp[slot], s(w)) }, nil
}

func mapped(get fetch, slot int, f func(uint32) uint32) fetch {
	return func(w *wave) *vec {
		src, d := get(w), &w.tmp[slot]
		for l := range d {
			d[l] = f(src[l])
		}
		return d
	}
}

// modified applies absolute value and sign.
func modified(get fetch, slot int, o gcn.Operand, t typ) fetch {
	sign := uint32(1 << 31)
	if t == half {
		sign = 1 << 15
	}
	switch {
	case t == raw || !o.Neg && !o.Abs:
		return get
	case o.Neg && o.Abs:
		return mapped(get, slot, func(x uint32) uint32 { return x | sign })
	case o.Abs:
		return mapped(get, slot, func(x uint32) uint32 { return x &^ sign })
	}
	return mapped(get, slot, func(x uint32) uint32 { return x ^ sign })
}

// selected takes a byte or word of each lane.
func selected(get fetch, slot int, o gcn.Operand) fetch {
	shift, width := selection(o.Sel)
	up := 32 - width
	if o.Sext {
		return mapped(get, slot, func(x uint32) uint32 { return uint32(int32(x>>shift<<up) >> up) })
	}
	return mapped(get, slot, func(x uint32) uint32 { return x >> shift << up >> up })
}

// selection is where a part of a register begins, and its bits.
func selection(s gcn.Sel) (shift, width int) {
	switch {
	case s <= gcn.Byte3:
		return 8 * int(s), 8
	case s <= gcn.Word1:
		return 16 * int(s-gcn.Word0), 16
	}
	return 0, 32
}

// dpp moves the source between lanes. Lanes without a source read 0 or, with
// bound_ctrl off, are not written.
func (c *compiler) dpp(get fetch) fetch {
	var from [Lanes]int
	for l := range from {
		from[l] = dppSource(c.in.DPPCtrl, l)
	}
	enabled := dppEnabled(c.in.RowMask, c.in.BankMask)
	zero := c.in.BoundCtrl
	return func(w *wave) *vec {
		src, d, active := get(w), &w.tmp[0], w.exec()
		var moved vec
		w.lanes = enabled
		for l, s := range from {
			switch {
			case s >= 0 && active>>s&1 == 1:
				moved[l] = src[s]
			case !zero:
				w.lanes &^= 1 << l
			}
		}
		*d = moved
		return d
	}
}

func dppEnabled(rows, banks int) (m uint64) {
	for l := range Lanes {
		if rows>>(l/16)&1 == 1 && banks>>(l/4%4)&1 == 1 {
			m |= 1 << l
		}
	}
	return m
}

// dppSource is the lane that lane l reads; −1: none.
func dppSource(ctrl, l int) int {
	row, in := l&^15, l&15
	within := func(i int) int {
		if i < 0 || i > 15 {
			return -1
		}
		return row + i
	}
	n := ctrl & 15
	switch {
	case ctrl < 0x100: // quad_perm
		return l&^3 + ctrl>>(2*(l&3))&3
	case ctrl > 0x100 && ctrl < 0x110:
		return within(in + n)
	case ctrl > 0x110 && ctrl < 0x120:
		return within(in - n)
	case ctrl > 0x120 && ctrl < 0x130:
		return row + (in-n)&15
	}
	switch ctrl {
	case gcn.WaveShl:
		if l == Lanes-1 {
			return -1
		}
		return l + 1
	case gcn.WaveRol:
		return (l + 1) % Lanes
	case gcn.WaveShr:
		return l - 1
	case gcn.WaveRor:
		return (l + Lanes - 1) % Lanes
	case gcn.RowMirror:
		return row + 15 - in
	case gcn.RowHalfMirror:
		return l&^7 + 7 - l&7
	case gcn.RowBcast15:
		return row - 1 // the last lane of the row before; −1 for the first row
	case gcn.RowBcast31:
		if l < 32 {
			return -1
		}
		return 31
	}
	return -1
}

// source64 returns a 64-bit source for one lane.
func (c *compiler) source64(i int, double bool) (func(w *wave, l int) uint64, error) {
	o := c.in.Src[i]
	if o.Kind == gcn.VGPR {
		n := o.Reg
		get := func(w *wave, l int) uint64 { return uint64(w.v[n][l]) | uint64(w.v[n+1][l])<<32 }
		return signed64(get, o, double), nil
	}
	s, err := c.scalar64(o, double)
	if err != nil {
		return nil, err
	}
	return signed64(func(w *wave, _ int) uint64 { return s(w) }, o, double), nil
}

func signed64(get func(w *wave, l int) uint64, o gcn.Operand, double bool) func(w *wave, l int) uint64 {
	if !double || !o.Neg && !o.Abs {
		return get
	}
	return func(w *wave, l int) uint64 {
		x := get(w, l)
		if o.Abs {
			x &^= 1 << 63
		}
		if o.Neg {
			x ^= 1 << 63
		}
		return x
	}
}

// firstLane is the lowest active lane; lane 0 where none is.
func firstLane(active uint64) int {
	if active == 0 {
		return 0
	}
	return bits.TrailingZeros64(active)
}

// saturate01 is the clamp of float results; NaN becomes 0.
func saturate01(x float64) float64 {
	if x != x {
		return 0
	}
	return math.Max(0, math.Min(1, x))
}
