package bench

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"time"

	"ceiling/bench/result"
)

// stepLog keeps what each step had in its batch and how long it took, so that
// equal steps can be compared. Adding allocates nothing: a log that is full
// drops every second step, and takes every second one from then on.
type stepLog struct {
	steps  []stepTook
	stride int // of so many steps one is kept
	skip   int // steps until the next that is kept
}

// stepTook is a step: its batch's composition, and its time.
type stepTook struct {
	class stepClass
	took  time.Duration
}

// stepClass is the composition of a batch. Steps of one class do the same work
// but for attention, which reads cells of a quarter octave (19 %).
type stepClass struct {
	prompt int32 // tokens of prompts
	decode int32 // sequences that decode
	drafts int32 // that these verify
	cells  int16 // log2 of the KV cells that they read, in quarters
}

// mostLogged bounds a log to 3 MB.
const mostLogged = 1 << 17

// newStepLog is for a scenario of so many tokens, which has no more steps.
func newStepLog(tokens int64) stepLog {
	return stepLog{steps: make([]stepTook, 0, min(tokens, mostLogged)), stride: 1}
}

func (l *stepLog) add(class stepClass, took time.Duration) {
	if l.skip > 0 {
		l.skip--
		return
	}
	if len(l.steps) == cap(l.steps) {
		l.thin()
	}
	l.steps = append(l.steps, stepTook{class, took})
	l.skip = l.stride - 1
}

func (l *stepLog) thin() {
	if cap(l.steps) < 2 {
		l.steps = l.steps[:0]
		return
	}
	kept := l.steps[:0]
	for i := 0; i < len(l.steps); i += 2 {
		kept = append(kept, l.steps[i])
	}
	l.steps = kept
	l.stride *= 2
}

// quarterOctaves is 4·log2(n) rounded down, 0 for nothing; Go's own logarithm
// is too slow for every step.
func quarterOctaves(n int) int16 {
	if n <= 0 {
		return 0
	}
	exponent := bits.Len(uint(n)) - 1
	rest := float64(n) / float64(uint(1)<<exponent) // from 1 to 2
	quarter := 0
	for _, root := range [...]float64{1.189207115002721, 1.4142135623730951, 1.681792830507429} { // 2^¼, 2^½, 2^¾
		if rest >= root {
			quarter++
		}
	}
	return int16(4*exponent + quarter)
}

const (
	// leastEquals is how many steps make a class whose median can be told.
	leastEquals = 20
	// leastCompared is how many steps a p99 or a third of the scenario rests on.
	leastCompared = result.P99Needs
)

// steadiness is nil where too few steps were equal.
func (l *stepLog) steadiness() *result.Steadiness {
	medians := l.medians()
	third := len(l.steps) / 3
	var all []float64
	thirds := map[stepClass][3][]float64{}
	for i, s := range l.steps {
		median, ok := medians[s.class]
		if !ok || median <= 0 {
			continue
		}
		relative := s.took.Seconds() / median
		all = append(all, relative)
		t := thirds[s.class]
		part := min(i/max(third, 1), 2)
		t[part] = append(t[part], relative)
		thirds[s.class] = t
	}
	if len(all) < leastCompared {
		return nil
	}
	out := &result.Steadiness{Steps: len(all), Drift: drift(thirds)}
	slices.Sort(all)
	p99, _ := result.Percentile(all, 99)
	out.P99 = &p99
	return out
}

// medians are those of the classes with enough steps, in seconds.
func (l *stepLog) medians() map[stepClass]float64 {
	classes := map[stepClass][]float64{}
	for _, s := range l.steps {
		classes[s.class] = append(classes[s.class], s.took.Seconds())
	}
	out := map[stepClass]float64{}
	for class, took := range classes {
		if len(took) >= leastEquals {
			out[class] = median(took)
		}
	}
	return out
}

// drift pools the classes that are in the first third and in the last. Of each
// it takes as many steps from both, or the classes' own differences would count.
func drift(thirds map[stepClass][3][]float64) *float64 {
	var logs, weights float64
	for _, t := range thirds {
		if n := min(len(t[0]), len(t[2])); n >= leastEquals/2 {
			logs += float64(n) * math.Log(median(t[2])/median(t[0]))
			weights += float64(n)
		}
	}
	if weights < leastCompared/2 {
		return nil
	}
	v := math.Exp(logs/weights) - 1
	return &v
}

// median sorts what it is given.
func median(x []float64) float64 {
	slices.SortFunc(x, cmp.Compare[float64])
	m, _ := result.Percentile(x, 50)
	return m
}
