package bench

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
	"ceiling/kernels"
)

// near compares numbers to the last few bits.
var near = cmpopts.EquateApprox(1e-9, 1e-12)

var scheduleCases = []struct {
	name   string
	sc     result.Scenario
	budget int
	want   []string
}{{
	// The 6 prompt tokens of request 0 take the budget of 4 first, then 2
	// of the second step; request 1 gets what is left. From the third
	// step on decoding 0 comes before the prompt of 1. Request 2 enters
	// slot 0 when request 0 has ended, in step 5.
	name:   "a prompt is cut at the budget, the next one fills the rest, decode goes first",
	sc:     result.Scenario{Name: "s", Input: 6, Output: 3, Concurrency: 2, Prompts: 3},
	budget: 4,
	want: []string{
		"0@0+4",
		"0@4+2* 1@0+2",
		"0@6+1* 1@2+3",
		"0@7+1* 1@5+1*",
		"0@0+3 1@6+1*",
		"0@3+3* 1@7+1*",
		"0@6+1*",
		"0@7+1*",
	},
}, {
	name:   "one request alone",
	sc:     result.Scenario{Name: "s", Input: 3, Output: 2, Concurrency: 1, Prompts: 2},
	budget: 8,
	want:   []string{"0@0+3*", "0@3+1*", "0@0+3*", "0@3+1*"},
}, {
	name:   "a prompt of exactly the budget is one step, one token more is two",
	sc:     result.Scenario{Name: "s", Input: 5, Output: 1, Concurrency: 1, Prompts: 1},
	budget: 5,
	want:   []string{"0@0+5*"},
}, {
	name:   "one token over the budget",
	sc:     result.Scenario{Name: "s", Input: 6, Output: 1, Concurrency: 1, Prompts: 1},
	budget: 5,
	want:   []string{"0@0+5", "0@5+1*"},
}, {
	// Both prompts fit into one step, and both end in the third; the two
	// new requests take the lowest slot first.
	name:   "slots that become free together are filled from the lowest",
	sc:     result.Scenario{Name: "s", Input: 2, Output: 2, Concurrency: 2, Prompts: 4},
	budget: 8,
	want: []string{
		"0@0+2* 1@0+2*", "0@2+1* 1@2+1*",
		"0@0+2* 1@0+2*", "0@2+1* 1@2+1*",
	},
}, {
	// With as many slots as budget, one decoding sequence leaves one
	// token a step to the other's prompt: slow, but neither stands still.
	name:   "neither prefill nor decode starves at the smallest budget",
	sc:     result.Scenario{Name: "s", Input: 3, Output: 4, Concurrency: 2, Prompts: 2},
	budget: 2,
	want: []string{
		"0@0+2", "0@2+1* 1@0+1", "0@3+1* 1@1+1", "0@4+1* 1@2+1*",
		"0@5+1* 1@3+1*", "1@4+1*", "1@5+1*",
	},
}, {
	// Request 0 ends in the second step, so request 3 gets slot 0; but
	// requests 1 and 2 have waited longer, and go first.
	name:   "prompts wait in the order of admission, not of slots",
	sc:     result.Scenario{Name: "s", Input: 4, Output: 1, Concurrency: 3, Prompts: 4},
	budget: 3,
	want: []string{
		"0@0+3", "0@3+1* 1@0+2", "1@2+2* 2@0+1", "2@1+3*", "0@0+3", "0@3+1*",
	},
}}

// Every step takes 10 ms, so the batches are the timetable.
func TestSchedule(t *testing.T) {
	for _, tc := range scheduleCases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, f := testExecutor(t, tc.sc, tc.budget)
				if err := d.run(context.Background()); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, f.steps); diff != "" {
					t.Error("steps (-want +got):\n" + diff)
				}
				if len(d.records) != tc.sc.Prompts {
					t.Errorf("%d records, want %d", len(d.records), tc.sc.Prompts)
				}
			})
		})
	}
}

// The timetable of the first case above, with steps of 10 ms:
//
//	request  admitted  first prompt token in the step from  tokens at
//	0        0         0                                    20 30 40
//	1        0         10                                   40 50 60
//	2        40        40                                   60 70 80
func TestMetricsByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Category: "c", Purpose: "p", Input: 6, Output: 3, Concurrency: 2, Prompts: 3,
			SLO: result.SLO{TTFTMs: 20, TPOTMs: 10}}
		d, _ := testExecutor(t, sc, 4)
		if err := d.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		m := result.Measured{Status: result.StatusComplete, Cache: result.CacheCold}
		d.measured(&m)
		r, det := result.Summarize(sc, d.records, m)
		p := func(v float64) *float64 { return &v }

		// TTFT 20, 40, 20 ms: mean 80/3; median 20; p99 at h = 2·0.99 = 1.98
		// between 20 and 40: 20 + 0.98·20 = 39.6.
		// TPOT (40−20)/2 = (60−40)/2 = (80−60)/2 = 10 ms. ITL 10 ms, six times.
		// D = 80 ms: 3/0.08 = 37.5 requests/s, 9/0.08 = 112.5 tokens/s out,
		// (18+9)/0.08 = 337.5 in all. Peak: all 9 in the first second.
		// pp = 6/(0.08/3) = 225, tg = 1/0.01 = 100 tokens/s.
		want := result.Summary{
			Name: "s", InputLen: 6, OutputLen: 3, Concurrency: 2, NumPrompts: 3,
			SuccessfulRequests: 3, DurationS: p(0.08), TotalInputTokens: 18, TotalOutputTokens: 9,
			RequestThroughput: p(37.5), OutputThroughput: p(112.5), PeakOutputThroughput: p(9), TotalThroughput: p(337.5),
			TTFTMeanMs: p(80.0 / 3), TTFTMedianMs: p(20), TTFTP99Ms: p(39.6),
			TPOTMeanMs: p(10), TPOTMedianMs: p(10), TPOTP99Ms: p(10),
			ITLMeanMs: p(10), ITLMedianMs: p(10), ITLP99Ms: p(10),
			PPSpeed: p(225), TGSpeed: p(100),
		}
		if diff := cmp.Diff(want, r, near); diff != "" {
			t.Error("result (-want +got):\n" + diff)
		}

		// E2EL 40, 60, 40. Prefill from the step that held the first token:
		// 20−0, 40−10, 60−40 = 20, 30, 20. The engine's rate: of the steps of
		// 10 ms the prompts have 4/4, 4/4, 3/4, 1/2, 3/4, 3/4 and then nothing:
		// 18 tokens in 47.5 ms. The wait is what TTFT has before: 0, 10, 0, std
		// √((100+400+100)/9/3). Decode 20 each. Std of 20, 40, 20: mean 80/3, deviations −20/3, 40/3, −20/3:
		// √((400+1600+400)/9/3) = √(2400/27) = 9.428…
		// Requests 0 and 2 keep both limits, to the millisecond: 2/0.08 = 25.
		beside := kernels.Work{Decode: 4, Context: 30, Prompt: 10, PromptContext: 39, Wanted: 6, Graphs: 7}
		alone := kernels.Work{Decode: 2, Context: 15, Wanted: 2, Graphs: 2}
		wantDetail := result.Detail{
			Name: "s", Category: "c", Purpose: "p", Status: result.StatusComplete, Cache: result.CacheCold,
			TTFT:    &result.Dist{Count: 3, Mean: 0.08 / 3, Std: math.Sqrt(2400.0/27) / 1000, Min: 0.02, Median: 0.02, P90: 0.036, P95: 0.038, P99: 0.0396, Max: 0.04},
			TPOT:    &result.Dist{Count: 3, Mean: 0.01, Min: 0.01, Median: 0.01, P90: 0.01, P95: 0.01, P99: 0.01, Max: 0.01},
			ITL:     &result.Dist{Count: 6, Mean: 0.01, Min: 0.01, Median: 0.01, P90: 0.01, P95: 0.01, P99: 0.01, Max: 0.01},
			E2EL:    &result.Dist{Count: 3, Mean: 0.14 / 3, Std: math.Sqrt(2400.0/27) / 1000, Min: 0.04, Median: 0.04, P90: 0.056, P95: 0.058, P99: 0.0596, Max: 0.06},
			Queue:   &result.Dist{Count: 3},
			Wait:    &result.Dist{Count: 3, Mean: 0.01 / 3, Std: math.Sqrt(2.0) / 300, Median: 0, P90: 0.008, P95: 0.009, P99: 0.0098, Max: 0.01},
			Prefill: &result.Dist{Count: 3, Mean: 0.07 / 3, Std: math.Sqrt(2400.0/27) / 2000, Min: 0.02, Median: 0.02, P90: 0.028, P95: 0.029, P99: 0.0298, Max: 0.03},
			Decode:  &result.Dist{Count: 3, Mean: 0.02, Min: 0.02, Median: 0.02, P90: 0.02, P95: 0.02, P99: 0.02, Max: 0.02},
			PPMean:  p(225), PPMedian: p(300), EnginePrefill: p(18 / 0.0475), PerUser: p(56.25), Goodput: p(25), SLO: &result.SLO{TTFTMs: 20, TPOTMs: 10},
			// Steps 3, 5 and 6 have unequal parts of two sequences: two graphs each.
			GraphsPerStep: p(11.0 / 8),
			// Two steps of 4 prompt tokens, which attend to 1+2+3+4 and (5+6)+(1+2);
			// four in which one sequence decodes, with 7, 8, 7, 8 positions, beside 3,
			// 1, 3, 3 prompt tokens; and the last one's own two.
			Mix: &kernels.Mix{
				Prompt: kernels.MixPart{Steps: 2, Seconds: 0.02, Sum: kernels.Work{Prompt: 8, PromptContext: 24, Wanted: 1, Graphs: 2}},
				Mixed:  kernels.MixPart{Steps: 4, Seconds: 0.04, Sum: beside, Seen: beside, SeenSeconds: 0.04},
				Decode: kernels.MixPart{Steps: 2, Seconds: 0.02, Sum: alone, Seen: alone, SeenSeconds: 0.02},
			},
			// Both slots are busy until 60 ms, and both have had a token from 40 ms
			// on: in 20 of 80 ms there are those at 50 and 60, and the first of
			// request 2; 40–50 and 50–60 are gaps inside.
			SteadyState:    &result.SteadyState{StartS: 0.04, EndS: 0.06, Outside: 0.75, Tokens: 3, OutputThroughput: 150, TPOTMs: p(10)},
			PeakConcurrent: 2, Waves: 1.5, Steps: 8, EngineS: 0.08, OverheadRatio: p(0), EndS: 0.08,
			Warnings: []string{"p99 of TTFT and TPOT from 3 values: 100 needed", "p99 of ITL from 6 values: 100 needed"},
		}
		if diff := cmp.Diff(wantDetail, det, near); diff != "" {
			t.Error("detail (-want +got):\n" + diff)
		}
	})
}

// An engine that computes a token in a fixed time, prompt or not, has that
// prefill rate under every load, whatever the steps hold: 1/0.2 ms.
func TestEnginePrefillIsTheEngines(t *testing.T) {
	for _, sc := range []result.Scenario{
		{Name: "alone", Input: 500, Output: 3, Concurrency: 1, Prompts: 3},
		{Name: "prompts share steps with each other and with decoding", Input: 500, Output: 40, Concurrency: 16, Prompts: 64, RangeRatio: 0.5},
		{Name: "prompts over several steps", Input: 1000, Output: 2, Concurrency: 8, Prompts: 24},
		{Name: "one token more than the step", Input: 513, Output: 9, Concurrency: 4, Prompts: 9},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, f := testExecutor(t, sc, 512)
			f.base, f.perToken = 0, 200*time.Microsecond
			if err := d.run(context.Background()); err != nil {
				t.Fatal(err)
			}
			m := result.Measured{Status: result.StatusComplete}
			d.measured(&m)
			r, det := result.Summarize(sc, d.records, m)
			if det.EnginePrefill == nil || math.Abs(*det.EnginePrefill-5000) > 1e-6 || m.PromptTokens != int64(r.TotalInputTokens) {
				t.Errorf("%s: engine prefill %v tok/s of %d tokens, want 5000 of %v", sc.Name, *det.EnginePrefill, m.PromptTokens, r.TotalInputTokens)
			}
		})
	}
}

// One slot; each request is one step for its prompt and two for the other
// tokens, 10 ms each.
//
//	request  intended  admitted  tokens at    why
//	0        5         5         15 25 35
//	1        10        35        45 55 65     waited while whole steps ran: late
//	2        60        65        75 85 95     came during the step from 55: on time
//	3        200       200       210 220 230  105 ms of nothing to do before it
func TestOpenLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 4, Output: 3, Concurrency: 1, Prompts: 4, RequestRate: 20}
		w := testWorkload(t, sc)
		for i, at := range []float64{0.005, 0.010, 0.060, 0.200} {
			w.Requests[i].Arrival = at
		}
		d, _ := executorOver(t, w, 8)
		if err := d.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		type row struct {
			Intended, Admitted, First, End float64
			Late                           bool
		}
		var got []row
		for _, r := range d.records {
			got = append(got, row{r.Intended, r.Admitted, *r.FirstToken, r.End, r.Late})
		}
		want := []row{
			{0.005, 0.005, 0.015, 0.035, false},
			{0.010, 0.035, 0.045, 0.065, true},
			{0.060, 0.065, 0.075, 0.095, false},
			{0.200, 0.200, 0.210, 0.230, false},
		}
		if diff := cmp.Diff(want, got, near); diff != "" {
			t.Error("requests (-want +got):\n" + diff)
		}
		m := result.Measured{Status: result.StatusComplete}
		d.measured(&m)
		r, det := result.Summarize(sc, d.records, m)
		// D counts from the scenario's start, the wait for the first arrival
		// included. TTFT counts from admission, the queue stands apart: 0,
		// 25, 5, 0 ms.
		if *r.DurationS != 0.230 || math.Abs(*r.TTFTMeanMs-10) > 1e-9 || math.Abs(det.Queue.Mean-0.0075) > 1e-12 {
			t.Errorf("duration %v s, TTFT %v ms, queue %v s", *r.DurationS, *r.TTFTMeanMs, det.Queue.Mean)
		}
		// From the first step at 5 to the end at 230 there are 120 ms in
		// steps and 105 ms of waiting, so nothing is left for us.
		if d.meter.waited != 105*time.Millisecond || d.meter.outside() != 0 {
			t.Errorf("waited %v, outside %v", d.meter.waited, d.meter.outside())
		}
		if det.LateRequests != 1 || !strings.HasPrefix(det.Warnings[0], "1 of 4 requests started late") {
			t.Errorf("late %d, warnings %q", det.LateRequests, det.Warnings)
		}
	})
}

// What happens between steps is overhead: here a sink that takes 3 ms for
// each of two requests, the second after the last step.
func TestOverhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := testExecutor(t, result.Scenario{Name: "s", Input: 4, Output: 2, Concurrency: 1, Prompts: 2}, 8)
		d.sink = sinkFunc(func(*result.Record) error { time.Sleep(3 * time.Millisecond); return nil })
		if err := d.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if d.meter.inside != 40*time.Millisecond || d.meter.outside() != 3*time.Millisecond {
			t.Errorf("inside %v, outside %v, want 40ms and 3ms", d.meter.inside, d.meter.outside())
		}
	})
}

// The time of a step grows with its tokens; decode goes on at every step
// while a long prompt is computed, and the prompt is never without tokens.
func TestNoStarvation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 40, Output: 30, Concurrency: 8, Prompts: 24, RangeRatio: 0.9}
		d, f := testExecutor(t, sc, 16)
		f.base, f.perToken = time.Millisecond, time.Millisecond
		d.watch = watchFunc(func(d *executor, prompt, decoded int) {
			for i, s := range d.batcher.slots {
				if s.phase == decode && len(s.given) == 0 {
					t.Errorf("step %d: slot %d decodes and got nothing", d.meter.steps, i)
				}
			}
			if total := prompt + decoded; total < 16 && len(d.batcher.queue) > 0 {
				t.Errorf("step %d: %d tokens with prompts waiting", d.meter.steps, total)
			}
		})
		if err := d.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, r := range d.records {
			if r.OutputTokens != d.work.Requests[r.Request].Output {
				t.Errorf("request %d has %d tokens, want %d", r.Request, r.OutputTokens, d.work.Requests[r.Request].Output)
			}
		}
	})
}

type watchFunc func(d *executor, prompt, decode int)

func (w watchFunc) step(d *executor, prompt, decode int, _ time.Duration) { w(d, prompt, decode) }

type sinkFunc func(*result.Record) error

func (s sinkFunc) Append(records []result.Record) error {
	for i := range records {
		if err := s(&records[i]); err != nil {
			return err
		}
	}
	return nil
}
func (s sinkFunc) Flush() error { return nil }

// An engine that breaks its contract is an error, not an index out of range.
func TestEngineContract(t *testing.T) {
	for name, out := range map[string][]int32{
		"no token": {}, "two tokens": {1, 2}, "a negative id": {-1}, "an id past the vocabulary": {100},
	} {
		b := newBatcher(1, 8, 100)
		b.admit(0, []int32{5, 6}, 0, 3)
		var batch StepBatch
		b.fill(&batch, 8)
		if err := b.apply(out); err == nil || !strings.Contains(err.Error(), "engine returned") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestFits(t *testing.T) {
	w := testWorkload(t, result.Scenario{Name: "s", Input: 10, Output: 5, Concurrency: 4, Prompts: 4})
	spec := SessionSpec{Sequences: 4, TokensPerSequence: 15}
	if err := fits(w, spec, 4); err != nil {
		t.Errorf("fits exactly: %v", err)
	}
	short, few := spec, spec
	short.TokensPerSequence, few.Sequences = 14, 3
	for want, err := range map[string]error{
		`request 0 needs "15" tokens (10 in, 5 out), and a sequence of the session holds 14`: fits(w, short, 4),
		`"4" requests in flight exceed the session's 3 sequences`:                            fits(w, few, 4),
		`"4" requests in flight exceed the 3 tokens of one step`:                             fits(w, spec, 3),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s…", err, want)
		}
	}
}

// The requests in flight fail with the engine's reason, in one line; those
// that ended stay, and the ones that never started have no record.
func TestFailInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, f := testExecutor(t, result.Scenario{Name: "s", Input: 2, Output: 2, Concurrency: 2, Prompts: 6}, 8)
		f.failAt, f.failErr = 4, errFake
		err := d.run(context.Background())
		if !errors.Is(err, errFake) {
			t.Fatalf("error %v", err)
		}
		if err := d.fail(oneline.Err(err)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range d.records {
			got = append(got, r.Error)
		}
		reason := "no KV slot: try a smaller batch"
		if diff := cmp.Diff([]string{"", "", reason, reason}, got); diff != "" {
			t.Error(diff)
		}
		// The failed ones had their first token at 30 ms, and failed at 40.
		if r := d.records[2]; r.OutputTokens != 1 || *r.FirstToken != 0.030 || r.End != 0.040 {
			t.Errorf("failed record %+v", r)
		}
	})
}

// TestStoredBeforeNextStep: what a step has ended is in the file when the next
// one begins, and all of it came in one call.
func TestStoredBeforeNextStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	j, err := result.CreateJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	sink := &countingSink{RecordSink: j}
	d, eng := testExecutor(t, result.Scenario{Name: "s", Input: 8, Output: 3, Concurrency: 4, Prompts: 12}, 64)
	d.sink = sink
	lines := func() int {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(text, []byte("\n"))
	}
	eng.onStep = func(step int) {
		if want := (step - 1) / 3 * 4; lines() != want { // bursts of four, three steps each
			t.Errorf("step %d begins with %d of %d records written", step, lines(), want)
		}
	}
	if err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if lines() != 12 || sink.calls != 3 {
		t.Errorf("%d records in %d calls, want 12 in 3", lines(), sink.calls)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// countingSink counts the calls of a sink.
type countingSink struct {
	result.RecordSink
	calls int
}

func (c *countingSink) Append(records []result.Record) error {
	c.calls++
	return c.RecordSink.Append(records)
}
