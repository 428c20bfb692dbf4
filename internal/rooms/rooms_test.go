// Package rooms holds the tests that the packages of this module import each other
// in one direction only, and that no two of them export a type of one name.
package rooms

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wall says that the files of some folders import nothing of others.
type wall struct {
	from   string   // a folder, with all below it
	never  []string // folders of this module, with all below them
	except []string // packages among those that it may import
}

var walls = []wall{
	{from: "engine", never: []string{"bench", "hip", "kernels", "report", "cmd"}},
	{from: "hip", never: []string{"bench", "engine", "report", "cmd"}},
	{from: "kernels", never: []string{"bench", "engine", "report", "cmd"}, except: []string{"engine/gguf"}},
	{from: "bench/result", never: []string{"bench", "engine", "hip", "report", "cmd"}},
	{from: "bench/suite", never: []string{"bench", "engine", "hip", "report", "cmd"}, except: []string{"bench/result"}},
	{from: "bench/client", never: []string{"bench", "engine", "hip", "report", "cmd"}, except: []string{"bench/result", "bench/suite"}},
	{from: "bench", never: []string{"engine", "hip", "report", "cmd"}},
	{from: "report", never: []string{"engine", "hip", "cmd"}},
	{from: "internal", never: []string{"bench", "engine", "hip", "kernels", "report", "cmd"}},
}

// binding are the packages that bind C.
var binding = []string{
	"engine/internal/llama", "engine/ollama", "hip/internal/amdhip", "hip/internal/hiprtc", "hip/internal/library", "hip/standin/preload",
	"kernels/cpu/internal/probe",
}

// inTests are the imports across a wall that only tests have: they hold what one
// side writes against what the other reads.
var inTests = []imported{
	{"bench/client", "bench"},         // a run over a server that is killed
	{"hip/disturb", "bench/result"},   // what is measured and how it is judged
	{"kernels/shape", "engine/synth"}, // models to take the shape of
	{"report/prose", "engine"},        // grammars, by the library that they are for
	{"report/prose", "engine/synth"},
}

// imported is one import of a file; both are folders of the module, to but for
// packages of others.
type imported struct{ from, to string }

// broken are the imports that a wall or the fence around C forbids. Each folder
// may import what is below itself.
func broken(all []imported) []imported {
	var out []imported
	for _, i := range all {
		if forbidden(i) {
			out = append(out, i)
		}
	}
	return out
}

func forbidden(i imported) bool {
	if slices.Contains([]string{"C", "unsafe", "github.com/ebitengine/purego"}, i.to) {
		return !slices.Contains(binding, i.from)
	}
	for _, w := range walls {
		if !within(i.from, w.from) || within(i.to, w.from) || slices.Contains(w.except, i.to) {
			continue
		}
		if slices.ContainsFunc(w.never, func(folder string) bool { return within(i.to, folder) }) {
			return true
		}
	}
	// What a report is made of knows no report, but for what writes its files.
	if i.to == "report" && within(i.from, "report") && !slices.Contains([]string{"report", "report/render"}, i.from) {
		return true
	}
	// Programs are imported by nobody.
	return within(i.to, "cmd") && !within(i.from, path.Dir(i.to))
}

func within(folder, of string) bool { return folder == of || strings.HasPrefix(folder, of+"/") }

// files reads every Go file of the module; names are relative to its root.
func files(t *testing.T, mode parser.Mode) map[string]*ast.File {
	t.Helper()
	const root = "../.."
	all := map[string]*ast.File{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); d.IsDir() && (strings.HasPrefix(rel, "build") || strings.HasPrefix(rel, ".git") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		all[rel], err = parser.ParseFile(token.NewFileSet(), name, nil, mode)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestRooms reads the imports of every file.
func TestRooms(t *testing.T) {
	var all []imported
	for name, file := range files(t, parser.ImportsOnly) {
		for _, i := range file.Imports {
			to, _ := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "ceiling/")
			if edge := (imported{path.Dir(name), to}); !strings.HasSuffix(name, "_test.go") || !slices.Contains(inTests, edge) {
				all = append(all, edge)
			}
		}
	}
	for _, i := range broken(all) {
		t.Errorf("%s imports %s", i.from, i.to)
	}
	// A check that finds nothing where there is something checks nothing.
	for _, known := range []imported{{"bench", "bench/result"}, {"cmd/ceiling", "engine"}, {"engine/internal/llama", "unsafe"}, {"hip", "internal/machine"}} {
		if !slices.Contains(all, known) {
			t.Errorf("not seen: %s imports %s", known.from, known.to)
		}
	}
}

// TestForbidden plants imports of each kind.
func TestForbidden(t *testing.T) {
	for i, want := range map[imported]bool{
		{"engine", "bench"}:                   true,
		{"engine/gguf", "bench/result"}:       true,
		{"hip/host", "bench/result"}:          true,
		{"kernels", "report"}:                 true,
		{"bench/result", "bench/suite"}:       true,
		{"bench/result", "bench"}:             true,
		{"bench/client", "bench"}:             true,
		{"report/prose", "engine"}:            true,
		{"report/importer", "report"}:         true,
		{"report", "cmd/ceiling"}:             true,
		{"scripts/break", "cmd/ceiling"}:      true,
		{"bench", "unsafe"}:                   true,
		{"internal/outfile", "bench/result"}:  true,
		{"bench", "bench/client"}:             false,
		{"bench/client", "bench/suite"}:       false,
		{"report/importer", "bench/result"}:   false,
		{"hip/host", "internal/machine"}:      false,
		{"engine/internal/llama", "C"}:        false,
		{"cmd/ceiling", "report"}:             false,
		{"engine/checkpoint", "engine/gguf"}:  false,
		{"engineering", "bench"}:              false,
		{"bench/result", "internal/machine"}:  false,
		{"bench/suite", "bench/result"}:       false,
		{"hip/doctor", "hip/host"}:            false,
		{"report/compare", "report/importer"}: false,
		{"report", "report/importer"}:         false,
		{"report/render", "report"}:           false,
	} {
		if got := len(broken([]imported{i})) == 1; got != want {
			t.Errorf("%s imports %s: forbidden %v", i.from, i.to, got)
		}
	}
}

// TestTypeNames: no two packages export a type of one name, so that a name is
// enough to tell what is meant.
func TestTypeNames(t *testing.T) {
	at := map[string][]string{}
	for name, file := range files(t, parser.SkipObjectResolution) {
		// The second engine takes the place of engine/internal/llama, and has its names.
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "engine/ollama/") {
			continue
		}
		for _, typ := range exportedTypes(file) {
			at[typ] = append(at[typ], name)
		}
	}
	for typ, names := range at {
		if slices.Sort(names); len(names) > 1 {
			t.Errorf("%s is a type in %s", typ, strings.Join(names, " and "))
		}
	}
	if !slices.Equal(at["Scenario"], []string{"bench/result/scenario.go"}) {
		t.Errorf("Scenario is a type in %q", at["Scenario"])
	}
}

func exportedTypes(file *ast.File) []string {
	var names []string
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			if typ, ok := s.(*ast.TypeSpec); ok && typ.Name.IsExported() {
				names = append(names, typ.Name.Name)
			}
		}
	}
	return names
}
