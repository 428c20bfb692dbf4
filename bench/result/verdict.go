package result

import (
	"fmt"
	"slices"
	"strings"
)

// State says how far figures can be trusted.
type State string

// The states, from the best to the worst.
const (
	StateValid     State = "valid"     // everything was looked at, and nothing found
	StateUnknown   State = "unknown"   // not everything was looked at, and nothing found in the rest
	StateShort     State = "short"     // too few requests or seconds for what is printed
	StateUnsettled State = "unsettled" // equal work took unequal time, with no cause seen
	StateDisturbed State = "disturbed" // others took the machine from the engine
	StateInvalid   State = "invalid"   // requests failed, or the output is wrong
)

var states = []State{StateValid, StateUnknown, StateShort, StateUnsettled, StateDisturbed, StateInvalid}

// Worse tells whether s is worse than o. A state that this version does not
// know is the worst of all.
func (s State) Worse(o State) bool { return s.rank() > o.rank() }

func (s State) rank() int {
	if i := slices.Index(states, s); i >= 0 {
		return i
	}
	return len(states)
}

// Verdict says how far a scenario's or a run's figures can be trusted, and why
// not further.
type Verdict struct {
	State State `json:"state"`
	// Findings are all that was found, the worst first; State is that of the
	// first, StateValid where there is none.
	Findings []Finding `json:"findings,omitempty"`
}

// Finding is one thing that keeps figures from being valid.
type Finding struct {
	State State  `json:"state"`
	Text  string `json:"text"` // with its figure: "engine threads waited 38 % of the time for a core"
}

// add adds a finding behind those that are as bad.
func (v *Verdict) add(s State, format string, args ...any) {
	f := Finding{s, fmt.Sprintf(format, args...)}
	at := 0
	for at < len(v.Findings) && !s.Worse(v.Findings[at].State) {
		at++
	}
	v.Findings = slices.Insert(v.Findings, at, f)
	v.State = v.Findings[0].State
}

// Valid tells whether the figures carry advice and comparisons.
func (v *Verdict) Valid() bool { return v != nil && v.State == StateValid }

// Trusted tells whether nothing speaks against the figures: they are valid, or
// nobody looked, as in a file of another tool (nil).
func (v *Verdict) Trusted() bool {
	return v == nil || v.State == StateValid || v.State == StateUnknown
}

// String is "valid", or the state with what its findings say:
// "disturbed: engine threads waited 38 % of the time for a core".
func (v *Verdict) String() string {
	switch {
	case v == nil:
		return string(StateUnknown)
	case v.why() == "":
		return string(v.State)
	}
	return string(v.State) + ": " + v.why()
}

// why is what the findings of the verdict's own state say.
func (v *Verdict) why() string {
	if v == nil {
		return "nobody looked"
	}
	var why []string
	for _, f := range v.Findings {
		if f.State == v.State {
			why = append(why, f.Text)
		}
	}
	return strings.Join(why, "; ")
}
