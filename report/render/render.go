// Package render makes the files of a report or of a comparison: the text, the
// page and the charts.
package render

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

// Rendering is a report or a comparison with its charts.
type Rendering struct {
	name   string // of its files, without extension
	doc    *doc.Document
	charts []chart.Chart
	// draw makes the charts, and says what could not be read or drawn. A
	// thousand scenarios take a minute, so that is done where somebody has asked
	// for them; nil: there are none, or they are drawn.
	draw func() (charts []chart.Chart, notes []string)
}

// Illustrate draws the charts and puts them into the document.
func (r *Rendering) Illustrate() (notes []string) {
	if r.draw != nil {
		r.charts, notes = r.draw()
		r.draw = nil
		chart.Put(r.doc, r.charts)
	}
	return notes
}

// Run makes a run's rendering. The folder holds what its results.json does
// not: "" stands for none.
func Run(folder string, r *result.Run, opt report.DocumentOptions) (*Rendering, error) {
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
	return &Rendering{name: "report", doc: d, draw: draw}, nil
}

// Markdown is the text alone.
func (r *Rendering) Markdown() []byte {
	var b bytes.Buffer
	_ = r.doc.Markdown(&b) // a buffer takes all
	return b.Bytes()
}

// HTML is the page.
func (r *Rendering) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := r.doc.HTML(&b)
	return b.Bytes(), err
}

// Save writes all of it into a folder that is there: the text, the page, the
// charts. Each file is whole or not there.
func (r *Rendering) Save(folder string) error {
	if err := outfile.Write(filepath.Join(folder, r.name+".md"), r.Markdown()); err != nil {
		return err
	}
	return r.SavePage(folder)
}

// SavePage writes the page and the charts.
func (r *Rendering) SavePage(folder string) error {
	page, err := r.HTML()
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
func (r *Rendering) saveCharts(folder string) error {
	list := filepath.Join(folder, r.name+".json")
	stale := listedCharts(list)
	if len(r.charts) == 0 && len(stale) == 0 {
		return nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("folder of the charts: %w", err)
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
	text, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	if err := outfile.Write(list, append(text, '\n')); err != nil {
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

// Names are those of the text and of the page.
func (r *Rendering) Names() []string { return []string{r.name + ".md", r.name + ".html"} }

// Files are the names of all files in a folder, below it for the charts.
func (r *Rendering) Files() []string {
	files := r.Names()
	for i := range r.charts {
		files = append(files, filepath.Join(chartsDir, r.charts[i].ID+".svg"), filepath.Join(chartsDir, r.charts[i].ID+".png"))
	}
	return append(files, filepath.Join(chartsDir, r.name+".json"))
}
