package engine

import (
	"context"
	"slices"
	"testing"

	"ceiling/engine/internal/llama"
)

// TestLogitsStay: where the back end samples, a warm session copies no logits to
// the host, of whichever sequence, and picks what the host would.
func TestLogitsStay(t *testing.T) {
	m := load(t, synthModel(t, "q8_0"))
	prompts := [][]int32{prompt(m, 1, 20), prompt(m, 2, 7), prompt(m, 3, 12)}
	o := SessionOptions{Sequences: 3, TokensPerSequence: 64, Threads: 1}
	want := generate(t, open(t, m, o), prompts, 8)
	o.Greedy = true
	s := open(t, m, o)
	var b Batch
	copied := func() (out []bool) {
		t.Helper()
		b.reset()
		for seq := range int32(3) {
			b.add(seq, 0, 300)
		}
		if err := s.Step(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			out = append(out, s.native.CheckLogits(i) != llama.NoLogits)
		}
		s.Clear()
		return out
	}
	if got := copied(); !slices.Equal(got, []bool{true, false, false}) {
		t.Errorf("at first the logits of these sequences are copied: %v; want the first one's, to be looked at", got)
	}
	for range 2 { // a shared session is warmed up once, but may be again
		if s.native.Settle(); !slices.Equal(copied(), []bool{false, false, false}) {
			t.Error("logits are copied in a settled session")
		}
	}
	if got := generate(t, s, prompts, 8); !slices.EqualFunc(got, want, slices.Equal[[]int32]) {
		t.Errorf("in the back end %v, on the host %v", got, want)
	}
	fresh := open(t, m, o)
	for range 2 {
		if err := fresh.Warm(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if got := generate(t, fresh, prompts, 8); !slices.EqualFunc(got, want, slices.Equal[[]int32]) {
		t.Errorf("after the warm-up %v, on the host %v", got, want)
	}
}
