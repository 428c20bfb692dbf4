// Package suite reads and checks suites of scenarios, and makes the requests that a
// scenario consists of: lengths, arrivals and prompts.
package suite

import (
	"fmt"
	"strings"

	"ceiling/bench/result"
)

// Limits on what a suite may ask for. They keep every product of two of them
// inside an int64, and a typing mistake from filling the memory.
const (
	maxTokens      = 1 << 24 // input, output and prefix_len, tokens
	maxConcurrency = 4096
	maxPrompts     = 100_000
	maxRate        = 1e6 // requests/s
	minBurstiness  = 0.01
	maxBurstiness  = 1e6
	maxNameLen     = 200
	minSLO, maxSLO = 1e-3, 1e9 // milliseconds
	maxTurns       = 1000
	minSpeedup     = 1e-3
	maxSpeedup     = 1e6
	minThink       = 1e-3 // seconds
	maxThink       = 86400
	MinInput       = 2 // one token for BOS, one to make prompts differ
)

// Validate reports everything that is wrong with the suite at once, one
// problem a line, and changes nothing. The error is a *SuiteError.
func Validate(s result.Suite) error {
	var e Error
	add := func(text string) { e.Problems = append(e.Problems, Problem{Text: text}) }
	if strings.TrimSpace(s.Name) == "" {
		add("name: missing: give the suite a name")
	}
	if len(s.Scenarios) == 0 {
		add("scenarios: empty: list at least one")
	}
	seen := map[string]bool{}
	for _, sc := range s.Scenarios {
		problems := fieldProblems(sc)
		if len(problems) == 0 {
			problems = crossProblems(sc)
		}
		for _, p := range problems {
			add(fmt.Sprintf("scenario %q: %s: %s", sc.Name, p.field, p.text))
		}
		if seen[sc.Name] {
			add(fmt.Sprintf("scenario %q: name: used twice: give every scenario a name of its own", sc.Name))
		}
		seen[sc.Name] = true
	}
	return e.orNil()
}

// SuiteError is the list of everything that is wrong with a suite.
type Error struct {
	Problems []Problem
}

// Problem is one mistake. File and Line are empty for a suite that was not
// read from a file.
type Problem struct {
	File string
	Line int // from 1
	Text string
}

// String is "file:line: text", or the text alone.
func (p Problem) String() string {
	if p.File == "" {
		return p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// mostListed mistakes are shown; the rest is counted.
const mostListed = 20

// Error has one problem a line, the first twenty of them.
func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems[:min(len(e.Problems), mostListed)] {
		lines = append(lines, p.String())
	}
	if more := len(e.Problems) - mostListed; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

func (e *Error) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}
