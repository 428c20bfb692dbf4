package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDrawIsGrammarFirst: asking the grammar about likely tokens only must not
// change what is drawn. The reference filters every token of the vocabulary
// by a second sampler that has no way to cut anything short.
func TestDrawIsGrammarFirst(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	const grammar = `root ::= [a-f]{1,3} " " [0-9] [x-z]*`
	for _, o := range []SamplerOptions{
		{Temperature: 0}, {Temperature: 0.7, TopK: 5}, {Temperature: 1, MinP: 0.02}, {Temperature: 1, TopK: 3, TopP: 0.8},
		{Temperature: 1, TopP: 0.9, MinP: 0.1},
	} {
		o.Seed, o.Grammar = 5, grammar
		rng := rand.New(rand.NewPCG(1, uint64(o.TopK)))
		for text := range 20 {
			fast, slow := sampler(t, m, o), sampler(t, m, o)
			for range 12 {
				logits := make([]float32, m.VocabSize())
				for i := range logits {
					logits[i] = float32(3 * rng.NormFloat64())
				}
				got, err := fast.Draw(logits)
				// Shifted so far down that the first passes hold one forbidden
				// token only, the same logits go through the whole vocabulary.
				far := append([]float32(nil), logits...)
				far[3] = 1000 // [INST] of the synthetic vocabulary: never allowed
				want, errFar := slow.Draw(far)
				if err != nil || errFar != nil {
					t.Fatalf("%+v: %v, %v", o, err, errFar)
				}
				if got != want {
					t.Fatalf("%+v, text %d: drew %d, the whole vocabulary gives %d", o, text, got, want)
				}
				if m.EndsGeneration(got) {
					break
				}
			}
			fast.Close()
			slow.Close()
		}
	}
}

func sampler(t testing.TB, m *Model, o SamplerOptions) *Sampler {
	t.Helper()
	p, err := m.NewSampler(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDrawRefuses(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	p := sampler(t, m, SamplerOptions{Temperature: 1, Grammar: `root ::= "ab"`})
	defer p.Close()
	logits := make([]float32, m.VocabSize())
	if _, err := p.Draw(logits[1:]); !errors.Is(err, ErrNoLogits) {
		t.Errorf("a short row gave %v", err)
	}
	logits[5] = float32(math.NaN())
	if _, err := p.Draw(logits); !errors.Is(err, ErrNaN) {
		t.Errorf("one NaN gave %v", err)
	}
	for i := range logits {
		logits[i] = float32(math.NaN())
	}
	if _, err := p.Draw(logits); !errors.Is(err, ErrNaN) {
		t.Errorf("NaN gave %v", err)
	}
	inf := float32(math.Inf(-1))
	for i := range logits {
		logits[i] = inf
	}
	logits[3] = 1
	if _, err := p.Draw(logits); !errors.Is(err, ErrNoToken) {
		t.Errorf("no allowed token gave %v", err)
	}
	logits[3], logits[7] = float32(math.Inf(1)), inf
	if _, err := p.Draw(logits); !errors.Is(err, ErrNoToken) {
		t.Errorf("an infinite logit of a forbidden token gave %v", err)
	}
}

// TestGenerate: texts that are written side by side, through fewer sequences
// than texts, with shared prefixes and second requests, are what the model
// says of each prompt alone. Batches of other sizes round differently, so a
// token must be the likeliest up to a hair, not to the bit.
func TestGenerate(t *testing.T) {
	m := load(t, synthModel(t, "f16"))
	shared := prompt(m, 1, 40)
	var requests []TextRequest
	for i := range 5 {
		p := append(slices.Clone(shared), prompt(m, 100+i, 3+7*i)...)
		requests = append(requests, TextRequest{Prompt: p, MaxTokens: 12 + i})
	}
	alone := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 256, Outputs: 256})
	likeliest := func(prompt, text []int32) bool {
		alone.Clear()
		var b Batch
		b.add(0, 0, append(slices.Clone(prompt), text...)...)
		for i := range text {
			b.Want[len(prompt)-1+i] = 1
		}
		if err := alone.Decode(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for i, id := range text {
			if logits := alone.Logits(len(prompt) - 1 + i); slices.Max(logits)-logits[id] > 0.05 {
				return false
			}
		}
		return true
	}
	for name, o := range map[string]SessionOptions{
		"own buffers": {Sequences: 3}, "unified": {Sequences: 3, Unified: true}, "one": {Sequences: 1}, "all": {Sequences: 9},
		"small batches": {Sequences: 4, Batch: 16, UBatch: 16},
	} {
		o.TokensPerSequence = 256
		s := open(t, m, o)
		again := map[int]bool{}
		got := write(t, s, requests, func(i int, _ GeneratedText) *TextRequest {
			if i%2 == 1 || again[i] {
				return nil
			}
			again[i] = true
			return &requests[i]
		})
		for i, r := range requests {
			if len(got[i]) != 2-i%2 {
				t.Errorf("%s: text %d came %d times", name, i, len(got[i]))
			}
			for _, text := range got[i] {
				if len(text) != r.MaxTokens || !likeliest(r.Prompt, text) {
					t.Errorf("%s: text %d is %v, which its prompt does not give", name, i, text)
				}
			}
		}
		if seqLen(s, 0) != 0 {
			t.Errorf("%s: %d cells left", name, seqLen(s, 0))
		}
	}
}

// write collects the texts of Generate by request.
func write(t testing.TB, s *Session, requests []TextRequest, then func(int, GeneratedText) *TextRequest) [][][]int32 {
	t.Helper()
	out := make([][][]int32, len(requests))
	reused := 0
	err := s.Generate(context.Background(), requests, func(i int, text GeneratedText) *TextRequest {
		out[i] = append(out[i], text.Tokens)
		reused += text.Reused
		if then != nil {
			return then(i, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) > 1 && reused < 40*len(requests) {
		t.Errorf("%d tokens reused in %d texts that share 40", reused, len(requests))
	}
	return out
}

func TestGenerateStops(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	s := open(t, m, SessionOptions{Sequences: 2, TokensPerSequence: 256})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	long := TextRequest{Prompt: prompt(m, 1, 8), MaxTokens: 200, Sampling: SamplerOptions{Temperature: 1, Grammar: `root ::= [a-z ]*`}}
	short := long
	short.MaxTokens = 5
	got := map[int]GeneratedText{}
	err := s.Generate(ctx, []TextRequest{long, short, long}, func(i int, text GeneratedText) *TextRequest {
		got[i] = text
		cancel() // with the short one
		return nil
	})
	if !errors.Is(err, ErrAborted) || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Generate gave %v", err)
	}
	if len(got[1].Tokens) != 5 || len(got[0].Tokens) < 4 || len(got[0].Tokens) > 6 || got[0].Ended {
		t.Errorf("after the cancellation there are %+v", got)
	}
	for want, r := range map[error]TextRequest{
		ErrContextTooSmall: {Prompt: prompt(m, 1, 256), MaxTokens: 1},
		ErrGrammar:         {Prompt: prompt(m, 1, 4), MaxTokens: 1, Sampling: SamplerOptions{Grammar: "root ::= ("}},
	} {
		if err := s.Generate(context.Background(), []TextRequest{r}, func(int, GeneratedText) *TextRequest { return nil }); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	text := write(t, s, []TextRequest{short}, nil)[0][0]
	if str, err := m.Detokenize(text, false); err != nil || strings.Trim(str, "abcdefghijklmnopqrstuvwxyz ") != "" {
		t.Errorf("after all that: %q, %v", str, err)
	}
}

// BenchmarkGenerate writes ten texts side by side, free and under a grammar.
func BenchmarkGenerate(b *testing.B) {
	m := load(b, realModel(b))
	const words = `root ::= (w " "){200,300}` + "\n" + `w ::= [a-z]{1,12}`
	for _, unified := range []bool{false, true} {
		for _, grammar := range []string{"", words} {
			b.Run(fmt.Sprintf("unified=%v/grammar=%v", unified, grammar != ""), func(b *testing.B) {
				s := open(b, m, SessionOptions{Sequences: 10, TokensPerSequence: 1024, Unified: unified})
				var requests []TextRequest
				for i := range 10 {
					requests = append(requests, TextRequest{Prompt: append(prompt(m, 1, 200), prompt(m, i, 200)...), MaxTokens: 64,
						Sampling: SamplerOptions{Temperature: 0.4, MinP: 0.05, Seed: uint32(i), Grammar: grammar}})
				}
				tokens, first := 0, time.Duration(0)
				for b.Loop() {
					start := time.Now()
					for _, n := range []int{1, 64} { // prefill and one token; then all
						for i := range requests {
							requests[i].MaxTokens = n
						}
						err := s.Generate(context.Background(), requests, func(_ int, t GeneratedText) *TextRequest {
							tokens += len(t.Tokens) * min(1, n-1)
							return nil
						})
						if err != nil {
							b.Fatal(err)
						}
						if n == 1 {
							first += 2 * time.Since(start)
						}
					}
				}
				b.ReportMetric(float64(tokens)/(b.Elapsed()-first).Seconds(), "tok/s")
				b.ReportMetric(float64(b.N*2*2200)/first.Seconds(), "prefill-tok/s")
			})
		}
	}
}

// BenchmarkDraw draws under a grammar where the likely tokens settle what is
// drawn, and where the whole vocabulary has to be asked.
func BenchmarkDraw(b *testing.B) {
	m := load(b, realModel(b))
	rng := rand.New(rand.NewPCG(1, 2))
	logits := make([]float32, m.VocabSize())
	for i := range logits {
		logits[i] = float32(3 * rng.NormFloat64())
	}
	for name, o := range map[string]SamplerOptions{
		"likely": {Temperature: 0.4, MinP: 0.05}, "whole": {Temperature: 0.4, TopP: 0.99}, "free": {Temperature: 0.4, MinP: 0.05},
	} {
		if name != "free" {
			o.Grammar = `root ::= (w " ")*` + "\n" + `w ::= [a-z]{1,12}`
		}
		b.Run(name, func(b *testing.B) {
			p := sampler(b, m, o)
			defer p.Close()
			for b.Loop() {
				if _, err := p.Draw(logits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
