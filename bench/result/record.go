package result

import "fmt"

// Record is what happened to one request that ended, successfully or not: one line
// of requests.jsonl. Times are in seconds on the run's clock, rounded to the
// microsecond.
type Record struct {
	Scenario int    `json:"scenario"`       // index in the suite, from 0
	Name     string `json:"name"`           // of the scenario
	Pass     int    `json:"pass,omitempty"` // over the suite, from 0
	Request  int    `json:"request"`        // index in the scenario, from 0
	// Turn is the request's place in its conversation, from 0; the conversation's
	// requests have indexes that follow each other.
	Turn int `json:"turn,omitempty"`

	// Intended is when the request should have started: in a closed loop the
	// instant its slot became free, in an open loop its place in the schedule.
	Intended float64 `json:"intended"`
	// Admitted is when it could first have begun: the intended start, or the
	// instant at which a slot became free for it where that was later. Up to
	// here it is in the queue. What it then waits for until PrefillStart, such
	// as the step that runs, is part of its TTFT.
	Admitted float64 `json:"admitted"`
	// PrefillStart is the start of the first engine call that held a token of
	// the prompt; null if there was none, and through a server, where it can't
	// be seen.
	PrefillStart *float64 `json:"prefill_start"`
	FirstToken   *float64 `json:"first_token"`
	// TokenTimes are the instants of all output tokens, the first included.
	TokenTimes []float64 `json:"token_times"`
	End        float64   `json:"end"` // last token, or the failure

	InputTokens  int    `json:"input_tokens"`  // BOS and shared prefix included
	OutputTokens int    `json:"output_tokens"` // generated
	ReusedTokens int    `json:"reused_tokens"` // of the prompt, served from KV of earlier prompts
	PromptHash   string `json:"prompt_hash"`   // see Request.Hash

	// Drafted are the tokens that were drafted for it, and Accepted those of them
	// that it got; 0 where nothing speculates.
	Drafted  int `json:"drafted,omitempty"`
	Accepted int `json:"accepted,omitempty"`

	// Late marks a request of an open loop that waited for a slot: in process
	// while at least one whole step ran.
	Late bool `json:"late,omitempty"`
	// Error is the reason of a failure; empty: the request succeeded.
	Error string `json:"error,omitempty"`

	// Server is set where the request went through a server.
	Server *ServerRecord `json:"server,omitempty"`
}

// OK tells whether the request got all its tokens.
func (r *Record) OK() bool { return r.Error == "" }

// TTFT is the time from admission to the first token in seconds.
func (r *Record) TTFT() float64 { return r.TokenTimes[0] - r.Admitted }

// E2EL is the time from admission to the last token in seconds.
func (r *Record) E2EL() float64 { return r.End - r.Admitted }

// TPOT is (E2EL − TTFT)/(n−1) in seconds; ok is false for n ≤ 1 tokens, and
// where all have come at once: a server held them back, and no time between
// them was seen.
func (r *Record) TPOT() (tpot float64, ok bool) {
	n, decode := r.OutputTokens, r.E2EL()-r.TTFT()
	if n <= 1 || decode <= 0 {
		return 0, false
	}
	return decode / float64(n-1), true
}

// Gaps appends the seconds between consecutive tokens. Tokens that came along
// with the first through a server have none: no time before them was seen.
func (r *Record) Gaps(to []float64) []float64 {
	for i := 1; i < len(r.TokenTimes); i++ {
		if gap := r.TokenTimes[i] - r.TokenTimes[i-1]; gap > 0 {
			to = append(to, gap)
		}
	}
	return to
}

// check tells what makes a record that was read from a file unusable.
func (r *Record) Check() error {
	switch {
	case r.Scenario < 0 || r.Request < 0 || r.Pass < 0 || r.Turn < 0:
		return fmt.Errorf("scenario \"%d\", request \"%d\", pass \"%d\": an index is below 0", r.Scenario, r.Request, r.Pass)
	case r.OutputTokens != len(r.TokenTimes):
		return fmt.Errorf("output_tokens \"%d\" with %d token times", r.OutputTokens, len(r.TokenTimes))
	case r.Accepted < 0 || r.Accepted > r.Drafted || r.Accepted > r.OutputTokens:
		return fmt.Errorf("accepted \"%d\" with %d drafted and %d output tokens", r.Accepted, r.Drafted, r.OutputTokens)
	case r.InputTokens < 0 || r.ReusedTokens < 0 || r.ReusedTokens > r.InputTokens:
		return fmt.Errorf("input_tokens \"%d\" with %d reused", r.InputTokens, r.ReusedTokens)
	case r.OK() && (len(r.TokenTimes) == 0 || r.PrefillStart == nil && r.Server == nil || r.FirstToken == nil):
		return fmt.Errorf("a successful request without its first token")
	}
	last := r.Admitted
	for _, t := range r.TokenTimes {
		if t < last {
			return fmt.Errorf("token time \"%g\" lies before %g", t, last)
		}
		last = t
	}
	if r.End < last {
		return fmt.Errorf("end \"%g\" lies before %g", r.End, last)
	}
	return nil
}
