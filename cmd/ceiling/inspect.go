package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"ceiling/engine/inspect"
	"ceiling/internal/files"
)

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "say what a model file or a checkpoint holds, and the memory it would need",
		ArgsUsage: "FILE|FOLDER",
		Description: "A GGUF file (of a split model the first part) or the folder of a 4-bit checkpoint. Of a checkpoint it\n" +
			"also says what `ceiling convert` would make of it, or why it refuses. Nothing is written or loaded.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "context", HideDefault: true, Usage: "`TOKENS` of a sequence, prompt and output (default: 4096, or the model's context where that is less)", Validator: atLeast(1)},
			sequencesFlag(),
			kvTypeFlag(),
			&cli.IntFlag{Name: "gpus", Value: 1, Usage: "equal GPUs that share the model; 0: the CPU alone", Validator: atLeast(0)},
			choice("split-mode", "how they share it", []string{"layer", "tensor"}, "sm"),
			jsonFlag(),
		},
		Action: inspectAction,
	}
}

func inspectAction(ctx context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%d arguments; name one GGUF file or the folder of a checkpoint", c.Args().Len())
	}
	q := inspect.MemoryQuery{Context: c.Int("context"), Sequences: c.Int("sequences"), GPUs: c.Int("gpus"),
		KVType: c.String("kv-type"), SplitMode: c.String("split-mode")}
	path := c.Args().First()
	var err error
	var found *inspect.Inspection
	if files.IsDir(path) {
		found, err = inspectFolder(ctx, c, path, q)
	} else {
		found, err = inspect.GGUF(path, q)
	}
	if err != nil {
		return err
	}
	w := c.Root().Writer
	if c.Bool("json") {
		err = writeJSON(w, found)
	} else {
		err = found.Print(w)
	}
	if why := found.Verdict(); err == nil && why != "" {
		err = codedError{exitInvalid, errors.New(why)}
	}
	return err
}

// inspectFolder looks at the folder of a checkpoint.
func inspectFolder(ctx context.Context, c *cli.Command, path string, q inspect.MemoryQuery) (*inspect.Inspection, error) {
	folder, err := lookAtModel(path)
	if err != nil {
		return nil, err
	}
	show := newProgress(c.Root().ErrWriter)
	defer show.clear()
	return inspect.Checkpoint(ctx, folder, q, stageProgress(show))
}
