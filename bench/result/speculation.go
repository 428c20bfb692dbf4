package result

import (
	"math"
	"slices"
	"strings"
)

// SpecSettings say how a scenario's drafts are made, and how it is decided which are
// accepted.
type SpecSettings struct {
	Kind       string `json:"kind"`                  // as --spec takes it, or the tool's own word
	DraftModel string `json:"draft_model,omitempty"` // file name, without its folder
	// DraftModelBytes is the size of that file.
	DraftModelBytes int64   `json:"draft_model_bytes,omitempty"`
	DraftMax        int     `json:"draft_max,omitempty"`   // most drafts of a sequence in one step
	DraftMin        int     `json:"draft_min,omitempty"`   // fewest: fewer are none
	DraftPMin       float64 `json:"draft_p_min,omitempty"` // least probability of a drafted token
	// Synthetic acceptance is drawn, and the text means nothing. SynthRates are the
	// rates at which the draft at each place is accepted, all before it included.
	Synthetic  bool      `json:"synthetic,omitempty"`
	SynthRates []float64 `json:"synth_rates,omitempty"`
}

// SyntheticMark begins the names of scenarios whose acceptance is drawn.
const SyntheticMark = "SYNTHETIC: "

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
	// SeenS is both as the sequences saw it: a step's time counts once for each that
	// decoded in it. Late steps, with few sequences left, are quick.
	SeenS float64 `json:"seen_s"`
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

// Acceptance is accepted / drafted; nil where nothing was drafted, or nothing is known;
// s may be nil.
func (s *Speculation) Acceptance() *float64 {
	if s == nil {
		return nil
	}
	return mean(s.Accepted, int(s.Drafted))
}

// MeanLength is the mean number of tokens that a verification gave: 1 + accepted /
// verifications, vLLM's mean acceptance length.
func (s *Speculation) MeanLength() *float64 {
	if s == nil {
		return nil
	}
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

// SpecGain is what speculation did to a scenario, by another of the run that is like it
// but for that: how many times as fast it was. Over passes ratios are paired, and means
// are geometric.
type SpecGain struct {
	Plain        int         // the other's index in Results
	Output, TPOT *SpeedRatio // of output throughput and of mean TPOT; nil: not measured
	Alone        *SpecAlone  // nil: not known
}

// SpecAlone is the part of it in steps without prompt tokens. A step's time is what a
// sequence that decodes saw of it: each step counts once for every sequence in it.
type SpecAlone struct {
	// PlainStepS is the mean time of the other's steps, StepS that of the scenario's
	// with what drafting takes, in seconds, and Length the tokens that a sequence gets
	// in one on average.
	PlainStepS, StepS, Length float64
	// EvenLength is the length at which decoding is as fast as without drafts:
	// StepS / PlainStepS. EvenAcceptance is the acceptance that gives it with as many
	// drafts: (EvenLength − 1) / drafts of a sequence in a step; above 1: none does.
	EvenLength, EvenAcceptance float64
	Speed                      SpeedRatio // Length / EvenLength
}

// SpecGain compares result i, which speculates, with its like; nil where there is none.
func (r *Run) SpecGain(i int) *SpecGain {
	k := r.withoutDrafts(i)
	if k < 0 {
		return nil
	}
	with, plain := r.pairs(i, k)
	return &SpecGain{Plain: k, Alone: alone(with, plain),
		Output: speedRatio(with, plain, func(s *Summary) *float64 { return s.OutputThroughput }),
		TPOT:   speedRatio(plain, with, func(s *Summary) *float64 { return s.TPOTMeanMs })}
}

// speedRatio is that of a figure in passes over itself in others; nil where one lacks it.
func speedRatio(over, under []Pass, of func(*Summary) *float64) *SpeedRatio {
	var ratios []float64
	for n := range over {
		q := quotient(of(&over[n].Result), of(&under[n].Result))
		if q == nil {
			return nil
		}
		ratios = append(ratios, *q)
	}
	return NewSpeedRatio(ratios)
}

// pairs are the passes of two results that both completed without a failed request;
// where there are none, the two that the results show.
func (r *Run) pairs(i, k int) (a, b []Pass) {
	for _, p := range r.Details[i].Passes {
		n := slices.IndexFunc(r.Details[k].Passes, func(q Pass) bool { return q.Pass == p.Pass })
		if n >= 0 && p.Whole() && r.Details[k].Passes[n].Whole() {
			a, b = append(a, p), append(b, r.Details[k].Passes[n])
		}
	}
	if a == nil {
		a, b = []Pass{{Result: r.Results[i], Detail: r.Details[i]}}, []Pass{{Result: r.Results[k], Detail: r.Details[k]}}
	}
	return a, b
}

// alone compares the steps in which nothing but decoding happens; nil where a pass does
// not tell.
func alone(with, plain []Pass) *SpecAlone {
	var plainS, withS, lengths, speeds []float64
	var drafted, sequences int64
	for n := range with {
		s, mix := with[n].Detail.Speculation, plain[n].Detail.Mix
		if s == nil || mix == nil || s.Decode.Drafted == 0 || !(s.Decode.SeenS > 0) || !(mix.Decode.SeenSeconds > 0) {
			return nil
		}
		d, of := s.Decode, float64(s.Decode.Sequences)
		plainS, withS = append(plainS, mix.Decode.SeenSeconds/mix.Decode.Sum.Decode), append(withS, d.SeenS/of)
		lengths = append(lengths, float64(d.Tokens)/of)
		speeds = append(speeds, lengths[n]*plainS[n]/withS[n])
		drafted, sequences = drafted+d.Drafted, sequences+d.Sequences
	}
	a := &SpecAlone{PlainStepS: geometric(plainS), StepS: geometric(withS), Length: geometric(lengths)}
	speed := NewSpeedRatio(speeds)
	if speed == nil {
		return nil
	}
	a.Speed, a.EvenLength = *speed, a.StepS/a.PlainStepS
	a.EvenAcceptance = (a.EvenLength - 1) * float64(sequences) / float64(drafted)
	return a
}

// withoutDrafts is the result like i but that nothing speculates; −1 for none.
func (r *Run) withoutDrafts(i int) int {
	d := r.Detail(i)
	if d == nil || d.Speculation == nil || r.Failed(i) {
		return -1
	}
	load := func(k int) (s shape, concurrency, prompts int, rate float64) {
		s, _ = r.shape(k)
		of := r.Detail(k)
		s.settings = SettingsText(slices.DeleteFunc(slices.Clone(of.Settings), Setting.drafts))
		if of.RequestRate != nil {
			rate = *of.RequestRate
		}
		return s, r.Results[k].Concurrency, r.Results[k].NumPrompts, rate
	}
	s, c, n, rate := load(i)
	for k := range r.Results {
		if of := r.Detail(k); of == nil || of.Speculation != nil || r.Failed(k) {
			continue
		}
		if s2, c2, n2, rate2 := load(k); s2 == s && c2 == c && n2 == n && rate2 == rate {
			return k
		}
	}
	return -1
}

// drafts tells whether the setting is one of speculation.
func (s Setting) drafts() bool {
	return s.Name == "spec" || strings.HasPrefix(s.Name, "spec-") || strings.HasPrefix(s.Name, "draft-")
}

// geometric is the geometric mean.
func geometric(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(values)))
}

// quotient is a/b, nil where one is missing, or b is 0.
func quotient(a, b *float64) *float64 {
	if b == nil {
		return nil
	}
	return ratio(a, *b)
}
