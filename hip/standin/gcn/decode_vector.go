package gcn

import (
	"fmt"
	"strings"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// Codes of the first source that change the encoding.
const (
	sdwaCode = 0xf9
	dppCode  = 0xfa
)

// vector decodes VOP1, VOP2 and VOPC.
func (d *decoder) vector() error {
	w, in := d.w, &d.in
	var err error
	switch {
	case w>>25 == 0x3f:
		err = d.op(VOP1, bits(w, 9, 8))
	case w>>25 == 0x3e:
		err = d.op(VOPC, bits(w, 17, 8))
	default:
		err = d.op(VOP2, bits(w, 25, 6))
	}
	if err != nil {
		return err
	}
	d.destination(bits(w, 17, 8))
	if in.Format == VOPC || in.Has("vcc") {
		d.implicitMasks(sgpr(VCC, 2), sgpr(VCC, 2))
	}
	if n := in.width('b'); n > 0 {
		in.Src[1] = vgpr(bits(w, 9, 8), n)
	}
	n := in.width('a')
	if n == 0 {
		return nil
	}
	switch code := bits(w, 0, 9); code {
	case sdwaCode:
		return d.sdwa()
	case dppCode:
		d.dpp()
	default:
		in.Src[0] = d.source(code, n)
	}
	if in.Has("K") {
		in.Literal = d.word(1)
		in.Size = 8
	}
	return nil
}

// destination is the one in the field d.
func (d *decoder) destination(reg int) {
	in := &d.in
	for _, r := range in.roles {
		if r.field != 'd' {
			continue
		}
		switch r.file {
		case 's':
			in.Dst = sgpr(reg, r.width)
		case 'a':
			in.Dst = Operand{Kind: AGPR, Reg: reg, Width: r.width, Sel: DWord}
		default:
			in.Dst = vgpr(reg, r.width)
		}
	}
}

// implicitMasks sets the masks that an instruction of VOP2 or VOPC writes and
// reads.
func (d *decoder) implicitMasks(written, read Operand) {
	in := &d.in
	if in.Format == VOPC || in.carryOut() {
		in.Sdst = written
	}
	if in.carryIn() {
		in.Mask = read
	}
}

// carryOut says whether a mask of carries is written.
func (o *Opcode) carryOut() bool { return o.Format == VOP2 && contains(o.Name, "_co_") }

// carryIn says whether a mask is read: as carries, or to choose by.
func (o *Opcode) carryIn() bool {
	return o.Format == VOP2 && (contains(o.Name, "cndmask") || contains(o.Name, "addc") || contains(o.Name, "subb"))
}

func (d *decoder) sdwa() error {
	in, w := &d.in, d.word(1)
	in.Encoding = SDWA
	in.Size = 8
	part := func(o *Operand, reg, at int, scalar bool) {
		kind := VGPR
		if scalar {
			kind = SGPR
		}
		*o = Operand{Kind: kind, Reg: reg, Width: 1, Sel: Sel(bits(w, at, 3)),
			Sext: bits(w, at+3, 1) == 1, Neg: bits(w, at+4, 1) == 1, Abs: bits(w, at+5, 1) == 1}
		if scalar {
			*o = d.scalarPart(*o)
		}
	}
	part(&in.Src[0], bits(w, 0, 8), 16, bits(w, 23, 1) == 1)
	if in.Src[1].Kind != None {
		part(&in.Src[1], in.Src[1].Reg, 24, bits(w, 31, 1) == 1)
	}
	if in.Src[0].Sel > DWord || in.Src[1].Sel > DWord {
		return noPart(d.w, w)
	}
	if in.Format == VOPC {
		if bits(w, 15, 1) == 1 {
			in.Sdst = sgpr(bits(w, 8, 7), 2)
		}
		return nil
	}
	in.Dst.Sel = Sel(bits(w, 8, 3))
	in.DstUnused = bits(w, 11, 2)
	in.Clamp = bits(w, 13, 1) == 1
	in.Omod = bits(w, 14, 2)
	if in.Dst.Sel > DWord || in.DstUnused > UnusedPreserve {
		return noPart(d.w, w)
	}
	return nil
}

func noPart(w, w2 uint32) error {
	return fmt.Errorf("%#08x %#08x: SDWA selects no part of a register", w, w2)
}

// scalarPart is the scalar source of an SDWA instruction, an inline constant
// among them.
func (d *decoder) scalarPart(o Operand) Operand {
	s := d.source(o.Reg, 1)
	s.Sel, s.Sext, s.Neg, s.Abs = o.Sel, o.Sext, o.Neg, o.Abs
	return s
}

func (d *decoder) dpp() {
	in, w := &d.in, d.word(1)
	in.Encoding = DPP
	in.Size = 8
	in.Src[0] = vgpr(bits(w, 0, 8), in.width('a'))
	in.DPPCtrl = bits(w, 8, 9)
	in.BoundCtrl = bits(w, 19, 1) == 1
	in.Src[0].Neg, in.Src[0].Abs = bits(w, 20, 1) == 1, bits(w, 21, 1) == 1
	in.Src[1].Neg, in.Src[1].Abs = bits(w, 22, 1) == 1, bits(w, 23, 1) == 1
	in.BankMask, in.RowMask = bits(w, 24, 4), bits(w, 28, 4)
}

// vop3 decodes VOP3A and VOP3B, in which every vector instruction can be
// written.
func (d *decoder) vop3() error {
	w, w2, in := d.w, d.word(1), &d.in
	in.Size = 8
	var err error
	switch code := bits(w, 16, 10); {
	case code < 0x100:
		in.Encoding, err = E64, d.op(VOPC, code)
	case code < 0x140:
		in.Encoding, err = E64, d.op(VOP2, code-0x100)
	case code < 0x1c0:
		in.Encoding, err = E64, d.op(VOP1, code-0x140)
	default:
		err = d.op(VOP3, code)
	}
	if err != nil {
		return err
	}
	d.destination(bits(w, 0, 8))
	in.Clamp, in.Omod = bits(w, 15, 1) == 1, bits(w2, 27, 2)
	d.sources(w2)
	for i := range in.Src {
		in.Src[i].Neg = bits(w2, 29+i, 1) == 1
	}
	switch {
	case in.Format == VOPC:
		in.Sdst = sgpr(bits(w, 0, 8), 2)
		d.absolute(bits(w, 8, 3))
	case in.width('s') > 0 || in.carryOut():
		in.Sdst = sgpr(bits(w, 8, 7), 2)
	default:
		in.OpSel = bits(w, 11, 4)
		d.absolute(bits(w, 8, 3))
	}
	if in.carryIn() {
		in.Mask = d.source(bits(w2, 18, 9), 2)
	}
	return nil
}

func (d *decoder) absolute(mask int) {
	for i := range d.in.Src {
		d.in.Src[i].Abs = mask>>i&1 == 1
	}
}

// sources are the three of the second word of VOP3 and VOP3P.
func (d *decoder) sources(w2 uint32) {
	for i, field := range []byte{'a', 'b', 'c'} {
		if n := d.in.width(field); n > 0 {
			d.in.Src[i] = d.source(bits(w2, 9*i, 9), n)
		}
	}
}

func (d *decoder) vop3p() error {
	w, w2, in := d.w, d.word(1), &d.in
	in.Size = 8
	if err := d.op(VOP3P, bits(w, 16, 7)); err != nil {
		return err
	}
	d.destination(bits(w, 0, 8))
	d.sources(w2)
	if in.MFMA() || contains(in.Name, "accvgpr") {
		d.matrix(w, w2)
		return nil
	}
	in.Clamp = bits(w, 15, 1) == 1
	in.OpSel = bits(w, 11, 3)
	in.OpSelHi = bits(w2, 27, 2) | bits(w, 14, 1)<<2
	in.NegHi = bits(w, 8, 3)
	for i := range in.Src {
		in.Src[i].Neg = bits(w2, 29+i, 1) == 1
	}
	return nil
}

// matrix reads what MFMA and the moves to and from accumulation registers have
// in place of modifiers.
func (d *decoder) matrix(w, w2 uint32) {
	in := &d.in
	switch in.Name {
	case "v_accvgpr_read_b32":
		in.Src[0].Kind = AGPR
		return
	case "v_accvgpr_write_b32":
		return // the bits mean nothing there
	}
	in.Cbsz, in.Abid, in.Blgp = bits(w, 8, 3), bits(w, 11, 4), bits(w2, 29, 3)
	for i := range 2 {
		if in.Src[i].Kind == VGPR && bits(w2, 27+i, 1) == 1 {
			in.Src[i].Kind = AGPR
		}
	}
	if in.Src[2].Kind == VGPR {
		in.Src[2].Kind = AGPR // an accumulator is always one on this card
	}
}
