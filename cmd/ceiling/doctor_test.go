package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/engine"
)

// What the HIP back end holds is read from its file; the CPU's stands in for
// it here: an ELF library with imports and without GPU code.
func TestReadLibrary(t *testing.T) {
	if l := readLibrary(filepath.Join(t.TempDir(), "libggml-hip.so")); l.Path != "" || l.Problem != "" {
		t.Errorf("no library: %+v", l)
	}
	text := filepath.Join(t.TempDir(), "libggml-hip.so")
	if err := os.WriteFile(text, []byte("not an ELF file"), 0o644); err != nil {
		t.Fatal(err)
	}
	if l := readLibrary(text); l.Path != text || l.Problem == "" {
		t.Errorf("no ELF file: %+v", l)
	}
	libraries, err := filepath.Glob(filepath.Join(engine.LibraryDir(), "libggml-cpu*.so"))
	if err != nil || len(libraries) == 0 {
		t.Fatalf("no CPU back end in %q, %v", engine.LibraryDir(), err)
	}
	l := readLibrary(libraries[0])
	linked := slices.ContainsFunc(l.Needs, func(n string) bool { return strings.HasPrefix(n, "libggml-base.so") })
	if l.Problem != "" || len(l.Archs) != 0 || !linked {
		t.Errorf("the CPU's back end: %+v", l)
	}
}
