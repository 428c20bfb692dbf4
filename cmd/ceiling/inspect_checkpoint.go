package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"ceiling/engine/checkpoint"
	"ceiling/engine/checkpoint/hf"
	"ceiling/engine/gguf"
	"ceiling/internal/oneline"
)

// inspectedResult is what a checkpoint would be converted to.
type inspectedResult struct {
	Bytes       int64           `json:"size_bytes"`
	BitsPerWght *float64        `json:"bits_per_weight"`
	Classes     []inspectedType `json:"classes"` // matrices of one purpose and treatment
	Exact       bool            `json:"exact"`
}

// inspectCheckpoint reads a checkpoint's headers, and as much of its scales
// and zero points as the choice of types needs.
func inspectCheckpoint(ctx context.Context, path string, q memoryQuery, show *progress) (*inspection, error) {
	c, err := lookAtModel(path)
	if err != nil {
		return nil, err
	}
	plan, err := c.Plan(ctx, checkpoint.Options{Progress: stageProgress(show)})
	show.clear()
	if err != nil {
		return nil, err
	}
	found := &inspection{Path: path, Kind: kindCheckpoint, Architecture: c.Geometry.Architecture, Files: c.Files, Bytes: c.Bytes,
		Parameters: plan.Parameters, BitsPerWght: bitsPerWeight(c.Bytes, plan.Parameters), Tensors: len(plan.Targets),
		Format: formatText(c), Problems: []string{}, Warnings: append([]string{}, plan.Warnings...), Conversion: conversionPlan(plan)}
	found.Types = sourceTypes(plan)
	for _, t := range plan.Targets {
		if t.Refused != "" {
			found.Problems = append(found.Problems, fmt.Sprintf("tensor %q %s", t.Name, t.Refused))
		}
	}
	kvs, _, err := hf.Metadata(path, c.Config, hf.MetadataOptions{}) // the plan has its warnings
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
func planShape(g hf.Geometry, plan *checkpoint.Plan, kvs []gguf.KV) modelShape {
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
func conversionPlan(plan *checkpoint.Plan) *inspectedResult {
	r := &inspectedResult{Bytes: plan.Size, BitsPerWght: bitsPerWeight(plan.Size, plan.Parameters), Exact: true}
	for i := range plan.Targets {
		t := &plan.Targets[i]
		kind := t.Type.String()
		if t.Refused != "" {
			kind = "refused"
		}
		r.Exact = r.Exact && t.Refused == "" && t.Inexact == 0
		r.Classes = addType(r.Classes, inspectedType{Class: class(t.GGUF), Source: sourceText(t.Source), Type: kind,
			Tensors: 1, Parameters: t.Elements(), Bytes: t.Bytes})
	}
	return r
}

// sourceTypes sums the checkpoint's tensors up by how they are stored.
func sourceTypes(plan *checkpoint.Plan) []inspectedType {
	var list []inspectedType
	for i := range plan.Targets {
		t := &plan.Targets[i]
		list = addType(list, inspectedType{Type: sourceText(t.Source), Tensors: 1, Parameters: t.Elements(), Bytes: t.Source.Bytes})
	}
	return list
}

// addType adds a tensor to the row of its kind.
func addType(list []inspectedType, one inspectedType) []inspectedType {
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

// sourceText is how the checkpoint stores a tensor: "4 bit, group 32, BF16
// scales" or "BF16".
func sourceText(s checkpoint.Source) string {
	if s.Kind != checkpoint.KindPacked {
		return s.DType
	}
	group := fmt.Sprintf("group %d", s.GroupSize)
	if groupSize(s) < 0 {
		group = "one group a row"
	}
	return fmt.Sprintf("%d bit, %s, %s scales", s.Bits, group, s.DType)
}

// print writes the table of classes.
func (r *inspectedResult) print(w io.Writer) {
	bits := "—"
	if r.BitsPerWght != nil {
		bits = fmt.Sprintf("%.2f", *r.BitsPerWght)
	}
	fmt.Fprintf(w, "would become\t%s bytes of GGUF (%s), %s bits per weight%s\n", grouped(r.Bytes), size(r.Bytes), bits,
		map[bool]string{true: ", exact", false: ""}[r.Exact])
	fmt.Fprintf(w, "\nTENSORS\tIN THE CHECKPOINT\tIN GGUF\tCOUNT\tPARAMETERS\tBYTES\t\n")
	for _, t := range r.Classes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t\n", t.Class, t.Source, t.Type, t.Tensors, grouped(t.Parameters), grouped(t.Bytes))
	}
}
