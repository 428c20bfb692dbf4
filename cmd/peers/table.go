package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// figure is a quantity that is compared.
type figure struct {
	name   string
	of     func(sample) (float64, bool)
	format func(float64) string
	bounds []bound
	sliced bool // whether it can be measured with --slice
}

// bound is what ceiling's figure must reach.
type bound struct {
	peer     string  // "": the figure alone is bounded
	minRatio float64 // least ceiling / peer; 0: none
	maxDiff  float64 // most ceiling − peer; with peer "" most ceiling; 0: none
}

var figures = []figure{
	{"prefill tok/s", func(s sample) (float64, bool) { return s.Prefill, s.Prefill > 0 }, oneDecimal,
		[]bound{{peer: toolBatched, minRatio: 0.98}, {peer: toolServer, minRatio: 0.98}}, true},
	{"decode tok/s", func(s sample) (float64, bool) { return s.Decode, s.Decode > 0 }, oneDecimal,
		[]bound{{peer: toolBatched, minRatio: 0.98}, {peer: toolServer, minRatio: 1}}, true},
	{"peak RSS MB", func(s sample) (float64, bool) { return float64(s.PeakRSS), s.PeakRSS > 0 },
		func(v float64) string { return oneDecimal(v / 1e6) }, []bound{{peer: toolServer, maxDiff: 64e6}}, true},
	{"overhead ratio", overhead, func(v float64) string { return fmt.Sprintf("%.4f", v) }, []bound{{maxDiff: 0.01}}, false},
}

func overhead(s sample) (float64, bool) {
	if s.Overhead == nil {
		return 0, false
	}
	return *s.Overhead, true
}

func oneDecimal(v float64) string { return fmt.Sprintf("%.1f", v) }

// row is one figure of one model at one number of sequences.
type row struct {
	Model     string           `json:"model"`
	Sequences int              `json:"sequences"`
	Figure    string           `json:"figure"`
	Tools     map[string]*stat `json:"tools"`
	// Failed are the bounds that are not met, Open those that the median
	// misses but the noise leaves undecided.
	Failed []string `json:"failed_bounds,omitempty"`
	Open   []string `json:"open_bounds,omitempty"`

	format func(float64) string
}

// stat is a tool's figure over the rounds: the median and the range, and the
// median and its interval of what compares ceiling's value with the tool's of
// the same round.
type stat struct {
	Median float64  `json:"median"`
	Min    float64  `json:"min"`
	Max    float64  `json:"max"`
	Ratio  interval `json:"ratio"` // ceiling / tool
	Diff   interval `json:"difference"`
}

// interval is a median and where it may lie; see medianInterval.
type interval struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

func intervalOf(x []float64) interval {
	low, high := medianInterval(x)
	return interval{median(x), low, high}
}

// summarise makes a row of every model, number of sequences and figure.
func summarise(s *settings, samples []sample) []row {
	var rows []row
	for _, model := range s.Models {
		for _, n := range s.Sequences {
			for _, f := range figures {
				if s.slice > 0 && !f.sliced {
					continue
				}
				r := row{Model: model, Sequences: n, Figure: f.name, Tools: map[string]*stat{}, format: f.format}
				ours := byRound(samples, model, n, toolCeiling, f)
				for _, t := range s.tools(n) {
					if theirs := byRound(samples, model, n, t.name, f); len(theirs) > 0 {
						r.Tools[t.name] = compare(ours, theirs)
					}
				}
				r.check(f, s.tools(n))
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// byRound is a figure of one tool, by round.
func byRound(samples []sample, model string, sequences int, tool string, f figure) map[int]float64 {
	out := map[int]float64{}
	for _, s := range samples {
		if s.Model == model && s.Sequences == sequences && s.Tool == tool {
			if v, ok := f.of(s); ok {
				out[s.Round] = v
			}
		}
	}
	return out
}

func compare(ours, theirs map[int]float64) *stat {
	var values, ratios, diffs []float64
	for round, v := range theirs {
		values = append(values, v)
		if mine, ok := ours[round]; ok {
			ratios, diffs = append(ratios, mine/v), append(diffs, mine-v)
		}
	}
	st := &stat{Median: median(values), Min: slices.Min(values), Max: slices.Max(values)}
	if len(ratios) > 0 {
		st.Ratio, st.Diff = intervalOf(ratios), intervalOf(diffs)
	}
	return st
}

// check notes the bounds that the row does not meet, and those that it leaves
// open, of the tools that take part.
func (r *row) check(f figure, tools []tool) {
	mine := r.Tools[toolCeiling]
	for _, b := range f.bounds {
		if b.peer != "" && !slices.ContainsFunc(tools, func(t tool) bool { return t.name == b.peer }) {
			continue
		}
		theirs := r.Tools[b.peer]
		if mine == nil || b.peer != "" && (theirs == nil || theirs.Ratio.Median == 0) {
			r.Failed = append(r.Failed, "not measured")
			continue
		}
		missed, surely, text := b.missed(mine, theirs, f.format)
		switch {
		case surely:
			r.Failed = append(r.Failed, text)
		case missed:
			r.Open = append(r.Open, text)
		}
	}
}

// missed tells whether the median misses the bound, and whether its whole
// interval does.
func (b bound) missed(mine, theirs *stat, format func(float64) string) (missed, surely bool, text string) {
	switch {
	case b.minRatio > 0:
		v := theirs.Ratio
		return v.Median < b.minRatio, v.High < b.minRatio, fmt.Sprintf("%.3f of %s, must be %.2f", v.Median, b.peer, b.minRatio)
	case b.peer != "":
		v := theirs.Diff
		return v.Median > b.maxDiff, v.Low > b.maxDiff,
			fmt.Sprintf("%s above %s, may be %s", format(v.Median), b.peer, format(b.maxDiff))
	}
	return mine.Median > b.maxDiff, mine.Median > b.maxDiff, fmt.Sprintf("%s, may be %s", format(mine.Median), format(b.maxDiff))
}

// boundError lists the rows that miss a bound.
type boundError struct{ lines []string }

// Error has one bound a line.
func (e *boundError) Error() string { return strings.Join(e.lines, "\n") }

func checkBounds(rows []row) error {
	var e boundError
	for _, r := range rows {
		for _, text := range r.Failed {
			e.lines = append(e.lines, fmt.Sprintf("peers: %s, %d sequences: %s: %s", filepath.Base(r.Model), r.Sequences, r.Figure, text))
		}
	}
	if len(e.lines) == 0 {
		return nil
	}
	return &e
}

// writeTable prints the comparison as a Markdown table with its definitions.
func writeTable(w io.Writer, s *settings, rows []row, samples []sample) error {
	var peers []string
	for _, t := range s.tools(1)[1:] {
		peers = append(peers, t.name)
	}
	head := []string{"model", "sequences", "figure", toolCeiling}
	for _, p := range peers {
		head = append(head, p, "ceiling / it")
	}
	lines := [][]string{append(head, "bounds")}
	for _, r := range rows {
		lines = append(lines, r.cells(peers))
	}
	var b strings.Builder
	how := ""
	if s.Depth > 0 {
		how = fmt.Sprintf(", behind %d tokens", s.Depth)
	}
	if s.slice > 0 {
		how += fmt.Sprintf(", slices of %v", s.slice)
	}
	fmt.Fprintf(&b, "%d threads, ubatch %d, batch %d, flash attention %s, %d tokens in, %d out, %d rounds of %d measurements%s\n\n",
		s.Threads, s.UBatch, s.Batch, s.FlashAttn, s.Prompt, s.Output, s.Rounds, s.Waves, how)
	alignTable(&b, lines)
	b.WriteString(definitions)
	if s.slice > 0 {
		b.WriteString(slicesDefinition)
	}
	if n := disturbed(s, samples); n > 0 {
		fmt.Fprintf(&b, "Disturbed: during %d of %d measurements other programs used more than %.2g cores. Repeat on a quiet machine.\n",
			n, len(samples), s.quiet.cores)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func disturbed(s *settings, samples []sample) (n int) {
	for _, x := range samples {
		if x.Others > s.quiet.cores {
			n++
		}
	}
	return n
}

func (r *row) cells(peers []string) []string {
	out := []string{filepath.Base(r.Model), fmt.Sprint(r.Sequences), r.Figure, r.value(toolCeiling)}
	for _, p := range peers {
		ratio := "—"
		if st := r.Tools[p]; st != nil && st.Ratio.Median > 0 {
			ratio = fmt.Sprintf("%.3f (%.3f–%.3f)", st.Ratio.Median, st.Ratio.Low, st.Ratio.High)
		}
		out = append(out, r.value(p), ratio)
	}
	var verdicts []string
	if len(r.Failed) > 0 {
		verdicts = append(verdicts, "NOT MET: "+strings.Join(r.Failed, "; "))
	}
	if len(r.Open) > 0 {
		verdicts = append(verdicts, "open: "+strings.Join(r.Open, "; "))
	}
	if len(verdicts) == 0 {
		verdicts = []string{"met"}
	}
	return append(out, strings.Join(verdicts, "; "))
}

// value is a tool's median with half the range of the rounds.
func (r *row) value(tool string) string {
	st := r.Tools[tool]
	if st == nil {
		return "—"
	}
	return fmt.Sprintf("%s ±%.1f %%", r.format(st.Median), 50*(st.Max-st.Min)/math.Max(st.Median, math.SmallestNonzeroFloat64))
}

// alignTable writes a Markdown table whose columns line up in a terminal.
func alignTable(b *strings.Builder, lines [][]string) {
	width := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			fmt.Fprintf(b, "| %s%s ", cell, strings.Repeat(" ", width[i]-len([]rune(cell))))
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
}

const definitions = `
A value is the median of the rounds ± half their range. A ratio is ceiling's value by the other's in the same
round: the median, and the interval that holds the true median with 95 % (whole range: under six rounds). A
bound is not met where the whole interval misses it, and open where only the median does: run more rounds.
The tools take turns in random order; every measurement starts a process of its own, which runs the shape once
before it counts.

prefill      all sequences' prompt tokens / time until all of them have their first token.
             ceiling: from the start of the first engine call with a prompt token, of requests that end with
             that token; llama-batched-bench: its speed_pp; llama-server: at a streaming client, from the
             first request sent.
decode       tokens of all sequences / time, from the last sequence's first token to the first sequence's last
             one, each sequence with its own tokens in that window. ceiling: token times of the journal;
             llama-batched-bench: its speed_tg; llama-server: arrival of the events at a streaming client.
peak RSS     the process's largest resident memory as the kernel counts it, same file and context.
overhead     ceiling's own: time between engine calls / time in them, while it decodes.

Bounds: prefill 0.98 of both; decode 0.98 of llama-batched-bench and 1.00 of llama-server's client; peak RSS
at most 64 MB above llama-server's; overhead ratio at most 0.01.
`

const slicesDefinition = `
Slices: the tools run at once, and at any moment all but one of them are stopped (SIGSTOP); whose turn it is
changes after each slice, in random order. The stops are taken out of every time. A tool's waves count where
they lie in the time in which all tools measure; one of llama-batched-bench's whose end came within 10 ms of its
being continued is left out, as its line may be from before the stop. Overhead is not measured: a stop may fall
between two calls.
`

// writeJSON leaves every sample and row in a file.
func writeJSON(path string, s *settings, rows []row, samples []sample) error {
	text, err := json.MarshalIndent(map[string]any{"settings": s, "rows": rows, "samples": samples}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
