package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/capacity"
	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/engine"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report"
)

func capacityCommand() *cli.Command {
	return &cli.Command{
		Name:      "capacity",
		Usage:     "find how many requests in flight, or requests a second, keep limits on latencies",
		ArgsUsage: "[MODEL]",
		Description: "The load is doubled until a limit is missed, then bisected, and the two neighbours at the limit are measured\n" +
			"again until they are decided. Each probe has the requests that the limits' statistics take (100 for a p99), and\n" +
			"at least four for each that is in flight. The model is loaded once.\n\n" +
			"--slo takes limits with commas between them: ttft, tpot or e2el, a statistic (mean, median, p90, p99 …; p99\n" +
			"where there is none), and a time.",
		Flags: slices.Concat(group("What to find", append([]cli.Flag{
			modelFlag("`FILE|FOLDER`: a GGUF file, of a split model the first part, or a checkpoint's folder"),
			cacheFlag(), roundingFlag(),
			&cli.StringFlag{Name: "slo", Usage: "`LIMITS` to keep, such as ttft_p99=2s,tpot_p99=60ms", Validator: func(text string) error {
				_, err := suite.ParseBounds(text)
				return err
			}},
			&cli.BoolFlag{Name: "rate", Usage: "search requests a second, arriving as a Poisson process, in place of requests in flight"},
			&cli.IntFlag{Name: "waves", Value: capacity.LeastWaves, Usage: "requests of a probe for each that is in flight, at least; loads at the limit get as many probes as decide them", Validator: within(1, 1000)},
			maxTimeFlag(),
			&cli.StringFlag{Name: "resume", Usage: "go on with the search in `FOLDER`; model and options are those it began with"},
			&cli.IntFlag{Name: "max", Value: 256, Usage: "most requests in flight: the highest probe, with --rate the slots", Validator: atLeast(1)},
		}, probeFlags(1024, 256)...)...), group("How it is run", searchFlags()...), group("Engine", settingsFlag()), engineFlags(), specFlags(), gpuFlags()),
		Action: capacityAction,
	}
}

// probeFlags are the shape of the requests that a search probes with, and its
// default.
func probeFlags(input, output int) []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "input", Value: input, Usage: "tokens of a prompt", Validator: atLeast(suite.MinInput)},
		&cli.IntFlag{Name: "output", Value: output, Usage: "tokens that a request generates", Validator: atLeast(1)},
		&cli.FloatFlag{Name: "range-ratio", Usage: "spread both lengths over ±`SHARE` of them, 0 to 1", Validator: func(r float64) error {
			if !(r >= 0 && r < 1) {
				return fmt.Errorf("%v is not from 0 to below 1", r)
			}
			return nil
		}},
	}
}

// searchFlags say how the probes of a search are run.
func searchFlags() []cli.Flag {
	return []cli.Flag{
		runOutFlag(),
		&cli.Uint64Flag{Name: "seed", Usage: "seed `N` of prompts, lengths and arrivals"},
		&cli.IntFlag{Name: "retry", Value: 2, Usage: "make a probe that was disturbed again, at most `N` times", Validator: within(0, result.MaxRetry)},
		&cli.BoolFlag{Name: "no-hash", Usage: "do not compute the model's SHA-256"},
		telemetryFlag(), stepTimeoutFlag(), checkFlag(), sysrootFlag(), jsonFlag(),
		ceilingsFlag("the machine's limits, of `ceiling roofline`, used where they are of this machine and fresh"),
	}
}

func capacityAction(ctx context.Context, c *cli.Command) error {
	if err := takeModel(c); err != nil {
		return err
	}
	earlier, err := takeOver(ctx, c, capacityCommand)
	if err == nil {
		err = earlier.sameFlags(c, "slo", "rate", "waves", "max", "input", "output", "range-ratio", "seed")
	}
	if err != nil {
		return err
	}
	if err := required(c, "model", "slo"); err != nil {
		return err
	}
	r, err := newSearch(c, "capacity", earlier)
	if err != nil {
		return err
	}
	r.maxTime = c.Duration("max-time")
	bounds, _ := suite.ParseBounds(c.String("slo")) // the flag's validator has seen them
	r.slo = result.SLOOf(bounds)
	t := &capacityTask{runner: r, shape: probeShape(c), rate: c.Bool("rate"), most: c.Int("max"), waves: c.Int("waves")}
	t.found = result.Capacity{Of: result.Concurrency, Bounds: bounds}
	if t.rate {
		t.found.Of = result.RequestRate
	}
	r.suite.Scenarios = []result.Scenario{t.alone()}
	if err := suite.Validate(r.suite); err != nil {
		return codedError{exitUsage, err}
	}
	if err := r.readPoints(c); err != nil {
		return err
	}
	r.task = t
	if earlier != nil {
		if !c.IsSet("retry") {
			r.suite.Retry = earlier.manifest.Suite.Retry
		}
		if done, err := t.searchFinished(); done || err != nil {
			return err
		}
	}
	return r.do(ctx, c)
}

// newSearch is a runner for probes of a search, without a suite.
func newSearch(c *cli.Command, name string, earlier *earlierRun) (*runner, error) {
	file, err := takeSettings(c, earlier)
	if err != nil {
		return nil, err
	}
	s, err := readCommon(c, earlier)
	if err != nil {
		return nil, err
	}
	if err := s.resumeIn(c.String("resume")); err != nil {
		return nil, err
	}
	s.settingsFile = file
	s.prose = proseRules
	s.suite = result.Suite{Name: name, Retry: c.Int("retry")}
	folder, err := lookAtModel(s.model)
	if err != nil {
		return nil, err
	}
	return &runner{settings: s, folder: folder, show: newProgress(c.Root().ErrWriter), args: os.Args}, nil
}

// probeShape is a scenario of probes, without its name and load.
func probeShape(c *cli.Command) result.Scenario {
	return result.Scenario{Category: "Capacity", Purpose: "Probe of a search",
		Input: c.Int("input"), Output: c.Int("output"), RangeRatio: c.Float("range-ratio")}
}

// capacityTask searches the highest load that keeps limits.
type capacityTask struct {
	*runner
	shape  result.Scenario
	rate   bool
	waves  int                  // of a probe
	most   int                  // requests in flight
	why    string               // there are no more of them
	probes *bench.Probes        // nil: not begun
	past   *bench.EarlierProbes // of the part that is gone on with; nil: none
	found  result.Capacity
}

// readState reads what an earlier part has measured.
func (t *capacityTask) readState() (err error) {
	if t.past, _, err = t.readProbes(); t.past != nil {
		t.show.line("goes on after %s", figure.Count(t.past.Left(), "probe"))
	}
	return err
}

// alone is the probe of one request at a time.
func (t *capacityTask) alone() result.Scenario { return t.inFlight(1) }

// inFlight is the probe of n requests in flight.
func (t *capacityTask) inFlight(n int) result.Scenario {
	sc := t.shape
	sc.Name, sc.Concurrency = t.spec.mark()+fmt.Sprintf("Capacity (c=%d)", n), n
	sc.Prompts = capacity.Requests(t.found.Bounds, n, t.waves)
	return sc
}

// arriving is the probe of requests that arrive at a rate.
func (t *capacityTask) arriving(rate float64) result.Scenario {
	sc := t.shape
	sc.Name, sc.RequestRate, sc.Concurrency = t.spec.mark()+fmt.Sprintf("Capacity (%.3g req/s)", rate), rate, t.most
	sc.Prompts = capacity.Requests(t.found.Bounds, 1, t.waves)
	return sc
}

// fit finds the most requests in flight that the engine and the memory allow.
func (t *capacityTask) fit(ctx context.Context, plans *planner, model *engine.Model) error {
	refusal := func(n int) error {
		cfg := t.plan(model)
		cfg.Resume = nil // of the journal: a load is looked at whether it was measured or not
		cfg.Suite = result.Suite{Name: t.suite.Name, Scenarios: []result.Scenario{t.inFlight(n)}}
		refused, err := t.refusals(ctx, plans, cfg)
		return errors.Join(err, refused[0])
	}
	if err := refusal(1); err != nil {
		return fmt.Errorf("one request alone can't run: %w", err)
	}
	t.why = fmt.Sprintf("--max %d", t.most)
	low, high := 1, t.most+1 // runs, does not
	if refusal(t.most) == nil {
		low = t.most
	}
	for high-low > 1 {
		mid := (low + high) / 2
		err := refusal(mid)
		if err == nil {
			low = mid
			continue
		}
		high, t.why = mid, oneline.Err(err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted before anything was measured: %w", ctx.Err())
	}
	if low < t.most {
		t.show.line("at most %d requests in flight can run: with more %s", low, t.why)
	}
	t.most = low
	return nil
}

func (t *capacityTask) measure(ctx context.Context, model *engine.Model) (*result.Run, error) {
	return t.instrumented(model, func(cfg bench.Config) (*result.Run, error) {
		cfg.Progress = func(e bench.Event) { t.tell(e.Name, e) }
		t.probes = bench.NewProbes(cfg)
		t.past.GoOn(t.probes)
		search := t.searchConcurrency
		if t.rate {
			search = t.searchRate
		}
		t.found.Unfinished = "the search did not finish" // as long as it goes on
		err := search(ctx)
		if t.found.Unfinished = ""; err != nil {
			t.found.Unfinished = bench.PartialReason(err)
		}
		return t.results(), err
	})
}

// results are all that was measured, with the answer so far.
func (t *capacityTask) results() *result.Run {
	r := t.probes.Results()
	found := t.found
	r.Capacity = &found
	r.Partial, r.PartialReason = found.Unfinished != "", found.Unfinished
	return r
}

func (t *capacityTask) whole(part *result.Run) *result.Run {
	r := t.probes.With(part)
	found := t.found
	found.Unfinished = part.PartialReason
	r.Capacity = &found
	return r
}

// probe measures a scenario once, and saves it. What an earlier part has measured is
// taken instead: what the search asks for is a function of what it got.
func (t *capacityTask) probe(ctx context.Context, sc result.Scenario) (capacity.ProbeSample, *result.Entry, error) {
	if o, ok := t.past.Take(sc.Name); ok {
		return capacity.SampleOf(t.found.Bounds, sc, &o.Entry, o.Records), &o.Entry, nil
	}
	e, records, err := t.probes.Measure(ctx, sc, nil)
	if err != nil {
		return capacity.ProbeSample{}, nil, err
	}
	return capacity.SampleOf(t.found.Bounds, sc, &e, records), &e, t.save(t.results())
}

func (t *capacityTask) searchConcurrency(ctx context.Context) error {
	load := func(n int) (float64, string) { return float64(n), t.inFlight(n).Name }
	cfg := capacity.Question{Bounds: t.found.Bounds, Most: t.most, Told: func(a *capacity.Answer) { t.take(a, load) }}
	a, err := capacity.Search(ctx, cfg, func(ctx context.Context, n int) (capacity.ProbeSample, error) {
		s, _, err := t.probe(ctx, t.inFlight(n))
		return s, err
	})
	t.take(a, load)
	return err
}

// leastRate is the lowest rate that is probed, in requests for each that one
// alone would end in the same time.
const leastRate = 0.5

// searchRate looks at one request alone first: what it misses no rate keeps, and
// it says where rates begin.
func (t *capacityTask) searchRate(ctx context.Context) error {
	s, e, err := t.probe(ctx, t.alone())
	if err != nil {
		return err
	}
	alone := capacity.Judge(0, t.found.Bounds, []capacity.ProbeSample{s})
	t.found.Alone = pointFrom(alone, 0, t.alone().Name)
	if !alone.Holds || e.Detail.E2EL == nil {
		return nil
	}
	least := leastRate / e.Detail.E2EL.Mean
	load := func(n int) (float64, string) {
		rate := capacity.Rate(least, n)
		return rate, t.arriving(rate).Name
	}
	cfg := capacity.Question{Bounds: t.found.Bounds, Most: mostRates, Grow: capacity.NextRate,
		Name: func(n int) string { return t.found.Noun(capacity.Rate(least, n)) },
		Told: func(a *capacity.Answer) { t.take(a, load) }}
	t.why = fmt.Sprintf("it is %.0f times what one request alone does", capacity.Rate(leastRate, mostRates))
	a, err := capacity.Search(ctx, cfg, func(ctx context.Context, n int) (capacity.ProbeSample, error) {
		s, _, err := t.probe(ctx, t.arriving(capacity.Rate(least, n)))
		return s, err
	})
	t.take(a, load)
	return err
}

// mostRates is how many rates a search can go through: beyond the last, more than
// a thousand requests would have to run at a time.
const mostRates = 160

// take enters an answer. load is that of a place in the search from 1 on, with its
// scenario's name.
func (t *capacityTask) take(a *capacity.Answer, load func(n int) (float64, string)) {
	at := func(n int) (of float64) {
		if n > 0 {
			of, _ = load(n)
		}
		return of
	}
	f := &t.found
	f.Load, f.From = at(a.Load), at(a.From)
	f.To, f.AtLeast, f.Most, f.Notes, f.Points = nil, a.AtLeast, "", a.Notes, nil
	if a.To >= 0 {
		to := at(a.To)
		f.To = &to
	}
	if a.AtLeast {
		f.Most = t.why
	}
	for _, p := range a.Points {
		of, name := load(p.Load)
		f.Points = append(f.Points, *pointFrom(p, of, name))
	}
}

func pointFrom(p capacity.JudgedLoad, load float64, scenario string) *result.CapacityPoint {
	return &result.CapacityPoint{Load: load, Scenario: scenario, Probes: p.Probes, Requests: p.Requests,
		Figures: p.Figures, Holds: p.Holds, Clear: p.Clear, Failed: p.Failed}
}

func (t *capacityTask) conclude(c *cli.Command, results *result.Run, runErr error) error {
	if err := t.saveSearch(c, results, capacityText(results)); err != nil {
		return errors.Join(runErr, err)
	}
	switch {
	case errors.Is(runErr, errMaxTime):
		return codedError{exitInterrupted, fmt.Errorf("--max-time %s is over after %s", plainTime(t.maxTime), t.soFar(results))}
	case errors.Is(runErr, context.Canceled):
		return codedError{exitInterrupted, fmt.Errorf("interrupted after %s", t.soFar(results))}
	}
	return runErr
}

// soFar says what of a search is known, and how to go on.
func (t *capacityTask) soFar(results *result.Run) string {
	return fmt.Sprintf("%s; what is known is in %s, go on with --resume %q", figure.Count(len(results.Results), "load"), t.dir.Path, t.dir.Path)
}

// saveSearch writes what a search has found, and prints it with the paths behind
// it.
func (r *runner) saveSearch(c *cli.Command, results *result.Run, text string, files ...string) error {
	r.dir.Unmark()
	err := errors.Join(result.Save(r.dir.File(result.ResultsFile), results), r.saveReport(results, r.reportOptions()))
	if err != nil {
		return err
	}
	r.pointLatest()
	defer r.intoHistory() // once the user has the answer
	w := c.Root().Writer
	if r.json {
		return writeJSON(w, results)
	}
	for _, name := range append(files, result.ReportFile, result.PageFile) {
		text += r.dir.File(name) + "\n"
	}
	_, err = io.WriteString(w, text)
	return err
}

// capacityText is the table of the loads and the answer below it.
func capacityText(r *result.Run) string {
	head, rows := report.CapacityTable(r)
	return plainTable(head, rows) + strings.Join(report.CapacityLines(r), "\n") + "\n"
}

// plainTable sets a table for a terminal.
func plainTable(head []string, rows [][]string) string {
	all := append([][]string{head}, rows...)
	for _, row := range all {
		for i := range row {
			row[i] = oneline.Of(row[i])
		}
	}
	return figure.Table(all)
}
