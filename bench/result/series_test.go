package result

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// point is a result with its detail, of a load of 100/20 tokens at c. Changes
// are made in turn.
func point(c int, changes ...func(*Summary, *Detail)) Entry {
	p := Entry{Summary{Name: fmt.Sprintf("any name %d", c), InputLen: 100, OutputLen: 20, Concurrency: c}, Detail{Status: StatusComplete, Cache: CacheCold}}
	for _, change := range changes {
		change(&p.Result, &p.Detail)
	}
	return p
}

// A series is found by load, whatever the names; each condition splits it.
func TestSeries(t *testing.T) {
	rate := 3.0
	failed := func(_ *Summary, d *Detail) { d.Status = StatusFailed }
	longer := func(r *Summary, _ *Detail) { r.InputLen = 101 }
	answers := func(r *Summary, _ *Detail) { r.OutputLen = 21 }
	ranged := func(_ *Summary, d *Detail) { d.RangeRatio = 0.5 }
	prefixed := func(_ *Summary, d *Detail) { d.PrefixLen = 8 }
	warm := func(_ *Summary, d *Detail) { d.Cache = CacheWarm }
	open := func(_ *Summary, d *Detail) { d.RequestRate = &rate }
	scalingName := func(r *Summary, _ *Detail) { r.Name = fmt.Sprintf("Concurrency Scaling (c=%d)", r.Concurrency) }
	for _, tc := range []struct {
		name string
		all  []Entry
		want []int
	}{
		{"by rising concurrency, among others", []Entry{point(8), point(1, longer), point(2), point(4, answers), point(1)}, []int{4, 2, 0}},
		{"one is none", []Entry{point(8), point(2, longer)}, nil},
		{"the same concurrency twice is none", []Entry{point(8), point(8)}, nil},
		{"a name makes no point", []Entry{point(2, scalingName, longer), point(4, scalingName)}, nil},
		{"input", []Entry{point(2), point(4, longer)}, nil},
		{"output", []Entry{point(2), point(4, answers)}, nil},
		{"range of lengths", []Entry{point(2), point(4, ranged)}, nil},
		{"shared prefix", []Entry{point(2), point(4, prefixed)}, nil},
		{"cache", []Entry{point(2), point(4, warm)}, nil},
		{"an open loop has no concurrency to sweep", []Entry{point(2, open), point(4, open)}, nil},
		{"no concurrency is no point", []Entry{point(0), point(4)}, nil},
		{"what failed is a point", []Entry{point(2), point(4, failed)}, []int{0, 1}},
		{"the longest, then the first", []Entry{point(1, longer), point(2, longer), point(2, ranged), point(4, ranged), point(8, ranged), point(1), point(2), point(3)}, []int{2, 3, 4}},
		{"the longest in what was measured", []Entry{point(1), point(2, failed), point(3, failed), point(2, ranged), point(4, ranged)}, []int{3, 4}},
		{"of one concurrency the first", []Entry{point(2), point(4), point(2)}, []int{0, 1}},
		{"of one concurrency the first that was measured", []Entry{point(2, failed), point(4), point(2), point(2)}, []int{2, 1}},
	} {
		var r Run
		for _, p := range tc.all {
			r.Results, r.Details = append(r.Results, p.Result), append(r.Details, p.Detail)
		}
		if diff := cmp.Diff(tc.want, r.Series()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

// The reference's files have no details: its Mixed Traffic has the lengths of
// its Single User Latency, but not the same ones for each request.
func TestSeriesOfTheReference(t *testing.T) {
	var r Run
	for _, load := range []Summary{
		{Name: "Single User Latency", InputLen: 2048, OutputLen: 512, Concurrency: 1},
		{Name: "Mixed Traffic", InputLen: 2048, OutputLen: 512, Concurrency: 8},
		{Name: "Concurrency Scaling (c=2)", InputLen: 1024, OutputLen: 256, Concurrency: 2},
		{Name: "Concurrency Scaling (c=4)", InputLen: 1024, OutputLen: 256, Concurrency: 4},
	} {
		r.Results = append(r.Results, load)
	}
	if diff := cmp.Diff([]int{2, 3}, r.Series()); diff != "" {
		t.Error(diff)
	}
	r.Results = r.Results[:2]
	if got := r.Series(); got != nil {
		t.Errorf("a series of %v where no scenario of it ran", got)
	}
}

// scaling points as (concurrency, TTFT p99, TPOT p99, output throughput).
func scaling(points ...[4]float64) *Run {
	out := []Summary{{Name: "Decode Stress Test", InputLen: 128, Concurrency: 1, TTFTP99Ms: &one, TPOTP99Ms: &one, OutputThroughput: &huge}}
	for _, p := range points {
		r := Summary{Name: fmt.Sprintf("chat, %g users", p[0]), InputLen: 1024, OutputLen: 256, Concurrency: int(p[0])}
		for i, at := range []**float64{&r.TTFTP99Ms, &r.TPOTP99Ms, &r.OutputThroughput} {
			if v := p[i+1]; v >= 0 {
				*at = &v
			}
		}
		out = append(out, r)
	}
	return &Run{Results: out}
}

var one, huge = 1.0, 1e9

func TestSweetSpotAndPeak(t *testing.T) {
	for _, tc := range []struct {
		name       string
		results    *Run
		spot, peak int // concurrency; 0: none
	}{
		// Lowest TTFT p99 100, TPOT p99 10. c=8 fails by TTFT (201 > 200),
		// c=4 is at the edge and in. Per user: 50, 45.
		{"highest per user among those within 2×", scaling([4]float64{2, 100, 10, 100}, [4]float64{4, 200, 20, 180}, [4]float64{8, 201, 10, 800}), 2, 8},
		{"the lowest figures may be of different points", scaling([4]float64{2, 150, 10, 100}, [4]float64{4, 100, 15, 220}, [4]float64{8, 120, 31, 800}), 4, 8},
		{"equal per user: the lower concurrency", scaling([4]float64{8, 100, 10, 400}, [4]float64{4, 100, 10, 200}), 4, 8},
		{"equal peak: the lower concurrency", scaling([4]float64{8, 100, 10, 400}, [4]float64{4, 100, 10, 400}), 4, 4},
		{"a point without p99 is no candidate, but may be the peak", scaling([4]float64{2, 100, 10, 100}, [4]float64{4, -1, 10, 900}), 2, 4},
		{"the reference writes a missing figure as 0", scaling([4]float64{2, 100, 10, 100}, [4]float64{4, 0, 0, 0}), 2, 2},
		{"the reference's report of December 2025", scaling(
			[4]float64{2, 634.25, 18.58, 109.30}, [4]float64{4, 139.96, 21.38, 178.90}, [4]float64{8, 178.92, 26.03, 288.85},
			[4]float64{16, 247.08, 32.48, 459.05}, [4]float64{32, 446.41, 49.79, 595.37}), 4, 32},
		{"no scaling point", scaling(), 0, 0},
		{"one point is no series", scaling([4]float64{2, 100, 10, 100}), 0, 0},
		{"nobody is within 2× of both", scaling([4]float64{2, 100, 30, 100}, [4]float64{4, 300, 10, 200}), 0, 4},
	} {
		at := func(i int, ok bool) int {
			if !ok {
				return 0
			}
			return tc.results.Results[i].Concurrency
		}
		if got := at(tc.results.SweetSpot()); got != tc.spot {
			t.Errorf("%s: sweet spot c=%d, want %d", tc.name, got, tc.spot)
		}
		if got := at(tc.results.Peak()); got != tc.peak {
			t.Errorf("%s: peak c=%d, want %d", tc.name, got, tc.peak)
		}
	}
}

// The user's limits take the place of the run's own best, and the highest
// output within them wins.
func TestSweetSpotWithLimits(t *testing.T) {
	// Without limits it is c=2: 50 tok/s per user.
	points := [][4]float64{{2, 100, 10, 100}, {4, 150, 12, 160}, {8, 300, 20, 240}, {16, 900, 45, 240}, {32, 2000, 90, 300}, {64, -1, 10, 900}}
	for slo, want := range map[SLO]int{
		{TTFTMs: 300, TPOTMs: 20}:    8, // each limit itself is kept
		{TTFTMs: 299.9, TPOTMs: 20}:  4,
		{TTFTMs: 300, TPOTMs: 11.99}: 2,
		{TPOTMs: 50}:                 8, // c=16 has no more output
		{TTFTMs: 1e6}:                32,
		{TTFTMs: 99}:                 0,
	} {
		r := scaling(points...)
		r.SLO = &slo
		got := 0
		if i, ok := r.SweetSpot(); ok {
			got = r.Results[i].Concurrency
		}
		if got != want {
			t.Errorf("%+v: c=%d, want %d", slo, got, want)
		}
	}
}
