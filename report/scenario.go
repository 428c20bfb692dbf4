package report

import (
	"strings"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
)

// known are the standard suite's scenarios by a part of their name, as the
// reference tells them apart: its JSON has neither category nor purpose.
var known = []struct{ part, category, purpose string }{
	{"Scaling", categoryScaling, ""},
	{"Single User", "Latency", "Best-case latency with no batching"},
	{"Short Context", "Throughput", "Maximum throughput with short sequences"},
	{"Long Context", "Long Context", "Extended context performance"},
	{"Decode", "Decode", "Long generation with minimal prefill"},
	{"Mixed", "Mixed", "Variable request sizes (±50%)"},
}

const categoryScaling = "Concurrency Scaling"

// mixedRange is the length range of the reference's Mixed Traffic.
const mixedRange = 0.5

// scenario is one result with what is known beside it.
type scenario struct {
	result.Summary
	detail  *result.Detail // nil in the reference's files
	scaling bool           // a point of the scaling curve
}

// scenarios joins results and details.
func scenarios(r *result.Run) []scenario {
	out := make([]scenario, len(r.Results))
	for i := range r.Results {
		out[i] = scenario{Summary: r.Results[i], detail: r.Detail(i)}
	}
	for _, i := range r.Series() {
		out[i].scaling = true
	}
	return out
}

// category is the scenario's, from its name where no detail tells.
func (s *scenario) category() string {
	if s.detail != nil && s.detail.Category != "" {
		return s.detail.Category
	}
	for _, k := range known {
		if strings.Contains(s.Name, k.part) {
			return k.category
		}
	}
	return "Other"
}

// purpose is the scenario's, from its name where no detail tells.
func (s *scenario) purpose() string {
	if s.detail != nil && s.detail.Purpose != "" {
		return s.detail.Purpose
	}
	for _, k := range known {
		if strings.Contains(s.Name, k.part) && k.purpose != "" {
			return k.purpose
		}
	}
	if s.scaling || s.category() == categoryScaling {
		return "Scaling test at concurrency " + figure.Grouped(int64(s.Concurrency))
	}
	return figure.Missing
}

// failed says whether the scenario could not be measured, and why.
func (s *scenario) failed() (reason string, failed bool) {
	if !result.Failed(&s.Summary, s.detail) {
		return "", false
	}
	return s.reason(), true
}

// reason is why the scenario failed or was cut short.
func (s *scenario) reason() string {
	switch {
	case s.Error != nil && oneline.Of(*s.Error) != "":
		return strings.TrimSuffix(oneline.Of(*s.Error), ".")
	case s.detail != nil && len(s.detail.Failures) > 0:
		return strings.TrimSuffix(oneline.Of(s.detail.Failures[0].Reason), ".")
	default:
		return "no reason was recorded"
	}
}

// referenceError is the reason of a failed scenario in one of the reference's
// own files, whose tables have a form of their own for it.
func (s *scenario) referenceError() (reason string, failed bool) {
	if s.detail != nil || s.Error == nil {
		return "", false
	}
	return oneline.Of(*s.Error), true
}

// whyCut is the reason why the run stopped inside the scenario, in brackets
// with a blank in front; "" for none recorded.
func (s *scenario) whyCut() string {
	if s.Error == nil || oneline.Of(*s.Error) == "" {
		return ""
	}
	return " (" + s.reason() + ")"
}

// partial says whether the run stopped inside the scenario.
func (s *scenario) partial() bool {
	return s.detail != nil && s.detail.Status == result.StatusPartial
}

// rangeRatio is the half width of the length range, 0 for fixed lengths.
func (s *scenario) rangeRatio() float64 {
	if s.detail != nil {
		return s.detail.RangeRatio
	}
	if s.category() == "Mixed" {
		return mixedRange
	}
	return 0
}

// shortestPeak is the least duration, in seconds, of a run that has a peak:
// there is no typical second in a shorter one.
const shortestPeak = 2

// peakUntold says whether the run is too short for its fullest second to mean
// anything. The reference's files have what they have.
func (s *scenario) peakUntold() bool {
	return s.detail != nil && s.PeakOutputThroughput != nil && s.DurationS != nil && *s.DurationS < shortestPeak
}

// peak is the output of the fullest second in tokens/s, nil where it means
// nothing.
func (s *scenario) peak() *float64 {
	if s.peakUntold() {
		return nil
	}
	return s.PeakOutputThroughput
}

// closedLoop says whether a new request starts only when another ends.
func (s *scenario) closedLoop() bool {
	return s.detail == nil || s.detail.RequestRate == nil
}

// perUser is output throughput / concurrency in tokens/s.
func (s *scenario) perUser() *float64 {
	return divide(s.OutputThroughput, float64(s.Concurrency))
}
