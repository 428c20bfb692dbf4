package chart

import (
	"fmt"

	"ceiling/bench/result"
)

// scenarioFigures draws what the records of one scenario tell: its requests
// over time, and the gaps between their tokens.
func scenarioFigures(r *result.Run, i int, records []*result.Record) []sketch {
	var out []sketch
	if s, ok := timelineFigure(r, i, records); ok {
		out = append(out, s)
	}
	if s, ok := itlFigure(r, i, records); ok {
		out = append(out, s)
	}
	if s, ok := turnsFigure(r, i); ok {
		out = append(out, s)
	}
	if s, ok := turnTokensFigure(r, i); ok {
		out = append(out, s)
	}
	return out
}

// numbered is the ID of a scenario's figure, and number the part of it that
// names the scenario, from 01.
func numbered(kind string, i int) string { return fmt.Sprintf("%s-%02d", kind, i+1) }
