package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/prose"
)

// byRules is the prose that no model chose any of.
func byRules(results []result.Summary, details ...result.Detail) *writing {
	r := &result.Run{Model: "m", Hardware: "h", Results: results, Details: details}
	return newWriting(r, scenarios(r), nil)
}

// section is the one with an ID.
func section(t *testing.T, r *result.Run, id string) *prose.ProseSection {
	t.Helper()
	for _, s := range Sections(r) {
		if s.ID == id {
			return &s
		}
	}
	t.Fatalf("no section %q", id)
	return nil
}

// Whatever the results, the prose keeps to its limits and its form.
func TestProseLimits(t *testing.T) {
	manyRuns(t, func(what string, r *result.Run) {
		if t.Failed() {
			return // one broken rule breaks hundreds of runs
		}
		all := scenarios(r)
		w := newWriting(r, all, nil)
		measured := len(Sections(r)) > 0
		complain := func(format string, args ...any) { t.Errorf("%s: "+format, append([]any{what}, args...)...) }
		for i, list := range w.scenarios {
			_, failed := all[i].failed()
			if failed && len(list) != 1 || !failed && (len(list) < leastBullets || len(list) > mostBullets) {
				complain("%d bullets for %s (failed: %v)", len(list), all[i].Name, failed)
			}
		}
		if n := len(w.summary); measured && n < leastSummary || n > mostSummary {
			complain("%d sentences in the summary: %q", n, w.summary)
		}
		if n := len(w.recommendations); measured && n < leastAdvice || n > mostAdvice {
			complain("%d recommendations: %q", n, w.recommendations)
		}
		if spot := SweetSpotText(r); !strings.HasPrefix(spot, "N/A") && (view{r, -1}).sweepReliable() && w.recommendations[0] != "Use "+spot+" for interactive UX." {
			complain("first recommendation %q, sweet spot %q", w.recommendations[0], spot)
		}
		for _, text := range slices.Concat(append(slices.Clone(w.scenarios), w.recommendations, w.summary)...) {
			if !strings.HasSuffix(text, ".") || strings.HasSuffix(text, "..") || strings.ContainsAny(text, "\n\r") ||
				regexp.MustCompile(`%!|NaN|Inf|  |^[a-z]+ | ,|\(\)`).MatchString(text) {
				complain("malformed: %q", text)
			}
		}
	})
}

var (
	// connecting are words that make a phrase depend on another, or claim what a
	// list of figures can't show.
	connecting = regexp.MustCompile(`\b(again|also|too|however|therefore|because|so|while|since|then|otherwise|instead,|likewise)\b`)
	// pointing are beginnings that point to a sentence before.
	pointing = regexp.MustCompile(`^(it|its|they|their|them|that|those|these|both|such|he|here|there(?: is no interactive)? |this (?:is|means|was))\b`)
)

// Every wording stands alone, and says what the claim's other wordings say.
func TestPhrasesStandAlone(t *testing.T) {
	wordings := 0
	manyRuns(t, func(what string, r *result.Run) {
		if t.Failed() {
			return
		}
		names := namesIn(r)
		for _, s := range Sections(r) {
			var keys, phrases []string
			for _, c := range s.Claims {
				keys = append(keys, string(c.Topic()))
				for _, phrase := range c.Phrases {
					wordings++
					plain := phrase
					for _, name := range names {
						plain = strings.ReplaceAll(plain, name, "")
					}
					switch {
					case connecting.MatchString(plain):
						t.Errorf("%s: %q leans on another sentence", c.Key, phrase)
					case pointing.MatchString(plain) && !strings.HasPrefix(plain, "there is no interactive sweet spot"):
						t.Errorf("%s: %q points to a sentence before", c.Key, phrase)
					case strings.HasSuffix(phrase, ".") || phrase != strings.TrimSpace(phrase) || strings.Contains(plain, ". "):
						t.Errorf("%s: %q is no clause", c.Key, phrase)
					case !slices.Equal(sorted(figuresIn(phrase, names)), sorted(figuresIn(c.Phrases[0], names))):
						t.Errorf("%s: %q has other figures than %q", c.Key, phrase, c.Phrases[0])
					case slices.Contains(phrases, phrase):
						t.Errorf("%s: %q is there twice", c.Key, phrase)
					}
					phrases = append(phrases, phrase)
				}
			}
			slices.Sort(keys)
			if len(slices.Compact(slices.Clone(keys))) != len(keys) {
				t.Errorf("%s, %s: a topic has two claims: %v", what, s.ID, keys)
			}
		}
	})
	if wordings < 50_000 {
		t.Errorf("only %d wordings were looked at", wordings)
	}
}

func sorted(x []float64) []float64 {
	slices.Sort(x)
	return x
}

// What the rules say of one scenario, to the letter.
var wordingCases = []struct {
	name   string
	result result.Summary
	detail *result.Detail
	want   []string
}{
	{name: "spread", result: with("Other", 4, func(r *result.Summary) {
		r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms = ptr(100.0), ptr(100.0), ptr(150.0)
		r.ITLMedianMs, r.ITLP99Ms = ptr(23.0), ptr(32.0)
		r.OutputThroughput, r.PeakOutputThroughput = ptr(127.97), ptr(128.4)
	}), want: []string{
		"The slowest first tokens take 1.5× the average: p99 TTFT 150 ms, mean 100 ms.",
		"The slowest streams take 1.1× the average time per token: p99 TPOT 22 ms, mean 20 ms.",
		"Tokens arrive steadily: p99 gap 32 ms, median 23 ms.",
		"Output is steady: 128 tok/s on average, 128 tok/s in the best second.",
		"A request takes 5.2 s on average: 2 % TTFT, 98 % decode.",
	}},
	{name: "wait", result: base("Other", 4), detail: ptr(detailed(func(d *result.Detail) {
		d.TTFT, d.Prefill, d.EnginePrefill = &result.Dist{Count: 40, Mean: 0.3}, &result.Dist{Count: 40, Mean: 0.231}, ptr(379.2)
	})), want: []string{"TTFT is 23 % waiting and 77 % prefill (379 tok/s)."}},
	{name: "a single stream", result: with("Single User Latency", 1, func(r *result.Summary) {
		r.OutputThroughput, r.TGSpeed = ptr(127.97), ptr(193.9)
	}), want: []string{"Including TTFT, one user sees 128 tok/s (decode alone: 194)."}},
	{name: "notices", result: with("Other", 8, func(r *result.Summary) {
		r.NumPrompts, r.SuccessfulRequests, r.FailedRequests, r.Error = 8, 5, 2, ptr("interrupted")
	}), detail: ptr(detailed(func(d *result.Detail) { d.Status, d.ReusedTokens = result.StatusPartial, 20480 })), want: []string{
		"2 of 7 requests failed; all figures are of the other 5.",
		"The run stopped inside this scenario (interrupted): figures are of 5 of 8 requests.",
		"25 % of the prompt tokens came from the KV cache: TTFT and PP are those of a warm cache.",
		"A single burst, not a steady load: 8 requests at once on 8 slots, and no more follow.",
	}},
	{name: "much missing", result: with("Other", 4, func(r *result.Summary) {
		r.TTFTMeanMs, r.TPOTMeanMs, r.ITLMedianMs, r.OutputThroughput = nil, nil, nil, nil
	}), want: []string{
		"TTFT can't be judged: its mean, median or p99 is missing or zero.",
		"TPOT can't be judged: its mean or p99 is missing or zero.",
		"ITL can't be judged: its median or p99 is missing or zero.",
		"Output throughput was not measured.",
	}},
}

func TestWordings(t *testing.T) {
	for _, tt := range wordingCases {
		var details []result.Detail
		if tt.detail != nil {
			details = []result.Detail{*tt.detail}
		}
		got := byRules([]result.Summary{tt.result}, details...).scenarios[0]
		for _, want := range tt.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", tt.name, want, strings.Join(got, "\n"))
			}
		}
	}
}

// A scaling curve: steps, roles, summary and recommendations.
func TestCurve(t *testing.T) {
	w := byRules(curve(
		[4]float64{2, 100, 500, 18}, // first tokens too late
		[4]float64{4, 180, 140, 21}, // sweet spot
		[4]float64{8, 290, 180, 26}, // within, but slower for a user
		[4]float64{16, 400, 250, 40},
		[4]float64{32, 400, 450, 60},
		[4]float64{64, 368, 900, 120},
	))
	for i, want := range [][]string{
		{"p99 TTFT exceeds 2× the best measured (3.57×), p99 TPOT does not (1×)."},
		{"c=4 delivers 80 % more than c=2 (90 % of linear scaling); mean TPOT rises by 17 %.",
			"c=4 is the interactive sweet spot: the most tokens per user (45 tok/s) with p99 TTFT and TPOT within 2× the best measured."},
		{"p99 TTFT and TPOT are within 2× the best measured, but one user gets 36.2 tok/s, instead of 45 tok/s at c=4."},
		{"p99 TPOT exceeds 2× the best measured (2.22×), p99 TTFT does not (1.79×).", "c=16 has the highest output of the sweep, 400 tok/s."},
		{"c=32 delivers as much as c=16 with 2× the requests; mean TPOT rises by 50 %.", "p99 TTFT and TPOT exceed 2× the best measured (3.21× and 3.33×)."},
		{"c=64 delivers 8 % less than c=32; mean TPOT rises to 2×."},
	} {
		for _, text := range want {
			if !slices.Contains(w.scenarios[i], text) {
				t.Errorf("point %d: no %q in\n%s", i, text, strings.Join(w.scenarios[i], "\n"))
			}
		}
	}
	if d := cmp.Diff([]string{
		"This report measures m on h in 6 scenarios.",
		"The interactive sweet spot is c=4: 45 tok/s per user, with p99 TTFT 140 ms and p99 TPOT 21 ms, both within 2× the best of this run.",
		"Output peaks at c=16: 400 tok/s, 2.22× that of the sweet spot, at 1.79× its p99 TTFT and 1.9× its p99 TPOT.",
		"Decode is fastest in Concurrency Scaling (c=2): mean TPOT 17.8 ms.",
	}, w.summary); d != "" {
		t.Errorf("summary (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{
		"Use c=4 (interactive-optimal by TTFT/TPOT p99; per-user 45.0 tok/s) for interactive UX.",
		"Cap interactive traffic at 4 requests in flight: at c=8 one user gets 36.2 tok/s instead of 45 tok/s, with 1.29× the p99 TTFT and 1.24× the p99 TPOT.",
		"Run batch work apart from interactive traffic, at c=16: 2.22× the sweet spot's output, at 1.79× its p99 TTFT and 1.9× its p99 TPOT.",
		"Do not go beyond c=16 for throughput: c=64 delivers 8 % less than that.",
		"Alert on p99 TTFT above 280 ms or p99 TPOT above 36 ms for prompts of 1,024 tokens: 2× the best of this run.",
	}, w.recommendations[:5]); d != "" {
		t.Errorf("recommendations (-want +got):\n%s", d)
	}
}

// A suite without a sweep says so in its section and nowhere else.
func TestNoSweep(t *testing.T) {
	r := &result.Run{Model: "m", Results: []result.Summary{base("Single User Latency", 1), with("Mixed Traffic", 8, func(r *result.Summary) { r.InputLen = 512 })}}
	md := render(t, r, DocumentOptions{})
	if n := len(regexp.MustCompile(`(?i)no concurrency sweep`).FindAllString(md, -1)); n != 1 {
		t.Errorf("no concurrency sweep is said %d times", n)
	}
	for _, word := range []string{"sweet spot", "curve", "the sweep", "for interactive UX"} {
		if strings.Contains(md, word) {
			t.Errorf("%q in a report without a sweep:\n%s", word, md)
		}
	}
}

// A failed point is compared with nothing, and asked for again.
func TestFailedPointIsLeftOut(t *testing.T) {
	points := curve([4]float64{2, 100, 140, 18}, [4]float64{4, 180, 140, 21}, [4]float64{8, 290, 180, 26})
	points[1].Error = ptr("out of memory.")
	w := byRules(points)
	if d := cmp.Diff([]string{"Nothing was measured: out of memory."}, w.scenarios[1]); d != "" {
		t.Errorf("failed point (-want +got):\n%s", d)
	}
	if first := w.scenarios[2][0]; first != "c=8 delivers 2.9× as much as c=2 (72 % of linear scaling); mean TPOT rises by 44 %." {
		t.Errorf("c=8 begins with %q", first)
	}
	const again = "Complete the run before deciding; figures are missing or partial of: Concurrency Scaling (c=4)."
	if !strings.HasPrefix(w.recommendations[0], "Use c=2 (") || w.recommendations[1] != again {
		t.Errorf("recommendations %q", w.recommendations)
	}
	if !strings.HasSuffix(w.summary[0], "in 2 of 3 planned scenarios.") {
		t.Errorf("summary %q", w.summary)
	}
}

// Random weights are said at the top.
func TestSyntheticWeights(t *testing.T) {
	r := smallRun()
	r.Engine.Synthetic = true
	md := render(t, r, DocumentOptions{})
	for _, want := range []string{"\n**Model:** demo.gguf (synthetic weights)\n", "This report measures demo.gguf with synthetic weights (speeds are real, the text is random) on AMD EPYC, 2 cores in 5 of 8 planned scenarios."} {
		if !strings.Contains(md, want) {
			t.Errorf("no %q", want)
		}
	}
}

// The sections of a run, and what no model may leave out.
func TestSections(t *testing.T) {
	var ids []string
	for _, s := range Sections(mustLoad(t, "december2025.json")) {
		ids = append(ids, s.ID)
	}
	want := []string{}
	for i := range 10 {
		want = append(want, fmt.Sprintf("interpretation %d", i+1))
	}
	if d := cmp.Diff(append(want, "recommendations", "summary"), ids); d != "" {
		t.Errorf("sections (-want +got):\n%s", d)
	}
	required := map[string][]string{}
	for _, s := range Sections(smallRun()) {
		for _, c := range s.Claims {
			if c.Required {
				required[s.ID] = append(required[s.ID], c.Key)
			}
		}
	}
	if d := cmp.Diff(map[string][]string{"interpretation 3": {"failed"}, "interpretation 6": {"partial"},
		"recommendations": {"use", "rerun"}, "summary": {"scope.part", "sweet"}}, required); d != "" {
		t.Errorf("required (-want +got):\n%s", d)
	}
	if s := Sections(&result.Run{Results: []result.Summary{{Name: "x", Error: ptr("no")}}}); s != nil {
		t.Errorf("sections of nothing: %v", s)
	}
}

// Prompts that come back half as fast again as alone are suspected to be
// cached, but not where the tokens reused were counted or lengths differ.
func TestCacheSuspicion(t *testing.T) {
	run := func(ttft float64, input int, details ...result.Detail) string {
		shared := with("Concurrency Scaling (c=4)", 4, func(r *result.Summary) { r.TTFTMeanMs, r.InputLen, r.OutputLen = &ttft, input, 128 })
		return strings.Join(byRules([]result.Summary{base("Single User Latency", 1), shared}, details...).scenarios[1], "\n")
	}
	cold := detailed(func(*result.Detail) {})
	for _, tt := range []struct {
		name      string
		text      string
		suspected bool
	}{
		{"at the threshold", run(200, 1024), true},
		{"beside it", run(math.Nextafter(200, 201), 1024), false},
		{"cold", run(200, 1024, cold, cold), false},
		{"eight times shorter", run(20, 128), false},
	} {
		const text = "Per user, prefill runs at 5,120 tok/s, against 3,410 tok/s in Single User Latency; a prefix cache would explain that."
		if strings.Contains(tt.text, text) != tt.suspected || strings.Contains(tt.text, "prefix cache") != tt.suspected {
			t.Errorf("%s:\n%s", tt.name, tt.text)
		}
	}
}
