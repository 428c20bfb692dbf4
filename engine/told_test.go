package engine

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ceiling/engine/internal/llama"
	"ceiling/engine/synth"
)

// tempered is the demo model with attention that gets sharper with the position,
// as Devstral Small 2's does, or does not.
func tempered(t *testing.T, scale float64) string {
	t.Helper()
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	g.TemperatureScale = scale
	path := filepath.Join(t.TempDir(), "m.gguf")
	if _, err := synth.Write(t.Context(), synth.FileOptions{Geometry: g, Type: "q4_0", Out: path, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTally: the graphs of steps whose shapes leave no doubt about which can be
// used again.
func TestTally(t *testing.T) {
	m := load(t, tempered(t, 0))
	s := open(t, m, SessionOptions{Sequences: 2, TokensPerSequence: 64, UBatch: 8, Threads: 1})
	if err := s.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	at := []int32{0, 0}
	step := func(lengths ...int) {
		t.Helper()
		var b Batch
		for seq, n := range lengths {
			if n > 0 {
				b.add(int32(seq), at[seq], prompt(m, seq+1, n)...)
				at[seq] += int32(n)
			}
		}
		if err := s.Step(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name           string
		steps          [][]int
		graphs, reused int64
	}{
		{"a prompt, in three physical batches: two of eight tokens, and one", [][]int{{17}}, 3, 1},
		{"the other's first token", [][]int{{0, 1}}, 1, 0},
		{"both, equal steps: all but the first", [][]int{{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, 5, 4},
		{"one alone, then both: never the shape before", [][]int{{1}, {1, 1}, {1}, {1, 1}}, 4, 0},
	} {
		before := s.Tally()
		for _, lengths := range c.steps {
			step(lengths...)
		}
		got := s.Tally()
		if n := got.Graphs - before.Graphs; n != c.graphs {
			t.Errorf("%s: %d graphs, want %d", c.name, n, c.graphs)
		}
		if n := got.Reused - before.Reused; n != c.reused {
			t.Errorf("%s: %d reused, want %d", c.name, n, c.reused)
		}
		// One device computes each graph in one part, in memory laid out beforehand.
		if got.Splits-before.Splits != c.graphs || got.Plans != before.Plans || got.Buffers != before.Buffers {
			t.Errorf("%s: %+v after %+v", c.name, got, before)
		}
	}
}

// TestNothingReused: of a model whose attention has a temperature the library uses
// no graph again, however equal the steps are. docs/measuring.md says so.
func TestNothingReused(t *testing.T) {
	m := load(t, tempered(t, 0.1))
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1})
	before := s.Tally()
	for pos := range int32(8) {
		if err := s.Step(t.Context(), &Batch{Tokens: []int32{1}, Pos: []int32{pos}, Seqs: []int32{0}, Want: []int8{1}}); err != nil {
			t.Fatal(err)
		}
	}
	if after := s.Tally(); after.Graphs-before.Graphs != 8 || after.Reused != before.Reused {
		t.Errorf("%+v after %+v", after, before)
	}
}

// TestTallyOfMemory: a change of samplers makes the library lay out its graphs,
// and allocate their buffers, in the next step.
func TestTallyOfMemory(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	s := open(t, m, SessionOptions{Sequences: 2, TokensPerSequence: 64, Threads: 1, Greedy: true})
	token := Batch{Tokens: []int32{1}, Pos: []int32{0}, Seqs: []int32{0}, Want: []int8{1}}
	step := func() (plans, buffers int64) {
		t.Helper()
		before := s.Tally()
		if err := s.Step(context.Background(), &token); err != nil {
			t.Fatal(err)
		}
		s.Clear()
		after := s.Tally()
		return after.Plans - before.Plans, after.Buffers - before.Buffers
	}
	step()
	if plans, buffers := step(); plans != 0 || buffers != 0 {
		t.Errorf("an ordinary step: laid out %d times, %d buffers", plans, buffers)
	}
	s.native.Settle()
	if plans, buffers := step(); plans == 0 || buffers == 0 {
		t.Errorf("after a change of samplers: laid out %d times, %d buffers", plans, buffers)
	}
}

// TestCaptures: the lines are those of ggml-cuda.cu, which TestLinesOfTheLibrary
// looks up.
func TestCaptures(t *testing.T) {
	if _, _, told := llama.Captures(); told {
		t.Error("a back end on the CPU has told of captures")
	}
	const at = "ggml_backend_cuda_graph_compute: "
	for _, line := range []string{at + "CUDA graph warmup complete\n", "CUDA Graph id 7 reused\n", at + "CUDA graph warmup reset\n",
		"CUDA Graph id 8 reused\n", at + "CUDA graph warmup complete\n", "graph_reserve: a line of another kind\n"} {
		llama.LogDebug(line)
	}
	if captured, dropped, told := llama.Captures(); captured != 2 || dropped != 1 || !told {
		t.Errorf("%d captured, %d dropped, told: %v", captured, dropped, told)
	}
}

// TestLinesOfTheLibrary: the words that are looked for in the log are in the
// source that the libraries were built from, and in no release build left out.
func TestLinesOfTheLibrary(t *testing.T) {
	for file, lines := range map[string][]string{
		"ggml/src/ggml-cuda/ggml-cuda.cu": {`GGML_LOG_DEBUG("%s: CUDA graph warmup complete\n", __func__)`,
			`GGML_LOG_DEBUG("%s: CUDA graph warmup reset\n", __func__)`, `GGML_LOG_DEBUG("CUDA Graph id %zu reused\n", cgraph->uid)`},
		"src/llama-model.cpp":   {`LLAMA_LOG_DEBUG("load_tensors: layer %3d assigned to device %s, is_swa = %d\n", il,`},
		"src/llama-context.cpp": {`LLAMA_LOG_INFO("%s: %s enabled\n", func, probe.name)`, `LLAMA_LOG_WARN("%s: %s not supported, set to disabled\n", func, probe.name)`},
	} {
		source := librarySource(t, file)
		for _, line := range lines {
			before, _, ok := strings.Cut(source, line)
			if !ok {
				t.Errorf("%s has no %s", file, line)
			}
			if strings.LastIndex(before, "#ifndef NDEBUG") > strings.LastIndex(before, "#endif") {
				t.Errorf("%s: a release build is silent about %s", file, line)
			}
		}
	}
}

func TestPlacements(t *testing.T) {
	got := placements(strings.Split(`load_tensors: layer   0 assigned to device CPU, is_swa = 0
something else
load_tensors: layer   1 assigned to device Meta(ROCm0,ROCm1), is_swa = 1
load_tensors: layer   2 assigned to device Meta(ROCm0,ROCm1), is_swa = 0
load_tensors: layer   3 assigned to device CPU, is_swa = 0`, "\n"))
	if d := cmp.Diff([]Placement{{"CPU", 1, true}, {"Meta(ROCm0,ROCm1)", 2, false}}, got); d != "" {
		t.Error(d)
	}
	if got := placements(nil); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

// TestTold: what the library says of a model on the CPU.
func TestTold(t *testing.T) {
	m := load(t, synthModel(t, "q4_0"))
	layers, _, _, _ := m.native.Shape()
	if d := cmp.Diff([]Placement{{"CPU", layers, true}}, m.Placement()); d != "" {
		t.Error(d)
	}
	s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1})
	if d := cmp.Diff([]string{"Flash Attention enabled"}, s.Choices()); d != "" {
		t.Error(d)
	}
	sum := int64(0)
	for _, b := range s.WeightBuffers() {
		sum += b.Bytes
	}
	if sum < m.Bytes() || s.WeightBuffers()[0].Kind == "" {
		t.Errorf("weights of %d bytes in %+v", m.Bytes(), s.WeightBuffers())
	}
	off := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1, FlashAttn: "off"})
	if got := off.Choices(); got != nil {
		t.Errorf("nothing to choose: %v", got)
	}
	if d := cmp.Diff([]string{"Flash Attention not supported, set to disabled", "fused X not supported, set to disabled"},
		choices([]string{"resolve_fused_ops: resolving fused X support:", "resolve_fused_ops: Flash Attention not supported, set to disabled",
			"resolve_fused_ops: fused X not supported, set to disabled", "resolve_fused_ops: fused Y enabled"})); d != "" {
		t.Error(d)
	}
}
