// Command bench measures how fast a checkpoint of the real 24B geometry is
// converted, beside a plain copy of the same bytes.
//
// It writes a synthetic checkpoint (random codes and scales), then takes
// turns: dd of the weight files with fsync, conversion, dd, conversion … and
// prints MB/s of checkpoint bytes, peak memory and the ratio of each pair.
//
// scripts/awq/bench.sh builds and runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are the flags.
type settings struct {
	dir     string // holds the checkpoint and what is made of it
	ceiling string // the program under test
	format  string
	layers  int
	group   int
	rounds  int
	verify  bool
	keep    bool
	floor   float64

	geometry geometry
}

// Exit codes, ceiling's own.
const (
	exitFailed = 1
	exitUsage  = 2
	exitBound  = 3
)

var errUsage = errors.New("wrong arguments")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	var low *lowError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case errors.As(err, &low):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitBound)
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitUsage)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(exitFailed)
}

func readFlags(args []string) (settings, error) {
	s := settings{geometry: devstral}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&s.dir, "dir", os.TempDir(), "a folder on the disk to measure; twice the checkpoint must fit")
	flags.StringVar(&s.ceiling, "ceiling", "build/bin/ceiling", "the program")
	flags.StringVar(&s.format, "format", formatPacked, "checkpoint format: "+formatPacked+" or "+formatAWQ)
	flags.IntVar(&s.layers, "layers", 40, "layers of the geometry; 40 is the whole model, 15 GB")
	flags.IntVar(&s.group, "group", 0, "columns that share a scale (default 32, AutoAWQ 128)")
	flags.IntVar(&s.rounds, "rounds", 3, "pairs of copy and conversion")
	flags.BoolVar(&s.verify, "verify", true, "let the conversion verify its result, as it does by default")
	flags.BoolVar(&s.keep, "keep", false, "leave the checkpoint in --dir")
	flags.Float64Var(&s.floor, "floor", 0.7, "exit with 3 where the median ratio is below")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	if s.group == 0 {
		s.group = map[string]int{formatPacked: 32, formatAWQ: 128}[s.format]
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("%w: unexpected %q", errUsage, flags.Arg(0))
	case s.format != formatPacked && s.format != formatAWQ:
		return s, fmt.Errorf("%w: --format %q; use %s or %s", errUsage, s.format, formatPacked, formatAWQ)
	case s.layers < 1 || s.layers > 40 || s.rounds < 1:
		return s, fmt.Errorf("%w: %d layers, %d rounds; use 1 to 40 layers and at least one round", errUsage, s.layers, s.rounds)
	case s.group%32 != 0 || s.group < 32 || s.group > 128:
		return s, fmt.Errorf("%w: groups of %d; use 32, 64 or 128", errUsage, s.group)
	}
	return s, nil
}

func run(ctx context.Context, args []string) (err error) {
	s, err := readFlags(args)
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.ceiling); err != nil {
		return fmt.Errorf("%w: --ceiling %q is not there; build it first", errUsage, s.ceiling)
	}
	work, err := os.MkdirTemp(s.dir, "ceiling-awq-bench-")
	if err != nil {
		return err
	}
	if !s.keep {
		defer os.RemoveAll(work)
	}
	checkpoint := filepath.Join(work, "checkpoint")
	start := time.Now()
	size, err := writeCheckpoint(ctx, checkpoint, s)
	if err != nil {
		return err
	}
	fmt.Printf("checkpoint: %s, group %d, %d layers, %.2f GB of weights, written in %.0f s\n",
		s.format, s.group, s.layers, float64(size)/1e9, time.Since(start).Seconds())
	if s.keep {
		fmt.Printf("kept in %s\n", checkpoint)
	}
	return measure(ctx, s, work, checkpoint, size)
}
