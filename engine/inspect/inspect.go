// Package inspect says what a model file or a checkpoint holds, and the memory
// that it would need. Nothing is loaded or written.
package inspect

import (
	"errors"
	"fmt"
	"strings"

	"ceiling/engine/gguf"
	"ceiling/internal/oneline"
)

// Inspection is what was found out about a model. A pointer is nil, and null in
// JSON, where the file does not say.
type Inspection struct {
	Path         string          `json:"path"`
	Kind         string          `json:"kind"` // KindGGUF or KindCheckpoint
	Name         string          `json:"name,omitempty"`
	Format       string          `json:"format,omitempty"` // of a checkpoint
	Architecture string          `json:"architecture"`
	Files        []string        `json:"files"`
	Bytes        int64           `json:"size_bytes"`
	Parameters   int64           `json:"parameters"`
	BitsPerWght  *float64        `json:"bits_per_weight"`
	Tensors      int             `json:"tensors"`
	Types        []TensorGroup   `json:"types"`
	Geometry     Hyperparameters `json:"geometry"`
	Problems     []string        `json:"problems"` // why it can't be loaded or converted
	Warnings     []string        `json:"warnings"`
	Conversion   *Conversion     `json:"conversion,omitempty"` // of a checkpoint
	Memory       *MemoryNeed     `json:"memory"`
}

// What was inspected.
const (
	KindGGUF       = "gguf"
	KindCheckpoint = "checkpoint"
)

// TensorGroup is one row of the tensors' summary.
type TensorGroup struct {
	Class      string `json:"class,omitempty"`  // "attn_q": of a checkpoint
	Source     string `json:"source,omitempty"` // its format in the checkpoint
	Type       string `json:"type"`
	Tensors    int    `json:"tensors"`
	Parameters int64  `json:"parameters"`
	Bytes      int64  `json:"bytes"`
}

// Hyperparameters are the hyperparameters that most people ask for.
type Hyperparameters struct {
	Context   *int64 `json:"context"`
	Layers    *int64 `json:"layers"`
	Embedding *int64 `json:"embedding"`
	FFN       *int64 `json:"feed_forward"`
	Heads     *int64 `json:"heads"`
	KVHeads   *int64 `json:"kv_heads"`
	HeadDim   *int64 `json:"head_dim"`
	Vocab     *int64 `json:"vocabulary"`
}

// GGUF reads the header of a GGUF file, of a split model the first part.
func GGUF(path string, q MemoryQuery) (*Inspection, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	m := modelShape{arch: f.Architecture(), value: f.Value, tensors: f.Tensors}
	found := &Inspection{Path: path, Kind: KindGGUF, Architecture: oneline.Of(m.arch), Files: f.Paths, Bytes: f.Size,
		Parameters: f.Parameters(), Tensors: len(f.Tensors), Geometry: m.geometry(), Problems: []string{}, Warnings: []string{}}
	name, _, _ := gguf.Get[string](f, "general.name") // another type is one of Check's problems
	found.Name = oneline.Of(name)
	found.BitsPerWght = bitsPerWeight(f.Size, found.Parameters)
	for _, t := range f.TensorTypes() {
		found.Types = append(found.Types, TensorGroup{Type: t.Type.String(), Tensors: t.Tensors, Parameters: t.Elements, Bytes: t.Bytes})
	}
	if err := f.Check(); err != nil {
		var list *gguf.CheckError
		if !errors.As(err, &list) {
			return nil, err
		}
		found.Problems = list.Problems
		return found, nil
	}
	need := m.need(q)
	found.Memory = &need
	return found, nil
}

// bitsPerWeight is nil where there are no weights.
func bitsPerWeight(bytes, parameters int64) *float64 {
	if parameters <= 0 {
		return nil
	}
	v := 8 * float64(bytes) / float64(parameters)
	return &v
}

// geometry reads the hyperparameters.
func (m modelShape) geometry() Hyperparameters {
	s := Hyperparameters{Context: m.number("context_length"), Layers: m.number("block_count"), Embedding: m.number("embedding_length"),
		FFN: m.number("feed_forward_length"), Heads: m.number("attention.head_count"), KVHeads: m.number("attention.head_count_kv"),
		HeadDim: m.number("attention.key_length"), Vocab: m.number("vocab_size")}
	if tokens, ok := m.value("tokenizer.ggml.tokens"); ok {
		if list, ok := tokens.([]string); ok {
			n := int64(len(list))
			s.Vocab = &n
		}
	}
	if s.KVHeads == nil && len(m.headsPerLayer()) == 1 {
		s.KVHeads = &m.headsPerLayer()[0]
	}
	if s.HeadDim == nil && s.Embedding != nil && s.Heads != nil && *s.Heads > 0 {
		n := *s.Embedding / *s.Heads
		s.HeadDim = &n
	}
	return s
}

// Verdict says what is wrong with a model that has problems, "" of others.
func (f *Inspection) Verdict() string {
	if len(f.Problems) == 0 {
		return ""
	}
	verb := "loaded"
	if f.Kind == KindCheckpoint {
		verb = "converted exactly"
	}
	more := ""
	if n := len(f.Problems); n > 1 {
		more = fmt.Sprintf(" (and %d more problems)", n-1)
	}
	return fmt.Sprintf("%q can't be %s: %s%s", f.Path, verb, strings.ReplaceAll(f.Problems[0], "\n", " "), more)
}
