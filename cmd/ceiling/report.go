package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/internal/outfile"
	"ceiling/kernels"
	"ceiling/report"
	"ceiling/report/chart"
	"ceiling/report/chart/comparison"
	"ceiling/report/compare"
	"ceiling/report/importer"
	"ceiling/report/sheet"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "render the report of a run again, of another tool's result file, or a comparison of several",
		ArgsUsage: "PATH [PATH…]",
		Description: "PATH is a run's folder, its results.json, the reference's JSON, or any result file that `ceiling compare`\n" +
			"reads. Several are compared, the first is the base.\n\n" +
			"Without --out the Markdown goes to stdout. --out FILE.md and --out FILE.html write one of the two; --out FOLDER/\n" +
			"writes both and the charts as images: report.md, report.html and charts/, of a comparison comparison.md and\n" +
			"comparison.html.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write to `FILE.md|FILE.html|FOLDER/`"},
			&cli.StringFlag{Name: "ceilings", Usage: "`FILE` of `ceiling roofline MODEL`: shares of the machine's limit, for a run that has none, as through a server"},
			sloFlag(),
		},
		Action: func(_ context.Context, c *cli.Command) error {
			paths := c.Args().Slice()
			if len(paths) == 0 {
				return usagef("0 arguments; name one results.json or the folder of a run, or several result files to compare")
			}
			out := c.String("out")
			form, err := formOf(out)
			if err != nil {
				return err
			}
			var r *rendering
			var notes []string
			limits := replaced{slo: slo(c)}
			if limits.ceilings, err = ceilingsOfFile(c.String("ceilings")); err != nil {
				return err
			}
			switch {
			case len(paths) == 1:
				r, notes, err = renderPath(paths[0], limits)
			case limits != replaced{}:
				return usagef("--slo or --ceilings with %d paths: they are for the report of one run; name one", len(paths))
			default:
				r, err = renderPaths(paths)
			}
			printNotes(c, notes)
			if err != nil {
				return err
			}
			return r.put(c, form, out)
		},
	}
}

// printNotes says on stderr what could not be read or drawn.
func printNotes(c *cli.Command, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(c.Root().ErrWriter, "note: %s\n", n)
	}
}

// form is what --out asks for.
type form int

const (
	onStdout form = iota
	inMarkdown
	inHTML
	inFolder
)

// formOf reads it from the name: a folder that is there, or a name that ends
// as one, or a file's extension.
func formOf(out string) (form, error) {
	switch ext := strings.ToLower(filepath.Ext(out)); {
	case out == "":
		return onStdout, nil
	case os.IsPathSeparator(out[len(out)-1]) || isDir(out):
		return inFolder, nil
	case ext == ".md":
		return inMarkdown, nil
	case ext == ".html" || ext == ".htm":
		return inHTML, nil
	}
	return 0, usagef("--out %q: end it in .md, in .html, or in / for a folder", out)
}

// put writes the rendering where --out says. What lies in a folder is named on
// stdout.
func (r *rendering) put(c *cli.Command, as form, out string) error {
	if as == inHTML || as == inFolder {
		printNotes(c, r.illustrate())
	}
	switch as {
	case inMarkdown:
		return outfile.Write(out, r.markdown())
	case inHTML:
		page, err := r.html()
		if err != nil {
			return err
		}
		return outfile.Write(out, page)
	case inFolder:
		if err := r.save(out); err != nil {
			return err
		}
		for _, ext := range []string{".md", ".html"} {
			fmt.Fprintln(c.Root().Writer, filepath.Join(out, r.name+ext))
		}
		return nil
	}
	_, err := c.Root().Writer.Write(r.markdown())
	return err
}

// replaced are what a report has in place of the run's own; nil: that.
type replaced struct {
	slo      *result.SLO
	ceilings *kernels.Used
}

// ceilingsOfFile reads what a machine could do for a model; nil for no file.
func ceilingsOfFile(path string) (*kernels.Used, error) {
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
	return &kernels.Used{Roofs: roofs, Load: *c.Load, From: filepath.Base(path), Date: c.Date}, nil
}

// renderPath renders one path: a run in the reference's form, what another
// tool measured as far as its file tells.
func renderPath(path string, limits replaced) (*rendering, []string, error) {
	file, folder := path, ""
	if isDir(path) {
		file = filepath.Join(path, resultsFile)
	}
	results, err := result.Load(file)
	if err == nil {
		if limits.slo != nil {
			results.SLO = limits.slo
		}
		if limits.ceilings != nil {
			results.Ceilings = limits.ceilings
		}
		opt := report.Options{Version: version}
		var stored string
		if ours(results) && filepath.Base(file) == resultsFile {
			folder = filepath.Dir(file)
			opt.Choices, stored = storedProse(folder)
		}
		var notes []string
		if stored != "" {
			notes = append(notes, stored)
		}
		r, err := renderRun(folder, results, opt)
		return r, notes, err
	}
	runs, errImport := importer.Open(path)
	if errImport != nil {
		return nil, nil, errImport
	}
	if limits != (replaced{}) {
		return nil, nil, usagef("--slo or --ceilings: %s is another tool's file, whose figures are shown as they are; leave it out", path)
	}
	return renderSheet(runs)
}

// ours says whether a results file is this program's, so that the files beside
// it may belong to it.
func ours(r *result.Run) bool { return len(r.Details) > 0 || r.Engine != nil || r.Server != nil }

// renderSheet renders the runs of one file of another tool.
func renderSheet(runs []*importer.Run) (*rendering, []string, error) {
	r := &rendering{name: "report", doc: sheet.Document(runs, version)}
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

// renderPaths renders the comparison of several paths.
func renderPaths(paths []string) (*rendering, error) {
	runs, err := openRuns(paths)
	if err != nil {
		return nil, err
	}
	result, err := compare.Compare(runs, compare.Options{})
	if err != nil {
		return nil, err
	}
	return renderComparison(result), nil
}

// openRuns reads the runs of several paths, in order.
func openRuns(paths []string) ([]*importer.Run, error) {
	var runs []*importer.Run
	for _, path := range paths {
		more, err := importer.Open(path)
		if err != nil {
			return nil, err
		}
		runs = append(runs, more...)
	}
	return runs, nil
}

func renderComparison(result *compare.Comparison) *rendering {
	return &rendering{name: "comparison", doc: result.Document(), draw: func() ([]chart.Chart, []string) { return comparison.Figures(result) }}
}
