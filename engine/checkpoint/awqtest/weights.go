package awqtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"ceiling/engine/gguf"
)

// Linear is a quantised matrix: element (o, i) is
// (Codes[o,i] − Zeros[o,g])·Scales[o,g] with g = i / Group.
type Linear struct {
	Out, In int // rows and columns
	Bits    int // 4 or 8
	Group   int // columns that share a scale
	Codes   []uint8
	Zeros   []uint8
	Scales  []float32 // exact in the type that they are stored in
}

// Groups returns the groups of a row.
func (l *Linear) Groups() int { return l.In / l.Group }

// Row writes the exact values of row o to dst, In elements.
func (l *Linear) Row(o int, dst []float64) {
	for i := range dst {
		g := o*l.Groups() + i/l.Group
		dst[i] = float64(int(l.Codes[o*l.In+i])-int(l.Zeros[g])) * float64(l.Scales[g])
	}
}

// matrix names a linear and its shape.
type matrix struct {
	name    string
	out, in int
}

// linears lists the linears of a layer.
func (c *WrittenCheckpoint) linears(layer int) []matrix {
	g := c.Geometry
	q, kv := g.Heads*g.HeadDim, g.KVHeads*g.HeadDim
	list := []matrix{
		{"self_attn.q_proj", q, g.Hidden}, {"self_attn.k_proj", kv, g.Hidden}, {"self_attn.v_proj", kv, g.Hidden},
		{"self_attn.o_proj", g.Hidden, q},
		{"mlp.gate_proj", g.FFN, g.Hidden}, {"mlp.up_proj", g.FFN, g.Hidden}, {"mlp.down_proj", g.Hidden, g.FFN},
	}
	for i := range list {
		list[i].name = fmt.Sprintf("layers.%d.%s", layer, list[i].name)
	}
	return list
}

// tableSpread is the standard deviation of the embeddings and of the output
// matrix. Larger ones only enlarge what rounding does to the probabilities.
const tableSpread = 0.04

// fill makes the weights.
func (c *WrittenCheckpoint) fill(o VariantOptions) {
	g := c.Geometry
	for n := range g.Layers {
		for _, m := range c.linears(n) {
			real := noise(o.Seed, m.name, m.out*m.in, 1/math.Sqrt(float64(m.in)))
			switch {
			case slices.Contains(o.Plain, m.name):
				c.Dense[m.name] = dense(real, m.out, m.in, o.ScaleType)
			case slices.Contains(o.EightBit, m.name):
				c.Linears[m.name] = quantise8(real, m, o)
			default:
				c.Linears[m.name] = quantise4(real, m, o)
			}
		}
		for _, norm := range []string{"input_layernorm", "post_attention_layernorm"} {
			c.norm(o, fmt.Sprintf("layers.%d.%s", n, norm))
		}
	}
	c.norm(o, "norm")
	c.Dense["embed_tokens"] = dense(noise(o.Seed, "embed_tokens", g.Vocab*g.Hidden, tableSpread), g.Vocab, g.Hidden, o.ScaleType)
	if !o.Tied {
		c.Dense["lm_head"] = dense(noise(o.Seed, "lm_head", g.Vocab*g.Hidden, tableSpread), g.Vocab, g.Hidden, o.ScaleType)
	}
}

// norm adds a vector of factors around 1.
func (c *WrittenCheckpoint) norm(o VariantOptions, name string) {
	v := noise(o.Seed, name, c.Geometry.Hidden, 0.2)
	for i := range v {
		v[i]++
	}
	c.Dense[name] = dense(v, 1, len(v), o.ScaleType)
}

// noise returns n normal numbers that depend on the seed and the name alone.
func noise(seed uint64, name string, n int, deviation float64) []float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64() * deviation
	}
	return x
}

// dense rounds real values to a 16-bit type.
func dense(real []float64, rows, cols int, kind string) *Dense {
	d := &Dense{Rows: rows, Cols: cols, Type: kind, Values: make([]float32, len(real))}
	for i, x := range real {
		d.Values[i] = round16(x, kind)
	}
	return d
}

// round16 rounds to a 16-bit type and widens again.
func round16(x float64, kind string) float32 {
	if kind == "F16" {
		return gguf.HalfToFloat32(gguf.Float32ToHalf(float32(x)))
	}
	return gguf.BFloat16ToFloat32(gguf.Float32ToBFloat16(float32(x)))
}

// newLinear has no codes yet.
func newLinear(m matrix, bits int, o VariantOptions) *Linear {
	l := &Linear{Out: m.out, In: m.in, Bits: bits, Group: o.GroupSize, Codes: make([]uint8, m.out*m.in)}
	if l.Group < 0 {
		l.Group = m.in
	}
	l.Zeros = make([]uint8, m.out*l.Groups())
	l.Scales = make([]float32, len(l.Zeros))
	return l
}

// quantise4 gives every group of a row 16 levels: symmetric around 8, or from
// its least to its greatest value.
func quantise4(real []float64, m matrix, o VariantOptions) *Linear {
	l := newLinear(m, 4, o)
	least := uint8(0)
	if o.Format == GPTQ || o.Format == AutoRoundGPTQ {
		least = 1 // stored less one, which 0 has no room for
	}
	for g := range l.Zeros {
		group := real[g*l.Group : (g+1)*l.Group]
		lo, hi := min(slices.Min(group), 0), max(slices.Max(group), 0)
		if o.Zeros {
			l.Scales[g] = round16((hi-lo)/15, o.ScaleType)
			l.Zeros[g] = clamp(-lo/float64(l.Scales[g]), least, 15)
		} else {
			l.Scales[g], l.Zeros[g] = round16(max(-lo/8, hi/7), o.ScaleType), 8
		}
		l.codes(g, group, 15)
	}
	return l
}

// quantise8 is symmetric around 128.
func quantise8(real []float64, m matrix, o VariantOptions) *Linear {
	l := newLinear(m, 8, o)
	for g := range l.Zeros {
		group := real[g*l.Group : (g+1)*l.Group]
		l.Scales[g], l.Zeros[g] = round16(max(-slices.Min(group)/128, slices.Max(group)/127), o.ScaleType), 128
		l.codes(g, group, 255)
	}
	return l
}

// codes rounds the values of a group to levels 0 to most.
func (l *Linear) codes(g int, group []float64, most uint8) {
	for i, x := range group {
		l.Codes[g*l.Group+i] = clamp(x/float64(l.Scales[g])+float64(l.Zeros[g]), 0, most)
	}
}

func clamp(x float64, lo, hi uint8) uint8 {
	return uint8(min(max(math.Round(x), float64(lo)), float64(hi)))
}
