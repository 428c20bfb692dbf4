package prose_test

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/report"
	"ceiling/report/prose"
)

// runs are the results that test sentences speak about.
var runs = map[string]string{
	"devstral": "reference/benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json",
	"qwen":     "reference/benchmark_Qwen3.6-27B-GPTQ-8bit.json",
	"mtp3":     "reference/benchmark_Qwen3.8-27B-GPTQ-4bit_mtp3.json",
	"december": "december2025.json",
}

// sections are those of a run, by "kind | title" in short form.
func sections(t testing.TB, run string) map[string]*prose.Section {
	t.Helper()
	out := map[string]*prose.Section{}
	if run == "queued" {
		out["interpretation | Evening load"] = queued()
		return out
	}
	file, ok := runs[run]
	if !ok {
		t.Fatalf("no run is called %q", run)
	}
	loaded, err := report.Load(filepath.Join("..", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Sections(loaded) {
		key := string(s.Kind)
		if s.Kind == prose.Interpretation {
			key += " | " + s.Title
		}
		out[key] = &s
	}
	return out
}

// queued is a section whose time split knows the queue: eight requests at a
// time on an open loop.
func queued() *prose.Section {
	own := func(m prose.Metric, st prose.Stat) prose.Figure { return prose.Figure{Metric: m, Stat: st} }
	values := map[prose.Figure]float64{
		own(prose.TTFT, prose.Mean): 905.20, own(prose.TTFT, prose.Median): 880.10, own(prose.TTFT, prose.P99): 1640.75,
		own(prose.TPOT, prose.Mean): 21.30, own(prose.TPOT, prose.Median): 21.20, own(prose.TPOT, prose.P99): 22.10,
		own(prose.Output, ""): 310.40, own(prose.PerUser, ""): 38.80, own(prose.E2EL, prose.Mean): 6337,
	}
	s := &prose.Section{
		ID: "interpretation 1", Kind: prose.Interpretation, Title: "Evening load", Min: 4, Max: 7,
		Facts: []prose.Fact{
			{Value: 905.20, Unit: "ms", Text: "905.20 ms", Of: own(prose.TTFT, prose.Mean)},
			{Value: 880.10, Unit: "ms", Text: "880.10 ms", Of: own(prose.TTFT, prose.Median)},
			{Value: 1640.75, Unit: "ms", Text: "1640.75 ms", Of: own(prose.TTFT, prose.P99)},
			{Value: 0.81, Unit: "%", Text: "81%", Of: own(prose.QueueTime, prose.Mean), Against: own(prose.TTFT, prose.Mean)},
			{Value: 1.81, Unit: "×", Text: "1.81×", Of: own(prose.TTFT, prose.P99), Against: own(prose.TTFT, prose.Mean)},
		},
	}
	s.Evidence = prose.Evidence{
		Points: []prose.Point{{Scenario: "Evening load", Concurrency: 8, Own: true, Values: values}},
		Queue:  new(0.116), Prefill: new(0.027), Decode: new(0.857), Cold: true,
	}
	return s
}

// example is a line of a file of sentences.
type example struct {
	line    int
	section *prose.Section
	text    string
	faults  []prose.Fault // one of these is expected; none: it is right
}

// examples reads a file of sentences.
func examples(t testing.TB, name string) []example {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known := map[string]map[string]*prose.Section{}
	var out []example
	var at *prose.Section
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "== "):
			run, key, _ := strings.Cut(line[3:], " | ")
			if known[run] == nil {
				known[run] = sections(t, run)
			}
			if at = known[run][key]; at == nil {
				t.Fatalf("%s:%d: run %q has no section %q", name, n, run, key)
			}
		case strings.HasPrefix(line, "+ "):
			out = append(out, example{line: n, section: at, text: line[2:]})
		case strings.HasPrefix(line, "- ["):
			kinds, text, _ := strings.Cut(line[3:], "] ")
			e := example{line: n, section: at, text: text}
			for kind := range strings.SplitSeq(kinds, "|") {
				e.faults = append(e.faults, prose.Fault(kind))
			}
			out = append(out, e)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no sentence", name)
	}
	return out
}

// TestSentences holds the checker to sentences on real runs: each wrong one
// has to be caught, for the right reason; of the right ones no more than two
// may be refused.
func TestSentences(t *testing.T) {
	for _, file := range []string{"sentences.txt", "blind.txt", "false.txt", "blind2.txt"} {
		var right, wrong, refused int
		for _, e := range examples(t, file) {
			found := prose.Check(e.section, e.text)
			if e.faults == nil {
				if right++; len(found) > 0 {
					refused++
					t.Logf("%s:%d: refused: %s\n\t%v", file, e.line, e.text, found)
				}
				continue
			}
			wrong++
			if len(found) > 0 && e.faults[0] == "any" {
				continue
			}
			if len(found) == 0 {
				t.Errorf("%s:%d: taken, want %v: %s", file, e.line, e.faults, e.text)
			} else if !slices.ContainsFunc(found, func(v prose.Violation) bool { return slices.Contains(e.faults, v.Kind) }) {
				t.Errorf("%s:%d: caught for the wrong reason, want %v: %s\n\t%v", file, e.line, e.faults, e.text, found)
			}
		}
		if refused > 2 {
			t.Errorf("%s: %d of %d right sentences refused, more than two", file, refused, right)
		}
		t.Logf("%s: %d right (%d refused), %d wrong", file, right, refused, wrong)
	}
}

// A scenario's name is no cover: one called like a word of judgement leaves
// the word what it is.
func TestNamesAreNoCover(t *testing.T) {
	own := func(m prose.Metric, st prose.Stat) prose.Figure { return prose.Figure{Metric: m, Stat: st} }
	s := &prose.Section{
		Kind: prose.Interpretation,
		Facts: []prose.Fact{
			{Value: 20, Unit: "ms", Text: "20.00 ms", Of: own(prose.TPOT, prose.Mean)},
			{Value: 2, Unit: "×", Text: "2.00×", Of: own(prose.TPOT, prose.P99), Against: own(prose.TPOT, prose.Mean)},
		},
		Evidence: prose.Evidence{Points: []prose.Point{{Scenario: "Steady", Concurrency: 3, Own: true, Values: map[prose.Figure]float64{
			own(prose.TPOT, prose.Mean): 20, own(prose.TPOT, prose.P99): 40,
		}}, {Scenario: "Night shift", Concurrency: 2}}},
	}
	for text, ok := range map[string]bool{
		"TPOT p99 is 2.00× the mean.":                          true,
		"TPOT p99 is 2.00× the mean, so TPOT is steady.":       false,
		"TPOT is steady.":                                      false,
		"TPOT is unequal, with p99 at 2.00× the mean.":         true,
		"TPOT p99 of Night shift is 2.00× the mean.":           false,
		"TPOT p99 is 2.00× the mean, unlike on a night shift.": false,
	} {
		if found := prose.Check(s, text); (len(found) == 0) != ok {
			t.Errorf("%q: %v", text, found)
		}
	}
}
