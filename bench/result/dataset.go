package result

import "fmt"

// Dataset is the file that a scenario's prompts come from.
type Dataset struct {
	Name    string `json:"name"`           // as the suite has it: a path, or builtin/code
	Path    string `json:"path,omitempty"` // absolute; "": built in
	Bytes   int64  `json:"size_bytes"`
	SHA256  string `json:"sha256"`  // hex, of the file
	Entries int    `json:"entries"` // prompts in it
	// LeftOut counts what of the file is no prompt: ShareGPT's conversations
	// that don't begin with a question and its answer.
	LeftOut int `json:"left_out,omitempty"`
	// Sample says that the seed draws the prompts. Without it they are taken in
	// the file's order. Either way they come again when all have had their turn.
	Sample bool `json:"sample,omitempty"`
	// Trace says that the file has lengths, arrivals and what prompts have in
	// common, and no texts; Speedup, of a scenario's results, how many times as
	// fast its requests arrived.
	Trace   bool    `json:"trace,omitempty"`
	Speedup float64 `json:"speedup,omitempty"`
	// Input and Output are the tokens that were asked for, of a scenario's
	// results; 0: as the file has them.
	Input  int `json:"input,omitempty"`
	Output int `json:"output,omitempty"`

	// Lengths are those of the scenario's requests; nil: no tokeniser has seen
	// the file yet.
	Lengths *Lengths `json:"-"`
}

// Lengths are the most tokens that any request of a scenario has.
type Lengths struct {
	LastArrival         float64 // of a trace, seconds after the first
	Input, Output, Both int
	TooLong             int   // requests that the model's context can't hold
	Continued           int   // conversations that go on with the questions of other entries
	Prompt, Generated   int64 // tokens of all requests
}

// Tokens are the prompt and output tokens of all requests: those asked for, or
// those of the dataset as far as it has been read.
func (s Scenario) Tokens() (input, output int64) {
	if s.Dataset != nil && s.Dataset.Lengths != nil {
		return s.Dataset.Lengths.Prompt, s.Dataset.Lengths.Generated
	}
	n, turns := int64(s.Prompts), int64(s.TurnsEach())
	// Each turn's prompt has all turns before it.
	asked := turns*int64(s.PrefixLen) + turns*(turns+1)/2*int64(s.Input) + turns*(turns-1)/2*int64(s.Output)
	return n * asked, n * turns * int64(s.Output)
}

// String is "chat.jsonl (SHA-256 1a2b3c4d)".
func (d *Dataset) String() string {
	return fmt.Sprintf("%s (SHA-256 %.8s)", d.Name, d.SHA256)
}

// FileLengths says whether prompts are as long as the file has them.
func (s Scenario) FileLengths() bool { return s.Dataset != nil && s.Input == 0 }

// Varies says whether requests differ in length for another reason than the range
// ratio; d may be nil.
func (d *Detail) Varies() bool {
	return d != nil && (d.UntilEnd || len(d.Turns) > 0 || d.Dataset != nil && (d.Dataset.Input == 0 || d.Dataset.Output == 0))
}

// asked is the scenario's dataset with the lengths that are asked for; nil: it
// has none.
func (s Scenario) asked() *Dataset {
	if s.Dataset == nil {
		return nil
	}
	d := *s.Dataset
	d.Input, d.Output = s.Input, s.Output
	if d.Trace {
		d.Speedup = s.TraceSpeed()
	}
	return &d
}
