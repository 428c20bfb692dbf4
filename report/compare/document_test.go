package compare

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestShortNames(t *testing.T) {
	for _, c := range []struct{ paths, want []string }{
		{[]string{"results/before", "results/after"}, []string{"before", "after"}},
		{[]string{"a/results.json", "/x/b/results.json"}, []string{"a/results.json", "b/results.json"}},
		{[]string{"a/b/c", "x/b/c/", "c"}, []string{"a/b/c", "x/b/c", "c"}},
		{[]string{"same/file.json", "same/file.json"}, []string{"file.json", "file.json"}},
		{[]string{"file.json", "other-file.json"}, []string{"file.json", "other-file.json"}},
		{[]string{"", "."}, []string{"", "."}},
	} {
		var cmp Comparison
		for _, p := range c.paths {
			cmp.Runs = append(cmp.Runs, ComparedRun{Path: p})
		}
		if got := cmp.shortNames(); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.paths, got, c.want)
		}
	}
}

// The ratios come first, and the name of a file stands once.
func TestOrder(t *testing.T) {
	var b bytes.Buffer
	if err := compared(t, ComparisonOptions{}, open(t, december, april)...).Document().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	at := -1
	for _, part := range []string{"# Comparison\n", "\n**A:** benchmark_Devstral", "\n**B:** ", "\n**Differs:** model, hardware\n",
		"\n## B against A\n", "| *Geometric mean* |", "\n## Conditions of the runs\n", "\n## Figures not to take at face value\n", "\n## Figures of B and A\n", "\n### Single User Latency\n"} {
		i := strings.Index(b.String(), part)
		if i <= at {
			t.Fatalf("%q stands at %d, what comes before it at %d", part, i, at)
		}
		at = i
	}
	for _, name := range []string{"benchmark_Devstral-Small-2-24B-AWQ-4bit.md", "Mixed-GPTQ.json"} {
		if n := strings.Count(b.String(), name); n != 1 {
			t.Errorf("%s stands %d times", name, n)
		}
	}
}
