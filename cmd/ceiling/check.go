package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/engine/verify"
)

// The short check's size: enough steps for captured graphs to be replayed.
const (
	checkPrompts = 4
	checkTokens  = 16
)

func checkFlag() cli.Flag {
	return choice("check", "before the first scenario compare some greedy tokens with the logits of one batch, as verify does; auto: on GPUs", []string{auto, "on", "off"})
}

// checkOutput ends a run whose model gives wrong tokens: a figure of wrong
// computation is worse than none.
func (r *runner) checkOutput(ctx context.Context, model *engine.Model) error {
	local := func(d engine.Device) bool { return d.Backend != "RPC" }
	if r.check == "off" || r.check == auto && !slices.ContainsFunc(r.split.Devices, local) {
		return nil
	}
	return r.dog.during("checking the output", 0, func() error {
		r.show.line("checking the output")
		c, err := verify.NewChecker(model, r.session, checkPrompts, checkTokens)
		if err != nil {
			return err
		}
		c.Alive = r.dog.alive
		d, err := c.Short(ctx)
		if err != nil {
			return fmt.Errorf("checking the output: %w; --check off leaves the check out", err)
		}
		if d.Verdict == verify.Wrong {
			return fmt.Errorf("the output is wrong: %s; `ceiling verify` tells more, --check off measures all the same", d.Why)
		}
		r.info.Check = fmt.Sprintf("%d of %d greedy tokens as one batch has them, alone and %d in flight, the others within rounding", d.EqualTokens, d.Tokens, checkPrompts)
		return nil
	})
}
