package main

import (
	"context"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// A step has 2048 tokens and the physical batch 512; a larger ubatch alone
// fills a step, and none is larger than a step. --batch is --step-tokens.
func TestBatches(t *testing.T) {
	for line, want := range map[string][2]int{
		"":                                 {2048, 512},
		"--ubatch 128":                     {2048, 128},
		"--ubatch 4096":                    {4096, 4096},
		"--step-tokens 512":                {512, 512},
		"--step-tokens 256":                {256, 256},
		"--step-tokens 8192 --ubatch 4096": {8192, 4096},
		"--batch 1024":                     {1024, 512},
	} {
		c := &cli.Command{Name: "x", Flags: engineFlags(), Action: func(_ context.Context, c *cli.Command) error {
			if step, ubatch := readBatches(c); [2]int{step, ubatch} != want {
				t.Errorf("%q: steps of %d tokens, ubatch %d, want %v", line, step, ubatch, want)
			}
			return nil
		}}
		if err := c.Run(context.Background(), append([]string{"x"}, strings.Fields(line)...)); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}
