package chart

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
)

var update = flag.Bool("update", false, "write the golden files again")

func ptr(v float64) *float64 { return &v }

// scaled is a point of the scaling series. NaN stands for a value that is
// missing.
func scaled(c int, throughput, ttft, tpot float64) result.Summary {
	at := func(v float64) *float64 {
		if math.IsNaN(v) {
			return nil
		}
		return &v
	}
	return result.Summary{
		Name: fmt.Sprintf("Concurrency Scaling (c=%d)", c), Concurrency: c, InputLen: 1024, OutputLen: 256, NumPrompts: 30,
		OutputThroughput: at(throughput),
		TTFTMeanMs:       at(ttft), TTFTMedianMs: at(ttft * 0.9), TTFTP99Ms: at(ttft * 2),
		TPOTMeanMs: at(tpot), TPOTMedianMs: at(tpot), TPOTP99Ms: at(tpot * 1.5),
	}
}

var nan = math.NaN()

// series4 rises, falls, and has a hole.
func series4() *result.Run {
	return &result.Run{Results: []result.Summary{
		scaled(8, 300, 90, 12), scaled(2, 109.3, 40, 10), scaled(4, nan, nan, nan), scaled(16, 290.5, 1000, 25),
	}}
}

func TestScalingSeries(t *testing.T) {
	fs := figures(t, Input{Results: series4()})
	var ids []string
	for id := range fs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if want := []string{"pareto", "per-user", "throughput", "tpot", "tradeoff", "ttft"}; !slices.Equal(ids, want) {
		t.Fatalf("figures %q, want %q", ids, want)
	}
	for _, c := range []struct {
		id      string
		alt     string
		header  []string
		rows    [][]string
		note    string
		inTexts []string
	}{
		{"throughput",
			"Output throughput goes from 109.30 tok/s at c=2, the lowest, to 290.50 tok/s at c=16; the highest is 300.00 tok/s at c=8.",
			[]string{"Concurrency", "Output throughput (tok/s)"},
			[][]string{{"2", "109.30"}, {"4", "—"}, {"8", "300.00"}, {"16", "290.50"}},
			"Not measured at c=4.",
			[]string{"Output throughput (tok/s)", "Concurrency (requests in flight), log scale", "0", "300", "2", "4", "8", "16", "109.30", "300.00", "290.50"}},
		{"per-user",
			"Per-user throughput falls from 54.65 tok/s at c=2 to 18.16 tok/s at c=16, the lowest.",
			[]string{"Concurrency", "Per-user throughput (tok/s)"},
			[][]string{{"2", "54.65"}, {"4", "—"}, {"8", "37.50"}, {"16", "18.16"}},
			"Output throughput divided by the number of concurrent users. Not measured at c=4.",
			[]string{"54.65", "37.50", "18.16"}},
		{"ttft",
			"TTFT mean rises from 40.00 ms at c=2 to 1000.00 ms at c=16, the highest. TTFT p99 rises from 80.00 ms at c=2 to 2000.00 ms at c=16, the highest.",
			[]string{"Concurrency", "TTFT mean (ms)", "TTFT median (ms)", "TTFT p99 (ms)"},
			[][]string{{"2", "40.00", "36.00", "80.00"}, {"4", "—", "—", "—"}, {"8", "90.00", "81.00", "180.00"}, {"16", "1000.00", "900.00", "2000.00"}},
			"The vertical axis is logarithmic: equal distances are equal ratios. Not measured at c=4.",
			[]string{"TTFT (ms), log scale", "mean", "median", "p99"}},
		{"tpot",
			"TPOT mean rises from 10.00 ms at c=2 to 25.00 ms at c=16, the highest. TPOT p99 rises from 15.00 ms at c=2 to 37.50 ms at c=16, the highest.",
			[]string{"Concurrency", "TPOT mean (ms)", "TPOT median (ms)", "TPOT p99 (ms)"},
			[][]string{{"2", "10.00", "10.00", "15.00"}, {"4", "—", "—", "—"}, {"8", "12.00", "12.00", "18.00"}, {"16", "25.00", "25.00", "37.50"}},
			"Not measured at c=4.",
			[]string{"TPOT (ms)", "0", "10", "40"}},
		{"tradeoff",
			"TPOT p99 over TTFT p99 at 3 concurrency levels. Sweet spot: c=2 with TTFT p99 80.00 ms and TPOT p99 15.00 ms. Highest output throughput: c=8 with TTFT p99 180.00 ms and TPOT p99 18.00 ms.",
			[]string{"Concurrency", "TTFT p99 (ms)", "TPOT p99 (ms)", "Mark"},
			[][]string{{"2", "80.00", "15.00", "sweet spot"}, {"4", "—", "—", ""}, {"8", "180.00", "18.00", "peak"}, {"16", "2000.00", "37.50", ""}},
			"",
			[]string{"c=2 sweet spot", "c=8 peak", "c=16", "TTFT p99 (ms), log scale", "TPOT p99 (ms)"}},
		{"pareto",
			"From 54.65 tok/s per user and 109.30 tok/s in all at c=2 to 18.16 tok/s per user and 290.50 tok/s in all at c=16.",
			[]string{"Concurrency", "Output throughput (tok/s)", "Per-user throughput (tok/s)", "Beaten"},
			[][]string{{"2", "109.30", "54.65", ""}, {"8", "300.00", "37.50", ""}, {"16", "290.50", "18.16", "yes"}},
			"",
			[]string{"c=2", "c=8", "c=16", "Output throughput (tok/s)", "Per-user throughput (tok/s)"}},
	} {
		f := fs[c.id]
		if f.Alt != c.alt {
			t.Errorf("%s: alt %q,\nwant %q", c.id, f.Alt, c.alt)
		}
		if c.note != "" && f.Note != c.note {
			t.Errorf("%s: note %q, want %q", c.id, f.Note, c.note)
		}
		if d := cmp.Diff(c.header, f.Header) + cmp.Diff(c.rows, f.Rows); d != "" {
			t.Errorf("%s: %s", c.id, d)
		}
		got := texts(parseSVG(t, f.SVG))
		for _, want := range c.inTexts {
			if !slices.Contains(got, want) {
				t.Errorf("%s: no text %q in %q", c.id, want, got)
			}
		}
		if f.Place != InScaling || f.Scenario != -1 {
			t.Errorf("%s: in %q, about %d", c.id, f.Place, f.Scenario)
		}
	}
}

// TestScalingShapes counts what is drawn: one marker a point, no line across a
// hole.
func TestScalingShapes(t *testing.T) {
	fs := figures(t, Input{Results: series4()})
	es := parseSVG(t, fs["throughput"].SVG)
	if m, l := markers(es, series[0]), lines(es, series[0]); m != 3 || l != 1 {
		t.Errorf("throughput: %d markers and %d lines for three points, of which the last two are joined", m, l)
	}
	es = parseSVG(t, fs["ttft"].SVG)
	for i := range 3 {
		// A marker and a line more are beside the name.
		if m, l := markers(es, series[i]), lines(es, series[i]); m != 4 || l != 2 {
			t.Errorf("ttft, series %d: %d markers, %d lines", i+1, m, l)
		}
	}
	one := figures(t, Input{Results: &result.Run{Results: []result.Summary{scaled(2, nan, nan, nan), scaled(4, 100, 50, 10)}}})
	es = parseSVG(t, one["throughput"].SVG)
	if m, l := markers(es, series[0]), lines(es, series[0]); m != 1 || l != 0 {
		t.Errorf("one point: %d markers, %d lines", m, l)
	}
	if got, want := one["throughput"].Alt, "Output throughput is 100.00 tok/s at c=4, the only point measured."; got != want {
		t.Errorf("one point: %q", got)
	}
}

// TestReferenceSeries reads a report's file and holds a few of its numbers,
// copied from the file by hand, against the tables.
func TestReferenceSeries(t *testing.T) {
	b, err := os.ReadFile("../testdata/reference/benchmark_Devstral-Small-2-24B-Instruct-INT4-INT8-Mixed-GPTQ.json")
	if err != nil {
		t.Fatal(err)
	}
	var r result.Run
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	fs := figures(t, Input{Results: &r})
	if len(fs) != 6 {
		t.Errorf("%d figures; without details there are 6", len(fs))
	}
	want := "Output throughput goes from 142.90 tok/s at c=2, the lowest, to 430.97 tok/s at c=128; the highest is 468.88 tok/s at c=16."
	if got := fs["throughput"].Alt; got != want {
		t.Errorf("alt %q", got)
	}
	if got := fs["ttft"].Rows[6]; !slices.Equal(got, []string{"128", "11831.63", "2937.43", "41697.22"}) {
		t.Errorf("TTFT at c=128: %q", got)
	}
	if !strings.Contains(fs["tradeoff"].Alt, "Sweet spot: c=4 with TTFT p99 153.54 ms and TPOT p99 15.52 ms. Highest output throughput: c=16 ") {
		t.Errorf("alt %q", fs["tradeoff"].Alt)
	}
	if m := markers(parseSVG(t, fs["per-user"].SVG), series[0]); m != 7 {
		t.Errorf("%d markers for 7 points", m)
	}
}

// TestPercentilesOfDetails: p90 and p95 are in the details only, in seconds.
func TestPercentilesOfDetails(t *testing.T) {
	r := &result.Run{Results: []result.Summary{scaled(2, 100, 40, 10), scaled(4, 150, 60, 11)}, Details: []result.Detail{
		{Status: result.StatusComplete, TTFT: &result.Dist{Count: 100, P90: 0.07, P95: 0.0755}}, {Status: result.StatusComplete},
	}}
	f := figures(t, Input{Results: r})["ttft"]
	if want := []string{"Concurrency", "TTFT mean (ms)", "TTFT median (ms)", "TTFT p90 (ms)", "TTFT p95 (ms)", "TTFT p99 (ms)"}; !slices.Equal(f.Header, want) {
		t.Errorf("header %q", f.Header)
	}
	if want := []string{"2", "40.00", "36.00", "70.00", "75.50", "80.00"}; !slices.Equal(f.Rows[0], want) {
		t.Errorf("row %q", f.Rows[0])
	}
	if want := []string{"4", "60.00", "54.00", "—", "—", "120.00"}; !slices.Equal(f.Rows[1], want) {
		t.Errorf("row %q", f.Rows[1])
	}
	// Names of lines that end early are beside their last point.
	if got := texts(parseSVG(t, f.SVG)); !slices.Contains(got, "p90") || !slices.Contains(got, "p95") {
		t.Errorf("texts %q", got)
	}
	// Of few values the table has them, and one line stands for the tail.
	r.Details[0].TTFT.Count = 99
	f = figures(t, Input{Results: r})["ttft"]
	if got := texts(parseSVG(t, f.SVG)); slices.Contains(got, "p90") || slices.Contains(got, "p95") || !slices.Contains(got, "p99") {
		t.Errorf("texts %q", got)
	}
	if len(f.Header) != 6 || !strings.Contains(f.Note, "With fewer than 100 requests") {
		t.Errorf("header %q, note %q", f.Header, f.Note)
	}
}

// On a phone a chart has its key below the data: no name stands beside it.
func TestPhone(t *testing.T) {
	f := figures(t, Input{Results: series4()})["ttft"]
	page, phone := parseSVG(t, f.Inline), parseSVG(t, f.Narrow)
	if page[0].attr["viewBox"] != "0 0 800 300" || !strings.HasPrefix(phone[0].attr["viewBox"], "0 0 360 3") {
		t.Errorf("view boxes %q and %q", page[0].attr["viewBox"], phone[0].attr["viewBox"])
	}
	place := func(es []element, text string) (x, y float64) {
		for _, e := range es {
			if e.name == "text" && e.text == text {
				x, _ = strconv.ParseFloat(e.attr["x"], 64)
				y, _ = strconv.ParseFloat(e.attr["y"], 64)
				return x, -y
			}
		}
		t.Fatalf("no text %q", text)
		return 0, 0
	}
	_, axis := place(phone, concurrencyTitle)
	for _, name := range []string{"mean", "median", "p99"} {
		if _, y := place(phone, name); y >= axis {
			t.Errorf("phone: %s at %g is not below the axis' title at %g", name, y, axis)
		}
		if x, y := place(page, name); x < 700 || y < 60 {
			t.Errorf("page: %s at %g, %g is not beside the data", name, x, y)
		}
	}
}

// TestFailedScenario: what a failed scenario has in its fields is not drawn.
func TestFailedScenario(t *testing.T) {
	r := series4()
	r.Details = []result.Detail{{Status: result.StatusFailed}, {Status: result.StatusComplete}, {Status: result.StatusComplete}, {Status: result.StatusPartial}}
	fs := figures(t, Input{Results: r})
	if alt := fs["tradeoff"].Alt; !strings.Contains(alt, "Highest output throughput: c=16 ") {
		t.Errorf("alt %q", alt)
	}
	f := fs["throughput"]
	if got := f.Rows[2]; !slices.Equal(got, []string{"8", "—"}) {
		t.Errorf("failed c=8: %q", got)
	}
	if f.Note != "Not measured at c=4 and c=8." {
		t.Errorf("note %q", f.Note)
	}
}

func TestNothingToDraw(t *testing.T) {
	for name, in := range map[string]Input{
		"no results":       {},
		"no scenarios":     {Results: &result.Run{}},
		"no scaling":       {Results: &result.Run{Results: []result.Summary{{Name: "Single User Latency", Concurrency: 1}}}},
		"nothing measured": {Results: &result.Run{Results: []result.Summary{scaled(2, nan, nan, nan), scaled(4, nan, nan, nan)}}},
		"no finite number": {Results: &result.Run{Results: []result.Summary{
			{Concurrency: 2, OutputThroughput: ptr(math.Inf(1)), TTFTMeanMs: &nan}, {Concurrency: 4, OutputThroughput: ptr(math.Inf(-1))}}}},
		"no concurrency":     {Results: &result.Run{Results: []result.Summary{scaled(0, 1, 1, 1), scaled(2, 1, 1, 1)}}},
		"records of nothing": {Results: &result.Run{}, Records: []result.Record{{Name: "Other"}}},
	} {
		if fs := figures(t, in); len(fs) != 0 {
			t.Errorf("%s: %d figures", name, len(fs))
		}
	}
}

// TestExtremes: whatever the numbers are, the library draws them, and no file
// grows out of hand.
func TestExtremes(t *testing.T) {
	many := &result.Run{}
	for c := range 500 {
		many.Results = append(many.Results, scaled(c+1, 100*math.Log(float64(c+2)), float64(30*(c+1)), 10))
	}
	for name, r := range map[string]*result.Run{
		"500 scenarios": many,
		"1e-9 to 1e12":  {Results: []result.Summary{scaled(2, 1e-9, 1e-9, 1e12), scaled(4, 1e12, 1e12, 1e-9), scaled(1<<30, 7, 7, 7)}},
		"beyond bounds": {Results: []result.Summary{scaled(2, 1e300, 1e300, 1e300), scaled(4, 1, 1, 1)}},
		"zeros":         {Results: []result.Summary{scaled(2, 0, 0, 0), scaled(4, 0, 0, 0)}},
		"negative":      {Results: []result.Summary{scaled(2, -5, -5, -5), scaled(4, 5, 500, 5)}},
		"all alike":     {Results: []result.Summary{scaled(8, 10, 10, 10), scaled(9, 10, 10, 10), scaled(10, 10, 10, 10)}},
		"not finite":    {Results: []result.Summary{scaled(2, math.Inf(1), 3, math.Inf(-1)), scaled(4, 1, math.Inf(1), 2)}},
	} {
		if fs := figures(t, Input{Results: r}); len(fs) < 4 {
			t.Errorf("%s: %d figures", name, len(fs))
		}
	}
}

// TestSameBytes: the same input gives the same bytes.
func TestSameBytes(t *testing.T) {
	a, errA := Figures(Input{Results: series4()})
	b, errB := Figures(Input{Results: series4()})
	if errA != nil || errB != nil || len(a) != len(b) {
		t.Fatal(errA, errB, len(a), len(b))
	}
	for i := range a {
		if !bytes.Equal(a[i].Inline, b[i].Inline) || !bytes.Equal(a[i].SVG, b[i].SVG) || !bytes.Equal(a[i].PNG, b[i].PNG) {
			t.Errorf("%s differs", a[i].ID)
		}
	}
}

// TestGolden shows a whole chart as a page gets it.
func TestGolden(t *testing.T) {
	r := &result.Run{Results: []result.Summary{scaled(2, 109.3, 40, 10), scaled(4, 178.9, 55, 11)}}
	got := figures(t, Input{Results: r})["throughput"].Inline
	path := filepath.Join("testdata", "throughput.svg")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("-want +got; with -update it is written again:\n%s", d)
	}
}
