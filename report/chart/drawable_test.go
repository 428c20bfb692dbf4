package chart

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ceiling/bench/result"
)

// TestGapsOfZero: most gaps of a server that bundles its tokens are 0 ms, and
// a logarithmic axis has no place for the line of their median.
func TestGapsOfZero(t *testing.T) {
	const folder = "testdata/gaps-of-zero"
	b, err := os.ReadFile(filepath.Join(folder, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var results result.Run
	if err := json.Unmarshal(b, &results); err != nil {
		t.Fatal(err)
	}
	in, notes := Read(folder, &results)
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	f := figures(t, in)["itl-01"]
	if f == nil {
		t.Fatal("no ITL chart")
	}
	drawn := texts(parseSVG(t, f.SVG))
	if slices.ContainsFunc(drawn, func(s string) bool { return strings.HasPrefix(s, "median") }) || !slices.Contains(drawn, "p99 9.90") {
		t.Errorf("texts %q", drawn)
	}
	if want := "Left out, since it has no place on it either: the line of the median 0.00 ms."; !strings.HasSuffix(f.Note, want) {
		t.Errorf("note %q", f.Note)
	}
	if f.Rows[2][0] != "Median" || f.Rows[2][1] != "0.00" {
		t.Errorf("rows %q: the table has the median all the same", f.Rows)
	}
}

// TestLinesOnTheAxis: a median or p99 is drawn where the axis has a place for
// it, and only there.
func TestLinesOnTheAxis(t *testing.T) {
	zeros := func(n int, rest ...float64) []float64 { return append(make([]float64, n), rest...) }
	for _, c := range []struct {
		name   string
		gaps   []float64 // ms
		median bool
		p99    bool
	}{
		{"half of them zero", zeros(4, 1, 10, 100), false, true},
		{"all but two of 502", zeros(500, 1, 100), false, false},
		{"a p99 between 0 and the shortest gap", zeros(495, 1, 2, 3, 4, 100), false, false},
		{"all zero, on a linear axis", zeros(9), true, true},
		{"near enough for a linear axis", zeros(5, 1, 14), true, true},
		{"none zero", []float64{1, 2, 100}, true, true},
	} {
		r := request("T", 0, 0, 0, 1)
		for _, g := range c.gaps {
			r.TokenTimes = append(r.TokenTimes, r.TokenTimes[len(r.TokenTimes)-1]+g/1000)
		}
		f := figures(t, Input{Results: &result.Run{Results: []result.Summary{{Name: "T"}}}, Records: []result.Record{r}})["itl-01"]
		drawn := strings.Join(texts(parseSVG(t, f.SVG)), "|")
		if got := strings.Contains(drawn, "median"); got != c.median {
			t.Errorf("%s: line of the median %v (%s)", c.name, got, f.Note)
		}
		if got := strings.Contains(drawn, "p99"); got != c.p99 {
			t.Errorf("%s: line of the p99 %v (%s)", c.name, got, f.Note)
		}
		if got := strings.Contains(f.Note, "the line of the"); got != !(c.median && c.p99) {
			t.Errorf("%s: note %q", c.name, f.Note)
		}
	}
}

// TestAnySeriesIsDrawn: whatever is measured that is not negative, with zeros,
// ties, holes and magnitudes far apart, every chart is drawn.
func TestAnySeriesIsDrawn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	value := func() float64 {
		switch rng.IntN(6) {
		case 0:
			return 0
		case 1:
			return math.Ldexp(1, rng.IntN(60)-40)
		case 2:
			return largest
		}
		return math.Exp(30*rng.Float64() - 20)
	}
	maybe := func() *float64 {
		if rng.IntN(5) == 0 {
			return nil
		}
		v := value()
		return &v
	}
	for range 40 {
		r := &result.Run{}
		var records []result.Record
		for c := range 1 + rng.IntN(4) {
			res := result.Summary{Name: fmt.Sprintf("Concurrency Scaling (c=%d)", 1<<c), InputLen: 8, OutputLen: 8, Concurrency: 1 << c, NumPrompts: 9}
			for _, to := range []**float64{&res.OutputThroughput, &res.TTFTMeanMs, &res.TTFTMedianMs, &res.TTFTP99Ms, &res.TPOTMeanMs, &res.TPOTMedianMs, &res.TPOTP99Ms} {
				*to = maybe()
			}
			r.Results = append(r.Results, res)
			rec := request(res.Name, 0, 0, 0, 1)
			for range rng.IntN(30) {
				rec.TokenTimes = append(rec.TokenTimes, rec.TokenTimes[len(rec.TokenTimes)-1]+min(value(), 1e6))
			}
			rec.End = rec.TokenTimes[len(rec.TokenTimes)-1]
			records = append(records, rec)
		}
		in := Input{Results: r, Records: records}
		sketches := scalingFigures(r)
		for i, own := range in.recordsShown() {
			sketches = append(sketches, scenarioFigures(r, i, own)...)
		}
		for _, s := range sketches {
			svg, err := s.drawing.svg("")
			if err != nil || bad.MatchString(svg) {
				t.Fatalf("%s: %v, %q: %+v", s.ID, err, bad.FindString(svg), r.Results)
			}
		}
	}
}

// TestUndrawn: a chart that fails, in its making or in its drawing, costs
// itself and nothing else, and is named.
func TestUndrawn(t *testing.T) {
	good := figureOf(t)
	broken := good
	broken.ID = "broken"
	broken.drawing.draw = nil
	c := collection{}
	c.add("of something", func() []sketch { return []sketch{broken, good} })
	c.add("of nothing", func() []sketch { panic("no\nplace") })
	c.add("of more", func() []sketch { return []sketch{good} })
	if len(c.figures) != 2 || len(c.undrawn) != 2 {
		t.Fatalf("%d drawn, %q", len(c.figures), c.undrawn)
	}
	if !strings.HasPrefix(c.undrawn[0], `chart "broken" can't be drawn: `) || c.undrawn[1] != "the charts of nothing can't be drawn: no place" {
		t.Errorf("%q", c.undrawn)
	}
}

// figureOf is a sketch that can be drawn.
func figureOf(t *testing.T) sketch {
	t.Helper()
	in := chat()
	s, ok := itlFigure(in.Results, 1, in.recordsShown()[1])
	if !ok {
		t.Fatal("no sketch")
	}
	return s
}
