package main

import (
	"errors"
	"strings"
	"testing"
)

// TestDraftArguments: both tools are asked for the same drafts, and the others left out.
func TestDraftArguments(t *testing.T) {
	d := drafts{Kind: "draft", Model: "d.gguf", Max: 3, Rates: "0.9,0.8,0.7"}
	for name, c := range map[string]struct{ got, want string }{
		"ceiling": {strings.Join(d.ceiling(), " "), "--spec draft --draft-model d.gguf --draft-max 3 --spec-synth-rates 0.9,0.8,0.7"},
		"server":  {strings.Join(d.server(), " "), "--spec-type draft-simple --spec-draft-model d.gguf --spec-draft-n-max 3 --spec-synth-rates 0.9,0.8,0.7"},
		"none":    {strings.Join((&drafts{}).ceiling(), " "), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s; want %s", name, c.got, c.want)
		}
	}
	if err := (&drafts{Max: 3}).validate(); !errors.Is(err, errUsage) {
		t.Errorf("a length without a kind: %v", err)
	}
	if n := len((&settings{Spec: d}).tools(1)); n != 2 {
		t.Errorf("%d tools speculate, want 2", n)
	}
}
