package chart

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"ceiling/bench/result"
	"ceiling/kernels"
)

// roofPoint is what the steps of a scenario did: operations for each byte, and
// operations a second, in 10⁹.
type roofPoint struct {
	scenario        int
	what            string // "decode", "prefill"
	intensity, rate float64
	share           float64 // of the limit
}

// roofPoints are the points of each scenario whose steps are known: those without
// prompts, and those of prompts alone.
func roofPoints(r *result.Run) []roofPoint {
	var out []roofPoint
	for i := range r.Results {
		d := r.Detail(i)
		decode, prompt := r.Shares(i)
		if d == nil || d.Mix == nil || r.Limits(i) != r.Ceilings {
			continue // roofs of its own are not those that are drawn
		}
		for _, p := range []struct {
			what  string
			part  *kernels.MixPart
			share *kernels.Share
		}{{"decode", &d.Mix.Decode, decode}, {"prefill", &d.Mix.Prompt, prompt}} {
			bytes, ops := r.Ceilings.Load.Asks(p.part.Sum)
			if x, y := ops/bytes, ops/p.part.Seconds/1e9; p.share != nil && p.part.Steps > 0 && positive(x) && positive(y) {
				out = append(out, roofPoint{i, p.what, x, y, p.share.Of()})
			}
		}
	}
	return out
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 0) }

// roofFigures draws the machine's roofs, and where the model's steps lie below
// them.
func roofFigures(r *result.Run) []sketch {
	if r.Ceilings == nil {
		return nil
	}
	roofs, points := r.Ceilings.RoofsOf(), roofPoints(r)
	if len(roofs) == 0 || len(points) == 0 {
		return nil
	}
	lo, hi := math.Inf(1), 0.0
	for _, p := range points {
		lo, hi = min(lo, p.intensity), max(hi, p.intensity)
	}
	for _, roof := range roofs {
		lo, hi = min(lo, roof.Compute/roof.Read), max(hi, roof.Compute/roof.Read)
	}
	x := logAxis(lo/2, hi*2)
	var curves []curve
	var all []float64
	for i, roof := range roofs {
		l := curve{name: "roof of " + roof.Name, pen: penOf(i)}
		for _, at := range []float64{x.min, roof.Compute / roof.Read, x.max} {
			l.x, l.y = append(l.x, at), append(l.y, roof.At(at)/1e9)
		}
		curves, all = append(curves, l), append(all, l.y...)
	}
	for _, what := range []string{"decode", "prefill"} {
		l := curve{name: what, pen: penOf(len(curves))}
		for _, p := range points {
			if p.what == what {
				// Points of different scenarios are no line.
				l.x, l.y = append(l.x, p.intensity, p.intensity), append(l.y, p.rate, math.NaN())
				all = append(all, p.rate)
			}
		}
		if len(l.x) > 0 {
			curves = append(curves, l)
		}
	}
	least, most := span(all)
	p := panel{x: x, y: logAxis(least, most), names: curves, xTitle: x.marked("Operations per byte read")}
	p.yTitle = p.y.marked("Gop/s")
	for _, l := range curves {
		p.marks = append(p.marks, l)
	}
	f := Chart{ID: "roofs", Place: InCeilings, Scenario: -1, Title: "The machine's roofs, and the model's steps below them",
		Note: "Left of a roof's bend the memory is the limit, right of it the arithmetic. Both axes are logarithmic. Steps with prompts and decoding in one are left out.",
		Alt:  roofAlt(r, roofs, points)}
	f.Header, f.Rows = roofTable(r, points)
	return []sketch{{f, p.drawing()}}
}

func roofAlt(r *result.Run, roofs []kernels.Roof, points []roofPoint) string {
	roof, best := roofs[0], points[0]
	for _, p := range points {
		if p.share > best.share {
			best = p
		}
	}
	return fmt.Sprintf("%s reads %s GB/s and makes %s Gop/s of %s. Closest to the limit is %s of %s, with %s%% of it.", r.Ceilings.Roofs.Name,
		twoDecimals(roof.Read/1e9), twoDecimals(roof.Compute/1e9), roof.Name, best.what, r.Results[best.scenario].Name, twoDecimals(100*best.share))
}

func roofTable(r *result.Run, points []roofPoint) (header []string, rows [][]string) {
	header = []string{"Scenario", "Steps of", "Operations per byte", "Gop/s", "Share of the limit (%)"}
	for _, p := range points {
		rows = append(rows, []string{r.Results[p.scenario].Name, p.what, twoDecimals(p.intensity), twoDecimals(p.rate), twoDecimals(100 * p.share)})
	}
	return header, rows
}

// Plan draws the roofs of a machine with a suite's steps at their least times, as
// SVG; nil where there is nothing to draw.
func Plan(roofs kernels.Roofs, load kernels.Demand, scenarios []result.Scenario, ubatch int) ([]byte, error) {
	run := &result.Run{Ceilings: &kernels.Used{Roofs: roofs, Load: load}}
	for _, sc := range scenarios {
		if sc.FileLengths() || sc.Output == 0 {
			continue // only a model's tokeniser knows its lengths
		}
		plan := kernels.WorkShape{Input: sc.Input, Output: sc.Output, Concurrency: sc.Concurrency, UBatch: ubatch}
		mix := &kernels.Mix{}
		for _, w := range []kernels.Work{plan.Decode(), plan.Prompt()} {
			mix.Add(w, roofs.Step(&load, w).Total())
		}
		tpot, rate := 1000*mix.Decode.Seconds, float64(sc.Input)/mix.Prompt.Seconds
		run.Results = append(run.Results, result.Summary{Name: sc.Name, Concurrency: sc.Concurrency, TPOTMeanMs: &tpot})
		run.Details = append(run.Details, result.Detail{Name: sc.Name, Mix: mix, EnginePrefill: &rate})
	}
	c := collection{}
	c.add("of the machine's limits", func() []sketch { return roofFigures(run) })
	switch {
	case len(c.figures) > 0:
		return c.figures[0].SVG, nil
	case len(c.undrawn) > 0:
		return nil, errors.New(strings.Join(c.undrawn, "; "))
	}
	return nil, nil // without arithmetic there are no roofs
}
