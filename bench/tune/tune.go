// Package tune searches the settings with which an engine is fastest, by racing
// the values of one setting after the other. What to measure next, and what
// follows from it, is a function of what was measured: there is no clock and no
// engine here, so that a search that was ended goes on from its list of
// measurements.
package tune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"ceiling/bench/result"
)

// Race says what is searched.
type Race struct {
	// Goals name the figures of a measurement: the first is to become faster, the
	// others not slower.
	Goals []string
	// Knobs are raced in this order. Of each the first value is the default.
	Knobs []result.TunedKnob
	// Budget is the time for all; 0: as long as it takes.
	Budget time.Duration
	// Pairs of measurements confirm the winner; 0: none.
	Pairs int
	// Told hears of each measurement once it counts; nil: nobody does.
	Told func(result.TuningProbe)
}

// Trial is what to measure.
type Trial struct {
	Kind     string // as of [result.TuningProbe]
	Knob     string
	Settings []result.Setting // beside the defaults
	Wait     time.Duration    // before it
	Fresh    bool             // by a process that has measured nothing
}

// Reading is what was measured: one cost by goal, of which less is faster, and
// which goes with the time that something takes; or why there is none.
type Reading struct {
	Costs  []float64
	Failed string
	Took   time.Duration // since the reading before
	// Probe is how it is written down; the tuner fills in what it asked for.
	Probe result.TuningProbe
}

// TrialFunc measures. Its error ends the search.
type TrialFunc func(ctx context.Context, t Trial) (Reading, error)

// How a race goes. The three limits of drift are shares of the defaults' cost.
const (
	leastRounds, mostRounds = 2, 6
	baselineEvery           = 4
	driftWaits, driftDrops  = 0.03, 0.10
	patience                = 3 // waits for a machine to come back
	firstWait               = 2 * time.Second
	sweeps                  = 2    // over all knobs
	alike                   = 0.01 // what is within it of the best is as fast
)

// ErrDefaults says that the defaults can't be measured, and nothing compared with
// them.
var ErrDefaults = errors.New("the defaults can't be measured")

// Tuner is a search.
type Tuner struct {
	race    Race
	measure TrialFunc

	probes  []result.TuningProbe
	spent   time.Duration
	chosen  []int // value of each knob
	knobs   []result.TunedKnob
	level   []float64   // the defaults' log cost now, by goal
	normal  [][]float64 // the defaults' measurements at this level
	noise   []spread    // of all races and the one that runs, by goal
	since   []sample    // the samples after the last baseline that was as before
	notes   []string
	drifted int // how often what came since was dropped
	confirm *result.Confirmation
}

// New prepares a search.
func New(race Race, measure TrialFunc) *Tuner {
	t := &Tuner{race: race, measure: measure, chosen: make([]int, len(race.Knobs)), noise: make([]spread, len(race.Goals))}
	for _, k := range race.Knobs {
		k.Values = slices.Clone(k.Values)
		t.knobs = append(t.knobs, k)
	}
	return t
}

// errBudget ends the races when what is left is for the confirmation.
var errBudget = errors.New("the budget is over")

// Run searches. With an error, which is the measurement's or wraps ErrDefaults,
// there is an answer from what was measured.
func (t *Tuner) Run(ctx context.Context) error {
	err := t.search(ctx)
	if errors.Is(err, errBudget) {
		t.notes = append(t.notes, "the budget ended the search before every knob was done")
		err = nil
	}
	if err != nil {
		return err
	}
	return t.confirmBest(ctx)
}

// Answer is what is known so far.
func (t *Tuner) Answer() result.Tuning {
	out := result.Tuning{Best: t.settings(-1, 0), Notes: slices.Clone(t.notes), Probes: slices.Clone(t.probes)}
	out.Knobs = make([]result.TunedKnob, len(t.knobs))
	for i, k := range t.knobs {
		out.Knobs[i] = k
		out.Knobs[i].Values = slices.Clone(k.Values)
	}
	if t.confirm != nil {
		c := *t.confirm
		out.Confirmation = &c
	}
	return out
}

// search races every knob, and again those that others have changed since.
func (t *Tuner) search(ctx context.Context) error {
	for range 3 {
		y, err := t.baseline(ctx, 0)
		if err != nil {
			return err
		}
		t.normal = append(t.normal, y)
	}
	t.level = middle(t.normal)
	raced := make([][]int, len(t.knobs)) // the other choices when it was
	for range sweeps {
		for i := range t.knobs {
			if raced[i] != nil && sameBut(i, raced[i], t.chosen) {
				continue
			}
			raced[i] = slices.Clone(t.chosen)
			if err := t.raceKnob(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameBut tells whether two choices differ in the i-th at most.
func sameBut(i int, a, b []int) bool {
	for k := range a {
		if k != i && a[k] != b[k] {
			return false
		}
	}
	return true
}

// settings are the choices so far, with a value of one knob in its place; knob < 0:
// none.
func (t *Tuner) settings(knob, value int) []result.Setting {
	out := []result.Setting{}
	for i := range t.knobs {
		v := t.chosen[i]
		if i == knob {
			v = value
		}
		if v > 0 {
			out = append(out, t.knobs[i].Setting(v))
		}
	}
	result.SortSettings(out)
	return out
}

// try measures, unless the time for it is over.
func (t *Tuner) try(ctx context.Context, trial Trial) (y []float64, failed string, err error) {
	if trial.Kind != result.ProbeConfirm && t.race.Budget > 0 && t.spent+trial.Wait+t.typical(trial.Kind)+t.reserve() > t.race.Budget && len(t.probes) > 0 {
		return nil, "", errBudget
	}
	r, err := t.measure(ctx, trial)
	if err != nil {
		return nil, "", err
	}
	t.spent += r.Took
	p := r.Probe
	p.Kind, p.Knob, p.Settings, p.Failed = trial.Kind, trial.Knob, trial.Settings, r.Failed
	p.WaitS, p.TookS, p.Dropped = trial.Wait.Seconds(), r.Took.Seconds(), false
	t.probes = append(t.probes, p)
	if t.race.Told != nil {
		t.race.Told(p)
	}
	for _, c := range r.Costs {
		y = append(y, math.Log(c))
	}
	if r.Failed == "" && len(y) != len(t.race.Goals) {
		return nil, "", fmt.Errorf("a measurement has \"%d\" figures, and there are %d goals", len(y), len(t.race.Goals))
	}
	return y, r.Failed, nil
}

// typical is how long a measurement of a kind takes, by the ones so far.
func (t *Tuner) typical(kind string) time.Duration {
	var sum float64
	n := 0
	for i, p := range t.probes {
		if p.Kind == kind && i > 0 {
			sum, n = sum+p.TookS-p.WaitS, n+1
		}
	}
	if n == 0 {
		return 0
	}
	return time.Duration(sum / float64(n) * float64(time.Second))
}

// reserve is the time that the confirmation is expected to take, half of all at
// most. The first measurement began a process too.
func (t *Tuner) reserve() time.Duration {
	if len(t.probes) == 0 {
		return 0
	}
	return min(t.race.Budget/2, time.Duration(2*t.race.Pairs)*time.Duration(t.probes[0].TookS*float64(time.Second)))
}

// baseline measures the defaults.
func (t *Tuner) baseline(ctx context.Context, wait time.Duration) ([]float64, error) {
	y, failed, err := t.try(ctx, Trial{Kind: result.ProbeBaseline, Settings: []result.Setting{}, Wait: wait})
	if err == nil && failed != "" {
		err = fmt.Errorf("%w: %s", ErrDefaults, failed)
	}
	return y, err
}
