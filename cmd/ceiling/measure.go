package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"ceiling/bench"
	"ceiling/engine"
	"ceiling/report"
)

// bench drives the suite on the loaded model, saving results.json after each
// scenario. It returns nil results where nothing was measured.
func (r *runner) bench(ctx context.Context, model *engine.Model) (*bench.Results, error) {
	open := bench.CreateJournal
	if r.settings.resume {
		open = bench.AppendJournal
	}
	journal, err := open(r.dir.file(journalFile))
	if err != nil {
		return nil, err
	}
	clock := bench.NewClock(r.resumed.Start())
	sampler, err := r.startTelemetry(clock)
	if err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	bos, addBOS := model.BOS()
	results, runErr := bench.Run(ctx, bench.Config{
		Suite: r.suite, Opener: r.opener, Seed: r.seed, Budget: r.session.UBatch,
		Vocab:       bench.Vocab{Size: model.VocabSize(), BOS: bos, AddBOS: addBOS, Allowed: model.PlainTokens()},
		PrefixCache: r.prefixCache, KVUnified: &r.unified, Journal: journal, Resume: r.resumed,
		Sleep: engine.Sleep, Progress: r.event, OnScenario: r.save, Template: r.template(clock),
		Clock: clock, Observe: observer(sampler), Rescue: &r.rescue,
	})
	runErr = errors.Join(runErr, r.stopTelemetry(sampler, results))
	if err := journal.Close(); err != nil {
		runErr = errors.Join(runErr, err)
	}
	if results != nil && len(results.Results) == 0 {
		return nil, runErr
	}
	return results, runErr
}

// template holds the results' fields that are known before the first scenario.
// Their date is the clock's start, so that the journal's times can be laid beside
// other programs' logs.
func (r *runner) template(clock *bench.Clock) bench.Results {
	model := strings.TrimSuffix(r.info.ModelFile, ".gguf")
	if r.convertedFrom != nil {
		model = r.convertedFrom.Name
	}
	return bench.Results{
		Model: model, Hardware: ranOn(&r.system, r.used),
		Date: clock.Date(), System: &r.system, Engine: &r.info,
	}
}

// save keeps what is finished after every scenario: the engine may end the
// process on a fault in the next one.
func (r *runner) save(results *bench.Results) error {
	return report.Save(r.dir.file(resultsFile), results)
}

// event shows how far the run is.
func (r *runner) event(e bench.Event) {
	label := fmt.Sprintf("%d/%d %s", e.Scenario+1, e.Scenarios, e.Name)
	if e.Passes > 1 {
		label = fmt.Sprintf("pass %d/%d, %s", e.Pass+1, e.Passes, label)
	}
	switch e.Kind {
	case bench.EventWarmup:
		r.show.line("warm-up: three requests, not counted")
	case bench.EventProgress:
		note := fmt.Sprintf(" (request %d of %d", min(e.RequestsDone+1, e.Requests), e.Requests)
		if e.ETAKnown {
			note += ", all done in " + left(e.ETA)
		}
		r.show.update(label, share(e.TokensDone, e.Tokens), note+")")
	case bench.EventScenarioFinished:
		r.show.line("%s: %s", label, summary(e.Result))
	}
}

func share(done, total int64) float64 {
	if total == 0 {
		return 0
	}
	return float64(done) / float64(total)
}

// summary is a scenario in one line.
func summary(r *bench.Result) string {
	if r.Error != nil {
		return "failed: " + *r.Error
	}
	if r.OutputThroughput == nil || r.TTFTMeanMs == nil {
		return fmt.Sprintf("%.0f of %d requests succeeded", r.SuccessfulRequests, r.NumPrompts)
	}
	text := fmt.Sprintf("%.1f tok/s, TTFT %.1f ms", *r.OutputThroughput, *r.TTFTMeanMs)
	if r.TPOTMeanMs != nil {
		text += fmt.Sprintf(", TPOT %.2f ms", *r.TPOTMeanMs)
	}
	return text
}

// readEarlier reads what the run that --resume names has left.
func (r *runner) readEarlier() error {
	text, err := os.ReadFile(r.dir.file(manifestFile))
	if err != nil {
		return usagef("--resume %q: %w; name the folder of a run that has its %s", r.dir.path, cause(err), manifestFile)
	}
	var m bench.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return usagef("--resume %q: %s does not parse: %w; start a new run", r.dir.path, manifestFile, err)
	}
	r.earlier = &m
	saved, err := report.Load(r.dir.file(resultsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.resumed, err = bench.Resume(r.dir.file(journalFile), saved, r.suite)
	return err
}

// sameRun compares what must not change between the parts of one run.
func sameRun(before, now bench.Manifest) error {
	for _, c := range []struct {
		what       string
		then, here any
	}{
		{"model (SHA-256)", before.Model.SHA256, now.Model.SHA256},
		{"model size", before.Model.Bytes, now.Model.Bytes},
		{"number of passes", before.Suite.Passes(), now.Suite.Passes()},
		{"suite", before.Suite, now.Suite},
		{"seed", before.Seed, now.Seed},
		{"engine tree", before.Engine.Tree, now.Engine.Tree},
		{"engine build", before.Engine.Build, now.Engine.Build},
		{"threads", before.Engine.Threads, now.Engine.Threads},
		{"ubatch", before.Engine.UBatch, now.Engine.UBatch},
		{"batch", before.Engine.Batch, now.Engine.Batch},
		{"flash attention", before.Engine.FlashAttn, now.Engine.FlashAttn},
		{"KV type", before.Engine.KVType, now.Engine.KVType},
		{"KV unified", before.Engine.KVUnified, now.Engine.KVUnified},
		{"split mode", before.Engine.SplitMode, now.Engine.SplitMode},
		{"tensor split", before.Engine.TensorSplit, now.Engine.TensorSplit},
		{"GPU layers", before.Engine.GPULayers, now.Engine.GPULayers},
		{"prefix cache", before.Engine.PrefixCache, now.Engine.PrefixCache},
		{"devices", deviceNames(before.Engine), deviceNames(now.Engine)},
		{"environment", before.Environment, now.Environment},
	} {
		if fmt.Sprint(c.then) != fmt.Sprint(c.here) && !reflect.DeepEqual(c.then, c.here) {
			return usagef("--resume: the run began with another %s: %v then, %v now; use the same or start a new run", c.what, c.then, c.here)
		}
	}
	return nil
}

func deviceNames(e bench.EngineInfo) []string {
	out := make([]string, len(e.Devices))
	for i, d := range e.Devices {
		out[i] = d.Name
	}
	return out
}
