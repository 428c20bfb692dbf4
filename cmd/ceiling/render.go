package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"ceiling/bench/result"
	"ceiling/internal/outfile"
	"ceiling/report"
	"ceiling/report/chart"
	"ceiling/report/doc"
)

// chartsDir is the folder of the charts beside a report.
const chartsDir = "charts"

// rendering is a report or a comparison with its charts.
type rendering struct {
	name   string // of its files, without extension
	doc    *doc.Document
	charts []chart.Chart
	// draw makes the charts, and says what could not be read or drawn. A
	// thousand scenarios take a minute, so that is done where somebody has asked
	// for them; nil: there are none, or they are drawn.
	draw func() (charts []chart.Chart, notes []string)
}

// illustrate draws the charts and puts them into the document.
func (r *rendering) illustrate() (notes []string) {
	if r.draw != nil {
		r.charts, notes = r.draw()
		r.draw = nil
		chart.Put(r.doc, r.charts)
	}
	return notes
}

// renderRun makes a run's rendering. The folder holds what its results.json does
// not: "" stands for none.
func renderRun(folder string, r *result.Run, opt report.Options) (*rendering, error) {
	d, err := report.Document(r, opt)
	if err != nil {
		return nil, err
	}
	draw := func() ([]chart.Chart, []string) {
		in, notes := chart.Input{Results: r}, []string(nil)
		if folder != "" {
			in, notes = chart.Read(folder, r)
		}
		charts, undrawn := chart.Figures(in)
		return charts, append(notes, undrawn...)
	}
	return &rendering{name: "report", doc: d, draw: draw}, nil
}

// saveText writes a run's report as text alone.
func (r *runner) saveText(results *result.Run, opt report.Options) error {
	page, err := renderRun(r.dir.path, results, opt)
	if err != nil {
		return err
	}
	return outfile.Write(r.dir.file(reportFile), page.markdown())
}

// saveReport writes a run's report: first the text, which nothing that goes
// wrong with the charts may cost.
func (r *runner) saveReport(results *result.Run, opt report.Options) error {
	path := r.dir.file(reportFile)
	page, err := renderRun(r.dir.path, results, opt)
	if err != nil {
		return err
	}
	if err := outfile.Write(path, page.markdown()); err != nil {
		return err
	}
	for _, n := range page.illustrate() {
		r.show.line("note: %s", n)
	}
	if err := page.savePage(r.dir.path); err != nil {
		return fmt.Errorf("%w; %s is written", err, path)
	}
	return nil
}

// markdown is the text alone.
func (r *rendering) markdown() []byte {
	var b bytes.Buffer
	_ = r.doc.Markdown(&b) // a buffer takes all
	return b.Bytes()
}

// html is the page.
func (r *rendering) html() ([]byte, error) {
	var b bytes.Buffer
	err := r.doc.HTML(&b)
	return b.Bytes(), err
}

// save writes all of it into a folder, which it makes: the text, the page, the
// charts. Each file is whole or not there.
func (r *rendering) save(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("output folder %q: %w; choose one that can be written to with --out", folder, cause(err))
	}
	if err := outfile.Write(filepath.Join(folder, r.name+".md"), r.markdown()); err != nil {
		return err
	}
	return r.savePage(folder)
}

// savePage writes the page and the charts.
func (r *rendering) savePage(folder string) error {
	page, err := r.html()
	if err != nil {
		return err
	}
	if err := outfile.Write(filepath.Join(folder, r.name+".html"), page); err != nil {
		return err
	}
	return r.saveCharts(filepath.Join(folder, chartsDir))
}

// chartEntry is one chart in the list that lies beside the images.
type chartEntry struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Alt   string   `json:"alt"`
	Note  string   `json:"note,omitempty"`
	Files []string `json:"files"`
}

// saveCharts writes the images and a list of them. The list of an earlier
// rendering says which images were ours: those that are charts no longer are
// removed, and nothing else is.
func (r *rendering) saveCharts(folder string) error {
	list := filepath.Join(folder, r.name+".json")
	stale := listedCharts(list)
	if len(r.charts) == 0 && len(stale) == 0 {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("folder of the charts %q: %w", folder, cause(err))
	}
	entries := []chartEntry{}
	for i := range r.charts {
		f := &r.charts[i]
		e := chartEntry{ID: f.ID, Title: f.Title, Alt: f.Alt, Note: f.Note, Files: []string{f.ID + ".svg", f.ID + ".png"}}
		for j, data := range [][]byte{f.SVG, f.PNG} {
			if err := outfile.Write(filepath.Join(folder, e.Files[j]), data); err != nil {
				return err
			}
			delete(stale, e.Files[j])
		}
		entries = append(entries, e)
	}
	var b bytes.Buffer
	if err := writeJSON(&b, entries); err != nil {
		return err
	}
	if err := outfile.Write(list, b.Bytes()); err != nil {
		return err
	}
	var errs []error
	for name := range stale {
		if err := os.Remove(filepath.Join(folder, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, fmt.Errorf("old chart: %w", err))
		}
	}
	return errors.Join(errs...)
}

// chartFile is what a chart's file can be called. A list that says otherwise
// is not ours.
var chartFile = regexp.MustCompile(`^[a-z][a-z0-9-]*\.(svg|png)$`)

// listedCharts are the files that a list names; a list that can't be read
// names none.
func listedCharts(list string) map[string]bool {
	out := map[string]bool{}
	var entries []chartEntry
	data, err := os.ReadFile(list)
	if err != nil || json.Unmarshal(data, &entries) != nil {
		return out
	}
	for _, e := range entries {
		for _, name := range e.Files {
			if chartFile.MatchString(name) {
				out[name] = true
			}
		}
	}
	return out
}
