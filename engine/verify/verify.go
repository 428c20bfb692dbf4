// Package verify finds out whether a model computes the same on one device and
// on several, alone and in a batch, from a cache and without: the greedy tokens
// of fixed prompts, and the logits that they were chosen by.
//
// Equal tokens are too much to ask. Every order of summation rounds in its own
// way, and where the two best logits are closer together than that, the texts
// part and never meet again. So a device's own rounding is measured first
// ([Noise]), and the logits of all positions are compared along one text, the
// reference's, whatever each device would have chosen itself.
package verify

import (
	"cmp"
	"math"
	"slices"
)

// kept is how many of a position's logits are kept, the largest first.
const kept = 8

// Logit is a token and its logit.
type Logit struct {
	Token int32   `json:"token"`
	Value float32 `json:"logit"`
}

// Position is what the model says about the token at one place of a text.
type Position struct {
	Best   []Logit `json:"best"`   // the largest logits, the largest first
	Spread float64 `json:"spread"` // standard deviation of all logits
}

// ScoredText is what was made of one prompt.
type ScoredText struct {
	// Tokens are the greedy ones, as a run's steps give them.
	Tokens []int32 `json:"tokens"`
	// Scores are the logits of each position along the reference's tokens.
	Scores []Position `json:"scores"`
}

// Noise is how far rounding alone moves the logits of a model: those of the same
// texts at other positions. Attention knows distances only, so nothing else
// changes, but every key, query and sum is rounded anew.
type Noise struct {
	// Known is false where the model's positions are more than distances.
	Known bool `json:"known"`
	// RMS is the root mean square over all positions, Worst the largest one.
	RMS   float64 `json:"rms"`
	Worst float64 `json:"worst"`
}

// position reads a row of logits.
func position(logits []float32) Position {
	sum, squares := 0.0, 0.0
	best := make([]Logit, 0, kept+1)
	for id, v := range logits {
		sum += float64(v)
		squares += float64(v) * float64(v)
		if len(best) == kept && !(v > best[kept-1].Value) {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, v, func(l Logit, v float32) int { return cmp.Or(cmp.Compare(v, l.Value), -1) })
		best = slices.Insert(best, at, Logit{int32(id), v})
		best = best[:min(len(best), kept)]
	}
	n := float64(len(logits))
	return Position{Best: best, Spread: math.Sqrt(max(0, squares/n-sum*sum/n/n))}
}

// of is a token's logit. One that was not kept is at most the smallest kept.
func (p Position) of(token int32) (value float32, known bool) {
	for _, l := range p.Best {
		if l.Token == token {
			return l.Value, true
		}
	}
	if len(p.Best) == 0 {
		return 0, false
	}
	return p.Best[len(p.Best)-1].Value, false
}
