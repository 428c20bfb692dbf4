package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/internal/llama"
)

func TestBackendNotes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"libggml-hip.so", "libggml-cpu.so"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cpu := llama.Backend{Name: "CPU", Devices: 1}
	fault := func(path string) string { return path + ": libamdhip64.so.7: cannot open shared object file" }
	fine := func(string) string { return "" }
	for _, c := range []struct {
		name   string
		dir    string
		loaded []llama.Backend
		errors []string
		fault  func(string) string
		want   []string
	}{
		{"no GPU back end in the build", t.TempDir(), []llama.Backend{cpu}, nil, fault, nil},
		{"cards", dir, []llama.Backend{{Name: "ROCm", Devices: 4}, cpu}, nil, fault, nil},
		{"no card", dir, []llama.Backend{{Name: "ROCm"}, cpu},
			[]string{"other: line", "ggml_cuda_init: failed to initialize ROCm: no ROCm-capable device is detected"}, fault,
			[]string{"no ROCm device: no ROCm-capable device is detected"}},
		{"no card, no line", dir, []llama.Backend{{Name: "ROCm"}, cpu}, nil, fault,
			[]string{"no ROCm device: the back end was loaded and lists none"}},
		{"no runtime", dir, []llama.Backend{cpu}, nil, fault,
			[]string{"the ROCm back end was not loaded: libamdhip64.so.7: cannot open shared object file"}},
		{"another release", dir, []llama.Backend{cpu}, nil, fine,
			[]string{"the ROCm back end was not loaded: llama.cpp refused it; it must be of the same release"}},
	} {
		if diff := cmp.Diff(c.want, backendNotes(c.dir, c.loaded, c.errors, c.fault)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestLibraryFault: the loader's own words for a library that can't be loaded.
func TestLibraryFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libbroken.so")
	if err := os.WriteFile(path, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := llama.LibraryFault(path); got == "" {
		t.Error("a text file was loaded as a library")
	}
	if got := llama.LibraryFault(filepath.Join(LibraryDir(), "libllama.so")); got != "" {
		t.Errorf("libllama: %s", got)
	}
}
