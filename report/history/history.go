// Package history sets the runs of a folder side by side over time: those of one
// model on one machine, each against the one before by the test that a comparison
// of the two has.
package history

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ceiling/bench/result"
	"ceiling/report/compare"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// History is what a folder's runs have of one metric.
type History struct {
	Folder string     `json:"folder"`
	Metric metric.Key `json:"metric"`
	Groups []RunGroup `json:"groups"`
	// Notes say what could not be read.
	Notes []string `json:"notes,omitempty"`
}

// RunGroup is the runs of one model on one machine, in process or through a server,
// by their dates.
type RunGroup struct {
	Model    string    `json:"model"`
	Hardware string    `json:"hardware"`
	Server   bool      `json:"through_server,omitempty"`
	Runs     []PastRun `json:"runs"`
}

// PastRun is one of them.
type PastRun struct {
	Name    string          `json:"name"` // of its folder
	Date    string          `json:"date"`
	Partial bool            `json:"partial,omitempty"`
	Verdict *result.Verdict `json:"verdict,omitempty"`
	Loads   []PastLoad      `json:"loads"`

	tool *importer.ToolRun
}

// PastLoad is the metric of one scenario, and its change since the run before.
type PastLoad struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"`
	// Ratio is the value over that of the run before; nil where that has none, or
	// the two are not the same quantity.
	Ratio    *float64          `json:"ratio,omitempty"`
	Interval *compare.Interval `json:"interval,omitempty"`
	// Change is what the comparison's test says of the ratio.
	Change compare.Significance `json:"change,omitempty"`
}

// Changed tells whether the load is another than in the run before by more than
// noise.
func (l *PastLoad) Changed() bool { return l.Change == compare.Differs || l.Change == compare.TwoRuns }

// RunFile is the results of a run in a folder of runs, as they lie there.
type RunFile struct {
	Folder  string // of the run
	Changed time.Time
}

// Files are the results in the folders below dir, by their folders' names. Links
// are none: the last run is in its own place.
func Files(dir string) ([]RunFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no folder %q: name one that holds the folders of runs", dir)
		}
		return nil, fmt.Errorf("folder %q: %w", dir, err)
	}
	var out []RunFile
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() {
			continue
		}
		if info, err := os.Stat(filepath.Join(path, result.ResultsFile)); err == nil {
			out = append(out, RunFile{path, info.ModTime()})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no run in %q: name the folder that holds the folders of runs", dir)
	}
	return out, nil
}

// Read reads runs of a folder. Its error says that none of them can be read.
func Read(dir string, files []RunFile, m metric.Key) (*History, error) {
	h := &History{Folder: dir, Metric: m}
	for _, f := range files {
		h.add(f.Folder)
	}
	if len(h.Groups) == 0 {
		return nil, errors.Join(fmt.Errorf("no run that can be read in %q", dir), h.unread())
	}
	for i := range h.Groups {
		h.Groups[i].compare(m)
	}
	return h, nil
}

// Last are the n that were changed last, in their order.
func Last(files []RunFile, n int) []RunFile {
	if len(files) <= n {
		return files
	}
	byAge := slices.SortedFunc(slices.Values(files), func(a, b RunFile) int { return b.Changed.Compare(a.Changed) })
	oldest := byAge[n-1].Changed
	return slices.DeleteFunc(slices.Clone(files), func(f RunFile) bool { return f.Changed.Before(oldest) })
}

// unread are the notes as an error, nil for none.
func (h *History) unread() error {
	var errs []error
	for _, n := range h.Notes {
		errs = append(errs, errors.New(n))
	}
	return errors.Join(errs...)
}

// add reads a run and puts it into its group, at its date.
func (h *History) add(path string) {
	results, err := result.Load(filepath.Join(path, result.ResultsFile))
	var runs []*importer.ToolRun
	if err == nil {
		runs, err = importer.Open(path)
	}
	if err != nil {
		h.Notes = append(h.Notes, fmt.Sprintf("%s is left out: %v", path, err))
		return
	}
	t := runs[0]
	r := PastRun{Name: filepath.Base(path), Date: t.Date, Partial: results.Partial, Verdict: results.Verdict, tool: t}
	k := slices.IndexFunc(h.Groups, func(g RunGroup) bool {
		return g.Model == t.Model && g.Hardware == t.Hardware && g.Server == !t.InProcess
	})
	if k < 0 {
		k = len(h.Groups)
		h.Groups = append(h.Groups, RunGroup{Model: t.Model, Hardware: t.Hardware, Server: !t.InProcess})
	}
	g := &h.Groups[k]
	at, _ := slices.BinarySearchFunc(g.Runs, r, func(a, b PastRun) int {
		return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.Name, b.Name))
	})
	g.Runs = slices.Insert(g.Runs, at, r)
}

// compare takes the metric out of every run, and holds each against the one
// before.
func (g *RunGroup) compare(m metric.Key) {
	for i := range g.Runs {
		r := &g.Runs[i]
		r.Loads = loads(r.tool, m)
		if i == 0 {
			continue
		}
		c, err := compare.Compare([]*importer.ToolRun{g.Runs[i-1].tool, r.tool}, compare.ComparisonOptions{})
		if err != nil {
			continue // of two runs of this program there is none
		}
		for k := range c.Pairs[0].Scenarios {
			r.enter(&c.Pairs[0].Scenarios[k], m)
		}
	}
}

// enter puts a scenario's change into its load.
func (r *PastRun) enter(s *compare.ComparedScenario, m metric.Key) {
	measure := s.Measure(m)
	name := cmp.Or(s.NameB, s.Name)
	k := slices.IndexFunc(r.Loads, func(l PastLoad) bool { return l.Name == name })
	if k < 0 || measure == nil || measure.Ratio == nil || s.CacheDiffers {
		return
	}
	l := &r.Loads[k]
	l.Ratio, l.Interval, l.Change = measure.Ratio, measure.Interval, measure.Verdict()
}

// loads are the metric's values in a run: of several passes the median.
func loads(t *importer.ToolRun, m metric.Key) []PastLoad {
	var out []PastLoad
	values := map[string][]float64{}
	for _, l := range t.Loads {
		if values[l.Name] == nil {
			out = append(out, PastLoad{Name: l.Name})
			values[l.Name] = []float64{}
		}
		if v, ok := l.Values[m]; ok {
			values[l.Name] = append(values[l.Name], v.V)
		}
	}
	for i := range out {
		if v, ok := result.Percentile(slices.Sorted(slices.Values(values[out[i].Name])), 50); ok {
			out[i].Value = &v
		}
	}
	return out
}

// Mean is the geometric mean of the ratios to the run before, over n loads; n 0:
// there is none.
func (r *PastRun) Mean() (ratio float64, n int) {
	sum := 0.0
	for _, l := range r.Loads {
		if l.Ratio != nil && *l.Ratio > 0 {
			sum, n = sum+math.Log(*l.Ratio), n+1
		}
	}
	return math.Exp(sum / max(1, float64(n))), n
}
