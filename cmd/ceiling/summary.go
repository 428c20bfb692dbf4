package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/internal/files"
	"ceiling/report"
)

func summaryCommand() *cli.Command {
	return &cli.Command{
		Name:      "summary",
		Usage:     "print the end of a run again: its scenarios, sweet spot, peak and files",
		ArgsUsage: "FOLDER|RESULTS.json",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "one-line", Usage: "one line to paste"},
			&cli.BoolFlag{Name: "markdown", Usage: "a table to paste into a page"},
		},
		Action: summaryAction,
	}
}

func summaryAction(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 {
		return usagef("%d arguments; name the folder of one run, or its results.json", c.Args().Len())
	}
	if c.Bool("one-line") && c.Bool("markdown") {
		return usagef("--one-line and --markdown: use one of them")
	}
	path, folder := c.Args().First(), ""
	if files.IsDir(path) {
		path, folder = filepath.Join(path, result.ResultsFile), path
	}
	results, err := result.Load(path)
	if err != nil {
		return err
	}
	var text string
	switch {
	case c.Bool("one-line"):
		text = report.SummaryLine(results, version)
	case c.Bool("markdown"):
		text = report.SummaryMarkdown(results)
	default:
		text = report.Summary(results) + summaryFiles(folder)
	}
	_, err = io.WriteString(c.Root().Writer, text)
	return err
}

// summaryFiles are the paths of the report, as far as it is there.
func summaryFiles(folder string) string {
	var b strings.Builder
	for _, name := range []string{result.ReportFile, result.PageFile} {
		path := filepath.Join(folder, name)
		if _, err := os.Stat(path); folder != "" && err == nil {
			b.WriteString(path + "\n")
		}
	}
	return b.String()
}
