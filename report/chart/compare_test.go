package chart

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func compared(load string, c int, throughput, ttft float64) LoadPoint {
	p := LoadPoint{Load: load, Concurrency: c, Throughput: &throughput, TTFTMs: &ttft}
	return p
}

func TestCompare(t *testing.T) {
	fs, err := Compare(
		Series{Label: "A", Points: []LoadPoint{compared("1024/256 tokens", 4, 150, 60), compared("1024/256 tokens", 2, 100, 40), compared("2048/512 tokens", 1, 50, 500), compared("alone", 2, 1, 1)}},
		Series{Label: "B", Points: []LoadPoint{compared("1024/256 tokens", 2, 110, 45), compared("1024/256 tokens", 8, 300, 900), compared("2048/512 tokens", 1, 55, nan)}},
		Series{Label: "C", Points: []LoadPoint{compared("2048/512 tokens", 1, 60, 450)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	figs := byID(t, fs)
	if len(figs) != 5 {
		t.Fatalf("%d figures; TPOT was not measured, and one load is A's alone", len(figs))
	}
	f := figs["compare-throughput"]
	if want := "Output throughput against concurrency, by run. A rises from 100.00 tok/s at c=2 to 150.00 tok/s at c=4, the highest. B rises from 110.00 tok/s at c=2 to 300.00 tok/s at c=8, the highest."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
	if f.Place != InCompare || f.Title != "Output throughput, 1024/256 tokens" || f.Note != "" {
		t.Errorf("%q, %q, %q", f.Place, f.Title, f.Note)
	}
	want := [][]string{{"2", "100.00", "110.00"}, {"4", "150.00", "—"}, {"8", "—", "300.00"}}
	if d := cmp.Diff([]string{"Concurrency", "A (tok/s)", "B (tok/s)"}, f.Header) + cmp.Diff(want, f.Rows); d != "" {
		t.Error(d)
	}
	es := parseSVG(t, f.SVG)
	// A ends before B does and is named at its last point; B has a sample
	// beside its name. B never was at c=4, which is no hole in it.
	if m, l := markers(es, series[0]), lines(es, series[0]); m != 2 || l != 1 {
		t.Errorf("A: %d markers, %d lines", m, l)
	}
	if m, l := markers(es, series[1]), lines(es, series[1]); m != 3 || l != 2 {
		t.Errorf("B: %d markers, %d lines", m, l)
	}
	if f := figs["compare-ttft"]; !slices.Contains(texts(parseSVG(t, f.SVG)), "TTFT mean (ms), log scale") {
		t.Error("40 to 900 ms is not on a log axis")
	}

	f = figs["compare-loads-throughput"]
	if d := cmp.Diff([][]string{{"2048/512 tokens, c=1", "50.00", "55.00", "60.00"}}, f.Rows); d != "" {
		t.Error(d)
	}
	if got := texts(parseSVG(t, f.SVG)); !slices.Contains(got, "0") || !slices.Contains(got, "55.00") {
		t.Errorf("texts %q", got)
	}
	f = figs["compare-loads-ttft"]
	if d := cmp.Diff([][]string{{"2048/512 tokens, c=1", "500.00", "—", "450.00"}}, f.Rows); d != "" {
		t.Error(d)
	}
	if want := "TTFT mean by load. 2048/512 tokens, c=1: A 500.00 ms and C 450.00 ms."; f.Alt != want {
		t.Errorf("alt %q", f.Alt)
	}
}

// TestCompareGap: a value that a run lacks at a concurrency it has is a hole.
func TestCompareGap(t *testing.T) {
	fs, err := Compare(
		Series{Label: "A", Points: []LoadPoint{compared("y", 2, 1, 1), {Load: "y", Concurrency: 4}, compared("y", 8, 2, 2)}},
		Series{Label: "B", Points: []LoadPoint{compared("y", 2, 3, 3), compared("y", 4, 3, 3), compared("y", 8, 3, 3)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	es := parseSVG(t, byID(t, fs)["compare-throughput"].SVG)
	if l := lines(es, series[0]); l != 1 { // beside its name
		t.Errorf("A: %d lines", l)
	}
}

// TestCompareLooks: a run looks the same in every chart, also where another is
// missing.
func TestCompareLooks(t *testing.T) {
	fs, err := Compare(
		Series{Label: "A", Points: []LoadPoint{compared("x", 2, 1, 1), compared("x", 4, 1, 1)}}, // nobody else was under this load
		Series{Label: "B", Points: []LoadPoint{compared("y", 2, 1, 1), compared("y", 4, 2, 2)}},
		Series{Label: "C", Points: []LoadPoint{compared("y", 2, 3, 3), compared("y", 4, 3, 3)}},
	)
	if err != nil {
		t.Fatal(err)
	}
	es := parseSVG(t, byID(t, fs)["compare-throughput"].SVG)
	if markers(es, series[0]) != 0 || markers(es, series[1]) != 3 || markers(es, series[2]) != 3 {
		t.Errorf("markers %d, %d, %d", markers(es, series[0]), markers(es, series[1]), markers(es, series[2]))
	}
}

func TestCompareMany(t *testing.T) {
	var runs []Series
	for i := range 30 {
		r := Series{Label: fmt.Sprintf("R%d", i)}
		for c := range 6 {
			r.Points = append(r.Points, compared("x", 1<<c, float64(100+i), float64(i)))
		}
		r.Points = append(r.Points, compared("y", 3, float64(i), nan))
		runs = append(runs, r)
	}
	fs, err := Compare(runs...)
	if err != nil {
		t.Fatal(err)
	}
	if figs := byID(t, fs); len(figs) != 4 {
		t.Errorf("%d figures", len(figs))
	}
	for _, runs := range [][]Series{nil, runs[:1]} {
		if fs, err := Compare(runs...); err != nil || len(fs) != 0 {
			t.Errorf("%d runs: %d figures, %v", len(runs), len(fs), err)
		}
	}
}
