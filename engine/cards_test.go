//go:build cards

package engine

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"ceiling/engine/gguf"
	"ceiling/engine/synth"
)

// These tests want GPUs that compute what MI100 do: `make standin-check` runs
// them on four stand-in cards. The model is small, because those are slow.

// tinyModel is a mistral3 of eight heads, with as many parts as four cards
// need.
func tinyModel(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	g := synth.NamedGeometry{
		Name: "tiny",
		Geometry: gguf.Geometry{
			Layers: 2, Hidden: 256, Heads: 8, KVHeads: 4, HeadDim: 128, FFN: 1024, Vocab: 1024, Context: 4096,
			RMSEps: 1e-5, TemperatureScale: 0.1,
			Rope: gguf.Rope{FreqBase: 1e8, Yarn: &gguf.Yarn{Factor: 4, OriginalContext: 1024, BetaFast: 32, BetaSlow: 1, LogMultiplier: 1}},
		},
	}
	if _, err := synth.Write(t.Context(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: path, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	return path
}

// cards are the devices of the GPU back end.
func cards(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, d := range Devices() {
		if strings.HasPrefix(d.Name, "ROCm") {
			names = append(names, d.Name)
		}
	}
	if len(names) < 4 {
		t.Fatalf("%d cards, four are needed: %v", len(names), names)
	}
	return names[:4]
}

// onCPU leaves the cards alone.
var onCPU = LoadOptions{Devices: []string{"none"}}

// 32-bit weights: cards give the CPU's tokens, however they share the model.
// Their attention computes in 16 bits, and two cards add up in bfloat16
// (llama.cpp's own reduction), so logits differ by more than the order of sums
// does; they must differ by less than what rounding activations to 8 bits does
// on the CPU itself.
func TestCardsComputeAsTheCPU(t *testing.T) {
	names := cards(t)
	quantised := tinyModel(t)
	path := float32Model(t, quantised, 0)
	want := logitsOn(t, path, onCPU)
	tolerance := medianError(want, logitsOn(t, quantised, onCPU))
	single := loadOn(t, path, onCPU)
	prompts := splitPrompts(single)[:2]
	tokens := generate(t, open(t, single, splitSession), prompts, cardTokens)
	for _, c := range []struct {
		name string
		o    LoadOptions
	}{
		{"one card", LoadOptions{Devices: names[:1]}},
		{"four by layers", LoadOptions{Devices: names, SplitMode: SplitLayer}},
		{"two by tensors", LoadOptions{Devices: names[:2], SplitMode: SplitTensor}},
		{"four by tensors", LoadOptions{Devices: names, SplitMode: SplitTensor}},
	} {
		d := largestDifference(want, logitsOn(t, path, c.o))
		t.Logf("%s: logits differ from the CPU's by %.2g at most, tolerance %.2g", c.name, d, tolerance)
		if !(d < tolerance) {
			t.Errorf("%s: logits differ by %g, tolerance %g", c.name, d, tolerance)
		}
		m, s, closeBoth := openOn(t, path, c.o)
		n := compareGreedy(t, m, c.name, prompts, generate(t, s, prompts, cardTokens), tokens)
		t.Logf("%s: %d of %d greedy tokens are the CPU's", c.name, n, len(prompts)*cardTokens)
		closeBoth()
	}
}

// cardTokens is how many greedy tokens are compared per sequence.
const cardTokens = 8

// Quantised weights: as on devices over RPC, every order of summation draws its
// own rounding errors, of the same size. Layers change not a bit.
func TestCardsRound(t *testing.T) {
	names := cards(t)
	path := tinyModel(t)
	exact := float32Model(t, path, 0)
	truth := logitsOn(t, exact, onCPU)
	one := logitsOn(t, path, LoadOptions{Devices: names[:1]})
	own := medianError(truth, logitsOn(t, path, onCPU))
	if d := largestDifference(one, logitsOn(t, path, LoadOptions{Devices: names, SplitMode: SplitLayer})); d != 0 {
		t.Errorf("four cards by layers differ from one by %g", d)
	}
	for name, logits := range map[string][][]float32{
		"one card": one, "four by tensors": logitsOn(t, path, LoadOptions{Devices: names, SplitMode: SplitTensor}),
	} {
		theirs := medianError(truth, logits)
		t.Logf("%s: error of the logits %.4f, the CPU's own %.4f", name, theirs, own)
		if !(theirs > 0) || !(theirs < 2*own) {
			t.Errorf("%s: error of the logits %g, the CPU's own is %g", name, theirs, own)
		}
	}
}

// The token that the back end picks is the one that the CPU picks from the
// logits, and flash attention changes neither more than its rounding.
func TestCardsSample(t *testing.T) {
	m := loadOn(t, float32Model(t, tinyModel(t), 0), LoadOptions{Devices: cards(t)[:1], GPULayers: -1})
	prompts := splitPrompts(m)[:2]
	o := SessionOptions{Sequences: 2, TokensPerSequence: 256, Threads: 1, FlashAttn: "on"}
	want := generate(t, open(t, m, o), prompts, cardTokens)
	o.Greedy = true
	s := open(t, m, o)
	got := generate(t, s, prompts, cardTokens)
	if backend, argmax := s.Sampled(); backend == 0 || argmax != 0 {
		t.Errorf("%d tokens picked on the card, %d on the CPU", backend, argmax)
	}
	if n := compareGreedy(t, m, "picked on the card", prompts, got, want); n != len(prompts)*cardTokens {
		t.Errorf("%d of %d tokens are equal", n, len(prompts)*cardTokens)
	}
	o.FlashAttn = "off"
	compareGreedy(t, m, "without flash attention", prompts, generate(t, open(t, m, o), prompts, cardTokens), want)
}

// NaN in the weights is found, whoever samples: a card's argmax gives no token.
func TestCardsFindNaN(t *testing.T) {
	nan := func(int) float32 { return float32(math.NaN()) }
	m := loadOn(t, withNormOf(t, tinyModel(t), nan), LoadOptions{Devices: cards(t)[:1], GPULayers: -1})
	for _, greedy := range []bool{false, true} {
		o := SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, Greedy: greedy}
		found := func(err error) bool { return errors.Is(err, ErrNaN) || errors.Is(err, ErrBadToken) }
		if err := open(t, m, o).Warm(context.Background()); !found(err) {
			t.Errorf("warm-up, greedy on the card %v: %v", greedy, err)
		}
		var b Batch
		b.add(0, 0, 300, 301)
		if err := open(t, m, o).Step(context.Background(), &b); !found(err) {
			t.Errorf("a step, greedy on the card %v: token %v, %v", greedy, b.Out, err)
		}
	}
}
