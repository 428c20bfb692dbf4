package bench

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

// A trace's requests arrive when it says, at its speed; with the prefix cache the
// blocks that a finished request has left are reused, exactly.
func TestTraceIsServed(t *testing.T) {
	data := `{"timestamp": 0, "input_length": 1100, "output_length": 3, "hash_ids": [1, 2, 3]}
{"timestamp": 4000, "input_length": 1030, "output_length": 3, "hash_ids": [1, 2, 4]}
{"timestamp": 8000, "input_length": 600, "output_length": 3, "hash_ids": [1, 5]}
`
	s, texts := fileSuite(t, data, "trace: d.jsonl, speedup: 2, concurrency: 2")
	s, _ = texts.Measure(s, testVocab(), 1, 0)
	for _, warm := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o := &fakeOpener{t: t, prepare: func(_ int, f *fakeEngine) { f.base, f.perToken = time.Millisecond, 100*time.Microsecond }}
			var records []result.Record
			run, err := Run(t.Context(), Config{Suite: s, Vocab: testVocab(), Seed: 1, Texts: texts, Opener: o, NoWarmup: true, PrefixCache: warm,
				Journal: sinkFunc(func(r *result.Record) error { records = append(records, *r); return nil })})
			if err != nil || len(records) != 3 {
				t.Fatalf("%d records, %v", len(records), err)
			}
			d := &run.Details[0]
			for i, want := range []float64{0, 2, 4} {
				if at := records[i].Intended - d.StartS; math.Abs(at-want) > 1e-5 {
					t.Errorf("request %d came at %v s, want %v", i, at, want)
				}
			}
			var reused []int
			for _, r := range records {
				reused = append(reused, r.ReusedTokens)
			}
			want := []int{0, 0, 0}
			if warm {
				want = []int{0, 1024, 512}
			}
			for i := range want {
				// One token more may be the same by chance.
				if reused[i] < want[i] || reused[i] > want[i]+2 || !warm && reused[i] > 0 {
					t.Errorf("warm %v: reused %v, want %v", warm, reused, want)
				}
			}
			if diff := cmp.Diff(3.0/4, *d.RequestRate, near); diff != "" || d.Burstiness != nil || d.Dataset.Speedup != 2 || d.LateRequests != 0 {
				t.Errorf("rate %v, burstiness %v, %+v: %s", *d.RequestRate, d.Burstiness, d.Dataset, diff)
			}
		})
	}
}
