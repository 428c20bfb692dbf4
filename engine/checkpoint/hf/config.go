package hf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/engine/gguf"
	"ceiling/internal/absent"
	"ceiling/internal/oneline"
)

// Architectures of llama.cpp that a ModelConfig can name.
const (
	archMistral3 = "mistral3"
	archLlama    = "llama"
)

// maxConfigBytes bounds the small JSON files. Real ones have a few kilobytes.
const maxConfigBytes = 16 << 20

// ModelConfig is a checkpoint's config.json, read and checked.
type ModelConfig struct {
	gguf.Geometry
	Architectures []string // as in the file
	ModelType     string   // of the text part: "ministral3", "mistral" or "llama"
	DType         string   // of the unquantised weights, as declared: "bfloat16"; may be empty
	// Quantization is the description of the quantisation as the file has it,
	// nil where there is none. QuantizationFile is the file that it came from.
	Quantization     *strictjson.Value
	QuantizationFile string
	// Warnings are about what was accepted though it looks wrong.
	Warnings []string

	tree *strictjson.Value // the whole file, the text part over the top level
}

// ReadConfig reads dir/config.json and, where that does not describe a
// quantisation, dir/quantize_config.json or dir/quant_config.json.
//
// The fields of text_config override those of the top level. What is missing
// is an error, and so is every setting that the dense Mistral and Llama graphs
// of llama.cpp v0.5.0 do not have: sliding windows, experts, other activations,
// unknown rotary scalings.
func ReadConfig(dir string) (*ModelConfig, error) {
	path := filepath.Join(dir, "config.json")
	top, err := strictjson.ReadFile(path, maxConfigBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noConfig(dir)
	}
	if err != nil {
		return nil, err
	}
	c, err := parseConfig(top)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	c.QuantizationFile = path
	if c.Quantization == nil {
		if err := c.readLegacy(dir); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// noConfig says what else a directory without config.json may be.
func noConfig(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "params.json")); err == nil {
		return fmt.Errorf("%q has no config.json but a params.json: this is Mistral's own layout; use the checkpoint's Hugging Face form", dir)
	}
	return absent.Errorf("%q has no config.json; name the folder of a Hugging Face checkpoint", dir)
}

// readLegacy looks for the files in which older tools describe a quantisation.
func (c *ModelConfig) readLegacy(dir string) error {
	for _, name := range []string{"quantize_config.json", "quant_config.json"} {
		path := filepath.Join(dir, name)
		v, err := strictjson.ReadFile(path, maxConfigBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if v.Kind() != strictjson.Object {
			return fmt.Errorf("%q is %s, must be an object", path, v.Kind())
		}
		c.Quantization, c.QuantizationFile = v, path
		return nil
	}
	c.QuantizationFile = ""
	return nil
}

// parseConfig judges the content of a config.json.
func parseConfig(top *strictjson.Value) (*ModelConfig, error) {
	if top.Kind() != strictjson.Object {
		return nil, fmt.Errorf("it is %s, must be an object", top.Kind())
	}
	text := top.Get("text_config")
	if text != nil && text.Kind() != strictjson.Object {
		return nil, fmt.Errorf("text_config is %s, must be an object", text.Kind())
	}
	c := &ModelConfig{tree: top.Merge(text)}
	if err := c.architecture(text); err != nil {
		return nil, err
	}
	if err := c.refuse(); err != nil {
		return nil, err
	}
	if err := c.dimensions(); err != nil {
		return nil, err
	}
	if err := c.rope(); err != nil {
		return nil, err
	}
	if err := c.quantization(top, text); err != nil {
		return nil, err
	}
	return c, nil
}

// architecture finds llama.cpp's name for the model.
func (c *ModelConfig) architecture(text *strictjson.Value) error {
	f := fields{v: c.tree}
	c.Architectures = f.strings("architectures")
	c.ModelType = f.string("model_type")
	if f.err != nil {
		return f.err
	}
	if len(c.Architectures) != 1 {
		return fmt.Errorf("architectures names %d classes, must name one", len(c.Architectures))
	}
	class := c.Architectures[0]
	switch class + " " + c.ModelType {
	case "Mistral3ForConditionalGeneration ministral3", "Mistral3ForConditionalGeneration mistral":
		if text == nil {
			return fmt.Errorf("text_config is missing, %s needs it", class)
		}
		c.Architecture = archMistral3
	case "Ministral3ForCausalLM ministral3":
		c.Architecture = archMistral3
	case "MistralForCausalLM mistral", "LlamaForCausalLM llama":
		c.Architecture = archLlama
	default:
		return fmt.Errorf("architecture %q with model type %q can't be converted; dense models of Mistral3ForConditionalGeneration, "+
			"Ministral3ForCausalLM, MistralForCausalLM and LlamaForCausalLM can", oneline.Shorten(class, shown), oneline.Shorten(c.ModelType, shown))
	}
	return nil
}

// expertKeys are present in mixture-of-experts models.
var expertKeys = []string{"num_local_experts", "num_experts", "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"}

// refuse rejects settings that change the computation and that the graph of
// llama.cpp does not have.
func (c *ModelConfig) refuse() error {
	f := fields{v: c.tree}
	for _, key := range expertKeys {
		if v := c.tree.Get(key); !v.IsNull() {
			return fmt.Errorf("%s is set: mixture-of-experts models can't be converted", key)
		}
	}
	if !c.tree.Get("sliding_window").IsNull() {
		return errors.New("sliding_window is set: llama.cpp v0.5.0 attends to all positions in this architecture; only null can be converted")
	}
	if act := f.string("hidden_act"); f.err == nil && act != "silu" {
		return fmt.Errorf("hidden_act is %q, must be \"silu\"", oneline.Shorten(act, shown))
	}
	for i, v := range c.tree.Get("layer_types").Items() {
		if kind, err := v.Str(); err != nil || kind != "full_attention" {
			return fmt.Errorf("layer_types[%d] is not \"full_attention\": other attention can't be converted", i)
		}
	}
	if v := c.tree.Get("is_causal"); !v.IsNull() {
		if causal, err := v.Bool(); err != nil || !causal {
			return errors.New("is_causal is not true: only models that generate text can be converted")
		}
	}
	if v := c.tree.Get("partial_rotary_factor"); !v.IsNull() {
		if x, err := v.Float(); err != nil || x != 1 {
			return errors.New("partial_rotary_factor is not 1: heads that rotate in part can't be converted")
		}
	}
	return f.err
}

// Limits of a geometry: llama.cpp's own where it has one, else what real
// models keep far from.
const (
	maxLayers  = 512
	maxWidth   = 1 << 20
	maxHeads   = 1 << 12
	maxHeadDim = 1 << 12
	maxVocab   = 1 << 21
	maxContext = 1 << 28
	rowBlock   = 32 // rows must be whole blocks of the 4-bit types
)

// dimensions reads the sizes and compares them with each other.
func (c *ModelConfig) dimensions() error {
	f := fields{v: c.tree}
	c.Layers = f.int("num_hidden_layers", 1, maxLayers)
	c.Hidden = f.int("hidden_size", rowBlock, maxWidth)
	c.FFN = f.int("intermediate_size", rowBlock, maxWidth)
	c.Heads = f.int("num_attention_heads", 1, maxHeads)
	c.KVHeads = f.int("num_key_value_heads", 1, maxHeads)
	c.Vocab = f.int("vocab_size", 1, maxVocab-1)
	c.Context = f.int("max_position_embeddings", 1, maxContext)
	c.RMSEps = f.float("rms_norm_eps", 1e-12, 0.1)
	if c.tree.Has("tie_word_embeddings") {
		c.TieEmbeddings = f.bool("tie_word_embeddings")
	}
	if f.err != nil {
		return f.err
	}
	c.DType = dtype(c.tree)
	switch {
	case c.Hidden%rowBlock != 0:
		return fmt.Errorf("hidden_size is %d, must be a multiple of %d", c.Hidden, rowBlock)
	case c.FFN%rowBlock != 0:
		return fmt.Errorf("intermediate_size is %d, must be a multiple of %d", c.FFN, rowBlock)
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("num_attention_heads %d is not a multiple of num_key_value_heads %d", c.Heads, c.KVHeads)
	}
	return c.headDim()
}

// headDim reads the width of a head. In Llama's and the old Mistral's own
// definition it is optional and then hidden_size / num_attention_heads; in
// Mistral 3 it is another number.
func (c *ModelConfig) headDim() error {
	f := fields{v: c.tree}
	switch {
	case !c.tree.Get("head_dim").IsNull() || c.Architecture == archMistral3:
		c.HeadDim = f.int("head_dim", 2, maxHeadDim)
	case c.Hidden%c.Heads != 0:
		return fmt.Errorf("head_dim is missing and hidden_size %d is not a multiple of num_attention_heads %d", c.Hidden, c.Heads)
	default:
		c.HeadDim = c.Hidden / c.Heads
	}
	width := c.Heads * c.HeadDim
	switch {
	case f.err != nil:
		return f.err
	case c.HeadDim%2 != 0:
		return fmt.Errorf("head_dim is %d, must be even", c.HeadDim)
	case width%rowBlock != 0 || width > maxWidth:
		return fmt.Errorf("num_attention_heads × head_dim is %d, must be a multiple of %d and at most %d", width, rowBlock, maxWidth)
	}
	return nil
}

// dtype is the declared type of the weights. It only informs: the tensors say
// what they are.
func dtype(tree *strictjson.Value) string {
	for _, key := range []string{"dtype", "torch_dtype"} {
		if name, err := tree.Get(key).Str(); err == nil {
			return oneline.Shorten(strings.TrimPrefix(name, "torch."), shown)
		}
	}
	return ""
}

// quantization finds the description of the quantisation, which may stand at
// the top or in the text part.
func (c *ModelConfig) quantization(top, text *strictjson.Value) error {
	const key = "quantization_config"
	outer, inner := top.Get(key), text.Get(key)
	if !outer.IsNull() && !inner.IsNull() && !outer.Equal(inner) {
		return fmt.Errorf("%s and text_config.%s differ: remove the wrong one", key, key)
	}
	if c.Quantization = outer; outer.IsNull() {
		c.Quantization = inner
	}
	switch c.Quantization.Kind() {
	case strictjson.Null:
		c.Quantization = nil // null and absent are the same
	case strictjson.Object:
	default:
		return fmt.Errorf("%s is %s, must be an object", key, c.Quantization.Kind())
	}
	return nil
}
