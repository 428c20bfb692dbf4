package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/engine"
)

// bench drives the suite on the loaded model, saving results.json after each
// scenario. It returns nil results where nothing was measured.
func (r *runner) bench(ctx context.Context, model *engine.Model) (*result.Run, error) {
	return r.instrumented(model, func(cfg bench.Config) (*result.Run, error) {
		cfg.Progress, cfg.OnStart, cfg.OnScenario = r.event, r.mark, r.save
		return bench.Run(ctx, cfg)
	})
}

// instrumented measures with a journal, the sensors and a meter of what disturbs.
// It returns nil results where nothing was measured.
func (r *runner) instrumented(model *engine.Model, measure func(bench.Config) (*result.Run, error)) (*result.Run, error) {
	journal, err := r.openJournal()
	if err != nil {
		return nil, err
	}
	clock := result.NewClock(r.resumed.Start())
	r.pauses.begin(clock)
	sampler, err := r.startTelemetry(clock)
	if err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	meter, stop := r.startMeter()
	defer stop()
	cfg := r.plan(model)
	cfg.Meter = meter
	cfg.Opener, cfg.Journal, cfg.Recovery = r.opener, journal, &r.recovery
	cfg.Clock, cfg.Sleep, cfg.Template = clock, engine.Sleep, r.template(clock)
	cfg.Observe = r.observer(sampler)
	results, runErr := measure(cfg)
	runErr = errors.Join(runErr, r.stopTelemetry(sampler, results))
	if err := journal.Close(); err != nil {
		runErr = errors.Join(runErr, err)
	}
	if results != nil && len(results.Results) == 0 {
		return nil, runErr
	}
	return results, runErr
}

// openJournal makes the journal, or goes on with the complete part of the
// earlier run's.
func (r *runner) openJournal() (*result.Journal, error) {
	path := r.dir.File(result.JournalFile)
	if r.earlier == nil {
		return result.CreateJournal(path)
	}
	if err := r.resumed.Cut(path); err != nil {
		return nil, err
	}
	return result.AppendJournal(path)
}

// template holds the results' fields that are known before the first scenario.
// Their date is the clock's start, so that the journal's times can be laid beside
// other programs' logs.
func (r *runner) template(clock *result.Clock) result.Run {
	model := strings.TrimSuffix(r.info.ModelFile, ".gguf")
	if r.convertedFrom != nil {
		model = r.convertedFrom.Name
	}
	return result.Run{
		Model: model, Hardware: ranOn(&r.system, r.used),
		Date: clock.Date(), System: &r.system, Engine: &r.info, SLO: r.slo, Ceilings: r.limits,
	}
}

// save keeps what is finished after every scenario: the engine may end the
// process on a fault in the next one.
func (r *runner) save(results *result.Run) error {
	return result.Save(r.dir.File(result.ResultsFile), results)
}

// event shows how far the run is.
func (r *runner) event(e bench.Event) {
	label := fmt.Sprintf("%d/%d %s", e.Scenario+1, e.Scenarios, e.Name)
	if e.Passes > 1 {
		label = fmt.Sprintf("pass %d/%d, %s", e.Pass+1, e.Passes, label)
	}
	r.tell(label, e)
}

// tell shows how far a scenario is under a label.
func (r *runner) tell(label string, e bench.Event) {
	switch e.Kind {
	case bench.EventWarmup:
		r.show.update(label, 0, " (warming up)")
	case bench.EventProgress:
		note := fmt.Sprintf(" (request %d of %d", min(e.RequestsDone+1, e.Requests), e.Requests)
		if e.TokensDone == 0 {
			note += ", no token yet after " + left(e.Elapsed)
		}
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
func summary(r *result.Summary) string {
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
