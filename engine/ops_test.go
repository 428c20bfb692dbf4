package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// The demo model's graph: what is in it follows from its geometry.
func TestOps(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, TimeOps: true})
	b := Batch{}
	b.add(0, 0, prompt(m, 1, 3)...)
	if err := s.Step(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	ops := s.Ops()
	products, bytes := 0, uint64(0)
	for _, o := range ops {
		if o.Seconds <= 0 || o.Bytes == 0 || o.Operations == 0 || o.Device != "CPU" {
			t.Errorf("%+v", o)
		}
		if o.Op != "MUL_MAT" {
			continue
		}
		products++
		if want := 2 * uint64(o.Shape[0]*o.Shape[1]*o.Shape[2]*o.Shape[3]*o.Inner); o.Operations != want {
			t.Errorf("%s: %d operations, not %d", o.Name, o.Operations, want)
		}
		bytes += o.Bytes
	}
	// Q, K, V, the attention's output, gate, up and down of each layer, and the output.
	layers := 0
	for _, tensor := range m.File().Tensors {
		if strings.HasSuffix(tensor.Name, "attn_q.weight") {
			layers++
		}
	}
	if want := 7*layers + 1; layers == 0 || products != want {
		t.Errorf("%d products, not %d", products, want)
	}
	var weights uint64
	for _, tensor := range m.File().Tensors {
		if len(tensor.Dims) == 2 && tensor.Name != "token_embd.weight" {
			weights += uint64(tensor.Bytes)
		}
	}
	if bytes < weights || bytes > 2*weights {
		t.Errorf("products move %d bytes, the matrices have %d", bytes, weights)
	}
	// The next step's list has its own nodes only, and an untimed session none.
	b = Batch{}
	b.add(0, 3, prompt(m, 2, 1)...)
	if err := s.Step(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if got := len(s.Ops()); got < len(ops)-2 || got > len(ops)+2 {
		t.Errorf("%d nodes, then %d", len(ops), got)
	}
	plain := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1})
	if err := plain.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(plain.Ops()); n != 0 {
		t.Errorf("%d nodes of a session that times none", n)
	}
	// A norm and its multiplication are one.
	if n := plain.Nodes(); n < 12*layers || n >= len(ops) {
		t.Errorf("%d nodes counted in %d layers, %d timed", n, layers, len(ops))
	}
}

func TestChain(t *testing.T) {
	for _, n := range []int{1, 64, 1024} {
		seconds, end, err := Chain(1, n)
		if err != nil || end != float64(n) || seconds <= 0 {
			t.Errorf("%d nodes: %g in %g s, %v", n, end, seconds, err)
		}
	}
	if _, _, err := Chain(0, 1); !errors.Is(err, ErrUnknownOption) {
		t.Errorf("no threads: %v", err)
	}
}

func TestCPUFeatures(t *testing.T) {
	got := CPUFeatures()
	if len(got) == 0 || slices.Contains(got, "") {
		t.Errorf("%q", got)
	}
	t.Log(got)
}
