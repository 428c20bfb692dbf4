package compare

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/report/importer"
)

var update = flag.Bool("update", false, "write the golden files again")

// open reads the runs of the files, in order.
func open(t *testing.T, paths ...string) []*importer.ToolRun {
	t.Helper()
	var runs []*importer.ToolRun
	for _, p := range paths {
		more, err := importer.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, more...)
	}
	return runs
}

func compared(t *testing.T, opt ComparisonOptions, runs ...*importer.ToolRun) *Comparison {
	t.Helper()
	c, err := Compare(runs, opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// golden checks the rendered comparison against testdata/NAME.
func golden(t *testing.T, name string, c *Comparison) {
	t.Helper()
	var got bytes.Buffer
	if err := c.Document().Markdown(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got; -update writes it again):\n%s", path, diff)
	}
}

// The two reports of Devstral on four MI100: December 2025, of which there is
// only the markdown, and April 2026.
const (
	december = "../testdata/reference/benchmark_Devstral-Small-2-24B-AWQ-4bit.md"
	april    = "../testdata/reference/benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json"
)

func TestReferenceMarkdown(t *testing.T) {
	golden(t, "reference.md", compared(t, ComparisonOptions{}, open(t, december, april)...))
}
