package engine

import (
	"errors"
	"strings"
	"testing"

	"ceiling/engine/internal/llama"
)

// An engine refuses what it lacks by the option's name, and nothing else.
func TestRefuse(t *testing.T) {
	few := llama.Traits{Name: "small", Lacks: []llama.Lack{{Option: "split-mode", Takes: []string{"auto", "layer"}, Why: "it has one way"}}}
	for _, c := range []struct{ option, value, want string }{
		{"split-mode", "tensor", "--split-mode tensor: the engine small can't do that: it has one way"},
		{"split-mode", "auto", ""},
		{"split-mode", "layer", ""},
		{"kv-type", "q5_0", ""},
	} {
		got := ""
		if err := refuse(few, c.option, c.value); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.option, c.value, got, c.want)
		}
	}
	if err := refuse(llama.Traits{Name: "llama.cpp"}, "split-mode", "tensor"); err != nil {
		t.Errorf("an engine that lacks nothing: %v", err)
	}
}

// Contexts that are never freed add up, the model once.
func TestTogether(t *testing.T) {
	const gib = 1 << 30
	need := func(kv uint64) []Need {
		return []Need{{Device: "CPU", Model: 2 * gib, Context: kv * gib, Free: 8 * gib, By: "what the machine has available"}}
	}
	if err := together("small", [][]Need{need(1), need(2), need(3)}); err != nil {
		t.Errorf("8 GiB in 8: %v", err)
	}
	err := together("small", [][]Need{need(1), need(2), need(4)})
	if !errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), "3 of different sizes, take 9.00 GiB on CPU") {
		t.Errorf("9 GiB in 8: %v", err)
	}
	if err := together("small", [][]Need{need(1), need(7)}); err != nil {
		t.Errorf("one that has no room by itself is counted: %v", err)
	}
	if err := Together([][]Need{need(4), need(4)}); (err != nil) != llama.Library.KeepsContexts {
		t.Errorf("keeps contexts %v: %v", llama.Library.KeepsContexts, err)
	}
}
