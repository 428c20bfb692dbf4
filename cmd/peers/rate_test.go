package main

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestDecodeRate(t *testing.T) {
	for _, c := range []struct {
		name    string
		streams []stream
		want    float64
		err     string
	}{
		// 3 tokens in 3 s.
		{"one sequence", []stream{{[]float64{1, 2, 3, 4}, []int{1, 2, 3, 4}}}, 1, ""},
		// The window is [3, 5]: two tokens of either sequence in 2 s.
		{"window", []stream{
			{[]float64{1, 1.1, 3, 4, 5}, []int{1, 2, 3, 4, 5}},
			{[]float64{3, 4, 5, 9}, []int{1, 2, 3, 4}}}, 2, ""},
		// Arrivals of one step are spread: 2 tokens in 2.0 s and in 1.9 s.
		{"spread arrivals", []stream{
			{[]float64{1, 2, 3}, []int{1, 2, 3}},
			{[]float64{0.9, 1.05, 2, 2.95, 3.2}, []int{1, 2, 3, 4, 5}}}, 1 + 2/1.9, ""},
		// An event that brings three tokens counts them.
		{"bundled tokens", []stream{{[]float64{0, 1, 2}, []int{1, 2, 5}}}, 2, ""},
		{"no overlap", []stream{{[]float64{1, 2}, []int{1, 2}}, {[]float64{3, 4}, []int{1, 2}}}, 0, "no time in which all"},
		{"one token", []stream{{[]float64{1}, []int{1}}}, 0, "no time in which all"},
		{"no token", []stream{{}}, 0, "sequence 0 has no tokens"},
	} {
		got, err := decodeRate(c.streams)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want one with %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	if _, err := decodeRate([]stream{{[]float64{1}, []int{1}}}); !errors.Is(err, errNoWindow) {
		t.Errorf("got %v", err)
	}
}

// TestPrefill: from the begin to the last first token, less the stops.
func TestPrefill(t *testing.T) {
	of := func(firsts ...float64) replies {
		r := replies{zero: noon, begin: 2}
		for _, at := range firsts {
			r.streams = append(r.streams, stream{At: []float64{at}, Tokens: []int{1}})
		}
		return r
	}
	for _, c := range []struct {
		l    *lane
		want float64
	}{{nil, 250}, {laneOf(0, 3, 5, 9), 500}} {
		got, err := of(3, 6, 4).prefill(c.l, 1000)
		if want := (wave{after(noon, 2), after(noon, 6), c.want}); err != nil || got != want {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	for _, firsts := range [][]float64{nil, {2}, {1}} {
		if got, err := of(firsts...).prefill(nil, 1000); err == nil {
			t.Errorf("first tokens at %v gave %v", firsts, got)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{{[]float64{5}, 5}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.x); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.x, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %v", got)
	}
}

func TestMedianInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64 // of the values 1, 2, … n
	}{
		{1, 1, 1}, {2, 1, 2}, {5, 1, 5}, // too few for 95 %
		{6, 1, 6}, {8, 1, 8}, // 2·P(≤ 0) = 0.031, 0.008; 2·P(≤ 1) = 0.219, 0.070
		{9, 2, 8}, {11, 2, 10}, // 2·P(≤ 1) = 0.039, 0.012; 2·P(≤ 2) = 0.180, 0.065
		{12, 3, 10}, {20, 6, 15}, {40, 14, 27}, // the tables' ranks
	} {
		x := make([]float64, c.n)
		for i := range x {
			x[i] = float64(c.n - i)
		}
		if low, high := medianInterval(x); low != c.low || high != c.high {
			t.Errorf("%d values: %v to %v, want %v to %v", c.n, low, high, c.low, c.high)
		}
	}
	if low, high := medianInterval(nil); !math.IsNaN(low) || !math.IsNaN(high) {
		t.Errorf("nothing: %v to %v", low, high)
	}
}
