package result

// SpecSettings say how a scenario's drafts are made, and how it is decided which are
// accepted.
type SpecSettings struct {
	Kind       string  `json:"kind"`                  // as --spec takes it, or the tool's own word
	DraftModel string  `json:"draft_model,omitempty"` // file name, without its folder
	DraftMax   int     `json:"draft_max,omitempty"`   // most drafts of a sequence in one step
	DraftMin   int     `json:"draft_min,omitempty"`   // fewest: fewer are none
	DraftPMin  float64 `json:"draft_p_min,omitempty"` // least probability of a drafted token
	// Synthetic acceptance is drawn, and the text means nothing. SynthRates are the
	// rates at which the draft at each place is accepted, all before it included.
	Synthetic  bool      `json:"synthetic,omitempty"`
	SynthRates []float64 `json:"synth_rates,omitempty"`
}

// Speculation is what was drafted in a scenario, and what came of it. A verification is
// a step of one sequence that had a draft at least.
type Speculation struct {
	SpecSettings
	Verifications int64 `json:"verifications"`
	Drafted       int64 `json:"drafted"`  // tokens
	Accepted      int64 `json:"accepted"` // of those
	// DraftedAt and AcceptedAt are the same by place in the draft, the first first.
	DraftedAt  []int64 `json:"drafted_at,omitempty"`
	AcceptedAt []int64 `json:"accepted_at,omitempty"`

	Steps   int64   `json:"steps,omitempty"`    // with drafts
	VerifyS float64 `json:"verify_s,omitempty"` // that these took, the draft side left out, seconds
	DraftS  float64 `json:"draft_s,omitempty"`  // that the draft side took in all steps, seconds
	// Decode are the steps without prompt tokens, with drafts or without.
	Decode SpecDecode `json:"decode,omitzero"`
}

// SpecDecode sums up steps in which sequences decode and nothing else happens.
type SpecDecode struct {
	Steps     int64   `json:"steps"`
	Sequences int64   `json:"sequences"` // that decoded, of all steps together
	Drafted   int64   `json:"drafted"`   // tokens that they verified
	Tokens    int64   `json:"tokens"`    // that they got
	DraftS    float64 `json:"draft_s"`   // of the draft side, seconds
	StepS     float64 `json:"step_s"`    // of the rest, seconds
}

// Verified counts a verification.
func (s *Speculation) Verified(drafted, accepted int) {
	s.Verifications++
	s.Drafted += int64(drafted)
	s.Accepted += int64(accepted)
	for k := range min(drafted, len(s.DraftedAt)) {
		s.DraftedAt[k]++
	}
	for k := range min(accepted, len(s.AcceptedAt)) {
		s.AcceptedAt[k]++
	}
}

// Acceptance is accepted / drafted; nil where nothing was drafted, or nothing is known.
func (s *Speculation) Acceptance() *float64 { return mean(s.Accepted, int(s.Drafted)) }

// MeanLength is the mean number of tokens that a verification gave: 1 + accepted /
// verifications, vLLM's mean acceptance length.
func (s *Speculation) MeanLength() *float64 {
	v := mean(s.Accepted, int(s.Verifications))
	if v != nil {
		*v++
	}
	return v
}

// AcceptanceAt is by place what share of verifications accepted the draft there, all
// before it included.
func (s *Speculation) AcceptanceAt() []float64 {
	if s.Verifications == 0 {
		return nil
	}
	var out []float64
	for k, n := range s.AcceptedAt {
		if k < len(s.DraftedAt) && s.DraftedAt[k] == 0 {
			break // none was ever drafted there
		}
		out = append(out, float64(n)/float64(s.Verifications))
	}
	return out
}
