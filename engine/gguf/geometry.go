package gguf

import "math"

// Geometry is the shape of a dense decoder: grouped-query attention, rotary
// positions, RMS normalisation and a gated feed-forward layer with SiLU.
type Geometry struct {
	Architecture string // llama.cpp's name: "mistral3" or "llama"
	Layers       int    // transformer blocks
	Hidden       int    // width of the hidden state
	Heads        int    // query heads
	KVHeads      int    // key and value heads; divides Heads
	HeadDim      int    // elements of one head; need not be Hidden / Heads
	FFN          int    // width of the feed-forward layer
	Vocab        int    // tokens
	Context      int    // positions that the model was trained for
	// TieEmbeddings says that the output matrix is the embedding matrix.
	TieEmbeddings bool
	RMSEps        float64 // added to the mean square in normalisation
	Rope          Rope
	// TemperatureScale sharpens the attention with the position p, by
	// 1 + scale·ln(1 + ⌊p / Rope.Yarn.OriginalContext⌋). 0: not at all.
	TemperatureScale float64
}

// Rope is how positions rotate queries and keys.
type Rope struct {
	FreqBase     float64 // base of the rotation frequencies
	LinearFactor float64 // positions are divided by it; 0: they are not
	Yarn         *Yarn   // nil: none
	Llama3       *Llama3 // nil: none
}

// Yarn stretches positions beyond the context of the first training, the
// slowly rotating dimensions more than the fast ones.
type Yarn struct {
	Factor          float64 // how far positions are stretched, ≥ 1
	OriginalContext int     // positions of the first training
	BetaFast        float64 // rotations above which a frequency is kept
	BetaSlow        float64 // rotations below which it is stretched fully
	LogMultiplier   float64 // mscale_all_dim; 1: the attention's magnitude is not corrected
}

// Llama3 slows the rotations that are slow already, as Llama 3.1 does: those
// whose wave is longer than OriginalContext / LowFreq are divided by Factor,
// those whose wave is shorter than OriginalContext / HighFreq stay, and those
// between are in between.
type Llama3 struct {
	Factor          float64 // ≥ 1
	LowFreq         float64 // below HighFreq
	HighFreq        float64
	OriginalContext int // positions of the first training
}

// Parameters returns the number of weights in matrices and norms, the output
// matrix counted only where it is one of its own.
func (g Geometry) Parameters() int64 {
	hidden, heads := int64(g.Hidden), int64(g.HeadDim)
	attention := hidden * heads * int64(2*g.Heads+2*g.KVHeads)
	layer := attention + 3*hidden*int64(g.FFN) + 2*hidden
	matrices := int64(2)
	if g.TieEmbeddings {
		matrices = 1
	}
	return int64(g.Layers)*layer + matrices*hidden*int64(g.Vocab) + hidden
}

// Metadata says the shape in the keys of its architecture. llama.cpp demands the
// exact types.
func (g Geometry) Metadata() []KV {
	var kvs []KV
	add := func(key string, value any) { kvs = append(kvs, KV{Key: g.Architecture + "." + key, Value: value}) }
	add("vocab_size", uint32(g.Vocab))
	add("context_length", uint32(g.Context))
	add("embedding_length", uint32(g.Hidden))
	add("block_count", uint32(g.Layers))
	add("feed_forward_length", uint32(g.FFN))
	add("attention.head_count", uint32(g.Heads))
	add("attention.head_count_kv", uint32(g.KVHeads))
	// Without these llama.cpp takes embedding_length / head_count.
	add("attention.key_length", uint32(g.HeadDim))
	add("attention.value_length", uint32(g.HeadDim))
	add("attention.layer_norm_rms_epsilon", float32(g.RMSEps))
	if g.TemperatureScale != 0 {
		add("attention.temperature_scale", float32(g.TemperatureScale))
	}
	add("rope.dimension_count", uint32(g.HeadDim))
	add("rope.freq_base", float32(g.Rope.FreqBase))
	if g.Rope.LinearFactor != 0 {
		add("rope.scaling.type", "linear")
		add("rope.scaling.factor", float32(g.Rope.LinearFactor))
	}
	if y := g.Rope.Yarn; y != nil {
		add("rope.scaling.type", "yarn")
		add("rope.scaling.factor", float32(y.Factor))
		add("rope.scaling.original_context_length", uint32(y.OriginalContext))
		add("rope.scaling.yarn_beta_fast", float32(y.BetaFast))
		add("rope.scaling.yarn_beta_slow", float32(y.BetaSlow))
		// Always, even where it changes nothing: without it llama.cpp would
		// amplify queries and keys by 1 + 0.1·ln(factor).
		add("rope.scaling.yarn_log_multiplier", float32(y.LogMultiplier))
	}
	return kvs
}

// FreqFactors are what llama.cpp divides the rotation of each pair of a head's
// elements by (rope_freqs.weight); nil where it has nothing to divide. headDim
// is the elements of a head.
func (r Rope) FreqFactors(headDim int) []float32 {
	l := r.Llama3
	if l == nil {
		return nil
	}
	factors := make([]float32, headDim/2)
	for i := range factors {
		wave := 2 * math.Pi * math.Pow(r.FreqBase, float64(2*i)/float64(headDim)) // positions of one turn
		// 0 for slow rotations, 1 for fast ones, on a line between.
		fast := min(max((float64(l.OriginalContext)/wave-l.LowFreq)/(l.HighFreq-l.LowFreq), 0), 1)
		factors[i] = float32(1 / (fast + (1-fast)/l.Factor))
	}
	return factors
}
