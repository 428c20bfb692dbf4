package gguf

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestHashFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	os.WriteFile(a, []byte("ab"), 0o644)
	os.WriteFile(b, []byte("c"), 0o644)
	got, err := Hash(context.Background(), []string{a, b}, func(int64, int64) {})
	// SHA-256 of "abc", from FIPS 180-2.
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Hash(stopped, []string{a}, func(int64, int64) {}); err == nil {
		t.Error("a stopped hash gave no error")
	}
}
