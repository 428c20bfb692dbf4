package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"ceiling/bench/result"
	"ceiling/internal/files"
	"ceiling/kernels"
	"ceiling/report"
	"ceiling/report/chart"
	"ceiling/report/chart/comparison"
	"ceiling/report/compare"
	"ceiling/report/importer"
	"ceiling/report/prose"
	"ceiling/report/sheet"
)

// Replaced are what a report has in place of the run's own; nil: that.
type Replaced struct {
	SLO      *result.SLO
	Ceilings *kernels.Used
}

// Ceilings reads what a machine could do for a model; nil for no file.
func Ceilings(path string) (*kernels.Used, error) {
	if path == "" {
		return nil, nil
	}
	c, err := kernels.ReadCeilings(path)
	if err != nil {
		return nil, err
	}
	if c.Load == nil {
		return nil, fmt.Errorf("%q knows no model: measure with `ceiling roofline MODEL`", path)
	}
	roofs, err := c.CPURoofs()
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return &kernels.Used{Roofs: roofs.For(c.Load), Load: *c.Load, From: filepath.Base(path), Date: c.Date}, nil
}

// ErrForeign: limits can't be put in the place of those of another tool's file.
var ErrForeign = errors.New("another tool's file, whose figures are shown as they are")

// Path renders one path: a run in the reference's form, what another
// tool measured as far as its file tells.
func Path(path, version string, limits Replaced) (*Rendering, []string, error) {
	file, folder := path, ""
	if files.IsDir(path) {
		file = filepath.Join(path, result.ResultsFile)
	}
	results, err := result.Load(file)
	if err == nil {
		if limits.SLO != nil {
			results.SLO = limits.SLO
		}
		if limits.Ceilings != nil {
			results.Ceilings = limits.Ceilings
		}
		opt := report.DocumentOptions{Version: version}
		var stored string
		if ours(results) && filepath.Base(file) == result.ResultsFile {
			folder = filepath.Dir(file)
			opt.Choices, stored = storedProse(folder)
		}
		var notes []string
		if stored != "" {
			notes = append(notes, stored)
		}
		r, err := Run(folder, results, opt)
		return r, notes, err
	}
	runs, errImport := importer.Open(path)
	if errImport != nil {
		return nil, nil, errImport
	}
	if limits != (Replaced{}) {
		return nil, nil, fmt.Errorf("%s is %w", path, ErrForeign)
	}
	return foreign(runs, version)
}

// ours says whether a results file is this program's, so that the files beside
// it may belong to it.
func ours(r *result.Run) bool { return len(r.Details) > 0 || r.Engine != nil || r.Server != nil }

// foreign renders the runs of one file of another tool.
func foreign(runs []*importer.ToolRun, version string) (*Rendering, []string, error) {
	r := &Rendering{name: "report", doc: sheet.Document(runs, version)}
	if len(runs) > 1 {
		return r, nil, nil
	}
	if series := sheet.Series(runs[0]); series != nil {
		r.draw = func() ([]chart.Chart, []string) {
			charts, undrawn := chart.Figures(chart.Input{Results: series})
			return slices.DeleteFunc(charts, func(c chart.Chart) bool { return c.Place != chart.InScaling }), undrawn
		}
	}
	return r, nil, nil
}

// Paths renders the comparison of several paths.
func Paths(paths []string) (*Rendering, error) {
	runs, err := Open(paths)
	if err != nil {
		return nil, err
	}
	result, err := compare.Compare(runs, compare.ComparisonOptions{})
	if err != nil {
		return nil, err
	}
	return Comparison(result), nil
}

// Open reads the runs of several paths, in order.
func Open(paths []string) ([]*importer.ToolRun, error) {
	var runs []*importer.ToolRun
	for _, path := range paths {
		more, err := importer.Open(path)
		if err != nil {
			return nil, err
		}
		runs = append(runs, more...)
	}
	return runs, nil
}

func Comparison(result *compare.Comparison) *Rendering {
	return &Rendering{name: "comparison", doc: result.Document(), draw: func() ([]chart.Chart, []string) { return comparison.Figures(result) }}
}

// storedProse is what a model chose for the run in folder, for a report's
// options. It is nil where there is none; the note, if any, says why a file
// that is there can't be used.
func storedProse(folder string) (choices *prose.ChoicesFile, note string) {
	f, err := prose.Load(filepath.Join(folder, result.ProseFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ""
	case err != nil:
		return nil, err.Error()
	}
	return f, ""
}
