package bench

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// chats drives conversations over a fake whose steps take 1 ms and 1 ms a token,
// with the prefix cache or without.
func chats(t *testing.T, sc result.Scenario, warm bool) (*executor, *fakeEngine, result.Summary, result.Detail) {
	t.Helper()
	w := mustWorkload(t, suite.WorkloadSpec{Scenario: sc, Vocab: testVocab(), Seed: 1, Total: sc.Requests()})
	d, f := executorOver(t, w, 512)
	f.base, f.perToken = time.Millisecond, time.Millisecond
	if warm {
		f.spec.Unified = true
		f.spec.Sequences++ // one to keep a finished conversation in
		f.spec.TotalTokens = (sc.InFlight() + 1) * sc.LongestRequest()
		d.cache = newPrefixCache(int32(sc.InFlight()), 1, sc.LongestRequest())
	}
	if err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := result.Measured{Status: result.StatusComplete}
	d.measured(&m)
	r, det := result.Summarize(sc, d.records, m)
	for i := range d.records {
		if err := d.records[i].Check(); err != nil {
			t.Error(err)
		}
	}
	return d, f, r, det
}

// Each turn's prompt is all that was said and what the user adds. With the prefix
// cache its TTFT is that of the new tokens and of the answer's last one, which was
// never computed; without, of all.
func TestTurns(t *testing.T) {
	sc := result.Scenario{Name: "s", Input: 20, Output: 5, Concurrency: 1, Prompts: 2, Turns: 3, ThinkS: 0.5}
	var texts [2][]string // of every turn's prompt and answer
	for k, warm := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d, f, r, det := chats(t, sc, warm)
			var got []string
			for _, rec := range d.records {
				got = append(got, fmt.Sprintf("%d turn %d: %d in, %d reused, TTFT %.0f ms, from %.3f",
					rec.Request, rec.Turn, rec.InputTokens, rec.ReusedTokens, 1000*rec.TTFT(), rec.Admitted-d.records[0].Admitted))
			}
			want := []string{
				"0 turn 0: 20 in, 0 reused, TTFT 21 ms, from 0.000",
				"1 turn 1: 45 in, 0 reused, TTFT 46 ms, from 0.529",
				"2 turn 2: 70 in, 0 reused, TTFT 71 ms, from 1.083",
			}
			if warm {
				want = []string{
					"0 turn 0: 20 in, 0 reused, TTFT 21 ms, from 0.000",
					"1 turn 1: 45 in, 24 reused, TTFT 22 ms, from 0.529",
					"2 turn 2: 70 in, 49 reused, TTFT 22 ms, from 1.059",
				}
			}
			if diff := cmp.Diff(want, got[:3]); diff != "" {
				t.Errorf("warm %v (-want +got):\n%s", warm, diff)
			}
			if r.NumPrompts != 6 || r.SuccessfulRequests != 6 || len(det.Turns) != 3 || det.Turns[1].Input != 45 || r.InputLen != 45 {
				t.Errorf("warm %v: %+v, %+v", warm, r, det.Turns)
			}
			reused := map[bool]float64{true: 49}[warm]
			if at := det.Turns[2]; at.Reused != reused || at.New != 70-reused || at.TTFT.Count != 2 {
				t.Errorf("warm %v: turn 3 is %+v", warm, at)
			}
			if det.ReusedTokens != int64(2*reused+map[bool]float64{true: 48}[warm]) {
				t.Errorf("warm %v: %d reused", warm, det.ReusedTokens)
			}
			// The longest of what a sequence held are the whole conversations.
			for _, ids := range f.ended {
				if len(ids) == 74 {
					texts[k] = append(texts[k], fmt.Sprint(ids))
				}
			}
		})
	}
	if len(texts[0]) != 2 || !slices.Equal(texts[0], texts[1]) {
		t.Errorf("conversations differ with the cache:\n%v\n%v", texts[0], texts[1])
	}
}

// While a user thinks the others go on, no other conversation takes the slot, and
// nobody waits for a slot that is free.
func TestTurnsSideBySide(t *testing.T) {
	for _, warm := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			sc := result.Scenario{Name: "s", Input: 20, Output: 8, RangeRatio: 0.5, Concurrency: 3, Prompts: 7, Turns: 4, ThinkS: 0.1}
			d, _, r, det := chats(t, sc, warm)
			if r.SuccessfulRequests != 28 || r.FailedRequests != 0 || det.PeakConcurrent > 3 {
				t.Errorf("%v of 28 requests, %d at a time", r.SuccessfulRequests, det.PeakConcurrent)
			}
			slices.SortFunc(d.records, func(a, b result.Record) int { return a.Request - b.Request })
			for i := range d.records {
				rec := &d.records[i]
				if rec.Request != i || rec.Turn != i%4 {
					t.Fatalf("record %d is request %d, turn %d", i, rec.Request, rec.Turn)
				}
				if rec.Turn == 0 {
					continue
				}
				before := &d.records[i-1]
				if math.Abs(rec.Admitted-before.End-0.1) > 1e-6 || rec.Intended != rec.Admitted {
					t.Errorf("request %d is admitted at %v, the turn before ended at %v", i, rec.Admitted, before.End)
				}
				if want := before.InputTokens + before.OutputTokens - 1; warm && rec.ReusedTokens != want || !warm && rec.ReusedTokens != 0 {
					t.Errorf("request %d reused %d tokens, said were %d", i, rec.ReusedTokens, want)
				}
			}
		})
	}
}

// Without time to think the next turn begins where the last ended; an open loop's
// conversations begin when they are due.
func TestTurnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 20, Output: 5, Concurrency: 2, Prompts: 4, Turns: 2, RequestRate: 2}
		d, _, _, _ := chats(t, sc, false)
		for i := range d.records {
			rec := &d.records[i]
			if rec.Turn == 0 {
				if at := d.work.Requests[rec.Request].Arrival; math.Abs(rec.Intended-result.Seconds(d.start)-at) > 1e-6 {
					t.Errorf("conversation %d began at %v, due at %v", rec.Request/2, rec.Intended, at)
				}
			}
		}
		if len(d.records) != 8 || d.work.Requests[1].Arrival != 0 {
			t.Errorf("%d records", len(d.records))
		}
	})
}

// A conversation whose answers end early is as long as they were.
func TestTurnsUntilEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 20, Output: 40, Concurrency: 1, Prompts: 3, Turns: 3, UntilEnd: true}
		vocab := testVocab()
		for id := int32(0); id < 10; id++ {
			vocab.Ends = append(vocab.Ends, id)
		}
		w := mustWorkload(t, suite.WorkloadSpec{Scenario: sc, Vocab: vocab, Seed: 1, Total: 9})
		d, _ := executorOver(t, w, 512)
		if err := d.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		short := 0
		for i := range d.records {
			rec := &d.records[i]
			if rec.OutputTokens < 40 {
				short++
			}
			if rec.Turn > 0 && rec.InputTokens != d.records[i-1].InputTokens+d.records[i-1].OutputTokens+20 {
				t.Errorf("request %d has %d tokens after %d and %d", i, rec.InputTokens, d.records[i-1].InputTokens, d.records[i-1].OutputTokens)
			}
		}
		if len(d.records) != 9 || short == 0 {
			t.Errorf("%d records, %d of them short", len(d.records), short)
		}
	})
}

const talks = "{\"messages\": [{\"role\": \"user\", \"content\": \"one two three\"}, {\"role\": \"assistant\", \"content\": \"x\"}, {\"role\": \"user\", \"content\": \"four five\"}, {\"role\": \"assistant\", \"content\": \"y\"}, {\"role\": \"user\", \"content\": \"six\"}]}\n" +
	"{\"prompt\": \"alone, this one\"}\n"

// Turns of a file: what is reused is all that was said but its last token, exactly.
// A turn that the model has no room for fails, with those behind it, and the others run.
func TestTurnsOfDataset(t *testing.T) {
	for _, c := range []struct {
		context int
		want    []string
	}{
		{0, []string{
			"0: 18+4, 0 reused", "1: 37+4, 21 reused", "2: 50+4, 40 reused",
			"3: 20+4, 0 reused", "4: 43+4, 23 reused", "5: 62+4, 46 reused"}},
		{51, []string{
			"0: 18+4, 0 reused", "1: 37+4, 21 reused", "2: 50+0, 0 reused, refused",
			"3: 20+4, 0 reused", "4: 43+4, 23 reused", "5: 62+0, 0 reused, refused"}},
		{23, []string{
			"0: 18+4, 0 reused", "1: 37+0, 0 reused, refused", "2: 50+0, 0 reused, refused",
			"3: 20+0, 0 reused, refused", "4: 43+0, 0 reused, refused", "5: 62+0, 0 reused, refused"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, texts := fileSuite(t, talks, "dataset: d.jsonl, output: 4, concurrency: 1, turns: 3, think_time: 0.1")
			w := mustWorkload(t, suite.WorkloadSpec{Scenario: s.Scenarios[0], Vocab: testVocab(), Seed: 1, Texts: texts.Of(s.Scenarios[0]), Context: c.context})
			d, f := executorOver(t, w, 512)
			f.spec.Unified = true
			d.cache = newPrefixCache(1, 0, 0)
			if err := d.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := range d.records {
				rec := &d.records[i]
				text := fmt.Sprintf("%d: %d+%d, %d reused", rec.Request, rec.InputTokens, rec.OutputTokens, rec.ReusedTokens)
				if rec.Error != "" {
					text += ", refused"
				}
				if err := rec.Check(); err != nil {
					t.Error(err)
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("context %d:\n%s", c.context, diff)
			}
			if d.batcher.inFlight != 0 || len(d.freeAt) != 1 {
				t.Errorf("%d in flight", d.batcher.inFlight)
			}
		})
	}
}
