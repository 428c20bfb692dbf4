package shape

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"ceiling/engine/gguf"
	"ceiling/engine/synth"
	"ceiling/kernels"
)

// demo writes the demo model.
func demo(t *testing.T, kind string) (*gguf.File, synth.NamedGeometry) {
	t.Helper()
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), kind+".gguf")
	if _, err := synth.Write(context.Background(), synth.FileOptions{Geometry: g, Type: kind, Out: path, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f, g
}

// What is read follows from the geometry alone.
func TestOf(t *testing.T) {
	f, g := demo(t, "q8_0")
	l, err := Of(f, "f16")
	if err != nil {
		t.Fatal(err)
	}
	params := g.Layers * (2*g.Hidden*g.Heads*g.HeadDim + 2*g.Hidden*g.KVHeads*g.HeadDim + 3*g.Hidden*g.FFN)
	var ops, bytes float64
	for _, w := range l.Layers {
		ops += w.Ops
		bytes += w.Bytes
	}
	if want := 2 * float64(params); ops != want {
		t.Errorf("%g operations a token in the layers, not %g", ops, want)
	}
	norms := float64(4 * g.Hidden * (2*g.Layers + 1))
	if want := float64(params)*34/32 + norms; bytes != want {
		t.Errorf("%g bytes in the layers, not %g", bytes, want)
	}
	if len(l.Output) != 1 || l.Output[0].Ops != 2*float64(g.Hidden*g.Vocab) {
		t.Errorf("output %+v", l.Output)
	}
	if want := float64(g.Layers * g.KVHeads * 2 * g.HeadDim * 2); l.KVBytes != want {
		t.Errorf("KV %g, not %g", l.KVBytes, want)
	}
	if want := float64(4 * g.Layers * g.Heads * g.HeadDim); l.AttentionOps != want {
		t.Errorf("attention %g, not %g", l.AttentionOps, want)
	}
	if l.LayerCount != g.Layers || l.Embedding != g.Hidden || l.Vocab != g.Vocab || l.Nodes != 19*g.Layers || l.NodesSource == "" {
		t.Errorf("%+v", l)
	}
	quantised, err := Of(f, "q8_0")
	if err != nil || math.Abs(quantised.KVBytes-l.KVBytes*34/64) > 1 {
		t.Errorf("KV of q8_0: %g, %v", quantised.KVBytes, err)
	}
	if _, err := Of(f, "q9"); err == nil {
		t.Error("a KV type that there is none of passed")
	}
}

// The 24B geometry at one token and no context: the worked figure of one card.
func TestDevstral(t *testing.T) {
	g, _ := synth.Builtin("devstral-small-2-24b")
	plan, err := synth.NewPlan(g, "q4_0")
	if err != nil {
		t.Fatal(err)
	}
	layers, out := model{&gguf.File{Tensors: plan.Tensors}}.weights()
	l := kernels.Demand{Layers: layers, Output: out}
	var ops float64
	for _, w := range append(layers, out...) {
		ops += w.Ops
	}
	if math.Abs(ops/2-22.901e9) > 1e6 {
		t.Errorf("%g parameters are multiplied for a token, not 22.901 G", ops/2)
	}
	// 22.230 G of 4.5 bits, and the output's 0.671 G of 16.
	if got := l.WeightBytes(); math.Abs(got-(12504268800+1342177280)) > 3e6 {
		t.Errorf("%g bytes are read", got)
	}
}
