// Package plausible judges whether figures can be what they are called, from
// nothing but themselves. Reports, comparisons and the importer ask here, so
// that they agree.
package plausible

import "math"

// bundled is how far mean ITL may lie above mean TPOT. Where every token has
// its gap, both are means of the same gaps with other weights.
const bundled = 1.2

// Bundled says whether gaps are between deliveries of several tokens, by the
// mean ITL and the mean TPOT, both in one unit and positive.
func Bundled(itl, tpot float64) bool { return itl/tpot >= bundled }

// comparable is how many times longer or shorter prompts may be that are
// prefilled at rates that can be compared; beyond it, attention's share and
// fixed costs differ.
const comparable = 4

// Apart is the distance of two prompt lengths, in tokens, as a factor: 512 is
// as far from 1024 as 2048 is.
func Apart(a, b int) float64 {
	return math.Exp(math.Abs(math.Log(float64(max(1, a)) / float64(max(1, b)))))
}

// Comparable says whether prompts of two lengths, in tokens, are prefilled at
// rates that can be compared.
func Comparable(a, b int) bool { return a > 0 && b > 0 && Apart(a, b) <= comparable*(1+1e-12) }

// fasterThanSingleStream: a request that shares the engine is not prefilled faster
// than one that has it alone. Half as fast again is left for the lengths, which
// differ.
const fasterThanSingleStream = 1.5

// FasterThanSingleStream says whether prompts of requests that share the engine came
// back faster than computing them would have allowed, by the rates in tokens/s
// that their TTFT and that of a request alone imply: a prefix cache would
// explain it.
func FasterThanSingleStream(shared, alone float64) bool {
	return shared/alone >= fasterThanSingleStream
}
