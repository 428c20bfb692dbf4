package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/engine"
	"ceiling/engine/gguf"
	"ceiling/hip/host"
	"ceiling/report"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:  "run",
		Usage: "run a suite of scenarios on a model and write the report",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "GGUF `FILE`; of a split model the first part", Required: true},
			&cli.StringFlag{Name: "suite", Value: "standard", Usage: "`NAME|FILE`: " + strings.Join(bench.BuiltinSuites(), ", ") + ", or a YAML file"},
			&cli.StringFlag{Name: "out", Usage: "`FOLDER` of the run (default: results/<model>-<UTC time>)"},
			&cli.StringFlag{Name: "resume", Usage: "go on with the run in `FOLDER`: same model, same options"},
			&cli.Uint64Flag{Name: "seed", Usage: "seed of prompts, lengths and arrivals"},
			&cli.BoolFlag{Name: "prefix-cache", Usage: "reuse the KV of finished prompts, and repeat prompts across scenarios (warm)"},
			choice("prose", "who writes the report's sentences; auto: rules", []string{"auto", "rules", "off"}),
			&cli.BoolFlag{Name: "no-hash", Usage: "do not compute the model's SHA-256"},
			&cli.StringFlag{Name: "sysroot", Value: "/", Usage: "read procfs and sysfs under `DIR`"},
			jsonFlag(),
		}, engineFlags()...),
		Action: runAction,
	}
}

// runAction is one run from the flags to the report. What a run that measured
// nothing has written is removed; what was measured is kept whatever happens.
func runAction(ctx context.Context, c *cli.Command) error {
	if err := noArgs(c); err != nil {
		return err
	}
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	// The cheap look first: no folder is made for a file that is no model.
	if _, err := gguf.Open(s.model); err != nil {
		return err
	}
	r := &runner{settings: s, show: newProgress(c.Root().ErrWriter), args: os.Args}
	if s.resume {
		r.dir = &outDir{path: s.out}
		err = r.readEarlier()
	} else {
		r.dir, err = newOutDir(s.out)
	}
	if err != nil {
		return err
	}
	results, err := r.run(ctx)
	r.show.clear()
	if results == nil {
		if !s.resume {
			r.dir.discard()
		}
		return err
	}
	return r.finish(ctx, c, results, err)
}

// runner is a run on its way.
type runner struct {
	settings
	dir  *outDir
	show *progress
	args []string

	manifest bench.Manifest
	earlier  *bench.Manifest    // of the run that is resumed
	resumed  *bench.ResumeState // nil: a new run
	system   bench.System
	info     bench.EngineInfo
	build    engineBuild
	used     []engine.Device // those that the model's layers lie on
	opener   *opener
}

// run loads the model and drives the suite. It returns nil results where
// nothing was measured.
func (r *runner) run(ctx context.Context) (*bench.Results, error) {
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := engine.Init(engine.Options{LogFile: r.dir.file(logFile), RPC: r.rpc}); err != nil {
		return nil, err
	}
	if err := engine.CheckDevices(r.load.Devices); err != nil {
		return nil, codedError{exitUsage, err}
	}
	model, err := r.loadModel(ctx)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	if err := r.describe(ctx, model); err != nil {
		return nil, err
	}
	return r.bench(ctx, model)
}

func (r *runner) loadModel(ctx context.Context) (*engine.Model, error) {
	load := r.load
	load.Progress = func(share float64) { r.show.update("loading the model", share, "") }
	start := time.Now()
	model, err := engine.Load(ctx, r.model, load)
	if err != nil {
		return nil, err
	}
	took := time.Since(start).Seconds()
	r.used, r.build = usedDevices(r.settings, engine.Devices()), readEngineBuild()
	r.info = engineInfo(r.settings, model, r.build, r.used, took)
	r.session.Greedy = r.greedyInBackend(r.used)
	r.opener = &opener{model: model, settings: r.session}
	r.show.line("%s: %s, %.2f GB, loaded in %.1f s on %s", r.info.ModelFile, model.Description(),
		float64(model.Bytes())/1e9, r.info.LoadSeconds, deviceList(r.used))
	return model, nil
}

// describe writes the manifest, or compares it with that of the run to go on
// with.
func (r *runner) describe(ctx context.Context, model *engine.Model) error {
	var warnings []string
	r.system, warnings = host.Read(r.sysroot)
	r.system.GPUs = gpuNames(r.used)
	r.system.Instructions = strings.Join(r.build.InstructionSets, " ")
	for _, w := range warnings {
		r.show.line("note: %s", w)
	}
	if !r.noHash {
		sum, err := hashFiles(ctx, model.File().Paths, func(done, total int64) {
			r.show.update("hashing the model", float64(done)/float64(total), "")
		})
		if err != nil {
			return err
		}
		r.info.ModelSHA256 = sum
	}
	r.manifest = bench.Manifest{
		CommandLine: r.args, Start: time.Now().Format(time.RFC3339), Seed: r.seed, Suite: r.suite,
		Model: manifestModel(model, r.info.ModelSHA256), Engine: r.info, System: r.system,
		Versions: versions(), Environment: environment(os.Environ()),
	}
	if r.earlier != nil {
		return sameRun(*r.earlier, r.manifest)
	}
	return report.SaveManifest(r.dir.file(manifestFile), &r.manifest)
}

// finish writes the report and turns the run's end into an exit code.
func (r *runner) finish(ctx context.Context, c *cli.Command, results *bench.Results, runErr error) error {
	results.Engine.Sampling, results.Engine.PeakRSSBytes = r.opener.sampling(), peakRSS()
	path := r.dir.file(reportFile)
	err := errors.Join(report.Save(r.dir.file(resultsFile), results),
		report.SaveMarkdown(path, results, r.reportOptions()))
	if err != nil {
		return errors.Join(runErr, err)
	}
	w := c.Root().Writer
	if r.json {
		if err := writeJSON(w, results); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(w, path)
	}
	switch failed := failures(results); {
	case ctx.Err() != nil:
		return codedError{exitInterrupted, fmt.Errorf("interrupted after %d of %d scenarios; the partial result is in %s, go on with --resume %q",
			complete(results), len(results.Planned), r.dir.path, r.dir.path)}
	case runErr != nil:
		return runErr
	case len(failed) == len(results.Planned):
		return fmt.Errorf("every scenario failed; the first: %s", failed[0])
	case len(failed) > 0:
		return codedError{exitInvalid, errors.New(strings.Join(failed, "\n"))}
	}
	return nil
}

func (r *runner) reportOptions() report.Options {
	o := report.Options{Version: version}
	if r.prose == "off" {
		o.Prose = report.ProseOff
	}
	return o
}

// failures lists the scenarios with failed requests or none at all.
func failures(results *bench.Results) []string {
	var out []string
	for _, r := range results.Results {
		if r.Error != nil {
			out = append(out, fmt.Sprintf("scenario %q failed: %s", r.Name, *r.Error))
		} else if r.FailedRequests > 0 {
			out = append(out, fmt.Sprintf("scenario %q: %.0f of %d requests failed", r.Name, r.FailedRequests, r.NumPrompts))
		}
	}
	return out
}

func complete(results *bench.Results) int {
	n := 0
	for _, d := range results.Details {
		if d.Status == bench.StatusComplete {
			n++
		}
	}
	return n
}
