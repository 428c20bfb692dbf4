package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// summaryFigures are those of the summary.
var summaryFigures = []metric.Key{metric.OutputThroughput, metric.TTFTMean, metric.TPOTMedian, metric.TPOTP99}

// summaryHead heads its columns.
func summaryHead() []string {
	head := []string{"Scenario"}
	for _, k := range summaryFigures {
		head = append(head, k.Info().Heading())
	}
	return append(head, "Verdict")
}

// summaryRow is a scenario in the figures of the summary.
func summaryRow(s *scenario) []string {
	name := oneline.Of(s.Name)
	if result.Failed(&s.Summary, s.detail) {
		name += " (failed)"
	}
	state := result.StateUnknown
	if s.detail != nil && s.detail.Verdict != nil {
		state = s.detail.Verdict.State
	}
	return slices.Concat([]string{name}, s.figures(summaryFigures), []string{oneline.Of(string(state))})
}

// Summary is a run's end as text: the table with its sweet spot, peak and verdict.
func Summary(results *result.Run) string {
	rows := [][]string{summaryHead()}
	all := scenarios(results)
	for i := range all {
		rows = append(rows, summaryRow(&all[i]))
	}
	return figure.Table(rows) + sweepTables(results) + spotLines(results)
}

// sweepTables are the matrix of each sweep of a run, "" for none.
func sweepTables(results *result.Run) string {
	var b strings.Builder
	for _, m := range Sweeps(results) {
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

func spotLines(results *result.Run) string {
	return fmt.Sprintf("sweet spot  %s\npeak        %s\nverdict     %s\n", SweetSpotText(results), PeakText(results), oneline.Of(results.Verdict.String()))
}

// SummaryMarkdown is Summary to paste into a page.
func SummaryMarkdown(results *result.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|---|%s---|\n", strings.Join(summaryHead(), " | "), strings.Repeat("---:|", len(summaryFigures)))
	all := scenarios(results)
	for i := range all {
		row := summaryRow(&all[i])
		row[0] = oneline.Markdown(row[0])
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	fmt.Fprintf(&b, "\nSweet spot: %s. Peak: %s. Verdict: %s.\n", SweetSpotText(results), PeakText(results), oneline.Markdown(results.Verdict.String()))
	return b.String()
}

// SummaryLine is a run in one line, for the program's version.
func SummaryLine(results *result.Run, version string) string {
	return fmt.Sprintf("%s on %s, ceiling %s: sweet spot %s, peak %s; %s\n", cmp.Or(oneline.Of(results.Model), "?"), cmp.Or(oneline.Of(results.Hardware), "?"), version,
		SweetSpotText(results), PeakText(results), oneline.Of(results.Verdict.String()))
}
