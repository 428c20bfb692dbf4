package verify

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a source of logits: those of a token sequence are drawn by its hash,
// and what a configuration rounds is added.
type model struct {
	noise float64 // of each logit
	seed  uint64
	wrong func(token int32, logit float64) float64 // nil: nothing is
}

const vocabulary = 50

func (m model) logits(ids []int32) []float32 {
	hash := uint64(17)
	for _, id := range ids {
		hash = hash*1099511628211 + uint64(id) + 1
	}
	truth, own := rand.New(rand.NewPCG(hash, 1)), rand.New(rand.NewPCG(hash, m.seed))
	out := make([]float32, vocabulary)
	for i := range out {
		v := 3*truth.NormFloat64() + m.noise*own.NormFloat64()
		if m.wrong != nil {
			v = m.wrong(int32(i), v)
		}
		out[i] = float32(v)
	}
	return out
}

// greedy are n tokens after each prompt.
func (m model) greedy(prompts [][]int32, n int) [][]int32 {
	out := make([][]int32, len(prompts))
	for i, p := range prompts {
		for range n {
			out[i] = append(out[i], position(m.logits(append(slices.Clone(p), out[i]...))).Best[0].Token)
		}
	}
	return out
}

func (m model) score(prompts, along [][]int32) [][]Position {
	out := make([][]Position, len(along))
	for i, text := range along {
		for k := range text {
			out[i] = append(out[i], position(m.logits(append(slices.Clone(prompts[i]), text[:k]...))))
		}
	}
	return out
}

func (m model) texts(prompts, along [][]int32, n int) []ScoredText {
	return Texts(m.greedy(prompts, n), m.score(prompts, along))
}

// Rounding of the size that was measured is told from three kinds of faults, and
// from no difference at all.
func TestCompare(t *testing.T) {
	plain := make([]int32, vocabulary)
	for i := range plain {
		plain[i] = int32(i)
	}
	prompts := Prompts(plain, -1, 16)
	const n = 32
	one := model{noise: 0.02, seed: 2}
	tokens := one.greedy(prompts, n)
	reference := Texts(tokens, one.score(prompts, tokens))
	var shifted [][][]Position
	for _, m := range []model{one, {noise: 0.02, seed: 3}, {noise: 0.02, seed: 4}} {
		shifted = append(shifted, m.score(prompts, tokens))
	}
	noise := MeasureNoise(shifted)
	if !noise.Known || noise.RMS < 0.02 || noise.RMS > 0.04 || noise.Worst < noise.RMS || noise.Worst > 0.2 {
		t.Fatalf("noise %+v of logits with one of 0.02 each", noise)
	}
	for _, c := range []struct {
		name string
		m    model
		want Agreement
	}{
		{"the same", one, Equal},
		{"rounded otherwise", model{noise: 0.02, seed: 9}, Rounding},
		{"half as rough", model{noise: 0.01, seed: 9}, Rounding},
		{"one token is favoured", model{noise: 0.02, seed: 9, wrong: func(id int32, v float64) float64 {
			if id == 7 {
				v += 1
			}
			return v
		}}, Wrong},
		{"everything is a little off", model{noise: 0.02, seed: 9, wrong: func(_ int32, v float64) float64 { return v * 1.03 }}, Wrong},
		{"other logits", model{noise: 0.02, seed: 9, wrong: func(id int32, v float64) float64 { return -v }}, Wrong},
		{"not numbers", model{noise: 0.02, seed: 9, wrong: func(int32, float64) float64 { return math.NaN() }}, Wrong},
	} {
		d := Compare(reference, c.m.texts(prompts, tokens, n), noise)
		if d.Verdict != c.want || (d.Why != "") != (c.want == Wrong) {
			t.Errorf("%s: %s %q, want %s; %d of %d tokens, rms %.3g, worst %.3g, noise %+v", c.name, d.Verdict, d.Why, c.want, d.EqualTokens, d.Tokens, d.RMS, d.Worst, noise)
		}
	}
}

// A decode that goes wrong after the logits were right, as a graph that is
// replayed with stale inputs does, is found by its tokens alone.
func TestTokensAlone(t *testing.T) {
	prompts := [][]int32{{1, 2}, {3, 4}}
	m := model{noise: 0.02, seed: 2}
	tokens := m.greedy(prompts, 8)
	scores := m.score(prompts, tokens)
	noise := Noise{Known: true, RMS: 0.02, Worst: 0.06}
	if d := Itself(Texts(tokens, scores), noise); d.Verdict != Equal || d.EqualTokens != 16 || d.Tokens != 16 {
		t.Errorf("%+v", d)
	}
	stale := slices.Clone(tokens)
	stale[1] = slices.Clone(tokens[1])
	stale[1][5] = scores[1][5].Best[kept-1].Token
	for name, d := range map[string]Difference{
		"itself":  Itself(Texts(stale, scores), noise),
		"compare": Compare(Texts(tokens, scores), Texts(stale, scores), noise),
	} {
		if d.Verdict != Wrong || len(d.Partings) != 1 || d.Partings[0].Prompt != 1 || d.Partings[0].Token != 5 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// The edges of what rounding explains, where the noise is not known, and where
// there is none.
func TestLimits(t *testing.T) {
	at := func(a, b float32) []ScoredText {
		return []ScoredText{{Tokens: []int32{0}, Scores: []Position{{Best: []Logit{{0, a}, {1, b}}, Spread: 2}}}}
	}
	for _, c := range []struct {
		noise Noise
		off   float32 // of both logits
		want  Agreement
	}{
		{Noise{Known: true, RMS: 0.5, Worst: 1}, 0.9375, Rounding},
		{Noise{Known: true, RMS: 0.5, Worst: 1}, 1.0625, Wrong}, // rms
		{Noise{Known: true, RMS: 5, Worst: 1}, 2.9375, Rounding},
		{Noise{Known: true, RMS: 5, Worst: 1}, 3.0625, Wrong}, // one logit
		{Noise{Known: true}, 0.0018, Rounding},
		{Noise{Known: true}, 0.0022, Wrong},
		{Noise{}, 0.19, Rounding},
		{Noise{}, 0.21, Wrong},
	} {
		if d := Compare(at(8, 7), at(8+c.off, 7+c.off), c.noise); d.Verdict != c.want {
			t.Errorf("%+v, %v off: %s, want %s (rms %v, worst %v)", c.noise, c.off, d.Verdict, c.want, d.RMS, d.Worst)
		}
	}
}

func TestPosition(t *testing.T) {
	logits := make([]float32, 1000)
	for i := range logits {
		logits[i] = float32((i * 7919) % 1000)
	}
	p := position(logits)
	for k, l := range p.Best {
		if l.Value != float32(999-k) || logits[l.Token] != l.Value {
			t.Errorf("place %d: %+v", k, l)
		}
	}
	if len(p.Best) != kept || math.Abs(p.Spread-288.675) > 0.001 {
		t.Errorf("%d kept, spread %v", len(p.Best), p.Spread)
	}
	if v, known := p.of(p.Best[3].Token); !known || v != 996 {
		t.Errorf("%v %v", v, known)
	}
	if v, known := p.of(p.Best[0].Token + 1); known || v != 992 {
		t.Errorf("a token that was not kept: %v %v", v, known)
	}
}
