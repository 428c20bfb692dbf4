package report

import (
	"fmt"
	"strconv"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
)

// placementText is "ROCm0: 20 layers; ROCm1: 20 layers and the output layer".
func placementText(layers []result.LayersOn) string {
	texts := make([]string, len(layers))
	for i, l := range layers {
		var parts []string
		if l.Layers > 0 {
			parts = append(parts, figure.Count(l.Layers, "layer"))
		}
		if l.Output {
			parts = append(parts, "the output layer")
		}
		texts[i] = l.Device + ": " + strings.Join(parts, " and ")
	}
	return strings.Join(texts, "; ")
}

// weightsText is "CPU_REPACK: 71.7 MiB; CPU: 27.6 MiB".
func weightsText(buffers []result.WeightBuffer) string {
	texts := make([]string, len(buffers))
	for i, b := range buffers {
		texts[i] = b.Kind + ": " + mebibytes(b.Bytes)
	}
	return strings.Join(texts, "; ")
}

// graphsTable is what the engine made of each scenario's steps. It has no row
// where it does not tell.
func graphsTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: append(doc.Words("Scenario"),
		doc.Numbers("Steps", "Graphs per step", "Reused", "Splits per graph", "Laid out anew", "Buffers allocated", "Captured / dropped")...)}
	for i := range all {
		d := all[i].detail
		if d == nil || d.Graphs == nil || d.Graphs.Computed <= 0 {
			continue
		}
		g := d.Graphs
		splits := float64(g.Splits) / float64(g.Computed)
		t.Add(all[i].Name, figure.Grouped(d.Steps), figure.Decimals(d.GraphsPerStep, 2), figure.Share(g.Reused, g.Computed), figure.Decimals(&splits, 2),
			figure.Grouped(g.Plans), figure.Grouped(g.Buffers), capturesText(g))
	}
	return t
}

func capturesText(g *result.GraphCounts) string {
	if g.Captured == nil || g.Dropped == nil {
		return figure.Missing
	}
	return figure.Grouped(*g.Captured) + " / " + figure.Grouped(*g.Dropped)
}

// graphsNotes say what of that cost time inside a scenario.
func graphsNotes(all []scenario) []string {
	var grown, told []string
	for i := range all {
		d := all[i].detail
		if d == nil || d.Graphs == nil {
			continue
		}
		name := oneline.Of(all[i].Name)
		if g := d.Graphs; g.Plans+g.Buffers > 0 {
			grown = append(grown, fmt.Sprintf("%s (%s and %s)", name, howOften(g.Plans), howOften(g.Buffers)))
		}
		told = append(told, name)
	}
	var notes []string
	if len(told) > 0 {
		notes = append(notes, "Engine's graphs: a reused one is the graph before with other inputs; every other one is built and laid out by the CPU before its step.")
	}
	if len(grown) > 0 {
		notes = append(notes, "Inside the clock the engine laid a graph's memory out anew, and allocated buffers, in "+strings.Join(grown, ", ")+": steps that waited for that are in the figures.")
	}
	return notes
}

func howOften(n int64) string {
	if n == 1 {
		return "once"
	}
	return strconv.FormatInt(n, 10) + " times"
}
