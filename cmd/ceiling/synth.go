package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/engine/synth"
)

func synthCommand() *cli.Command {
	return &cli.Command{
		Name:  "synth",
		Usage: "write a loadable model of a named geometry with random weights",
		Description: "The file has the real model's tensors, metadata and tokenizer shape, so it loads and runs\n" +
			"at the real model's speed; what it generates has no meaning. Same seed, same bytes.",
		Flags: append(outFlags(&cli.StringFlag{Usage: "the GGUF `FILE` to write", Required: true}),
			nameOrFile("geometry", ", or a JSON file with the same fields", synth.Names()),
			choice("type", "storage of the weight matrices", synth.Types()),
			&cli.Uint64Flag{Name: "seed", Usage: "seed of the weights"},
			jsonFlag(),
		),
		Action: synthAction,
	}
}

func synthAction(ctx context.Context, c *cli.Command) error {
	if err := noArgs(c); err != nil {
		return err
	}
	geometry, err := synth.Find(c.String("geometry"))
	if err != nil {
		return codedError{exitUsage, err}
	}
	out := readOutput(c, "")
	if err := out.checkModel(); err != nil {
		return err
	}
	show := newProgress(c.Root().ErrWriter)
	start := time.Now()
	stats, err := synth.Write(ctx, synth.FileOptions{
		Geometry: geometry, Type: c.String("type"), Out: out.path, Seed: c.Uint64("seed"), Overwrite: out.force,
		Progress: func(done, total int64) {
			rate := float64(done) / 1e6 / time.Since(start).Seconds()
			show.update("writing "+out.path, float64(done)/float64(total), fmt.Sprintf(" (%.0f MB/s)", rate))
		},
	})
	show.clear()
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, map[string]any{
			"path": stats.Path, "bytes": stats.Bytes, "tensors": stats.Tensors, "parameters": stats.Parameters,
			"seconds": stats.TotalTime.Seconds(), "mb_per_s": stats.MBPerSecond()})
	}
	fmt.Fprintf(c.Root().Writer, "%s: %d tensors, %d parameters, %.2f GB in %.1f s (%.0f MB/s)\n",
		stats.Path, stats.Tensors, stats.Parameters, float64(stats.Bytes)/1e9, stats.TotalTime.Seconds(), stats.MBPerSecond())
	return nil
}
