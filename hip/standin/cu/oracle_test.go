package cu

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"ceiling/hip/standin/gcn"
)

// TestForms executes one instruction of each form that occurs in llama.cpp's and
// rocBLAS's code, on random registers, masks and edge values, and compares the
// whole state of the wave with what a second reading of the instruction says:
// lane by lane, in exact arithmetic, written without a look at the executor.
// What an oracle does not know other tests execute, or none: TestMain counts.
func TestForms(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	known := 0
	eachForm(t, func(text string, code []byte, in *gcn.Inst) {
		if f := oracleOf(in); f != nil {
			known++
			t.Run(text, func(t *testing.T) { compareForm(t, r, code, in, f) })
		}
	})
	if known < 300 {
		t.Errorf("%d forms have an oracle", known)
	}
}

// eachForm calls f with each line of the decoder's testdata.
func eachForm(t *testing.T, f func(text string, code []byte, in *gcn.Inst)) {
	t.Helper()
	content, err := os.ReadFile("../gcn/testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		encoding, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		code, err := hex.DecodeString(encoding)
		if err != nil {
			t.Fatal(err)
		}
		in, err := gcn.Decode(code)
		if err != nil {
			t.Fatal(err)
		}
		f(text, code, &in)
	}
}

func wordsOf(code []byte) []uint32 {
	words := make([]uint32, len(code)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(code[4*i:])
	}
	return words
}

// state is what an instruction can change.
type state struct {
	s   [128]uint32
	v   [256]vec
	scc bool
}

func stateOf(w *wave) *state { return &state{w.s, w.v, w.scc} }

func (x *state) s64(i int) uint64          { return uint64(x.s[i]) | uint64(x.s[i+1])<<32 }
func (x *state) set64(i int, y uint64)     { x.s[i], x.s[i+1] = uint32(y), uint32(y>>32) }
func (x *state) active(l int) bool         { return x.s64(gcn.Exec)>>l&1 == 1 }
func (x *state) v64(i, l int) uint64       { return uint64(x.v[i][l]) | uint64(x.v[i+1][l])<<32 }
func (x *state) setV64(i, l int, y uint64) { x.v[i][l], x.v[i+1][l] = uint32(y), uint32(y>>32) }

func compareForm(t *testing.T, r *rand.Rand, code []byte, in *gcn.Inst, f func(x *state)) {
	words := wordsOf(code)
	pick := func() uint32 {
		if r.IntN(2) == 0 {
			return edges[r.IntN(len(edges))]
		}
		return r.Uint32() >> (r.IntN(4) * 8)
	}
	m := newMachine(t)
	for range 12 {
		for _, o := range in.Operands() {
			for i := o.Reg; i < o.Reg+o.Width && o.Kind == gcn.VGPR; i++ {
				for l := range Lanes {
					m.w.v[i][l] = pick()
				}
			}
		}
		for i := range 106 {
			m.w.s[i] = pick()
		}
		m.w.set64(gcn.VCC, r.Uint64())
		m.w.set64(gcn.Exec, r.Uint64()|1)
		m.w.scc = r.IntN(2) == 0
		want := stateOf(m.w)
		f(want)
		m.must(words...)
		got := stateOf(m.w)
		if got.scc != want.scc || got.s != want.s {
			t.Fatalf("scalar registers: %s, scc %v, want %v", differing(got.s[:], want.s[:]), got.scc, want.scc)
		}
		for i := range got.v {
			if got.v[i] == want.v[i] {
				continue
			}
			for l := range Lanes {
				if a, b := got.v[i][l], want.v[i][l]; a != b && !alike(in, a, b) {
					t.Fatalf("v%d, lane %d: %#x, want %#x", i, l, a, b)
				}
			}
		}
	}
}

func differing(a, b []uint32) string {
	for i := range a {
		if a[i] != b[i] {
			return "s" + big.NewInt(int64(i)).String() + " is 0x" + big.NewInt(int64(a[i])).Text(16) + ", not 0x" + big.NewInt(int64(b[i])).Text(16)
		}
	}
	return "equal"
}

// alike says whether two words are NaN of the result's type.
func alike(in *gcn.Inst, a, b uint32) bool {
	nan16 := func(x uint32) bool { return x&0x7fff > 0x7c00 }
	switch {
	case strings.Contains(in.Name, "f64"):
		return a>>20&0x7ff == 0x7ff && b>>20&0x7ff == 0x7ff || a == 0 && b == 0
	case strings.Contains(in.Name, "f16") && !strings.HasPrefix(in.Name, "v_cvt_f32"):
		return (a&0xffff == b&0xffff || nan16(a) && nan16(b)) && (a>>16 == b>>16 || nan16(a>>16) && nan16(b>>16))
	}
	return same32(a, b)
}

// oracleOf is what an instruction does to a state; nil where it has no
// definition here.
func oracleOf(in *gcn.Inst) func(x *state) {
	switch in.Format {
	case gcn.SOP1, gcn.SOP2, gcn.SOPC, gcn.SOPK:
		return scalarOracle(in)
	case gcn.VOPC:
		return compareOracle(in)
	case gcn.VOP1, gcn.VOP2, gcn.VOP3:
		if strings.Contains(in.Name, "_co_u32") {
			return carryOracle(in)
		}
		if f, ok := wide64[in.Name]; ok {
			return wideOracle(in, f)
		}
		if f, ok := to32from64[in.Name]; ok {
			return lanes(in, func(x *state, l int) { x.v[in.Dst.Reg][l] = f(source64(x, in, 0, l, true)) })
		}
		if f, ok := narrow[in.Name]; ok {
			return narrowOracle(in, f)
		}
		return restOracle(in)
	case gcn.VOP3P:
		return packedOracle(in)
	}
	return nil
}

// lanes applies f to the active lanes.
func lanes(_ *gcn.Inst, f func(x *state, l int)) func(x *state) {
	return func(x *state) {
		for l := range Lanes {
			if x.active(l) {
				f(x, l)
			}
		}
	}
}

// kindOf is the type of an instruction's sources: the last in its name.
func kindOf(name string) string { return name[strings.LastIndexByte(name, '_')+1:] }

// source reads a 32-bit source of a lane with its modifiers.
func source(x *state, in *gcn.Inst, i, lane int) uint32 {
	o, kind := in.Src[i], kindOf(in.Name)
	var y uint32
	switch o.Kind {
	case gcn.VGPR:
		y = x.v[o.Reg][lane]
	case gcn.SGPR:
		y = x.s[o.Reg]
	case gcn.Integer:
		y = uint32(int32(o.Value))
	case gcn.Literal:
		y = in.Literal
	case gcn.Float:
		c := gcn.FloatValue(o.Value)
		if y = math.Float32bits(float32(c)); kind == "f16" {
			y = halfOf(new(big.Float).SetFloat64(c))
		}
	}
	if in.Encoding == gcn.SDWA {
		part := [...]struct{ at, n uint }{{0, 8}, {8, 8}, {16, 8}, {24, 8}, {0, 16}, {16, 16}, {0, 32}}[o.Sel]
		y = uint32(uint64(y) >> part.at & (1<<part.n - 1))
		if o.Sext && y>>(part.n-1) == 1 && part.n < 32 {
			y |= ^uint32(0) << part.n
		}
	}
	sign := map[string]uint32{"f16": 1 << 15, "f32": 1 << 31}[kind]
	if o.Abs {
		y &^= sign
	}
	if o.Neg {
		y ^= sign
	}
	return y
}

// source64 reads a 64-bit source; double: a float64.
func source64(x *state, in *gcn.Inst, i, lane int, double bool) uint64 {
	o := in.Src[i]
	var y uint64
	switch o.Kind {
	case gcn.VGPR:
		y = x.v64(o.Reg, lane)
	case gcn.SGPR:
		y = x.s64(o.Reg)
	case gcn.Integer:
		y = uint64(int64(o.Value))
	case gcn.Float:
		y = math.Float64bits(gcn.FloatValue(o.Value))
	case gcn.Literal:
		if y = uint64(int64(int32(in.Literal))); double {
			y = uint64(in.Literal) << 32
		}
	}
	if o.Abs {
		y &^= 1 << 63
	}
	if o.Neg {
		y ^= 1 << 63
	}
	return y
}

// narrowOracle is a result of one register; where lanes move, from is where
// the first source comes from.
func narrowOracle(in *gcn.Inst, f func(a, b, c, d uint32) uint32) func(x *state) {
	if in.Clamp || in.Omod != 0 || in.OpSel != 0 || in.Encoding == gcn.SDWA && (in.Dst.Sel != gcn.DWord || in.DstUnused != gcn.UnusedPad) {
		return nil
	}
	return func(x *state) {
		before := *x
		for l := range Lanes {
			if !before.active(l) {
				continue
			}
			from := l
			if in.Encoding == gcn.DPP {
				switch {
				case in.DPPCtrl == 0x101: // row_shl:1
					from = l + 1
					if l%16 == 15 {
						from = -1
					}
				case in.DPPCtrl == 0x130: // wave_shl:1
					if from = l + 1; l == 63 {
						from = -1
					}
				default:
					panic("a pattern that is not defined here")
				}
			}
			var a uint32 // bound_ctrl: 0 where there is no source
			if from >= 0 && (from == l || before.active(from)) {
				a = source(&before, in, 0, from)
			}
			x.v[in.Dst.Reg][l] = f(a, source(&before, in, 1, l), source(&before, in, 2, l), before.v[in.Dst.Reg][l])
		}
	}
}

func wideOracle(in *gcn.Inst, f func(x *state, in *gcn.Inst, l int) uint64) func(x *state) {
	return func(x *state) {
		before := *x
		for l := range Lanes {
			if before.active(l) {
				x.setV64(in.Dst.Reg, l, f(&before, in, l))
			}
		}
	}
}

// Exact arithmetic on 16- and 32-bit floats; special says what to do where a
// number is none.
func halfValue(x uint32) float64 {
	x &= 0xffff
	e, m := int(x>>10&31), float64(x&1023)
	sign := 1.0
	if x>>15 == 1 {
		sign = -1
	}
	switch e {
	case 31:
		if m != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	case 0:
		return sign * math.Ldexp(m, -24)
	}
	return sign * math.Ldexp(1024+m, e-25)
}

// halfOf rounds a number of any precision to 16 bits, once.
func halfOf(x *big.Float) uint32 {
	sign := uint32(0)
	if x.Signbit() {
		sign = 0x8000
	}
	if x.IsInf() {
		return sign | 0x7c00
	}
	if x.Sign() == 0 {
		return sign
	}
	step := max(x.MantExp(nil)-11, -24) // of the last bit
	scaled := new(big.Float).SetPrec(2000).Abs(x)
	scaled.SetMantExp(scaled, -step)
	n, _ := scaled.Int(nil)
	rest := new(big.Float).SetPrec(2000).Sub(scaled, new(big.Float).SetInt(n))
	if c := rest.Cmp(big.NewFloat(0.5)); c > 0 || c == 0 && n.Bit(0) == 1 {
		n.Add(n, big.NewInt(1))
	}
	v := math.Ldexp(float64(n.Int64()), step)
	if v >= 65536 {
		return sign | 0x7c00
	}
	if v < 0x1p-14 {
		return sign | uint32(math.Ldexp(v, 24))
	}
	m, e := math.Frexp(v)
	return sign | uint32(e+14)<<10 + uint32(math.Ldexp(m, 11)) - 1024
}

// halfFrom rounds a float64 that is exact to 16 bits.
func halfFrom(v float64) uint32 {
	if v != v {
		return 0x7e00
	}
	return halfOf(new(big.Float).SetPrec(53).SetFloat64(v))
}

func floatOf(x uint32) float64 { return float64(math.Float32frombits(x)) }

func bitsOf(v float64) uint32 { return math.Float32bits(float32(v)) }

// fused is a·b + c of finite numbers in exact arithmetic, as a float32.
func fused(a, b, c uint32) uint32 {
	x, y, z := floatOf(a), floatOf(b), floatOf(c)
	if v := x*y + z; math.IsInf(x, 0) || math.IsInf(y, 0) || math.IsInf(z, 0) || v != v {
		return bitsOf(v)
	}
	s := sum(product(new(big.Float).SetFloat64(x), new(big.Float).SetFloat64(y)), new(big.Float).SetFloat64(z))
	if s.Sign() == 0 {
		return bitsOf(x*y + z)
	}
	return rounded(s)
}

func smaller(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b, a < b, a == b && math.Signbit(a):
		return a
	}
	return b
}

func larger(a, b float64) float64 { return -smaller(-a, -b) }
