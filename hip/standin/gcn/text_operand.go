package gcn

import (
	"fmt"
	"math"
	"strings"
)

var specials = map[int]string{
	SharedBase: "src_shared_base", SharedLimit: "src_shared_limit", PrivateBase: "src_private_base", PrivateLimit: "src_private_limit",
	239: "src_pops_exiting_wave_id", VCCZ: "src_vccz", ExecZ: "src_execz", SCC: "src_scc", 254: "src_lds_direct",
}

// FloatValue is what the inline constant with the code stands for.
func FloatValue(code int) float64 {
	return []float64{0.5, -0.5, 1, -1, 2, -2, 4, -4, 0.15915494309189532}[code-240]
}

var floats = []string{"0.5", "-0.5", "1.0", "-1.0", "2.0", "-2.0", "4.0", "-4.0", "0.15915494"}

// text is an operand with its modifiers.
func (in *Inst) text(o Operand) string {
	s := in.bare(o)
	if o.Sext {
		s = "sext(" + s + ")"
	}
	if o.Abs {
		s = "|" + s + "|"
	}
	if o.Neg && !(in.Format == VOP3P && !in.mixed()) {
		s = "-" + s
	}
	return s
}

// mixed says whether the modifiers of VOP3P are those of one 32-bit result.
func (in *Inst) mixed() bool { return contains(in.Name, "_mix") }

func (in *Inst) bare(o Operand) string {
	switch o.Kind {
	case VGPR:
		return span("v", o.Reg, o.Width)
	case AGPR:
		return span("a", o.Reg, o.Width)
	case SGPR:
		return scalarName(o.Reg, o.Width)
	case Integer:
		return fmt.Sprint(o.Value)
	case Float:
		if o.Value == 248 && o.Width == 2 {
			return "0.15915494309189532"
		}
		return floats[o.Value-240]
	case Literal:
		if strings.HasSuffix(in.Name, "16") {
			return fmt.Sprintf("%#x", in.Literal&0xffff) // a 16-bit source
		}
		return literalText(in.Literal)
	case Special:
		if n, ok := specials[o.Value]; ok {
			return n
		}
		return fmt.Sprintf("src_%d", o.Value)
	}
	return ""
}

func span(file string, reg, width int) string {
	if width == 1 {
		return fmt.Sprintf("%s%d", file, reg)
	}
	return fmt.Sprintf("%s[%d:%d]", file, reg, reg+width-1)
}

func scalarName(reg, width int) string {
	half := ""
	if width == 1 {
		half = []string{"_lo", "_hi"}[reg&1]
	}
	switch reg &^ 1 {
	case FlatScratch:
		return "flat_scratch" + half
	case XnackMask:
		return "xnack_mask" + half
	case VCC:
		return "vcc" + half
	case Exec:
		return "exec" + half
	}
	switch {
	case reg == M0:
		return "m0"
	case reg >= 108 && reg < 124:
		return span("ttmp", reg-108, width)
	}
	return span("s", reg, width)
}

// literalText is a literal; LLVM prints one that an inline constant could hold
// as that constant.
func literalText(bits uint32) string {
	if n := int32(bits); n >= -16 && n <= 64 {
		return fmt.Sprint(n)
	}
	for i, name := range floats {
		if math.Float32bits(float32(FloatValue(240+i))) == bits {
			return name
		}
	}
	return fmt.Sprintf("%#x", bits)
}
