// Package chart draws the report's charts from the files of a run: a pure
// function of the results, the journal and the telemetry.
//
// What was not measured is a gap, never a zero. Lines only join measured
// points, bars begin at zero, and an axis that is logarithmic says so.
package chart

import (
	"fmt"
	"math"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
)

// Chart is one chart with what has to be printed with it.
type Chart struct {
	ID    string // also the file name without extension: "throughput", "timeline-03"
	Place Place
	// Scenario is the result that the figure is about, an index; −1: the run.
	Scenario int
	Title    string
	Alt      string // what the chart shows, in a sentence or two, with its key values
	Note     string // how to read it: scales, what a colour stands for; may be ""
	// Inline is an <svg> element for an HTML page: colours are the page's CSS
	// variables (see CSS), so that it follows light and dark. It has the
	// figure's alternative text, but not its title, in it.
	Inline []byte
	// Narrow is Inline for a phone, with the key below the data.
	Narrow []byte
	// SVG and PNG are the same chart as files on their own, on white, with the
	// title.
	SVG, PNG []byte
	// Header and Rows are the table of what is drawn, formatted.
	Header []string
	Rows   [][]string
}

// Place is the section of the report that a figure belongs to.
type Place string

// The places.
const (
	InScaling     Place = "Concurrency Scaling"
	InCapacity    Place = "Capacity"
	InTuning      Place = "Tuning"
	InScenario    Place = "Scenario Results"
	InSweeps      Place = "Sweeps"
	InSpeculation Place = "Speculation"
	InEnergy      Place = "Energy"
	InCeilings    Place = "Ceilings"
	InCompare     Place = "Charts"
)

// Input is what charts are drawn from. Records and Telemetry may be empty:
// the charts that need them are then left out. Read fills it from a folder.
type Input struct {
	Results   *result.Run
	Records   []result.Record
	Telemetry []Sample
}

// Figures draws all charts that the input has something for, in the order of
// the report: the scaling series, then every scenario, the limits, the devices. The
// same input gives the same bytes. Records are those of the pass whose
// figures the results show. A chart that can't be drawn costs only itself:
// undrawn has a line for each.
func Figures(in Input) (figures []Chart, undrawn []string) {
	if in.Results == nil {
		return nil, nil
	}
	c := collection{}
	c.add("of the scaling series", func() []sketch { return scalingFigures(in.Results) })
	c.add("of the sweeps", func() []sketch { return sweepFigures(in.Results) })
	c.add("of the drafts", func() []sketch { return acceptanceFigures(in.Results) })
	c.add("of the search for the capacity", func() []sketch { return capacityFigures(in.Results) })
	c.add("of the search for settings", func() []sketch { return tuningFigures(in.Results) })
	byScenario := in.recordsShown()
	for i := range in.Results.Results {
		if !shownAlone(in.Results, i) {
			continue
		}
		c.add(fmt.Sprintf("of scenario %d", i+1), func() []sketch { return scenarioFigures(in.Results, i, byScenario[i]) })
	}
	c.add("of the machine's limits", func() []sketch { return roofFigures(in.Results) })
	c.add("of the devices", func() []sketch { return deviceFigures(in.Results, in.Telemetry) })
	return c.figures, c.undrawn
}

// A sketch is a figure without its images.
type sketch struct {
	Chart
	drawing drawing
}

// collection gathers figures, and what became of the others.
type collection struct {
	figures []Chart
	undrawn []string
}

// add draws the sketches of one kind.
func (c *collection) add(kind string, of func() []sketch) {
	var sketches []sketch
	c.attempt("the charts "+kind, func() error {
		sketches = of()
		return nil
	})
	for _, s := range sketches {
		c.attempt(fmt.Sprintf("chart %q", s.ID), func() error {
			f, err := s.drawing.render(cleaned(s.Chart))
			if err == nil {
				c.figures = append(c.figures, f)
			}
			return err
		})
	}
}

// attempt does a piece of work that may fail. The plotting library panics on
// values that an axis has no place for, which must not cost a report.
func (c *collection) attempt(what string, work func() error) {
	fail := func(why any) {
		c.undrawn = append(c.undrawn, strings.Join(strings.Fields(fmt.Sprintf("%s can't be drawn: %v", what, why)), " "))
	}
	defer func() {
		if r := recover(); r != nil {
			fail(r)
		}
	}()
	if err := work(); err != nil {
		fail(err)
	}
}

// cleaned is the figure with text that any page can hold: names come from
// files.
func cleaned(f Chart) Chart {
	for _, text := range []*string{&f.Title, &f.Alt, &f.Note} {
		*text = oneline.Visible(*text)
	}
	for _, row := range append(f.Rows, f.Header) {
		for i := range row {
			row[i] = oneline.Visible(row[i])
		}
	}
	return f
}

// recordsShown are the records of each result: those of the pass that its
// figures are of, in the order of the journal. A record belongs to a result
// by its scenario's name, which is unique in a suite.
func (in *Input) recordsShown() [][]*result.Record {
	index := map[string]int{}
	for i := range in.Results.Results {
		if _, twice := index[in.Results.Results[i].Name]; !twice {
			index[in.Results.Results[i].Name] = i
		}
	}
	out := make([][]*result.Record, len(in.Results.Results))
	for k := range in.Records {
		rec := &in.Records[k]
		i, ok := index[rec.Name]
		if !ok {
			continue
		}
		if d := in.Results.Detail(i); d == nil && rec.Pass == 0 || d != nil && rec.Pass == d.Pass {
			out[i] = append(out[i], rec)
		}
	}
	return out
}

// largest is the greatest magnitude that is drawn: far above what anything
// here can be, and far below what axes can be computed for.
const largest = 1e18

// drawable is v as it may be drawn: NaN for what is missing, not finite or
// beyond all bounds.
func drawable(v *float64) float64 {
	if v == nil || math.IsNaN(*v) || math.Abs(*v) > largest {
		return math.NaN()
	}
	return *v
}

// twoDecimals prints with the report's two decimals; NaN is missing.
func twoDecimals(v float64) string { return figure.Fixed(v, 2) }
