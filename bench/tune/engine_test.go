package tune_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/bench/tune"
)

// tuned is an engine in virtual time that is as fast as its settings make it, give
// or take noise of every step.
type tuned struct {
	slower []float64 // by the number of the settings: six of one knob times five of another
	now    int
	noise  float64
	rng    *rand.Rand
	steps  int
}

func (e *tuned) Open(_ context.Context, spec bench.SessionSpec) (bench.Engine, error) {
	e.now = spec.Engine
	return e, nil
}

func (e *tuned) Step(_ context.Context, b *bench.StepBatch) error {
	e.steps++
	const base = 2 * time.Millisecond
	// The sleep of a goroutine with a thread of its own takes two changes of threads.
	runtime.UnlockOSThread()
	defer runtime.LockOSThread()
	time.Sleep(time.Duration(float64(base) * e.slower[e.now] * max(0.1, 1+e.noise*e.rng.NormFloat64())))
	for _, want := range b.Want {
		if want == 1 {
			b.Out = append(b.Out, 1)
		}
	}
	return nil
}

func (e *tuned) RemoveSeq(_, _ int32) error  { return nil }
func (e *tuned) CopySeq(_, _, _ int32) error { return nil }
func (e *tuned) BatchLimit() int             { return 4096 }
func (e *tuned) Close() error                { return nil }

const values, others = 6, 5

// number is that of settings.
func number(own []result.Setting) (n int) {
	for _, s := range own {
		v, _ := strconv.Atoi(s.Value)
		if s.Name == "threads" {
			v *= others
		}
		n += v
	}
	return n
}

// planted has one setting of thirty that is the fastest, each of its two values by
// 4 % or more.
func planted(rng *rand.Rand) (e *tuned, best int) {
	e = &tuned{noise: 0.05, rng: rng, slower: make([]float64, values*others)}
	costs := func(n int) (out []float64, best int) {
		best = rng.IntN(n)
		for i := range n {
			c := 0.0
			if i != best {
				c = 0.04 + 0.3*rng.Float64()
			}
			out = append(out, c)
		}
		return out, best
	}
	a, bestA := costs(values)
	b, bestB := costs(others)
	for i := range e.slower {
		e.slower[i] = math.Exp(a[i/others] + b[i%others])
	}
	return e, bestA*others + bestB
}

func knob(name string, n int) result.TunedKnob {
	k := result.TunedKnob{Name: name}
	for v := range n {
		k.Values = append(k.Values, result.TunedValue{Value: strconv.Itoa(v)})
	}
	return k
}

// search tunes the engine with the scheduler, the clock and the metrics of a run,
// and returns the number of the settings that it came to.
func search(t *testing.T, e *tuned) int {
	t.Helper()
	vocab := suite.Vocab{Size: 1 << 12}
	for id := range int32(1 << 12) {
		vocab.Allowed = append(vocab.Allowed, id)
	}
	goals, err := tune.ParseGoals("decode", "auto")
	if err != nil {
		t.Fatal(err)
	}
	probes := bench.NewProbes(bench.Config{Suite: result.Suite{Name: "tune"}, Opener: e, Vocab: vocab, NoWarmup: true})
	tuner := tune.New(tune.Race{Goals: []string{"decode", "prefill"}, Knobs: []result.TunedKnob{knob("threads", values), knob("ubatch", others)}},
		func(ctx context.Context, trial tune.Trial) (tune.Reading, error) {
			begin := time.Now()
			time.Sleep(trial.Wait)
			sc := result.Scenario{Name: fmt.Sprint(number(trial.Settings)), Input: 4, Output: 9, Concurrency: 1, Prompts: 5, Settings: trial.Settings}
			e, records, err := probes.Measure(ctx, sc, func(cfg *bench.Config) { cfg.Points = []bench.Point{{Engine: number(trial.Settings)}} })
			r := tune.Reading{Took: time.Since(begin)}
			for i := range goals {
				v, ok := tune.ValueOf(&goals[i], sc, &e, records)
				if !ok {
					r.Failed = "no figure"
				}
				r.Costs = append(r.Costs, tune.Cost(&goals[i], v))
			}
			return r, err
		})
	if err := tuner.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return number(tuner.Answer().Best)
}

// The best of thirty settings of the fake engine is found through noise on every
// step, in fewer steps than a grid of three passes takes.
func TestPlantedOnEngine(t *testing.T) {
	const searches, grid = 100, 3 * values * others
	found, most := 0, 0
	for n := range uint64(searches) {
		synctest.Test(t, func(t *testing.T) {
			e, best := planted(rand.New(rand.NewPCG(n, 24)))
			if search(t, e) == best {
				found++
			}
			most = max(most, e.steps)
		})
	}
	const perProbe = 5 * 9 // a step for each token
	t.Logf("found in %d of %d searches with at most %d steps; a grid has %d", found, searches, most, grid*perProbe)
	if found < 95 || most >= grid*perProbe {
		t.Errorf("found in %d of %d searches with at most %d steps; a grid has %d", found, searches, most, grid*perProbe)
	}
}
