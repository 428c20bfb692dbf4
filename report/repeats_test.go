package report

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/doc"
	"ceiling/report/metric"
)

// passesOf makes a run of one scenario from the output throughputs of its
// passes; TTFT and TPOT go with them. A throughput of 0 is a failed pass, one
// below 0 a pass with two failed requests.
func passesOf(planned int, rates ...float64) *result.Run {
	var passes []result.Pass
	for i, rate := range rates {
		p := result.Pass{Pass: i, Detail: result.Detail{Name: "A", Status: result.StatusComplete, Cache: result.CacheCold}}
		switch {
		case rate == 0:
			p.Result, p.Detail.Status = result.Summary{Name: "A", NumPrompts: 20, Error: ptr("no memory")}, result.StatusFailed
		case rate < 0:
			p.Result = summary("A", 64, 16, 1, 20, -rate, [3]float64{100, 100, 100}, [3]float64{10, 10, 10})
			p.Result.SuccessfulRequests, p.Result.FailedRequests = 18, 2
		default:
			p.Result = summary("A", 64, 16, 1, 20, rate, [3]float64{1000 / rate, 1, 1}, [3]float64{100 / rate, 1, 1})
		}
		passes = append(passes, p)
	}
	r, d := result.Combine(planned, passes)
	return &result.Run{Planned: []string{"A"}, Results: []result.Summary{r}, Details: []result.Detail{d}, Partial: len(rates) < planned}
}

// The spread by hand: 90, 100, 110, 104 tok/s have a mean of 101 and a sample
// standard deviation of √(212/3) = 8.406: 8.3 %.
func TestRepeatsTable(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  *result.Run
		row  string // the table's; "": no section
	}{
		{"one pass", passesOf(1, 100), ""},
		{"four passes: the lower of the two in the middle is shown", passesOf(4, 90, 100, 110, 104),
			"| A | 4 / 4 | 2 | 90.00 – 110.00 | 8.3% | 9.09 – 11.11 | 8.6% | 0.91 – 1.11 | 8.6% |"},
		{"failed passes have no part in it", passesOf(4, 90, 0, 110, -70),
			"| A | 2 / 4 | 1 | 90.00 – 110.00 | 14.1% | 9.09 – 11.11 | 14.1% | 0.91 – 1.11 | 14.1% |"},
		{"one good pass has no spread", passesOf(2, 90, 0), "| A | 1 / 2 | 1 | 90.00 – 90.00 | — | 11.11 – 11.11 | — | 1.11 – 1.11 | — |"},
		{"none has nothing", passesOf(2, 0, 0), "| A | 0 / 2 | 1 | — | — | — | — | — | — |"},
	} {
		section := ""
		if repeated(tc.run) {
			section = text(t, repeatsSection(tc.run, scenarios(tc.run))...)
		}
		lines := strings.Split(section, "\n")
		if got := lines[len(lines)-1]; got != tc.row {
			t.Errorf("%s:\n%s", tc.name, cmp.Diff(tc.row, got))
		}
	}
}

// Passes 98, 102 | 108, 112 | 88, 92 of three processes, by hand: within, three
// times 2·2² = 8 over three degrees of freedom, √8 = 2.83 of a mean of 100;
// between, means 100, 110, 90 with variance 100 less 8/2, √96 = 9.80.
func TestVariation(t *testing.T) {
	run := passesOf(6, 98, 102, 108, 112, 88, 92)
	const rate = metric.OutputThroughput
	passes := run.Details[0].Passes
	if _, between, n := variation(passes, rate); n != 1 || between != nil || processesTable(scenarios(run)) != nil {
		t.Errorf("one process: %d, %v", n, between)
	}
	for i := range passes {
		passes[i].Detail.Process = i / 2
	}
	got := text(t, repeatsSection(run, scenarios(run))...)
	if want := "\n| A | 3 | 2.83% | 9.80% | "; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	for i := range passes {
		passes[i].Detail.Process = i
	}
	within, between, n := variation(passes, rate)
	if n != 6 || within != nil || between == nil || math.Abs(*between-9.21) > 0.01 {
		t.Errorf("one pass each: %v, %v, %d", within, between, n)
	}
	// Equal processes: what chance does within them is not taken for more.
	for i, rate := range []float64{90, 110, 110, 90, 90, 110} {
		passes[i].Detail.Process, *passes[i].Result.OutputThroughput = i/2, rate
	}
	if _, between, _ := variation(passes, rate); between == nil || *between != 0 {
		t.Errorf("equal processes: %v", *between)
	}
}

// What failed in a pass that the tables do not show is told all the same.
func TestValidityOfAllPasses(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  *result.Run
		want string
	}{
		{"all good", passesOf(3, 90, 100, 110), "The one scenario ran to its end and no request failed."},
		{"a pass failed", passesOf(3, 90, 0, 110), "The one scenario ran to its end in at least one pass; passes over a scenario that failed: 1."},
		{"requests failed", passesOf(3, 90, -70, 110), "The one scenario ran to its end; 2 requests failed."},
		{"cut short", passesOf(3, 90, 110), "1 of 1 scenario complete in at least one pass (2 of 3 passes over a scenario)."},
	} {
		got := text(t, validitySection(tc.run, scenarios(tc.run))...)
		if !strings.Contains(got, tc.want) {
			t.Errorf("%s: no %q in\n%s", tc.name, tc.want, got)
		}
	}
	if got := text(t, validitySection(passesOf(3, 90, 0, 110), scenarios(passesOf(3, 90, 0, 110)))...); !strings.Contains(got, "A: pass 2 of 3 failed: no memory.") {
		t.Errorf("the reason is missing:\n%s", got)
	}
}

// The reference's tables show one pass, and nothing of the others.
func TestRepeatsLeaveTheTablesAlone(t *testing.T) {
	run := passesOf(3, 90, 100, 110)
	single := &result.Run{Planned: run.Planned, Results: run.Results, Details: []result.Detail{run.Details[0].Passes[1].Detail}}
	for _, table := range []func([]scenario) *doc.Table{performanceTable, speedTable} {
		if diff := cmp.Diff(table(scenarios(single)), table(scenarios(run))); diff != "" {
			t.Error(diff)
		}
	}
	md := render(t, run, DocumentOptions{})
	if !strings.Contains(md, "## Repeats\n\nThe suite ran in passes") || !strings.Contains(md, "spread over the passes (Repeats)") {
		t.Errorf("no Repeats in\n%s", md)
	}
}

// Whether passes have the same prompts depends on where these come from.
func TestPromptsOfPasses(t *testing.T) {
	file := result.Detail{Dataset: &result.Dataset{Path: "builtin/code"}}
	for want, details := range map[string][]result.Detail{
		", prompts differ":     {{}, {}},
		"; so are the prompts": {file, file},
		"; so are the prompts of files, the others differ":                      {file, {}},
		"; so are the prompts, which later passes may find in the prefix cache": {file, {Cache: result.CacheWarm}},
	} {
		if got := promptsText(&result.Run{Details: details}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
