package main

import (
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/bench/result"
	"ceiling/report"
	"ceiling/report/prose"
)

// chosen DIR checks a run's prose.json by itself: every section that a model can
// write has choices, each of them is a claim of the section that no other choice
// speaks of, and the section is as long as it has to be without the rules.
func chosen(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	results, err := result.Load(filepath.Join(dir, result.ResultsFile))
	ts.Check(err)
	file, err := prose.Load(filepath.Join(dir, result.ProseFile))
	ts.Check(err)
	sections := report.Sections(results)
	if len(sections) < 3 {
		ts.Fatalf("%d sections", len(sections))
	}
	count := 0
	for _, s := range sections {
		choices := file.Choices(s.ID)
		count += len(choices)
		topics := map[prose.Topic]bool{}
		for _, choice := range choices {
			i := slices.IndexFunc(s.Claims, func(c prose.Claim) bool { return c.Key == choice.Key })
			if i < 0 || s.Claims[i].Required || choice.Wording >= len(s.Claims[i].Phrases) || topics[s.Claims[i].Topic()] {
				ts.Fatalf("%s: %+v is no open claim of the section", s.ID, choice)
			}
			topics[s.Claims[i].Topic()] = true
		}
		byModel, required := 0, 0
		for _, c := range s.Claims {
			if c.Required {
				required++
			}
		}
		for _, line := range s.Lines(choices) {
			if line.ByModel {
				byModel++
			}
		}
		// Where notices, as of a disturbed run, are lines enough, a model may
		// leave it at them.
		if lines := len(s.Lines(choices)); lines < s.Min || lines > s.Max || byModel == 0 && required < s.Min {
			ts.Fatalf("%s: %d lines, %d by the model, of %d to %d, %d required", s.ID, lines, byModel, s.Min, s.Max, required)
		}
	}
	if count != file.Totals.Chosen {
		ts.Fatalf("%d choices, totals %+v", count, file.Totals)
	}
	ts.Logf("%d choices in %d sections, %.1f s", count, len(sections), file.Totals.Seconds)
}
