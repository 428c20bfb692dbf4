// Package awqtest makes small quantised checkpoints for tests, in every format
// and layout that the converter reads, together with what went into them.
//
// All formats of one seed come from the same real-valued weights. No code is
// shared with what reads the formats: they are packed here by their own
// definitions.
package awqtest

import (
	"fmt"
	"os"
	"slices"

	"ceiling/engine/gguf"
)

// QuantFormat is how quantised matrices are stored.
type QuantFormat string

// The formats.
const (
	CompressedTensors QuantFormat = "compressed-tensors" // pack-quantized
	AWQGemm           QuantFormat = "awq gemm"
	AWQGemv           QuantFormat = "awq gemv"
	GPTQ              QuantFormat = "gptq"    // zero points stored less one
	GPTQv2            QuantFormat = "gptq_v2" // zero points stored as they are
	AutoRoundAWQ      QuantFormat = "auto-round as awq"
	AutoRoundGPTQ     QuantFormat = "auto-round as gptq"
	AutoRoundGPTQv2   QuantFormat = "auto-round as gptq_v2"
)

// Family is the kind of model.
type Family string

// The families.
const (
	Ministral3    Family = "ministral3"      // YaRN and attention temperature; architecture mistral3
	MistralSmall3 Family = "mistral small 3" // neither; architecture mistral3
	Llama         Family = "llama"
)

// Prefix is how the names of tensors begin.
type Prefix string

// The layouts of names. Text has no vision part.
const (
	Outer Prefix = "language_model.model." // beside language_model.lm_head
	Inner Prefix = "model.language_model." // beside lm_head
	Text  Prefix = "model."                // beside lm_head
)

// VariantOptions choose a variant. The zero value is a symmetric compressed-tensors
// checkpoint of 4 bits in groups of 32, with bf16 scales, in one file.
type VariantOptions struct {
	Seed     uint64        // of the real-valued weights
	Geometry gguf.Geometry // zero: Small of the family
	Family   Family        // "": Ministral3
	Format   QuantFormat   // "": CompressedTensors

	GroupSize int    // columns that share a scale; 0: 32; -1: a whole row
	Zeros     bool   // asymmetric: every group has a zero point
	OldZeros  bool   // compressed-tensors before April 2025: zero points not packed
	ScaleType string // of scales and unquantised weights: "BF16" or "F16"; "": by the format

	Prefix Prefix // "": Outer for Mistral 3, Text for Llama
	Shards int    // files; 0 and 1: model.safetensors alone
	Vision bool   // with tensors of a vision part
	Tied   bool   // without lm_head

	// Plain are the linears that stay unquantised and EightBit those of 8 bits
	// (compressed-tensors only): "layers.1.mlp.down_proj".
	Plain, EightBit []string
	// NoGroupIndex leaves out GPTQ's g_idx.
	NoGroupIndex bool
	// Tekken writes tekken.json in place of tokenizer.json.
	Tekken bool
}

// WrittenCheckpoint is what Write wrote.
type WrittenCheckpoint struct {
	Dir      string
	Geometry gguf.Geometry
	// Linears are the quantised matrices, Dense all other tensors, by their
	// names without prefix: "layers.0.self_attn.q_proj", "embed_tokens",
	// "layers.0.input_layernorm", "norm", "lm_head".
	Linears map[string]*Linear
	Dense   map[string]*Dense
}

// Dense is an unquantised tensor: rows of values that are exact in its type.
type Dense struct {
	Rows, Cols int // a vector has one row
	Type       string
	Values     []float32 // row by row
}

// Small returns a geometry of a family in which no two sizes that could be
// confused are equal: a head is not Hidden / Heads wide, and the original
// context is a fifth of a prompt of 300 tokens.
func Small(f Family) gguf.Geometry {
	g := gguf.Geometry{
		Architecture: "mistral3", Layers: 3, Hidden: 256, Heads: 8, KVHeads: 2, HeadDim: 64, FFN: 640,
		Vocab: vocabulary, Context: 3072, RMSEps: 1e-5, Rope: gguf.Rope{FreqBase: 10000},
	}
	switch f {
	case Ministral3, "":
		g.Rope.Yarn = &gguf.Yarn{Factor: 48, OriginalContext: 64, BetaFast: 32, BetaSlow: 1, LogMultiplier: 1}
		g.TemperatureScale = 0.1
	case Llama:
		g.Architecture = "llama"
	}
	return g
}

// normalised returns the options with every choice made.
func (o VariantOptions) normalised() VariantOptions {
	if o.Family == "" {
		o.Family = Ministral3
	}
	if o.Geometry == (gguf.Geometry{}) {
		o.Geometry = Small(o.Family)
	}
	o.Geometry.TieEmbeddings = o.Tied
	if o.Format == "" {
		o.Format = CompressedTensors
	}
	if o.GroupSize == 0 {
		o.GroupSize = 32
	}
	if o.ScaleType == "" {
		o.ScaleType = "F16"
		if o.Format == CompressedTensors {
			o.ScaleType = "BF16"
		}
	}
	if o.Prefix == "" {
		o.Prefix = Outer
		if o.Family == Llama {
			o.Prefix = Text
		}
	}
	o.Shards = max(o.Shards, 1)
	return o
}

// validate refuses variants that can't be made.
func (o VariantOptions) validate() error {
	g := o.Geometry
	switch {
	case !slices.Contains([]QuantFormat{CompressedTensors, AWQGemm, AWQGemv, GPTQ, GPTQv2, AutoRoundAWQ, AutoRoundGPTQ, AutoRoundGPTQv2}, o.Format):
		return fmt.Errorf("unknown format %q", o.Format)
	case o.Format != CompressedTensors && (o.GroupSize < 0 && o.Format == AWQGemv || len(o.EightBit) > 0):
		return fmt.Errorf("format %q has neither whole rows as groups nor 8 bits", o.Format)
	case g.Vocab < vocabulary || o.Tekken && g.Vocab != vocabulary:
		return fmt.Errorf("the vocabulary has %d tokens, the geometry asks for %d", vocabulary, g.Vocab)
	}
	for _, n := range []int{g.Hidden, g.FFN, g.Heads * g.HeadDim} {
		if n < 1 || n%8 != 0 || o.GroupSize > 0 && n%o.GroupSize != 0 {
			return fmt.Errorf("rows of %d columns are not whole groups of %d", n, o.GroupSize)
		}
	}
	return nil
}

// Write writes a checkpoint into dir, which it creates.
func Write(dir string, o VariantOptions) (*WrittenCheckpoint, error) {
	o = o.normalised()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	c := &WrittenCheckpoint{Dir: dir, Geometry: o.Geometry, Linears: map[string]*Linear{}, Dense: map[string]*Dense{}}
	c.fill(o)
	if err := writeTensors(dir, c.tensors(o), o.Shards); err != nil {
		return nil, fmt.Errorf("write %q: %w", dir, err)
	}
	if err := writeTokenizer(dir, o); err != nil {
		return nil, fmt.Errorf("write %q: %w", dir, err)
	}
	return c, writeJSON(dir, "config.json", config(o))
}
