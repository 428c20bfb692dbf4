package checkpoint_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/engine/checkpoint"
	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/gguf"
)

// ggufNames maps the parts of tensor names.
var ggufNames = map[string]string{
	"embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output",
	"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
	"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
	"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}

// ggufName is the name of a tensor in the file.
func ggufName(name string) string {
	if rest, ok := strings.CutPrefix(name, "layers."); ok {
		n, part, _ := strings.Cut(rest, ".")
		return fmt.Sprintf("blk.%s.%s.weight", n, ggufNames[part])
	}
	return ggufNames[name] + ".weight"
}

// sourceRow is the row of the checkpoint that row o of a file's tensor comes
// from: rows of queries and keys alternate between the halves of their head.
func sourceRow(name string, o, headDim int) int {
	if !strings.HasSuffix(name, "q_proj") && !strings.HasSuffix(name, "k_proj") {
		return o
	}
	head, i := o/headDim*headDim, o%headDim
	return head + i%2*headDim/2 + i/2
}

// convert writes a variant and converts it.
func convert(t *testing.T, o awqtest.VariantOptions) (*awqtest.WrittenCheckpoint, *checkpoint.Report) {
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
	r, err := checkpoint.Convert(context.Background(), c, filepath.Join(t.TempDir(), "model.gguf"), checkpoint.ConvertOptions{Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	return source, r
}

// TestVariants: every tensor of every format decodes to exactly the values
// that the checkpoint was packed from, and the file can be loaded.
func TestVariants(t *testing.T) {
	for _, v := range awqtest.Variants() {
		t.Run(v.Name, func(t *testing.T) {
			source, r := convert(t, v.Options)
			f, err := gguf.Open(r.Path)
			if err == nil {
				err = f.Check()
			}
			if err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			names := source.Names()
			want := len(names)
			if source.Geometry.Rope.Llama3 != nil {
				want++
				compareFactors(t, file, f.Tensor("rope_freqs.weight"), source)
			}
			if len(f.Tensors) != want {
				t.Errorf("%d tensors, the checkpoint asks for %d", len(f.Tensors), want)
			}
			for _, name := range names {
				g := f.Tensor(ggufName(name))
				if g == nil {
					t.Errorf("%s is missing", ggufName(name))
					continue
				}
				compareTensor(t, file, g, source, name)
			}
			arch, _, _ := gguf.Get[string](f, "general.architecture")
			if arch != source.Geometry.Architecture || r.Verified == nil || r.Rounded != 0 {
				t.Errorf("architecture %q, verified %v, %d scales rounded", arch, r.Verified, r.Rounded)
			}
		})
	}
}

// compareFactors compares what llama.cpp divides each rotation by with the
// configuration's. That they mean the right thing the model's own test shows.
func compareFactors(t *testing.T, file io.ReaderAt, g *gguf.Tensor, source *awqtest.WrittenCheckpoint) {
	t.Helper()
	want := source.Geometry.Rope.FreqFactors(source.Geometry.HeadDim)
	if g == nil || g.Type != gguf.F32 || !slices.Equal(g.Dims, []int64{int64(len(want))}) || want[0] != 1 || want[len(want)-1] != 8 {
		t.Fatalf("rope_freqs.weight is %+v, the factors %v", g, want)
	}
	data, got := make([]byte, g.Bytes), make([]float32, len(want))
	if _, err := file.ReadAt(data, g.Start); err != nil {
		t.Fatal(err)
	}
	if err := gguf.Dequantize(g.Type, data, got); err != nil || !slices.Equal(got, want) {
		t.Errorf("factors %v, %v, want %v", got, err, want)
	}
}

// compareTensor decodes a tensor and compares every element.
func compareTensor(t *testing.T, file io.ReaderAt, g *gguf.Tensor, source *awqtest.WrittenCheckpoint, name string) {
	t.Helper()
	if want := wantedTypes(source, name); !slices.Contains(want, g.Type) {
		t.Errorf("%s is %s, want one of %v", name, g.Type, want)
	}
	data := make([]byte, g.Bytes)
	if _, err := file.ReadAt(data, g.Start); err != nil {
		t.Fatal(err)
	}
	rows, cols, want := source.Matrix(name)
	got := make([]float32, g.Elements())
	if err := gguf.Dequantize(g.Type, data, got); err != nil {
		t.Fatal(err)
	}
	if len(got) != rows*cols || g.Dims[0] != int64(cols) {
		t.Fatalf("%s has shape %s, want %d columns and %d rows", name, g.Shape(), cols, rows)
	}
	for o := range rows {
		from := sourceRow(name, o, source.Geometry.HeadDim)
		for i := range cols {
			if x := want[from*cols+i]; float64(got[o*cols+i]) != x {
				t.Fatalf("%s row %d column %d is %v, want exactly %v", name, o, i, got[o*cols+i], x)
			}
		}
	}
}

// wantedTypes lists the types that hold a tensor exactly and no larger than
// need be.
func wantedTypes(source *awqtest.WrittenCheckpoint, name string) []gguf.Type {
	l := source.Linears[name]
	switch {
	case l == nil && source.Dense[name].Rows == 1:
		return []gguf.Type{gguf.F32}
	case l == nil && source.Dense[name].Type == "F16":
		return []gguf.Type{gguf.F16}
	case l == nil:
		return []gguf.Type{gguf.BF16}
	case l.Bits == 8:
		return []gguf.Type{gguf.Q8_0}
	}
	symmetric, minimum := true, true
	for i, z := range l.Zeros {
		symmetric = symmetric && z == 8
		m := float32(z) * l.Scales[i]
		minimum = minimum && gguf.HalfToFloat32(gguf.Float32ToHalf(m)) == m
	}
	switch {
	case symmetric:
		return []gguf.Type{gguf.Q4_0}
	case minimum:
		return []gguf.Type{gguf.Q4_0, gguf.Q4_1}
	}
	return []gguf.Type{gguf.Q4_0, gguf.Q5_0}
}
