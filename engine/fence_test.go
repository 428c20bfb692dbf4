package engine

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestFence: no Go package but those that bind C sees "C", "unsafe" or purego.
func TestFence(t *testing.T) {
	allowed := []string{"engine/internal/llama", "hip/internal/amdhip", "hip/internal/hiprtc", "hip/internal/nvml", "hip/internal/rccl", "hip/standin/preload",
		"kernels/cpu/internal/probe"}
	fenced := []string{`"C"`, `"unsafe"`, `"github.com/ebitengine/purego"`}
	checked, found := 0, 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(path, "../")
		if d.IsDir() && (strings.HasPrefix(rel, "build") || strings.HasPrefix(rel, ".git")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		checked++
		for _, i := range file.Imports {
			if !slices.Contains(fenced, i.Path.Value) {
				continue
			}
			found++
			if !slices.Contains(allowed, filepath.ToSlash(filepath.Dir(rel))) {
				t.Errorf("%s imports %s", rel, i.Path.Value)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A check that finds nothing where there is something checks nothing.
	if checked < 20 || found < 2 {
		t.Fatalf("%d files and %d fenced imports seen", checked, found)
	}
}
