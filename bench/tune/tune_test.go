package tune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ceiling/bench/result"
)

// machine measures thirty settings, six of one knob by five of another, of which
// one is the fastest by 4 % or more, with noise and, from a probe to another, a
// neighbour that makes everything slower.
type machine struct {
	rng      *rand.Rand
	a, b     []float64 // log costs of the values
	together float64   // what the best pair saves beyond both
	best     [2]int
	noise    float64
	slow     float64 // log cost of the neighbour
	from, to int     // probes
	probes   int
}

func (m *machine) at(settings []result.Setting) (i, k int) {
	for _, s := range settings {
		n, _ := strconv.Atoi(s.Value)
		if s.Name == "threads" {
			i = n
		} else {
			k = n
		}
	}
	return i, k
}

func (m *machine) measure(_ context.Context, t Trial) (Reading, error) {
	i, k := m.at(t.Settings)
	y := m.a[i] + m.b[k] + m.noise*m.rng.NormFloat64()
	if i == m.best[0] && k == m.best[1] {
		y -= m.together
	}
	if m.probes >= m.from && m.probes < m.to {
		y += m.slow
	}
	m.probes++
	return Reading{Costs: []float64{math.Exp(y)}, Took: time.Second + t.Wait}, nil
}

// planted is a machine with a best setting at a random place. The best value of
// each knob is 4 % faster than the next one.
func planted(rng *rand.Rand, noise float64) *machine {
	m := &machine{rng: rng, noise: noise, best: [2]int{rng.IntN(6), rng.IntN(5)}, together: 0.02}
	costs := func(n, best int) []float64 {
		out := make([]float64, n)
		for i := range out {
			if i != best {
				out[i] = 0.04 + 0.3*rng.Float64()
			}
		}
		return out
	}
	m.a, m.b = costs(6, m.best[0]), costs(5, m.best[1])
	return m
}

func knobs() []result.TunedKnob {
	return []result.TunedKnob{knob("threads", 6), knob("ubatch", 5)}
}

func knob(name string, values int) result.TunedKnob {
	k := result.TunedKnob{Name: name}
	for v := range values {
		k.Values = append(k.Values, result.TunedValue{Value: strconv.Itoa(v)})
	}
	return k
}

// hunt searches on a machine, and returns the place that it came to.
func hunt(t *testing.T, m *machine, pairs int) (*Tuner, [2]int) {
	t.Helper()
	tuner := New(Race{Goals: []string{"decode"}, Knobs: knobs(), Pairs: pairs}, m.measure)
	if err := tuner.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	i, k := m.at(tuner.Answer().Best)
	return tuner, [2]int{i, k}
}

const (
	hunts = 100
	// grid is how many measurements all thirty settings take in three passes, the
	// fewest of which a mean has an interval that is good for anything.
	grid = 3 * 30
)

// The best of thirty settings is found through noise, with fewer measurements than
// a grid, the baselines among them, and confirmed.
func TestPlanted(t *testing.T) {
	for _, noise := range []float64{0.005, 0.02} {
		found, confirmed := 0, 0
		for n := range uint64(hunts) {
			m := planted(rand.New(rand.NewPCG(7, n)), noise)
			tuner, at := hunt(t, m, 5)
			a := tuner.Answer()
			if at == m.best {
				found++
			}
			if len(a.Best) == 0 || a.Confirmation.Confirmed {
				confirmed++
			}
			confirming := 0
			if a.Confirmation != nil {
				confirming = 2 * a.Confirmation.Pairs
			}
			if searching := m.probes - confirming; searching >= grid || len(a.Probes) != m.probes {
				t.Errorf("noise %v, search %d: %d measurements, %d of all in the list; a grid takes %d", noise, n, searching, len(a.Probes), grid)
			}
		}
		t.Logf("noise %v: %d of %d found, %d confirmed", noise, found, hunts, confirmed)
		if found < 95 || confirmed < 95 {
			t.Errorf("noise %v: found in %d, confirmed in %d of %d searches", noise, found, confirmed, hunts)
		}
	}
}

// naive measures each setting once, one after the other, and takes the fastest.
func naive(m *machine) (best [2]int) {
	lowest := math.Inf(1)
	for i := range m.a {
		for k := range m.b {
			r, _ := m.measure(context.Background(), Trial{Settings: []result.Setting{{Name: "threads", Value: strconv.Itoa(i)}, {Name: "ubatch", Value: strconv.Itoa(k)}}})
			if r.Costs[0] < lowest {
				lowest, best = r.Costs[0], [2]int{i, k}
			}
		}
	}
	return best
}

// A neighbour that comes and goes while the search runs hides the best setting from
// a search that does not look at the defaults again, not from this one.
func TestNeighbour(t *testing.T) {
	at := func(n uint64) *machine {
		m := planted(rand.New(rand.NewPCG(11, n)), 0.005)
		m.slow, m.from = 0.25, 4+m.rng.IntN(12)
		m.to = m.from + 8 + m.rng.IntN(12)
		return m
	}
	found, byNaive, dropped := 0, 0, 0
	for n := range uint64(hunts) {
		m := at(n)
		tuner, best := hunt(t, m, 0)
		if best == m.best {
			found++
		}
		if slices.ContainsFunc(tuner.Answer().Probes, func(p result.TuningProbe) bool { return p.Dropped }) {
			dropped++
		}
		if m = at(n); naive(m) == m.best {
			byNaive++
		}
	}
	t.Logf("found in %d of %d searches, by measuring once in %d; probes were dropped in %d", found, hunts, byNaive, dropped)
	if found < 95 || byNaive >= 80 || dropped < 90 {
		t.Errorf("found in %d of %d searches, by measuring once in %d; probes were dropped in %d", found, hunts, byNaive, dropped)
	}
}

// A machine that becomes slower for good is measured on from there.
func TestSlowerForGood(t *testing.T) {
	m := planted(rand.New(rand.NewPCG(3, 1)), 0.002)
	m.slow, m.from, m.to = 0.3, 8, 1<<20
	tuner, best := hunt(t, m, 0)
	notes := strings.Join(tuner.Answer().Notes, "\n")
	if best != m.best || !strings.Contains(notes, "the defaults became 26 % slower and stayed there") {
		t.Errorf("%v, want %v: %s", best, m.best, notes)
	}
	waited := 0.0
	for _, p := range tuner.Answer().Probes {
		waited += p.WaitS
	}
	if waited != 14 {
		t.Errorf("waited %v s", waited)
	}
}

// Where no setting is faster the defaults stay, but for the few that noise makes
// look faster; and those are not confirmed.
func TestNothingFaster(t *testing.T) {
	won, confirmed := 0, 0
	for n := range uint64(hunts) {
		m := &machine{rng: rand.New(rand.NewPCG(5, n)), a: make([]float64, 6), b: make([]float64, 5), noise: 0.02}
		tuner, _ := hunt(t, m, 5)
		a := tuner.Answer()
		if len(a.Best) == 0 {
			if a.Confirmation != nil || a.Winner() != nil {
				t.Fatalf("%+v", a)
			}
			continue
		}
		won++
		if a.Confirmation.Confirmed {
			confirmed++
		} else if a.Winner() != nil || a.Confirmation.Why == "" {
			t.Errorf("not confirmed, and yet %v: %+v", a.Winner(), a.Confirmation)
		}
	}
	t.Logf("%d of %d searches found something, %d confirmed it", won, hunts, confirmed)
	if confirmed > 3 {
		t.Errorf("%d of %d searches confirmed what is not faster", confirmed, hunts)
	}
}

// scripted measures by a function of the settings, without noise.
func scripted(of func(settings string) ([]float64, string)) TrialFunc {
	return func(_ context.Context, t Trial) (Reading, error) {
		costs, failed := of(result.SettingsText(t.Settings))
		return Reading{Costs: costs, Failed: failed, Took: time.Second + t.Wait}, nil
	}
}

// What is faster for one goal and slower for another is not taken.
func TestGuard(t *testing.T) {
	tuner := New(Race{Goals: []string{"decode", "prefill"}, Knobs: []result.TunedKnob{knob("ubatch", 3)}, Pairs: 2}, scripted(func(s string) ([]float64, string) {
		return map[string][]float64{"": {1, 1}, "ubatch=1": {0.5, 1.2}, "ubatch=2": {0.9, 1}}[s], ""
	}))
	if err := tuner.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := tuner.Answer()
	if result.SettingsText(a.Best) != "ubatch=2" || a.Knobs[0].Values[1].Out != "prefill is slower" || !a.Confirmation.Confirmed {
		t.Errorf("%+v", a)
	}
	if r := a.Knobs[0].Values[2].Ratios; len(r) != 2 || math.Abs(r[0].Value-1/0.9) > 1e-9 || math.Abs(r[1].Value-1) > 1e-9 {
		t.Errorf("ratios %+v", r)
	}
}

// A value that can't be measured leaves the race; defaults that can't be measured
// end the search.
func TestFailures(t *testing.T) {
	run := func(of func(s string) ([]float64, string)) (result.Tuning, error) {
		tuner := New(Race{Goals: []string{"decode"}, Knobs: []result.TunedKnob{knob("ubatch", 3)}, Pairs: 2}, scripted(of))
		err := tuner.Run(t.Context())
		return tuner.Answer(), err
	}
	a, err := run(func(s string) ([]float64, string) {
		if s == "ubatch=1" {
			return nil, "no memory"
		}
		return map[string][]float64{"": {1}, "ubatch=2": {0.9}}[s], ""
	})
	if err != nil || result.SettingsText(a.Best) != "ubatch=2" || a.Knobs[0].Values[1].Out != "failed: no memory" || a.Knobs[0].Values[1].Ratios != nil {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err = run(func(string) ([]float64, string) { return nil, "no memory" }); !errors.Is(err, ErrDefaults) || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("%v", err)
	}
	confirms := 0
	a, err = run(func(s string) ([]float64, string) {
		if s != "" {
			confirms++
		}
		if confirms > 4+2 { // two rounds of two values and a third one of the winner
			return nil, "gone"
		}
		return map[string][]float64{"": {1}, "ubatch=1": {1.1}, "ubatch=2": {0.9}}[s], ""
	})
	if err != nil || a.Confirmation == nil {
		t.Errorf("%+v, %v", a, err)
	}
}

// The budget ends the races in time for the confirmation.
func TestBudget(t *testing.T) {
	m := planted(rand.New(rand.NewPCG(1, 1)), 0.01)
	m.best, m.a[0], m.a[1] = [2]int{1, 0}, 0.3, 0
	tuner := New(Race{Goals: []string{"decode"}, Knobs: knobs(), Pairs: 3, Budget: 40 * time.Second}, m.measure)
	if err := tuner.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := tuner.Answer()
	if m.probes > 40 || m.probes < 35 || a.Confirmation == nil || !a.Confirmation.Confirmed || !strings.Contains(strings.Join(a.Notes, " "), "the budget ended the search") {
		t.Errorf("%d probes: %+v", m.probes, a)
	}
	if a.Knobs[1].Rounds > 1 {
		t.Errorf("the second knob had %d rounds", a.Knobs[1].Rounds)
	}
}

// A search that is ended anywhere goes on from its list of measurements to the same
// answer, and with an answer so far wherever it was ended.
func TestResumed(t *testing.T) {
	at := func() *machine {
		m := planted(rand.New(rand.NewPCG(9, 4)), 0.02)
		m.slow, m.from, m.to = 0.25, 11, 16
		return m
	}
	race := Race{Goals: []string{"decode"}, Knobs: knobs(), Pairs: 3, Budget: 70 * time.Second}
	var readings []Reading
	m := at()
	whole := New(race, func(ctx context.Context, trial Trial) (Reading, error) {
		r, err := m.measure(ctx, trial)
		readings = append(readings, r)
		return r, err
	})
	if err := whole.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%+v", whole.Answer())
	stop := errors.New("stop")
	for ends := range len(readings) {
		k := 0
		until := func(end int) TrialFunc {
			k = 0
			return func(context.Context, Trial) (Reading, error) {
				if k == end {
					return Reading{}, stop
				}
				k++
				return readings[k-1], nil
			}
		}
		part := New(race, until(ends))
		if err := part.Run(t.Context()); !errors.Is(err, stop) || len(part.Answer().Probes) != ends {
			t.Fatalf("ended before %d: %v, %d probes", ends, err, len(part.Answer().Probes))
		}
		again := New(race, until(len(readings)))
		if err := again.Run(t.Context()); err != nil || fmt.Sprintf("%+v", again.Answer()) != want {
			t.Fatalf("gone on before %d: %v", ends, err)
		}
	}
}
