package bench

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// openLoop drives an open loop over a fake whose steps take base + perToken ×
// tokens, with the built-in budget of 512 tokens.
func openLoop(t *testing.T, sc result.Scenario, seed uint64, base, perToken time.Duration) (*executor, result.Summary, result.Detail) {
	t.Helper()
	w := mustWorkload(t, suite.WorkloadSpec{Scenario: sc, Vocab: testVocab(), Seed: seed, Total: sc.Prompts})
	d, f := executorOver(t, w, 512)
	f.base, f.perToken = base, perToken
	if err := d.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	m := result.Measured{Status: result.StatusComplete}
	d.measured(&m)
	r, det := result.Summarize(sc, d.records, m)
	return d, r, det
}

// A request that finds a slot free is admitted when it comes, not at the next
// step boundary: the wait for the running step is part of its TTFT.
func TestOpenLoopFromArrival(t *testing.T) {
	for rate, want := range map[float64]float64{1: 136.9, 2: 153.7, 3: 176.9} {
		synctest.Test(t, func(t *testing.T) {
			sc := result.Scenario{Name: "s", Input: 512, Output: 64, Concurrency: 64, Prompts: 200, RequestRate: rate}
			d, r, det := openLoop(t, sc, 1, 8*time.Millisecond, 200*time.Microsecond)
			if math.Abs(*r.TTFTMeanMs-want) > 0.05 {
				t.Errorf("%v requests/s: TTFT %v ms, want %v", rate, *r.TTFTMeanMs, want)
			}
			sum := 0.0
			for _, rec := range d.records {
				sum += *rec.FirstToken - rec.Intended
			}
			if got := sum / 200 * 1000; math.Abs(got-*r.TTFTMeanMs) > 1e-9 {
				t.Errorf("%v requests/s: %v ms from the schedule, TTFT %v ms", rate, got, *r.TTFTMeanMs)
			}
			if det.Queue.Max != 0 || det.LateRequests != 0 {
				t.Errorf("%v requests/s: slots were always free, and requests waited %v s, %d were late", rate, det.Queue.Max, det.LateRequests)
			}
		})
	}
}

// Two slots, steps of 10 ms: request 0 runs in slot 0 until 30. Request 1 came
// at 22 and found slot 1 free all along; that the lowest slot is free when it
// is looked at changes nothing. Request 2 came at 24, when only slot 0 could
// still become free, which it did at 30.
func TestAdmissionTakesTheLongestFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 4, Output: 3, Concurrency: 2, Prompts: 3, RequestRate: 20}
		w := testWorkload(t, sc)
		for i, at := range []float64{0, 0.022, 0.024} {
			w.Requests[i].Arrival = at
		}
		d, f := executorOver(t, w, 16)
		if err := d.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 3)
		for _, r := range d.records {
			got[r.Request] = r.Admitted
		}
		if diff := cmp.Diff([]float64{0, 0.022, 0.030}, got, near); diff != "" {
			t.Error("admissions (-want +got):\n" + diff)
		}
		if want := "0@0+4* 1@0+4*"; f.steps[3] != want {
			t.Errorf("step 4 is %q, want %q: the lowest slot first", f.steps[3], want)
		}
	})
}

// Far more come than one slot takes. From their admission all 60 requests keep
// 20 ms to the first token and 60 ms in all; from when they came, two do.
func TestGoodputFromArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "Over", Input: 64, Output: 16, Concurrency: 1, Prompts: 60, RequestRate: 2000,
			SLO: result.SLO{TTFTMs: 20, E2ELMs: 60}}
		d, r, det := openLoop(t, sc, 0, time.Millisecond, 0)
		good := 0
		for _, rec := range d.records {
			if *rec.FirstToken-rec.Intended <= 0.020 && rec.End-rec.Intended <= 0.060 {
				good++
			}
		}
		if want := 2 / *r.DurationS; good != 2 || math.Abs(*det.Goodput-want) > 1e-9 {
			t.Errorf("%d good, goodput %v, want 2 and %v", good, *det.Goodput, want)
		}
		sc.RequestRate = 0 // in a closed loop the limits hold from the admission
		if _, det := result.Summarize(sc, d.records, result.Measured{Status: result.StatusComplete}); math.Abs(*det.Goodput - 60 / *r.DurationS) > 1e-9 {
			t.Errorf("closed loop: goodput %v", *det.Goodput)
		}
	})
}
