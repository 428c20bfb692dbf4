// Command compare converts small random checkpoints with ceiling and with
// llama.cpp's own converter, to F32, and compares the results: every value and
// every hyperparameter must be equal.
//
// scripts/awq/compare.sh prepares what it needs and runs it.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"ceiling/engine/checkpoint"
	"ceiling/engine/checkpoint/awqtest"
)

// cases are what llama.cpp's converter reads: compressed-tensors with groups,
// and GPTQ with g_idx.
var cases = []struct {
	name    string
	options awqtest.VariantOptions
}{
	{"compressed-tensors, symmetric", awqtest.VariantOptions{}},
	{"compressed-tensors, symmetric, group 128, F16, four files, with a vision part", awqtest.VariantOptions{GroupSize: 128, ScaleType: "F16", Shards: 4, Vision: true}},
	{"compressed-tensors, asymmetric", awqtest.VariantOptions{Zeros: true}},
	{"compressed-tensors, asymmetric, group 64, F16, text only", awqtest.VariantOptions{Zeros: true, GroupSize: 64, ScaleType: "F16", Prefix: awqtest.Text}},
	{"compressed-tensors, inner prefix, some linears plain, tied", awqtest.VariantOptions{Prefix: awqtest.Inner, Tied: true,
		Plain: []string{"layers.1.mlp.down_proj", "layers.0.self_attn.q_proj"}}},
	{"compressed-tensors, Mistral Small 3", awqtest.VariantOptions{Family: awqtest.MistralSmall3}},
	{"compressed-tensors, Llama", awqtest.VariantOptions{Family: awqtest.Llama}},
	{"GPTQ version 1, symmetric", awqtest.VariantOptions{Format: awqtest.GPTQ}},
	{"GPTQ version 1, asymmetric", awqtest.VariantOptions{Format: awqtest.GPTQ, Zeros: true, GroupSize: 128}},
	{"GPTQ version 2, symmetric", awqtest.VariantOptions{Format: awqtest.GPTQv2, GroupSize: 64}},
	{"GPTQ version 2, asymmetric", awqtest.VariantOptions{Format: awqtest.GPTQv2, Zeros: true}},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	python := flags.String("python", "python3", "interpreter with torch, numpy and transformers")
	script := flags.String("script", "scripts/awq/upstream.py", "runs llama.cpp's converter")
	source := flags.String("source", "", "folder of llama.cpp's source")
	only := flags.String("only", "", "compare only the checkpoints whose name holds `TEXT`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "ceiling-awq-compare-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	done, failed := 0, 0
	for i, c := range cases {
		if !strings.Contains(c.name, *only) {
			continue
		}
		done++
		c.options.Seed = uint64(i)
		d, err := convertBoth(ctx, filepath.Join(work, fmt.Sprint(i)), c.options, *python, *script, *source)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		verdict := "equal"
		if !d.ok() {
			verdict = "DIFFERENT"
			failed++
		}
		fmt.Printf("%-9s  %s: %s\n", verdict, c.name, d)
	}
	switch {
	case done == 0:
		return fmt.Errorf("no checkpoint's name holds %q", *only)
	case failed > 0:
		return fmt.Errorf("%d of %d checkpoints differ", failed, done)
	}
	fmt.Printf("all %d checkpoints equal\n", done)
	return nil
}

// convertBoth writes a checkpoint into dir, converts it twice and compares.
func convertBoth(ctx context.Context, dir string, o awqtest.VariantOptions, python, script, source string) (difference, error) {
	var d difference
	if _, err := awqtest.Write(dir, o); err != nil {
		return d, err
	}
	folder, err := checkpoint.Open(dir, checkpoint.OpenOptions{})
	if err != nil {
		return d, err
	}
	ours, theirs := dir+"-ours.gguf", dir+"-theirs.gguf"
	if _, err := checkpoint.Convert(ctx, folder, ours, checkpoint.ConvertOptions{}); err != nil {
		return d, err
	}
	if out, err := exec.CommandContext(ctx, python, script, source, dir, theirs).CombinedOutput(); err != nil {
		return d, fmt.Errorf("llama.cpp's converter: %w\n%s", err, bytes.TrimSpace(out))
	}
	return compareFiles(ours, theirs)
}
