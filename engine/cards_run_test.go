//go:build cards

package engine

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"ceiling/engine/gguf"
	"ceiling/engine/synth"
)

// layouts are the ways in which four cards hold a model.
func layouts(t *testing.T) map[string]LoadOptions {
	names := cards(t)
	return map[string]LoadOptions{
		"one card":        {Devices: names[:1], GPULayers: -1},
		"four by layers":  {Devices: names, SplitMode: SplitLayer, GPULayers: -1},
		"four by tensors": {Devices: names, SplitMode: SplitTensor, GPULayers: -1},
	}
}

// smallModel has the same heads and less of all else, with 32-bit weights: what
// is run often has to be small. It returns the path of its 4-bit form, too.
func smallModel(t *testing.T, layers, heads, kvHeads int) (path, quantised string) {
	t.Helper()
	g := synth.NamedGeometry{Name: "small", Geometry: gguf.Geometry{Layers: layers, Hidden: 128, Heads: heads, KVHeads: kvHeads, HeadDim: 128,
		FFN: 512, Vocab: 512, Context: 4096, RMSEps: 1e-5, Rope: gguf.Rope{FreqBase: 1e8}}}
	quantised = filepath.Join(t.TempDir(), "small.gguf")
	if _, err := synth.Write(t.Context(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: quantised, Seed: 11}); err != nil {
		t.Fatal(err)
	}
	return float32Model(t, quantised, 0), quantised
}

// Every way to run gives the CPU's tokens: flash attention on and off, the token
// picked on the card and on the CPU, a prompt computed and one whose cells are
// another sequence's. KV cells are 16-bit floats.
func TestCardsVariants(t *testing.T) {
	path, _ := smallModel(t, 2, 8, 4)
	single := loadOn(t, path, onCPU)
	prompts := [][]int32{prompt(single, 1, 12)}
	session := func(flash string, greedy bool) SessionOptions {
		return SessionOptions{Sequences: 3, TokensPerSequence: 256, Threads: 1, FlashAttn: flash, KVType: "f16", Greedy: greedy, Unified: true}
	}
	want := generate(t, open(t, single, session("on", false)), prompts, cardTokens)
	for layout, o := range layouts(t) {
		m := loadOn(t, path, o)
		for _, v := range []struct {
			name string
			s    SessionOptions
		}{
			{"picked on the card", session("on", true)}, {"picked on the CPU", session("on", false)}, {"without flash attention", session("off", false)},
		} {
			if o.SplitMode == SplitLayer && !v.s.Greedy {
				continue // as on one card
			}
			s, err := m.Open(context.Background(), v.s)
			if o.SplitMode == SplitTensor && v.s.FlashAttn == "off" {
				if err == nil {
					t.Errorf("%s: a session %s", layout, v.name)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			cold := generate(t, s, prompts, cardTokens)
			n := compareGreedy(t, single, layout+", "+v.name, prompts, cold, want)
			warm := continueFrom(t, s, prompts[0], cardTokens)
			n += compareGreedy(t, single, layout+", warm, "+v.name, prompts[:1], [][]int32{warm}, want[:1])
			backend, _ := s.Sampled()
			t.Logf("%s, %s: %d of %d greedy tokens are the CPU's, %d tokens picked on the card", layout, v.name, n, 2*cardTokens, backend)
			if picks := v.s.Greedy && o.SplitMode != SplitTensor; picks != (backend > 0) {
				t.Errorf("%s, %s: %d tokens picked on the card", layout, v.name, backend)
			}
			s.Close()
		}
	}
}

// continueFrom generates from a prompt that sequence 0 holds already: its cells
// are shared, and the last token alone is computed.
func continueFrom(t *testing.T, s *Session, prompt []int32, n int) []int32 {
	t.Helper()
	last := int32(len(prompt) - 1)
	if err := s.CopySeq(0, 2, last); err != nil {
		t.Fatal(err)
	}
	var b Batch
	var out []int32
	for at, token := last, prompt[last]; len(out) < n; at, token = at+1, out[len(out)-1] {
		b.reset()
		b.add(2, at, token)
		if err := s.Step(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b.Out[0])
	}
	return out
}

// Steps of one, two and three sequences follow each other in an order in which
// some shapes repeat, so that graphs are captured, and others come between. The
// logits are the CPU's but for rounding, and are left in CEILING_CARDS_LOGITS:
// a second run, without captured graphs, has to leave the same bytes.
func TestCardsAlternate(t *testing.T) {
	path, quantised := smallModel(t, 1, 8, 4)
	tolerance := medianError(logitsOn(t, path, onCPU), logitsOn(t, quantised, onCPU))
	want := takeTurns(t, path, onCPU)
	for _, layout := range []string{"one card", "four by tensors"} {
		got := takeTurns(t, path, layouts(t)[layout])
		d := largestDifference(want, got)
		t.Logf("%s: %d rows of logits differ from the CPU's by %.2g at most, tolerance %.2g", layout, len(got), d, tolerance)
		if !(d < tolerance) {
			t.Errorf("%s: logits differ by %g, tolerance %g", layout, d, tolerance)
		}
		leaveLogits(t, got)
	}
}

// shapes are how many sequences each step has: each shape alone, repeated until
// its graph is captured, and taken up again after others.
var shapes = []int{1, 1, 1, 2, 1, 2, 2, 2, 1, 3, 3, 3, 1, 1, 1, 2, 3, 1}

func takeTurns(t *testing.T, path string, o LoadOptions) [][]float32 {
	t.Helper()
	m, err := Load(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.Open(context.Background(), SessionOptions{Sequences: 3, TokensPerSequence: 128, Threads: 1, FlashAttn: "on", Unified: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tokens := prompt(m, 9, 3*len(shapes))
	var at [3]int32
	var b Batch
	var rows [][]float32
	for step, n := range shapes {
		b.reset()
		for q := range n {
			b.add(int32(q), at[q], tokens[3*step+q])
			at[q]++
		}
		if err := s.Decode(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for q := range n {
			rows = append(rows, append([]float32(nil), s.Logits(q)...))
		}
	}
	return rows
}

// leaveLogits appends logits to the file that the environment names.
func leaveLogits(t *testing.T, rows [][]float32) {
	t.Helper()
	path := os.Getenv("CEILING_CARDS_LOGITS")
	if path == "" {
		return
	}
	var out []byte
	for _, row := range rows {
		for _, x := range row {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(out); err != nil {
		t.Fatal(err)
	}
}

// A context grows past 256 cells, where the number of cells that
// attention looks at grows by a step.
func TestCardsAcrossCells(t *testing.T) {
	path, _ := smallModel(t, 1, 8, 4)
	o := SessionOptions{Sequences: 1, TokensPerSequence: 600, Threads: 1, FlashAttn: "on"}
	single := loadOn(t, path, onCPU)
	for n, on := range map[int][]string{250: {"one card", "four by tensors"}} {
		prompts := [][]int32{prompt(single, n, n)}
		want := generate(t, open(t, single, o), prompts, cardTokens+4)
		for _, layout := range on {
			load := layouts(t)[layout]
			got := generate(t, open(t, loadOn(t, path, load), o), prompts, cardTokens+4)
			k := compareGreedy(t, single, layout, prompts, got, want)
			t.Logf("%s, positions %d to %d: %d of %d greedy tokens are the CPU's", layout, n, n+cardTokens+4, k, cardTokens+4)
		}
	}
}

// With fewer KV heads than cards some card has none.
func TestCardsKVHeads(t *testing.T) {
	for _, c := range []struct{ heads, kv int }{{8, 2}, {8, 1}, {6, 3}} {
		path, quantised := smallModel(t, 1, c.heads, c.kv)
		want := logitsOn(t, path, onCPU)
		tolerance := medianError(want, logitsOn(t, quantised, onCPU))
		o := layouts(t)["four by tensors"]
		m, err := Load(context.Background(), path, o)
		if err != nil {
			t.Logf("%d heads, %d for keys: refused: %v", c.heads, c.kv, err)
			continue
		}
		m.Close()
		d := largestDifference(want, logitsOn(t, path, o))
		t.Logf("%d heads, %d for keys over four cards: logits differ from the CPU's by %.2g at most, tolerance %.2g", c.heads, c.kv, d, tolerance)
		if !(d < tolerance) {
			t.Errorf("%d heads, %d for keys: logits differ by %g, tolerance %g", c.heads, c.kv, d, tolerance)
		}
	}
}

// Two cards add up in bfloat16, and nothing else makes them differ from the CPU
// more than four: with llama.cpp's reduction told to stay in 32 bits, or left
// out, the difference is that of four cards.
func TestCardsReduce(t *testing.T) {
	path, _ := smallModel(t, 1, 8, 4)
	want := logitsOn(t, path, onCPU)
	names := cards(t)
	two := LoadOptions{Devices: names[:2], SplitMode: SplitTensor}
	own := largestDifference(want, logitsOn(t, path, two))
	t.Setenv("GGML_CUDA_AR_BF16_THRESHOLD", "0")
	wide := largestDifference(want, logitsOn(t, path, two))
	t.Setenv("GGML_CUDA_ALLREDUCE", "none")
	butterfly := largestDifference(want, logitsOn(t, path, two))
	four := largestDifference(want, logitsOn(t, path, LoadOptions{Devices: names, SplitMode: SplitTensor}))
	t.Logf("logits differ from the CPU's: two cards %.2g, their sums in 32 bits %.2g, by the butterfly %.2g; four cards %.2g", own, wide, butterfly, four)
	if !(wide < own/2) || !(butterfly < own/2) || !(wide < 2*four) {
		t.Errorf("sums of two cards: %g by default, %g in 32 bits, %g by the butterfly; four cards %g", own, wide, butterfly, four)
	}
}

// What cards lose of their free memory is what the dry run says: weights and KV
// cache, and compute buffers, which it may put too high; each allocation is
// rounded up to 2 MiB.
func TestCardsMemory(t *testing.T) {
	_, path := smallModel(t, 2, 8, 4)
	o := SessionOptions{Sequences: 16, TokensPerSequence: 2048, Threads: 1, FlashAttn: "on"}
	for layout, load := range layouts(t) {
		needs, err := DryRun(context.Background(), path, load, o)
		if err != nil {
			t.Fatal(err)
		}
		free := func() map[string]uint64 {
			out := map[string]uint64{}
			for _, d := range Devices() {
				out[d.Name] = d.MemoryFree
			}
			return out
		}
		hold := func() map[string]uint64 {
			m, err := Load(context.Background(), path, load)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			s, err := m.Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			return free()
		}
		hold() // the runtime's own memory: queues, code
		before := free()
		held := hold()
		for _, n := range needs {
			if n.Total == 0 || n.Device == "CPU" {
				continue
			}
			used := before[n.Device] - held[n.Device]
			t.Logf("%s, %s: dry run %d bytes (%d without compute buffers), taken %d", layout, n.Device, n.Sum(), n.Model+n.Context, used)
			if used < n.Model+n.Context || used > n.Sum()+8<<20 {
				t.Errorf("%s, %s: dry run %+v, taken %d", layout, n.Device, n, used)
			}
		}
	}
}
