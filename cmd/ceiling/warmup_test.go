package main

import (
	"context"
	"slices"
	"syscall"
	"testing"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/engine"
)

// faultOpener counts the page faults of each step of the sessions it opens.
type faultOpener struct {
	*opener
	steps []faultStep
}

// faultStep is a step's tokens and the page faults without I/O that all
// threads of the process took in it.
type faultStep struct{ tokens, faults int64 }

type faultSession struct {
	bench.Engine
	from *faultOpener
}

func (o *faultOpener) Open(ctx context.Context, spec bench.SessionSpec) (bench.Engine, error) {
	s, err := o.opener.Open(ctx, spec)
	return faultSession{s, o}, err
}

func (s faultSession) Step(ctx context.Context, b *bench.StepBatch) error {
	before := minorFaults()
	err := s.Engine.Step(ctx, b)
	s.from.steps = append(s.from.steps, faultStep{int64(len(b.Tokens)), minorFaults() - before})
	return err
}

func minorFaults() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return -1
	}
	return u.Minflt
}

// The first step that counts finds the context's memory touched: it takes no
// more page faults than the median of the steps after it that are as large.
// Without the warm-up it takes thousands.
func TestFirstStepIsWarm(t *testing.T) {
	// A thread that Go starts meanwhile touches some 30.
	const others = 64
	model := demoModel(t)
	for _, warm := range []bool{false, true} {
		first, rest := firstStepFaults(t, model, warm)
		t.Logf("warm-up %v: %d page faults in the first step, %v in those as large", warm, first, rest)
		if few := first <= rest[len(rest)/2]+others; few != warm {
			t.Errorf("warm-up %v: %d page faults in the first step, %v in those as large", warm, first, rest)
		}
	}
}

// firstStepFaults are the page faults of the first counted step, and of the
// later ones with as many tokens, ascending.
func firstStepFaults(t *testing.T, model *engine.Model, warm bool) (first int64, rest []int64) {
	t.Helper()
	point := engineSettings{session: engine.SessionOptions{Threads: 2}}
	o := &faultOpener{opener: &opener{model: model, points: []engineSettings{point}, loaded: point.loaded()}, steps: make([]faultStep, 0, 1000)}
	results, err := bench.Run(context.Background(), bench.Config{
		Suite:  result.Suite{Name: "s", Scenarios: []result.Scenario{{Name: "s", Input: 600, Output: 2, Concurrency: 1, Prompts: 4}}},
		Opener: o, Vocab: suite.Vocab{Size: model.VocabSize(), Allowed: model.PlainTokens()}, NoWarmup: !warm,
	})
	if err != nil || results.Results[0].SuccessfulRequests != 4 {
		t.Fatal(results, err)
	}
	counted := o.steps[len(o.steps)-int(results.Details[0].Steps):]
	for _, s := range counted[1:] {
		if s.tokens == counted[0].tokens {
			rest = append(rest, s.faults)
		}
	}
	slices.Sort(rest)
	return counted[0].faults, rest
}
