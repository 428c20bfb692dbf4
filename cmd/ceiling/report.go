package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/report/render"
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
		Flags: append(outFlags(&cli.StringFlag{Usage: "write to `FILE.md|FILE.html|FOLDER/`; -: stdout"}),
			&cli.StringFlag{Name: "ceilings", Usage: "`FILE` of `ceiling roofline MODEL`: shares of the machine's limit, for a run that has none, as through a server"},
			sloFlag(),
		),
		Action: reportAction,
	}
}

func reportAction(_ context.Context, c *cli.Command) error {
	if c.Args().Len() == 0 {
		return usagef("0 arguments; name one results.json or the folder of a run, or several result files to compare")
	}
	out := readOutput(c, "")
	as, err := formOf(out)
	if err != nil {
		return err
	}
	if as != inFolder {
		if err := out.check(); err != nil {
			return err
		}
	}
	r, err := renderArgs(c)
	if err != nil {
		return err
	}
	return put(c, r, as, out)
}

// renderArgs renders the report of one path, or the comparison of several.
func renderArgs(c *cli.Command) (*render.Rendering, error) {
	limits := render.Replaced{SLO: slo(c)}
	var err error
	if limits.Ceilings, err = render.Ceilings(c.String("ceilings")); err != nil {
		return nil, err
	}
	paths := c.Args().Slice()
	if len(paths) > 1 {
		if limits != (render.Replaced{}) {
			return nil, usagef("--slo or --ceilings with %d paths: they are for the report of one run; name one", len(paths))
		}
		return render.Paths(paths)
	}
	r, notes, err := render.Path(paths[0], version, limits)
	printNotes(c, notes)
	if errors.Is(err, render.ErrForeign) {
		return nil, usagef("--slo or --ceilings: %w; leave it out", err)
	}
	return r, err
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
	inMarkdown form = iota
	inHTML
	inFolder
)

// formOf reads it from the name: a folder, or a file's extension. stdout gets
// Markdown.
func formOf(out output) (form, error) {
	switch ext := strings.ToLower(filepath.Ext(out.path)); {
	case out.isFolder():
		return inFolder, nil
	case out.onStdout() || ext == ".md":
		return inMarkdown, nil
	case ext == ".html" || ext == ".htm":
		return inHTML, nil
	}
	return 0, usagef("--out %q: end it in .md, in .html, or in / for a folder", out.path)
}

// put writes the rendering where --out says. What lies in a folder is named on
// stdout.
func put(c *cli.Command, r *render.Rendering, as form, out output) error {
	if as == inMarkdown {
		return out.write(c.Root().Writer, r.Markdown())
	}
	if as == inFolder {
		if err := out.checkFolder(r.Names()); err != nil {
			return err
		}
	}
	printNotes(c, r.Illustrate())
	if as == inHTML {
		page, err := r.HTML()
		if err != nil {
			return err
		}
		return out.write(c.Root().Writer, page)
	}
	if err := out.makeFolder(r.Files()); err != nil {
		return err
	}
	if err := r.Save(out.path); err != nil {
		return err
	}
	for _, name := range r.Names() {
		fmt.Fprintln(c.Root().Writer, filepath.Join(out.path, name))
	}
	return nil
}
