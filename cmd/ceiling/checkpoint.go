package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/engine/checkpoint"
	"ceiling/engine/checkpoint/hf"
	"ceiling/engine/gguf"
)

func cacheFlag() cli.Flag {
	return &cli.StringFlag{Name: "cache", Usage: "keep converted checkpoints below `FOLDER` (default: $CEILING_CACHE or ~/.cache/ceiling)"}
}

// lookAtModel is the cheap look at what --model names: a GGUF file's header,
// or a checkpoint's headers and configuration, which it returns.
func lookAtModel(path string) (*checkpoint.Checkpoint, error) {
	if !isDir(path) {
		_, err := gguf.Open(path)
		return nil, err
	}
	if files, _ := filepath.Glob(filepath.Join(path, "*.gguf")); len(files) > 0 && !exists(filepath.Join(path, "config.json")) {
		return nil, fmt.Errorf("%q is a folder with GGUF files and no checkpoint; name the file, such as %q", path, files[0])
	}
	return checkpoint.Open(path, checkpoint.OpenOptions{})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// convertOnce returns the path of a checkpoint's conversion in the cache,
// which it makes where it is not there and whole, and what the reports say
// about the folder. round allows scales to be rounded; a file that was made
// so is used only where it does.
func convertOnce(ctx context.Context, c *checkpoint.Checkpoint, root string, round bool, show *progress) (string, *result.Checkpoint, error) {
	cache, err := openModelCache(root)
	if err != nil {
		return "", nil, err
	}
	from, err := describeCheckpoint(c)
	if err != nil {
		return "", nil, err
	}
	key, err := checkpointKey(c.Dir)
	if err != nil {
		return "", nil, err
	}
	path := cache.path(from.Name, key)
	if r, _ := cache.lookup(path, key); r != nil {
		if !r.Checkpoint.Exact && !round {
			return "", nil, fmt.Errorf("checkpoint %q can't be converted exactly: some of its scales fit no float16 (`ceiling inspect` lists them); run with --allow-rounding to use %q, in which they are rounded", c.Dir, path)
		}
		show.line("%s was converted before: %s", from.Path, path)
		from.Exact = r.Checkpoint.Exact
		return path, from, nil
	}
	unlock, err := cache.lock(ctx, func() { show.line("waiting for another process that converts into %s", cache.dir) })
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	r, why := cache.lookup(path, key) // the other process may have done it
	if r == nil {
		show.line("converting %s (%s): %s", from.Path, from.Format, why)
		if r, err = cache.convert(ctx, c, path, key, *from, round, show); err != nil {
			return "", nil, err
		}
	}
	from.Exact = r.Checkpoint.Exact
	return path, from, nil
}

// convert fills the cache. It needs the lock.
func (c *modelCache) convert(ctx context.Context, folder *checkpoint.Checkpoint, path, key string, from result.Checkpoint, round bool, show *progress) (*cacheRecord, error) {
	if freed := c.tidy(from.Path, key); freed > 0 {
		show.line("removed what earlier conversions left in %s: %s", c.dir, size(freed))
	}
	// Whatever happens now, what is there is not to be used.
	os.Remove(recordPath(path))
	os.Remove(path)
	result, err := checkpoint.Convert(ctx, folder, path, checkpoint.Options{AllowRounding: round, Verify: true, Progress: stageProgress(show)})
	show.clear()
	var space *gguf.SpaceError
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("the conversion of %q was interrupted: %w", folder.Dir, ctx.Err())
	case errors.As(err, &space):
		return nil, fmt.Errorf("%w; make room or name another folder with --cache", err)
	case err != nil:
		return nil, err
	}
	if now, err := checkpointKey(folder.Dir); err != nil || now != key {
		os.Remove(path)
		return nil, errors.Join(err, fmt.Errorf("checkpoint %q changed while it was converted; run again when it is complete", folder.Dir))
	}
	for _, w := range result.Warnings {
		show.line("warning: %s", w)
	}
	if result.Rounded > 0 {
		show.line("warning: %d scales are rounded, by %.3g of their value at most, in %s", result.Rounded, result.LargestError, result.LargestErrorTensor)
	}
	from.Exact = exact(result)
	r, err := c.store(path, key, from)
	if err != nil {
		return nil, err
	}
	show.line("converted to %s: %.2f GB at %.0f MB/s, %d rows verified; kept for later runs",
		path, float64(result.Bytes)/1e9, result.MBPerSecond(), result.Verified.Rows)
	return r, nil
}

// describeCheckpoint is what a report says about a folder, Exact not yet
// known.
func describeCheckpoint(c *checkpoint.Checkpoint) (*result.Checkpoint, error) {
	path, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, err
	}
	return &result.Checkpoint{Path: path, Name: hf.ModelName(path), Bytes: c.Bytes, Format: formatText(c)}, nil
}

// formatText is a checkpoint's format in words: "compressed-tensors, 4 bit,
// group 32". A checkpoint can mix widths and groups.
func formatText(c *checkpoint.Checkpoint) string {
	var bits, groups []int
	for _, s := range c.Tensors() {
		if s.Kind == checkpoint.KindPacked {
			bits, groups = append(bits, s.Bits), append(groups, groupSize(s))
		}
	}
	if len(bits) == 0 {
		return c.Format
	}
	return fmt.Sprintf("%s, %s bit, group %s", c.Format, numbers(bits), strings.ReplaceAll(numbers(groups), "-1", "of a row"))
}

// groupSize is how many columns share a scale, -1 for a whole row.
func groupSize(s checkpoint.Source) int {
	if int64(s.GroupSize) == s.Dims[0] {
		return -1
	}
	return s.GroupSize
}

// numbers lists the different values in order: "4", "4 and 8".
func numbers(values []int) string {
	slices.Sort(values)
	var words []string
	for _, v := range slices.Compact(values) {
		words = append(words, strconv.Itoa(v))
	}
	return strings.Join(words, " and ")
}
