package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func TestGraphs(t *testing.T) {
	all := make([]scenario, 3)
	for i, name := range []string{"A", "B", "C"} {
		all[i].Summary, all[i].detail = result.Summary{Name: name}, &result.Detail{}
	}
	all[0].detail.Steps, all[0].detail.GraphsPerStep = 1000, ptr(1.5)
	all[0].detail.Graphs = &result.GraphCounts{Computed: 1500, Reused: 1200, Splits: 6000, Captured: ptr(int64(7)), Dropped: ptr(int64(0))}
	all[1].detail.Steps, all[1].detail.GraphsPerStep = 10, ptr(1.0)
	all[1].detail.Graphs = &result.GraphCounts{Computed: 10, Splits: 10, Plans: 1, Buffers: 3}
	var rows []string
	for _, row := range graphsTable(all).Rows {
		var cells []string
		for _, cell := range row {
			text := ""
			for _, span := range cell {
				text += span.Text
			}
			cells = append(cells, text)
		}
		rows = append(rows, strings.Join(cells, " | "))
	}
	want := []string{"A | 1,000 | 1.50 | 80.0% | 4.00 | 0 | 0 | 7 / 0", "B | 10 | 1.00 | 0.0% | 1.00 | 1 | 3 | —"}
	if d := cmp.Diff(want, rows); d != "" {
		t.Error(d)
	}
	notes := graphsNotes(all)
	if len(notes) != 2 || !strings.Contains(notes[1], "in B (once and 3 times)") || strings.Contains(notes[1], "A (") {
		t.Errorf("%q", notes)
	}
	if notes := graphsNotes(all[2:]); notes != nil || len(graphsTable(all[2:]).Rows) > 0 {
		t.Errorf("nothing counted: %q", notes)
	}
}

func TestEngineTold(t *testing.T) {
	if got, want := placementText([]result.LayersOn{{Device: "ROCm0", Layers: 20}, {Device: "ROCm1", Layers: 1, Output: true}, {Device: "CPU", Output: true}}),
		"ROCm0: 20 layers; ROCm1: 1 layer and the output layer; CPU: the output layer"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := weightsText([]result.WeightBuffer{{Kind: "CPU_REPACK", Bytes: 3 << 20}, {Kind: "CPU", Bytes: 1 << 20}}), "CPU_REPACK: 3.0 MiB; CPU: 1.0 MiB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
