package result

import (
	"cmp"
	"math"
	"slices"
)

// Suite is a list of scenarios that run one after the other.
type Suite struct {
	Name      string     `json:"name"`
	Scenarios []Scenario `json:"scenarios"`
	// Retry is how many passes more a scenario gets in which others disturbed
	// the engine.
	Retry int `json:"retry,omitempty"`
	// PassesPerProcess is how many passes one process makes; the next ones are
	// another's. 0: all are one's.
	PassesPerProcess int `json:"passes_per_process,omitempty"`
}

// Scenario is one workload shape and the load it is offered at.
type Scenario struct {
	Name     string `json:"name"`
	Category string `json:"category"`
	Purpose  string `json:"purpose"`

	// Input and Output are 0 where the dataset says how long each request is.
	Input       int `json:"input"`       // prompt tokens per request, BOS included, PrefixLen not
	Output      int `json:"output"`      // tokens generated per request
	Concurrency int `json:"concurrency"` // requests in flight at most
	Prompts     int `json:"prompts"`     // requests in total; with Turns, conversations

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

	// Turns is how many requests a conversation has; 0 stands for 1. The prompt
	// of each is all that was said before, and Input tokens more. ThinkS is the
	// time from a turn's last token to the next turn, in seconds. A conversation
	// keeps its slot, so that Concurrency is the number of users.
	Turns  int     `json:"turns,omitempty"`
	ThinkS float64 `json:"think_time,omitempty"`

	// Dataset is where the prompts come from; nil: they are drawn.
	Dataset *Dataset `json:"dataset,omitempty"`
	// Speedup is how many times as fast as in the trace that Dataset is requests
	// arrive; 0 stands for 1.
	Speedup float64 `json:"speedup,omitempty"`
	// UntilEnd lets a text end where the model ends it, after Output tokens at
	// the latest. Without it the end of text is one token more.
	UntilEnd bool `json:"until_end,omitempty"`

	// Depth is how many tokens are in the KV cache of every sequence before its
	// request begins, computed before the scenario's clock starts; nil: none was
	// asked for, which is as 0 but for the session: see KVContext.
	Depth *int `json:"depth,omitempty"`

	SLO SLO `json:"slo"`
	// Repeat is how often the scenario runs, once in each pass over the
	// suite; 0 stands for 1. See Plan.
	Repeat int `json:"repeat"`

	// Settings are those of the engine that the scenario has for itself, in the
	// order of SettingNames; the others are the run's.
	Settings []Setting `json:"settings,omitempty"`
	// Sweep is set where a list made several scenarios of one.
	Sweep *SweepPoint `json:"sweep,omitempty"`
	// Load numbers the scenarios by the load of the model that they need, from 0.
	Load int `json:"load,omitempty"`
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

// OpenLoop tells whether requests arrive on a schedule of their own.
func (s Scenario) OpenLoop() bool { return s.RequestRate > 0 || s.Dataset != nil && s.Dataset.Trace }

// TraceSpeed is how many times as fast as in its trace the requests arrive.
func (s Scenario) TraceSpeed() float64 { return cmp.Or(s.Speedup, 1) }

// burstiness is the gamma shape with its default filled in.
func (s Scenario) GammaShape() float64 {
	if s.Burstiness == 0 {
		return 1
	}
	return s.Burstiness
}

// inputBounds are the least and the most prompt tokens a request may have,
// the shared prefix left out.
func (s Scenario) InputBounds() (lo, hi int) { return lengthBounds(s.Input, s.RangeRatio, 0) }

// outputBounds are the least and the most tokens a request may generate.
func (s Scenario) OutputBounds() (lo, hi int) { return lengthBounds(s.Output, s.RangeRatio, 1) }

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
		n += sc.Requests()
	}
	return n
}

// names lists the scenarios in order.
func (s Suite) Names() []string {
	out := make([]string, len(s.Scenarios))
	for i, sc := range s.Scenarios {
		out[i] = sc.Name
	}
	return out
}

// InFlight is the most requests that are ever in flight: there are no more
// than prompts, whatever the concurrency allows.
func (s Scenario) InFlight() int { return min(s.Concurrency, s.Prompts) }

// LongestRequest is the most tokens, prompt and output, that a request of the
// scenario may have, with the depth that it begins at.
func (s Scenario) LongestRequest() int {
	if s.Dataset != nil && s.Dataset.Lengths != nil {
		return s.Behind() + s.Dataset.Lengths.Both
	}
	_, out := s.OutputBounds()
	return s.Behind() + s.LongestPrompt() + out // of the last turn
}

// LongestPrompt is the most prompt tokens of a request, the shared prefix
// included.
func (s Scenario) LongestPrompt() int {
	if s.Dataset != nil && s.Dataset.Lengths != nil {
		return s.Dataset.Lengths.Input
	}
	_, in := s.InputBounds()
	_, out := s.OutputBounds()
	turns := s.TurnsEach()
	return s.PrefixLen + turns*in + (turns-1)*out
}

// TurnsEach is how many requests each of Prompts stands for.
func (s Scenario) TurnsEach() int { return max(1, s.Turns) }

// Requests is how many requests the scenario has.
func (s Scenario) Requests() int { return s.Prompts * s.TurnsEach() }

// SamePrompts says whether two scenarios have prompts of one shape, so that those
// of the first come again in the second where prompts are kept.
func (s Scenario) SamePrompts(o Scenario) bool {
	from := func(d *Dataset) (sum string, sample bool) {
		if d == nil {
			return "", false
		}
		return d.SHA256, d.Sample
	}
	sum, sample := from(s.Dataset)
	sum2, sample2 := from(o.Dataset)
	return s.Input == o.Input && s.RangeRatio == o.RangeRatio && s.PrefixLen == o.PrefixLen && s.TurnsEach() == o.TurnsEach() && sum == sum2 && sample == sample2
}

// Behind is the depth that requests begin at, in tokens.
func (s Scenario) Behind() int {
	if s.Depth == nil {
		return 0
	}
	return *s.Depth
}

// MaxRepeat is the most passes that a run may make over its suite.
const MaxRepeat = 1000

// MaxRetry is the most passes more that a disturbed scenario may get.
const MaxRetry = 100

// Passes is how often the scenario runs.
func (s Scenario) Passes() int { return max(1, s.Repeat) }

// Passes is the number of passes over the suite.
func (s Suite) Passes() int {
	n := 1
	for _, sc := range s.Scenarios {
		n = max(n, sc.Passes())
	}
	return n
}

// WithRepeat returns the suite with every scenario running n times.
func (s Suite) WithRepeat(n int) Suite {
	s.Scenarios = slices.Clone(s.Scenarios)
	for i := range s.Scenarios {
		s.Scenarios[i].Repeat = n
	}
	return s
}

// WithProcesses returns the suite with every scenario running in n processes, as
// often in each as it ran in all.
func (s Suite) WithProcesses(n int) Suite {
	each := s.Passes()
	s = s.WithRepeat(n * each)
	s.PassesPerProcess = each
	return s
}

// ProcessOf tells the number, from 0, of the process that makes a pass over a
// scenario. Scenarios with other settings that a process is begun anew for are
// made by one after the other; passes beyond those planned, by the last.
func (s Suite) ProcessOf() func(pass, scenario int) int {
	group, groups := s.ProcessGroups()
	return func(pass, scenario int) int { return s.block(pass)*groups + group[scenario] }
}

// Process is that number of one.
func (s Suite) Process(pass, scenario int) int { return s.ProcessOf()(pass, scenario) }

// Processes is the number of processes that make the run.
func (s Suite) Processes() int {
	_, groups := s.ProcessGroups()
	return (s.block(s.Passes()-1) + 1) * groups
}

// block is the number, from 0, of the passes that are one process's.
func (s Suite) block(pass int) int {
	if s.PassesPerProcess < 1 {
		return 0
	}
	return min(pass, s.Passes()-1) / s.PassesPerProcess
}
