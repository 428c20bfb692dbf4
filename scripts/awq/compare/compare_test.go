package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/engine/checkpoint"
	"ceiling/engine/checkpoint/awqtest"
	"ceiling/engine/gguf"
)

// The comparison must find a difference that was planted, and must not call
// files equal that it has not compared.
func TestCompareFiles(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if _, err := awqtest.Write(path("ck"), awqtest.VariantOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(path("ck"), checkpoint.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Convert(context.Background(), c, path("a.gguf"), checkpoint.ConvertOptions{}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path("a.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(path("a.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []struct {
		name   string
		change func(b []byte) []byte
		want   string // "": equal
	}{
		{"the same", func(b []byte) []byte { return b }, ""},
		{"one code", func(b []byte) []byte { b[f.Tensor("blk.1.ffn_up.weight").Start+10] ^= 1; return b }, "1 unequal"},
		{"one name", func(b []byte) []byte { return []byte(strings.Replace(string(b), "blk.1.ffn_up", "blk.1.ffn_ux", 1)) }, "in one file only"},
		{"one hyperparameter", func(b []byte) []byte {
			i := strings.Index(string(b), "mistral3.block_count") + len("mistral3.block_count") + 4
			b[i]++
			return b
		}, "differing: mistral3.block_count (4 here, 3 there)"},
	} {
		if err := os.WriteFile(path("b.gguf"), d.change([]byte(string(data))), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := compareFiles(path("b.gguf"), path("a.gguf"))
		if err != nil || got.ok() != (d.want == "") || !strings.Contains(got.String(), d.want) {
			t.Errorf("%s: %s, %v", d.name, got, err)
		}
	}
	if (difference{}).ok() {
		t.Error("a comparison of nothing is called equal")
	}
}
