package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"ceiling/engine/gguf"
	"ceiling/engine/internal/llama"
)

// TestArgmaxFindsNaN: one NaN, at every place of a row of several blocks and a
// rest that fills none, and at either end of shorter ones.
func TestArgmaxFindsNaN(t *testing.T) {
	// Of either sign, and one that differs from infinity in its last bit.
	nans := []float32{float32(math.NaN()), math.Float32frombits(0xffc00000), math.Float32frombits(0x7f800001)}
	for _, n := range []int{1, 2, 63, 64, 65, 127, 4095, 4096, 4097, 2*4096 + 64 + 37} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i%97) - 50
		}
		for at := range x {
			saved := x[at]
			x[at] = nans[at%len(nans)]
			if got := llama.Argmax(x); got != -1 {
				t.Fatalf("%d values, NaN at %d: argmax %d, want -1", n, at, got)
			}
			x[at] = saved
		}
		if got := llama.Argmax(x); got < 0 {
			t.Errorf("%d values without NaN: argmax %d", n, got)
		}
		for i := range x {
			x[i] = nans[0]
		}
		if got := llama.Argmax(x); got != -1 {
			t.Errorf("%d values, all NaN: argmax %d, want -1", n, got)
		}
	}
}

// withNorm writes a model whose last normalisation has the given weights.
func withNorm(t *testing.T, weight func(i int) float32) string {
	t.Helper()
	return withNormOf(t, synthModel(t, "q4_0"), weight)
}

// withNormOf writes the model at path again, with the given weights of the last
// normalisation.
func withNormOf(t *testing.T, path string, weight func(i int) float32) string {
	t.Helper()
	file, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	norm := file.Tensor("output_norm.weight")
	for i := range int(norm.Elements()) {
		binary.LittleEndian.PutUint32(data[norm.Start+int64(4*i):], math.Float32bits(weight(i)))
	}
	changed := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(changed, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return changed
}

// TestWarmFindsBadLogits: whoever samples. The CPU back end's own argmax of NaN
// is token 0, so that a step of it can't tell.
func TestWarmFindsBadLogits(t *testing.T) {
	one := func(int) float32 { return 1 }
	for _, c := range []struct {
		name   string
		weight func(i int) float32
		want   error
	}{
		{"sound", one, nil},
		{"one NaN", func(i int) float32 { return []float32{float32(math.NaN()), 1}[min(i, 1)] }, ErrNaN},
		{"all NaN", func(int) float32 { return float32(math.NaN()) }, ErrNaN},
		{"infinite", func(int) float32 { return float32(math.Inf(1)) }, ErrNaN},
		{"nothing", func(int) float32 { return 0 }, ErrFlatLogits},
	} {
		m := load(t, withNorm(t, c.weight))
		for _, greedy := range []bool{false, true} {
			o := SessionOptions{Sequences: 2, TokensPerSequence: 64, Threads: 1, Greedy: greedy}
			if !canDo(t, o) {
				continue
			}
			s := open(t, m, o)
			if err := s.Warm(context.Background()); !errors.Is(err, c.want) {
				t.Errorf("%s, greedy in the back end %v: %v, want %v", c.name, greedy, err, c.want)
			}
			if backend, argmax := s.Sampled(); c.want == nil && backend+argmax != 2 || argmax > 0 && greedy || backend > 0 && !greedy {
				t.Errorf("%s, greedy in the back end %v: sampled %d there, %d on the CPU", c.name, greedy, backend, argmax)
			}
		}
	}
}

// TestNoTokenFromBackEnd: what a back end that samples gives for NaN, −1, is
// also what the library says where nothing was sampled.
func TestNoTokenFromBackEnd(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, Greedy: true})
	var b Batch
	b.add(0, 0, 300, 301)
	if err := s.Step(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if id := s.native.BackendToken(1); int32(id) != b.Out[0] {
		t.Errorf("the wanted token is %d, then %d", b.Out[0], id)
	}
	if code := s.native.BackendToken(0); code != llama.BadToken {
		t.Errorf("a token that was not sampled gave %d, want %d", code, llama.BadToken)
	}
	if err := s.result(context.Background(), llama.BadToken); !errors.Is(err, ErrBadToken) {
		t.Errorf("the code became %v", err)
	}
}
