package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"ceiling/bench"
	"ceiling/bench/capacity"
	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/bench/tune"
	"ceiling/engine"
	"ceiling/hip/host"
	"ceiling/internal/figure"
	"ceiling/internal/outfile"
	"ceiling/report"
)

func tuneCommand() *cli.Command {
	return &cli.Command{
		Name:      "tune",
		Usage:     "find the settings with which the engine is fastest here, and write them to tuned.yaml",
		ArgsUsage: "[MODEL]",
		Description: "The values of one setting after the other race: short measurements in turns, the defaults among them, the\n" +
			"losers leaving when their intervals say so. What wins is held against the defaults at the end, each time in\n" +
			"a process of its own. The defaults are the flags as they are given here.\n\n" +
			"--for takes decode (tok/s of a request), prefill (the engine's rate), throughput, ttft (mean), or slo= with\n" +
			"limits as of `ceiling capacity`: the share of the limits that is used. @c=N behind it: with N requests in flight.",
		Flags: slices.Concat(group("What to find", append([]cli.Flag{
			modelFlag("`FILE|FOLDER`: a GGUF file, of a split model the first part, or a checkpoint's folder"),
			cacheFlag(), roundingFlag(),
			&cli.StringFlag{Name: "for", Value: result.TuningDecode, Usage: "`GOAL` to become faster: decode, prefill, throughput@c=32, ttft@c=8, slo=ttft_p90=2s@c=8"},
			&cli.StringFlag{Name: "guard", Value: tune.GuardAuto, Usage: "`GOAL,…` not to become slower, or none; auto: prefill for decode, decode for prefill, throughput for ttft"},
			&cli.StringSliceFlag{Name: "search", Usage: "`KEY=V1,V2,…`: these settings with these values, in the place of all that this machine and build can have"},
			&cli.BoolFlag{Name: "allow-kv-quant", Usage: "try quantised KV caches too, which change what the model computes"},
		}, probeFlags(512, 64)...)...), group("How it is run", append([]cli.Flag{
			&cli.DurationFlag{Name: "budget", Value: 10 * time.Minute, Usage: "`TIME` for all of it", Validator: aTime},
			&cli.DurationFlag{Name: "probe", Value: 2500 * time.Millisecond, Usage: "`TIME` of one measurement, about", Validator: aTime},
			&cli.IntFlag{Name: "confirm", Value: 5, Usage: "pairs of fresh processes that hold the winner against the defaults", Validator: within(2, 100)},
			&cli.StringFlag{Name: "resume", Usage: "go on with the search in `FOLDER`; model and options are those it began with"},
		}, searchFlags()...)...), engineFlags(), gpuFlags()),
		Action: tuneAction,
	}
}

func tuneAction(ctx context.Context, c *cli.Command) error {
	begun := time.Now()
	if err := takeModel(c); err != nil {
		return err
	}
	earlier, err := takeOver(ctx, c, tuneCommand)
	if err != nil {
		return err
	}
	if err := required(c, "model"); err != nil {
		return err
	}
	goals, err := tune.ParseGoals(c.String("for"), c.String("guard"))
	if err != nil {
		return codedError{exitUsage, err}
	}
	r, err := newSearch(c, "tune", earlier)
	if err != nil {
		return err
	}
	t := &tuneTask{runner: r, cmd: c, shape: probeShape(c), last: begun}
	t.shape.Category, t.shape.Purpose = "Tune", "Probe of a search for settings"
	t.tuning = &result.TuningPlan{Goals: goals, Search: c.StringSlice("search"), QuantKV: c.Bool("allow-kv-quant"), BudgetS: c.Duration("budget").Seconds(), Pairs: c.Int("confirm")}
	r.task = t
	for _, n := range tune.Loads(goals) {
		r.suite.Scenarios = append(r.suite.Scenarios, t.scenario(n, nil))
	}
	if err := errors.Join(suite.Validate(r.suite), t.readSearch()); err != nil {
		return codedError{exitUsage, err}
	}
	if earlier != nil {
		if done, err := t.goOn(); done || err != nil {
			return err
		}
	}
	if err := r.readPoints(c); err != nil {
		return err
	}
	return r.do(ctx, c)
}

// tuneTask searches the fastest settings.
type tuneTask struct {
	*runner
	cmd     *cli.Command
	shape   result.Scenario
	asked   []result.TunedKnob // by --search; nil: all there are
	known   map[string]int     // settings by their text, as places in points
	probes  *bench.Probes
	tuner   *tune.Tuner
	past    *bench.EarlierProbes // of the part that is gone on with; nil: none
	listed  []result.TuningProbe // of that part
	next    tune.Trial           // what they end before
	at      int                  // of the listed
	last    time.Time            // when the last probe ended, or the process began
	made    int                  // probes of this process
	number  int                  // of this process
	env     string               // what its environment was set for
	done    bool                 // the search is at its end
	saveErr error
}

// scenario is that of probes with n requests in flight and settings beside
// the defaults.
func (t *tuneTask) scenario(n int, own []result.Setting) result.Scenario {
	sc := t.shape
	text := result.SettingsText(own)
	if text == "" {
		text = "defaults"
	}
	sc.Name, sc.Concurrency, sc.Settings = fmt.Sprintf("Tune (c=%d): %s", n, text), n, own
	sc.Prompts = t.leastPrompts(n)
	for _, sized := range t.suite.Scenarios {
		if sized.Concurrency == n {
			sc.Prompts = sized.Prompts
		}
	}
	return sc
}

// leastPrompts are enough for a verdict, two waves and the statistics of limits.
func (t *tuneTask) leastPrompts(n int) int {
	const least, waves = 5, 2
	need := max(least, waves*n)
	if n == 1 {
		need = least
	}
	for _, g := range t.tuning.Goals {
		if g.Concurrency == n && g.Figure == result.TuningSLO {
			need = max(need, capacity.Requests(g.Bounds, n, waves))
		}
	}
	return (need + n - 1) / n * n
}

// readSearch reads --search: each value must be one, and all mistakes are told at
// once.
func (t *tuneTask) readSearch() error {
	words := t.cmd.StringSlice("search")
	if len(words) == 0 {
		return nil
	}
	sweeps, err := suite.ParseSweeps(words)
	if err != nil {
		return fmt.Errorf("--search: %w", err)
	}
	var errs []error
	for _, s := range sweeps {
		name, values := s.List()
		if !slices.Contains(result.SettingNames(), name) {
			errs = append(errs, fmt.Errorf("--search: %q is no setting of the engine: use %s", name, strings.Join(result.SettingNames(), ", ")))
			continue
		}
		values = append([]string{t.defaultOf(name)}, values...)
		knob := result.TunedKnob{Name: name}
		for i, v := range values {
			if slices.Contains(values[:i], v) {
				continue
			}
			knob.Values = append(knob.Values, result.TunedValue{Value: v})
			if i > 0 {
				errs = append(errs, t.checkValue(result.Setting{Name: name, Value: v}))
			}
		}
		t.asked = append(t.asked, knob)
	}
	return errors.Join(errs...)
}

// checkValue says what is wrong with a value of --search.
func (t *tuneTask) checkValue(x result.Setting) error {
	if x.Name == "kv-type" && !t.cmd.Bool("allow-kv-quant") && slices.Contains(engine.QuantKVTypes(), x.Value) {
		return fmt.Errorf("--search %s: it changes what the model computes; add --allow-kv-quant", x)
	}
	if _, err := withSettings(t.cmd, []result.Setting{x}); err != nil {
		return fmt.Errorf("--search %s: %w", x, err)
	}
	return nil
}

// defaultOf is a setting's value by the flags.
func (t *tuneTask) defaultOf(name string) string {
	switch name {
	case "threads":
		return fmt.Sprint(t.session.Threads)
	case "step-tokens":
		return fmt.Sprint(t.session.Batch)
	case "ubatch":
		return fmt.Sprint(t.session.UBatch)
	}
	text := strings.ReplaceAll(flagText(findFlag(t.cmd, name)), ",", "/")
	if text == "" {
		return auto
	}
	return text
}

// goOn takes over the plan of the search that --resume names; done: nothing of it
// is left.
func (t *tuneTask) goOn() (done bool, err error) {
	m := &t.earlier.manifest
	if m.Tuning == nil {
		return false, usagef("--resume %q: its %s has no plan of a search; start a new one", t.out, result.ManifestFile)
	}
	t.tuning.Knobs, t.tuning.Skipped, t.suite = m.Tuning.Knobs, m.Tuning.Skipped, m.Suite
	now := result.Manifest{Suite: t.suite, Seed: t.seed, Tuning: t.tuning}
	if err := t.earlier.sameRun(&now, "suite", "seed", "tuning"); err != nil {
		return false, err
	}
	return t.searchFinished()
}

// readState makes the decisions of the earlier part again, which tells what comes
// next. They are read from the list of measurements rather than taken with the
// probes, because they rest on how long each took and in which process.
func (t *tuneTask) readState() error {
	past, saved, err := t.readProbes()
	if t.past = past; err != nil || saved == nil {
		return err
	}
	if saved.Tuning == nil {
		return usagef("--resume %q: its %s is of no search; start a new one", t.out, result.ResultsFile)
	}
	t.listed = saved.Tuning.Probes
	for _, p := range t.listed {
		t.number = max(t.number, p.Process+1)
	}
	return t.replay()
}

// errReplayed ends a search that only makes its decisions again.
var errReplayed = errors.New("the recorded probes are over")

// replay finds out what the recorded probes end before.
func (t *tuneTask) replay() error {
	err := t.newTuner(func(_ context.Context, trial tune.Trial) (tune.Reading, error) {
		t.next = trial
		return tune.Reading{}, errReplayed
	}).Run(context.Background())
	t.at = 0
	if errors.Is(err, errReplayed) || err == nil {
		return nil
	}
	return err
}

// newTuner is a search whose first measurements are the recorded ones.
func (t *tuneTask) newTuner(measure tune.TrialFunc) *tune.Tuner {
	race := tune.Race{Knobs: t.tuning.Knobs, Budget: time.Duration(t.tuning.BudgetS * float64(time.Second)), Pairs: t.tuning.Pairs,
		Told: func(result.TuningProbe) {
			if t.probes != nil && t.at >= len(t.listed) {
				t.saveErr = t.save(t.results())
			}
		}}
	for i := range t.tuning.Goals {
		race.Goals = append(race.Goals, t.tuning.Goals[i].Title())
	}
	t.tuner = tune.New(race, func(ctx context.Context, trial tune.Trial) (tune.Reading, error) {
		if t.at == len(t.listed) {
			return measure(ctx, trial)
		}
		p := t.listed[t.at]
		if p.Kind != trial.Kind || result.SettingsText(p.Settings) != result.SettingsText(trial.Settings) {
			return tune.Reading{}, usagef("--resume %q: probe %d is %s with %q, and this program would measure %s with %q; start a new search",
				t.dir.Path, t.at+1, p.Kind, result.SettingsText(p.Settings), trial.Kind, result.SettingsText(trial.Settings))
		}
		t.at++
		return t.reading(p), nil
	})
	return t.tuner
}

// reading is a probe as the search takes it.
func (t *tuneTask) reading(p result.TuningProbe) tune.Reading {
	out := tune.Reading{Failed: p.Failed, Took: time.Duration(p.TookS * float64(time.Second)), Probe: p}
	if p.Failed == "" && len(p.Values) == len(t.tuning.Goals) {
		for i := range p.Values {
			out.Costs = append(out.Costs, tune.Cost(&t.tuning.Goals[i], p.Values[i]))
		}
	}
	return out
}

// beginProcess sets the environment for the next probe.
func (t *tuneTask) beginProcess() error {
	p, err := withSettings(t.cmd, t.next.Settings)
	if err != nil {
		return err
	}
	t.env = ofProcess(t.next.Settings)
	return p.switches.Set()
}

// ofProcess is what of settings needs a process of its own, as text.
func ofProcess(own []result.Setting) string {
	return result.SettingsText(slices.DeleteFunc(slices.Clone(own), func(x result.Setting) bool { return x.Reach() < result.OfProcess }))
}

// nextProcess goes on with the search as --resume does.
func (t *tuneTask) nextProcess(ctx context.Context, results *result.Run) error {
	if err := t.saveTuned(results); err != nil {
		return err
	}
	return t.startAgain(ctx, results, fmt.Sprintf("process %d", t.number+2), []string{"tune", "--resume", t.dir.Path})
}

// fit finds out which settings there are to search.
func (t *tuneTask) fit(ctx context.Context, plans *planner, model *engine.Model) error {
	t.known = map[string]int{"": 0}
	if err := t.refusal(ctx, plans, model, nil); err != nil {
		return fmt.Errorf("the defaults can't run: %w", err)
	}
	if t.earlier != nil {
		return nil
	}
	knobs, skipped := t.asked, []result.SkippedKnob(nil)
	if knobs == nil {
		room := knobRoom{set: t.points[0], devices: engine.Devices(), cores: host.PhysicalCores("/"), cpus: runtime.NumCPU(), collectives: engine.ReadBuild().Collectives,
			env: environment(), quantKV: t.cmd.Bool("allow-kv-quant"), goals: t.tuning.Goals, input: t.shape.Input}
		knobs, skipped = room.knobs(t.cmd.IsSet)
	}
	for _, k := range knobs {
		left := result.TunedKnob{Name: k.Name, Values: k.Values[:1]}
		for i, v := range k.Values[1:] {
			if err := t.refusal(ctx, plans, model, []result.Setting{k.Setting(i + 1)}); err != nil {
				if ctx.Err() != nil {
					return err
				}
				skipped = append(skipped, result.SkippedKnob{Name: k.Setting(i + 1).String(), Why: "it can't run: " + err.Error()})
				continue
			}
			left.Values = append(left.Values, v)
		}
		if len(left.Values) > 1 {
			t.tuning.Knobs = append(t.tuning.Knobs, left)
		}
	}
	t.tuning.Skipped = skipped
	return t.tellKnobs()
}

// tellKnobs says what is searched and what is not. It is an error if nothing is
// left.
func (t *tuneTask) tellKnobs() error {
	for _, s := range t.tuning.Skipped {
		t.show.line("left out: %s: %s", s.Name, s.Why)
	}
	if len(t.tuning.Knobs) == 0 {
		return usagef("no setting is left to search for %s; name some with --search, or leave flags away that set them", t.tuning.Goals[0].Title())
	}
	for _, k := range t.tuning.Knobs {
		var values []string
		for _, v := range k.Values {
			values = append(values, v.Value)
		}
		t.show.line("searching %s: %s (default), %s", k.Name, values[0], strings.Join(values[1:], ", "))
	}
	return nil
}

// refusal says why settings can't run.
func (t *tuneTask) refusal(ctx context.Context, plans *planner, model *engine.Model, own []result.Setting) error {
	at, err := t.point(own)
	if err != nil {
		return err
	}
	for _, n := range tune.Loads(t.tuning.Goals) {
		cfg := t.plan(model)
		cfg.Suite = result.Suite{Name: t.suite.Name, Scenarios: []result.Scenario{t.scenario(n, own)}}
		cfg.Points, cfg.Resume = []bench.Point{t.benchPoint(at)}, nil
		refused, err := t.refusals(ctx, plans, cfg)
		if err := errors.Join(err, refused[0]); err != nil {
			return err
		}
	}
	return nil
}

// point is the place of settings among those that sessions are opened with.
func (t *tuneTask) point(own []result.Setting) (int, error) {
	text := result.SettingsText(own)
	if at, ok := t.known[text]; ok {
		return at, nil
	}
	p, err := withSettings(t.cmd, own)
	if err != nil {
		return 0, err
	}
	if p.split, err = p.planSplit(t.model); err != nil {
		return 0, err
	}
	p.session.Greedy = p.split.GreedyInBackend(p.sampling)
	t.known[text], t.points = len(t.points), append(t.points, p)
	if t.opener != nil {
		t.opener.points = t.points
	}
	return t.known[text], nil
}

func (t *tuneTask) measure(ctx context.Context, model *engine.Model) (*result.Run, error) {
	return t.instrumented(model, func(cfg bench.Config) (*result.Run, error) {
		cfg.Progress = t.told
		t.opener.points = t.points
		if t.earlier == nil {
			if err := t.size(ctx, cfg); err != nil {
				return nil, err
			}
		}
		t.probes = bench.NewProbes(cfg)
		t.past.GoOn(t.probes)
		err := t.newTuner(t.try).Run(ctx)
		t.done = err == nil
		results := t.results()
		if err != nil {
			results.PartialReason = bench.PartialReason(err)
			results.Tuning.Unfinished = results.PartialReason
		}
		return results, err
	})
}

// size gives a measurement as many requests as take about --probe, by a few steps
// of the engine, and tells whether the budget is enough for anything.
func (t *tuneTask) size(ctx context.Context, cfg bench.Config) error {
	now := time.Now()
	begin := now.Sub(t.last).Seconds()
	defer func() { t.last = t.last.Add(time.Since(now)) }() // no other process makes these steps
	cfg.Suite, cfg.Points = t.suite, t.benchPoints()
	var probe bench.Probe
	err := t.dog.during("probing", 0, func() (err error) {
		probe, err = bench.RunProbe(ctx, cfg)
		return err
	})
	if err != nil {
		return err
	}
	want, all := t.cmd.Duration("probe").Seconds(), 0.0
	for i := range t.suite.Scenarios {
		sc := &t.suite.Scenarios[i]
		took := probe.Seconds[i]
		if math.IsNaN(took) || took <= 0 {
			continue
		}
		const most = 100
		times := min(most, max(1, math.Ceil(want/took)))
		sc.Prompts *= int(times)
		all += took * times
	}
	if err := t.enough(begin, all); err != nil {
		return err
	}
	t.manifest.Suite = t.suite
	return result.SaveManifest(t.dir.File(result.ManifestFile), &t.manifest)
}

// enough tells whether the budget is for a race and its confirmation, where a
// measurement takes so many seconds, and to begin a process.
func (t *tuneTask) enough(begin, each float64) error {
	const baselines, race = 3, 4 // the fewest
	needs := time.Duration((begin + each*(baselines+race) + (begin+each)*float64(2*t.tuning.Pairs)) * float64(time.Second))
	budget := t.cmd.Duration("budget")
	t.show.line("a measurement takes about %s, to begin a process %s; %s to search in %s", result.Millis(1000*each), result.Millis(1000*begin),
		figure.Count(len(t.tuning.Knobs), "setting"), plainTime(budget))
	if needs <= budget {
		return nil
	}
	return usagef("--budget %s is too short: a measurement takes about %s and to begin a process %s, so that the defaults, the shortest race and the confirmation take %s; give --budget %s or more, a shorter --probe, --input or --output, or a lower --confirm",
		plainTime(budget), result.Millis(1000*each), result.Millis(1000*begin), left(needs), plainTime(needs.Round(time.Second)+time.Second))
}

// results are all that was measured, with what is known so far.
func (t *tuneTask) results() *result.Run { return t.with(t.probes.Results()) }

func (t *tuneTask) whole(part *result.Run) *result.Run {
	return t.with(t.probes.With(part))
}

func (t *tuneTask) with(r *result.Run) *result.Run {
	found := t.tuner.Answer()
	knobs := found.Knobs
	found.TuningPlan = *t.tuning
	found.Knobs = knobs
	r.Tuning = &found
	if !t.done {
		r.Partial = true
		if r.PartialReason == "" {
			r.PartialReason = "the search did not finish"
		}
	}
	found.Unfinished = r.PartialReason
	return r
}

// try measures once, in another process where that is needed.
func (t *tuneTask) try(ctx context.Context, trial tune.Trial) (tune.Reading, error) {
	if t.saveErr != nil {
		return tune.Reading{}, t.saveErr
	}
	if t.elsewhere(trial) {
		return tune.Reading{}, bench.ErrNextProcess
	}
	if trial.Wait > 0 {
		t.show.line("the machine drifts: waiting %s", plainTime(trial.Wait))
		select {
		case <-ctx.Done():
			return tune.Reading{}, fmt.Errorf("interrupted: %w", ctx.Err())
		case <-time.After(trial.Wait):
		}
	}
	p, err := t.probe(ctx, trial)
	if err != nil {
		return tune.Reading{}, err
	}
	t.made++
	p.Process, p.TookS = t.number, time.Since(t.last).Seconds()
	t.last = time.Now()
	return t.reading(p), nil
}

// elsewhere tells whether a trial is for another process: one that has measured
// nothing, or whose environment it needs.
func (t *tuneTask) elsewhere(trial tune.Trial) bool {
	return t.made > 0 && trial.Fresh || ofProcess(trial.Settings) != t.env
}

// probe runs the scenarios of a trial, one for each load.
func (t *tuneTask) probe(ctx context.Context, trial tune.Trial) (p result.TuningProbe, err error) {
	at, err := t.point(trial.Settings)
	if err != nil {
		return result.TuningProbe{Failed: err.Error()}, nil
	}
	worst := result.StateValid
	p.Values = make([]float64, len(t.tuning.Goals))
	for _, n := range tune.Loads(t.tuning.Goals) {
		sc := t.scenario(n, trial.Settings)
		e, records, err := t.probes.Measure(ctx, sc, func(cfg *bench.Config) { cfg.Points = []bench.Point{t.benchPoint(at)} })
		if err != nil {
			return p, err
		}
		p.Passes = append(p.Passes, result.ProbePass{Scenario: sc.Name, Pass: e.Detail.Pass})
		if v := e.Detail.Verdict; v != nil && v.State.Worse(worst) {
			worst = v.State
		}
		if p.Failed = t.values(p.Values, sc, &e, records); p.Failed != "" {
			p.Values = nil
			break
		}
	}
	p.Verdict = string(worst)
	return p, nil
}

// values takes the goals' figures of a load, or says why there are none.
func (t *tuneTask) values(into []float64, sc result.Scenario, e *result.Entry, records []result.Record) (failed string) {
	switch {
	case e.Result.Error != nil:
		return *e.Result.Error
	case e.Result.FailedRequests > 0:
		return fmt.Sprintf("%.0f of %d requests failed", e.Result.FailedRequests, e.Result.NumPrompts)
	}
	for i := range t.tuning.Goals {
		g := &t.tuning.Goals[i]
		if g.Concurrency != sc.Concurrency {
			continue
		}
		v, ok := tune.ValueOf(g, sc, e, records)
		if !ok {
			return "it has no figure for " + g.Title()
		}
		into[i] = v
	}
	return ""
}

// told shows how far a probe is.
func (t *tuneTask) told(e bench.Event) { t.tell(e.Name, e) }

func (t *tuneTask) conclude(c *cli.Command, results *result.Run, runErr error) error {
	found := results.Tuning
	err := t.saveTuned(results)
	if err = errors.Join(err, t.saveSearch(c, results, report.TuningText(results), result.TunedFile)); err != nil {
		return errors.Join(runErr, err)
	}
	if errors.Is(runErr, context.Canceled) {
		return codedError{exitInterrupted, fmt.Errorf("interrupted after %s; what is known is in %s, go on with --resume %q",
			figure.Count(len(found.Probes), "probe"), t.dir.Path, t.dir.Path)}
	}
	if missed := report.TuningMissed(results); runErr == nil && missed != "" {
		return codedError{exitInvalid, errors.New(missed)}
	}
	return runErr
}

// saveTuned writes tuned.yaml: the settings that were found, with those that stand on
// the command line, and where they come from.
func (t *tuneTask) saveTuned(results *result.Run) error {
	found := results.Tuning
	own := slices.Clone(found.Winner())
	for _, name := range result.SettingNames() {
		if !t.cmd.IsSet(name) || slices.ContainsFunc(own, func(x result.Setting) bool { return x.Name == name }) {
			continue
		}
		own = append(own, result.Setting{Name: name, Value: t.defaultOf(name)})
	}
	result.SortSettings(own)
	f := result.SettingsFile{Model: t.info.ModelFile, SHA256: t.info.ModelSHA256, Hardware: results.Hardware, Engine: engineRelease(&t.info),
		TunedFor: report.TuningGoals(found), Outcome: report.TuningOutcome(found), Settings: own}
	text := suite.SettingsYAML(f, "Written by `ceiling tune`, for `ceiling run --settings "+result.TunedFile+"`.")
	return outfile.Write(t.dir.File(result.TunedFile), text)
}
