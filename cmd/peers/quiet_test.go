package main

import (
	"errors"
	"math"
	"testing"
)

func TestParseCPUTime(t *testing.T) {
	// user 100, nice 10, system 50, irq 2, softirq 3, steal 35: 2 s.
	got, ok := parseCPUTime("cpu  100 10 50 9999 777 2 3 35 40 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
	if !ok || math.Abs(got-2) > 1e-12 {
		t.Errorf("%v, %v; want 2", got, ok)
	}
	for _, text := range []string{"", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8 9", "cpu a b c d e f g h"} {
		if got, ok := parseCPUTime(text); ok {
			t.Errorf("%q gave %v", text, got)
		}
	}
}

func TestKeepLeast(t *testing.T) {
	for _, c := range []struct {
		name   string
		others []float64 // of one try after the other
		want   float64
		tries  int
	}{
		{"quiet at once", []float64{0.05}, 0.05, 1},
		{"quiet later", []float64{0.8, 0.02}, 0.02, 2},
		{"never quiet", []float64{0.8, 0.3, 0.5}, 0.3, 3},
	} {
		tries := 0
		got, err := quietRule{cores: 0.1, retries: 2}.keepLeast(t.Context(), func() ([]sample, error) {
			tries++
			return []sample{{Others: c.others[tries-1]}}, nil
		}, func(string) {})
		if err != nil || len(got) != 1 || got[0].Others != c.want || tries != c.tries {
			t.Errorf("%s: %v after %d tries, %v; want %v after %d", c.name, got, tries, err, c.want, c.tries)
		}
	}
	failed := errors.New("failed")
	if _, err := (quietRule{retries: 2}).keepLeast(t.Context(), func() ([]sample, error) { return nil, failed }, func(string) {}); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}
