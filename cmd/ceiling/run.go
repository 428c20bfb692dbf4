package main

import (
	"ceiling/internal/machine"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/folder"
	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/engine/checkpoint"
	"ceiling/engine/gguf"
	"ceiling/hip"
	"ceiling/hip/host"
	"ceiling/kernels"
	"ceiling/report"
	"ceiling/report/prose"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run a suite of scenarios on a model and write the report",
		ArgsUsage: "[MODEL]",
		Flags: slices.Concat(group("What to run", append([]cli.Flag{
			modelFlag("`FILE|FOLDER`: a GGUF file, of a split model the first part, or a checkpoint's folder"),
			cacheFlag(), roundingFlag(),
		}, suiteFlags()...)...), group("How it is run",
			&cli.IntFlag{Name: "cache-tokens", Usage: "with --prefix-cache: keep at most `N` tokens of finished prompts (default: what the largest scenario needs whose prompts come again in the next one)", HideDefault: true, Validator: atLeast(1)},
			repeatProcessFlag(), nextProcessFlag(), telemetryFlag(), proseLimitFlag(), stepTimeoutFlag(), checkFlag(),
			&cli.BoolFlag{Name: "dry-run", Usage: "print what would run, with the memory of each device and the time from a few steps, and write nothing"},
			&cli.BoolFlag{Name: "roofline", Usage: "measure the machine's limits before the suite, half a minute"},
			ceilingsFlag("the machine's limits, of `ceiling roofline`, used where they are of this machine and fresh"),
		), group("Engine", settingsFlag()), engineFlags(), specFlags(), gpuFlags()),
		Action: runAction,
	}
}

// runAction is one run from the flags to the report. What a run that measured
// nothing has written is removed; what was measured is kept whatever happens.
func runAction(ctx context.Context, c *cli.Command) error {
	if err := takeModel(c); err != nil {
		return err
	}
	earlier, err := takeOver(ctx, c, runCommand)
	if err != nil {
		return err
	}
	if err := required(c, "model"); err != nil {
		return err
	}
	file, err := takeSettings(c, earlier)
	if err != nil {
		return err
	}
	s, err := readSettings(c, earlier)
	if err != nil {
		return err
	}
	s.settingsFile = file
	if done, err := s.nothingLeft(c); done || err != nil {
		return err
	}
	// The cheap look first: no folder is made for a file that is no model.
	folder, err := lookAtModel(s.model)
	if err != nil {
		return err
	}
	if s.round && folder == nil {
		return usagef("--allow-rounding with %q: it is about the folder of a checkpoint; leave it away", s.model)
	}
	r := &runner{settings: s, folder: folder, show: newProgress(c.Root().ErrWriter), args: os.Args}
	r.task = suiteTask{r}
	if c.Bool("dry-run") {
		return r.dryRun(ctx, c)
	}
	return r.do(ctx, c)
}

// do is the run from its folder to its end.
func (r *runner) do(ctx context.Context, c *cli.Command) error {
	var err error
	if r.dir, err = takeDir(&r.settings); err != nil {
		return err
	}
	defer r.dir.Close()
	if err := r.task.readState(); err != nil {
		return err
	}
	r.warnStrict(r.show)
	engine.OnAbort(func(reason string) int { return r.lastWords(c, errors.New(reason), endedError(reason)) })
	if err := r.keepCrash(); err != nil {
		return err
	}
	if err := r.task.beginProcess(); err != nil {
		return err
	}
	r.watch(c)
	ctx, cancel := r.withMaxTime(ctx)
	defer cancel()
	stop := r.dog.start(ctx)
	results, err := r.run(ctx)
	r.claimEnd()
	stop()
	r.show.clear()
	if errors.Is(err, bench.ErrNextProcess) {
		if err = r.task.nextProcess(ctx, results); ctx.Err() == nil {
			return err
		}
	}
	if results == nil {
		r.discard(err)
		return nothingMeasured(orInterrupted(ctx, err))
	}
	return r.task.conclude(c, results, err)
}

// task is what a runner does with the model.
type task interface {
	// readState reads what an earlier part of the run has finished.
	readState() error
	// beginProcess sets the environment of this process, before the engine looks at
	// it, and nextProcess makes the next one of it: see runner.
	beginProcess() error
	nextProcess(ctx context.Context, results *result.Run) error
	// fit finds out what can run, while the weights are not loaded.
	fit(ctx context.Context, plans *planner, model *engine.Model) error
	// measure does it; nil results: nothing was measured.
	measure(ctx context.Context, model *engine.Model) (*result.Run, error)
	// whole are the results of all that was measured, where the engine's last call
	// has left those of one call of bench.Run.
	whole(part *result.Run) *result.Run
	// soFar says what of it is finished, and how to go on.
	soFar(results *result.Run) string
	// conclude saves and renders the results, and turns the end into an exit code.
	conclude(c *cli.Command, results *result.Run, err error) error
}

// suiteTask runs a suite.
type suiteTask struct{ *runner }

func (t suiteTask) measure(ctx context.Context, model *engine.Model) (*result.Run, error) {
	return t.bench(ctx, model)
}

func (t suiteTask) whole(part *result.Run) *result.Run { return part }

// watch makes the watchdog over the run's calls into the engine.
func (r *runner) watch(c *cli.Command) {
	r.dog = newWatchdog(c, &r.recovery.Calls)
	r.dog.tell, r.dog.stopped = r.show.line, r.paused
	r.dog.giveUp = func(reason error) int { return r.lastWords(c, reason, reason) }
}

// discard gives up the folder of a run that measured nothing. Where the engine
// failed, its last words are shown: they go with the folder.
func (r *runner) discard(err error) {
	for _, kind := range []error{engine.ErrLoad, engine.ErrSession, engine.ErrRPC, engine.ErrDecode, result.ErrEngineLost, errAborted} {
		if errors.Is(err, kind) {
			for _, line := range folder.LastLines(r.dir.File(result.LogFile)) {
				r.show.line("engine: %s", line)
			}
			break
		}
	}
	r.dir.Discard()
}

// runner is a run in progress.
type runner struct {
	settings
	task task
	dir  *folder.Folder
	show *progress
	args []string

	manifest  result.Manifest
	resumed   *bench.ResumeState // nil: a new run
	refused   map[int]error      // scenarios that can't run, by their index
	needs     map[bench.SessionSpec][]engine.Need
	system    machine.System
	info      result.EngineInfo
	build     engine.BuildRecord
	process   int                    // of the run, that this one is
	ends      time.Time              // when --max-time is over; zero: never
	used      []engine.Device        // those that the model's layers lie on
	machine   hip.Machine            // the GPUs that sysfs knows
	nvidia    *hip.NVIDIA            // those that NVIDIA's driver knows; nil: none
	telemetry *machine.TelemetryInfo // nil until the sampler has stopped
	opener    *opener
	recovery  bench.Recovery             // for when the engine ends the process
	measured  atomic.Pointer[result.Run] // once the suite has run
	writing   atomic.Bool                // the model writes the report
	ending    atomic.Bool                // someone concludes the run
	dog       *watchdog
	pauses    pauses
	limits    *kernels.Used      // of the machine for the model; nil: not known
	choices   *prose.ChoicesFile // that it made; nil: none
	died      *folder.Marker     // the scenario that an earlier part of the run died in; nil: none
	// othersListed: the other processes on the cards are known.
	othersListed bool
	// folder is what --model names, nil where that is a file.
	folder *checkpoint.Checkpoint
}

// run loads the model and drives the suite. It returns nil results where
// nothing was measured.
func (r *runner) run(ctx context.Context) (*result.Run, error) {
	// The OpenMP pool of the CPU back end belongs to the thread that calls it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := r.dog.during("asking for devices", 0, r.initEngine); err != nil {
		return nil, err
	}
	model, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer r.dog.during("freeing the model", 0, func() error { return r.opener.close() })
	defer func() { r.nvidia.Close() }() // which describe opens
	if err := r.describe(ctx, model); err != nil {
		return nil, err
	}
	if err := r.findCeilings(ctx); err != nil {
		return nil, err
	}
	if err := r.checkOutput(ctx, model); err != nil {
		return nil, err
	}
	results, err := r.task.measure(ctx, model)
	if results != nil {
		results.Engine.Sampling, results.Engine.PeakRSSBytes = r.opener.sampling(), host.PeakRSS()
		results.Engine.LogitsCopy = r.opener.logitsCopy()
	}
	r.measured.Store(results)
	if err == nil && results != nil {
		_ = r.dog.during("writing the report", r.proseLimit, func() error {
			if r.opener.model != nil { // else the last load failed, and the rules write
				r.writeProse(ctx, r.opener.model, results)
			}
			return nil
		})
	}
	return results, err
}

// convert puts a GGUF file in the place of a checkpoint's folder.
func (r *runner) convert(ctx context.Context) error {
	if r.folder == nil {
		return nil
	}
	cache, err := checkpoint.OpenCache(r.cache)
	if err != nil {
		return err
	}
	defer r.show.clear()
	path, from, err := cache.Convert(ctx, r.folder, checkpoint.CacheOptions{AllowRounding: r.round, Progress: stageProgress(r.show), Tell: r.show.line})
	if err == nil {
		r.model, r.convertedFrom = path, (*result.CheckpointInfo)(from)
	}
	return err
}

// prepare finds out what can run, and loads the model as the first scenario needs
// it.
func (r *runner) prepare(ctx context.Context) (*engine.Model, error) {
	if err := r.convert(ctx); err != nil {
		return nil, err
	}
	if err := r.dog.during("planning the sessions", 0, func() error { return r.preflight(ctx) }); err != nil {
		return nil, err
	}
	return r.loadModel(ctx)
}

func (r *runner) initEngine() error {
	o := engine.LibraryOptions{RPC: r.rpc}
	if r.dir != nil {
		o.LogFile = r.dir.File(result.LogFile)
	}
	if err := engine.Init(o); err != nil {
		return err
	}
	for _, note := range engine.BackendNotes() {
		r.show.line("note: %s", note)
	}
	for i := range r.points {
		for _, names := range [][]string{r.points[i].load.Devices, r.points[i].spec.devices} {
			if err := engine.CheckDevices(names); err != nil {
				return codedError{exitUsage, err}
			}
		}
	}
	return nil
}

// readModel reads the weights.
func (r *runner) readModel(ctx context.Context) (model *engine.Model, seconds float64, err error) {
	load := r.load
	load.SplitMode = r.split.Mode
	load.Progress = func(share float64) {
		r.dog.alive()
		r.show.update("loading the model", share, "")
	}
	start := time.Now()
	if model, err = engine.Load(ctx, r.model, load); err != nil {
		return nil, 0, err
	}
	seconds = time.Since(start).Seconds()
	r.used = r.split.Used(engine.Devices())
	return model, seconds, nil
}

func (r *runner) loadModel(ctx context.Context) (*engine.Model, error) {
	var model *engine.Model
	var took float64
	err := r.dog.during("loading the model", 0, func() (err error) {
		model, took, err = r.readModel(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	r.build = engine.ReadBuild()
	r.info = engineInfo(r.settings, model, r.build, r.used, took)
	r.info.SplitMode, r.info.SplitReason = r.split.Mode, r.split.Reason
	r.info.Sampling = sampling(r.session.Greedy, !r.session.Greedy)
	r.opener = &opener{model: model, loaded: r.loaded(), points: r.points, needs: r.needs, opened: r.sessionOpened, reload: r.reload}
	r.show.line("%s: %s, %.2f GB, loaded in %.1f s on %s, split mode %s (%s)", r.info.ModelFile, r.info.Describe(),
		float64(model.Bytes())/1e9, r.info.LoadSeconds, engine.DeviceNames(r.used), r.split.Mode, r.split.Reason)
	return model, nil
}

// reload loads the model as other settings need it.
func (r *runner) reload(ctx context.Context, p *engineSettings) (*engine.Model, error) {
	r.load, r.split = p.load, p.split
	model, took, err := r.readModel(ctx)
	if err == nil {
		r.show.line("loaded again in %.1f s on %s, split mode %s (%s)", took, engine.DeviceNames(r.used), r.split.Mode, r.split.Reason)
	}
	return model, err
}

// sessionOpened notes what is known when the first session is open: the engine's
// choices, and how a tensor split adds up.
func (r *runner) sessionOpened(s *engine.Session) {
	if r.info.Weights == nil {
		r.info.Choices, r.info.Weights = s.Choices(), weightBuffers(s)
	}
	if r.info.AllReduce != "" {
		return
	}
	r.info.AllReduce = r.split.AllReduce(os.Getenv("GGML_CUDA_ALLREDUCE"), r.build.Collectives, s.Warnings())
	r.info.BF16From = engine.BF16From(r.info.AllReduce, len(r.split.Devices), r.opener.model.Embedding(), os.Getenv("GGML_CUDA_AR_BF16_THRESHOLD"))
	if note := r.split.AllReduceNote(r.info.AllReduce, r.build.Collectives); note != "" {
		r.show.line("note: %s", note)
	}
}

// describe writes the manifest, or compares it with that of the run to go on
// with.
func (r *runner) describe(ctx context.Context, model *engine.Model) error {
	var warnings []string
	r.system, warnings = host.Read(r.sysroot)
	r.machine = hip.Read(r.sysroot)
	var note string
	if r.nvidia, note = hip.FindNVIDIA(r.sysroot); note != "" {
		warnings = append(warnings, note)
	}
	describeGPUs(&r.system, r.machine, r.nvidia, r.used)
	if len(r.machine.GPUs) > 0 {
		warnings = append(warnings, r.machine.Notes...)
		if missing := r.machine.Missing(nil); missing != "" {
			warnings = append(warnings, missing)
		}
	}
	r.system.Instructions = strings.Join(r.build.InstructionSets, " ")
	for _, w := range warnings {
		r.show.line("note: %s", w)
	}
	if err := r.hash(ctx, model); err != nil {
		return err
	}
	r.noteSettings()
	r.manifest = result.Manifest{
		CommandLine: r.args, Start: time.Now().Format(time.RFC3339), Seed: r.seed, Suite: r.suite,
		Model: manifestModel(model, r.info.ModelSHA256), Engine: r.info, System: r.system,
		Versions: versions(), Environment: engine.Environment(os.Environ()),
	}
	r.manifest.Model.ConvertedFrom = r.convertedFrom
	r.manifest.Tuning = r.tuning
	if r.earlier != nil {
		return r.earlier.sameRun(&r.manifest)
	}
	return result.SaveManifest(r.dir.File(result.ManifestFile), &r.manifest)
}

// hash computes the model's SHA-256, unless that is not wanted.
func (r *runner) hash(ctx context.Context, model *engine.Model) (err error) {
	if r.noHash {
		return nil
	}
	r.info.ModelSHA256, err = gguf.Hash(ctx, model.File().Paths, func(done, total int64) {
		r.show.update("hashing the model", share(done, total), "")
	})
	return err
}

func (r *runner) conclude(c *cli.Command, results *result.Run, runErr error) error {
	r.dir.Unmark()
	err := errors.Join(result.Save(r.dir.File(result.ResultsFile), results), r.saveReport(results, r.reportOptions()))
	if err != nil {
		return errors.Join(runErr, err)
	}
	r.pointLatest()
	w := c.Root().Writer
	if r.json {
		err = writeJSON(w, results)
	} else {
		text := fmt.Sprintf("%s\n%s\n", r.dir.File(result.ReportFile), r.dir.File(result.PageFile))
		if isTerminal(w) {
			text = report.Summary(results) + text
		}
		_, err = io.WriteString(w, text)
	}
	r.intoHistory()
	if end := r.howEnded(results, runErr); end != nil {
		return end // a reader of stdout that is gone is the lesser news
	}
	return err
}

// howEnded is the error that a run's end is told by, with its exit code.
func (r *runner) howEnded(results *result.Run, runErr error) error {
	units, _ := bench.Plan(r.suite)
	failed, dead := failures(results)
	switch {
	case errors.Is(runErr, errMaxTime) && results.Partial:
		return codedError{exitInterrupted, fmt.Errorf("--max-time %s is over after %s", plainTime(r.maxTime), r.soFar(results))}
	case errors.Is(runErr, context.Canceled) && results.Partial:
		return codedError{exitInterrupted, fmt.Errorf("interrupted after %s", r.soFar(results))}
	case runErr != nil:
		return runErr
	case dead == len(units):
		return fmt.Errorf("every scenario failed; the first: %s", failed[0])
	case len(failed) > 0:
		return codedError{exitInvalid, errors.New(strings.Join(failed, "\n"))}
	}
	return r.belowValid(results)
}

// soFar says what of a run is finished, and how to go on.
func (r *runner) soFar(results *result.Run) string {
	units, _ := bench.Plan(r.suite)
	return fmt.Sprintf("%d of %d scenarios%s; the partial result is in %s, go on with --resume %q",
		complete(results), len(units), inPasses(r.suite), r.dir.Path, r.dir.Path)
}

func (r *runner) reportOptions() report.DocumentOptions {
	o := report.DocumentOptions{Version: version, Choices: r.choices}
	if r.prose == proseOff {
		o.Prose = report.ProseOff
	}
	return o
}

// failures lists the scenarios with failed requests or none at all, those of
// a run of several passes for each pass, and counts those without any request
// that succeeded.
func failures(results *result.Run) (list []string, dead int) {
	for i, r := range results.Results {
		for _, p := range passesOf(results, i) {
			name := fmt.Sprintf("scenario %q", r.Name)
			if results.Details[i].Repeat > 1 {
				name += fmt.Sprintf(" in pass %d", p.Pass+1)
			}
			switch {
			case p.Result.Error != nil:
				list = append(list, fmt.Sprintf("%s failed: %s", name, *p.Result.Error))
			case p.Result.FailedRequests > 0:
				list = append(list, fmt.Sprintf("%s: %.0f of %d requests failed", name, p.Result.FailedRequests, r.NumPrompts))
			default:
				continue
			}
			if p.Result.SuccessfulRequests == 0 {
				dead++
			}
		}
	}
	return list, dead
}

// passesOf are the passes over a scenario; a scenario that runs once has one.
func passesOf(results *result.Run, i int) []result.Pass {
	if d := results.Details[i]; len(d.Passes) > 0 {
		return d.Passes
	}
	return []result.Pass{{Result: results.Results[i], Detail: results.Details[i]}}
}

func complete(results *result.Run) int {
	n := 0
	for i := range results.Details {
		for _, p := range passesOf(results, i) {
			if p.Detail.Status == result.StatusComplete {
				n++
			}
		}
	}
	return n
}

// inPasses says, behind a number of scenarios, that it counts passes too.
func inPasses(suite result.Suite) string {
	if n := suite.Passes(); n > 1 {
		return fmt.Sprintf(" in %d passes", n)
	}
	return ""
}
