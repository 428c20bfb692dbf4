package engine

import (
	"context"
	"slices"
	"testing"

	"ceiling/engine/internal/llama"
)

// TestOrder: the first token of every sequence in front, the others behind.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name    string
		seq, at []int32
	}{
		{"one", []int32{2}, []int32{0}},
		{"a token each", []int32{0, 1, 2, 3}, []int32{0, 1, 2, 3}},
		{"one prompt", []int32{1, 1, 1}, []int32{0, 1, 2}},
		{"a prompt between", []int32{0, 1, 1, 1, 2, 3}, []int32{0, 1, 4, 5, 2, 3}},
		{"a prompt in front", []int32{0, 0, 0, 1}, []int32{0, 2, 3, 1}},
		{"two prompts", []int32{0, 1, 1, 2, 2, 3}, []int32{0, 1, 4, 2, 5, 3}},
		{"interleaved", []int32{0, 1, 0, 0, 1}, []int32{0, 1, 2, 3, 4}},
	} {
		at, ok := llama.Order(c.seq, 4)
		if !ok || !slices.Equal(at, c.at) {
			t.Errorf("%s: %v to %v, %v; want %v", c.name, c.seq, at, ok, c.at)
		}
	}
	for _, seq := range []int32{-1, 4} {
		if _, ok := llama.Order([]int32{0, seq}, 4); ok {
			t.Errorf("sequence %d of 4 is taken", seq)
		}
	}
}

// TestMixedStep: prompts that end among sequences that decode, in one batch. The
// samples come back in the batch's order, and are those of steps of their own.
func TestMixedStep(t *testing.T) {
	m := load(t, synthModel(t, "f16"))
	prompts := [][]int32{prompt(m, 1, 40), prompt(m, 2, 3), prompt(m, 3, 25), prompt(m, 4, 9)}
	for _, o := range []SessionOptions{{}, {Unified: true}, {Greedy: true}} {
		if !canDo(t, o) {
			continue
		}
		o.Sequences, o.TokensPerSequence, o.Threads = 4, 256, 1
		var want []int32
		alone := open(t, m, o)
		for _, p := range prompts {
			want = append(want, generate(t, alone, [][]int32{p}, 1)[0][0])
			alone.Clear()
		}
		// Of the second and the fourth all but the last token comes first.
		s := open(t, m, o)
		var b Batch
		for i, p := range prompts {
			if i%2 == 1 {
				b.add(int32(i), 0, p[:len(p)-1]...)
			}
		}
		if err := s.Step(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		b.reset()
		for i, p := range prompts {
			from := 0
			if i%2 == 1 {
				from = len(p) - 1
			}
			b.add(int32(i), int32(from), p[from:]...)
		}
		if err := s.Step(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.Out, want) {
			t.Errorf("%+v: %v, want %v", o, b.Out, want)
		}
	}
}
