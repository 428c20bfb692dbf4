package suite

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"ceiling/bench/result"
)

// fieldProblem is a mistake in one field of a scenario, by its YAML name.
type fieldProblem struct {
	field, text string
}

// fieldProblems checks each field for itself.
func fieldProblems(s result.Scenario) []fieldProblem {
	var out []fieldProblem
	add := func(field, text string) {
		if text != "" {
			out = append(out, fieldProblem{field, text})
		}
	}
	add("name", checkName(s.Name))
	if s.Dataset == nil || s.Input != 0 {
		add("input", checkInt(s.Input, MinInput, maxTokens))
	}
	if s.Dataset == nil || s.Output != 0 {
		add("output", checkInt(s.Output, 1, maxTokens))
	}
	add("concurrency", checkInt(s.Concurrency, 1, maxConcurrency))
	add("prompts", checkInt(s.Prompts, 1, maxPrompts))
	add("prefix_len", checkInt(s.PrefixLen, 0, maxTokens))
	add("depth", checkInt(s.Behind(), 0, maxTokens))
	if !(s.RangeRatio >= 0 && s.RangeRatio < 1) {
		add("range_ratio", fmt.Sprintf("%q is out of range: use at least 0 and less than 1", fmt.Sprint(s.RangeRatio)))
	}
	if s.RequestRate != 0 {
		add("request_rate", checkNumber(s.RequestRate, 1e-6, maxRate, "requests per second, or leave it out for a closed loop"))
	}
	if s.Burstiness != 0 {
		add("burstiness", checkNumber(s.Burstiness, minBurstiness, maxBurstiness, "(1 is Poisson)"))
	}
	for _, l := range []struct {
		field string
		ms    float64
	}{{"slo.ttft", s.SLO.TTFTMs}, {"slo.tpot", s.SLO.TPOTMs}, {"slo.e2el", s.SLO.E2ELMs}} {
		if l.ms != 0 {
			add(l.field, checkNumber(l.ms, minSLO, maxSLO, "milliseconds"))
		}
	}
	if s.Turns != 0 {
		add("turns", checkInt(s.Turns, 1, maxTurns))
	}
	if s.ThinkS != 0 {
		add("think_time", checkNumber(s.ThinkS, minThink, maxThink, "seconds"))
	}
	if s.Speedup != 0 {
		add("speedup", checkNumber(s.Speedup, minSpeedup, maxSpeedup, "times as fast as the trace"))
	}
	if s.Repeat != 0 {
		add("repeat", checkInt(s.Repeat, 1, result.MaxRepeat))
	}
	return out
}

// crossProblems checks fields against each other. It is meant for a scenario
// whose fields are each in range.
func crossProblems(s result.Scenario) []fieldProblem {
	var out []fieldProblem
	if lo, _ := s.InputBounds(); lo < MinInput && !s.FileLengths() {
		out = append(out, fieldProblem{"range_ratio", fmt.Sprintf(
			"%q lets prompts of %d tokens shrink to %d, and at least %d are needed: lower it or raise input",
			fmt.Sprint(s.RangeRatio), s.Input, lo, MinInput)})
	}
	if s.ThinkS > 0 && s.Turns < 2 {
		out = append(out, fieldProblem{"think_time", fmt.Sprintf("%q has no effect on requests that stand alone: add turns, or leave it out", fmt.Sprint(s.ThinkS))})
	}
	if s.Turns > 1 && s.Requests() > maxPrompts {
		out = append(out, fieldProblem{"turns", fmt.Sprintf("\"%d\" turns of %d conversations are more than %d requests: lower one of them", s.Turns, s.Prompts, maxPrompts)})
	}
	if s.Depth != nil && s.Turns > 1 {
		out = append(out, fieldProblem{"depth", fmt.Sprintf("\"%d\" with turns: a conversation makes its own context: leave one of the two out", *s.Depth)})
	}
	out = append(out, traceProblems(s)...)
	if d := s.Dataset; d != nil {
		if d.Entries < 1 {
			out = append(out, fieldProblem{"dataset", fmt.Sprintf("%q has no prompt: give a file with some", d.Name)})
		}
		if s.PrefixLen > 0 {
			out = append(out, fieldProblem{"prefix_len", fmt.Sprintf("\"%d\" with a dataset: its prompts are the file's: leave one of the two out", s.PrefixLen)})
		}
		if s.RangeRatio > 0 && s.Input == 0 && s.Output == 0 && !d.Trace {
			out = append(out, fieldProblem{"range_ratio", fmt.Sprintf("%q has no effect on lengths that are the file's: give input or output, or leave it out", fmt.Sprint(s.RangeRatio))})
		}
	}
	if s.Burstiness != 0 && !s.OpenLoop() {
		out = append(out, fieldProblem{"burstiness", fmt.Sprintf(
			"%q has no effect in a closed loop: add request_rate or leave it out", fmt.Sprint(s.Burstiness))})
	}
	return out
}

func checkName(name string) string {
	switch {
	case strings.TrimSpace(name) == "":
		return "missing: give every scenario a name"
	case len(name) > maxNameLen:
		return fmt.Sprintf("%q… is %d bytes long: use at most %d", name[:20], len(name), maxNameLen)
	case strings.ContainsAny(name, "\n\r\t|"):
		return fmt.Sprintf("%q: a name is printed in tables: leave out tabs, line breaks and |", name)
	}
	return ""
}

func checkInt(v, lo, hi int) string {
	if v >= lo && v <= hi {
		return ""
	}
	return fmt.Sprintf("\"%d\" is out of range: use %d to %d", v, lo, hi)
}

func checkNumber(v, lo, hi float64, unit string) string {
	if v >= lo && v <= hi && !math.IsNaN(v) {
		return ""
	}
	plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	return fmt.Sprintf("%q is out of range: use %s to %s %s", fmt.Sprint(v), plain(lo), plain(hi), unit)
}
