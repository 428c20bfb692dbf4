package bench

import (
	"math"
	"testing"
	"time"
)

func approximately(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil || math.Abs(*got-want) > 1e-9 {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Steps are compared with their equals only: two kinds of steps, one ten times
// as long as the other, are steady.
func TestSteadinessComparesEquals(t *testing.T) {
	l := newStepLog(1000)
	for range 150 {
		l.add(stepClass{decode: 1, cells: 20}, time.Millisecond)
		l.add(stepClass{prompt: 512, decode: 1, cells: 36}, 10*time.Millisecond)
	}
	s := l.steadiness()
	if s == nil || s.Steps != 300 {
		t.Fatalf("%+v", s)
	}
	approximately(t, "p99", s.P99, 1)
	approximately(t, "drift", s.Drift, 0)
}

// A machine that gets slower by a quarter in the last third of the scenario, and
// steps in fifty that take five times as long.
func TestSteadinessFindsDriftAndTail(t *testing.T) {
	l := newStepLog(1000)
	for i := range 300 {
		took := 4 * time.Millisecond
		if i >= 200 {
			took = 5 * time.Millisecond
		}
		if i%50 == 7 {
			took = 20 * time.Millisecond
		}
		l.add(stepClass{decode: 4, cells: 30}, took)
	}
	s := l.steadiness()
	approximately(t, "drift", s.Drift, 0.25)
	approximately(t, "p99", s.P99, 5)
}

// Without equals early and late, as in a single burst whose sequences grow, no
// drift is told; with too few steps nothing is.
func TestSteadinessNeedsEquals(t *testing.T) {
	l := newStepLog(1000)
	for i := range 300 {
		l.add(stepClass{decode: 1, cells: int16(i / 60)}, time.Duration(i+1)*time.Millisecond)
	}
	if s := l.steadiness(); s == nil || s.Drift != nil {
		t.Errorf("%+v", s)
	}
	few := newStepLog(50)
	for range 50 {
		few.add(stepClass{decode: 1}, time.Millisecond)
	}
	if s := few.steadiness(); s != nil {
		t.Errorf("%+v out of 50 steps", s)
	}
}

// A log that is full keeps every second step, over the whole scenario.
func TestStepLogThins(t *testing.T) {
	l := newStepLog(100)
	for i := range 1000 {
		l.add(stepClass{prompt: int32(i)}, time.Millisecond)
	}
	if n := len(l.steps); n < 50 || n > 100 || l.stride != 16 {
		t.Fatalf("%d steps kept, one in %d", n, l.stride)
	}
	for i, s := range l.steps {
		if int(s.class.prompt) != i*l.stride {
			t.Fatalf("step %d of the log is the %d-th of the scenario, want %d", i, s.class.prompt, i*l.stride)
		}
	}
	none := newStepLog(0)
	none.add(stepClass{}, time.Millisecond)
}

func TestQuarterOctaves(t *testing.T) {
	for n, want := range map[int]int16{-1: 0, 0: 0, 1: 0, 2: 4, 3: 6, 4: 8, 1000: 39, 1024: 40, 1217: 40, 1218: 41, 1 << 40: 160} {
		if got := quarterOctaves(n); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
	for n := 1; n < 1<<20; n += 1 + n/50 {
		if got, want := quarterOctaves(n), int16(4*math.Log2(float64(n))); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
}
