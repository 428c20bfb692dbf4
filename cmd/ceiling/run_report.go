package main

import (
	"fmt"

	"ceiling/bench/result"
	"ceiling/internal/outfile"
	"ceiling/report"
	"ceiling/report/render"
)

// saveText writes a run's report as text alone.
func (r *runner) saveText(results *result.Run, opt report.DocumentOptions) error {
	page, err := render.Run(r.dir.Path, results, opt)
	if err != nil {
		return err
	}
	return outfile.Write(r.dir.File(result.ReportFile), page.Markdown())
}

// saveReport writes a run's report: first the text, which nothing that goes
// wrong with the charts may cost.
func (r *runner) saveReport(results *result.Run, opt report.DocumentOptions) error {
	path := r.dir.File(result.ReportFile)
	page, err := render.Run(r.dir.Path, results, opt)
	if err != nil {
		return err
	}
	if err := outfile.Write(path, page.Markdown()); err != nil {
		return err
	}
	for _, n := range page.Illustrate() {
		r.show.line("note: %s", n)
	}
	if err := page.SavePage(r.dir.Path); err != nil {
		return fmt.Errorf("%w; %s is written", err, path)
	}
	return nil
}
