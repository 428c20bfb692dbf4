package verify

import "math/rand/v2"

// Prompts of a set have from shortest tokens on, each step more than the one
// before, so that a batch of them is ragged.
const (
	shortest = 24
	step     = 3
)

// Prompts are n fixed prompts of ordinary tokens of a vocabulary, in increasing
// length; first is put in front where it is a token (BOS), −1 is none.
func Prompts(plain []int32, first int32, n int) [][]int32 {
	rng := rand.New(rand.NewPCG(2026, 1))
	out := make([][]int32, n)
	for i := range out {
		if first >= 0 {
			out[i] = append(out[i], first)
		}
		for len(out[i]) < shortest+step*i {
			out[i] = append(out[i], plain[rng.IntN(len(plain))])
		}
	}
	return out
}

// Longest is the length of the longest of n prompts.
func Longest(n int) int { return shortest + step*(n-1) }
