package main

import (
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"ceiling/engine/checkpoint"
	"ceiling/engine/gguf"
	"ceiling/internal/files"
)

func cacheFlag() cli.Flag {
	return &cli.StringFlag{Name: "cache", Usage: "keep converted checkpoints below `FOLDER` (default: $CEILING_CACHE or ~/.cache/ceiling)"}
}

// lookAtModel is the cheap look at what --model names: a GGUF file's header,
// or a checkpoint's headers and configuration, which it returns.
func lookAtModel(path string) (*checkpoint.Checkpoint, error) {
	if !files.IsDir(path) {
		_, err := gguf.Open(path)
		return nil, err
	}
	if found, _ := filepath.Glob(filepath.Join(path, "*.gguf")); len(found) > 0 && !files.Exists(filepath.Join(path, "config.json")) {
		return nil, fmt.Errorf("%q is a folder with GGUF files and no checkpoint; name the file, such as %q", path, found[0])
	}
	return checkpoint.Open(path, checkpoint.OpenOptions{})
}
