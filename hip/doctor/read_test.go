package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rocBLAS reads the folder that the environment names before the installed one.
func TestRocBLASFolder(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"own/TensileLibrary_gfx906.co", "rocm/lib/rocblas/library/TensileLibrary_gfx90a.co"} {
		full := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	installed := []string{"gfx908"}
	for _, tt := range []struct {
		own, rocm string
		want      []string
	}{
		{"", "", installed}, {"own", "", []string{"gfx906"}}, {"own", "rocm", []string{"gfx906"}}, {"", "rocm", []string{"gfx90a"}},
		{"", "other", installed}, {"nowhere", "rocm", nil},
	} {
		env := func(name string) string {
			v := map[string]string{"ROCBLAS_TENSILE_LIBPATH": tt.own, "ROCM_PATH": tt.rocm}[name]
			if v != "" {
				v = filepath.Join(dir, v)
			}
			return v
		}
		if got := rocBLAS(installed, env); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

// What the HIP back end holds is read from its file; the CPU's replaces
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
	libraries, err := filepath.Glob("../../build/bin/libggml-cpu*.so")
	if err != nil || len(libraries) == 0 {
		t.Fatalf("no CPU back end in build/bin, %v", err)
	}
	l := readLibrary(libraries[0])
	linked := slices.ContainsFunc(l.Needs, func(n string) bool { return strings.HasPrefix(n, "libggml-base.so") })
	if l.Problem != "" || len(l.Archs) != 0 || !linked {
		t.Errorf("the CPU's back end: %+v", l)
	}
}
