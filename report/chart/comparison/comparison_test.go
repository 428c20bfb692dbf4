package comparison

import (
	"slices"
	"testing"

	"ceiling/report/chart"
	"ceiling/report/compare"
	"ceiling/report/metric"
)

func ptr(v float64) *float64 { return &v }

// scenario is a load that A and another run have.
func scenario(input, c int, figures ...compare.Measure) compare.ComparedScenario {
	return compare.ComparedScenario{Load: compare.ComparedLoad{Input: input, Output: 256, Concurrency: c, Prompts: 10 * c, Cache: "cold"}, Figures: figures}
}

func throughput(a, b float64) compare.Measure {
	return compare.Measure{Metric: metric.OutputThroughput, A: &a, B: &b}
}

func find(t *testing.T, fs []chart.Chart, id string) *chart.Chart {
	t.Helper()
	for i := range fs {
		if fs[i].ID == id {
			return &fs[i]
		}
	}
	t.Fatalf("no figure %q among %d", id, len(fs))
	return nil
}

func TestFigures(t *testing.T) {
	other := compare.Measure{Metric: metric.TTFTMean, A: ptr(40), B: ptr(9000), NotSame: "B: without the queue"}
	fs, err := Figures(&compare.Comparison{
		Runs: []compare.ComparedRun{{Label: "A", Tool: "ceiling", Path: "results/before"}, {Label: "B", Tool: "vllm bench serve", Path: "b.json", Model: "m"}, {Label: "C"}},
		Pairs: []compare.Pair{
			{A: "A", B: "B", Scenarios: []compare.ComparedScenario{
				scenario(1024, 2, throughput(100, 110), other), scenario(1024, 4, throughput(150, 180)), scenario(2048, 1, throughput(50, 60)),
			}},
			{A: "A", B: "C", Scenarios: []compare.ComparedScenario{scenario(1024, 4, throughput(150, 190)), scenario(1024, 8, throughput(210, 250))}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := find(t, fs, "compare-throughput")
	if f.Title != "Output throughput, 1024/256 tokens, cold" || f.Note != "" {
		t.Errorf("%q, note %q", f.Title, f.Note)
	}
	want := [][]string{{"2", "100.00", "110.00", "—"}, {"4", "150.00", "180.00", "190.00"}, {"8", "210.00", "—", "250.00"}}
	if !slices.EqualFunc(f.Rows, want, slices.Equal[[]string]) {
		t.Errorf("rows %q, want %q", f.Rows, want)
	}
	if f := find(t, fs, "compare-loads-throughput"); !slices.Equal(f.Rows[0], []string{"2048/256 tokens, cold, c=1", "50.00", "60.00", "—"}) {
		t.Errorf("rows %q", f.Rows)
	}
	// B's TTFT is another quantity, which leaves A's alone: no chart.
	find(t, fs, "compare-pareto")
	if len(fs) != 3 {
		t.Errorf("%d figures", len(fs))
	}
}

func TestLoad(t *testing.T) {
	for want, s := range map[string]compare.ComparedScenario{
		"1024/256 tokens, cold": scenario(1024, 2),
		"?/? tokens":            {},
		"10/20 tokens ±50 % at depth 512, 2.5 req/s": {Load: compare.ComparedLoad{Input: 10, Output: 20, RangeRatio: ptr(0.5), Depth: 512, RequestRate: ptr(2.5)}},
		"10/20 tokens, cache states differ":          {Load: compare.ComparedLoad{Input: 10, Output: 20, Cache: "warm"}, CacheDiffers: true},
	} {
		if got := load(&s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
