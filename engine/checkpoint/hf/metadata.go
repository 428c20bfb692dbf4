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
	m.kvs = append(m.kvs, cfg.Geometry.Metadata()...)
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
