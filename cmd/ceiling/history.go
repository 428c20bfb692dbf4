package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench/folder"
	"ceiling/internal/oneline"
	"ceiling/report/compare"
	"ceiling/report/history"
	"ceiling/report/render"
)

func historyCommand() *cli.Command {
	return &cli.Command{
		Name:      "history",
		Usage:     "set the runs in a folder side by side over time, and mark what changed",
		ArgsUsage: "[FOLDER]",
		Description: "FOLDER holds the folders of runs (default: results). Runs of one model on one machine stand together, by their\n" +
			"dates; each is compared with the one before, as `ceiling compare` does. The page FOLDER/index.html has the\n" +
			"same with a chart; in results/ every run that ends makes it anew, of the last runs and with TPOT.",
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
	files, err := history.Files(dir)
	if err != nil {
		return err
	}
	h, err := history.Read(dir, files, m)
	if err != nil {
		return err
	}
	printNotes(c, h.Notes)
	notes, err := render.SaveHistory(h, version)
	printNotes(c, notes)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, h)
	}
	_, err = io.WriteString(c.Root().Writer, historyText(h)+render.HistoryFile(dir)+"\n")
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
