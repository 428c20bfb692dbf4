package client

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	// at makes pieces of 10, 20, 30 … ms with the given tokens; −1: unknown.
	at := func(tokens ...int) []piece {
		out := make([]piece, len(tokens))
		for i, n := range tokens {
			out[i] = piece{at: time.Duration(i+1) * 10 * time.Millisecond, tokens: n}
		}
		return out
	}
	empty := func(p []piece, which ...int) []piece {
		for _, i := range which {
			p[i].empty = true
		}
		return p
	}
	// together gives a piece and the next the same instant.
	together := func(p []piece, from, to int) []piece {
		for i := from; i <= to; i++ {
			p[i].at = p[from].at
		}
		return p
	}
	for _, tc := range []struct {
		name          string
		pieces        []piece
		total         int
		want          []float64 // ms
		chunks, split int
	}{
		{"nothing", nil, -1, nil, 0, 0},
		{"pieces of one instant share the gap before them", together(at(1, 1, 1, 1), 1, 2), 4, []float64{10, 15, 20, 40}, 3, 2},
		{"pieces of one instant, without counts", together(at(-1, -1, -1), 1, 2), -1, []float64{10, 15, 20}, 2, 2},
		{"the first pieces at once", together(at(1, 1, 1), 0, 1), 3, []float64{10, 10, 30}, 2, 2},
		{"reads as fast as they can be made are one delivery", []piece{{at: 0, tokens: 1}, {at: 10 * time.Millisecond, tokens: 1},
			{at: 10*time.Millisecond + 90*time.Microsecond, tokens: 1}, {at: 10*time.Millisecond + 180*time.Microsecond, tokens: 2}, {at: 20 * time.Millisecond, tokens: 1}},
			6, []float64{0, 2.5, 5, 7.5, 10, 20}, 3, 4},
		{"a tenth of a millisecond is a gap", []piece{{at: 0, tokens: 1}, {at: atOnce, tokens: 1}}, 2, []float64{0, 0.1}, 2, 0},
		{"one each", at(1, 1, 1), 3, []float64{10, 20, 30}, 3, 0},
		{"a closing piece without a token", at(1, 1, 0), 2, []float64{10, 20}, 2, 0},
		{"two in one: the first of them half way", at(1, 2, 1), 4, []float64{10, 15, 20, 30}, 3, 2},
		{"several in the first: all when it came", at(3, 1), 4, []float64{10, 10, 10, 20}, 2, 3},
		{"after a piece without tokens the gap is longer", at(1, 0, 2), 3, []float64{10, 20, 30}, 2, 2},
		{"tokens that only the final count has are the last piece's", at(1, 1, 0), 4, []float64{10, 20, 25, 30}, 3, 2},
		{"no counts, as many as pieces", at(-1, -1), 2, []float64{10, 20}, 2, 0},
		{"no counts, a closing piece without text", empty(at(-1, -1, -1), 2), 2, []float64{10, 20}, 2, 0},
		{"no counts, tokens without text", empty(at(-1, -1, -1), 1), 3, []float64{10, 20, 30}, 3, 0},
		{"no counts at all: each piece with text is one", empty(at(-1, -1, -1), 2), -1, []float64{10, 20}, 2, 0},
		{"no counts, more tokens than pieces: shared out", at(-1, -1), 6, []float64{10, 10, 10, 10 + 10./3, 10 + 20./3, 20}, 2, 6},
		{"no counts, uneven: the first gets its share first", at(-1, -1), 3, []float64{10, 10, 20}, 2, 3},
		{"no counts, fewer tokens than pieces", at(-1, -1, -1, -1), 2, []float64{10, 30}, 2, 2},
	} {
		times, chunks, split := spread(tc.pieces, tc.total)
		var got []float64
		for _, d := range times {
			got = append(got, float64(d.Round(time.Microsecond))/1e6)
		}
		var want []float64
		for _, ms := range tc.want {
			want = append(want, float64(time.Duration(ms*1e6).Round(time.Microsecond))/1e6)
		}
		if diff := cmp.Diff(want, got); diff != "" || chunks != tc.chunks || split != tc.split {
			t.Errorf("%s: %d chunks, %d split, want %d, %d\n%s", tc.name, chunks, split, tc.chunks, tc.split, diff)
		}
		if !slices.IsSorted(times) {
			t.Errorf("%s: %v", tc.name, times)
		}
	}
}
