package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/client"
	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/engine"
	"ceiling/engine/gguf"
	"ceiling/hip"
	"ceiling/hip/host"
)

// keyVariable holds the server's key, so that it need not stand on a command
// line, where every user of the machine can read it.
const keyVariable = "CEILING_API_KEY"

func driveCommand() *cli.Command {
	return &cli.Command{
		Name:  "drive",
		Usage: "run a suite through a server, to see what the server costs",
		Description: "The prompts, their lengths and the order are those of `ceiling run` with the same suite, seed and model,\n" +
			"token by token; only the engine is behind HTTP. `ceiling compare` holds the two runs side by side.",
		ArgsUsage: "[MODEL]",
		Flags: append(group("Server",
			&cli.StringFlag{Name: "url", Usage: "`URL` of the server, http://HOST:PORT"},
			modelFlag("GGUF `FILE` that the server has loaded, or one with its vocabulary; read for that only"),
			choice("api", "protocol; auto: llama-server's own where it is one", []string{"auto", result.APILlama, result.APIOpenAI}),
			&cli.StringFlag{Name: "api-key", Usage: "`KEY` sent as a bearer token; better in " + keyVariable},
			&cli.StringFlag{Name: "served-model", Usage: "`NAME` of the model in requests (default: the first that the server lists)"},
			&cli.DurationFlag{Name: "timeout", Value: 10 * time.Minute, Usage: "give a request up that gets no token for `TIME`", Validator: aTime},
			&cli.DurationFlag{Name: "request-timeout", Value: 2 * time.Hour, Usage: "give a request up that has not ended after `TIME`", Validator: aTime},
		), group("What to run", suiteFlags()...)...),
		Action: driveAction,
	}
}

// driveAction is one run through a server, from the flags to the report.
func driveAction(ctx context.Context, c *cli.Command) error {
	if err := takeModel(c); err != nil {
		return err
	}
	earlier, err := takeOver(ctx, c, driveCommand)
	if err != nil {
		return err
	}
	if err := required(c, "url", "model"); err != nil {
		return err
	}
	d, err := readDrive(c, earlier)
	if err != nil {
		return err
	}
	if done, err := d.nothingLeft(c); done || err != nil {
		return err
	}
	if _, err := gguf.Open(d.model); err != nil {
		return err
	}
	if d.dir, err = takeDir(&d.settings); err != nil {
		return err
	}
	defer d.dir.Close()
	if err := d.readState(); err != nil {
		return err
	}
	d.warnStrict(d.show)
	if err := d.keepCrash(); err != nil {
		return err
	}
	d.watch(c) // there is no engine that could hang: it notices pauses
	ctx, cancel := d.withMaxTime(ctx)
	defer cancel()
	defer d.dog.start(ctx)()
	results, err := d.run(ctx)
	d.show.clear()
	if results == nil {
		d.dir.Discard()
		return nothingMeasured(orInterrupted(ctx, err))
	}
	if errors.Is(err, result.ErrEngineLost) {
		err = fmt.Errorf("%w; what is finished is in %s: start the server and go on with --resume %q", err, d.dir.Path, d.dir.Path)
	}
	if d.prose == proseModel {
		d.show.line("prose: by the rules: the model is not in this process")
	}
	return d.conclude(c, results, err)
}

// aTime makes a flag refuse what is no time to wait.
func aTime(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%v is too short; use something like 2m", d)
	}
	return nil
}

// driver is a run through a server. Of the runner it uses what has
// nothing to do with an engine in process.
type driver struct {
	*runner
	server client.ServerOptions
}

func readDrive(c *cli.Command, earlier *earlierRun) (*driver, error) {
	s, err := readDriveSettings(c, earlier)
	if err != nil {
		return nil, err
	}
	key := c.String("api-key")
	if key == "" {
		key = os.Getenv(keyVariable)
	}
	d := &driver{runner: &runner{settings: s, show: newProgress(c.Root().ErrWriter), args: withoutSecrets(os.Args)}}
	d.task = suiteTask{d.runner}
	d.server = client.ServerOptions{
		URL: c.String("url"), API: c.String("api"), Key: key, Model: c.String("served-model"),
		Timeout: c.Duration("timeout"), Limit: c.Duration("request-timeout"), Warm: s.prefixCache,
	}
	if err := d.server.Check(); err != nil {
		return nil, codedError{exitUsage, err}
	}
	return d, nil
}

// readDriveSettings reads the flags that `run` has too.
func readDriveSettings(c *cli.Command, earlier *earlierRun) (settings, error) {
	s := settings{
		earlier: earlier,
		model:   c.String("model"), out: c.String("out"), sysroot: c.String("sysroot"),
		slo: slo(c), noHash: c.Bool("no-hash"), json: c.Bool("json"), strict: c.Bool("strict"),
		seed: c.Uint64("seed"), prefixCache: c.Bool("prefix-cache"), prose: c.String("prose"),
	}
	if err := s.readPlan(c); err != nil {
		return s, err
	}
	for _, sc := range s.suite.Scenarios {
		if sc.Depth != nil {
			return s, usagef("scenario %q has a depth: a server's KV cache can't be filled beforehand; use prefix_len, or leave it away", sc.Name)
		}
		if len(sc.Settings) > 0 {
			return s, usagef("scenario %q sets %s: a server's engine is set where the server is started; leave it away", sc.Name, sc.Settings[0].Name)
		}
	}
	return s, nil
}

// withoutSecrets is a command line fit for the manifest: without the key, and
// without a password in an address.
func withoutSecrets(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		name, value, joined := strings.Cut(a, "=")
		flag := strings.TrimLeft(name, "-")
		switch {
		case flag == "api-key" && joined:
			out[i] = name + "=…"
		case flag == "api-key" && i+1 < len(out):
			out[i+1] = "…"
		case flag == "url" && joined:
			out[i] = name + "=" + client.Redact(value)
		case flag == "url" && i+1 < len(out):
			out[i+1] = client.Redact(out[i+1])
		}
	}
	return out
}

// run connects and drives the suite. It returns nil results where nothing was
// measured.
func (d *driver) run(ctx context.Context) (*result.Run, error) {
	model, err := engine.LoadVocab(d.model)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	vocab := vocabOf(model)
	// How long a request may be is the server's to say.
	if d.refused, err = d.readTexts(ctx, model, 0); err != nil {
		return nil, err
	}
	if err := d.tellRefused((&bench.Config{Suite: d.suite, Refused: d.refused, Resume: d.resumed}).Left()); err != nil {
		return nil, err
	}
	o := d.server
	for _, sc := range d.suite.Scenarios {
		o.Concurrency = max(o.Concurrency, sc.Concurrency)
		o.Longest = max(o.Longest, sc.LongestRequest())
		o.Again = o.Again || sc.Dataset != nil
		o.Turns = o.Turns || sc.Turns > 1
	}
	o.Tokenize = func(text string) ([]int32, error) { return model.Tokenize(text, false, false) }
	o.Vocab, o.EOS = vocab, model.EOS()
	o.ModelFile, o.ModelBytes, o.ModelParams = filepath.Base(d.model), model.Bytes(), model.Params()
	server, err := client.Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	info := server.Info()
	d.tellServer(&info)
	if err := d.describe(ctx, model, &info); err != nil {
		return nil, err
	}
	return d.bench(ctx, server, vocab, &info)
}

// vocabOf is what prompts are made of.
func vocabOf(model *engine.Model) suite.Vocab {
	bos, addBOS := model.BOS()
	return suite.Vocab{Size: model.VocabSize(), BOS: bos, AddBOS: addBOS, Allowed: model.PlainTokens(), Ends: model.EndTokens()}
}

// tellServer says what was found before the run begins, because some of it is
// a reason not to go on.
func (d *driver) tellServer(s *result.ServerInfo) {
	d.show.line("server %s: %s, model %q, protocol %s", s.URL, strings.TrimSpace(s.Kind+" "+s.Version), s.Model, s.API)
	for _, c := range s.Conditions {
		d.show.line("  %s: %s: %s", c.Outcome, c.Name, c.Detail)
	}
}

// describe writes the manifest, or compares it with that of the run to go on
// with.
func (d *driver) describe(ctx context.Context, model *engine.Model, info *result.ServerInfo) error {
	if client.IsLocal(d.server.URL) {
		var warnings []string
		d.system, warnings = host.Read(d.sysroot)
		hip.Read(d.sysroot).Describe(&d.system)
		for _, w := range warnings {
			d.show.line("note: %s", w)
		}
	}
	// What a server does not tell stays empty here, and shows as unknown.
	d.info = result.EngineInfo{
		Name: info.Kind, Release: info.Version, Tree: "", TreeState: "",
		ModelFile: filepath.Base(d.model), ModelBytes: model.File().Size, Architecture: model.Architecture(),
		Description: model.Description(), Parameters: model.Params(), TensorTypes: tensorTypes(model.File()),
		Sampling: "greedy, by the server", Seed: d.seed, PrefixCache: d.prefixCache,
	}
	if d.info.Name == "" {
		d.info.Name = "server"
	}
	if err := d.hash(ctx, model); err != nil {
		return err
	}
	d.manifest = result.Manifest{
		CommandLine: d.args, Start: time.Now().Format(time.RFC3339), Seed: d.seed, Suite: d.suite,
		Model: manifestModel(model, d.info.ModelSHA256), Engine: d.info, System: d.system,
		Versions: versions(), Server: info,
	}
	if d.earlier != nil {
		return d.earlier.sameRun(&d.manifest)
	}
	return result.SaveManifest(d.dir.File(result.ManifestFile), &d.manifest)
}

// bench drives the suite, saving results.json after each scenario.
func (d *driver) bench(ctx context.Context, server *client.Server, vocab suite.Vocab, info *result.ServerInfo) (*result.Run, error) {
	journal, err := d.openJournal()
	if err != nil {
		return nil, err
	}
	clock := result.NewClock(d.resumed.Start())
	d.pauses.begin(clock)
	meter, stop := d.startMeter()
	defer stop()
	results, runErr := bench.Run(ctx, bench.Config{
		Suite: d.suite, Clock: clock, Client: server, Seed: d.seed, Vocab: vocab, Texts: d.texts, Refused: d.refused, PrefixCache: d.prefixCache,
		Journal: journal, Resume: d.resumed, Sleep: engine.Sleep,
		Progress: d.event, OnStart: d.mark, OnScenario: d.save, Template: d.template(info, clock),
		Observe: d.observer(nil), Meter: meter,
	})
	if err := journal.Close(); err != nil {
		runErr = errors.Join(runErr, err)
	}
	if results != nil && len(results.Results) == 0 {
		return nil, runErr
	}
	return results, runErr
}

// template holds the results' fields that are known before the first scenario.
// The machine is the server's, and known only where that is this one.
func (d *driver) template(info *result.ServerInfo, clock *result.Clock) result.Run {
	t := result.Run{
		Model:    strings.TrimSuffix(d.info.ModelFile, ".gguf"),
		Hardware: "behind " + info.URL,
		Date:     clock.Date(), Engine: &d.info, Server: info, SLO: d.slo,
	}
	if !client.IsLocal(d.server.URL) {
		return t
	}
	t.System, t.Hardware = &d.system, d.system.CPU
	if d.system.GPUs != "" {
		t.Hardware = d.system.GPUs + " (as far as the server uses them)"
	}
	return t
}
