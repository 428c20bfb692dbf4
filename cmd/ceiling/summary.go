package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
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
	if isDir(path) {
		path, folder = filepath.Join(path, result.ResultsFile), path
	}
	results, err := result.Load(path)
	if err != nil {
		return err
	}
	var text string
	switch {
	case c.Bool("one-line"):
		text = oneLineSummary(results)
	case c.Bool("markdown"):
		text = markdownSummary(results)
	default:
		text = summaryText(results) + summaryFiles(folder)
	}
	_, err = io.WriteString(c.Root().Writer, text)
	return err
}

// summaryRow is a scenario in the figures of the summary.
func summaryRow(r *result.Summary, d *result.Detail) []string {
	row := []string{oneline.Of(r.Name), decimals(r.OutputThroughput, 1), decimals(r.TTFTMeanMs, 1), decimals(r.TPOTMedianMs, 2), decimals(r.TPOTP99Ms, 2)}
	if result.Failed(r, d) {
		row[0] += " (failed)"
	}
	state := result.StateUnknown
	if d != nil && d.Verdict != nil {
		state = d.Verdict.State
	}
	return append(row, oneline.Of(string(state)))
}

var summaryHead = []string{"SCENARIO", "OUTPUT tok/s", "TTFT mean ms", "TPOT p50 ms", "TPOT p99 ms", "VERDICT"}

// detailOf is a result's detail, nil in the reference's files.
func detailOf(results *result.Run, i int) *result.Detail {
	if i < len(results.Details) {
		return &results.Details[i]
	}
	return nil
}

// decimals prints a figure, "—" for one that was not measured.
func decimals(v *float64, n int) string {
	if v == nil {
		return "—"
	}
	return strconv.FormatFloat(*v, 'f', n, 64)
}

// summaryText is the table of a run with its sweet spot and peak.
func summaryText(results *result.Run) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(row []string) {
		// The names stand on the left, where the writer puts what has no tab.
		fmt.Fprintf(w, "%s\t\n", strings.Join(row[1:], "\t"))
	}
	line(summaryHead)
	names := []string{summaryHead[0]}
	for i := range results.Results {
		row := summaryRow(&results.Results[i], detailOf(results, i))
		names = append(names, row[0])
		line(row)
	}
	_ = w.Flush() // into memory
	return beside(names, strings.Split(strings.TrimRight(b.String(), "\n"), "\n")) + sweepText(results) + spotLines(results)
}

// sweepText is the matrix of each sweep of a run, "" for none.
func sweepText(results *result.Run) string {
	var b strings.Builder
	for _, m := range report.Sweeps(results) {
		fmt.Fprintf(&b, "\n%s\n", oneline.Of(m.Of))
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{m.Head}, m.Rows...) {
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
		_ = w.Flush() // into memory
		for _, line := range m.Best {
			fmt.Fprintln(&b, line)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// beside puts names before the lines of their figures.
func beside(names, figures []string) string {
	widest := 0
	for _, n := range names {
		widest = max(widest, len([]rune(n)))
	}
	var b strings.Builder
	for i, n := range names {
		fmt.Fprintf(&b, "%s%s%s\n", n, strings.Repeat(" ", widest-len([]rune(n))), figures[i])
	}
	return b.String()
}

func spotLines(results *result.Run) string {
	return fmt.Sprintf("sweet spot  %s\npeak        %s\nverdict     %s\n", report.SweetSpotText(results), report.PeakText(results), oneline.Of(results.Verdict.String()))
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

func markdownSummary(results *result.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|---|---:|---:|---:|---:|---|\n", strings.Join(summaryHead, " | "))
	for i := range results.Results {
		row := summaryRow(&results.Results[i], detailOf(results, i))
		row[0] = oneline.Markdown(row[0])
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	fmt.Fprintf(&b, "\nSweet spot: %s. Peak: %s. Verdict: %s.\n", report.SweetSpotText(results), report.PeakText(results), oneline.Markdown(results.Verdict.String()))
	return b.String()
}

// oneLineSummary is a run in one line.
func oneLineSummary(results *result.Run) string {
	return fmt.Sprintf("%s on %s, ceiling %s: sweet spot %s, peak %s; %s\n", oneline.Of(results.Model), oneline.Of(results.Hardware), version,
		report.SweetSpotText(results), report.PeakText(results), oneline.Of(results.Verdict.String()))
}
