package compare

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// Ratios of the two Devstral reports, divided by hand from the figures that
// they print.
var byHand = []struct {
	name                   string
	ttft, tpot, throughput float64
}{
	{"Single User Latency", 2.94235, 0.69930, 1.24634},
	{"Short Context Throughput", 1.32298, 0.96012, 1.01776},
	{"Long Context (16K)", 1.52875, 0.86860, 1.00934},
	{"Decode Stress Test", 1.05479, 0.69946, 1.42926},
	{"Mixed Traffic", 1.36186, 0.93115, 1.03919},
	{"Concurrency Scaling (c=2)", 1.06136, 0.75142, 1.30741},
	{"Concurrency Scaling (c=4)", 1.09102, 0.72566, 1.36272},
	{"Concurrency Scaling (c=8)", 1.12494, 0.82869, 1.19605},
	{"Concurrency Scaling (c=16)", 1.18493, 0.97368, 1.02141},
	{"Concurrency Scaling (c=32)", 1.04473, 1.46714, 0.68756},
}

func TestReferenceRatios(t *testing.T) {
	c := compared(t, ComparisonOptions{}, open(t, december, april)...)
	p := c.Pairs[0]
	if len(p.Scenarios) != len(byHand) {
		t.Fatalf("%d scenarios, want %d", len(p.Scenarios), len(byHand))
	}
	for i, want := range byHand {
		s := p.Scenarios[i]
		if s.Name != want.name {
			t.Errorf("scenario %d is %q, want %q", i, s.Name, want.name)
		}
		for _, q := range []struct {
			m    metric.Key
			want float64
		}{{metric.TTFTMean, want.ttft}, {metric.TPOTMean, want.tpot}, {metric.OutputThroughput, want.throughput}} {
			f := s.figure(q.m)
			if f == nil || f.Ratio == nil || math.Abs(*f.Ratio-q.want) > 1e-5 || f.Interval != nil || f.Verdict() != Unknown {
				t.Errorf("%s: %s %+v, want ratio %.5f and no interval", s.Name, q.m, f, q.want)
			}
		}
	}
	var unmatched []string
	for _, u := range p.Unmatched {
		unmatched = append(unmatched, u.Run+": "+u.Name)
	}
	if diff := cmp.Diff([]string{"B: Concurrency Scaling (c=64)", "B: Concurrency Scaling (c=128)"}, unmatched); diff != "" {
		t.Error(diff)
	}
}

// The rows of both files that a prefix cache made, and no other.
func TestReferenceFindings(t *testing.T) {
	c := compared(t, ComparisonOptions{}, open(t, december, april)...)
	var got []string
	for _, f := range c.Findings {
		got = append(got, fmt.Sprintf("%s %s: %s", f.Run, strings.TrimPrefix(f.Scenario, "Concurrency Scaling "), f.Kind))
		if f.Run == "A" && strings.Contains(f.Scenario, "c=4") {
			for _, want := range []string{"9,659", "4,863", "1,831", "29,266"} {
				if !strings.Contains(f.Text, want) {
					t.Errorf("%q does not say %s", f.Text, want)
				}
			}
		}
	}
	want := []string{
		"A Single User Latency: prefix cache", "A (c=2): prefix cache", "A (c=4): prefix cache", "A (c=8): prefix cache",
		"A (c=16): prefix cache", "A (c=32): prefix cache", "A (c=32): burst",
		"B (c=2): prefix cache", "B (c=4): prefix cache", "B (c=8): prefix cache", "B (c=16): prefix cache",
		"B (c=32): prefix cache", "B (c=32): burst", "B (c=64): burst", "B (c=128): burst",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A run compared with itself: every ratio is 1, and nothing differs.
func TestSelf(t *testing.T) {
	for _, tc := range []struct {
		name   string
		passes int
		assume Assumption
		basis  Basis
	}{
		{"requests of one pass", 1, Nothing, Requests},
		{"requests of one pass, normal", 1, Normal, Requests},
		{"too few passes", 3, Nothing, Requests},
		{"passes", 5, Nothing, Passes},
		{"passes, normal", 3, Normal, Passes},
	} {
		run := fakeRun(1, single(tc.passes, 20, 0.05, 0.02))
		s := compared(t, ComparisonOptions{Assume: tc.assume}, run, run).Pairs[0].Scenarios[0]
		if !s.SamePrompts {
			t.Errorf("%s: not the same prompts", tc.name)
		}
		for _, m := range []metric.Key{metric.TTFTMean, metric.TPOTMean, metric.E2ELMean} {
			f := s.figure(m)
			if *f.Ratio != 1 || *f.Difference != 0 || f.Verdict() != Undecided || f.Interval.Basis != tc.basis || f.Interval.P != 1 ||
				f.Interval.Lo > 1 || f.Interval.Hi < 1 {
				t.Errorf("%s: %s %+v %+v", tc.name, m, f, f.Interval)
			}
		}
		f := s.figure(metric.OutputThroughput)
		if *f.Ratio != 1 || f.Verdict() == Differs || (f.Interval != nil) != (tc.basis == Passes) {
			t.Errorf("%s: throughput %+v", tc.name, f)
		}
	}
}

// One of two runs is 5 % slower in decode. Passes show it, and TTFT, which
// differs by noise alone, is not called different.
func TestDifference(t *testing.T) {
	a, b := fakeRun(1, single(6, 20, 0.01, 0.004)), fakeRun(2, single(6, 21, 0.01, 0.004))
	for _, assume := range []Assumption{Nothing, Normal} {
		s := compared(t, ComparisonOptions{Assume: assume}, a, b).Pairs[0].Scenarios[0]
		f := s.figure(metric.TPOTMean)
		if f.Verdict() != Differs || f.Interval.Lo < 1.03 || f.Interval.Hi > 1.07 || f.Interval.NA != 6 || *f.Ratio < f.Interval.Lo || *f.Ratio > f.Interval.Hi {
			t.Errorf("%s: TPOT %.4f %+v", assume, *f.Ratio, f.Interval)
		}
		if f := s.figure(metric.TTFTMean); f.Verdict() != Undecided || f.MorePasses < 1 {
			t.Errorf("%s: TTFT %.4f %+v, %d more", assume, *f.Ratio, f.Interval, f.MorePasses)
		}
		if f := s.figure(metric.OutputThroughput); f.Verdict() != Differs || *f.Ratio > 0.98 {
			t.Errorf("%s: throughput %.4f %+v", assume, *f.Ratio, f.Interval)
		}
	}
}

func TestNoInterval(t *testing.T) {
	whole := func() *importer.ToolRun { return fakeRun(1, single(1, 20, 0.05, 0)) }
	summary := whole()
	for m, v := range summary.Loads[0].Values {
		v.Samples = nil
		summary.Loads[0].Values[m] = v
	}
	summary.Loads[0].Records = nil
	few := single(1, 20, 0.05, 0)
	few.number = 9
	for _, tc := range []struct {
		name string
		a, b *importer.ToolRun
		m    metric.Key
		why  string
	}{
		{"summaries", summary, summary, metric.TTFTMean, "summaries only"},
		{"a summary of A", summary, whole(), metric.TTFTMean, "A is a summary"},
		{"a summary of B", whole(), summary, metric.TTFTMean, "B is a summary"},
		{"throughput is one figure", whole(), whole(), metric.OutputThroughput, "one pass each"},
		{"p99 is one figure", whole(), whole(), metric.TTFTP99, "one pass each"},
		{"few requests", fakeRun(1, few), fakeRun(2, few), metric.TTFTMean, "9 + 9 requests are too few"},
		{"few passes", fakeRun(1, single(3, 20, 0.1, 0.1)), fakeRun(2, single(3, 20, 0.1, 0.1)), metric.OutputThroughput, "3 + 3 passes are too few"},
		{"passes of one side", fakeRun(1, single(3, 20, 0.1, 0.1)), whole(), metric.OutputThroughput, "one side has one pass"},
	} {
		f := compared(t, ComparisonOptions{}, tc.a, tc.b).Pairs[0].Scenarios[0].figure(tc.m)
		if f.Interval != nil || f.Why != tc.why || f.Verdict() != Unknown {
			t.Errorf("%s: %+v %q", tc.name, f.Interval, f.Why)
		}
	}
}

// What two tools define in two ways is shown, and not divided.
func TestNotTheSameQuantity(t *testing.T) {
	a, b := fakeRun(1, single(1, 20, 0, 0)), fakeRun(2, single(1, 20, 0, 0))
	v := b.Loads[0].Values[metric.TPOTMean]
	v.Same, v.Note = false, "includes the first token"
	b.Loads[0].Values[metric.TPOTMean] = v
	b.Tool = importer.ToolGuideLLM
	c := compared(t, ComparisonOptions{}, a, b)
	f := c.Pairs[0].Scenarios[0].figure(metric.TPOTMean)
	if f.Ratio != nil || f.Interval != nil || f.A == nil || f.B == nil || f.NotSame != "B: includes the first token" {
		t.Errorf("%+v", f)
	}
	var text bytes.Buffer
	if err := c.Document().Markdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| not the same † |", "- † TPOT mean: B: includes the first token."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	// Bundled tokens make an ITL of one file another quantity than that of the
	// next, of the same tool.
	const qwen = "../testdata/reference/benchmark_Qwen3."
	mtp := compared(t, ComparisonOptions{}, open(t, qwen+"6-27B-GPTQ-8bit.json", qwen+"8-27B-GPTQ-4bit_mtp3.json")...)
	if f := mtp.Pairs[0].Scenarios[0].figure(metric.ITLMean); f.Ratio != nil || !strings.Contains(f.NotSame, "B: ") {
		t.Errorf("ITL with draft tokens: %+v", f)
	}
	if n := len(mtp.Findings); n != 6 { // three one-wave points each, and no cache
		t.Errorf("%d findings: %+v", n, mtp.Findings)
	}
	// Two files of one tool mean the same, whatever that is.
	if f := compared(t, ComparisonOptions{}, b, b).Pairs[0].Scenarios[0].figure(metric.TPOTMean); f.Ratio == nil || *f.Ratio != 1 {
		t.Errorf("of one tool: %+v", f)
	}
}

func TestConditions(t *testing.T) {
	run := func(pairs ...string) *importer.ToolRun {
		r := fakeRun(1, single(1, 20, 0, 0))
		for i := 0; i < len(pairs); i += 2 {
			r.Conditions = append(r.Conditions, importer.Condition{Name: pairs[i], Value: pairs[i+1]})
		}
		return r
	}
	c := compared(t, ComparisonOptions{},
		run(importer.CondQuant, "Q4_0", importer.CondEngine, "llama.cpp", importer.CondThreads, "8"),
		run(importer.CondQuant, "Q8_0", importer.CondEngine, "llama.cpp"),
		run(importer.CondQuant, "Q4_0", importer.CondEngine, "llama.cpp", importer.CondThreads, "8"))
	want := []ComparedCondition{
		{"model", []string{"m", "m", "m"}, false}, {"hardware", []string{"h", "h", "h"}, false},
		{importer.CondQuant, []string{"Q4_0", "Q8_0", "Q4_0"}, true},
		{importer.CondEngine, []string{"llama.cpp", "llama.cpp", "llama.cpp"}, false},
		{importer.CondThreads, []string{"8", "", "8"}, false},
	}
	if diff := cmp.Diff(want, c.Conditions); diff != "" {
		t.Error(diff)
	}
	if len(c.Pairs) != 2 || c.Pairs[1].A != "A" || c.Pairs[1].B != "C" {
		t.Errorf("pairs %+v", c.Pairs)
	}
}

func TestCompareRefuses(t *testing.T) {
	run := fakeRun(1, single(1, 20, 0, 0))
	if _, err := Compare([]*importer.ToolRun{run}, ComparisonOptions{}); err == nil || !strings.Contains(err.Error(), `"1" runs`) {
		t.Errorf("one run: %v", err)
	}
	if _, err := Compare([]*importer.ToolRun{run, run}, ComparisonOptions{Assume: "uniform"}); err == nil || !strings.Contains(err.Error(), `"uniform"`) {
		t.Errorf("an assumption that is none: %v", err)
	}
}

// Cold and warm are compared, loudly.
func TestCacheStates(t *testing.T) {
	cold, warm := single(1, 20, 0.01, 0), single(1, 20, 0.01, 0)
	warm.cache, warm.ttft = result.CacheWarm, 10
	c := compared(t, ComparisonOptions{}, fakeRun(1, cold), fakeRun(2, warm))
	s := c.Pairs[0].Scenarios[0]
	if !s.CacheDiffers || len(s.Flags) != 1 || !strings.Contains(s.Flags[0], "A is cold, B is warm") {
		t.Errorf("flags %q", s.Flags)
	}
	var text bytes.Buffer
	if err := c.Document().Markdown(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "| **CACHE STATE DIFFERS** |") || !strings.Contains(text.String(), "> **Beware:** cache state differs") {
		t.Errorf("not loud enough:\n%s", text.String())
	}
	// A run that has both is matched with its like.
	both := fakeRun(1, warm, cold)
	if s := compared(t, ComparisonOptions{}, fakeRun(2, cold), both).Pairs[0].Scenarios[0]; s.CacheDiffers {
		t.Errorf("cold was compared with warm although there is a cold one: %q", s.Flags)
	}
}

// Speculation in which two runs differ is compared, loudly; so is acceptance that was
// drawn. What neither file tells is no difference.
func TestSpeculation(t *testing.T) {
	with := func(s *result.SpecSettings) *importer.ToolRun {
		run := fakeRun(1, single(1, 20, 0.01, 0))
		if s != nil {
			run.Loads[0].Speculation = &result.Speculation{SpecSettings: *s}
		}
		return run
	}
	none, drafts := &result.SpecSettings{Kind: result.SpecNone}, &result.SpecSettings{Kind: "ngram-simple", DraftMax: 8}
	fewer, drawn := &result.SpecSettings{Kind: "ngram-simple", DraftMax: 4}, &result.SpecSettings{Kind: "draft", Synthetic: true, SynthRates: []float64{0.9}}
	for _, c := range []struct {
		a, b               *result.SpecSettings
		differs, synthetic bool
		flag               string
	}{
		{nil, nil, false, false, ""}, {nil, none, false, false, ""}, {drafts, drafts, false, false, ""},
		{none, drafts, true, false, "A: none; B: ngram-simple, at most 8"}, {drafts, nil, true, false, "A: ngram-simple, at most 8; B: not told"},
		{drafts, fewer, true, false, "at most 8; B: ngram-simple, at most 4"}, {drawn, drawn, false, true, "the acceptance of drafts in A is SYNTHETIC"},
	} {
		cmp := compared(t, ComparisonOptions{}, with(c.a), with(c.b))
		s := cmp.Pairs[0].Scenarios[0]
		if s.DraftsDiffer != c.differs || s.Synthetic != c.synthetic || !strings.Contains(strings.Join(s.Flags, "\n"), c.flag) || c.flag == "" && len(s.Flags) > 0 {
			t.Errorf("%v against %v: %v, %v, %q", c.a, c.b, s.DraftsDiffer, s.Synthetic, s.Flags)
		}
		var text bytes.Buffer
		if err := cmp.Document().Markdown(&text); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "**SPECULATION DIFFERS**") != c.differs || strings.Contains(text.String(), "**SYNTHETIC ACCEPTANCE**") != c.synthetic {
			t.Errorf("%v against %v:\n%s", c.a, c.b, text.String())
		}
	}
	// A run that has both meets its like, whatever the names.
	a, b := with(drafts), fakeRun(2, single(1, 20, 0.01, 0), single(1, 20, 0.01, 0))
	b.Loads[0].Name, b.Loads[1].Name = "Plain", "Drafted"
	b.Loads[0].Speculation, b.Loads[1].Speculation = &result.Speculation{SpecSettings: *none}, a.Loads[0].Speculation
	if s := compared(t, ComparisonOptions{}, a, b).Pairs[0].Scenarios[0]; s.DraftsDiffer || s.NameB != "Drafted" {
		t.Errorf("compared with %q: %q", s.NameB, s.Flags)
	}
}
