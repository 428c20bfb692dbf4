package main

import (
	"errors"
	"strings"

	"ceiling/bench/result"
	"ceiling/kernels"
	"ceiling/report/chart"
)

// saveChart draws the roofs of the machine with the suite's steps at their least
// times.
func (r *roofline) saveChart(out output) error {
	if r.Load == nil || len(r.Machines) == 0 || out.onStdout() {
		return nil
	}
	run := &result.Run{Ceilings: &kernels.Used{Roofs: r.Machines[0], Load: *r.Load}}
	for _, sc := range r.suite.Scenarios {
		if sc.FileLengths() || sc.Output == 0 {
			continue // only a model's tokeniser knows its lengths
		}
		plan := kernels.WorkShape{Input: sc.Input, Output: sc.Output, Concurrency: sc.Concurrency, UBatch: r.ubatch}
		mix := &kernels.Mix{}
		for _, w := range []kernels.Work{plan.Decode(), plan.Prompt()} {
			mix.Add(w, r.Machines[0].Step(r.Load, w).Total())
		}
		tpot, rate := 1000*mix.Decode.Seconds, float64(sc.Input)/mix.Prompt.Seconds
		run.Results = append(run.Results, result.Summary{Name: sc.Name, Concurrency: sc.Concurrency, TPOTMeanMs: &tpot})
		run.Details = append(run.Details, result.Detail{Name: sc.Name, Mix: mix, EnginePrefill: &rate})
	}
	charts, undrawn := chart.Figures(chart.Input{Results: run})
	for _, c := range charts {
		if c.Place == chart.InCeilings {
			return out.write(nil, c.SVG)
		}
	}
	if len(undrawn) > 0 {
		return errors.New(strings.Join(undrawn, "; "))
	}
	return nil // without arithmetic there are no roofs
}
