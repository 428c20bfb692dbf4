package gcn

import (
	"encoding/binary"
	"fmt"
)

// Decode reads the instruction at the start of code. An error names the bits
// that belong to none.
func Decode(code []byte) (Inst, error) {
	d := decoder{code: code}
	if len(code) < 4 {
		return Inst{}, fmt.Errorf("%d bytes left of the code, an instruction needs 4", len(code))
	}
	d.w = d.word(0)
	d.in.Size = 4
	err := d.base()
	if err == nil && d.in.Size > len(code) {
		err = fmt.Errorf("%#08x: its second half lies beyond the code", d.w)
	}
	if err != nil {
		return Inst{}, err
	}
	return d.in, nil
}

type decoder struct {
	code []byte
	w    uint32 // the first word
	in   Inst
}

// word is the i-th of the code, 0 beyond its end; Decode looks at Size.
func (d *decoder) word(i int) uint32 {
	if 4*i+4 > len(d.code) {
		return 0
	}
	return binary.LittleEndian.Uint32(d.code[4*i:])
}

// bits are those of a word from lo on.
func bits(w uint32, lo, n int) int { return int(w >> lo & (1<<n - 1)) }

func (d *decoder) op(f Format, code int) error {
	d.in.Opcode = table[f][code]
	if d.in.Opcode == nil {
		return fmt.Errorf("%#08x: %s has no instruction %#x", d.w, f, code)
	}
	return nil
}

func (d *decoder) base() error {
	w := d.w
	switch {
	case w>>31 == 0:
		return d.vector()
	case w>>30 == 2:
		return d.scalar()
	}
	switch w >> 26 {
	case 0x30:
		return d.smem()
	case 0x34:
		if w>>23 == 0x1a7 {
			return d.vop3p()
		}
		return d.vop3()
	case 0x36:
		return d.ds()
	case 0x37:
		return d.flat()
	case 0x38:
		return d.mubuf()
	}
	return fmt.Errorf("%#08x: an encoding that compute kernels have no use for", w)
}

func (d *decoder) scalar() error {
	w, in := d.w, &d.in
	var err error
	switch {
	case w>>23 == 0x17d:
		err = d.op(SOP1, bits(w, 8, 8))
	case w>>23 == 0x17e:
		err = d.op(SOPC, bits(w, 16, 7))
	case w>>23 == 0x17f:
		err = d.op(SOPP, bits(w, 16, 7))
	case w>>28 == 0xb:
		err = d.op(SOPK, bits(w, 23, 5))
	default:
		err = d.op(SOP2, bits(w, 23, 7))
	}
	if err != nil {
		return err
	}
	in.Imm = int(int16(w))
	if in.Has("lit") {
		in.Literal = d.word(1)
		in.Size = 8
	}
	if n := in.width('d'); n > 0 {
		in.Dst = sgpr(bits(w, 16, 7), n)
	}
	if n := in.width('a'); n > 0 {
		in.Src[0] = d.source(bits(w, 0, 8), n)
	}
	if n := in.width('b'); n > 0 {
		in.Src[1] = d.source(bits(w, 8, 8), n)
	}
	return nil
}

func (d *decoder) smem() error {
	w, in := d.w, &d.in
	in.Size = 8
	if err := d.op(SMEM, bits(w, 18, 8)); err != nil {
		return err
	}
	w2 := d.word(1)
	in.GLC = bits(w, 16, 1) == 1
	if n := in.width('d'); n > 0 {
		in.Dst = sgpr(bits(w, 6, 7), n)
	}
	if n := in.width('a'); n > 0 {
		in.Base = sgpr(bits(w, 0, 6)*2, n)
		in.ImmOffset = bits(w, 17, 1) == 1
		if in.ImmOffset {
			in.Imm = int(int32(w2<<11) >> 11)
		} else {
			in.Offset = d.source(bits(w2, 0, 7), 1)
		}
		if bits(w, 14, 1) == 1 {
			in.Offset = d.source(bits(w2, 25, 7), 1)
		}
	}
	return nil
}

func (d *decoder) ds() error {
	w, in := d.w, &d.in
	in.Size = 8
	if err := d.op(DS, bits(w, 17, 8)); err != nil {
		return err
	}
	w2 := d.word(1)
	in.GDS = bits(w, 16, 1) == 1
	in.Imm, in.Imm2 = bits(w, 0, 8), bits(w, 8, 8)
	if !in.twoOffsets() {
		in.Imm, in.Imm2 = bits(w, 0, 16), 0
	}
	in.Dst = vgpr(bits(w2, 24, 8), in.width('d'))
	in.Src[0] = vgpr(bits(w2, 0, 8), in.width('a'))
	in.Src[1] = vgpr(bits(w2, 8, 8), in.width('b'))
	in.Src[2] = vgpr(bits(w2, 16, 8), in.width('c'))
	return nil
}

func (d *decoder) flat() error {
	w, in := d.w, &d.in
	in.Size = 8
	segment := bits(w, 14, 2)
	if segment == 3 {
		return fmt.Errorf("%#08x: a flat instruction of segment 3", w)
	}
	if err := d.op([]Format{Flat, Scratch, Global}[segment], bits(w, 18, 7)); err != nil {
		return err
	}
	w2 := d.word(1)
	in.GLC, in.SLC, in.LDS = bits(w, 16, 1) == 1, bits(w, 17, 1) == 1, bits(w, 13, 1) == 1
	in.Imm = int(int32(w<<19) >> 19)
	if segment == 0 {
		in.Imm = bits(w, 0, 12)
	}
	in.Src[0] = vgpr(bits(w2, 0, 8), in.width('a'))
	in.Src[1] = vgpr(bits(w2, 8, 8), in.width('b'))
	if n := in.width('d'); n > 0 {
		in.Dst = vgpr(bits(w2, 24, 8), n)
	} else if n := in.width('b'); n > 0 && in.GLC && segment != 1 {
		in.Dst = vgpr(bits(w2, 24, 8), atomicResult(in.Opcode, n))
	}
	if base := bits(w2, 16, 7); segment != 0 && base != 0x7f {
		in.Base = sgpr(base, 2)
		if segment == 1 {
			in.Base.Width = 1
			in.Src[0] = Operand{}
		} else {
			in.Src[0].Width = 1
		}
	}
	return nil
}

// atomicResult is the width of what an atomic returns: that of its data, half
// of it where the data is a pair of new and expected value.
func atomicResult(o *Opcode, data int) int {
	if contains(o.Name, "cmpswap") {
		return data / 2
	}
	return data
}

func (d *decoder) mubuf() error {
	w, in := d.w, &d.in
	in.Size = 8
	if err := d.op(MUBUF, bits(w, 18, 7)); err != nil {
		return err
	}
	w2 := d.word(1)
	in.Imm = bits(w, 0, 12)
	in.Offen, in.Idxen = bits(w, 12, 1) == 1, bits(w, 13, 1) == 1
	in.GLC, in.SLC, in.LDS = bits(w, 14, 1) == 1, bits(w, 17, 1) == 1, bits(w, 16, 1) == 1
	n := in.width('d')
	if n == 0 {
		return nil // cache control
	}
	in.Dst = vgpr(bits(w2, 8, 8), n)
	switch {
	case in.Offen && in.Idxen:
		in.Src[0] = vgpr(bits(w2, 0, 8), 2)
	case in.Offen || in.Idxen:
		in.Src[0] = vgpr(bits(w2, 0, 8), 1)
	}
	in.Base = sgpr(bits(w2, 16, 5)*4, 4)
	in.Offset = d.source(bits(w2, 24, 8), 1)
	return nil
}

// source is an operand of 8 or 9 bits.
func (d *decoder) source(code, width int) Operand {
	o := Operand{Width: width, Sel: DWord}
	switch {
	case code >= 256:
		o.Kind, o.Reg = VGPR, code-256
	case code < 128:
		o.Kind, o.Reg = SGPR, code
	case code <= 192:
		o.Kind, o.Value = Integer, code-128
	case code <= 208:
		o.Kind, o.Value = Integer, 192-code
	case code >= 240 && code <= 248:
		o.Kind, o.Value = Float, code
	case code == 255:
		o.Kind = Literal
		d.in.Literal = d.word(d.in.Size / 4)
		d.in.Size += 4
	default:
		o.Kind, o.Value = Special, code
	}
	return o
}

func sgpr(reg, width int) Operand {
	return Operand{Kind: SGPR, Reg: reg, Width: width, Sel: DWord}
}

// vgpr is a vector register; one of width 0 is no operand.
func vgpr(reg, width int) Operand {
	if width == 0 {
		return Operand{}
	}
	return Operand{Kind: VGPR, Reg: reg, Width: width, Sel: DWord}
}
