package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench"
	"ceiling/report/prose"
)

// referenceFiles are all the reference's results that there are.
var referenceFiles = []string{
	"december2025.json",
	"reference/benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json",
	"reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json",
	"reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json",
}

var (
	numberInText = regexp.MustCompile(`[0-9]+(?:\.[0-9]+)?`)
	unitBehind   = regexp.MustCompile(`^ ?(ms|s|tok/s|requests/s|×|%)(\W|$)`)
)

// vocabulary are the texts that may stand in a section's sentences, by the
// numbers in them.
type vocabulary map[string][]string

func newVocabulary(facts []prose.Fact, names []string) vocabulary {
	v := vocabulary{}
	for _, f := range facts {
		v.add(f.Text)
	}
	for _, n := range append(names, "p99", "P99") {
		v.add(n)
	}
	return v
}

func (v vocabulary) add(text string) {
	for _, n := range numberInText.FindAllString(text, -1) {
		if !slices.Contains(v[n], text) {
			v[n] = append(v[n], text)
		}
	}
}

// foreign are the numbers of a sentence that no text of the vocabulary covers
// in whole and with its unit. A count has none: "32 ms" is not the count 32.
func (v vocabulary) foreign(sentence string) []string {
	var out []string
	for _, m := range numberInText.FindAllStringIndex(sentence, -1) {
		number := sentence[m[0]:m[1]]
		if !slices.ContainsFunc(v[number], func(text string) bool {
			i := strings.Index(text, number)
			start, end := m[0]-i, m[0]-i+len(text)
			if start < 0 || end > len(sentence) || sentence[start:end] != text {
				// The number stands in the text more than once, as in a name.
				return strings.Count(text, number) > 1 && strings.Contains(sentence, text)
			}
			return text != number || !unitBehind.MatchString(sentence[end:])
		}) {
			out = append(out, number)
		}
	}
	return out
}

func TestForeignNumbersFindsDefects(t *testing.T) {
	facts := []prose.Fact{{Text: "1118.50 ms", Unit: "ms"}, {Text: "32"}, {Text: "3"}, {Text: "2.50×", Unit: "×"}}
	names := []string{"Long Context (16K)"}
	for text, want := range map[string]string{
		"TTFT p99 of 1118.50 ms":        "",
		"TTFT p99 of 1118.5 ms":         "1118.5",
		"TTFT p99 of 1118.50 s":         "1118.50",
		"TTFT p99 of 1119 ms":           "1119",
		"Long Context (16K) at c=32":    "",
		"a wait of 32 ms":               "32",
		"with 32 requests, 2.50× those": "",
		"2.5× those of 332":             "2.5 332",
		"of 16 requests":                "16",
	} {
		if got := strings.Join(newVocabulary(facts, names).foreign(text), " "); got != want {
			t.Errorf("%q: foreign %q, want %q", text, got, want)
		}
	}
}

// perturbed is a run with every figure of every scenario changed: the shapes
// stay those of a real suite while what holds of them does not.
func perturbed(r *bench.Results, rng *rand.Rand) *bench.Results {
	out := *r
	out.Results = slices.Clone(r.Results)
	spread := rng.Float64()
	for i := range out.Results {
		v := reflect.ValueOf(&out.Results[i]).Elem()
		for k := range v.NumField() {
			f, ok := v.Field(k).Interface().(*float64)
			if !ok || f == nil {
				continue
			}
			changed := *f * math.Exp(rng.NormFloat64()*spread)
			if rng.IntN(40) == 0 {
				v.Field(k).SetZero() // missing
				continue
			}
			v.Field(k).Set(reflect.ValueOf(&changed))
		}
	}
	return &out
}

// manyRuns calls f with the reference's runs, perturbed ones and random ones.
func manyRuns(t *testing.T, f func(what string, r *bench.Results)) {
	for i, file := range referenceFiles {
		r := mustLoad(t, file)
		f(file, r)
		for seed := range uint64(250) {
			f(fmt.Sprintf("%s, seed %d", file, seed), perturbed(r, rand.New(rand.NewPCG(seed, uint64(i)))))
		}
	}
	for seed := range uint64(2000) {
		f(fmt.Sprintf("seed %d", seed), randomRun(rand.New(rand.NewPCG(seed, 2))))
	}
	f("small run", smallRun())
}

// Every number in a sentence of the rules is a fact of its section, as that
// prints it: what the grammar and the checker rest on.
func TestRulesSpeakInFacts(t *testing.T) {
	checked := 0
	manyRuns(t, func(what string, r *bench.Results) {
		if t.Failed() {
			return // one broken rule breaks hundreds of runs
		}
		names := append(slices.Clone(r.Planned), r.Model, r.Hardware)
		for i := range r.Results {
			names = append(names, oneLine(r.Results[i].Name))
		}
		for _, s := range Sections(r) {
			v := newVocabulary(s.Facts, names)
			for _, sentence := range slices.Concat(s.Fixed, s.Rules) {
				for _, n := range v.foreign(sentence) {
					t.Errorf("%s, %s: %s is no fact in %q", what, s.ID, n, sentence)
				}
				checked += len(numberInText.FindAllString(sentence, -1))
			}
		}
	})
	if checked < 200_000 {
		t.Errorf("only %d numbers were checked", checked)
	}
}

// What every section has to be for prompt, grammar and checker.
func TestSectionsForm(t *testing.T) {
	manyRuns(t, func(what string, r *bench.Results) {
		if t.Failed() {
			return
		}
		complain := func(s *prose.Section, format string, args ...any) {
			t.Errorf("%s, %s: "+format, append([]any{what, s.ID}, args...)...)
		}
		sections := Sections(r)
		ids := map[string]bool{}
		for i := range sections {
			s := &sections[i]
			if ids[s.ID] {
				complain(s, "the ID is not the only one")
			}
			ids[s.ID] = true
			if n := len(s.Fixed) + len(s.Rules); n < s.Min || n > s.Max {
				complain(s, "%d sentences, want %d to %d", n, s.Min, s.Max)
			}
			ownPoints := 0
			for _, p := range s.Evidence.Points {
				if p.Own {
					ownPoints++
				}
			}
			if want := 0; s.Kind != prose.Interpretation && ownPoints != want || s.Kind == prose.Interpretation && ownPoints != 1 {
				complain(s, "%d points are the section's own", ownPoints)
			}
			checkSectionFacts(s, complain)
		}
	})
}

func checkSectionFacts(s *prose.Section, complain func(*prose.Section, string, ...any)) {
	points := map[string]bool{}
	for _, p := range s.Evidence.Points {
		points[p.Scenario] = true
	}
	for i, f := range s.Facts {
		if f.Text == "" || f.Of.Metric == "" || math.IsNaN(f.Value) || math.IsInf(f.Value, 0) || slices.Contains(s.Facts[:i], f) {
			complain(s, "fact %+v", f)
		}
		derived := f.Unit == "×" || f.Unit == "%" || f.Unit == "tokens"
		if derived != (f.Against != prose.Figure{}) {
			complain(s, "%s against %+v", f.Text, f.Against)
		}
		if f.Unit == "%" && (f.Value < 0 || f.Value > 1) {
			complain(s, "share %+v", f)
		}
		for _, figure := range []prose.Figure{f.Of, f.Against} {
			if figure.Scenario != "" && !points[figure.Scenario] {
				complain(s, "%s is of %q, which is no point of the evidence", f.Text, figure.Scenario)
			}
		}
	}
}

// The sections of the December 2025 run.
func TestSections(t *testing.T) {
	r := mustLoad(t, "december2025.json")
	sections := Sections(r)
	var ids []string
	for _, s := range sections {
		ids = append(ids, s.ID)
	}
	want := []string{"interpretation 1", "interpretation 2", "interpretation 3", "interpretation 4", "interpretation 5",
		"interpretation 6", "interpretation 7", "interpretation 8", "interpretation 9", "interpretation 10", "recommendations", "summary"}
	if d := cmp.Diff(want, ids); d != "" {
		t.Errorf("sections (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"Use c=4 (interactive-optimal by TTFT/TPOT p99; per-user 44.7 tok/s) for interactive UX."}, sections[10].Fixed); d != "" {
		t.Errorf("fixed recommendations (-want +got):\n%s", d)
	}
	if f := sections[11].Fixed; len(f) != 1 || !strings.HasPrefix(f[0], "This report measures cyankiwi/") {
		t.Errorf("fixed summary %q", f)
	}
	var flags []string
	for _, p := range section(t, r, "interpretation 8").Evidence.Points {
		flags = append(flags, fmt.Sprintf("%s own=%v previous=%v sweet=%v peak=%v %d", p.Scenario, p.Own, p.Previous, p.Sweet, p.Peak, p.Concurrency))
		if p.Scaling != strings.HasPrefix(p.Scenario, "Concurrency Scaling") || p.Values[own(prose.TTFT, prose.P99)] <= 0 {
			t.Errorf("point %+v", p)
		}
	}
	wantFlags := []string{
		"Concurrency Scaling (c=8) own=true previous=false sweet=false peak=false 8",
		"Single User Latency own=false previous=false sweet=false peak=false 1",
		"Concurrency Scaling (c=2) own=false previous=false sweet=false peak=false 2",
		"Concurrency Scaling (c=4) own=false previous=true sweet=true peak=false 4",
		"Concurrency Scaling (c=16) own=false previous=false sweet=false peak=false 16",
		"Concurrency Scaling (c=32) own=false previous=false sweet=false peak=true 32",
	}
	if d := cmp.Diff(wantFlags, flags); d != "" {
		t.Errorf("points (-want +got):\n%s", d)
	}
}

// Notices can't be lost to a model, and a failed scenario is none's to write.
func TestFixedNotices(t *testing.T) {
	r := smallRun()
	fixed := map[string][]string{}
	for _, s := range Sections(r) {
		fixed[s.ID] = s.Fixed
	}
	want := map[string][]string{
		"interpretation 1": nil,
		"interpretation 3": {"2 of 16 requests failed; every figure is of the others."},
		"interpretation 4": nil,
		"interpretation 5": nil,
		"interpretation 6": {"The run stopped inside this scenario (interrupted): the figures are of 9 of 16 requests."},
		"recommendations": {"Use c=2 (interactive-optimal by TTFT/TPOT p99; per-user 30.9 tok/s) for interactive UX.",
			"Complete the run before deciding on it; without full figures are: Long Context (16K), Concurrency Scaling (c=8), Short Context Throughput, Concurrency Scaling (c=16)."},
		"summary": {"This report measures demo.gguf on AMD EPYC, 2 cores: 5 of 8 scenarios have results."},
	}
	for id, texts := range fixed {
		if len(texts) == 0 {
			fixed[id] = nil
		}
	}
	if d := cmp.Diff(want, fixed); d != "" {
		t.Errorf("fixed (-want +got):\n%s", d)
	}
	burst := &bench.Results{Results: []bench.Result{with("Other", 8, func(r *bench.Result) { r.NumPrompts = 8 })},
		Details: []bench.Detail{*d(func(d *bench.Detail) { d.ReusedTokens = 5120 })}}
	got := section(t, burst, "interpretation 1").Fixed
	if len(got) != 2 || !strings.HasPrefix(got[0], "Of all prompt tokens, ") || !strings.HasPrefix(got[1], "All 8 prompts start together") {
		t.Errorf("fixed %q, want the cache and the one wave", got)
	}
	if s := Sections(&bench.Results{Results: []bench.Result{{Name: "x", Error: ptr("no")}}}); s != nil {
		t.Errorf("sections of nothing: %v", s)
	}
}
