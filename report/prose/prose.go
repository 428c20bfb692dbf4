// Package prose lets the model under test write a report's interpretation, and
// keeps it from writing a number that was not measured or a claim that the
// data contradict.
//
// Data flows one way: a section's facts make the prompt and the grammar; the
// model writes; each sentence is checked against the same facts; what fails is
// written again, and in the end replaced by the sentence that the rules made.
// The package knows no engine: a model is the small interface Model.
package prose

// Metric is what a figure is a figure of.
type Metric string

// The metrics that prose may speak about.
const (
	TTFT          Metric = "TTFT"
	TPOT          Metric = "TPOT"
	ITL           Metric = "ITL"
	E2EL          Metric = "E2EL"                 // duration of a request
	QueueTime     Metric = "queue time"           // before the engine took the prompt up
	PrefillTime   Metric = "prefill time"         // from there to the first token
	DecodeTime    Metric = "decode time"          // first token to last
	Output        Metric = "output throughput"    // of all users together
	PerUser       Metric = "per-user throughput"  // output throughput / concurrency
	PeakOutput    Metric = "peak output"          // the fullest second
	Total         Metric = "total throughput"     // input and output
	PP            Metric = "PP"                   // input length / mean TTFT
	TG            Metric = "TG"                   // 1000 / mean TPOT
	EnginePrefill Metric = "engine prefill rate"  // without queueing
	FullDecode    Metric = "undisturbed decoding" // all slots at the median ITL
	StreamRate    Metric = "stream rate"          // 1000 / a TPOT figure
	RequestRate   Metric = "request throughput"   // requests/s
	Concurrency   Metric = "concurrency"          // slots
	InFlight      Metric = "requests in flight"   // mean over the run
	Prompts       Metric = "prompts"              // of the scenario
	Requests      Metric = "requests"             // that ended well or badly
	InputLen      Metric = "input tokens"         // nominal, of one request
	OutputLen     Metric = "output tokens"        // nominal, of one request
	RunTime       Metric = "duration"             // of the scenario
	Scenarios     Metric = "scenarios"            // of the suite
	ReusedTokens  Metric = "reused prompt tokens" // served from a cache
	Overhead      Metric = "overhead ratio"       // outside the engine / inside it
	Proportional  Metric = "proportional growth"  // the previous point's output times the ratio of the slots
	PromptTokens  Metric = "prompt tokens"        // of all requests together
)

// Stat is which value of a metric; "" where it has only one.
type Stat string

// The statistics that the report prints.
const (
	Mean   Stat = "mean"
	Median Stat = "median"
	P99    Stat = "p99"
)

// Stats of counts and limits, which tell apart what is not a distribution.
const (
	Failed    Stat = "failed"    // of Requests
	Ended     Stat = "ended"     // of Requests: well or badly
	Succeeded Stat = "succeeded" // of Requests
	Least     Stat = "least"     // of Requests: the fewest of the run's scenarios
	Needed    Stat = "needed"    // of Requests: what a p99 needs
	Measured  Stat = "measured"  // of Scenarios
	Planned   Stat = "planned"   // of Scenarios
	Limit     Stat = "limit"     // twice the lowest p99 of the curve: a threshold, not a measurement
	Longest   Stat = "longest"   // of InputLen
)

// Figure names a quantity. Scenario is "" for the section's own scenario.
type Figure struct {
	Metric   Metric
	Stat     Stat
	Scenario string
}

// Fact is one number that prose may use, with the only text under which it is
// printed.
type Fact struct {
	Value float64
	Unit  string // "ms", "s", "tok/s", "×", "%", "requests", "" for a count
	Text  string // unit included
	Of    Figure
	// Against is set for what is derived from two figures: a ratio (unit "×")
	// is Of / Against, a share (unit "%", Value 0 to 1) is Of as a part of
	// Against.
	Against Figure
}

// Kind is what a section of prose is.
type Kind string

// The kinds of sections, in the order in which they are written.
const (
	Interpretation  Kind = "interpretation"  // of one scenario
	Recommendations Kind = "recommendations" // for the run
	Summary         Kind = "summary"         // Executive Summary, sentences instead of bullets
)

// Section is one piece of prose to be written: what it may say and what it
// says if the model does not write it.
type Section struct {
	ID    string // stable within a run: "interpretation 3", "recommendations", "summary"
	Kind  Kind
	Title string // the scenario's name, or the kind in words
	// About are conditions in plain words for the prompt: no claims.
	About    []string
	Facts    []Fact
	Evidence Evidence
	// Min and Max limit the bullets, or the sentences of a summary.
	Min, Max int
	// Fixed are bullets that stand first whoever writes the others.
	Fixed []string
	// Rules are the rules' bullets or sentences behind Fixed: Min to Max with
	// them. They are true of the same facts.
	Rules []string
}

// Point is one scenario as others are compared with it.
type Point struct {
	Scenario    string
	Concurrency int
	Scaling     bool               // a point of the scaling curve
	Own         bool               // the section's own scenario
	Previous    bool               // the scaling point below the section's own
	Sweet, Peak bool               // the run's sweet spot, its highest output
	Values      map[Figure]float64 // Figure without Scenario; in the figure's unit
}

// Evidence is what claims without a number are held against.
type Evidence struct {
	// Points are the scenarios that sentences of this section may compare: of
	// a run's section all, of a scenario's its own and those related to it.
	Points []Point
	// Shares of a mean request's time, 0 to 1; nil: not known.
	Queue, Prefill, Decode *float64
	// Overhead is time outside the engine / time inside it; nil: not known.
	Overhead *float64
	// Cold: no prompt token came from a cache. Warm: some may have. Neither
	// where the file does not tell.
	Cold, Warm bool
	// Closed: a new request starts only when another ends.
	Closed bool
	// EqualWork: one request at a time, all of the same lengths.
	EqualWork bool
	// OneWave: all requests start together and none follows.
	OneWave bool
	// FewRequests: p99 is all but the slowest request.
	FewRequests bool
	// Failed requests there were; Power: the run has power figures.
	Failed, Power bool
}

// Author says who wrote a sentence.
type Author string

// The authors.
const (
	ByModel Author = "model"
	ByRules Author = "rules"
)

// Sentence is one bullet, or one sentence of a summary.
type Sentence struct {
	Text   string `json:"text"`
	Author Author `json:"author"`
}
