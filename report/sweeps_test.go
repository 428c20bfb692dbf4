package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/report/chart"
)

// sweptRun has a sweep of four points; rates are the output of each in three
// passes.
func sweptRun(states [4]result.State, rates [4][]float64) *result.Run {
	r := &result.Run{Model: "m"}
	for i, x := range rates {
		at := []result.Setting{{Name: "concurrency", Value: []string{"1", "4"}[i/2]}, {Name: "kv-type", Value: []string{"f16", "q8_0"}[i%2]}}
		var passes []result.Pass
		for n, v := range x {
			tpot := 1000 / v
			s := result.Summary{Name: "A: " + result.SettingsText(at), Concurrency: 1, NumPrompts: 2, SuccessfulRequests: 2, OutputThroughput: &v, TPOTMeanMs: &tpot}
			passes = append(passes, result.Pass{Pass: n, Result: s, Detail: result.Detail{Name: s.Name, Status: result.StatusComplete,
				Sweep: &result.SweepPoint{Of: "A", At: at}, Verdict: &result.Verdict{State: states[i]}}})
		}
		s, d := result.Combine(len(x), passes)
		r.Results, r.Details = append(r.Results, s), append(r.Details, d)
	}
	return r
}

func TestSweepMatrix(t *testing.T) {
	valid, loud := result.StateValid, result.StateDisturbed
	r := sweptRun([4]result.State{valid, valid, valid, loud}, [4][]float64{{10, 11, 12}, {20, 21, 22}, {20, 21.5, 22}, {40, 41, 42}})
	got := Sweeps(r)
	want := []SweepMatrix{{
		Of:   "A",
		Head: []string{"concurrency", "kv-type", "Output Throughput (tok/s)", "TPOT mean (ms)", "Verdict"},
		Rows: [][]string{
			{"1", "f16", "11.00 ±2.48", "91.41 ±20.73", "valid"},
			{"1", "q8_0", "21.00 ±2.48", "47.69 ±5.65", "valid"},
			{"4", "f16", "21.17 ±2.59 *", "47.32 ±5.91 *", "valid"},
			{"4", "q8_0", "41.00 ±2.48", "24.40 ±1.48", "disturbed"},
		},
		Best: []string{
			"Output Throughput (tok/s): best 21.17 with concurrency=4 kv-type=f16, 18.58 to 23.75 (95 % of the mean of 3 passes); not told apart: concurrency=1 kv-type=q8_0",
			"TPOT mean (ms): best 47.32 with concurrency=4 kv-type=f16, 41.41 to 53.23 (95 % of the mean of 3 passes); not told apart: concurrency=1 kv-type=q8_0",
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// Where something speaks against every point, the best of them is said with it.
	one := sweptRun([4]result.State{loud, loud, loud, loud}, [4][]float64{{10}, {20}, {20}, {40}})
	line := Sweeps(one)[0].Best[0]
	if line != "Output Throughput (tok/s): best 40.00 with concurrency=4 kv-type=q8_0 (disturbed, as every point); one pass, so no interval: --repeat 3 gives one" {
		t.Error(line)
	}
	// Two passes that differ much tell little, and never of less than nothing.
	wide := Sweeps(sweptRun([4]result.State{valid, valid, valid, valid}, [4][]float64{{10, 30}, {10, 31}, {10, 32}, {10, 33}}))[0].Best[0]
	if !strings.Contains(wide, ", 0.00 to 167.62 (95 % of the mean of 2 passes)") {
		t.Error(wide)
	}
	if n := len(Sweeps(&result.Run{Results: []result.Summary{{Name: "x"}}})); n != 0 {
		t.Errorf("%d sweeps of a run without", n)
	}
	d, err := Document(r, DocumentOptions{Prose: ProseOff})
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	if err := d.Markdown(&page); err != nil {
		t.Fatal(err)
	}
	if text := page.String(); !strings.Contains(text, "## Sweeps") || !strings.Contains(text, "21.17 ±2.59 \\*") {
		t.Error(text)
	}
}

// Of a sweep's curves over concurrency the one that is shown says its settings.
func TestScalingOfSweep(t *testing.T) {
	valid := result.StateValid
	r := sweptRun([4]result.State{valid, valid, valid, valid}, [4][]float64{{10}, {20}, {20}, {40}})
	for i := range r.Results {
		r.Results[i].Concurrency = []int{1, 1, 4, 4}[i]
		r.Details[i].Settings = []result.Setting{{Name: "kv-type", Value: []string{"f16", "q8_0"}[i%2]}}
	}
	d, err := Document(r, DocumentOptions{Prose: ProseOff})
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	if err := d.Markdown(&page); err != nil {
		t.Fatal(err)
	}
	if want := "**With:** kv-type=f16"; !strings.Contains(page.String(), want) {
		t.Errorf("no %q in\n%s", want, page.String())
	}
	charts, undrawn := chart.Figures(chart.Input{Results: r})
	if len(charts) == 0 || charts[0].Note != "With kv-type=f16." {
		t.Errorf("%+v, %v", charts, undrawn)
	}
}
