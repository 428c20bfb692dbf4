package result

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Values as numpy.percentile(x, p) gives them, worked out by hand from
// h = (m−1)·p/100.
func TestPercentile(t *testing.T) {
	ten := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	hundredOne := make([]float64, 101) // 0 to 100: every percentile is its own value
	for i := range hundredOne {
		hundredOne[i] = float64(i)
	}
	for _, tc := range []struct {
		name   string
		sorted []float64
		p      float64
		want   float64
	}{
		{"one value is every percentile", []float64{7}, 99, 7},
		{"one value, p0", []float64{7}, 0, 7},
		{"two values: h = 0.99", []float64{10, 20}, 99, 19.9},
		{"two values, median: h = 0.5", []float64{10, 20}, 50, 15},
		{"even count, median: h = 4.5", ten, 50, 5.5},
		{"p90 of ten: h = 8.1", ten, 90, 9.1},
		{"p95 of ten: h = 8.55", ten, 95, 9.55},
		{"p99 of ten: h = 8.91", ten, 99, 9.91},
		{"p0 is the least", ten, 0, 1},
		{"p100 is the greatest, with nothing behind it", ten, 100, 10},
		{"h is whole: no interpolation", hundredOne, 99, 99},
		{"equal values", []float64{3, 3, 3, 3}, 75, 3},
		{"below 0 interpolates the same: h = 0.25", []float64{-4, 0}, 25, -3},
	} {
		got, ok := Percentile(tc.sorted, tc.p)
		if !ok || math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%s: p%v = %v, %v, want %v", tc.name, tc.p, got, ok, tc.want)
		}
	}
	if v, ok := Percentile(nil, 50); ok {
		t.Errorf("percentile of nothing is %v, want none", v)
	}
}

func TestDist(t *testing.T) {
	if d := NewDist(nil); d != nil {
		t.Errorf("distribution of nothing is %+v, want nil", d)
	}
	in := []float64{4, 2, 9, 5}
	// Mean 5; deviations −1 −3 4 0: population std √(26/4). Sorted 2 4 5 9:
	// median h = 1.5: 4.5; p90 h = 2.7: 5+0.7·4 = 7.8; p95 h = 2.85: 8.4;
	// p99 h = 2.97: 8.88.
	want := &Dist{Count: 4, Mean: 5, Std: math.Sqrt(6.5), Min: 2, Median: 4.5, P90: 7.8, P95: 8.4, P99: 8.88, Max: 9}
	if diff := cmp.Diff(want, NewDist(in), cmpopts.EquateApprox(1e-9, 1e-12)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{4, 2, 9, 5}, in); diff != "" {
		t.Error("the sample was changed:\n" + diff)
	}
}

// rec is a successful request from its admission and token times in seconds.
func rec(admitted float64, tokens ...float64) Record {
	first := tokens[0]
	return Record{Admitted: admitted, Intended: admitted, PrefillStart: &admitted, FirstToken: &first,
		TokenTimes: tokens, End: tokens[len(tokens)-1], OutputTokens: len(tokens), InputTokens: 10}
}

func pointers(recs []Record) []*Record {
	var out []*Record
	for i := range recs {
		out = append(out, &recs[i])
	}
	return out
}

func TestPeakThroughput(t *testing.T) {
	for _, tc := range []struct {
		name string
		recs []Record
		want int
	}{
		{"nothing", nil, 0},
		{"a run under a second gives its count", []Record{rec(5, 5.1, 5.2, 5.9)}, 3},
		// Windows from 0.5: [0.5, 1.5) has 1.4; [1.5, 2.5) has 1.5 1.6 2.4;
		// [2.5, …) has 2.5. A sliding window would find 1.4 to 2.4: 4.
		{"windows are fixed at the earliest start", []Record{rec(0.5, 1.4, 1.5, 1.6, 2.4, 2.5)}, 3},
		// The second request starts later: the windows are still at 0.
		{"requests are pooled", []Record{rec(0, 0.9, 1.1), rec(0.5, 1.2, 1.9, 2.0)}, 3},
		// 1.4 − 0.4 is 0.9999999999999999 in binary, and is a whole second.
		{"a token at the edge belongs to the next window", []Record{rec(0.4, 0.5, 1.4)}, 1},
	} {
		if got := peakThroughput(pointers(tc.recs)); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestPeakConcurrency(t *testing.T) {
	for _, tc := range []struct {
		name string
		recs []Record
		want int
	}{
		{"nothing", nil, 0},
		{"end to start does not overlap", []Record{rec(0, 1), rec(1, 2), rec(2, 3)}, 1},
		{"the middle one overlaps both", []Record{rec(0, 2), rec(1, 4), rec(3, 5)}, 2},
		{"all at once", []Record{rec(0, 2), rec(0, 2), rec(0, 1)}, 3},
	} {
		if got := peakConcurrency(pointers(tc.recs)); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// What nothing was measured for is nil, never 0.
func TestMissingIsNil(t *testing.T) {
	sc := Scenario{Name: "s", Input: 10, Output: 1, Concurrency: 2, Prompts: 2, SLO: SLO{E2ELMs: 1500}}
	reason := "context too small"
	r, d := Summarize(sc, nil, Measured{Status: StatusFailed, Error: reason, Dropped: 2})
	want := Summary{Name: "s", InputLen: 10, OutputLen: 1, Concurrency: 2, NumPrompts: 2, Error: &reason}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error("no request (-want +got):\n" + diff)
	}
	wantD := Detail{Name: "s", Status: StatusFailed, Waves: 1, Dropped: 2, SLO: &sc.SLO,
		Warnings: []string{"2 of 2 requests were never started", "one burst only: 2 prompts at concurrency 2"}}
	if diff := cmp.Diff(wantD, d); diff != "" {
		t.Error("no request (-want +got):\n" + diff)
	}

	// One token each: no TPOT and no ITL, but good by the limits given.
	r, d = Summarize(sc, []Record{rec(0, 1), rec(0, 2)}, Measured{Status: StatusComplete})
	if r.TPOTMeanMs != nil || r.ITLP99Ms != nil || r.TGSpeed != nil || d.TPOT != nil || d.OverheadRatio != nil {
		t.Errorf("one token: %+v", r)
	}
	if *d.Goodput != 0.5 { // one of two within 1.5 s, D = 2 s
		t.Errorf("goodput %v, want 0.5", *d.Goodput)
	}
}

// ITL is pooled: a request with more tokens weighs more. TPOT is per request.
func TestPooling(t *testing.T) {
	long, short := rec(0, 1, 2, 3, 4), rec(0, 1, 6)
	long.ReusedTokens = 4
	bad := rec(0, 1)
	bad.Error = "x"
	bad2 := bad
	bad2.Error = "a"
	sc := Scenario{Name: "s", Input: 10, Output: 4, Concurrency: 1, Prompts: 4}
	r, d := Summarize(sc, []Record{short, bad, long, bad2, bad}, Measured{Status: StatusComplete, StartS: -2, PromptTokens: 16, PromptS: 2})
	// ITL 1 1 1 5: mean 2 s. TPOT 1 and 5: mean 3 s. D = 6 − (−2) = 8 s.
	if *r.ITLMeanMs != 2000 || *r.TPOTMeanMs != 3000 || *r.DurationS != 8 {
		t.Errorf("ITL %v, TPOT %v, D %v", *r.ITLMeanMs, *r.TPOTMeanMs, *r.DurationS)
	}
	if *d.EnginePrefill != 8 || d.ReusedTokens != 4 {
		t.Errorf("prefill %v tokens/s, %d reused", *d.EnginePrefill, d.ReusedTokens)
	}
	if diff := cmp.Diff([]Failure{{"x", 2}, {"a", 1}}, d.Failures); diff != "" {
		t.Error(diff)
	}
	if r.FailedRequests != 3 || r.SuccessfulRequests != 2 {
		t.Errorf("%v failed, %v successful", r.FailedRequests, r.SuccessfulRequests)
	}
}

// The journal has records in the order of their ends, a restored one may have
// another: the figures are the same to the last bit.
func TestSummaryIgnoresOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var recs []Record
	for i := range 40 {
		at := float64(rng.IntN(1e6)) / 1e6
		r := rec(at, at+0.1, at+0.1+rng.Float64(), at+2)
		r.Request = i
		recs = append(recs, r)
	}
	sc := Scenario{Name: "s", Input: 10, Output: 3, Concurrency: 4, Prompts: 40}
	r1, d1 := Summarize(sc, recs, Measured{})
	rng.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
	r2, d2 := Summarize(sc, recs, Measured{})
	if diff := cmp.Diff(r1, r2) + cmp.Diff(d1, d2); diff != "" {
		t.Error(diff)
	}
}
