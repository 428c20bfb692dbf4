package engine

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ceiling/engine/checkpoint"
	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/gguf"
)

// What converted models may differ by from the float64 computation, in the
// logarithm of a probability. The quantised file's bound is that of llama.cpp,
// whose CPU kernels round activations to 8 bits.
const (
	floatBound     = 1e-4
	quantisedBound = 0.15
)

// promptLength goes twice past the original context of the small geometry, so that
// YaRN and both steps of the temperature are at work.
const promptLength = 136

// converted writes a checkpoint and converts it.
func converted(t *testing.T, o awqtest.VariantOptions) (*awqtest.WrittenCheckpoint, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "checkpoint")
	source, err := awqtest.Write(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(dir, checkpoint.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "model.gguf")
	if _, err := checkpoint.Convert(context.Background(), c, out, checkpoint.ConvertOptions{Verify: true}); err != nil {
		t.Fatal(err)
	}
	return source, out
}

// widened writes the model again with every tensor as F32.
func widened(t *testing.T, path string) string {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out := filepath.Join(t.TempDir(), "f32.gguf")
	w := gguf.NewWriter(out)
	defer w.Abort()
	for _, kv := range f.KVs {
		if kv.Key != "general.file_type" {
			w.Add(kv.Key, kv.Value)
		}
	}
	for i := range f.Tensors {
		w.AddTensor(f.Tensors[i].Name, gguf.F32, f.Tensors[i].Dims...)
	}
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	for i := range f.Tensors {
		_, to, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		widen(t, in, &f.Tensors[i], to)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return out
}

func widen(t *testing.T, in io.ReaderAt, tensor *gguf.Tensor, to io.Writer) {
	t.Helper()
	data, values := make([]byte, tensor.Bytes), make([]float32, tensor.Elements())
	if _, err := in.ReadAt(data, tensor.Start); err != nil {
		t.Fatal(err)
	}
	if err := gguf.Dequantize(tensor.Type, data, values); err != nil {
		t.Fatal(err)
	}
	wide := make([]byte, 0, 4*len(values))
	for _, v := range values {
		b := math.Float32bits(v)
		wide = append(wide, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	if _, err := to.Write(wide); err != nil {
		t.Fatal(err)
	}
}

// logProbs runs a text through the engine, with nothing rounded that need not
// be: keys and values in F32, no fused attention.
func logProbs(t *testing.T, path string, tokens []int32) [][]float64 {
	t.Helper()
	m, err := Load(context.Background(), path, LoadOptions{Devices: []string{"none"}, CheckTensors: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Open(context.Background(), SessionOptions{Sequences: 1, TokensPerSequence: len(tokens), Outputs: len(tokens),
		Threads: 2, KVType: "f32", FlashAttn: "off"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(s.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	}()
	var b Batch
	b.add(0, 0, tokens...)
	for i := range b.Want {
		b.Want[i] = 1
	}
	if err := s.Decode(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	out := make([][]float64, len(tokens))
	for i := range out {
		for _, v := range s.Logits(i) {
			out[i] = append(out[i], float64(v))
		}
		awqtest.LogSoftmax(out[i])
	}
	return out
}

// plainText is a text of plain tokens.
func plainText(source *awqtest.WrittenCheckpoint) []int32 {
	tokens := make([]int32, promptLength)
	x := uint32(12345)
	for i := range tokens {
		x = x*1664525 + 1013904223
		tokens[i] = 32 + int32(x>>8)%int32(source.Geometry.Vocab-32)
	}
	return tokens
}

// deviation is the largest difference at any position and any token, and the
// largest for the tokens that the text goes on with.
func deviation(t *testing.T, got, want [][]float64, tokens []int32) (any, next float64) {
	t.Helper()
	if len(got) != len(want) || len(got) != len(tokens) {
		t.Fatalf("%d and %d positions for %d tokens", len(got), len(want), len(tokens))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) || len(want[i]) == 0 {
			t.Fatalf("%d and %d tokens at position %d", len(got[i]), len(want[i]), i)
		}
		for k := range want[i] {
			d := math.Abs(got[i][k] - want[i][k])
			if any = max(any, d); math.IsNaN(d) {
				t.Fatalf("position %d token %d: %v and %v", i, k, got[i][k], want[i][k])
			}
			if i+1 < len(tokens) && int32(k) == tokens[i+1] {
				next = max(next, d)
			}
		}
	}
	return any, next
}

// TestConvertedModel: a converted model computes what its checkpoint's codes
// and scales mean, at every position of a text.
func TestConvertedModel(t *testing.T) {
	for _, v := range awqtest.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			source, path := converted(t, v.Options)
			tokens := plainText(source)
			want := source.LogProbs(tokens)
			exact, exactNext := deviation(t, logProbs(t, widened(t, path), tokens), want, tokens)
			quantised, quantisedNext := deviation(t, logProbs(t, path, tokens), want, tokens)
			t.Logf("largest difference in F32 %.2g (%.2g of the text's own tokens), quantised %.2g (%.2g)",
				exact, exactNext, quantised, quantisedNext)
			if exact > floatBound {
				t.Errorf("in F32 the model is off by %.3g, at most %g", exact, floatBound)
			}
			if quantised > quantisedBound {
				t.Errorf("quantised the model is off by %.3g, at most %g", quantised, quantisedBound)
			}
		})
	}
}

// TestConvertedModelNotices: the comparison would see a converter that takes
// any one convention wrongly. The mistakes are made on the checkpoint's side,
// so that the file is right and the float64 computation wrong.
func TestConvertedModelNotices(t *testing.T) {
	options := awqtest.VariantOptions{Seed: 20260101, Zeros: true}
	source, path := converted(t, options)
	tokens := plainText(source)
	exact, quantised := logProbs(t, widened(t, path), tokens), logProbs(t, path, tokens)
	for _, c := range []struct {
		name  string
		spoil func(*awqtest.WrittenCheckpoint)
	}{
		{"queries not permuted", func(c *awqtest.WrittenCheckpoint) {
			alternate(c.Linears["layers.1.self_attn.q_proj"], c.Geometry.HeadDim)
		}},
		{"keys not permuted", func(c *awqtest.WrittenCheckpoint) {
			alternate(c.Linears["layers.1.self_attn.k_proj"], c.Geometry.HeadDim)
		}},
		{"neighbouring groups swapped", func(c *awqtest.WrittenCheckpoint) { swapGroups(c.Linears["layers.1.mlp.down_proj"]) }},
		{"zero points off by one", func(c *awqtest.WrittenCheckpoint) {
			l := c.Linears["layers.0.mlp.up_proj"]
			for i := range l.Zeros {
				l.Zeros[i]++
			}
		}},
		{"no temperature", func(c *awqtest.WrittenCheckpoint) { c.Geometry.TemperatureScale = 0 }},
		{"magnitude of YaRN", func(c *awqtest.WrittenCheckpoint) { c.Geometry.Rope.Yarn.LogMultiplier = 0 }},
		{"no YaRN", func(c *awqtest.WrittenCheckpoint) { c.Geometry.Rope.Yarn.Factor = 1 }},
		{"tied embeddings", func(c *awqtest.WrittenCheckpoint) { c.Geometry.TieEmbeddings = true }},
	} {
		wrong, err := awqtest.Write(t.TempDir(), options)
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(wrong)
		want := wrong.LogProbs(tokens)
		inFloat, _ := deviation(t, exact, want, tokens)
		inFile, _ := deviation(t, quantised, want, tokens)
		t.Logf("%s: off by %.2g in F32, %.2g quantised", c.name, inFloat, inFile)
		if inFloat < 100*floatBound || inFile < 2*quantisedBound {
			t.Errorf("%s: the difference of %.3g and %.3g would hardly be noticed", c.name, inFloat, inFile)
		}
	}
}

// alternate puts the rows of every head in the order of the GGUF file.
func alternate(l *awqtest.Linear, headDim int) {
	codes, zeros, scales, groups := slices.Clone(l.Codes), slices.Clone(l.Zeros), slices.Clone(l.Scales), l.Groups()
	for o := range l.Out {
		head, i := o/headDim*headDim, o%headDim
		from := head + i%2*headDim/2 + i/2
		copy(l.Codes[o*l.In:(o+1)*l.In], codes[from*l.In:])
		copy(l.Zeros[o*groups:(o+1)*groups], zeros[from*groups:])
		copy(l.Scales[o*groups:(o+1)*groups], scales[from*groups:])
	}
}

// swapGroups gives every even group of a row the scale and the zero point of
// the odd one behind it, and the other way round.
func swapGroups(l *awqtest.Linear) {
	for g := 0; g+1 < len(l.Scales); g += 2 {
		l.Scales[g], l.Scales[g+1] = l.Scales[g+1], l.Scales[g]
		l.Zeros[g], l.Zeros[g+1] = l.Zeros[g+1], l.Zeros[g]
	}
}
