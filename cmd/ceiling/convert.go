package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/engine/checkpoint"
	"ceiling/internal/files"
)

func convertCommand() *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "put a 4-bit checkpoint's own codes and scales into a GGUF file",
		ArgsUsage: "FOLDER",
		Description: "Reads Hugging Face checkpoints of compressed-tensors, AutoAWQ, GPTQ and AutoRound. No weight is\n" +
			"quantised a second time: each matrix becomes the first of Q4_0, Q4_1 and Q5_0 that holds its values\n" +
			"exactly. What can't be exact is refused, with the tensor's name.",
		Flags: append(outFlags(&cli.StringFlag{Usage: "the GGUF `FILE` to write", Required: true}),
			roundingFlag(),
			choice("embeddings", "storage of token_embd and output where the checkpoint does not quantise them", checkpoint.EmbeddingTypes()),
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the model in the file (default: the checkpoint's)"},
			&cli.StringFlag{Name: "chat-template", Usage: "Jinja `FILE` in place of the checkpoint's chat template"},
			&cli.BoolFlag{Name: "gptq-v1-carry", Usage: "read ambiguous zero points of GPTQ version 1 as GPTQModel writes them"},
			&cli.BoolWithInverseFlag{Name: "verify", Value: true, Usage: "compare random rows of every tensor with the folder, in exact arithmetic"},
			jsonFlag(),
		),
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
	out := readOutput(c, "")
	if err := out.checkModel(); err != nil {
		return err
	}
	show := newProgress(c.Root().ErrWriter)
	result, err := checkpoint.Convert(ctx, folder, out.path, checkpoint.ConvertOptions{
		AllowRounding: c.Bool("allow-rounding"), Embeddings: c.String("embeddings"), Name: c.String("name"),
		ChatTemplate: c.String("chat-template"), Verify: c.Bool("verify"), Force: out.force,
		Progress: stageProgress(show),
	})
	show.clear()
	if ctx.Err() != nil && err != nil {
		return codedError{exitInterrupted, fmt.Errorf("interrupted; %q was not written", out.path)}
	}
	if err != nil {
		return err
	}
	for _, w := range result.Warnings {
		show.line("warning: %s", w)
	}
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, result)
	}
	return result.Print(c.Root().Writer)
}

// openCheckpoint opens a folder; a GGUF file in the wrong place gets a hint.
func openCheckpoint(dir string, o checkpoint.OpenOptions) (*checkpoint.Checkpoint, error) {
	if !files.IsDir(dir) && strings.HasSuffix(dir, ".gguf") {
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
