package inspect

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"ceiling/internal/figure"
	"ceiling/internal/oneline"
)

// Print writes the inspection as text.
func (f *Inspection) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	f.printHead(w)
	if f.Conversion != nil {
		f.Conversion.print(w)
	} else {
		fmt.Fprintf(w, "\nTYPE\tTENSORS\tPARAMETERS\tBYTES\tSHARE\t\n")
		for _, t := range f.Types {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t\n", t.Type, t.Tensors, figure.Grouped(t.Parameters), figure.Grouped(t.Bytes), figure.Share(t.Bytes, f.Bytes))
		}
	}
	printList(w, "PROBLEMS", f.Problems)
	printList(w, "WARNINGS", f.Warnings)
	if f.Memory != nil {
		f.Memory.print(w)
	}
	return w.Flush()
}

func printList(w io.Writer, name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", name)
	for _, line := range lines {
		fmt.Fprintf(w, "%s\n", oneline.Of(line))
	}
}

func (f *Inspection) printHead(w io.Writer) {
	row := func(name, value string) { fmt.Fprintf(w, "%s\t%s\n", name, figure.OrMissing(value)) }
	if f.Name != "" {
		row("model", f.Name)
	}
	path := f.Path
	if f.Kind == KindGGUF && len(f.Files) > 1 {
		path = fmt.Sprintf("%s and %d more files", f.Path, len(f.Files)-1)
	}
	row(f.Kind, path)
	if f.Format != "" {
		row("format", f.Format)
	}
	row("architecture", f.Architecture)
	row("parameters", figure.Grouped(f.Parameters))
	bits := figure.Missing
	if f.BitsPerWght != nil {
		bits = strconv.FormatFloat(*f.BitsPerWght, 'f', 2, 64)
	}
	row("size", fmt.Sprintf("%s bytes (%s), %s bits per weight", figure.Grouped(f.Bytes), figure.Size(f.Bytes), bits))
	g := f.Geometry
	row("context", count(g.Context)+" tokens")
	row("layers", fmt.Sprintf("%s of width %s, feed-forward %s", count(g.Layers), count(g.Embedding), count(g.FFN)))
	row("attention", fmt.Sprintf("%s heads, %s KV heads of %s", count(g.Heads), count(g.KVHeads), count(g.HeadDim)))
	row("vocabulary", count(g.Vocab)+" tokens")
}

// print writes the table of devices and the notes below it.
func (n *MemoryNeed) print(w io.Writer) {
	fmt.Fprintf(w, "\nMEMORY for %d × %d tokens\tWEIGHTS\tKV CACHE (%s)\tTOGETHER\t\n", n.Sequences, n.Context, n.KVType)
	for _, p := range n.Places {
		kv, total := figure.Missing, figure.Missing
		if p.KV != nil {
			kv, total = figure.Size(*p.KV), figure.Size(p.Weights+*p.KV)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", p.Place, figure.Size(p.Weights), kv, total)
	}
	if n.KVPerToken != nil {
		fmt.Fprintf(w, "\nKV cache: %s bytes per token of each sequence, sequences rounded up to %d tokens\n", figure.Grouped(*n.KVPerToken), kvGranule)
	}
	for _, note := range n.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
}

// count prints a hyperparameter, figure.Missing for one that is not known.
func count(n *int64) string {
	if n == nil {
		return figure.Missing
	}
	return strconv.FormatInt(*n, 10)
}
