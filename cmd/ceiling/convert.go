package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/engine/checkpoint"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "put a 4-bit checkpoint's own codes and scales into a GGUF file",
		ArgsUsage: "FOLDER",
		Description: "Reads Hugging Face checkpoints of compressed-tensors, AutoAWQ, GPTQ and AutoRound. No weight is\n" +
			"quantised a second time: each matrix becomes the first of Q4_0, Q4_1 and Q5_0 that holds its values\n" +
			"exactly. What can't be exact is refused, with the tensor's name.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "the GGUF `FILE` to write", Required: true},
			roundingFlag(),
			choice("embeddings", "storage of token_embd and output where the checkpoint does not quantise them", checkpoint.EmbeddingTypes()),
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the model in the file (default: the checkpoint's)"},
			&cli.StringFlag{Name: "chat-template", Usage: "Jinja `FILE` in place of the checkpoint's chat template"},
			&cli.BoolFlag{Name: "gptq-v1-carry", Usage: "read ambiguous zero points of GPTQ version 1 as GPTQModel writes them"},
			&cli.BoolWithInverseFlag{Name: "verify", Value: true, Usage: "compare random rows of every tensor with the folder, in exact arithmetic"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing GGUF file"},
			jsonFlag(),
		},
		Action: convertAction,
	}
}

func convertAction(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%d arguments; name one checkpoint folder", c.Args().Len())
	}
	folder, err := openCheckpoint(c.Args().First(), checkpoint.OpenOptions{GPTQv1Carry: c.Bool("gptq-v1-carry")})
	if err != nil {
		return err
	}
	if err := checkOut(c.String("out"), c.Bool("force")); err != nil {
		return err
	}
	show := newProgress(c.Root().ErrWriter)
	result, err := checkpoint.Convert(ctx, folder, c.String("out"), checkpoint.Options{
		AllowRounding: c.Bool("allow-rounding"), Embeddings: c.String("embeddings"), Name: c.String("name"),
		ChatTemplate: c.String("chat-template"), Verify: c.Bool("verify"), Force: c.Bool("force"),
		Progress: stageProgress(show),
	})
	show.clear()
	if ctx.Err() != nil && err != nil {
		return codedError{exitInterrupted, fmt.Errorf("interrupted; %q was not written", c.String("out"))}
	}
	if err != nil {
		return err
	}
	for _, w := range result.Warnings {
		show.line("warning: %s", w)
	}
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, conversionOf(folder, result))
	}
	return printConversion(c.Root().Writer, folder, result)
}

// checkOut looks at the output's place before a large checkpoint is read.
func checkOut(path string, force bool) error {
	if dir := filepath.Dir(path); !isDir(dir) {
		return fmt.Errorf("--out %q: there is no folder %q; make it or name another file", path, dir)
	}
	if exists(path) && !force {
		return fmt.Errorf("--out %q exists already; name another file, or replace it with --force", path)
	}
	return nil
}

// openCheckpoint opens a folder; a GGUF file in the wrong place gets a hint.
func openCheckpoint(dir string, o checkpoint.OpenOptions) (*checkpoint.Checkpoint, error) {
	if !isDir(dir) && strings.HasSuffix(dir, ".gguf") {
		return nil, fmt.Errorf("%q is not the folder of a checkpoint; a GGUF file needs no conversion", dir)
	}
	return checkpoint.Open(dir, o)
}

// stageNames are how progress calls the stages of a conversion.
var stageNames = map[string]string{"scan": "reading scales", "convert": "converting", "verify": "verifying"}

// stageProgress shows a conversion's stages, with MB/s for those that count
// bytes. It is called from several goroutines, one after the other.
func stageProgress(show *progress) func(stage string, done, total int64) {
	var mu sync.Mutex
	var current string
	var start time.Time
	return func(stage string, done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if stage != current {
			current, start = stage, time.Now()
		}
		note := ""
		if stage != "verify" { // which counts tensors
			note = rate(done, time.Since(start))
		}
		show.update(stageNames[stage], share(done, total), note)
	}
}

// rate is the note " (512 MB/s)", "" while too little time has passed for one.
func rate(bytes int64, took time.Duration) string {
	if took < 100*time.Millisecond {
		return ""
	}
	return fmt.Sprintf(" (%.0f MB/s)", float64(bytes)/1e6/took.Seconds())
}

// conversionResult is what --json prints.
type conversionResult struct {
	Path       string          `json:"path"`
	Bytes      int64           `json:"size_bytes"`
	Checkpoint string          `json:"checkpoint"`
	Format     string          `json:"format"`
	BytesRead  int64           `json:"bytes_read"`
	Parameters int64           `json:"parameters"`
	Types      []convertedType `json:"types"`
	Exact      bool            `json:"exact"`
	// Rounded scales, and the largest relative error among them; null: none.
	Rounded       int64    `json:"rounded_scales"`
	LargestError  *float64 `json:"largest_relative_error"`
	WorstTensor   string   `json:"largest_error_tensor,omitempty"`
	EmbeddingErr  *float64 `json:"embedding_error"` // largest absolute one; null: exact
	SmallScales   int64    `json:"subnormal_scales"`
	Seconds       float64  `json:"seconds"`
	ScanS         float64  `json:"scan_s"`
	ConvertS      float64  `json:"convert_s"`
	VerifyS       *float64 `json:"verify_s"` // null: not verified
	MBPerSecond   float64  `json:"mb_per_s"`
	VerifiedRows  *int64   `json:"verified_rows"`
	VerifiedCount *int     `json:"verified_tensors"`
	Warnings      []string `json:"warnings"`
}

// convertedType sums up the tensors of one type.
type convertedType struct {
	Type    string `json:"type"`
	Tensors int    `json:"tensors"`
	Bytes   int64  `json:"bytes"`
}

func conversionOf(c *checkpoint.Checkpoint, r *checkpoint.Report) conversionResult {
	out := conversionResult{Path: r.Path, Bytes: r.Bytes, Checkpoint: c.Dir, Format: formatText(c), BytesRead: r.BytesRead,
		Parameters: r.Parameters, Exact: exact(r), Rounded: r.Rounded, WorstTensor: r.LargestErrorTensor,
		SmallScales: r.SmallScales, Seconds: r.Seconds, ScanS: r.ScanSeconds, ConvertS: r.ConvertSeconds,
		MBPerSecond: r.MBPerSecond(), Warnings: append([]string{}, r.Warnings...)}
	for _, t := range r.Types {
		out.Types = append(out.Types, convertedType{t.Type.String(), t.Tensors, t.Bytes})
	}
	if r.Rounded > 0 {
		out.LargestError = &r.LargestError
	}
	if r.EmbeddingError > 0 {
		out.EmbeddingErr = &r.EmbeddingError
	}
	if r.Verified != nil {
		out.VerifiedRows, out.VerifiedCount, out.VerifyS = &r.Verified.Rows, &r.Verified.Tensors, &r.VerifySeconds
	}
	return out
}

// exact tells whether the file holds the checkpoint's own numbers.
func exact(r *checkpoint.Report) bool { return r.Rounded == 0 && r.EmbeddingError == 0 }

func printConversion(out io.Writer, c *checkpoint.Checkpoint, r *checkpoint.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	tensors := 0
	for _, t := range r.Types {
		tensors += t.Tensors
	}
	fmt.Fprintf(w, "%s: %d tensors, %s parameters, %.2f GB at %.0f MB/s; %.1f s with everything\n",
		r.Path, tensors, grouped(r.Parameters), float64(r.Bytes)/1e9, r.MBPerSecond(), r.Seconds)
	fmt.Fprintf(w, "from\t%s (%s)\n", c.Dir, formatText(c))
	for _, t := range r.Types {
		fmt.Fprintf(w, "%s\t%d tensors, %s bytes\n", t.Type, t.Tensors, grouped(t.Bytes))
	}
	switch {
	case exact(r):
		fmt.Fprintf(w, "rounding\tnone, every weight is the checkpoint's own number\n")
	case r.Rounded > 0:
		fmt.Fprintf(w, "rounding\t%s scales, by %.3g of their value at most, in %s\n", grouped(r.Rounded), r.LargestError, r.LargestErrorTensor)
	}
	if r.EmbeddingError > 0 {
		fmt.Fprintf(w, "embeddings\tconverted on request, off by %.3g at most\n", r.EmbeddingError)
	}
	if v := r.Verified; v != nil {
		fmt.Fprintf(w, "verified\t%s rows of all %d tensors against the checkpoint\n", grouped(v.Rows), v.Tensors)
	} else {
		fmt.Fprintf(w, "verified\tno (--no-verify)\n")
	}
	return w.Flush()
}
