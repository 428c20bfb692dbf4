package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
	"ceiling/report/metric"
	"ceiling/report/plausible"
)

// carriesP99 is the least number of values that a 99th percentile can rest
// on: with fewer, less than one value lies above it.
const carriesP99 = 100

// ppTolerance is the relative difference up to which a PP figure is taken to
// be input / mean (or median) TTFT: the reference's TTFT has two decimals and
// its December 2025 table gives PP with one.
const ppTolerance = 1e-3

// validitySection says what the numbers above and below can carry.
func validitySection(r *result.Run, all []scenario) []doc.Block {
	blocks := []doc.Block{verdictLine(r), completeness(r, all)}
	if t := conditionsTable(all); len(t.Rows) > 0 {
		blocks = append(blocks, t)
	}
	if t := graphsTable(all); len(t.Rows) > 0 {
		blocks = append(blocks, t)
	}
	notes := slices.Concat(verdictNotes(all), failureNotes(r, all), missingNotes(all), burstNotes(all), percentileNotes(all), bundleNotes(all),
		prefillNote(all), graphsNotes(all), warmupNotes(all), keptNotes(all), warningNotes(all))
	if len(notes) > 0 {
		blocks = append(blocks, doc.Bullets(notes))
	}
	return blocks
}

// completeness says how much of the suite has a result.
func completeness(r *result.Run, all []scenario) doc.Block {
	if r.Partial {
		return doc.Field{Name: "This run is partial", Value: doc.T(partialStatement(r, all))}
	}
	return doc.Paragraph{Text: doc.T(ranToItsEnd(r, all))}
}

// ranToItsEnd says what failed in a run that is not partial.
func ranToItsEnd(r *result.Run, all []scenario) string {
	failed := 0
	var lost float64
	for i := range all {
		if _, bad := all[i].failed(); bad {
			failed++
		}
		lost += all[i].FailedRequests
	}
	failedPasses, lostElsewhere := otherPasses(r)
	lost += lostElsewhere
	complete := fmt.Sprintf("All %d scenarios ran to their end", len(all))
	if len(all) == 1 {
		complete = "The one scenario ran to its end"
	}
	switch {
	case len(all) == 0:
		return "No scenario has a result."
	case failed > 0:
		return fmt.Sprintf("%d of %s failed; all others ran to their end.", failed, figure.Count(len(all), "scenario"))
	case failedPasses > 0:
		return fmt.Sprintf("%s in at least one pass; passes over a scenario that failed: %d.", complete, failedPasses)
	case lost > 0:
		return fmt.Sprintf("%s; %s failed.", complete, figure.Count(int(lost), "request"))
	default:
		return complete + " and no request failed."
	}
}

// partialStatement says why the run ended and how far it came.
func partialStatement(r *result.Run, all []scenario) string {
	measured := 0
	for i := range all {
		if _, bad := all[i].failed(); !bad && !all[i].partial() {
			measured++
		}
	}
	planned := max(len(r.Planned), len(all))
	reason := oneline.Of(r.PartialReason)
	if reason == "" {
		reason = "ended before its suite did"
	}
	return fmt.Sprintf("%s; %d of %s complete%s. What is below covers only what was measured.",
		reason, measured, figure.Count(planned, "scenario"), passesDone(r))
}

// conditionsTable holds, per scenario, what qualifies its figures. It has no
// row for a file without details.
func conditionsTable(all []scenario) *doc.Table {
	t := &doc.Table{Columns: slices.Concat(doc.Words("Scenario", "Verdict", "Status"), doc.Numbers("Requests ok / failed"), doc.Words("Cache (tokens reused)"),
		doc.Numbers("Waves", "PP derived (tok/s)", "Engine prefill (tok/s)", "overhead_ratio"))}
	for i := range all {
		s, d := &all[i], all[i].detail
		if d == nil {
			continue
		}
		t.Add(s.Name, s.verdict(), figure.OrMissing(oneline.Of(d.Status)), fmt.Sprintf("%.0f / %.0f", s.SuccessfulRequests, s.FailedRequests),
			fmt.Sprintf("%s (%s)", figure.OrMissing(oneline.Of(d.Cache)), figure.Grouped(d.ReusedTokens)), fmt.Sprintf("%.1f", d.Waves),
			s.figure(metric.PP), s.figure(metric.EnginePrefill), s.figure(metric.OverheadRatio))
	}
	return t
}

// failureNotes gives each failure with its reason, and what was not run.
func failureNotes(r *result.Run, all []scenario) []string {
	var notes []string
	have := map[string]bool{}
	for i := range all {
		s := &all[i]
		have[s.Name] = true
		if reason, bad := s.failed(); bad {
			notes = append(notes, fmt.Sprintf("%s failed: %s.", oneline.Of(s.Name), reason))
			continue
		}
		if s.partial() {
			notes = append(notes, fmt.Sprintf("%s was cut short%s: its figures are of the %s that had ended.",
				oneline.Of(s.Name), s.whyCut(), figure.Count(int(s.SuccessfulRequests+s.FailedRequests), "request")))
		}
		if s.FailedRequests > 0 {
			notes = append(notes, fmt.Sprintf("%s: %.0f of %s failed%s; its figures are of the others.",
				oneline.Of(s.Name), s.FailedRequests, figure.Count(int(s.SuccessfulRequests+s.FailedRequests), "request"), reasonsText(s.detail)))
		}
	}
	var unrun []string
	for _, name := range r.Planned {
		if !have[name] {
			unrun = append(unrun, oneline.Of(name))
		}
	}
	if len(unrun) > 0 {
		notes = append(notes, "Not run: "+strings.Join(unrun, ", ")+".")
	}
	return notes
}

// reasonsText is " (reason ×3, other ×1)", "" where no reason is known.
func reasonsText(d *result.Detail) string {
	if d == nil || len(d.Failures) == 0 {
		return ""
	}
	texts := make([]string, len(d.Failures))
	for i, f := range d.Failures {
		texts[i] = fmt.Sprintf("%s ×%d", oneline.Of(f.Reason), f.Count)
	}
	return " (" + strings.Join(texts, ", ") + ")"
}

// burst says whether all requests start at once and none follows: the
// figures are then of a burst, not of a steady state.
func (s *scenario) burst() bool {
	return s.closedLoop() && s.Concurrency > 1 && s.NumPrompts > 0 && s.NumPrompts <= s.Concurrency
}

func burstNotes(all []scenario) []string {
	var names []string
	for i := range all {
		if s := &all[i]; s.burst() {
			names = append(names, fmt.Sprintf("%s (%s at concurrency %d)", oneline.Of(s.Name), figure.Count(s.NumPrompts, "prompt"), s.Concurrency))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"One burst only: " + strings.Join(names, ", ") + ". All requests start at once and no more follow, so the figures are of a burst, not of a steady state."}
}

// measuredRequests is how many requests the per-request percentiles rest on.
func (s *scenario) measuredRequests() int {
	if s.detail != nil && s.detail.TTFT != nil {
		return s.detail.TTFT.Count
	}
	return int(s.SuccessfulRequests)
}

// percentileNotes marks the percentiles that their sample can't carry. They
// are printed all the same, because the reference prints them.
func percentileNotes(all []scenario) []string {
	var small, gaps []string
	for i := range all {
		s := &all[i]
		if n := s.measuredRequests(); n > 0 && n < carriesP99 && s.TTFTP99Ms != nil {
			small = append(small, fmt.Sprintf("%s (%d)", oneline.Of(s.Name), n))
		}
		if d := s.detail; d != nil && d.ITL != nil && d.ITL.Count > 0 && d.ITL.Count < carriesP99 {
			gaps = append(gaps, fmt.Sprintf("%s (%d)", oneline.Of(s.Name), d.ITL.Count))
		}
	}
	var notes []string
	if len(small) > 0 {
		notes = append(notes, fmt.Sprintf("TTFT p99 and TPOT p99 of fewer than %d requests lie between the two largest values, so read them as the slowest request. Requests: %s.", carriesP99, strings.Join(small, ", ")))
	}
	if len(gaps) > 0 {
		notes = append(notes, fmt.Sprintf("ITL p99 of fewer than %d gaps is likewise close to the longest gap. Gaps: %s.", carriesP99, strings.Join(gaps, ", ")))
	}
	return notes
}

// peakBelowMean is the share of the mean below which a peak can't be the
// fullest second of the same tokens. Some whole second holds at least the
// mean unless the run is so short that a started second counts for much;
// shortest keeps that error below a tenth, and the factor doubles it.
const (
	peakBelowMean   = 0.8
	peakShortestRun = 10 // seconds
)

// peakCountsLess says whether the peak leaves tokens out that the mean
// counts.
func (s *scenario) peakCountsLess() bool {
	if s.PeakOutputThroughput == nil || s.OutputThroughput == nil || s.DurationS == nil {
		return false
	}
	return *s.DurationS >= peakShortestRun && *s.PeakOutputThroughput < peakBelowMean**s.OutputThroughput
}

// bundledITL says whether the gaps are between deliveries of several tokens,
// as a client of a streaming server sees them. This program times each token.
func (s *scenario) bundledITL() bool {
	itl, tpot := valueOr(s.ITLMeanMs, 0), valueOr(s.TPOTMeanMs, 0)
	return s.detail == nil && itl > 0 && tpot > 0 && plausible.Bundled(itl, tpot)
}

func bundleNotes(all []scenario) []string {
	var names []string
	for i := range all {
		if s := &all[i]; s.bundledITL() || s.peakCountsLess() {
			names = append(names, oneline.Of(s.Name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"Deliveries of several tokens count as one in ITL and in peak output throughput of " + strings.Join(names, ", ") +
		": mean ITL is far above mean TPOT, or the peak far below the mean, which can't be when every token is counted. The interpretation does not use them as figures of single tokens."}
}

// missingNotes names the quantities that complete scenarios lack.
func missingNotes(all []scenario) []string {
	var notes []string
	measured := 0
	for i := range all {
		if _, failed := all[i].failed(); !failed {
			measured++
		}
	}
	for _, q := range []struct {
		name string
		of   func(*scenario) *float64
	}{
		{"TTFT", func(s *scenario) *float64 { return s.TTFTMeanMs }},
		{"TPOT", func(s *scenario) *float64 { return s.TPOTMeanMs }},
		{"ITL", func(s *scenario) *float64 { return s.ITLMeanMs }},
		{"output throughput", func(s *scenario) *float64 { return s.OutputThroughput }},
		{"peak output throughput", func(s *scenario) *float64 { return s.PeakOutputThroughput }},
	} {
		var names []string
		for i := range all {
			if _, failed := all[i].failed(); !failed && q.of(&all[i]) == nil {
				names = append(names, oneline.Of(all[i].Name))
			}
		}
		switch {
		case len(names) == 0:
		case len(names) == measured:
			notes = append(notes, "Not measured in any scenario: "+q.name+".")
		default:
			notes = append(notes, "Not measured: "+q.name+" of "+strings.Join(names, ", ")+".")
		}
	}
	return notes
}

// valueOr is *v, or other where v is nil.
func valueOr(v *float64, other float64) float64 {
	if v == nil {
		return other
	}
	return *v
}

// ppBasis says how a scenario's PP was derived.
type ppBasis string

const (
	ppMean   ppBasis = "mean"
	ppMedian ppBasis = "median"
	ppOther  ppBasis = "other"
)

// basisOf compares every PP of the file with both formulas. A file has one
// basis; where neither fits all, nothing is claimed.
func basisOf(all []scenario) ppBasis {
	mean, median, found := true, true, false
	for i := range all {
		s := &all[i]
		if s.PPSpeed == nil {
			continue
		}
		found = true
		mean = mean && fits(*s.PPSpeed, s.InputLen, s.TTFTMeanMs)
		median = median && fits(*s.PPSpeed, s.InputLen, s.TTFTMedianMs)
	}
	switch {
	case found && mean:
		return ppMean
	case found && median:
		return ppMedian
	default:
		return ppOther
	}
}

func fits(pp float64, input int, ttftMs *float64) bool {
	if ttftMs == nil || *ttftMs <= 0 {
		return false
	}
	want := 1000 * float64(input) / *ttftMs
	return math.Abs(pp-want) <= ppTolerance*want
}

// prefillNote says what PP is and is not.
func prefillNote(all []scenario) []string {
	var formula string
	switch basisOf(all) {
	case ppMean:
		formula = "PP in the tables is input length / mean TTFT"
	case ppMedian:
		formula = "PP in the tables is input length / median TTFT"
	default:
		formula = "PP in the tables stands as the results file gives it; it is derived from TTFT"
	}
	note := formula + ". TTFT contains the time a prompt waits while others are computed, so above concurrency 1 PP is not the engine's prefill speed."
	for i := range all {
		if d := all[i].detail; d != nil && d.EnginePrefill != nil {
			return []string{note + " Engine prefill, beside it above, is prompt tokens computed / engine time spent on them, where a step's time is shared among its tokens: neither waiting nor decoding is in it."}
		}
	}
	return []string{note}
}

// keptNotes say what a warm run's finished prompts cost its steps.
func keptNotes(all []scenario) []string {
	var cells []string
	for i := range all {
		if d := all[i].detail; d != nil && d.KeptCells > 0 {
			cells = append(cells, fmt.Sprintf("%s %s", oneline.Of(all[i].Name), figure.Grouped(int64(d.KeptCells))))
		}
	}
	if len(cells) == 0 {
		return nil
	}
	return []string{"Most KV cells that finished prompts kept, all of which every step reads past: " + strings.Join(cells, ", ") + "."}
}

// warmupNotes say how each scenario was warmed up, and where that did not come
// to rest.
func warmupNotes(all []scenario) []string {
	var rounds, unsettled []string
	for i := range all {
		d := all[i].detail
		if d == nil || d.Warmup == nil {
			continue
		}
		text := fmt.Sprintf("%s %d", oneline.Of(all[i].Name), d.Warmup.Rounds)
		if s := d.Warmup.Spread; s != nil {
			text += fmt.Sprintf(" (%.1f%%)", 100**s)
		}
		rounds = append(rounds, text)
		if !d.Warmup.Settled() {
			unsettled = append(unsettled, oneline.Of(all[i].Name))
		}
	}
	var notes []string
	if len(rounds) > 0 {
		notes = append(notes, "Warm-up before each clock, in rounds, with the difference of the last two: "+strings.Join(rounds, ", ")+".")
	}
	if len(unsettled) > 0 {
		notes = append(notes, "Not settled when the warm-up's ten seconds were over: "+strings.Join(unsettled, ", ")+". The machine's speed was not steady.")
	}
	return notes
}

// saidAbove recognises the warnings of bench that the notes above already
// give in one line for all scenarios.
var saidAbove = regexp.MustCompile(`^(p99 of |one burst only: |partial: )|^\d+ of \d+ requests failed$`)

// warningNotes are the other warnings that came with the results, equal ones
// once with all their scenarios.
func warningNotes(all []scenario) []string {
	var texts []string
	names := map[string][]string{}
	for i := range all {
		if all[i].detail == nil {
			continue
		}
		for _, w := range all[i].detail.Warnings {
			w = strings.TrimSuffix(oneline.Of(w), ".")
			if saidAbove.MatchString(w) {
				continue
			}
			if names[w] == nil {
				texts = append(texts, w)
			}
			names[w] = append(names[w], oneline.Of(all[i].Name))
		}
	}
	notes := make([]string, len(texts))
	for i, w := range texts {
		notes[i] = strings.Join(names[w], ", ") + ": " + w + "."
	}
	return notes
}
