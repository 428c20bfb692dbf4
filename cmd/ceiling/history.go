package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench/folder"
	"ceiling/internal/oneline"
	"ceiling/internal/outfile"
	"ceiling/report/compare"
	"ceiling/report/history"
	"ceiling/report/render"
)

// indexFile is the page of a folder's runs.
const indexFile = "index.html"

func historyCommand() *cli.Command {
	return &cli.Command{
		Name:      "history",
		Usage:     "set the runs in a folder side by side over time, and mark what changed",
		ArgsUsage: "[FOLDER]",
		Description: "FOLDER holds the folders of runs (default: results). Runs of one model on one machine stand together, by their\n" +
			"dates; each is compared with the one before, as `ceiling compare` does. The page FOLDER/" + indexFile + " has the\n" +
			"same with a chart.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "metric", Value: "tpot_mean", Usage: "`FIGURE` that is followed, by its name in --fail-if: ttft_p99, output_throughput …", Validator: func(name string) error {
				_, err := compare.ParseMetric(name)
				return err
			}},
			jsonFlag(),
		},
		Action: historyAction,
	}
}

func historyAction(_ context.Context, c *cli.Command) error {
	if c.Args().Len() > 1 {
		return usagef("%d arguments; name the folder that holds the folders of runs", c.Args().Len())
	}
	dir := folder.Runs
	if c.Args().Present() {
		dir = c.Args().First()
	}
	m, _ := compare.ParseMetric(c.String("metric")) // the flag's validator has seen it
	h, err := history.Read(dir, m)
	if err != nil {
		return err
	}
	printNotes(c, h.Notes)
	page := render.History(h, version)
	printNotes(c, page.Illustrate())
	html, err := page.HTML()
	if err != nil {
		return err
	}
	index := filepath.Join(dir, indexFile)
	if err := outfile.Write(index, html); err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, h)
	}
	_, err = io.WriteString(c.Root().Writer, historyText(h)+index+"\n")
	return err
}

// historyText is a table for each model and machine.
func historyText(h *history.History) string {
	var b strings.Builder
	for i := range h.Groups {
		g := &h.Groups[i]
		head, rows := h.Rows(g)
		fmt.Fprintf(&b, "%s\n%s\n", oneline.Of(g.Title()), plainTable(head, rows))
	}
	return b.String() + history.Footnote + "\n"
}
