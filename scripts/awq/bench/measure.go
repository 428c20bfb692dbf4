package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// lowError says that the conversion was slower than the floor allows.
type lowError struct{ ratio, floor float64 }

func (e *lowError) Error() string {
	return fmt.Sprintf("the conversion runs at %.2f of the copy's speed, below %.2f", e.ratio, e.floor)
}

// conversion is one run of the program.
type conversion struct {
	seconds float64
	peak    int64          // resident bytes
	result  map[string]any // what --json printed
}

// measure takes turns and prints a row for each.
func measure(ctx context.Context, s settings, work, checkpoint string, size int64) error {
	mb := func(seconds float64) float64 { return float64(size) / 1e6 / seconds }
	fmt.Printf("page cache: %s\n\n", dropState())
	fmt.Printf("%5s  %12s  %14s  %11s  %6s\n", "round", "copy (MB/s)", "convert (MB/s)", "peak (MiB)", "ratio")
	var ratios []float64
	var last conversion
	for i := range s.rounds {
		copied, err := copyFiles(ctx, work, checkpoint)
		if err != nil {
			return err
		}
		c, err := convert(ctx, s, work, checkpoint)
		if err != nil {
			return err
		}
		ratios, last = append(ratios, copied/c.seconds), c
		fmt.Printf("%5d  %12.0f  %14.0f  %11.0f  %6.2f\n", i+1, mb(copied), mb(c.seconds), float64(c.peak)/(1<<20), copied/c.seconds)
	}
	slices.Sort(ratios)
	median := (ratios[(len(ratios)-1)/2] + ratios[len(ratios)/2]) / 2
	fmt.Printf("\nmedian ratio %.2f; MB/s count the checkpoint's weight files, verification %s\n", median, onOff(s.verify))
	text, err := json.MarshalIndent(last.result, "", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("the last conversion: %s\n", text)
	if median < s.floor {
		return &lowError{median, s.floor}
	}
	return nil
}

func onOff(b bool) string {
	if b {
		return "included"
	}
	return "off"
}

// copyFiles copies the weight files with dd and returns the seconds it took.
// The copy is removed.
func copyFiles(ctx context.Context, work, checkpoint string) (float64, error) {
	files, err := filepath.Glob(filepath.Join(checkpoint, "*.safetensors"))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("%d weight files in %q, %v", len(files), checkpoint, err)
	}
	to := filepath.Join(work, "copy")
	if err := os.Mkdir(to, 0o755); err != nil {
		return 0, err
	}
	defer os.RemoveAll(to)
	dropCaches()
	start := time.Now()
	for _, file := range files {
		out, err := exec.CommandContext(ctx, "dd", "if="+file, "of="+filepath.Join(to, filepath.Base(file)),
			"bs=8M", "conv=fsync", "status=none").CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("dd of %q: %w: %s", file, err, bytes.TrimSpace(out))
		}
	}
	return time.Since(start).Seconds(), nil
}

// convert runs the program; the file that it writes is removed.
func convert(ctx context.Context, s settings, work, checkpoint string) (conversion, error) {
	out := filepath.Join(work, "out.gguf")
	defer os.Remove(out)
	args := []string{"convert", checkpoint, "--out", out, "--json"}
	if !s.verify {
		args = append(args, "--no-verify")
	}
	cmd := exec.CommandContext(ctx, s.ceiling, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	dropCaches()
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return conversion{}, fmt.Errorf("%s: %w: %s", s.ceiling, err, bytes.TrimSpace(stderr.Bytes()))
	}
	c := conversion{seconds: time.Since(start).Seconds()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = usage.Maxrss << 10 // Linux counts KiB
	}
	return c, json.Unmarshal(stdout.Bytes(), &c.result)
}

const dropFile = "/proc/sys/vm/drop_caches"

// dropCaches makes the next reader go to the disk, where that is allowed.
func dropCaches() {
	syscall.Sync()
	_ = os.WriteFile(dropFile, []byte("3"), 0o644) // dropState has said whether it works
}

// dropState says what dropCaches can do.
func dropState() string {
	f, err := os.OpenFile(dropFile, os.O_WRONLY, 0)
	if err != nil {
		return "kept, only root can drop it: reads may come from memory"
	}
	f.Close()
	return "dropped before each measurement"
}
