package suite

import (
	"math"
	"math/rand/v2"
)

// A stream names an independent sequence of random numbers, so that lengths,
// prompts and arrivals of one seed do not depend on each other or on the
// order in which they are asked for.
const (
	streamLengths = iota + 1
	streamPrompt
	streamShape
	streamPrefix
	streamOffset
	streamArrivals
	streamDataset
	streamBlock
	streamContext
)

// source is a PCG generator that is re-seeded in place: making a prompt
// allocates nothing.
type source struct {
	pcg *rand.PCG
	*rand.Rand
}

func newSource() source {
	pcg := rand.NewPCG(0, 0)
	return source{pcg: pcg, Rand: rand.New(pcg)}
}

// seek starts the stream that the seed and the keys name.
func (s source) seek(seed uint64, keys ...uint64) {
	s.pcg.Seed(mix(seed, keys...), mix(^seed, keys...))
}

// mix folds keys into one word with the finaliser of SplitMix64 (Steele, Lea
// and Flood, "Fast splittable pseudorandom number generators", 2014), so that
// seeds and keys that differ in one bit give unrelated streams.
func mix(seed uint64, keys ...uint64) uint64 {
	h := splitmix(seed)
	for _, k := range keys {
		h = splitmix(h ^ splitmix(k))
	}
	return h
}

func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// gamma draws from the gamma distribution with the given shape k > 0 and
// scale 1 (mean k), by Marsaglia and Tsang, "A simple method for generating
// gamma variables", ACM TOMS 26 (2000). Below k = 1 it uses their boost
//
//	Γ(k) = Γ(k+1) · U^(1/k)
func (s source) gamma(k float64) float64 {
	boost := 1.0
	if k < 1 {
		boost = math.Pow(1-s.Float64(), 1/k)
		k++
	}
	d := k - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := s.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		u := 1 - s.Float64() // in (0, 1], so that its logarithm exists
		if math.Log(u) < x*x/2+d-d*v+d*math.Log(v) {
			return boost * d * v
		}
	}
}
