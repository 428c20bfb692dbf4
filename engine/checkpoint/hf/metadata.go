package hf

import (
	"fmt"
	"path/filepath"
	"strings"

	"ceiling/engine/gguf"
)

// quantizationVersion is that of ggml's block formats.
const quantizationVersion = 2

// MetadataOptions are what the user may set.
type MetadataOptions struct {
	Name             string // of the model; empty: that of the directory
	ChatTemplatePath string // a Jinja file that replaces the checkpoint's template
}

// Metadata returns the metadata of a GGUF file for the checkpoint in dir: the
// shape, the tokenizer, the chat template. general.file_type is left to the
// caller, who knows the tensors' types. Warnings are about what was found and
// is usable though it looks wrong, one line each; those of cfg come first.
func Metadata(dir string, cfg *ModelConfig, o MetadataOptions) (kvs []gguf.KV, warnings []string, err error) {
	m := &metadata{cfg: cfg, warnings: append([]string(nil), cfg.Warnings...)}
	m.general(dir, o)
	m.geometry()
	tok, err := readTokenizer(dir, cfg)
	if err != nil {
		return nil, nil, err
	}
	m.tokenizer(tok)
	templates, err := readTemplates(dir, o.ChatTemplatePath)
	if err != nil {
		return nil, nil, err
	}
	m.templates(templates)
	return m.kvs, m.warnings, nil
}

// metadata collects entries.
type metadata struct {
	cfg      *ModelConfig
	kvs      []gguf.KV
	warnings []string
}

func (m *metadata) add(key string, value any) { m.kvs = append(m.kvs, gguf.KV{Key: key, Value: value}) }

func (m *metadata) warnf(format string, args ...any) {
	m.warnings = append(m.warnings, fmt.Sprintf(format, args...))
}

func (m *metadata) general(dir string, o MetadataOptions) {
	m.add("general.architecture", m.cfg.Architecture)
	m.add("general.type", "model")
	name := o.Name
	if name == "" {
		name = ModelName(dir)
	}
	m.add("general.name", name)
	m.add("general.size_label", gguf.SizeLabel(m.cfg.Parameters()))
	m.add("general.quantization_version", uint32(quantizationVersion))
}

// ModelName names a model by its directory. In the Hugging Face cache,
// models--OWNER--NAME/snapshots/HASH, that is not the last part of the path.
func ModelName(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	for part := abs; len(part) > 1; part = filepath.Dir(part) {
		if rest, ok := strings.CutPrefix(filepath.Base(part), "models--"); ok && part != abs {
			_, name, found := strings.Cut(rest, "--")
			if found {
				return name
			}
		}
	}
	return strings.ToValidUTF8(filepath.Base(abs), "_")
}

// geometry adds the shape. llama.cpp demands the exact types.
func (m *metadata) geometry() {
	g := m.cfg.Geometry
	add := func(key string, value any) { m.add(g.Architecture+"."+key, value) }
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
}
