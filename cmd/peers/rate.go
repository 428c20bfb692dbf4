package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// stream is one sequence's output as it was seen: at instant At[i], in
// seconds on one clock, Tokens[i] tokens had been generated in all. Both
// increase.
type stream struct {
	At     []float64
	Tokens []int
}

var errNoWindow = errors.New("there is no time in which all sequences decode; use a larger --output")

// decodeRate is the rate, in tokens/s, at which all sequences together
// generate while every one of them does: in the window from the last first
// token to the first last token. Each sequence counts with its own first and
// last token inside the window,
//
//	Σ (tokens between them) / (time between them)
//
// so that tokens of one step which arrive on either side of the window's ends
// bend nothing. In lock step this is sequences × steps / time.
func decodeRate(streams []stream) (float64, error) {
	from, to := math.Inf(-1), math.Inf(1)
	for i, s := range streams {
		if len(s.At) == 0 {
			return 0, fmt.Errorf("sequence %d has no tokens", i)
		}
		from, to = max(from, s.At[0]), min(to, s.At[len(s.At)-1])
	}
	rate := 0.0
	for _, s := range streams {
		a, _ := slices.BinarySearch(s.At, from)
		b, found := slices.BinarySearch(s.At, to)
		if !found {
			b--
		}
		if b <= a || s.At[b] <= s.At[a] {
			return 0, errNoWindow
		}
		rate += float64(s.Tokens[b]-s.Tokens[a]) / (s.At[b] - s.At[a])
	}
	return rate, nil
}

// on puts a stream whose instants are seconds after zero on the clock of a
// lane's process, which stands still while that is stopped.
func (s stream) on(l *lane, zero time.Time) stream {
	at := make([]float64, len(s.At))
	for i, t := range s.At {
		at[i] = l.clock(zero, t)
	}
	return stream{at, s.Tokens}
}

// replies are the streams of requests that were sent at once, in seconds after
// zero; the first of them began at begin.
type replies struct {
	zero    time.Time
	begin   float64
	streams []stream
}

// prefill is the wave of the requests' promptTokens, from their begin to the
// last first token.
func (r replies) prefill(l *lane, promptTokens int) (wave, error) {
	last := r.begin
	for _, s := range r.streams {
		last = max(last, s.At[0])
	}
	took := l.clock(r.zero, last) - l.clock(r.zero, r.begin)
	if !(took > 0) {
		return wave{}, fmt.Errorf("%d first tokens until second %g after it: no prefill to measure", len(r.streams), took)
	}
	return wave{after(r.zero, r.begin), after(r.zero, last), float64(promptTokens) / took}, nil
}

// decode is the wave of the requests' tokens.
func (r replies) decode(l *lane) (wave, error) {
	streams, last := make([]stream, len(r.streams)), r.begin
	for i, s := range r.streams {
		streams[i] = s.on(l, r.zero)
		last = max(last, s.At[len(s.At)-1])
	}
	rate, err := decodeRate(streams)
	return wave{after(r.zero, r.begin), after(r.zero, last), rate}, err
}

// median is NaN of nothing.
func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(x))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// medianInterval is where the median of the population lies that x was drawn
// from, with a confidence of 95 % or the most that so few values carry: that
// of the sign test [1]. It leaves out the k lowest and the k highest values,
// the median being outside with probability 2·P(Binomial(n, ½) ≤ k).
// Five values and fewer give their whole range, which five hold with 93.75 %.
//
// [1] Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2.
func medianInterval(x []float64) (low, high float64) {
	if len(x) == 0 {
		return math.NaN(), math.NaN()
	}
	sorted := slices.Sorted(slices.Values(x))
	n := len(sorted)
	outside, term, k := 0.0, math.Pow(0.5, float64(n)), 0
	for ; k < n/2; k++ {
		if outside += term; 2*outside > 0.05 {
			break
		}
		term *= float64(n-k) / float64(k+1)
	}
	k = max(k-1, 0)
	return sorted[k], sorted[n-1-k]
}
