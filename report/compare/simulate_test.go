package compare

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// noisyEngine is an engine whose steps take what a machine's do: each process is
// a little faster or slower than the next, each pass a little besides, each step
// jitters, and now and then one is held up. It sleeps, so it belongs into a
// bubble of virtual time.
type noisyEngine struct {
	rng   *rand.Rand
	speed float64 // of this process and pass; times are multiplied with it
}

// The noise, as shares of a step's time: standard deviations between processes,
// between passes and between steps, and how often a step takes three times as
// long.
const (
	betweenProcesses = 0.01
	betweenPasses    = 0.004
	betweenSteps     = 0.03
	heldUp           = 0.002
)

func (e *noisyEngine) Step(_ context.Context, b *bench.StepBatch) error {
	ms := e.speed * (10 + 0.1*float64(len(b.Tokens))) * (1 + betweenSteps*e.rng.NormFloat64())
	if e.rng.Float64() < heldUp {
		ms *= 3
	}
	// The sleep of a goroutine with a thread of its own takes two changes of threads.
	runtime.UnlockOSThread()
	time.Sleep(time.Duration(ms * float64(time.Millisecond)))
	runtime.LockOSThread()
	b.Out, b.Graphs = b.Out[:0], 1
	for _, want := range b.Want {
		if want == 1 {
			b.Out = append(b.Out, 1)
		}
	}
	return nil
}

func (e *noisyEngine) RemoveSeq(int32, int32) error      { return nil }
func (e *noisyEngine) CopySeq(int32, int32, int32) error { return nil }
func (e *noisyEngine) BatchLimit() int                   { return 4096 }
func (e *noisyEngine) Close() error                      { return nil }

func (e *noisyEngine) Open(context.Context, bench.SessionSpec) (bench.Engine, error) { return e, nil }

// simulated is a run of a short suite, one process per pass or all passes in one
// process, on an engine that takes slower times as long.
func simulated(t *testing.T, seed uint64, passes int, perProcess bool, slower float64) *importer.ToolRun {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 11))
	short := result.Suite{Name: "short", Scenarios: []result.Scenario{
		{Name: "One", Input: 32, Output: 8, Concurrency: 1, Prompts: 4},
		{Name: "Four", Input: 32, Output: 8, Concurrency: 4, Prompts: 8},
	}}
	cfg := bench.Config{Suite: short, Vocab: suite.Vocab{Size: 100, Allowed: []int32{1, 2, 3}}, NoWarmup: true}
	var whole *result.Run
	process := 1.0
	for pass := range passes {
		if pass == 0 || perProcess {
			process = slower * (1 + betweenProcesses*rng.NormFloat64())
		}
		cfg.Opener = &noisyEngine{rng, process * (1 + betweenPasses*rng.NormFloat64())}
		r, err := bench.Run(context.Background(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if whole == nil {
			whole = r
			for i := range r.Details {
				whole.Details[i].Passes = nil
			}
		}
		for i := range r.Results {
			d := r.Details[i]
			d.Passes, d.Verdict = nil, nil
			if perProcess {
				d.Process = pass
			}
			whole.Details[i].Passes = append(whole.Details[i].Passes, result.Pass{Pass: pass, Result: r.Results[i], Detail: d})
		}
	}
	path := filepath.Join(t.TempDir(), "results.json")
	if err := result.Save(path, whole); err != nil {
		t.Fatal(err)
	}
	return open(t, path)[0]
}

const (
	pairsAA    = 40
	pairsSlow  = 20
	simulPass  = 12
	simulSlow  = 1.05
	simulEqual = 0.02
)

// Of 40 pairs of runs of the same thing at most 1 in 20 is called different, and
// most are shown to be the same within 2 %. Of 20 pairs of which one is 5 %
// slower at least 19 are called different, and none the same. The rule of a gate
// judges likewise, figure by figure.
func TestNoisyPairs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule, err := ParseRule("output_throughput < 0.99x significantly")
		if err != nil {
			t.Fatal(err)
		}
		count := func(pairs int, seed uint64, slower float64) (verdicts map[Significance]int, tests, significant, violated int) {
			verdicts = map[Significance]int{}
			for k := range uint64(pairs) {
				a := simulated(t, seed+2*k, simulPass, true, 1)
				b := simulated(t, seed+2*k+1, simulPass, true, slower)
				c := compared(t, ComparisonOptions{EqualWithin: simulEqual}, a, b)
				verdicts[c.Pairs[0].Overall.Verdict]++
				for i := range c.Pairs[0].Scenarios {
					f := c.Pairs[0].Scenarios[i].figure(metric.OutputThroughput)
					if tests++; f.Interval.P < 1-confidence && (f.Interval.Lo > 1 || f.Interval.Hi < 1) {
						significant++
					}
					if f.Interval.Basis != Processes {
						t.Fatalf("basis %s", f.Interval.Basis)
					}
				}
				if got := c.Gate([]Rule{rule}); len(got.Errors) > 0 {
					t.Fatal(got.Errors)
				} else if len(got.Violations) > 0 {
					violated++
				}
			}
			return verdicts, tests, significant, violated
		}
		verdicts, tests, significant, violated := count(pairsAA, 1000, 1)
		t.Logf("%d pairs of the same: %v; %d of %d figures significant, %d gates violated", pairsAA, verdicts, significant, tests, violated)
		if 20*verdicts[Differs] > pairsAA || 20*significant > tests || 20*violated > pairsAA {
			t.Errorf("more than 5 %%: %d pairs, %d of %d figures, %d gates", verdicts[Differs], significant, tests, violated)
		}
		if verdicts[Same] < pairsAA*3/4 {
			t.Errorf("%d of %d pairs are shown to be the same within 2 %%", verdicts[Same], pairsAA)
		}
		verdicts, _, _, violated = count(pairsSlow, 5000, simulSlow)
		t.Logf("%d pairs with one 5 %% slower: %v, %d gates violated", pairsSlow, verdicts, violated)
		if verdicts[Differs] < pairsSlow-1 || verdicts[Same] != 0 || violated < pairsSlow-1 {
			t.Errorf("of %d pairs %v, %d gates violated", pairsSlow, verdicts, violated)
		}
	})
}

// Passes of one process say nothing of the next one: what they call different is
// often the process. That is why the basis is told.
func TestPassesOfOneProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		different := 0
		for k := range uint64(10) {
			c := compared(t, ComparisonOptions{}, simulated(t, 9000+2*k, simulPass, false, 1), simulated(t, 9001+2*k, simulPass, false, 1))
			o := c.Pairs[0].Overall
			if o.Verdict == Differs {
				different++
			}
			if o.Figures[0].Interval.Basis != Passes {
				t.Fatalf("basis %s", o.Figures[0].Interval.Basis)
			}
		}
		if different < 3 {
			t.Errorf("%d of 10 pairs of one process each are called different: the noise between processes is not in the simulation", different)
		}
	})
}
