package cu

import (
	"math"
	"math/big"
	"math/bits"
	"strings"

	"ceiling/hip/standin/gcn"
)

// restOracle: what reads or writes other than single registers of single lanes.
func restOracle(in *gcn.Inst) func(x *state) {
	d := in.Dst.Reg
	switch in.Name {
	case "v_cndmask_b32":
		return lanes(in, func(x *state, l int) {
			i := int(x.s64(in.Mask.Reg) >> l & 1)
			x.v[d][l] = source(x, in, i, l)
		})
	case "v_mbcnt_lo_u32_b32", "v_mbcnt_hi_u32_b32":
		first := 0
		if strings.Contains(in.Name, "hi") {
			first = 32
		}
		return lanes(in, func(x *state, l int) {
			a, n := source(x, in, 0, l), source(x, in, 1, l)
			for i := range 32 {
				if first+i < l {
					n += a >> i & 1
				}
			}
			x.v[d][l] = n
		})
	case "v_readfirstlane_b32":
		return func(x *state) { x.s[d] = x.v[in.Src[0].Reg][bits.TrailingZeros64(x.s64(gcn.Exec))] }
	case "v_readlane_b32":
		return func(x *state) { x.s[d] = x.v[in.Src[0].Reg][scalarOf(x, in, 1)%64] }
	case "v_writelane_b32":
		return func(x *state) { x.v[d][scalarOf(x, in, 1)%64] = uint32(scalarOf(x, in, 0)) }
	case "v_swap_b32":
		o := in.Src[0].Reg
		return lanes(in, func(x *state, l int) { x.v[d][l], x.v[o][l] = x.v[o][l], x.v[d][l] })
	case "v_mad_u64_u32", "v_mad_i64_i32":
		return madOracle(in)
	}
	return nil
}

// madOracle is a product of 32-bit integers and a sum in 64 bits; the carry, or
// the signed overflow, goes to a mask.
func madOracle(in *gcn.Inst) func(x *state) {
	signed := in.Name == "v_mad_i64_i32"
	return func(x *state) {
		before := *x
		var carries uint64
		for l := range Lanes {
			if !before.active(l) {
				continue
			}
			a, b, c := source(&before, in, 0, l), source(&before, in, 1, l), source64(&before, in, 2, l, false)
			n := func(x uint32, wide uint64, is64 bool) *big.Int {
				switch {
				case is64 && signed:
					return big.NewInt(int64(wide))
				case is64:
					return new(big.Int).SetUint64(wide)
				case signed:
					return big.NewInt(i32(x))
				}
				return big.NewInt(int64(x))
			}
			y := n(a, 0, false)
			y.Mul(y, n(b, 0, false)).Add(y, n(0, c, true))
			if !signed && y.BitLen() > 64 || signed && !y.IsInt64() {
				carries |= 1 << l
			}
			x.setV64(in.Dst.Reg, l, new(big.Int).And(y, new(big.Int).SetUint64(math.MaxUint64)).Uint64())
		}
		x.set64(in.Sdst.Reg, carries)
	}
}

// pairOf are operations on each half of a register.
var pairOf = map[string]func(a, b, c uint32) uint32{
	"v_pk_add_f16": func(a, b, _ uint32) uint32 { return halfFrom(halfValue(a) + halfValue(b)) },
	"v_pk_mul_f16": func(a, b, _ uint32) uint32 { return halfFrom(halfValue(a) * halfValue(b)) },
	"v_pk_max_f16": func(a, b, _ uint32) uint32 { return halfFrom(larger(halfValue(a), halfValue(b))) },
	"v_pk_min_f16": func(a, b, _ uint32) uint32 { return halfFrom(smaller(halfValue(a), halfValue(b))) },
	"v_pk_fma_f16": fused16, "v_pk_lshrrev_b16": func(a, b, _ uint32) uint32 { return b & 0xffff >> (a % 16) },
	"v_pk_lshlrev_b16": func(a, b, _ uint32) uint32 { return b << (a % 16) }, "v_pk_ashrrev_i16": func(a, b, _ uint32) uint32 { return uint32(i16(b) >> (a % 16)) },
	"v_pk_add_u16": func(a, b, _ uint32) uint32 { return a + b }, "v_pk_sub_i16": func(a, b, _ uint32) uint32 { return a - b },
	"v_pk_mul_lo_u16": func(a, b, _ uint32) uint32 { return a * b },
}

// packedOracle is VOP3P: two results of 16 bits, or a mix of 16 and 32.
func packedOracle(in *gcn.Inst) func(x *state) {
	if in.Clamp {
		return nil
	}
	if strings.HasPrefix(in.Name, "v_fma_mix") {
		return mixOracle(in)
	}
	f := pairOf[in.Name]
	if f == nil {
		return nil
	}
	part := func(x *state, i, l, upper int) uint32 {
		o, selects, negates := in.Src[i], in.OpSel, in.Src[i].Neg
		if o.Kind == gcn.None {
			return 0
		}
		if upper == 1 {
			selects, negates = in.OpSelHi, in.NegHi>>i&1 == 1
		}
		o.Neg = false
		plain := *in
		plain.Src[i] = o
		y := source(x, &plain, i, l)
		if selects>>i&1 == 1 {
			y >>= 16
		}
		if negates {
			y ^= 0x8000
		}
		return y & 0xffff
	}
	return func(x *state) {
		before := *x
		for l := range Lanes {
			if before.active(l) {
				low := f(part(&before, 0, l, 0), part(&before, 1, l, 0), part(&before, 2, l, 0))
				high := f(part(&before, 0, l, 1), part(&before, 1, l, 1), part(&before, 2, l, 1))
				x.v[in.Dst.Reg][l] = low&0xffff | high<<16
			}
		}
	}
}

// mixOracle is a·b + c in which each is a 32-bit float, or half of a register.
func mixOracle(in *gcn.Inst) func(x *state) {
	value := func(x *state, i, l int) float64 {
		o := in.Src[i]
		plain := *in
		plain.Src[i].Neg, plain.Src[i].Abs = false, false
		y := floatOf(source(x, &plain, i, l))
		if in.OpSelHi>>i&1 == 1 {
			y = halfValue(source(x, &plain, i, l) >> (16 * (in.OpSel >> i & 1)))
		}
		if in.NegHi>>i&1 == 1 { // the bit of the absolute value here
			y = math.Abs(y)
		}
		if o.Neg {
			y = -y
		}
		return y
	}
	return func(x *state) {
		before := *x
		for l := range Lanes {
			if !before.active(l) {
				continue
			}
			a, b, c := value(&before, 0, l), value(&before, 1, l), value(&before, 2, l)
			exact := new(big.Float).SetPrec(1000)
			special := a*b + c
			finite := !math.IsInf(a, 0) && !math.IsInf(b, 0) && !math.IsInf(c, 0) && special == special
			if finite {
				exact = sum(product(new(big.Float).SetFloat64(a), new(big.Float).SetFloat64(b)), new(big.Float).SetFloat64(c))
				finite = exact.Sign() != 0
			}
			half, single := halfFrom(special), bitsOf(special)
			if finite {
				half, single = halfOf(exact), rounded(exact)
			}
			d := &x.v[in.Dst.Reg][l]
			switch in.Name {
			case "v_fma_mixlo_f16":
				*d = *d&0xffff0000 | half
			case "v_fma_mixhi_f16":
				*d = *d&0xffff | half<<16
			default:
				*d = single
			}
		}
	}
}
