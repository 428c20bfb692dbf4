package verify

import (
	"fmt"
	"math"
	"slices"
)

// Agreement says whether a configuration computes what the reference computes.
type Agreement string

const (
	Equal    Agreement = "equal"    // every token, and every logit to the bit
	Rounding Agreement = "rounding" // no further apart than rounding explains
	Wrong    Agreement = "wrong"    // further
)

// Limits, in units of a model's own rounding noise.
const (
	// rmsLimit bounds the root mean square over all positions.
	rmsLimit = 2
	// worstLimit bounds a single logit, and the gap of the two logits where a
	// token differs: some positions are chaotic.
	worstLimit = 3
	// leastNoise is for models whose noise is next to nothing, and blindNoise for
	// those whose noise can't be measured, in standard deviations of the logits.
	leastNoise = 1e-3
	blindNoise = 0.05
)

// Parting is the place where a text leaves the reference's.
type Parting struct {
	Prompt    int         `json:"prompt"` // from 0
	Token     int         `json:"token"`  // from 0
	Reference TokenChoice `json:"reference"`
	Other     TokenChoice `json:"other"`
	Tolerance float64     `json:"tolerance"` // that the gaps are judged by
}

// TokenChoice is a token that one side took, with both sides' logits of the two.
type TokenChoice struct {
	Token int32   `json:"token"`
	Own   float32 `json:"logit"`              // of its own token
	Their float32 `json:"logit_of_the_other"` // of the other side's token
	Least bool    `json:"at_least,omitempty"` // the other's was not kept: the gap is at least this
}

// gap is how much more a side's own token is worth to it.
func (c TokenChoice) gap() float64 { return float64(c.Own) - float64(c.Their) }

// Difference is a configuration against the reference.
type Difference struct {
	EqualTokens int       `json:"equal_tokens"` // up to the first that differs in each text
	Tokens      int       `json:"tokens"`
	RMS         float64   `json:"logits_rms"`   // of the differences of the reference's largest logits
	Worst       float64   `json:"logits_worst"` // the largest of them; +Inf never: it is an error
	Partings    []Parting `json:"partings,omitempty"`
	Verdict     Agreement `json:"verdict"`
	Why         string    `json:"why,omitempty"` // of a wrong one
}

// Compare judges texts against the reference's by the reference's noise. Both
// are of the same prompts, and the scores of both along the reference's tokens.
func Compare(reference, other []ScoredText, noise Noise) Difference {
	d := Difference{Verdict: Equal}
	rms, worst := noise.limits(reference)
	d.RMS, d.Worst = distance(reference, other)
	for i := range reference {
		k := common(reference[i].Tokens, other[i].Tokens)
		d.EqualTokens += k
		d.Tokens += len(reference[i].Tokens)
		if k < len(reference[i].Tokens) {
			d.Partings = append(d.Partings, parting(i, k, reference[i], other[i], worst))
		}
	}
	if d.Worst > 0 || len(d.Partings) > 0 {
		d.Verdict = Rounding
	}
	d.judge(rms, worst)
	return d
}

// limits are the largest root mean square and single difference that rounding
// explains in texts.
func (n Noise) limits(texts []ScoredText) (rms, worst float64) {
	spread := 0.0
	for _, t := range texts {
		for _, p := range t.Scores {
			spread = max(spread, p.Spread)
		}
	}
	if !n.Known {
		return rmsLimit * blindNoise * spread, 4 * worstLimit * blindNoise * spread
	}
	return max(rmsLimit*n.RMS, leastNoise*spread), max(worstLimit*n.Worst, 4*leastNoise*spread)
}

// judge looks for what rounding does not explain.
func (d *Difference) judge(rms, worst float64) {
	wrong := func(format string, args ...any) {
		d.Verdict, d.Why = Wrong, fmt.Sprintf(format, args...)
	}
	for _, p := range d.Partings {
		if max(math.Abs(p.Reference.gap()), math.Abs(p.Other.gap())) > worst {
			wrong("prompt %d, token %d differs where the logits are %.3g and %.3g apart, tolerance %.3g",
				p.Prompt, p.Token, p.Reference.gap(), p.Other.gap(), worst)
			return
		}
	}
	switch {
	case !(d.Worst <= worst):
		wrong("a logit differs by %.3g, tolerance %.3g", d.Worst, worst)
	case !(d.RMS <= rms):
		wrong("the logits differ by %.3g (root mean square), tolerance %.3g", d.RMS, rms)
	}
}

func parting(i, k int, reference, other ScoredText, tolerance float64) Parting {
	a, b := reference.Tokens[k], other.Tokens[k]
	return Parting{Prompt: i, Token: k, Tolerance: tolerance,
		Reference: choice(reference.Scores[k], a, b), Other: choice(other.Scores[k], b, a)}
}

func choice(p Position, own, their int32) TokenChoice {
	mine, _ := p.of(own)
	theirs, known := p.of(their)
	return TokenChoice{Token: own, Own: mine, Their: theirs, Least: !known}
}

// distance compares the logits of all positions: those that the reference kept.
// One that the other did not keep is taken for the smallest that it kept.
func distance(reference, other []ScoredText) (rms, worst float64) {
	n, squares := 0, 0.0
	for i := range reference {
		for k, p := range reference[i].Scores {
			for _, l := range p.Best {
				value, known := other[i].Scores[k].of(l.Token)
				d := math.Abs(float64(l.Value) - float64(value))
				if !known && value >= l.Value {
					d = 0 // it may be equal
				}
				n++
				squares += d * d
				if d > worst || math.IsNaN(d) {
					worst = d
				}
			}
		}
	}
	return math.Sqrt(squares / float64(max(1, n))), worst
}

// MeasureNoise compares the scores of one set of texts at several positions.
func MeasureNoise(at [][][]Position) Noise {
	n := Noise{Known: true}
	for _, shifted := range at[1:] {
		rms, worst := distance(asTexts(at[0]), asTexts(shifted))
		n.RMS += rms * rms / float64(len(at)-1)
		n.Worst = max(n.Worst, worst)
	}
	n.RMS = math.Sqrt(n.RMS)
	return n
}

func asTexts(scores [][]Position) []ScoredText {
	out := make([]ScoredText, len(scores))
	for i := range scores {
		out[i].Scores = scores[i]
	}
	return out
}

// Itself judges texts by the logits that the same configuration gives for them
// in one batch: each token must be the best, or as good as rounding leaves open.
func Itself(texts []ScoredText, noise Noise) Difference {
	d := Difference{Verdict: Equal}
	_, worst := noise.limits(texts)
	for i, t := range texts {
		d.Tokens += len(t.Tokens)
		for k, id := range t.Tokens {
			best := t.Scores[k].Best[0]
			if id == best.Token {
				d.EqualTokens++
				continue
			}
			d.Partings = append(d.Partings, Parting{Prompt: i, Token: k, Tolerance: worst,
				Reference: choice(t.Scores[k], best.Token, id), Other: choice(t.Scores[k], id, best.Token)})
			d.Verdict = Rounding
		}
	}
	d.judge(math.Inf(1), worst)
	return d
}

// and is both judgements in one: the figures of both, and the worse verdict.
func (d Difference) and(o Difference) Difference {
	d.EqualTokens, d.Tokens = d.EqualTokens+o.EqualTokens, d.Tokens+o.Tokens
	d.RMS, d.Worst = max(d.RMS, o.RMS), max(d.Worst, o.Worst)
	d.Partings = append(d.Partings, o.Partings...)
	if d.Verdict = Worse(d.Verdict, o.Verdict); d.Why == "" {
		d.Why = o.Why
	}
	return d
}

// common is the length of the prefix that two texts share.
func common(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// Worse is the worse of two verdicts.
func Worse(a, b Agreement) Agreement {
	order := []Agreement{Equal, Rounding, Wrong}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}
