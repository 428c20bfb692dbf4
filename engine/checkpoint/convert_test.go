package checkpoint

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/gguf"
)

// write makes a checkpoint.
func write(t *testing.T, o awqtest.VariantOptions) *awqtest.WrittenCheckpoint {
	t.Helper()
	ck, err := awqtest.Write(filepath.Join(t.TempDir(), "model"), o)
	if err != nil {
		t.Fatal(err)
	}
	return ck
}

// convert converts a checkpoint, and returns the file and the report.
func convert(t *testing.T, dir string, open OpenOptions, o ConvertOptions) (string, *Report) {
	t.Helper()
	c, err := Open(dir, open)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "m.gguf")
	r, err := Convert(context.Background(), c, out, o)
	if err != nil {
		t.Fatal(err)
	}
	return out, r
}

// TestTypes: every format is recognised without a warning, and every matrix
// gets the first type that holds it exactly.
func TestTypes(t *testing.T) {
	for _, v := range awqtest.Variants() {
		ck := write(t, v.Options)
		c, err := Open(ck.Dir, OpenOptions{})
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		want := map[awqtest.QuantFormat]string{
			"": "compressed-tensors", awqtest.AWQGemm: "awq", awqtest.AWQGemv: "awq-gemv", awqtest.GPTQ: "gptq",
			awqtest.GPTQv2: "gptq_v2", awqtest.AutoRoundAWQ: "awq", awqtest.AutoRoundGPTQ: "gptq",
			awqtest.AutoRoundGPTQv2: "gptq_v2",
		}[v.Options.Format]
		if c.Format != want || len(c.Warnings) > 0 {
			t.Errorf("%s: format %q, want %q, warnings %q", v.Name, c.Format, want, c.Warnings)
		}
		p, err := c.Plan(context.Background(), ConvertOptions{})
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if err := p.Refusal(); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		for _, target := range p.Targets {
			plain, _ := normalize(target.Name)
			if l := ck.Linears[strings.TrimPrefix(plain, "model.")]; l != nil && target.Type != exactType(l) {
				t.Errorf("%s: %s becomes %s, want %s", v.Name, target.Name, target.Type, exactType(l))
			}
		}
	}
}

// exactType returns the first type that holds a matrix exactly.
func exactType(l *awqtest.Linear) gguf.Type {
	if l.Bits == 8 {
		return gguf.Q8_0
	}
	fits, minima := true, true
	for i, u := range l.Codes {
		n := int(u) - int(l.Zeros[i/l.Group])
		fits = fits && n >= -8 && n <= 7
	}
	for g, z := range l.Zeros {
		m := float64(z) * float64(l.Scales[g])
		minima = minima && float64(gguf.HalfToFloat32(gguf.Float32ToHalf(float32(m)))) == m
	}
	switch {
	case fits:
		return gguf.Q4_0
	case minima:
		return gguf.Q4_1
	}
	return gguf.Q5_0
}

// TestTiles converts with tiles of a few rows and of everything, by several
// workers, and expects the same bytes.
func TestTiles(t *testing.T) {
	rows, columns := tileBytes, rowTileBytes
	t.Cleanup(func() { tileBytes, rowTileBytes = rows, columns })
	for _, o := range []awqtest.VariantOptions{
		{Zeros: true, Plain: []string{"layers.0.self_attn.q_proj"}},
		{Format: awqtest.AWQGemm, Zeros: true},
		{Format: awqtest.AWQGemv, Zeros: true},
		{Format: awqtest.GPTQ, Zeros: true, GroupSize: 64},
	} {
		ck := write(t, o)
		tileBytes, rowTileBytes = rows, columns
		whole := convertBytes(t, ck.Dir, 1)
		tileBytes, rowTileBytes = 1, 1
		for _, workers := range []int{1, 2, 7} {
			if !slices.Equal(convertBytes(t, ck.Dir, workers), whole) {
				t.Errorf("%s: %d workers and small tiles give other bytes", o.Format, workers)
			}
		}
	}
}

func convertBytes(t *testing.T, dir string, workers int) []byte {
	t.Helper()
	out, _ := convert(t, dir, OpenOptions{}, ConvertOptions{Workers: workers, Verify: true})
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEmbeddings(t *testing.T) {
	ck := write(t, awqtest.VariantOptions{})
	for name, want := range map[string]gguf.Type{"bf16": gguf.BF16, "f16": gguf.F16, "f32": gguf.F32, "q8_0": gguf.Q8_0, "unchanged": gguf.BF16, "": gguf.BF16} {
		out, r := convert(t, ck.Dir, OpenOptions{}, ConvertOptions{Embeddings: name, Verify: true, VerifyRows: 64})
		f, err := gguf.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		var worst float64
		for hfName, full := range map[string]string{"embed_tokens": "token_embd.weight", "lm_head": "output.weight"} {
			got := f.Tensor(full)
			if got.Type != want {
				t.Errorf("%q: %s is %s, want %s", name, full, got.Type, want)
			}
			values := make([]float32, got.Elements())
			if err := gguf.Dequantize(got.Type, raw[got.Start:got.Start+got.Bytes], values); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				worst = max(worst, math.Abs(float64(v)-float64(ck.Dense[hfName].Values[i])))
			}
		}
		if worst != r.EmbeddingError {
			t.Errorf("%q: largest error %v, report says %v", name, worst, r.EmbeddingError)
		}
		if (name == "q8_0") != (worst > 1e-4) || worst > 0.005 {
			t.Errorf("%q: largest error %v", name, worst)
		}
	}
	c, err := Open(ck.Dir, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "m.gguf")
	if _, err := Convert(context.Background(), c, out, ConvertOptions{Embeddings: "q6_k"}); err == nil || !strings.Contains(err.Error(), `no type "q6_k"`) {
		t.Errorf("q6_k: %v", err)
	}
}
