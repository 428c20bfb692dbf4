package checkpoint

import (
	"context"
	"fmt"
	"slices"

	"ceiling/engine/checkpoint/hf"
	"ceiling/engine/checkpoint/safetensors"
	"ceiling/engine/gguf"
)

// Plan finds out what every tensor would become. It reads all scales and zero
// points, and codes as far as they decide. A tensor that can't be converted is
// no error here: ConversionPlan.Refusal tells.
func (c *Checkpoint) Plan(ctx context.Context, o ConvertOptions) (*ConversionPlan, error) {
	files, err := c.set.Files()
	if err != nil {
		return nil, err
	}
	defer files.Close()
	p, w, err := c.prepare(ctx, files, "", o)
	if err != nil {
		return nil, err
	}
	l, err := w.Layout()
	if err != nil {
		return nil, err
	}
	p.Size = l.Size
	return p, nil
}

// prepare makes the plan, and a writer of the file that has all metadata and
// tensor descriptions.
func (c *Checkpoint) prepare(ctx context.Context, files *safetensors.Files, out string, o ConvertOptions) (*ConversionPlan, *gguf.Writer, error) {
	kind, keep, err := o.embeddings()
	if err != nil {
		return nil, nil, err
	}
	kvs, warnings, err := hf.Metadata(c.Dir, c.Config, hf.MetadataOptions{Name: o.Name, ChatTemplatePath: o.ChatTemplate})
	if err != nil {
		return nil, nil, err
	}
	p := &ConversionPlan{Targets: make([]Target, len(c.tensors)), Parameters: c.Parameters(), Warnings: slices.Clone(c.Warnings)}
	for _, w := range warnings {
		// Metadata repeats what the configuration gave rise to.
		if !slices.Contains(p.Warnings, w) {
			p.Warnings = append(p.Warnings, w)
		}
	}
	for i, t := range c.tensors {
		p.Targets[i] = Target{SourceTensor: t.SourceTensor, t: t}
		if t.Kind == KindFloat {
			p.Targets[i].Type = floatTarget(t, kind, keep)
		}
	}
	if err := p.scan(ctx, files, o); err != nil {
		return nil, nil, err
	}
	w := gguf.NewWriter(out)
	w.Overwrite, w.Free = o.Force, o.Free
	p.FileType = p.fileType()
	for _, kv := range kvs {
		w.Add(kv.Key, kv.Value)
	}
	w.Add("general.file_type", p.FileType)
	for i := range p.Targets {
		if err := p.Targets[i].describe(w); err != nil {
			return nil, nil, err
		}
	}
	p.warn()
	return p, w, nil
}

// floatTarget returns the type of a tensor that is not quantised: F32 for
// vectors, as llama.cpp demands, what was asked for embeddings, else its own.
func floatTarget(t *tensor, embeddings gguf.Type, keep bool) gguf.Type {
	switch {
	case t.role.vector:
		return gguf.F32
	case t.role.embed && !keep:
		return embeddings
	}
	return nativeType(safetensors.DType(t.DType))
}

// describe adds the tensor to the file's header.
func (t *Target) describe(w *gguf.Writer) error {
	row, err := t.Type.RowBytes(t.Dims[0])
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	t.Bytes = row
	if len(t.Dims) > 1 {
		t.Bytes *= t.Dims[1]
	}
	w.AddTensor(t.GGUF, t.Type, t.Dims...)
	return nil
}

// fileTypes are the values of general.file_type.
var fileTypes = map[gguf.Type]uint32{
	gguf.F32: 0, gguf.F16: 1, gguf.Q4_0: 2, gguf.Q4_1: 3, gguf.Q8_0: 7, gguf.Q5_0: 8, gguf.BF16: 32,
}

// fileType names the file after the type that most packed weights have, or
// most weights where none are packed.
func (p *ConversionPlan) fileType() uint32 {
	weights := map[gguf.Type]int64{}
	for i := range p.Targets {
		t := &p.Targets[i]
		n := t.Elements()
		if t.Kind == KindPacked {
			n <<= 20 // any packed one outweighs all floats
		}
		weights[t.Type] += n
	}
	best := gguf.F32
	for kind, n := range weights {
		if n > weights[best] || n == weights[best] && kind < best {
			best = kind
		}
	}
	return fileTypes[best]
}

// warn adds what the scan saw and is no reason to refuse.
func (p *ConversionPlan) warn() {
	if p.SmallScales > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%d scales are below 2^-14, subnormal in float16: exact, but a device that flushes those to zero would lose them", p.SmallScales))
	}
	if p.OddScales > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%d scales are zero or negative: exact, but unusual", p.OddScales))
	}
}
