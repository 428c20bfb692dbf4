package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ceiling/engine/checkpoint/hf"
	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// blockSize is how many columns of a row share a scale in the file.
const blockSize = 32

// Kinds of a SourceTensor.
const (
	KindPacked = "packed" // integer codes with scales
	KindFloat  = "float"  // not quantised
)

// SourceTensor is a tensor of the checkpoint that goes into the file: a module's
// packed codes with their scales and zero points taken together, or one tensor
// that is not quantised.
type SourceTensor struct {
	Name      string // of the module for packed weights, else of the tensor
	GGUF      string // name in the file
	Kind      string // KindPacked or KindFloat
	Bits      int    // per weight: of a code, or of a float
	GroupSize int    // columns that share a scale; 0 for floats
	// DType is that of the floats: of the scales where packed.
	DType string
	Dims  []int64 // in ggml's order: columns (inputs), rows (outputs)
	Bytes int64   // in the checkpoint, of all its parts
}

// Elements returns the number of weights.
func (s *SourceTensor) Elements() int64 {
	n := int64(1)
	for _, d := range s.Dims {
		n *= d
	}
	return n
}

// Checkpoint is a checkpoint's headers and configuration. It holds no open
// file and does not change.
type Checkpoint struct {
	Dir      string
	Format   string // one of Formats(), or "unquantized"
	Geometry gguf.Geometry
	Config   *hf.ModelConfig
	Warnings []string
	Bytes    int64    // of all safetensors files
	Files    []string // paths of the safetensors files

	set     *safetensors.Set
	tensors []*tensor // in file order
}

// Open reads the headers and the configuration of the checkpoint in dir,
// finds out how its weights are stored and compares every shape with the
// configuration. It reads no weights, but the small index tensors. Errors are
// one line and name the file or tensor.
func Open(dir string, o OpenOptions) (*Checkpoint, error) {
	if o.Format != "" && !slices.Contains(Formats(), o.Format) {
		return nil, fmt.Errorf("no checkpoint format %q: name one of %s", o.Format, strings.Join(Formats(), ", "))
	}
	cfg, err := hf.ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	s, err := parseScheme(cfg.Quantization)
	if err != nil {
		return nil, fmt.Errorf("quantisation in %q: %w", cfg.QuantizationFile, err)
	}
	set, err := safetensors.Open(dir)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{
		Dir: dir, Geometry: cfg.Geometry, Config: cfg, Bytes: set.Bytes, Files: slices.Clone(set.Paths), set: set,
		Warnings: slices.Concat(cfg.Warnings, s.warnings, set.Warnings),
	}
	if err := c.build(s, o); err != nil {
		return nil, fmt.Errorf("%q: %w", dir, err)
	}
	return c, nil
}

// warnf adds a warning.
func (c *Checkpoint) warnf(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// build finds the tensors of the model.
func (c *Checkpoint) build(s *scheme, o OpenOptions) error {
	modules, err := c.modules()
	if err != nil {
		return err
	}
	if s.format, err = detect(modules, s, o.Format); err != nil {
		return err
	}
	c.Format = s.format
	b := builder{c: c, scheme: s, carry: o.GPTQv1Carry}
	for _, m := range modules {
		if err := b.add(m); err != nil {
			return err
		}
	}
	b.ropeFactors()
	if err := c.complete(); err != nil {
		return err
	}
	b.crossCheck()
	slices.SortFunc(c.tensors, func(a, b *tensor) int { return int(a.role.order - b.role.order) })
	files, err := c.set.Files()
	if err != nil {
		return err
	}
	defer files.Close()
	for _, t := range c.tensors {
		if err := t.checkSmall(files); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// module is everything that the checkpoint stores for one part of the model.
type module struct {
	name  string // in the checkpoint
	plain string // normalised
	role  role
	parts map[string]*safetensors.StoredTensor // by the last part of their names
}

// modules groups the tensors and drops those that are not of the language
// model.
func (c *Checkpoint) modules() ([]*module, error) {
	var (
		list   []*module
		byName = map[string]*module{}
		names  namings
		unused = map[string]int{}
	)
	for i := range c.set.Tensors {
		t := &c.set.Tensors[i]
		if dropped(t.Name) {
			continue
		}
		plain, use := normalize(t.Name)
		dot := strings.LastIndexByte(plain, '.')
		if dot < 0 {
			return nil, fmt.Errorf("tensor %q %w", t.Name, errUnknown)
		}
		leaf := plain[dot+1:]
		if activationScales[leaf] {
			unused[leaf]++
			continue
		}
		if err := names.add(t.Name, use); err != nil {
			return nil, err
		}
		m := byName[plain[:dot]]
		if m == nil {
			m = &module{name: t.Name[:strings.LastIndexByte(t.Name, '.')], plain: plain[:dot], parts: map[string]*safetensors.StoredTensor{}}
			var err error
			if m.role, err = roleOf(m.plain, c.Geometry); err != nil {
				return nil, fmt.Errorf("tensor %q %w", t.Name, err)
			}
			byName[m.plain] = m
			list = append(list, m)
		}
		if other := m.parts[leaf]; other != nil {
			return nil, fmt.Errorf("tensors %q and %q would both become %q", other.Name, t.Name, m.role.gguf)
		}
		m.parts[leaf] = t
	}
	for leaf, n := range unused {
		c.warnf("%d tensors named .%s, for quantised activations or KV caches, are left out", n, leaf)
	}
	slices.Sort(c.Warnings[len(c.Warnings)-len(unused):])
	return list, nil
}

// complete checks that every tensor that the model needs is there.
func (c *Checkpoint) complete() error {
	have := map[string]bool{}
	for _, t := range c.tensors {
		have[t.GGUF] = true
	}
	need := func(name, what string) error {
		if have[name+".weight"] {
			return nil
		}
		return fmt.Errorf("the weights of %s are missing (%s)", what, name)
	}
	if err := need("token_embd", "model.embed_tokens"); err != nil {
		return err
	}
	if err := need("output_norm", "model.norm"); err != nil {
		return err
	}
	if !c.Geometry.TieEmbeddings {
		if err := need("output", "lm_head"); err != nil {
			return fmt.Errorf("%w, and tie_word_embeddings is not true", err)
		}
	}
	for n := range c.Geometry.Layers {
		for _, l := range layerRoles {
			if err := need(fmt.Sprintf("blk.%d.%s", n, l.gguf), fmt.Sprintf("model.layers.%d.%s", n, l.hf)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tensors lists what goes into the file, in file order.
func (c *Checkpoint) Tensors() []SourceTensor {
	list := make([]SourceTensor, len(c.tensors))
	for i, t := range c.tensors {
		list[i] = t.SourceTensor
	}
	return list
}

// Parameters returns the number of weights that go into the file.
func (c *Checkpoint) Parameters() int64 {
	var n int64
	for _, t := range c.tensors {
		n += t.Elements()
	}
	return n
}

// inputs lists what belongs to the checkpoint and must not be overwritten: all
// files beside the weights but GGUF files.
func (c *Checkpoint) inputs() []string {
	list := slices.Clone(c.set.Paths)
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return list // the weights are listed
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".gguf" {
			list = append(list, filepath.Join(c.Dir, e.Name()))
		}
	}
	return list
}
