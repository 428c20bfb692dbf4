package gcn

import (
	"fmt"
	"strings"
)

// String is the instruction in LLVM's assembly language.
func (in *Inst) String() string {
	t := text{in: in}
	t.WriteString(in.mnemonic())
	for i, o := range in.operands() {
		if i > 0 {
			t.WriteByte(',')
		}
		t.WriteString(" " + o)
	}
	t.modifiers()
	return t.String()
}

type text struct {
	strings.Builder
	in *Inst
}

func (t *text) add(format string, args ...any) { fmt.Fprintf(t, " "+format, args...) }

func (t *text) flag(on bool, name string) {
	if on {
		t.WriteString(" " + name)
	}
}

// mnemonic is the name with the suffix of its encoding.
func (in *Inst) mnemonic() string {
	switch {
	case in.Encoding == SDWA:
		return in.Name + "_sdwa"
	case in.Encoding == DPP:
		return in.Name + "_dpp"
	case in.Encoding == E64:
		return in.Name + "_e64"
	case (in.Format == VOP1 || in.Format == VOP2 || in.Format == VOPC) && !in.only32():
		return in.Name + "_e32"
	}
	return in.Name
}

// only32 says whether an instruction has no longer form.
func (in *Inst) only32() bool {
	switch in.Name {
	case "v_nop", "v_readfirstlane_b32", "v_clrexcp", "v_swap_b32":
		return true
	}
	return in.Has("K")
}

// operands are the texts between the commas.
func (in *Inst) operands() []string {
	var out []string
	switch in.Format {
	case DS:
		return in.texts(in.Dst, in.Src[0], in.Src[1], in.Src[2])
	case Flat, Scratch, Global:
		return in.flatOperands()
	case MUBUF:
		if in.Dst.Kind == None {
			return nil
		}
		address := "off"
		if in.Src[0].Kind != None {
			address = in.text(in.Src[0])
		}
		return append(out, in.text(in.Dst), address, in.text(in.Base), in.text(in.Offset))
	case SMEM:
		return in.smemOperands()
	case VOPC:
		return in.texts(in.Sdst, in.Src[0], in.Src[1])
	case SOPC:
		if in.Name == "s_set_gpr_idx_on" {
			return append(in.texts(in.Src[0]), indexModes(in.Src[1].Reg))
		}
	}
	for _, r := range in.roles {
		if o := in.roleText(r); o != "" {
			out = append(out, o)
		}
	}
	if in.Encoding == E64 && in.width('s') == 0 {
		return in.longOperands()
	}
	return out
}

// longOperands are those of VOP2 and VOP1 in the form of VOP3, where masks are
// written out.
func (in *Inst) longOperands() []string {
	return in.texts(in.Dst, in.Sdst, in.Src[0], in.Src[1], in.Mask)
}

func (in *Inst) texts(ops ...Operand) []string {
	var out []string
	for _, o := range ops {
		if o.Kind != None {
			out = append(out, in.text(o))
		}
	}
	return out
}

func (in *Inst) roleText(r role) string {
	switch r.field {
	case 'd':
		return in.text(in.Dst)
	case 's':
		return in.text(in.Sdst)
	case 'a':
		return in.text(in.Src[0])
	case 'b':
		return in.text(in.Src[1])
	case 'c':
		return in.text(in.Src[2])
	}
	return in.wordText(r.word)
}

func (in *Inst) wordText(word string) string {
	switch word {
	case "vcc":
		return "vcc"
	case "k":
		return in.immediate()
	case "K", "lit":
		return fmt.Sprintf("%#x", in.Literal)
	case "rel":
		return fmt.Sprint(uint16(in.Imm))
	case "hwreg":
		return hwreg(uint16(in.Imm))
	case "waitcnt":
		return in.waits()
	case "msg":
		if in.Imm == 1 {
			return "sendmsg(MSG_INTERRUPT)"
		}
		return fmt.Sprintf("sendmsg(%d)", uint16(in.Imm))
	}
	return ""
}

// immediate is simm16 as LLVM prints it: hexadecimal where it is a number of
// bits, decimal where it is a count.
func (in *Inst) immediate() string {
	if in.Format == SOPP {
		if in.Name == "s_endpgm" && in.Imm == 0 {
			return ""
		}
		return fmt.Sprint(uint16(in.Imm))
	}
	return fmt.Sprintf("%#x", uint16(in.Imm))
}

// Waits are the counters of s_waitcnt: the most operations of vector memory,
// exports and scalar memory or LDS that may still be under way.
func (in *Inst) Waits() (vm, exp, lgkm int) {
	w := uint32(uint16(in.Imm))
	return bits(w, 0, 4) | bits(w, 14, 2)<<4, bits(w, 4, 3), bits(w, 8, 4)
}

func (in *Inst) waits() string {
	vm, exp, lgkm := in.Waits()
	var out []string
	all := vm == 63 && exp == 7 && lgkm == 15
	if vm != 63 || all {
		out = append(out, fmt.Sprintf("vmcnt(%d)", vm))
	}
	if exp != 7 || all {
		out = append(out, fmt.Sprintf("expcnt(%d)", exp))
	}
	if lgkm != 15 || all {
		out = append(out, fmt.Sprintf("lgkmcnt(%d)", lgkm))
	}
	return strings.Join(out, " ")
}

var hwregs = map[int]string{1: "MODE", 2: "STATUS", 3: "TRAPSTS", 4: "HW_ID", 5: "GPR_ALLOC", 6: "LDS_ALLOC", 7: "IB_STS", 15: "SH_MEM_BASES", 16: "TBA_LO", 17: "TBA_HI", 18: "TMA_LO", 19: "TMA_HI"}

func hwreg(imm uint16) string {
	id, offset, size := int(imm&63), int(imm>>6&31), int(imm>>11)+1
	name := fmt.Sprint(id)
	if n, ok := hwregs[id]; ok {
		name = "HW_REG_" + n
	}
	if offset == 0 && size == 32 {
		return fmt.Sprintf("hwreg(%s)", name)
	}
	return fmt.Sprintf("hwreg(%s, %d, %d)", name, offset, size)
}

func (in *Inst) flatOperands() []string {
	address := "off"
	if in.Src[0].Kind != None {
		address = in.text(in.Src[0])
	}
	out := in.texts(in.Dst)
	if in.Format == Scratch && in.width('d') == 0 || in.width('d') > 0 || in.Format != Scratch {
		out = append(out, address)
	}
	out = append(out, in.texts(in.Src[1])...)
	switch {
	case in.Format == Flat:
	case in.Base.Kind == None:
		out = append(out, "off")
	default:
		out = append(out, in.text(in.Base))
	}
	return out
}

func (in *Inst) smemOperands() []string {
	out := in.texts(in.Dst, in.Base)
	switch {
	case in.Base.Kind == None:
	case in.Offset.Kind != None:
		out = append(out, in.text(in.Offset))
	default:
		out = append(out, fmt.Sprintf("%#x", in.Imm))
	}
	return out
}

// indexModes are the operands whose registers are counted from M0.
func indexModes(mask int) string {
	var names []string
	for i, n := range []string{"SRC0", "SRC1", "SRC2", "DST"} {
		if mask>>i&1 == 1 {
			names = append(names, n)
		}
	}
	return "gpr_idx(" + strings.Join(names, ",") + ")"
}
