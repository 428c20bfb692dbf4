package capacity_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"ceiling/bench"
	"ceiling/bench/capacity"
	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// linear is an engine whose step takes base + perToken × tokens, in virtual time,
// give or take noise of that coefficient of variation.
type linear struct {
	base, perToken time.Duration
	noise          float64
	rng            *rand.Rand
}

func (l *linear) Open(context.Context, bench.SessionSpec) (bench.Engine, error) { return l, nil }

func (l *linear) Step(_ context.Context, b *bench.StepBatch) error {
	took := float64(l.base + l.perToken*time.Duration(len(b.Tokens)))
	if l.noise > 0 {
		took *= max(0.1, 1+l.noise*l.rng.NormFloat64())
	}
	// The sleep of a goroutine with a thread of its own takes two changes of threads.
	runtime.UnlockOSThread()
	time.Sleep(time.Duration(took))
	runtime.LockOSThread()
	for _, want := range b.Want {
		if want == 1 {
			b.Out = append(b.Out, 1)
		}
	}
	return nil
}

func (l *linear) RemoveSeq(_, _ int32) error  { return nil }
func (l *linear) CopySeq(_, _, _ int32) error { return nil }
func (l *linear) BatchLimit() int             { return 4096 }
func (l *linear) Close() error                { return nil }

// Prompts and outputs of the probes, in tokens. The prompts of all requests in
// flight fit into one step, so that a closed loop of equal requests goes in lock
// step, and its latencies have a closed form:
//
//	TTFT(c) = base + perToken·c·input      TPOT(c) = base + perToken·c
const (
	input, output = 4, 9
	most          = 64
)

func (l *linear) ttft(c int) float64 { return ms(l.base + l.perToken*time.Duration(c*input)) }
func (l *linear) tpot(c int) float64 { return ms(l.base + l.perToken*time.Duration(c)) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// z99 is the standard normal distribution's 99th percentile.
const z99 = 2.3263

// question is an engine with limits, and the highest concurrency that keeps them
// by the closed form. With noise the p99 of TTFT, of which each wave has one, lies
// z99 deviations above the mean, and that of TPOT, the mean of output−1 steps, z99
// deviations of such a mean.
func question(rng *rand.Rand, noise float64) (*linear, []result.Bound, int) {
	us := func(lo, hi int) time.Duration { return time.Duration(lo+rng.IntN(hi-lo)) * time.Microsecond }
	l := &linear{base: us(0, 20_000), perToken: us(100, 1000), noise: noise, rng: rng}
	slowTTFT, slowTPOT := 1+z99*noise, 1+z99*noise/math.Sqrt(output-1)
	between := func(of func(int) float64, slow float64, c int) float64 {
		return slow * (of(c) + rng.Float64()*(of(c+1)-of(c)))
	}
	c := rng.IntN(33)
	bounds := []result.Bound{
		{Figure: "ttft", Stat: "p99", MaxMs: between(l.ttft, slowTTFT, c+rng.IntN(2)*rng.IntN(20))},
		{Figure: "tpot", Stat: "p99", MaxMs: between(l.tpot, slowTPOT, c+rng.IntN(2)*rng.IntN(20))},
	}
	want := 0
	for want < most && slowTTFT*l.ttft(want+1) <= bounds[0].MaxMs && slowTPOT*l.tpot(want+1) <= bounds[1].MaxMs {
		want++
	}
	return l, bounds, want
}

// ask searches on the engine with the scheduler, the clock and the metrics of a
// run, and with the settings that the command has unless told otherwise.
func ask(t *testing.T, l *linear, bounds []result.Bound) *capacity.Answer {
	t.Helper()
	vocab := suite.Vocab{Size: 1 << 12}
	for id := range int32(1 << 12) {
		vocab.Allowed = append(vocab.Allowed, id)
	}
	probes := bench.NewProbes(bench.Config{Suite: result.Suite{Name: "capacity"}, Opener: l, Vocab: vocab, NoWarmup: true})
	a, err := capacity.Search(t.Context(), capacity.Question{Bounds: bounds, Most: most}, func(ctx context.Context, c int) (capacity.ProbeSample, error) {
		sc := result.Scenario{Name: fmt.Sprintf("c=%d", c), Input: input, Output: output, Concurrency: c, Prompts: capacity.Requests(bounds, c, capacity.LeastWaves)}
		e, records, err := probes.Measure(ctx, sc, nil)
		return capacity.SampleOf(bounds, sc, &e, records), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// On an engine without noise the answer is the closed form's, and certain.
func TestClosedForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 1))
	zero := 0
	for i := range 100 {
		l, bounds, want := question(rng, 0)
		synctest.Test(t, func(t *testing.T) {
			a := ask(t, l, bounds)
			if a.Load != want || a.From != want || a.To != want || a.AtLeast || len(a.Notes) > 0 {
				t.Errorf("%d: want %d: %d (%d to %d), %v", i, want, a.Load, a.From, a.To, a.Notes)
			}
			if want == 0 {
				zero++
			}
		})
	}
	if zero == 0 {
		t.Error("no question whose answer is 0")
	}
}

// With 5 % noise on each step the answer is within one of the closed form's. Of
// hundreds of questions 1 in 200 is not, and 5 in 200 intervals miss it: so few are
// beyond the shares asked for by chance 2 times in 1000, which only a change to what
// is drawn can bring about, since seed and clock are fixed.
func TestNoise(t *testing.T) {
	const questions = 60
	rng := rand.New(rand.NewPCG(24, 2))
	right, enclosed := 0, 0
	for i := range questions {
		l, bounds, want := question(rng, 0.05)
		synctest.Test(t, func(t *testing.T) {
			a := ask(t, l, bounds)
			if a.Load >= want-1 && a.Load <= want+1 {
				right++
			} else {
				t.Logf("%d: want %d: %d (%d to %d), %v; %v %+v", i, want, a.Load, a.From, a.To, a.Notes, bounds, *l)
			}
			if a.From <= want && (a.To < 0 || want <= a.To) {
				enclosed++
			}
		})
	}
	t.Logf("%d of %d right, %d enclosed", right, questions, enclosed)
	if right < questions*95/100 || enclosed < questions*90/100 {
		t.Errorf("%d of %d are right within one, %d enclose the answer", right, questions, enclosed)
	}
}
