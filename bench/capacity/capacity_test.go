package capacity

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// tpot is a bound on the p99 of TPOT.
func tpot(ms float64) []result.Bound {
	return []result.Bound{{Figure: "tpot", Stat: "p99", MaxMs: ms}}
}

// level is a sample of a hundred requests with one value.
func level(ms float64) ProbeSample {
	return ProbeSample{Values: [][]float64{slices.Repeat([]float64{ms / 1000}, 100)}, Together: 4}
}

// rising probes an engine whose TPOT is 1 ms for each request in flight.
func rising(_ context.Context, load int) (ProbeSample, error) { return level(float64(load)), nil }

func TestSearch(t *testing.T) {
	for _, tc := range []struct {
		limit    float64
		most     int
		load, to int
		atLeast  bool
	}{
		{0.5, 64, 0, 0, false},
		{1, 64, 1, 1, false}, // to the last bit within
		{22.7, 64, 22, 22, false},
		{63.9, 64, 63, 63, false},
		{64, 64, 64, -1, true},
		{500, 40, 40, -1, true},
	} {
		a, err := Search(t.Context(), Question{Bounds: tpot(tc.limit), Most: tc.most}, rising)
		if err != nil || a.Load != tc.load || a.From != tc.load || a.To != tc.to || a.AtLeast != tc.atLeast || len(a.Notes) > 0 {
			t.Errorf("limit %v ms: %+v, %v", tc.limit, a, err)
		}
		for _, p := range a.Points {
			near := p.Load == tc.load || p.Load == tc.load+1
			if want := map[bool]int{true: 2, false: 1}[near]; p.Probes != want || p.Requests != 100*want || !p.Clear {
				t.Errorf("limit %v ms: %+v", tc.limit, p)
			}
		}
	}
}

// A load that was misjudged moves the edge once it is measured again, to either
// side.
func TestMisjudged(t *testing.T) {
	for _, wrong := range []int{16, 20, 22, 23, 24, 32} {
		seen := map[int]int{}
		a, err := Search(t.Context(), Question{Bounds: tpot(22.5), Most: 64}, func(_ context.Context, load int) (ProbeSample, error) {
			s := level(float64(load))
			if seen[load]++; load == wrong && seen[load] == 1 {
				if load > 22 {
					return level(1), nil
				}
				s.Values[0][0], s.Values[0][50] = 0.05, 0.05 // two of a hundred are beyond the p99
			}
			return s, nil
		})
		if err != nil || a.Load != 22 || seen[wrong] < 2 {
			t.Errorf("c=%d misjudged once: %d after %v, %v, %v", wrong, a.Load, seen, a.Notes, err)
		}
	}
}

// A load that keeps the limits above one that does not is told, and does not
// become the answer.
func TestNotMonotone(t *testing.T) {
	probe := func(_ context.Context, load int) (ProbeSample, error) {
		if load == 6 || load == 5 || load > 30 {
			return level(100), nil
		}
		return level(1), nil
	}
	s := newSearch(Question{Bounds: tpot(10), Most: 64})
	for _, n := range []int{1, 2, 4, 8, 16, 32} {
		sample, _ := probe(t.Context(), n)
		s.add(n, sample)
	}
	if holds, misses := s.edge(); holds != 16 || misses != 32 {
		t.Fatalf("edge %d, %d", holds, misses)
	}
	sample, _ := probe(t.Context(), 6)
	s.add(6, sample)
	if holds, misses := s.edge(); holds != 4 || misses != 6 {
		t.Fatalf("edge %d, %d", holds, misses)
	}
	if a := s.answer(); a.Load != 4 || len(a.Notes) != 1 || !strings.Contains(a.Notes[0], "not monotone: c=8, c=16 keeps the limits though c=6 does not") {
		t.Errorf("%+v", a)
	}
}

// An error ends the search, with what is known.
func TestSearchEnds(t *testing.T) {
	n := 0
	broken := errors.New("broken")
	a, err := Search(t.Context(), Question{Bounds: tpot(22.5), Most: 64}, func(ctx context.Context, load int) (ProbeSample, error) {
		if n++; n == 7 {
			return ProbeSample{}, broken
		}
		return rising(ctx, load)
	})
	if !errors.Is(err, broken) || a.Load != 16 || a.To != 31 || len(a.Points) != 6 {
		t.Errorf("%+v, %v", a, err)
	}
}

// Requests that fail make a load one that misses the limits.
func TestFailed(t *testing.T) {
	a, err := Search(t.Context(), Question{Bounds: tpot(22.5), Most: 64}, func(ctx context.Context, load int) (ProbeSample, error) {
		if load > 9 {
			return ProbeSample{Failed: "no KV slot"}, nil
		}
		return rising(ctx, load)
	})
	if err != nil || a.Load != 9 || a.To != 9 || a.Points[len(a.Points)-1].Failed != "no KV slot" {
		t.Errorf("%+v, %v", a, err)
	}
}

// The counted statistics are those of the values themselves.
func TestDraws(t *testing.T) {
	groups := [][]float64{{3, 1, 4}, {1, 5, 9}, {2, 6}, {5}}
	d := newDraws(groups)
	for i, g := range d.groups { // each once
		d.came[i], d.n = 1, d.n+len(g)
	}
	all := slices.Sorted(slices.Values(slices.Concat(groups...)))
	for _, b := range []result.Bound{{Stat: "p99"}, {Stat: "p50"}, {Stat: "p10"}, {Stat: "mean"}, {Stat: "p1"}} {
		want := *b.Of(all) / 1000
		if got := d.of(b); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %v, want %v", b.Stat, got, want)
		}
	}
	// Two groups give nothing to draw from; more an interval about the value.
	mean := result.Bound{Stat: "mean"}
	if lo, hi := interval(mean, groups[:2], 6); lo != nil || hi != nil {
		t.Errorf("%v to %v", lo, hi)
	}
	if lo, hi := interval(mean, groups, 9); lo == nil || !(*lo < 3900 && *hi > 4100 && math.Abs(*lo**hi-16e6) < 1) {
		t.Errorf("%v to %v", lo, hi)
	}
}

// Values of groups whose members are alike are worth as many as there are groups,
// and where nothing is in common all that there are.
func TestIndependent(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var alike, apart, same [][]float64
	for range 50 {
		v := 1 + rng.Float64()
		alike, same = append(alike, []float64{v, v, v, v}), append(same, []float64{2, 2, 2 + 1e-12, 2})
		apart = append(apart, []float64{1 + rng.Float64(), 1 + rng.Float64(), 1 + rng.Float64(), 1 + rng.Float64()})
	}
	for _, tc := range []struct {
		what     string
		groups   [][]float64
		from, to float64
	}{{"alike", alike, 49.9, 50.1}, {"apart", apart, 120, 200}, {"without any spread", same, 200, 200}, {"one group", alike[:1], 4, 4}} {
		if n := independent(tc.groups); n < tc.from || n > tc.to {
			t.Errorf("%s: %v", tc.what, n)
		}
	}
}

// The interval of a percentile reaches further up where values are too few for it,
// and a mean's does not.
func TestUnseen(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	values := make([]float64, 1000)
	for i := range values {
		values[i] = math.Exp(0.05 * rng.NormFloat64())
	}
	p99 := result.Bound{Stat: "p99"}
	// Of a thousand values next to nothing is unseen; of four they end a standard
	// deviation out, which is 1.3 short of the p99.
	if few, many := unseen(p99, values, 4), unseen(p99, values, 1000); math.Abs(few-0.065) > 0.005 || math.Abs(many) > 0.002 {
		t.Errorf("%v of 4, %v of 1000", few, many)
	}
	if low := unseen(result.Bound{Stat: "p1"}, values, 4); low > -0.05 {
		t.Errorf("p1: %v", low)
	}
	if v := unseen(result.Bound{Stat: "mean"}, values, 4); v != 0 {
		t.Errorf("mean: %v", v)
	}
}

// A load that keeps its limits by the short interval of few waves is measured until
// they are enough for a p99.
func TestEnoughWaves(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	a, err := Search(t.Context(), Question{Bounds: tpot(13), Most: 1}, func(context.Context, int) (ProbeSample, error) {
		s := ProbeSample{Values: [][]float64{nil}, Together: 25}
		for range 4 {
			s.Values[0] = append(s.Values[0], slices.Repeat([]float64{0.010 * (1 + 0.05*rng.NormFloat64())}, 25)...)
		}
		return s, nil
	})
	if err != nil || a.Load != 1 || !a.Points[0].Clear || a.Points[0].Probes != 25 {
		t.Errorf("%+v, %v", a, err)
	}
}
