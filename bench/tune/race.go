package tune

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"ceiling/bench/result"
)

// sample is a place in a race, and the probe that filled it.
type sample struct{ value, round, probe int }

// heat is the race of one knob's values.
type heat struct {
	knob  int
	alive []int         // values
	logs  [][][]float64 // by value, round and goal, above the level of the time; nil: none
	out   []string      // by value
	// before is the noise of the races before, with that of the values that left
	// this one, by goal.
	before []spread
}

// raceKnob measures all values of a knob in rounds, the losers leaving, and takes
// the fastest: another than the present one only where the interval says that it
// is faster.
func (t *Tuner) raceKnob(ctx context.Context, knob int) error {
	k := &t.knobs[knob]
	h := &heat{knob: knob, logs: make([][][]float64, len(k.Values)), out: make([]string, len(k.Values)), before: slices.Clone(t.noise)}
	for v := range k.Values {
		h.alive = append(h.alive, v)
		h.logs[v] = make([][]float64, mostRounds)
	}
	k.Beside = slices.DeleteFunc(t.settings(-1, 0), func(s result.Setting) bool { return s.Name == k.Name })
	t.since = nil
	var err error
	rounds := 0
	for rounds < mostRounds && !t.decided(h, rounds) {
		if err = t.round(ctx, h, rounds); err != nil {
			break
		}
		if rounds++; rounds >= leastRounds {
			if err = t.check(ctx, h); err != nil {
				break
			}
			t.cull(h, rounds)
		}
	}
	t.finish(h, rounds)
	return err
}

// round measures each value that is left once, beginning with another one each
// time.
func (t *Tuner) round(ctx context.Context, h *heat, round int) error {
	order := slices.Concat(h.alive[round%len(h.alive):], h.alive[:round%len(h.alive)])
	for _, v := range order {
		if err := t.fill(ctx, h, v, round); err != nil {
			return err
		}
		if len(t.since) >= baselineEvery {
			if err := t.check(ctx, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill measures a value in a round.
func (t *Tuner) fill(ctx context.Context, h *heat, v, round int) error {
	if !slices.Contains(h.alive, v) { // it has failed when it was measured again
		return nil
	}
	k := &t.knobs[h.knob]
	y, failed, err := t.try(ctx, Trial{Kind: result.ProbeRace, Knob: k.Name, Settings: t.settings(h.knob, v)})
	if err != nil {
		return err
	}
	if failed != "" {
		if v == t.chosen[h.knob] {
			return fmt.Errorf("%w any more: %s", ErrDefaults, failed)
		}
		h.drop(v, "failed: "+failed)
		return nil
	}
	for g := range y {
		y[g] -= t.level[g]
	}
	h.logs[v][round] = y
	t.since = append(t.since, sample{v, round, len(t.probes) - 1})
	return nil
}

// drop takes a value out of the race.
func (h *heat) drop(v int, why string) {
	h.alive = slices.DeleteFunc(h.alive, func(a int) bool { return a == v })
	h.out[v] = why
}

// check measures the defaults again. Where they are not what they were, it waits
// for them to come back; where they were far off, or don't come back, what came
// since they were last as before is measured again.
func (t *Tuner) check(ctx context.Context, h *heat) error {
	for len(t.since) > 0 {
		ok, err := t.steady(ctx)
		if err != nil {
			return err
		}
		again := t.since
		t.since = nil
		if ok {
			return nil
		}
		t.drifted++
		for _, s := range again {
			t.probes[s.probe].Dropped = true
			h.logs[s.value][s.round] = nil
		}
		if t.drifted > mostDrops {
			return fmt.Errorf("%w: the machine drifted by more than %.0f %% %d times", errBudget, 100*driftDrops, t.drifted)
		}
		for _, s := range again {
			if err := t.fill(ctx, h, s.value, s.round); err != nil {
				return err
			}
		}
	}
	return nil
}

// mostDrops bounds a search on a machine that never comes to rest.
const mostDrops = 20

// steady tells whether what was measured since the last baseline counts.
func (t *Tuner) steady(ctx context.Context) (bool, error) {
	waits, drops := t.limits()
	first, err := t.baseline(ctx, 0)
	if err != nil {
		return false, err
	}
	off := math.Abs(first[0] - t.level[0])
	if off <= waits {
		t.accept(first)
		return true, nil
	}
	var since [][]float64
	for n := range patience {
		y, err := t.baseline(ctx, firstWait<<n)
		if err != nil {
			return false, err
		}
		if math.Abs(y[0]-t.level[0]) <= waits {
			t.accept(y)
			return off <= drops, nil
		}
		since = append(since, y)
	}
	moved := middle(since)
	t.notes = append(t.notes, fmt.Sprintf("the defaults became %s and stayed there: what was measured since was measured again", change(moved[0]-t.level[0])))
	t.level, t.normal = moved, since
	return false, nil
}

// accept takes a measurement of the defaults as one more of the same.
func (t *Tuner) accept(y []float64) {
	t.normal = append(t.normal, y)
	t.level = middle(t.normal)
}

// limits are the drifts that are waited with and that drop what came since: what
// is within the noise of a measurement is no drift.
func (t *Tuner) limits() (waits, drops float64) {
	s := t.noise[0].deviation()
	return max(driftWaits, 2*s), max(driftDrops, 4*s)
}

// cull lets those leave of which the intervals say that they are slower than the
// best, or that they make another goal slower.
func (t *Tuner) cull(h *heat, rounds int) {
	all := make([]spread, len(t.noise))
	for g := range t.noise {
		all[g] = h.residuals(g, rounds)
		t.noise[g] = h.before[g].and(all[g])
	}
	t.dropHarmful(h, rounds)
	best := h.best(rounds)
	for _, v := range slices.Clone(h.alive) {
		needs := confidence
		if v == t.chosen[h.knob] {
			needs = sure
		}
		if v != best && t.between(h, v, best, 0, rounds).above(needs) {
			h.drop(v, "slower")
		}
	}
	for g := range t.noise {
		left := h.residuals(g, rounds)
		h.before[g] = h.before[g].and(spread{all[g].squares - left.squares, all[g].freedom - left.freedom})
	}
}

// dropHarmful lets those leave that make another goal slower than it is with the
// present value, and than the defaults have it.
func (t *Tuner) dropHarmful(h *heat, rounds int) {
	now := t.chosen[h.knob]
	for _, v := range slices.Clone(h.alive) {
		for g := 1; g < len(t.race.Goals) && v != now; g++ {
			if t.between(h, v, now, g, rounds).above(confidence) && h.meanOf(v, g, rounds) > 0 {
				h.drop(v, t.race.Goals[g]+" is slower")
				break
			}
		}
	}
}

// decided tells whether more rounds would change nothing.
func (t *Tuner) decided(h *heat, rounds int) bool {
	if len(h.alive) < 2 {
		return true
	}
	if rounds <= leastRounds {
		return false
	}
	best := h.best(rounds)
	return !slices.ContainsFunc(h.alive, func(v int) bool {
		_, hi := t.between(h, v, best, 0, rounds).interval(confidence)
		return v != best && hi > alike
	})
}

// best is the value, of those that are left, with the lowest cost.
func (h *heat) best(rounds int) int {
	return slices.MinFunc(h.alive, func(a, b int) int { return cmp.Compare(h.meanOf(a, 0, rounds), h.meanOf(b, 0, rounds)) })
}

// finish chooses, and writes down what each value was worth.
func (t *Tuner) finish(h *heat, rounds int) {
	k := &t.knobs[h.knob]
	now := t.chosen[h.knob]
	if rounds >= leastRounds && len(h.alive) > 0 {
		best := h.best(rounds)
		if best != now && t.between(h, now, best, 0, rounds).above(sure) {
			t.chosen[h.knob] = best
		}
	}
	k.Chosen, k.Rounds = t.chosen[h.knob], rounds
	for v := range k.Values {
		k.Values[v].Out, k.Values[v].Rounds, k.Values[v].Ratios = h.out[v], len(h.both(v, 0, 0, rounds)), nil
		if v == 0 {
			k.Values[v].Rounds = rounds
			continue
		}
		for g := range t.race.Goals {
			if d := t.between(h, v, 0, g, rounds); d.n > 0 {
				k.Values[v].Ratios = append(k.Values[v].Ratios, d.ratio())
			}
		}
	}
	if t.chosen[h.knob] != now {
		t.since = nil
	}
}

// confirmBest holds the choices against the defaults in processes of their own,
// now one and now the other first.
func (t *Tuner) confirmBest(ctx context.Context) error {
	best := t.settings(-1, 0)
	if len(best) == 0 || t.race.Pairs == 0 {
		return nil
	}
	t.confirm = &result.Confirmation{Why: "the confirmation is not done"}
	diffs := make([][]float64, len(t.race.Goals))
	for pair := range t.race.Pairs {
		var y [2][]float64 // the defaults, the best
		for n := range 2 {
			which := (n + pair) % 2
			trial := Trial{Kind: result.ProbeConfirm, Settings: [2][]result.Setting{{}, best}[which], Fresh: true}
			logs, failed, err := t.try(ctx, trial)
			if err != nil {
				return err
			}
			if failed != "" {
				t.confirm.Why = "a measurement failed: " + failed
				return nil
			}
			y[which] = logs
		}
		for g := range diffs {
			diffs[g] = append(diffs[g], y[1][g]-y[0][g])
		}
		t.confirm.Pairs++
		t.confirm.Ratios = nil
		for g := range diffs {
			t.confirm.Ratios = append(t.confirm.Ratios, paired(diffs[g]).ratio())
		}
	}
	t.confirm.Confirmed, t.confirm.Why = t.confirmed(t.confirm.Ratios)
	return nil
}

// slack is how much slower the mean of another goal may be where its interval
// does not say that it is: no more than the drift that is let through.
const slack = driftWaits

// confirmed says whether ratios confirm the best, or why they do not.
func (t *Tuner) confirmed(ratios []result.SpeedRatio) (bool, string) {
	if !ratios[0].Faster() {
		return false, "its interval does not say that it is faster than the defaults"
	}
	for g, r := range ratios {
		if r.Slower() || r.Value < 1-slack {
			return false, t.race.Goals[g] + " is slower than with the defaults"
		}
	}
	return true, ""
}
