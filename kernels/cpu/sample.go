package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"ceiling/kernels"
	"ceiling/kernels/cpu/internal/probe"
)

// How samples are taken.
const (
	minSample = 5e-3 // seconds of a sample, at least
	samples   = 20   // that are wanted
	fewest    = 3    // with fewer nothing is said
	// undisturbed is the share of a sample's time that each thread must have had
	// its CPU for. What others took is not the machine's limit.
	undisturbed = 0.98
	agreement   = 0.01 // of the three blocks that end the warm-up
)

// once runs so many rounds, and tells the seconds from the first start to the
// last stop. The threads' times are from the first start on.
type once func(rounds uint64) (took float64, times []probe.Time, err error)

// sampler takes the samples of one probe.
type sampler struct {
	run   once
	right func(rounds uint64, times []probe.Time) error // checks the results
	limit time.Duration                                 // for warm-up and samples
	now   func() time.Time

	clocks []float64
	lost   int // samples in which others had the CPU
}

// fill measures work(rounds)/seconds into m.
func (s *sampler) fill(ctx context.Context, m *kernels.Measurement, work func(rounds uint64) float64) error {
	end := s.now().Add(s.limit)
	rounds, err := s.calibrate(ctx)
	if err == nil {
		err = s.warm(ctx, rounds, end)
	}
	for len(m.Samples) < samples && err == nil && (s.now().Before(end) || len(m.Samples)+s.lost == 0) {
		var took float64
		var ok bool
		if took, ok, err = s.sample(ctx, rounds); ok && err == nil {
			m.Samples = append(m.Samples, work(rounds)/took)
		}
	}
	var wrong wrongResult
	switch {
	case errors.As(err, &wrong):
		m.Samples, m.Verdict, m.Reason = nil, kernels.Wrong, wrong.Error()
		return nil
	case err != nil:
		return err
	case len(m.Samples) < fewest:
		m.Samples, m.Verdict = nil, kernels.Unknown
		m.Reason = fmt.Sprintf("other work had the CPUs: in %d of %d samples the threads got less than %.0f %% of the time", s.lost, s.lost+len(m.Samples), 100*undisturbed)
		return nil
	}
	m.Verdict, m.Summary = kernels.OK, kernels.Summarize(m.Samples, m.Unit)
	if hz := kernels.Summarize(s.clocks, kernels.OpsPerSecond); hz != nil && hz.Median > 0 {
		m.ClockHz = &hz.Median
	}
	return nil
}

// checked runs so many rounds and checks the results.
func (s *sampler) checked(ctx context.Context, rounds uint64) (took float64, times []probe.Time, err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	took, times, err = s.run(rounds)
	if err != nil {
		return 0, nil, err
	}
	if err := s.right(rounds, times); err != nil {
		return 0, nil, wrongResult{err}
	}
	return took, times, nil
}

// sample is one; ok says that it was not disturbed.
func (s *sampler) sample(ctx context.Context, rounds uint64) (took float64, ok bool, err error) {
	took, times, err := s.checked(ctx, rounds)
	if err != nil {
		return 0, false, err
	}
	for _, t := range times {
		// A thread that begins late may have its CPU for all of its own time. One that
		// ends before the others is not disturbed: cores differ.
		if t.CPUTime < undisturbed*(t.End-t.Start) || t.Start > (1-undisturbed)*took {
			s.lost++
			return took, false, nil
		}
	}
	for _, t := range times {
		s.clocks = append(s.clocks, t.ClockHz)
	}
	return took, true, nil
}

// calibrate finds the rounds of a sample, by the time that the threads computed:
// what else passed is none of the kernel's.
func (s *sampler) calibrate(ctx context.Context) (rounds uint64, err error) {
	for rounds = 1; rounds < 1<<40; {
		_, times, err := s.checked(ctx, rounds)
		if err != nil {
			return 0, err
		}
		var took float64
		for _, t := range times {
			took = max(took, t.CPUTime)
		}
		if took >= minSample {
			break
		}
		rounds = max(2*rounds, min(100*rounds, uint64(1.2*float64(rounds)*minSample/took)))
	}
	return rounds, nil
}

// warm runs until three undisturbed blocks agree, for half of the time at most.
func (s *sampler) warm(ctx context.Context, rounds uint64, end time.Time) error {
	half := s.now().Add(end.Sub(s.now()) / 2)
	var last []float64
	for s.now().Before(half) {
		took, ok, err := s.sample(ctx, rounds)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if last = append(last, took); len(last) >= 3 {
			three := last[len(last)-3:]
			if slices.Max(three) <= (1+agreement)*slices.Min(three) {
				break
			}
		}
	}
	s.lost, s.clocks = 0, nil
	return nil
}

// span is the time from the first start to the last stop.
func span(times []probe.Time) float64 {
	start, end := math.Inf(1), math.Inf(-1)
	for _, t := range times {
		start, end = min(start, t.Start), max(end, t.End)
	}
	return end - start
}

// fromFirst has the times begin with the first thread's start.
func fromFirst(times []probe.Time) []probe.Time {
	first := math.Inf(1)
	for _, t := range times {
		first = min(first, t.Start)
	}
	for i := range times {
		times[i].Start -= first
		times[i].End -= first
	}
	return times
}

// wrongResult says what a kernel computed in place of the right result.
type wrongResult struct{ error }
