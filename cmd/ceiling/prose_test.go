package main

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"ceiling/report"
	"ceiling/report/prose"
)

// number is a digit sequence as a reader sees it.
var number = regexp.MustCompile(`[0-9][0-9.,]*[0-9]|[0-9]`)

// factual DIR checks a run's prose.json by itself: it has attempts and
// verdicts for every section that was asked for, and every number that the
// model wrote, in sentences that were kept or not, is that of a fact of the
// section or stands in a name that the section knows.
func factual(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	results, err := report.Load(filepath.Join(dir, resultsFile))
	ts.Check(err)
	file, err := prose.Load(filepath.Join(dir, proseFile))
	ts.Check(err)
	sections := map[string]prose.Section{}
	for _, s := range report.Sections(results) {
		sections[s.ID] = s
	}
	if len(file.Sections) != len(sections) || len(sections) < 3 {
		ts.Fatalf("%d sections in %s, the report has %d", len(file.Sections), proseFile, len(sections))
	}
	kept, written, numbers := 0, 0, 0
	for _, record := range file.Sections {
		s, ok := sections[record.ID]
		if !ok {
			ts.Fatalf("no section %q in the report", record.ID)
		}
		known := numbersOf(&s)
		for _, a := range record.Attempts {
			if a.Grammar == "" || len(a.Messages) != 2 {
				ts.Fatalf("%s: an attempt without grammar or prompt", record.ID)
			}
			for _, v := range a.Sentences {
				written++
				if v.Kept {
					kept++
				} else if len(v.Violations) == 0 {
					ts.Fatalf("%s: %q was refused for nothing", record.ID, v.Text)
				}
				for _, n := range number.FindAllString(v.Text, -1) {
					numbers++
					if !known[n] {
						ts.Fatalf("%s: foreign number %q in %q", record.ID, n, v.Text)
					}
				}
			}
		}
	}
	if written != file.Totals.Written || kept != file.Totals.Accepted || numbers < written {
		ts.Fatalf("%d sentences, %d kept, %d numbers; totals %+v", written, kept, numbers, file.Totals)
	}
	ts.Logf("%d sentences, %d kept, %d numbers", written, kept, numbers)
}

// numbersOf are the numbers that a section's sentences may hold.
func numbersOf(s *prose.Section) map[string]bool {
	var texts strings.Builder
	texts.WriteString("p99 ")
	for _, f := range s.Facts {
		texts.WriteString(f.Text + " | ")
	}
	for _, p := range s.Evidence.Points {
		texts.WriteString(p.Scenario + " | ")
	}
	known := map[string]bool{}
	for _, n := range number.FindAllString(texts.String(), -1) {
		known[n] = true
	}
	return known
}
