package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/urfave/cli/v3"

	"ceiling/engine"
	"ceiling/hip/doctor"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "check whether this machine is fit to measure on, and say what to do where it is not",
		Description: "Each check is ok, warn (works, but slower or less certain), fail (does not work, or would end\n" +
			"a run) or unknown (could not be checked). With --model the memory that the model, its KV cache\n" +
			"and the compute buffers take is compared with what each device has free, by llama.cpp's own dry\n" +
			"run. Exit code 3: a check failed.",
		ArgsUsage: "[MODEL]",
		Flags: append([]cli.Flag{
			jsonFlag(), sysrootFlag(),
			modelFlag("GGUF `FILE` whose memory to add up"),
			sequencesFlag(),
			&cli.IntFlag{Name: "context", Value: 4096, Usage: "`TOKENS` of a sequence, prompt and output", Validator: atLeast(1)},
		}, engineFlags()...),
		Before: refuseUnable,
		Action: underWatch(doctorAction),
	}
}

func doctorAction(ctx context.Context, c *cli.Command) error {
	if err := takeModel(c); err != nil {
		return err
	}
	if err := engine.Init(engine.LibraryOptions{RPC: c.StringSlice("rpc")}); err != nil {
		return err
	}
	b := engine.ReadBuild()
	facts := doctor.Read(c.String("sysroot"), doctor.Build{Backends: engine.Backends(), Preset: b.Preset, Toolkit: b.Toolkit, Targets: b.GPUTargets,
		Collectives: b.Collectives, InstructionSets: b.InstructionSets, Off: b.Off}, engine.LibraryDir())
	if path := c.String("model"); path != "" {
		model, err := readNeeds(ctx, c, path)
		if err != nil {
			return err
		}
		facts.Model = model
	}
	list := doctor.Run(facts)
	failed := doctor.Failed(list)
	if c.Bool("json") {
		if err := writeJSON(c.Root().Writer, map[string]any{"checks": list, "failed": failed}); err != nil {
			return err
		}
	} else if err := doctor.Print(c.Root().Writer, list); err != nil {
		return err
	}
	if failed > 0 {
		return codedError{exitInvalid, fmt.Errorf("%d of %d checks failed", failed, len(list))}
	}
	return nil
}

// readNeeds adds up a model's memory. A file that is no model is an error; a
// library without a dry run leaves the check open.
func readNeeds(ctx context.Context, c *cli.Command, path string) (*doctor.ModelMemory, error) {
	load, open := readEngine(c)
	open.Sequences, open.TokensPerSequence, open.Unified = c.Int("sequences"), c.Int("context"), c.String("kv-unified") == "on"
	m := &doctor.ModelMemory{Name: filepath.Base(path), Shape: fmt.Sprintf("%d × %d tokens, ubatch %d, KV %s", open.Sequences, open.TokensPerSequence, open.UBatch, open.KVType)}
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	needs, err := engine.DryRun(ctx, path, load, open)
	if errors.Is(err, engine.ErrNoDryRun) || errors.Is(err, engine.ErrSession) {
		m.Problem = err.Error()
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	for _, n := range needs {
		m.Needs = append(m.Needs, doctor.DeviceNeed{Text: n.String(), Known: n.Free > 0, Lacks: n.Lacks()})
	}
	return m, nil
}
