package gcn

import (
	"fmt"
	"strings"
)

// modifiers writes what follows the operands.
func (t *text) modifiers() {
	in := t.in
	switch in.Format {
	case VOP1, VOP2, VOPC, VOP3:
		t.vectorModifiers()
	case VOP3P:
		t.packedModifiers()
	case DS:
		t.dsModifiers()
	case SMEM:
		if in.ImmOffset && in.Offset.Kind != None {
			t.add("offset:%#x", in.Imm)
		}
		t.flag(in.GLC, "glc")
	case Flat, Scratch, Global:
		if in.Imm != 0 {
			t.add("offset:%d", in.Imm)
		}
		t.flag(in.GLC, "glc")
		t.flag(in.SLC, "slc")
		t.flag(in.LDS, "lds")
	case MUBUF:
		t.flag(in.Idxen, "idxen")
		t.flag(in.Offen, "offen")
		if in.Imm != 0 {
			t.add("offset:%d", in.Imm)
		}
		t.flag(in.GLC, "glc")
		t.flag(in.SLC, "slc")
		t.flag(in.LDS, "lds")
	}
}

func (t *text) vectorModifiers() {
	in := t.in
	if in.Encoding == DPP {
		t.dppModifiers()
		return
	}
	if in.OpSel != 0 {
		bits := []int{in.OpSel & 1}
		for i := 1; i < 3 && in.Src[i].Kind != None; i++ {
			bits = append(bits, in.OpSel>>i&1)
		}
		t.list("op_sel", append(bits, in.OpSel>>3&1))
	}
	t.flag(in.Clamp, "clamp")
	t.flag(in.Omod == 1, "mul:2")
	t.flag(in.Omod == 2, "mul:4")
	t.flag(in.Omod == 3, "div:2")
	if in.Encoding == SDWA {
		t.sdwaModifiers()
	}
}

var sels = []string{"BYTE_0", "BYTE_1", "BYTE_2", "BYTE_3", "WORD_0", "WORD_1", "DWORD"}

func (t *text) sdwaModifiers() {
	in := t.in
	if in.Format != VOPC {
		t.add("dst_sel:%s dst_unused:%s", sels[in.Dst.Sel], []string{"UNUSED_PAD", "UNUSED_SEXT", "UNUSED_PRESERVE"}[in.DstUnused])
	}
	t.add("src0_sel:%s", sels[in.Src[0].Sel])
	if in.Src[1].Kind != None {
		t.add("src1_sel:%s", sels[in.Src[1].Sel])
	}
}

func (t *text) dppModifiers() {
	in := t.in
	c := in.DPPCtrl
	switch {
	case c < 0x100:
		t.list("quad_perm", []int{c & 3, c >> 2 & 3, c >> 4 & 3, c >> 6})
	case c < 0x110:
		t.add("row_shl:%d", c&15)
	case c < 0x120:
		t.add("row_shr:%d", c&15)
	case c < 0x130:
		t.add("row_ror:%d", c&15)
	default:
		t.WriteString(" " + map[int]string{
			WaveShl: "wave_shl:1", WaveRol: "wave_rol:1", WaveShr: "wave_shr:1", WaveRor: "wave_ror:1",
			RowMirror: "row_mirror", RowHalfMirror: "row_half_mirror", RowBcast15: "row_bcast:15", RowBcast31: "row_bcast:31",
		}[c])
	}
	t.add("row_mask:%#x bank_mask:%#x", in.RowMask, in.BankMask)
	t.flag(in.BoundCtrl, "bound_ctrl:1")
}

// Controls of DPP beyond the shifts within a row.
const (
	WaveShl       = 0x130
	WaveRol       = 0x134
	WaveShr       = 0x138
	WaveRor       = 0x13c
	RowMirror     = 0x140
	RowHalfMirror = 0x141
	RowBcast15    = 0x142
	RowBcast31    = 0x143
)

func (t *text) list(name string, values []int) {
	t.add("%s:[%s]", name, strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", ","), "[]"))
}

func (t *text) packedModifiers() {
	in := t.in
	if in.MFMA() {
		for _, m := range []struct {
			name  string
			value int
		}{{"cbsz", in.Cbsz}, {"abid", in.Abid}, {"blgp", in.Blgp}} {
			if m.value != 0 {
				t.add("%s:%d", m.name, m.value)
			}
		}
		return
	}
	n := 0
	neg := 0
	for i, s := range in.Src {
		if s.Kind != None {
			n++
		}
		if s.Neg {
			neg |= 1 << i
		}
	}
	all := 1<<n - 1
	usual := all
	if in.mixed() {
		usual, neg = 0, 0
	}
	mask := func(name string, value, usual int) {
		if value&all == usual {
			return
		}
		values := make([]int, n)
		for i := range values {
			values[i] = value >> i & 1
		}
		t.list(name, values)
	}
	mask("op_sel", in.OpSel, 0)
	if !contains(in.Name, "accvgpr") {
		mask("op_sel_hi", in.OpSelHi, usual)
	}
	mask("neg_lo", neg, 0)
	if !in.mixed() {
		mask("neg_hi", in.NegHi, 0)
	}
	t.flag(in.Clamp, "clamp")
}

// twoOffsets says whether a DS instruction has two offsets of 8 bits.
func (o *Opcode) twoOffsets() bool {
	for _, p := range []string{"ds_read2", "ds_write2", "ds_wrxchg2"} {
		if strings.HasPrefix(o.Name, p) {
			return true
		}
	}
	return false
}

func (t *text) dsModifiers() {
	in := t.in
	switch {
	case in.Name == "ds_swizzle_b32":
		t.WriteString(swizzle(in.Imm))
	case in.twoOffsets():
		if in.Imm != 0 {
			t.add("offset0:%d", in.Imm)
		}
		if in.Imm2 != 0 {
			t.add("offset1:%d", in.Imm2)
		}
	case in.Imm != 0:
		t.add("offset:%d", in.Imm)
	}
	t.flag(in.GDS, "gds")
}

// swizzle is the pattern of ds_swizzle in LLVM's words.
func swizzle(imm int) string {
	if imm == 0 {
		return ""
	}
	if imm&0xff00 == 0x8000 {
		return fmt.Sprintf(" offset:swizzle(QUAD_PERM,%d,%d,%d,%d)", imm&3, imm>>2&3, imm>>4&3, imm>>6&3)
	}
	if imm&0x8000 != 0 {
		return fmt.Sprintf(" offset:%d", imm)
	}
	and, or, xor := imm&31, imm>>5&31, imm>>10&31
	switch {
	case and == 31 && or == 0 && xor != 0 && xor&(xor-1) == 0:
		return fmt.Sprintf(" offset:swizzle(SWAP,%d)", xor)
	case and == 31 && or == 0 && xor != 0 && xor&(xor+1) == 0:
		return fmt.Sprintf(" offset:swizzle(REVERSE,%d)", xor+1)
	case xor == 0 && and == 31&^(and^31) && or < (and^31)+1 && (and^31)&((and^31)+1) == 0 && and != 31:
		return fmt.Sprintf(" offset:swizzle(BROADCAST,%d,%d)", (and^31)+1, or)
	}
	pattern := make([]byte, 5)
	for i := range pattern {
		b := 4 - i
		switch a, o, x := and>>b&1, or>>b&1, xor>>b&1; {
		case a == 0:
			pattern[i] = byte('0' + o ^ x)
		case o == 1:
			pattern[i] = byte('0' + 1 ^ x)
		case x == 0:
			pattern[i] = 'p'
		default:
			pattern[i] = 'i'
		}
	}
	return fmt.Sprintf(" offset:swizzle(BITMASK_PERM,%q)", pattern)
}
