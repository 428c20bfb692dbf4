package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"ceiling/engine/gguf"
)

// Convert writes the checkpoint to a GGUF file at out. The file appears when it
// is complete, on disk and, with o.Verify, compared with the checkpoint; after
// an error, or when ctx ends, nothing is left.
//
// It needs a few hundred megabytes of memory for a checkpoint of any size, and
// reads each tensor once, scales and zero points twice. Errors are a
// *RefusedError where a tensor can't be converted as the options ask,
// *gguf.SpaceError where the file would not fit, a *VerifyError, and those of
// the checkpoint's files and the disk.
func Convert(ctx context.Context, c *Checkpoint, out string, o ConvertOptions) (*Report, error) {
	start := time.Now()
	if err := c.protect(out); err != nil {
		return nil, err
	}
	files, err := c.set.Files()
	if err != nil {
		return nil, err
	}
	defer files.Close()
	plan, w, err := c.prepare(ctx, files, out, o)
	if err != nil {
		return nil, err
	}
	if err := plan.Refusal(); err != nil {
		return nil, err
	}
	defer w.Abort()
	if err := w.Begin(); err != nil {
		return nil, err
	}
	r := plan.report(out)
	r.Checkpoint, r.Format = c.Dir, c.FormatText()
	scanned := time.Now()
	var verifying time.Duration
	w.Inspect = func(path string) error {
		// What was read is what the headers described only if no file changed.
		if err := files.Recheck(); err != nil || !o.Verify {
			return err
		}
		before := time.Now()
		defer func() { verifying = time.Since(before) }()
		var (
			err   error
			wrong *VerifyError
		)
		r.Verified, err = c.verify(ctx, files, path, o)
		if errors.As(err, &wrong) {
			wrong.Path = out // the temporary name means nothing to the user
		}
		return err
	}
	if err := plan.write(ctx, w, files, r, o); err != nil {
		return nil, fmt.Errorf("write %q: %w", out, err)
	}
	if err := w.Commit(); err != nil {
		return nil, fmt.Errorf("write %q: %w", out, err)
	}
	r.Seconds, r.ScanSeconds = time.Since(start).Seconds(), scanned.Sub(start).Seconds()
	r.VerifySeconds = verifying.Seconds()
	r.ConvertSeconds = r.Seconds - r.ScanSeconds - r.VerifySeconds
	return r, nil
}

// protect refuses to replace any input, and what is no regular file.
func (c *Checkpoint) protect(out string) error {
	st, err := os.Stat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, in := range c.inputs() {
		if other, err := os.Stat(in); err == nil && os.SameFile(st, other) {
			return fmt.Errorf("%q is a part of the checkpoint, name another file", out)
		}
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%q exists and is not a regular file, name another", out)
	}
	return nil
}

// report begins a report with what the plan knows.
func (p *ConversionPlan) report(out string) *Report {
	r := &Report{Path: out, Parameters: p.Parameters, SmallScales: p.SmallScales, OddScales: p.OddScales, Warnings: slices.Clone(p.Warnings)}
	types := map[gguf.Type]*TypeCount{}
	for i := range p.Targets {
		t := &p.Targets[i]
		n := types[t.Type]
		if n == nil {
			n = &TypeCount{Type: t.Type}
			types[t.Type] = n
		}
		n.Tensors++
		n.Bytes += t.Bytes
		r.BytesRead += t.SourceTensor.Bytes
		r.Rounded += t.Inexact
		if t.WorstRelative > r.LargestError {
			r.LargestError, r.LargestErrorTensor = t.WorstRelative, t.Name
		}
	}
	for _, n := range types {
		r.Types = append(r.Types, *n)
	}
	slices.SortFunc(r.Types, func(a, b TypeCount) int {
		if a.Bytes != b.Bytes {
			return int(max(min(b.Bytes-a.Bytes, 1), -1))
		}
		return int(a.Type) - int(b.Type)
	})
	return r
}
