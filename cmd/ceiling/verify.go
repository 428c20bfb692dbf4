package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/engine/verify"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "check that a model computes the same however it is run: alone, in a batch, from a cache, over devices",
		Description: "Greedy tokens of fixed prompts and the logits behind them are compared: one text at a time and all of them\n" +
			"in flight, cold and from a prefix cache, on one device and over several in every split mode that they\n" +
			"allow, on GPUs with graphs and without. Texts may part where the two best logits are closer together\n" +
			"than rounding moves them, which is measured first. Exit code 3: something is wrong.",
		ArgsUsage: "[MODEL]",
		Flags: slices.Concat(group("What to compare",
			modelFlag("GGUF `FILE`, of a split model the first part"),
			&cli.StringFlag{Name: "expect", Usage: "compare with the texts in `FILE`, of another machine, build or day"},
			&cli.StringFlag{Name: "write-expect", Usage: "write the reference's texts to `FILE`"},
			&cli.BoolFlag{Name: "exact", Usage: "with --expect: the first configuration must give every logit to the bit, as the same build on the same device does"},
			&cli.IntFlag{Name: "prompts", Value: 16, Usage: "`N` prompts, all of which are in flight at once", Validator: within(2, 64)},
			&cli.IntFlag{Name: "tokens", Value: 32, Usage: "`N` tokens of each text", Validator: within(2, 512)},
			stepTimeoutFlag(), jsonFlag(),
		), engineFlags(), gpuFlags()),
		Before: refuseUnable,
		Action: withWatch(verifyAction),
	}
}

// within makes a flag refuse numbers out of a range.
func within(low, high int) func(int) error {
	return func(n int) error {
		if n < low || n > high {
			return fmt.Errorf("%d; use %d to %d", n, low, high)
		}
		return nil
	}
}

func verifyAction(ctx context.Context, c *cli.Command, w *watchdog) error {
	o, err := readVerify(c)
	if err != nil {
		return err
	}
	o.Alive = w.alive
	if err := engine.Init(engine.LibraryOptions{RPC: c.StringSlice("rpc")}); err != nil {
		return err
	}
	if err := engine.CheckDevices(o.Load.Devices); err != nil {
		return codedError{exitUsage, err}
	}
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	found, err := verify.Run(ctx, o)
	if errors.Is(err, engine.ErrUnknownDevice) || errors.Is(err, engine.ErrUnknownOption) {
		return codedError{exitUsage, err}
	}
	if err != nil {
		return err
	}
	if path := c.String("write-expect"); path != "" {
		if err := found.Texts.Save(path); err != nil {
			return err
		}
	}
	if c.String("graphs") == auto && found.Graphs != "" {
		o.Say("without graphs")
		if err := withoutGraphs(ctx, found); err != nil {
			return fmt.Errorf("the comparison without graphs: %w", err)
		}
	}
	if c.Bool("json") {
		err = writeJSON(c.Root().Writer, found)
	} else {
		err = found.Print(c.Root().Writer)
	}
	if err == nil && found.Wrong > 0 {
		err = codedError{exitInvalid, fmt.Errorf("%d of %d comparisons are wrong", found.Wrong, len(found.Rows))}
	}
	return err
}

// readVerify reads the flags.
func readVerify(c *cli.Command) (verify.Options, error) {
	o := verify.Options{Sampling: c.String("sampling"), Prompts: c.Int("prompts"), Tokens: c.Int("tokens"), Exact: c.Bool("exact"),
		Say: func(format string, args ...any) { fmt.Fprintf(c.Root().ErrWriter, format+"\n", args...) }}
	if err := takeModel(c); err != nil {
		return o, err
	}
	if err := required(c, "model"); err != nil {
		return o, err
	}
	o.Model = c.String("model")
	if o.Exact && c.String("expect") == "" {
		return o, usagef("--exact without --expect: there is nothing that could be equal to the bit; use both or none")
	}
	o.Load, o.Session = readEngine(c)
	if path := c.String("expect"); path != "" {
		var err error
		if o.Expect, err = verify.Read(path); err != nil {
			return o, err
		}
	}
	return o, setGPUSwitches(c)
}

// withoutGraphs adds the same comparisons, made once more in a process that
// captures no graphs: the back ends look at that switch once.
func withoutGraphs(ctx context.Context, found *verify.Outcome) error {
	dir, err := os.MkdirTemp("", "ceiling-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	expect := filepath.Join(dir, "expect.json")
	if err := found.Texts.Save(expect); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Of a flag that is given twice the last one counts.
	args := append(slices.Clone(os.Args[1:]), "--graphs=off", "--expect="+expect, "--write-expect=", "--exact=false", "--json")
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() != exitInvalid {
		return err
	}
	theirs := new(verify.Outcome)
	if err := json.Unmarshal(text, theirs); err != nil {
		return err
	}
	found.Add(theirs)
	return nil
}
