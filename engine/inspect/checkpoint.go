package inspect

import (
	"context"
	"fmt"
	"io"
	"strings"

	"ceiling/engine/checkpoint"
	"ceiling/engine/checkpoint/hf"
	"ceiling/engine/gguf"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
)

// Conversion is what a checkpoint would be converted to.
type Conversion struct {
	Bytes       int64         `json:"size_bytes"`
	BitsPerWght *float64      `json:"bits_per_weight"`
	Classes     []TensorGroup `json:"classes"` // matrices of one purpose and treatment
	Exact       bool          `json:"exact"`
}

// Checkpoint reads a checkpoint's headers, and as much of its scales and zero
// points as the choice of types needs. progress, if not nil, is that of
// checkpoint.ConvertOptions.
func Checkpoint(ctx context.Context, c *checkpoint.Checkpoint, q MemoryQuery, progress func(stage string, done, total int64)) (*Inspection, error) {
	plan, err := c.Plan(ctx, checkpoint.ConvertOptions{Progress: progress})
	if err != nil {
		return nil, err
	}
	found := &Inspection{Path: c.Dir, Kind: KindCheckpoint, Architecture: c.Geometry.Architecture, Files: c.Files, Bytes: c.Bytes,
		Parameters: plan.Parameters, BitsPerWght: bitsPerWeight(c.Bytes, plan.Parameters), Tensors: len(plan.Targets),
		Format: c.FormatText(), Problems: []string{}, Warnings: append([]string{}, plan.Warnings...), Conversion: conversionPlan(plan)}
	found.Types = sourceTypes(plan)
	for _, t := range plan.Targets {
		if t.Refused != "" {
			found.Problems = append(found.Problems, fmt.Sprintf("tensor %q %s", t.Name, t.Refused))
		}
	}
	kvs, _, err := hf.Metadata(c.Dir, c.Config, hf.MetadataOptions{}) // the plan has its warnings
	if err != nil {
		return nil, err
	}
	m := planShape(c.Geometry, plan, kvs)
	found.Geometry = m.geometry()
	if name, ok := m.value("general.name"); ok {
		found.Name = oneline.Of(fmt.Sprint(name))
	}
	if len(found.Problems) == 0 {
		need := m.need(q)
		found.Memory = &need
	}
	return found, nil
}

// planShape is the shape of the file that the plan would write.
func planShape(g gguf.Geometry, plan *checkpoint.ConversionPlan, kvs []gguf.KV) modelShape {
	values := map[string]any{
		g.Architecture + ".block_count": g.Layers, g.Architecture + ".attention.head_count": g.Heads,
		g.Architecture + ".attention.head_count_kv": g.KVHeads, g.Architecture + ".attention.key_length": g.HeadDim,
		g.Architecture + ".attention.value_length": g.HeadDim, g.Architecture + ".embedding_length": g.Hidden,
		g.Architecture + ".feed_forward_length": g.FFN, g.Architecture + ".context_length": g.Context,
		g.Architecture + ".vocab_size": g.Vocab,
	}
	for _, kv := range kvs {
		values[kv.Key] = kv.Value
	}
	m := modelShape{arch: g.Architecture, value: func(key string) (any, bool) { v, ok := values[key]; return v, ok }}
	for _, t := range plan.Targets {
		m.tensors = append(m.tensors, gguf.Tensor{Name: t.GGUF, Type: t.Type, Dims: t.Dims, Bytes: t.Bytes})
	}
	return m
}

// conversionPlan sums the targets up by purpose and treatment, in file order.
func conversionPlan(plan *checkpoint.ConversionPlan) *Conversion {
	r := &Conversion{Bytes: plan.Size, BitsPerWght: bitsPerWeight(plan.Size, plan.Parameters), Exact: true}
	for i := range plan.Targets {
		t := &plan.Targets[i]
		kind := t.Type.String()
		if t.Refused != "" {
			kind = "refused"
		}
		r.Exact = r.Exact && t.Refused == "" && t.Inexact == 0
		r.Classes = addType(r.Classes, TensorGroup{Class: class(t.GGUF), Source: t.SourceTensor.Text(), Type: kind,
			Tensors: 1, Parameters: t.Elements(), Bytes: t.Bytes})
	}
	return r
}

// sourceTypes sums the checkpoint's tensors up by how they are stored.
func sourceTypes(plan *checkpoint.ConversionPlan) []TensorGroup {
	var list []TensorGroup
	for i := range plan.Targets {
		t := &plan.Targets[i]
		list = addType(list, TensorGroup{Type: t.SourceTensor.Text(), Tensors: 1, Parameters: t.Elements(), Bytes: t.SourceTensor.Bytes})
	}
	return list
}

// addType adds a tensor to the row of its kind.
func addType(list []TensorGroup, one TensorGroup) []TensorGroup {
	for i := range list {
		if r := &list[i]; r.Class == one.Class && r.Source == one.Source && r.Type == one.Type {
			r.Tensors, r.Parameters, r.Bytes = r.Tensors+one.Tensors, r.Parameters+one.Parameters, r.Bytes+one.Bytes
			return list
		}
	}
	return append(list, one)
}

// class is a tensor's purpose: its name without the layer.
func class(name string) string {
	if _, ok := layerOf(name); ok {
		name = strings.SplitN(name, ".", 3)[2]
	}
	return strings.TrimSuffix(name, ".weight")
}

// print writes the table of classes.
func (r *Conversion) print(w io.Writer) {
	bits := figure.Missing
	if r.BitsPerWght != nil {
		bits = fmt.Sprintf("%.2f", *r.BitsPerWght)
	}
	fmt.Fprintf(w, "would become\t%s bytes of GGUF (%s), %s bits per weight%s\n", figure.Grouped(r.Bytes), figure.Size(r.Bytes), bits,
		map[bool]string{true: ", exact", false: ""}[r.Exact])
	fmt.Fprintf(w, "\nTENSORS\tIN THE CHECKPOINT\tIN GGUF\tCOUNT\tPARAMETERS\tBYTES\t\n")
	for _, t := range r.Classes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t\n", t.Class, t.Source, t.Type, t.Tensors, figure.Grouped(t.Parameters), figure.Grouped(t.Bytes))
	}
}
