package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/engine/gguf"
	"ceiling/internal/oneline"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "say what a model file or a checkpoint holds, and the memory it would need",
		ArgsUsage: "FILE|FOLDER",
		Description: "A GGUF file (of a split model the first part) or the folder of a 4-bit checkpoint. Of a checkpoint it\n" +
			"also says what `ceiling convert` would make of it, or why it refuses. Nothing is written or loaded.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "context", HideDefault: true, Usage: "`TOKENS` of a sequence, prompt and output (default: 4096, or the model's context where that is less)", Validator: atLeast(1)},
			sequencesFlag(),
			kvTypeFlag(),
			&cli.IntFlag{Name: "gpus", Value: 1, Usage: "equal GPUs that share the model; 0: the CPU alone", Validator: atLeast(0)},
			choice("split-mode", "how they share it", []string{"layer", "tensor"}, "sm"),
			jsonFlag(),
		},
		Action: inspectAction,
	}
}

// inspection is what the command found out. A pointer is nil, and null in
// JSON, where the file does not say.
type inspection struct {
	Path         string           `json:"path"`
	Kind         string           `json:"kind"` // kindGGUF or kindCheckpoint
	Name         string           `json:"name,omitempty"`
	Format       string           `json:"format,omitempty"` // of a checkpoint
	Architecture string           `json:"architecture"`
	Files        []string         `json:"files"`
	Bytes        int64            `json:"size_bytes"`
	Parameters   int64            `json:"parameters"`
	BitsPerWght  *float64         `json:"bits_per_weight"`
	Tensors      int              `json:"tensors"`
	Types        []inspectedType  `json:"types"`
	Geometry     inspectedShape   `json:"geometry"`
	Problems     []string         `json:"problems"` // why it can't be loaded or converted
	Warnings     []string         `json:"warnings"`
	Conversion   *inspectedResult `json:"conversion,omitempty"` // of a checkpoint
	Memory       *memoryNeed      `json:"memory"`
}

const (
	kindGGUF       = "gguf"
	kindCheckpoint = "checkpoint"
)

// inspectedType is one row of the tensors' summary.
type inspectedType struct {
	Class      string `json:"class,omitempty"`  // "attn_q": of a checkpoint
	Source     string `json:"source,omitempty"` // its format in the checkpoint
	Type       string `json:"type"`
	Tensors    int    `json:"tensors"`
	Parameters int64  `json:"parameters"`
	Bytes      int64  `json:"bytes"`
}

// inspectedShape are the hyperparameters that most people ask for.
type inspectedShape struct {
	Context   *int64 `json:"context"`
	Layers    *int64 `json:"layers"`
	Embedding *int64 `json:"embedding"`
	FFN       *int64 `json:"feed_forward"`
	Heads     *int64 `json:"heads"`
	KVHeads   *int64 `json:"kv_heads"`
	HeadDim   *int64 `json:"head_dim"`
	Vocab     *int64 `json:"vocabulary"`
}

func inspectAction(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%d arguments; name one GGUF file or the folder of a checkpoint", c.Args().Len())
	}
	q := memoryQuery{Context: c.Int("context"), Sequences: c.Int("sequences"), GPUs: c.Int("gpus"),
		KVType: c.String("kv-type"), SplitMode: c.String("split-mode")}
	path := c.Args().First()
	var err error
	var found *inspection
	if isDir(path) {
		found, err = inspectCheckpoint(ctx, path, q, newProgress(c.Root().ErrWriter))
	} else {
		found, err = inspectGGUF(path, q)
	}
	if err != nil {
		return err
	}
	w := c.Root().Writer
	if c.Bool("json") {
		err = writeJSON(w, found)
	} else {
		err = found.print(w)
	}
	if err == nil && len(found.Problems) > 0 {
		err = codedError{exitInvalid, errors.New(found.verdict())}
	}
	return err
}

// inspectGGUF reads a GGUF file's header.
func inspectGGUF(path string, q memoryQuery) (*inspection, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	m := modelShape{arch: f.Architecture(), value: f.Value, tensors: f.Tensors}
	found := &inspection{Path: path, Kind: kindGGUF, Architecture: oneline.Of(m.arch), Files: f.Paths, Bytes: f.Size,
		Parameters: f.Parameters(), Tensors: len(f.Tensors), Geometry: m.geometry(), Problems: []string{}, Warnings: []string{}}
	name, _, _ := gguf.Get[string](f, "general.name") // another type is one of Check's problems
	found.Name = oneline.Of(name)
	found.BitsPerWght = bitsPerWeight(f.Size, found.Parameters)
	for _, t := range f.TensorTypes() {
		found.Types = append(found.Types, inspectedType{Type: t.Type.String(), Tensors: t.Tensors, Parameters: t.Elements, Bytes: t.Bytes})
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
func (m modelShape) geometry() inspectedShape {
	s := inspectedShape{Context: m.number("context_length"), Layers: m.number("block_count"), Embedding: m.number("embedding_length"),
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

// verdict is the error line of a model with problems.
func (f *inspection) verdict() string {
	verb := "loaded"
	if f.Kind == kindCheckpoint {
		verb = "converted exactly"
	}
	more := ""
	if n := len(f.Problems); n > 1 {
		more = fmt.Sprintf(" (and %d more problems)", n-1)
	}
	return fmt.Sprintf("%q can't be %s: %s%s", f.Path, verb, strings.ReplaceAll(f.Problems[0], "\n", " "), more)
}
