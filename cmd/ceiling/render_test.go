package main

import (
	"io"
	"path/filepath"
	"testing"

	"ceiling/report/chart"
	"ceiling/report/doc"
)

// TestChartsOnDemand: charts are drawn where they are shown, and once.
func TestChartsOnDemand(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		as   form
		out  string
		want int
	}{
		{onStdout, "", 0}, {inMarkdown, filepath.Join(dir, "a.md"), 0}, {inHTML, filepath.Join(dir, "a.html"), 1}, {inFolder, filepath.Join(dir, "all"), 1},
	} {
		drawn := 0
		r := &rendering{name: "report", doc: &doc.Document{Title: "A"}, draw: func() ([]chart.Chart, []string) {
			drawn++
			return nil, nil
		}}
		if err := r.put(app(io.Discard, io.Discard), tc.as, tc.out); err != nil || drawn != tc.want {
			t.Errorf("%q: drawn %d times, want %d, %v", tc.out, drawn, tc.want, err)
		}
	}
}
