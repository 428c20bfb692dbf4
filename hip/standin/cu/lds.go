package cu

import (
	"math/bits"
	"strings"

	"ceiling/hip/standin/gcn"
)

// lds compiles the DS instructions.
func (c *compiler) lds() (run, error) {
	in := c.in
	switch {
	case in.GDS:
		return nil, c.unknown()
	case in.Name == "ds_nop":
		return func(*wave) {}, nil
	case in.Name == "ds_bpermute_b32", in.Name == "ds_permute_b32":
		return c.permuteLanes()
	case in.Name == "ds_swizzle_b32":
		return c.swizzle()
	case strings.HasPrefix(in.Name, "ds_read") || strings.HasPrefix(in.Name, "ds_write"):
		return c.ldsMove()
	}
	return c.ldsAtomic()
}

// ldsType reads the end of a name: bytes, sign, half of the register.
func ldsType(name string) (a access, ok bool) {
	a.store = strings.HasPrefix(name, "ds_write")
	name, a.high = strings.CutSuffix(name, "_hi")
	name, a.d16 = strings.CutSuffix(name, "_d16")
	switch name[strings.LastIndexByte(name, '_')+1:] {
	case "b8", "u8":
		a.bytes = 1
	case "i8":
		a.bytes, a.signed = 1, true
	case "b16", "u16":
		a.bytes = 2
	case "i16":
		a.bytes, a.signed = 2, true
	case "b32":
		a.bytes = 4
	case "b64":
		a.bytes = 8
	case "b96":
		a.bytes = 12
	case "b128":
		a.bytes = 16
	}
	if a.store {
		a.high = a.high || a.d16
	}
	return a, a.bytes > 0
}

func (c *compiler) ldsMove() (run, error) {
	in := c.in
	a, ok := ldsType(in.Name)
	if !ok || strings.Contains(in.Name, "addtid") {
		return nil, c.unknown()
	}
	two := strings.HasPrefix(in.Name, "ds_read2") || strings.HasPrefix(in.Name, "ds_write2")
	unit := 1
	if two {
		unit = a.bytes
		if strings.Contains(in.Name, "st64") {
			unit *= 64
		}
	}
	first, second := uint32(in.Imm*unit), uint32(in.Imm2*unit)
	address := in.Src[0].Reg
	reg, reg2 := in.Dst.Reg, in.Dst.Reg+a.bytes/4
	if a.store {
		reg, reg2 = in.Src[1].Reg, in.Src[2].Reg
	}
	return func(w *wave) {
		at := w.v[address] // a copy: a load may write the register
		banks := bankCounter{}
		for m := w.exec(); m != 0; m &= m - 1 {
			banks.touch(at[bits.TrailingZeros64(m)&63] + first)
		}
		w.count.own.Conflicts += banks.conflicts
		w.moveShared(a, &at, first, reg)
		if two {
			w.moveShared(a, &at, second, reg2)
		}
	}, nil
}

// moveShared moves the bytes of the active lanes that are behind their
// addresses in LDS.
func (w *wave) moveShared(a access, address *vec, behind uint32, reg int) {
	var at places
	for m := w.exec(); m != 0; m &= m - 1 {
		l := bits.TrailingZeros64(m) & 63
		x := address[l] + behind
		if uint64(x)+uint64(a.bytes) > uint64(len(w.lds)) {
			w.shared(x, a.bytes, l) // faults
		}
		at[l] = uint64(x)
	}
	a.moveAll(w, w.lds, &at, reg)
}

// bankCounter counts how often lanes of a wave's half meet in one of the 32
// banks of LDS with different words.
type bankCounter struct {
	words [32]uint32
	used  uint32

	conflicts int64
}

func (b *bankCounter) touch(address uint32) {
	word := address / 4
	bank := word % 32
	if b.used>>bank&1 == 1 && b.words[bank] != word {
		b.conflicts++
	}
	b.used |= 1 << bank
	b.words[bank] = word
}

func (c *compiler) permuteLanes() (run, error) {
	in := c.in
	d, a, b, imm := in.Dst.Reg, in.Src[0].Reg, in.Src[1].Reg, uint32(in.Imm)
	back := in.Name == "ds_bpermute_b32"
	return func(w *wave) {
		active := w.exec()
		w.out = vec{}
		for m := active; m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			other := int((w.v[a][l] + imm) / 4 % Lanes)
			switch {
			case !back:
				w.out[other] = w.v[b][l]
			case active>>other&1 == 1:
				w.out[l] = w.v[b][other]
			}
		}
		merge(&w.v[d], &w.out, active)
	}, nil
}

func (c *compiler) swizzle() (run, error) {
	in := c.in
	var from [Lanes]int
	for l := range from {
		if in.Imm&0x8000 != 0 {
			from[l] = l&^3 + in.Imm>>(2*(l&3))&3
			continue
		}
		and, or, xor := in.Imm&31, in.Imm>>5&31, in.Imm>>10&31
		from[l] = l&32 | (l&31&and | or) ^ xor
	}
	d, a := in.Dst.Reg, in.Src[0].Reg
	return func(w *wave) {
		active := w.exec()
		for l, s := range from {
			w.out[l] = 0
			if active>>s&1 == 1 {
				w.out[l] = w.v[a][s]
			}
		}
		merge(&w.v[d], &w.out, active)
	}, nil
}

// ldsAtomic compiles atomics on LDS. The waves of a workgroup run one after
// the other, so nothing has to be locked.
func (c *compiler) ldsAtomic() (run, error) {
	in := c.in
	name := strings.TrimPrefix(in.Name, "ds_")
	kind := name[strings.LastIndexByte(name, '_')+1:]
	width := 4
	if strings.HasSuffix(kind, "64") {
		width = 8
	}
	returned := strings.Contains(name, "_rtn_")
	f := ldsOperation(strings.Replace(strings.TrimSuffix(name, "_"+kind), "_rtn", "", 1), kind)
	if f == nil {
		return nil, c.unknown()
	}
	d, a, x, y, imm := in.Dst.Reg, in.Src[0].Reg, in.Src[1].Reg, in.Src[2].Reg, uint32(in.Imm)
	third := in.Src[2].Kind != gcn.None
	return func(w *wave) {
		at := w.v[a]
		for m := w.exec(); m != 0; m &= m - 1 {
			l := bits.TrailingZeros64(m)
			mem := w.shared(at[l]+imm, width, l)
			data, data2 := w.lane64(x, l, width), uint64(0)
			if third {
				data2 = w.lane64(y, l, width)
			}
			was := exchange(mem, func(was uint64) uint64 { return f(was, data, data2) })
			if returned {
				w.putLane64(d, l, width, was)
			}
		}
	}, nil
}

// lane64 is 4 or 8 bytes of a lane's registers.
func (w *wave) lane64(reg, l, bytes int) uint64 {
	x := uint64(w.v[reg][l])
	if bytes == 8 {
		x |= uint64(w.v[reg+1][l]) << 32
	}
	return x
}

// putLane64 writes 4 or 8 bytes into a lane's registers.
func (w *wave) putLane64(reg, l, bytes int, x uint64) {
	w.v[reg][l] = uint32(x)
	if bytes == 8 {
		w.v[reg+1][l] = uint32(x >> 32)
	}
}

// ldsOperation maps the names of DS on those of global atomics.
func ldsOperation(op, kind string) func(was, x, y uint64) uint64 {
	wide := strings.HasSuffix(kind, "64")
	switch op + " " + kind[:1] {
	case "min i":
		return atomics("smin", wide)
	case "max i":
		return atomics("smax", wide)
	case "min u":
		return atomics("umin", wide)
	case "max u":
		return atomics("umax", wide)
	case "min f":
		return func(was, x, _ uint64) uint64 { return uint64(u32(min32(f32(uint32(was)), f32(uint32(x))))) }
	case "max f":
		return func(was, x, _ uint64) uint64 { return uint64(u32(max32(f32(uint32(was)), f32(uint32(x))))) }
	case "add f":
		return atomics("add_f32", wide)
	case "wrxchg b":
		return atomics("swap", wide)
	case "cmpst b": // compares with the first, stores the second
		swap := atomics("cmpswap", wide)
		return func(was, expected, x uint64) uint64 { return swap(was, x, expected) }
	case "add u", "sub u", "inc u", "dec u", "and b", "or b", "xor b":
		return atomics(op, wide)
	}
	return nil
}
