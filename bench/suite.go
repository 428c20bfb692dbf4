package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
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
	minInput       = 2         // one token for BOS, one to make prompts differ
)

// Suite is a list of scenarios that run one after the other.
type Suite struct {
	Name      string     `json:"name"`
	Scenarios []Scenario `json:"scenarios"`
}

// Scenario is one workload shape and the load it is offered at.
type Scenario struct {
	Name     string `json:"name"`
	Category string `json:"category"`
	Purpose  string `json:"purpose"`

	Input       int `json:"input"`       // prompt tokens per request, BOS included, PrefixLen not
	Output      int `json:"output"`      // tokens generated per request
	Concurrency int `json:"concurrency"` // requests in flight at most
	Prompts     int `json:"prompts"`     // requests in total

	// RangeRatio r spreads both lengths over ±r of their nominal value,
	// 0 ≤ r < 1.
	RangeRatio float64 `json:"range_ratio"`
	// RequestRate is the mean arrival rate in requests/s. 0 is the closed
	// loop: a request starts when another one ends.
	RequestRate float64 `json:"request_rate"`
	// Burstiness is the shape of the gamma distribution of the gaps between
	// arrivals: 1 is Poisson, below 1 burstier, above 1 more regular. 0 stands
	// for 1. It has no meaning in a closed loop.
	Burstiness float64 `json:"burstiness"`
	// PrefixLen tokens begin every prompt of the scenario, the
	// same for all of them and on top of Input.
	PrefixLen int `json:"prefix_len"`

	SLO SLO `json:"slo"`
	// Repeat is how often the scenario runs, once in each pass over the
	// suite; 0 stands for 1. See Plan.
	Repeat int `json:"repeat"`
}

// SLO holds the limits a request must keep to count as good, in milliseconds.
// 0 means that no limit was given.
type SLO struct {
	TTFTMs float64 `json:"ttft"`
	TPOTMs float64 `json:"tpot"`
	E2ELMs float64 `json:"e2el"`
}

// Given tells whether any limit was set.
func (s SLO) Given() bool { return s.TTFTMs > 0 || s.TPOTMs > 0 || s.E2ELMs > 0 }

// ParseSLO reads limits of p99 TTFT and p99 TPOT in milliseconds as a flag has
// them, "ttft=500,tpot=50" or one of the two; nil for "".
func ParseSLO(text string) (*SLO, error) {
	if text == "" {
		return nil, nil
	}
	const form = "give ttft=MS, tpot=MS or both with a comma, as in ttft=500,tpot=50"
	slo := &SLO{}
	limits := map[string]*float64{"ttft": &slo.TTFTMs, "tpot": &slo.TPOTMs}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		to := limits[strings.ToLower(strings.TrimSpace(name))]
		ms, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), "ms"), 64)
		switch {
		case to == nil || err != nil:
			return nil, fmt.Errorf("%q is no limit: %s", part, form)
		case !(ms >= minSLO && ms <= maxSLO):
			return nil, fmt.Errorf("%q is outside %g to %g milliseconds: %s", part, minSLO, maxSLO, form)
		case *to != 0:
			return nil, fmt.Errorf("%q: %s has a limit already: %s", part, name, form)
		}
		*to = ms
	}
	return slo, nil
}

// OpenLoop tells whether requests arrive on a schedule of their own.
func (s Scenario) OpenLoop() bool { return s.RequestRate > 0 }

// burstiness is the gamma shape with its default filled in.
func (s Scenario) burstiness() float64 {
	if s.Burstiness == 0 {
		return 1
	}
	return s.Burstiness
}

// inputBounds are the least and the most prompt tokens a request may have,
// the shared prefix left out.
func (s Scenario) inputBounds() (lo, hi int) { return lengthBounds(s.Input, s.RangeRatio, 0) }

// outputBounds are the least and the most tokens a request may generate.
func (s Scenario) outputBounds() (lo, hi int) { return lengthBounds(s.Output, s.RangeRatio, 1) }

// lengthBounds returns max(floor, ⌊n(1−r)⌋) and max(floor, ⌈n(1+r)⌉).
func lengthBounds(n int, r float64, floor int) (lo, hi int) {
	// 10·(1−0.9) is 0.9999999999999998 in binary, and means 1.
	const slack = 1e-9
	lo = int(math.Floor(float64(n)*(1-r) + slack))
	hi = int(math.Ceil(float64(n)*(1+r) - slack))
	return max(floor, lo), max(floor, hi)
}

// Prompts is the number of requests in the whole suite.
func (s Suite) Prompts() int {
	n := 0
	for _, sc := range s.Scenarios {
		n += sc.Prompts
	}
	return n
}

// names lists the scenarios in order.
func (s Suite) names() []string {
	out := make([]string, len(s.Scenarios))
	for i, sc := range s.Scenarios {
		out[i] = sc.Name
	}
	return out
}

// Validate reports everything that is wrong with the suite at once, one
// problem a line, and changes nothing. The error is a *SuiteError.
func (s Suite) Validate() error {
	var e SuiteError
	add := func(text string) { e.Problems = append(e.Problems, Problem{Text: text}) }
	if strings.TrimSpace(s.Name) == "" {
		add("name: missing: give the suite a name")
	}
	if len(s.Scenarios) == 0 {
		add("scenarios: empty: list at least one")
	}
	seen := map[string]bool{}
	for _, sc := range s.Scenarios {
		problems := sc.fieldProblems()
		if len(problems) == 0 {
			problems = sc.crossProblems()
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
type SuiteError struct {
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
func (e *SuiteError) Error() string {
	var lines []string
	for _, p := range e.Problems[:min(len(e.Problems), mostListed)] {
		lines = append(lines, p.String())
	}
	if more := len(e.Problems) - mostListed; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

func (e *SuiteError) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}
