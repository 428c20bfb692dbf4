package awqtest

import (
	"fmt"
	"math"

	"ceiling/engine/gguf"
)

// Matrix returns the exact values of a weight, row by row.
func (c *WrittenCheckpoint) Matrix(name string) (rows, cols int, values []float64) {
	if l := c.Linears[name]; l != nil {
		values = make([]float64, l.Out*l.In)
		for o := range l.Out {
			l.Row(o, values[o*l.In:(o+1)*l.In])
		}
		return l.Out, l.In, values
	}
	d := c.Dense[name]
	values = make([]float64, len(d.Values))
	for i, v := range d.Values {
		values[i] = float64(v)
	}
	return d.Rows, d.Cols, values
}

// LogProbs computes the model in float64 from the stored codes and scales and
// returns, for every position of a text, the logarithm of the probability of
// each token to come next. It is written from the definition of the model as
// Hugging Face's library has it: rotations pair element i of a head with
// element i + HeadDim/2.
func (c *WrittenCheckpoint) LogProbs(tokens []int32) [][]float64 {
	g := c.Geometry
	_, _, embedding := c.Matrix("embed_tokens")
	x := make([][]float64, len(tokens))
	for t, id := range tokens {
		x[t] = append([]float64(nil), embedding[int(id)*g.Hidden:(int(id)+1)*g.Hidden]...)
	}
	for n := range g.Layers {
		layer := fmt.Sprintf("layers.%d.", n)
		h := c.attention(layer+"self_attn.", c.normalise(layer+"input_layernorm", x))
		add(x, h)
		h = c.normalise(layer+"post_attention_layernorm", x)
		gate, up := c.multiply(layer+"mlp.gate_proj", h), c.multiply(layer+"mlp.up_proj", h)
		for t := range gate {
			for i, v := range gate[t] {
				up[t][i] *= v / (1 + math.Exp(-v))
			}
		}
		add(x, c.multiply(layer+"mlp.down_proj", up))
	}
	head := "lm_head"
	if g.TieEmbeddings {
		head = "embed_tokens"
	}
	logits := c.multiply(head, c.normalise("norm", x))
	for t := range logits {
		LogSoftmax(logits[t])
	}
	return logits
}

// LogSoftmax turns logits into logarithms of probabilities, in place.
func LogSoftmax(x []float64) {
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, v)
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - most)
	}
	for i := range x {
		x[i] -= most + math.Log(sum)
	}
}

// multiply applies a matrix to every row of x.
func (c *WrittenCheckpoint) multiply(name string, x [][]float64) [][]float64 {
	rows, cols, w := c.Matrix(name)
	y := make([][]float64, len(x))
	for t := range y {
		y[t] = make([]float64, rows)
	}
	for o := range rows {
		row := w[o*cols : (o+1)*cols]
		for t := range x {
			y[t][o] = dot(row, x[t])
		}
	}
	return y
}

func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(a) && i+4 <= len(b); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

func add(x, y [][]float64) {
	for t := range x {
		for i := range x[t] {
			x[t][i] += y[t][i]
		}
	}
}

// normalise is RMSNorm.
func (c *WrittenCheckpoint) normalise(name string, x [][]float64) [][]float64 {
	_, _, w := c.Matrix(name)
	y := make([][]float64, len(x))
	for t, row := range x {
		scale := 1 / math.Sqrt(dot(row, row)/float64(len(row))+c.Geometry.RMSEps)
		y[t] = make([]float64, len(row))
		for i, v := range row {
			y[t][i] = v * scale * w[i]
		}
	}
	return y
}

// attention is causal attention with grouped queries.
func (c *WrittenCheckpoint) attention(name string, x [][]float64) [][]float64 {
	g := c.Geometry
	q, k, v := c.multiply(name+"q_proj", x), c.multiply(name+"k_proj", x), c.multiply(name+"v_proj", x)
	for t := range x {
		rotate(g, q[t], t)
		rotate(g, k[t], t)
		factor := temperature(g, t) / math.Sqrt(float64(g.HeadDim))
		for i := range q[t] {
			q[t][i] *= factor
		}
	}
	out := make([][]float64, len(x))
	for t := range x {
		out[t] = make([]float64, g.Heads*g.HeadDim)
		for h := range g.Heads {
			kv := h / (g.Heads / g.KVHeads) * g.HeadDim
			scores := make([]float64, t+1)
			for p := range scores {
				scores[p] = dot(q[t][h*g.HeadDim:(h+1)*g.HeadDim], k[p][kv:kv+g.HeadDim])
			}
			LogSoftmax(scores)
			for p, s := range scores {
				weight := math.Exp(s)
				for i := range g.HeadDim {
					out[t][h*g.HeadDim+i] += weight * v[p][kv+i]
				}
			}
		}
	}
	return c.multiply(name+"o_proj", out)
}

// temperature is the factor by which the attention is sharper at a position.
func temperature(g gguf.Geometry, position int) float64 {
	if g.TemperatureScale == 0 {
		return 1
	}
	return 1 + g.TemperatureScale*math.Log(1+math.Floor(float64(position)/float64(g.Rope.Yarn.OriginalContext)))
}

// rotate turns the heads of a row by their position.
func rotate(g gguf.Geometry, row []float64, position int) {
	half := g.HeadDim / 2
	angles, magnitude := frequencies(g)
	for h := 0; h < len(row); h += g.HeadDim {
		for i := range half {
			sin, cos := math.Sincos(float64(position) * angles[i])
			a, b := row[h+i], row[h+i+half]
			row[h+i] = (a*cos - b*sin) * magnitude
			row[h+i+half] = (b*cos + a*sin) * magnitude
		}
	}
}

// frequencies returns the angle per position of each pair of elements, and the
// factor that YaRN puts on queries and keys.
func frequencies(g gguf.Geometry) (f []float64, magnitude float64) {
	f = make([]float64, g.HeadDim/2)
	for i := range f {
		f[i] = math.Pow(g.Rope.FreqBase, -float64(2*i)/float64(g.HeadDim))
		if g.Rope.LinearFactor != 0 {
			f[i] /= g.Rope.LinearFactor
		}
	}
	if l := g.Rope.Llama3; l != nil {
		slow(f, l)
	}
	y := g.Rope.Yarn
	if y == nil {
		return f, 1
	}
	// The pair that rotates so many times within the original context.
	bound := func(rotations float64) float64 {
		return float64(g.HeadDim) * math.Log(float64(y.OriginalContext)/(rotations*2*math.Pi)) / (2 * math.Log(g.Rope.FreqBase))
	}
	low := max(math.Floor(bound(y.BetaFast)), 0)
	high := min(math.Ceil(bound(y.BetaSlow)), float64(g.HeadDim-1))
	if low == high {
		high += 0.001
	}
	for i := range f {
		stretched := min(max((float64(i)-low)/(high-low), 0), 1)
		f[i] = f[i]*(1-stretched) + f[i]/y.Factor*stretched
	}
	mscale := func(m float64) float64 { return 0.1*m*math.Log(y.Factor) + 1 }
	magnitude = mscale(1)
	if y.LogMultiplier != 0 {
		magnitude /= mscale(y.LogMultiplier)
	}
	return f, magnitude
}

// slow changes frequencies as Hugging Face's library does for Llama 3: by the
// length of their waves.
func slow(f []float64, l *gguf.Llama3) {
	context := float64(l.OriginalContext)
	for i, frequency := range f {
		switch wave := 2 * math.Pi / frequency; {
		case wave > context/l.LowFreq:
			f[i] = frequency / l.Factor
		case wave >= context/l.HighFreq:
			smooth := (context/wave - l.LowFreq) / (l.HighFreq - l.LowFreq)
			f[i] = (1-smooth)*frequency/l.Factor + smooth*frequency
		}
	}
}
