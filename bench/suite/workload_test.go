package suite

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

func mustWorkload(t *testing.T, spec WorkloadSpec) *Workload {
	t.Helper()
	w, err := NewWorkload(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Every prompt of the standard suite has its exact length, BOS once and in
// front, no special token, and a first token that no other prompt has.
func TestPromptsOfARunDiffer(t *testing.T) {
	v := Vocab{Size: 2000, BOS: 1, AddBOS: true}
	for id := int32(3); id < 2000; id++ {
		v.Allowed = append(v.Allowed, id)
	}
	suite, _ := Builtin("smoke")
	seen := map[int32]string{}
	first := 0
	for _, sc := range suite.Scenarios {
		w := mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: v, Seed: 9, First: first, Total: suite.Prompts()})
		first += sc.Prompts
		for i, r := range w.Requests {
			p := w.Prompt(nil, i)
			if len(p) != r.Input {
				t.Fatalf("%s %d: %d tokens, want %d", sc.Name, i, len(p), r.Input)
			}
			if p[0] != 1 || slices.Min(p[1:]) < 3 {
				t.Errorf("%s %d: begins with %d, has %d", sc.Name, i, p[0], slices.Min(p[1:]))
			}
			if other, dup := seen[p[1]]; dup {
				t.Errorf("%s %d begins like one of %s", sc.Name, i, other)
			}
			seen[p[1]] = sc.Name
		}
	}
	if len(seen) != suite.Prompts() {
		t.Errorf("%d prompts, want %d", len(seen), suite.Prompts())
	}
}

// Three ids number nine prompts with two tokens; a prompt without the room
// for that is an error before anything runs.
func TestSmallVocabulary(t *testing.T) {
	v := Vocab{Size: 5, BOS: 0, AddBOS: true, Allowed: []int32{2, 3, 4}}
	sc := result.Scenario{Name: "s", Input: 3, Output: 1, Concurrency: 1, Prompts: 9}
	w := mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: v, Total: 9})
	seen := map[string]bool{}
	for i := range w.Requests {
		p := w.Prompt(nil, i)
		seen[string(rune(p[1]))+string(rune(p[2]))] = true
	}
	if len(seen) != 9 {
		t.Errorf("%d different prompts, want 9", len(seen))
	}
	sc.Input = 2
	_, err := NewWorkload(t.Context(), WorkloadSpec{Scenario: sc, Vocab: v, Total: 9})
	if err == nil || err.Error() != `prompts of "2" tokens can't be made different 9 times with 3 ids: raise input` {
		t.Errorf("error %v", err)
	}
}

func TestWarmPromptsRepeatByShape(t *testing.T) {
	a := result.Scenario{Name: "a", Input: 40, Output: 4, Concurrency: 2, Prompts: 5}
	b, longer := a, a
	b.Name, b.Concurrency, b.Prompts = "b", 4, 7
	longer.Input = 41
	hashes := func(sc result.Scenario, first int, warm bool) []string {
		var out []string
		for _, r := range mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: plainVocab(), Seed: 3, First: first, Total: 20, Warm: warm}).Requests {
			out = append(out, r.Hash)
		}
		return out
	}
	if diff := cmp.Diff(hashes(a, 0, true), hashes(b, 5, true)[:5]); diff != "" {
		t.Error("warm, same shape:\n" + diff)
	}
	for name, other := range map[string][]string{
		"another length": hashes(longer, 5, true), "cold": hashes(b, 5, false), "itself, a scenario later": hashes(a, 5, false),
	} {
		for _, h := range hashes(a, 0, false) {
			if slices.Contains(other, h) {
				t.Errorf("%s: prompt %s is repeated", name, h)
			}
		}
	}
}

func TestSharedPrefix(t *testing.T) {
	v := plainVocab()
	v.AddBOS, v.BOS = true, 1
	sc := result.Scenario{Name: "s", Input: 12, Output: 1, Concurrency: 1, Prompts: 3, PrefixLen: 20}
	w := mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: v, Total: 3})
	p0, p1 := w.Prompt(nil, 0), w.Prompt(nil, 1)
	// The prefix comes on top of the input: 1 BOS + 20 + 11.
	if len(p0) != 32 || w.Requests[0].Input != 32 {
		t.Errorf("%d tokens, want 32", len(p0))
	}
	if !slices.Equal(p0[:21], p1[:21]) || p0[21] == p1[21] {
		t.Errorf("%v and %v share other than BOS and 20", p0, p1)
	}
}

func TestLengths(t *testing.T) {
	sc := result.Scenario{Name: "s", Input: 25, Output: 3, Concurrency: 1, Prompts: 4000, RangeRatio: 0.5}
	w := mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: plainVocab(), Total: 4000})
	in, out := map[int]int{}, map[int]int{}
	for _, r := range w.Requests {
		in[r.Input]++
		out[r.Output]++
	}
	// ⌊12.5⌋ to ⌈37.5⌉: 27 values of about 148 each; ⌊1.5⌋ to ⌈4.5⌉: 5 of 800.
	if len(in) != 27 || in[12] == 0 || in[38] == 0 || len(out) != 5 || out[1] == 0 || out[5] == 0 {
		t.Errorf("input lengths %v, output lengths %v", in, out)
	}
	for n, count := range out {
		if math.Abs(float64(count)-800) > 150 {
			t.Errorf("output length %d: %d times, want about 800", n, count)
		}
	}
	if lo, hi := (result.Scenario{Output: 1, RangeRatio: 0.9}).OutputBounds(); lo != 1 || hi != 2 {
		t.Errorf("bounds of 1 ±90 %%: %d to %d, want 1 to 2", lo, hi)
	}
}

// Same seed, same bytes, in every version: what a published result names by
// its seed can be made again. The hashes were taken when this was written.
func TestPromptsAreStable(t *testing.T) {
	sc := result.Scenario{Name: "s", Input: 64, Output: 16, Concurrency: 1, Prompts: 2, RangeRatio: 0.25, PrefixLen: 4}
	var got []string
	for _, warm := range []bool{false, true} {
		w := mustWorkload(t, WorkloadSpec{Scenario: sc, Vocab: plainVocab(), Seed: 42, First: 7, Total: 9, Warm: warm})
		for _, r := range w.Requests {
			got = append(got, r.Hash)
		}
	}
	want := []string{"c6915167a08d237c", "6ec7077050fc4e49", "ed2094949e7e174d", "1be1ab42dc809862"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPromptAllocatesNothing(t *testing.T) {
	w := mustWorkload(t, WorkloadSpec{Scenario: result.Scenario{Name: "s", Input: 512, Output: 1, Concurrency: 1, Prompts: 8}, Vocab: plainVocab(), Seed: 1, Total: 8})
	buf := make([]int32, 0, 512)
	i := 0
	if n := testing.AllocsPerRun(100, func() { buf = w.Prompt(buf[:0], i%8); i++ }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestArrivals(t *testing.T) {
	const n, rate = 20000, 50.0
	for _, b := range []float64{0.25, 1, 4, 100} {
		at := Arrivals(7, n, rate, b)
		if at[n-1] != n/rate || !slices.IsSorted(at) || at[0] < 0 {
			t.Errorf("b=%v: first %v, last %v, want ascending to %v", b, at[0], at[n-1], n/rate)
		}
		var gaps []float64
		last := 0.0
		for _, v := range at {
			gaps = append(gaps, v-last)
			last = v
		}
		// Mean 1/R, coefficient of variation 1/√b.
		d := result.NewDist(gaps)
		if cv := d.Std / d.Mean; math.Abs(d.Mean*rate-1) > 1e-9 || math.Abs(cv*math.Sqrt(b)-1) > 0.03 {
			t.Errorf("b=%v: mean gap %v, variation %v, want %v and %v", b, d.Mean, cv, 1/rate, 1/math.Sqrt(b))
		}
	}
	// A third moment tells a gamma distribution from others of the same
	// variation: the skewness is 2/√b.
	at := Arrivals(7, n, 1, 4)
	sum, prev := 0.0, 0.0
	for _, v := range at {
		sum += math.Pow((v-prev-1)*2, 3) // std is 1/2
		prev = v
	}
	if skew := sum / n; math.Abs(skew-1) > 0.1 {
		t.Errorf("skewness %v, want 1", skew)
	}
}

func TestArrivalsArePure(t *testing.T) {
	if diff := cmp.Diff(Arrivals(1, 50, 2, 0.5), Arrivals(1, 50, 2, 0.5)); diff != "" {
		t.Error("same arguments:\n" + diff)
	}
	if slices.Equal(Arrivals(1, 50, 2, 0.5), Arrivals(2, 50, 2, 0.5)) {
		t.Error("two seeds give one schedule")
	}
	for _, at := range [][]float64{Arrivals(1, 0, 2, 1), Arrivals(1, 5, 0, 1), Arrivals(1, 5, math.NaN(), 1), Arrivals(1, 5, 1, -1)} {
		if at != nil {
			t.Errorf("arrivals of nonsense: %v", at)
		}
	}
	// Gaps of a tiny shape underflow to 0 nearly always; the schedule still
	// ends where it should.
	if at := Arrivals(3, 4, 2, minBurstiness); at[3] != 2 || math.IsNaN(at[0]) {
		t.Errorf("arrivals %v", at)
	}
}

func TestVocabCheck(t *testing.T) {
	for want, v := range map[string]Vocab{
		`"1" ids may be used`: {Size: 10, Allowed: []int32{1}},
		`BOS id "10"`:         {Size: 10, BOS: 10, AddBOS: true, Allowed: []int32{1, 2}},
		`id "-1" is outside`:  {Size: 10, Allowed: []int32{1, -1}},
	} {
		if err := v.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if err := (Vocab{Size: 10, BOS: -1, Allowed: []int32{0, 9}}).Check(); err != nil {
		t.Errorf("without BOS its id does not matter: %v", err)
	}
}

// TestPromptsInterrupted: making the prompts of a large suite can be stopped.
func TestPromptsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := NewWorkload(ctx, WorkloadSpec{Scenario: result.Scenario{Name: "s", Input: 40, Output: 1, Concurrency: 1, Prompts: 2}, Vocab: plainVocab()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// plainVocab has 100 ids, of which 10 to 99 may be in prompts.
func plainVocab() Vocab {
	v := Vocab{Size: 100}
	for id := int32(10); id < 100; id++ {
		v.Allowed = append(v.Allowed, id)
	}
	return v
}
