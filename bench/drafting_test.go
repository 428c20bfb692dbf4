package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// speculating is an executor over a fake that drafts, or not, with settings nil.
func speculating(t testing.TB, w *suite.Workload, budget int, s *result.SpecSettings) (*executor, *fakeEngine) {
	t.Helper()
	d, f := executorOver(t, w, budget)
	if s != nil {
		f.spec.Drafts = s.DraftMax
	}
	if err := d.speculate(s); err != nil {
		t.Fatal(err)
	}
	return d, f
}

// texts drives an executor to its end, and returns by request the tokens in its cells
// when they were emptied: the prompt and all that was generated but the last token.
func texts(d *executor, f *fakeEngine) map[string]int {
	t := f.t
	t.Helper()
	d.eng = emptied{f, map[string]int{}}
	if err := d.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range d.records {
		if err := d.records[i].Check(); err != nil {
			t.Error(err)
		}
	}
	return d.eng.(emptied).held
}

// emptied counts what sequences held when they were emptied.
type emptied struct {
	*fakeEngine
	held map[string]int
}

func (e emptied) RemoveSeq(seq, from int32) error {
	if from == 0 {
		var ids []int32
		for _, c := range e.kv[seq] {
			ids = append(ids, c.tok)
		}
		e.held[fmt.Sprint(ids)]++
	}
	return e.fakeEngine.RemoveSeq(seq, from)
}

// randomly proposes drafts of any length of which any number is right.
func randomly(seed uint64) func(int32, []int32) []int32 {
	r := rand.New(rand.NewPCG(seed, 7))
	return func(_ int32, right []int32) []int32 {
		out := slices.Clone(right[:r.IntN(len(right)+1)])
		for k := r.IntN(len(out) + 1); k < len(out); k++ {
			out[k] = (out[k] + 1 + r.Int32N(99)) % 100
		}
		return out
	}
}

// Whatever is drafted and however much of it is right, each sequence gets the tokens
// that it gets without drafts. The fake's next token depends on every cell of the
// sequence, so one that a rejected draft has left would show in all that follows.
func TestDraftsChangeNoToken(t *testing.T) {
	scenarios := map[string]result.Scenario{
		"closed loop": {Name: "s", Input: 12, Output: 40, RangeRatio: 0.5, Concurrency: 4, Prompts: 80},
		"long drafts": {Name: "s", Input: 12, Output: 60, Concurrency: 3, Prompts: 20},
		"one token":   {Name: "s", Input: 5, Output: 1, Concurrency: 2, Prompts: 6},
	}
	drafts := map[string]int{"closed loop": 5, "long drafts": 48, "one token": 3}
	verified := int64(0)
	for name, sc := range scenarios {
		synctest.Test(t, func(t *testing.T) {
			w := testWorkload(t, sc)
			want := texts(speculating(t, w, 64, nil))
			d, f := speculating(t, w, 64, &result.SpecSettings{Kind: "draft", DraftMax: drafts[name]})
			f.propose = randomly(1)
			if diff := cmp.Diff(want, texts(d, f)); diff != "" {
				t.Errorf("%s: texts without drafts and with (-want +got):\n%s", name, diff)
			}
			for i := range d.records {
				if r := &d.records[i]; r.OutputTokens != w.Requests[r.Request].Output {
					t.Errorf("%s: request %d has %d tokens, wants %d", name, r.Request, r.OutputTokens, w.Requests[r.Request].Output)
				}
			}
			verified += d.drafts.sum.Verifications
		})
	}
	if verified < 1000 {
		t.Errorf("%d patterns of accepted and rejected drafts, want 1,000", verified)
	}
}

// Each decoding sequence gets a token in every step, whatever the others draft; a
// prompt that waits gets half of what is left at least; no step is too large.
func TestDraftsStarveNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 40
		sc := result.Scenario{Name: "s", Input: 70, Output: 30, Concurrency: 8, Prompts: 32, RangeRatio: 0.9}
		d, f := speculating(t, testWorkload(t, sc), budget, &result.SpecSettings{Kind: "draft", DraftMax: 9})
		f.limit, f.propose = budget, randomly(2)
		lengths := map[int]bool{}
		d.watch = watchFunc(func(d *executor, prompt, decoding int) {
			waiting := 0
			for i := range d.batcher.slots {
				s := &d.batcher.slots[i]
				lengths[len(s.drafts)] = true
				if s.phase == decode && len(s.given) == 0 {
					t.Errorf("step %d: slot %d decodes and got nothing", d.meter.steps, i)
				}
				if s.phase == prefill {
					waiting++
				}
			}
			if half := (budget - decoding) / 2; waiting > 0 && prompt < half {
				t.Errorf("step %d: %d tokens of prompts that wait, want %d", d.meter.steps, prompt, half)
			}
		})
		if err := d.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(d.records) != sc.Prompts || len(lengths) < 5 {
			t.Errorf("%d records, drafts of %d lengths", len(d.records), len(lengths))
		}
	})
}

// The timetable of one request with two drafts a step, of which the first is right:
// each verification gives two tokens, and the second draft's cell is gone again.
func TestDraftSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 3, Output: 6, Concurrency: 1, Prompts: 1}
		d, f := speculating(t, testWorkload(t, sc), 64, &result.SpecSettings{Kind: "draft", DraftMax: 2})
		f.draftTook, f.drafting = 2*time.Millisecond, time.Millisecond
		f.propose = func(_ int32, right []int32) []int32 {
			if len(right) == 2 {
				right[1] = (right[1] + 1) % 100
			}
			return right
		}
		if err := d.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Five tokens after the first: 2 + 2 + 1, the last without a draft.
		want := []string{"0@0+3*", "0@3+3***", "0@5+3***", "0@7+1*"}
		if diff := cmp.Diff(want, f.steps); diff != "" {
			t.Error("steps (-want +got):\n" + diff)
		}
		told := []string{"0 begins with 3", "0 gets 1 of 2", "0 gets 1 of 2"}
		if diff := cmp.Diff(told, f.told); diff != "" {
			t.Error("the draft side was told (-want +got):\n" + diff)
		}
		s := d.drafts.sum
		if diff := cmp.Diff(result.Speculation{
			SpecSettings:  result.SpecSettings{Kind: "draft", DraftMax: 2},
			Verifications: 2, Drafted: 4, Accepted: 2, DraftedAt: []int64{2, 2}, AcceptedAt: []int64{2, 0},
			// Four steps of 10 ms and 1 ms of the draft side in each, two drafts of 2 ms.
			Steps: 2, VerifyS: 0.020, DraftS: 0.008,
			Decode: result.SpecDecode{Steps: 3, Sequences: 3, Drafted: 4, Tokens: 5, DraftS: 0.007, StepS: 0.030, SeenS: 0.037},
		}, s, near); diff != "" {
			t.Error("speculation (-want +got):\n" + diff)
		}
		rec := d.records[0]
		if rec.Drafted != 4 || rec.Accepted != 2 || rec.TokenTimes[1] != rec.TokenTimes[2] || rec.TokenTimes[2] == rec.TokenTimes[3] {
			t.Errorf("record %+v", rec)
		}
		if outside := d.meter.outside(); outside != 0 || math.Abs(d.meter.inside.Seconds()-0.048) > 1e-9 {
			t.Errorf("%v inside the engine, %v outside", d.meter.inside, outside)
		}
	})
}

// A step's time counts once for each sequence that decodes in it.
func TestDraftTimeSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 3, Output: 6, Concurrency: 2, Prompts: 2}
		d, f := speculating(t, testWorkload(t, sc), 64, &result.SpecSettings{Kind: "draft", DraftMax: 2})
		f.draftTook, f.drafting = 2*time.Millisecond, time.Millisecond
		f.propose = func(_ int32, right []int32) []int32 { return right }
		if err := d.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := d.drafts.sum.Decode
		if want := 2 * (s.StepS + s.DraftS); s.Sequences != 2*s.Steps || want == 0 || math.Abs(s.SeenS-want) > 1e-9 {
			t.Errorf("%+v, want %g s seen", s, want)
		}
	})
}

// Where acceptance is drawn, what is accepted is what each request's own numbers say,
// and steps per token are as the formula has it.
func TestSyntheticAcceptance(t *testing.T) {
	const drafts, output = 4, 65
	for _, p := range []float64{0, 0.5, 0.9, 1} {
		synctest.Test(t, func(t *testing.T) {
			sc := result.Scenario{Name: "s", Input: 6, Output: output, Concurrency: 8, Prompts: 400}
			w := testWorkload(t, sc)
			rates := make([]float64, drafts)
			for i := range rates {
				rates[i] = math.Pow(p, float64(i+1))
			}
			d, f := speculating(t, w, 512, &result.SpecSettings{Kind: "draft", DraftMax: drafts, Synthetic: true, SynthRates: rates})
			f.propose = func(_ int32, right []int32) []int32 { // none is right
				for k := range right {
					right[k] = (right[k] + 1) % 100
				}
				return right
			}
			texts(d, f)
			verified, accepted := int64(0), int64(0)
			for i := range d.records {
				v, a := drawn(w.Spec.Seed, d.records[i].Request, p, drafts, output)
				verified, accepted = verified+v, accepted+a
				if r := &d.records[i]; int64(r.Accepted) != a || r.OutputTokens != output {
					t.Errorf("p %v, request %d: %d accepted, drawn are %d; %d tokens", p, r.Request, r.Accepted, a, r.OutputTokens)
				}
			}
			s := d.drafts.sum
			if s.Verifications != verified || s.Accepted != accepted {
				t.Errorf("p %v: %d of %d verifications, drawn are %d of %d", p, s.Accepted, s.Verifications, accepted, verified)
			}
			steps := 0.0
			for _, r := range d.records {
				steps += float64(len(slices.Compact(r.TokenTimes))-1) / float64(len(d.records))
			}
			mean, sd := stepsOf(output-1, rates)
			if off := 4 * sd / math.Sqrt(float64(len(d.records))); math.Abs(steps-mean) > off+1e-9 {
				t.Errorf("p %v: %.3f steps a request, expected %.3f ± %.3f", p, steps, mean, off)
			}
		})
	}
}

// drawn plays a request with numbers of its own: how many verifications it has, and how
// many drafts are accepted.
func drawn(seed uint64, request int, p float64, drafts, output int) (verified, accepted int64) {
	numbers := rand.New(rand.NewPCG(seed, uint64(request)))
	for left := output - 1; left > 1; {
		n := 0
		for n < min(drafts, left-1) && numbers.Float64() < p {
			n++
		}
		verified, accepted, left = verified+1, accepted+int64(n), left-n-1
	}
	return verified, accepted
}

// stepsOf are the expected number of steps for n tokens, and its standard deviation:
// of a step with k = min(drafts, n−1) drafts, exactly a are accepted with probability
// rate(a) − rate(a+1), where rate(0) = 1 and rate(k+1) = 0, and n−a−1 tokens are left.
func stepsOf(n int, rates []float64) (mean, sd float64) {
	first, second := make([]float64, n+1), make([]float64, n+1) // moments
	for m := 1; m <= n; m++ {
		k := min(len(rates), m-1)
		rate := append(append([]float64{1}, rates[:k]...), 0)
		for a := 0; a <= k; a++ {
			p := rate[a] - rate[a+1]
			first[m] += p * (1 + first[m-a-1])
			second[m] += p * (1 + 2*first[m-a-1] + second[m-a-1])
		}
	}
	return first[n], math.Sqrt(second[n] - first[n]*first[n])
}

// The model's end of a text among accepted drafts ends the request there.
func TestDraftsUntilEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vocab := testVocab()
		for id := int32(0); id < 10; id++ {
			vocab.Ends = append(vocab.Ends, id)
		}
		sc := result.Scenario{Name: "s", Input: 12, Output: 60, Concurrency: 3, Prompts: 60, UntilEnd: true}
		w := mustWorkload(t, suite.WorkloadSpec{Scenario: sc, Vocab: vocab, Seed: 1, Total: sc.Prompts})
		tokens := func(d *executor) map[int]int {
			out := map[int]int{}
			for _, r := range d.records {
				out[r.Request] = r.OutputTokens
			}
			return out
		}
		plain, f := speculating(t, w, 64, nil)
		texts(plain, f)
		d, f := speculating(t, w, 64, &result.SpecSettings{Kind: "draft", DraftMax: 8})
		among := 0 // ends that had drafts behind them
		d.watch = watchFunc(func(d *executor, _, _ int) {
			for i := range d.batcher.slots {
				if s := &d.batcher.slots[i]; s.phase == decode && len(s.given) > 0 && slices.ContainsFunc(s.given, d.batcher.endsText) {
					t.Errorf("slot %d goes on after %v", i, s.given)
				}
			}
		})
		texts(d, f)
		for _, r := range d.records {
			if r.Accepted < r.Drafted {
				among++ // all that is drafted is right
			}
		}
		if diff := cmp.Diff(tokens(plain), tokens(d)); diff != "" || among == 0 {
			t.Errorf("tokens by request; %d ended among drafts (-want +got):\n%s", among, diff)
		}
	})
}

// Conversations are the same with drafts, with the prefix cache and without; what a
// user thinks behind holds no draft that was not taken.
func TestDraftsInTurns(t *testing.T) {
	sc := result.Scenario{Name: "s", Input: 20, Output: 9, Concurrency: 2, Prompts: 6, Turns: 3, ThinkS: 0.1, UntilEnd: true}
	vocab := testVocab()
	vocab.Ends = []int32{3, 4, 5}
	var want map[string]int
	for _, drafts := range []int{0, 5} {
		for _, warm := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := mustWorkload(t, suite.WorkloadSpec{Scenario: sc, Vocab: vocab, Seed: 1, Total: sc.Requests()})
				var s *result.SpecSettings
				if drafts > 0 {
					s = &result.SpecSettings{Kind: "draft", DraftMax: drafts}
				}
				d, f := speculating(t, w, 64, s)
				f.propose = randomly(3)
				if warm {
					f.spec.Unified, f.spec.Sequences = true, f.spec.Sequences+1
					f.spec.TotalTokens = (sc.InFlight() + 1) * sc.LongestRequest()
					d.cache = newPrefixCache(int32(sc.InFlight()), 1, sc.LongestRequest())
				}
				tokens := map[string]int{}
				texts(d, f)
				for _, r := range d.records {
					tokens[fmt.Sprint(r.Request)] = 1000*r.InputTokens + r.OutputTokens
				}
				if want == nil {
					want = tokens
				}
				if diff := cmp.Diff(want, tokens); diff != "" {
					t.Errorf("%d drafts, warm %v: 1000 × prompt + output tokens by request (-want +got):\n%s", drafts, warm, diff)
				}
			})
		}
	}
}

// Requests behind a context draft at the positions that are theirs.
func TestDraftsAtDepth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc := result.Scenario{Name: "s", Input: 8, Output: 20, Concurrency: 3, Prompts: 9}
		d, f := speculating(t, testWorkload(t, sc), 64, &result.SpecSettings{Kind: "draft", DraftMax: 4})
		f.spec.TokensPerSequence += 16
		f.propose = randomly(4)
		d.batcher.base = 16
		for seq := range int32(3) {
			for pos := range int32(16) {
				f.put(seq, pos, 50+pos)
			}
		}
		if err := d.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d.drafts.sum.Verifications == 0 || len(f.kv[2]) != 16 {
			t.Errorf("%d verifications, %d tokens in sequence 2", d.drafts.sum.Verifications, len(f.kv[2]))
		}
	})
}

// A run that is resumed has the records that it would have had.
func TestResumedDrafts(t *testing.T) {
	run := func(t *testing.T, resume *ResumeState) *result.Run {
		t.Helper()
		var r *result.Run
		synctest.Test(t, func(t *testing.T) {
			sc := result.Scenario{Category: "c", Purpose: "p", Input: 8, Output: 20, Concurrency: 2, Prompts: 6}
			cfg := Config{Suite: result.Suite{Name: "suite"}, Vocab: testVocab(), Seed: 3, Opener: &fakeOpener{t: t}, Resume: resume, Recovery: new(Recovery)}
			point := Point{Speculation: &result.SpecSettings{Kind: "draft", DraftMax: 3, Synthetic: true, SynthRates: []float64{0.7, 0.5, 0.2}}}
			for _, name := range []string{"a", "b"} {
				sc.Name = name
				cfg.Suite.Scenarios, cfg.Points = append(cfg.Suite.Scenarios, sc), append(cfg.Points, point)
			}
			var err error
			if r, err = Run(context.Background(), cfg); err != nil {
				t.Fatal(err)
			}
		})
		return r
	}
	whole := run(t, nil)
	part := run(t, &ResumeState{Done: map[int]result.Entry{0: {Result: whole.Results[0], Detail: whole.Details[0]}}})
	a, b := whole.Details[1].Speculation, part.Details[1].Speculation
	if diff := cmp.Diff(a, b, near); diff != "" || a == nil || a.Accepted == 0 || whole.Details[0].Speculation.Accepted == a.Accepted {
		t.Errorf("speculation of the whole run and of the resumed one: %+v (-whole +resumed):\n%s", a, diff)
	}
	if whole.Details[1].Mix != nil {
		t.Error("steps with drafts have a mix")
	}
}

// A session that can't draft, and drafts that break the contract, are faults by name.
func TestDraftFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWorkload(t, result.Scenario{Name: "s", Input: 3, Output: 6, Concurrency: 1, Prompts: 1})
		d := newExecutor(struct{ Engine }{}, result.NewClock(0), w, 0, 8)
		if err := d.speculate(&result.SpecSettings{Kind: "draft", DraftMax: 2}); err == nil {
			t.Error("a session that can't draft is taken")
		}
		for want, propose := range map[string]func(int32, []int32) []int32{
			`drafted "3" tokens for sequence 0 where at most 2`: func(int32, []int32) []int32 { return []int32{1, 2, 3} },
			`drafted token "100" for sequence 0`:                func(int32, []int32) []int32 { return []int32{100} },
		} {
			d, f := speculating(t, w, 8, &result.SpecSettings{Kind: "draft", DraftMax: 2})
			f.propose = propose
			if err := d.run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	})
}

// Rates for a mean length add up to it, from no draft accepted to all.
func TestSynthRates(t *testing.T) {
	for _, drafts := range []int{1, 3, 48} {
		for _, share := range []float64{0, 0.1, 0.5, 0.97, 1} {
			length := 1 + share*float64(drafts)
			rates, err := SynthRates(length, drafts)
			sum := 1.0
			for i, rate := range rates {
				sum += rate
				if i > 0 && rate > rates[i-1] {
					t.Errorf("%d drafts, mean %g: %v rises", drafts, length, rates)
				}
			}
			if err != nil || len(rates) != drafts || math.Abs(sum-length) > 1e-9 {
				t.Errorf("%d drafts, mean %g: %v adds up to %v, %v", drafts, length, rates, sum, err)
			}
		}
	}
	for _, length := range []float64{0.9, 4.1, math.NaN(), math.Inf(1)} {
		if rates, err := SynthRates(length, 3); err == nil {
			t.Errorf("mean %g of 3 drafts: %v", length, rates)
		}
	}
}
