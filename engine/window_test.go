package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ceiling/engine/gguf"
)

const testWindow = 64

// windowModel writes a small Gemma 3: five of its six layers see 64 tokens.
func windowModel(t *testing.T) string {
	t.Helper()
	words, err := gguf.Open(synthModel(t, "q4_0"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "window.gguf")
	w := gguf.NewWriter(path)
	w.Add("general.architecture", "gemma3")
	for key, n := range map[string]uint32{"context_length": 8192, "embedding_length": 64, "block_count": 6, "feed_forward_length": 128,
		"attention.head_count": 4, "attention.head_count_kv": 2, "attention.key_length": 16, "attention.value_length": 16,
		"attention.sliding_window": testWindow} {
		w.Add("gemma3."+key, n)
	}
	w.Add("gemma3.attention.layer_norm_rms_epsilon", float32(1e-6))
	w.Add("gemma3.rope.freq_base", float32(1e6))
	tokens := int64(0)
	for _, kv := range words.KVs {
		if strings.HasPrefix(kv.Key, "tokenizer.") {
			w.Add(kv.Key, kv.Value)
		}
		if list, ok := kv.Value.([]string); ok && kv.Key == "tokenizer.ggml.tokens" {
			tokens = int64(len(list))
		}
	}
	w.AddTensor("token_embd.weight", gguf.F32, 64, tokens)
	w.AddTensor("output_norm.weight", gguf.F32, 64)
	for i := range 6 {
		for _, v := range []struct {
			name string
			dims []int64
		}{
			{"attn_norm", []int64{64}}, {"attn_q", []int64{64, 64}}, {"attn_k", []int64{64, 32}}, {"attn_v", []int64{64, 32}},
			{"attn_output", []int64{64, 64}}, {"attn_q_norm", []int64{16}}, {"attn_k_norm", []int64{16}}, {"post_attention_norm", []int64{64}},
			{"ffn_norm", []int64{64}}, {"ffn_gate", []int64{64, 128}}, {"ffn_up", []int64{64, 128}}, {"ffn_down", []int64{128, 64}},
			{"post_ffw_norm", []int64{64}},
		} {
			w.AddTensor(fmt.Sprintf("blk.%d.%s.weight", i, v.name), gguf.F32, v.dims...)
		}
	}
	writeNoise(t, w)
	return path
}

// writeNoise fills every tensor with small random numbers.
func writeNoise(t *testing.T, w *gguf.Writer) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	if err := w.Begin(); err != nil {
		t.Fatal(err)
	}
	for {
		info, out, err := w.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, info.Bytes)
		for i := 0; i < len(data); i += 4 {
			binary.LittleEndian.PutUint32(data[i:], math.Float32bits(float32(rng.NormFloat64()*0.1)))
		}
		if _, err := out.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

var swaCells = regexp.MustCompile(`creating\s+SWA KV cache, size = (\d+) cells`)

// swaCache opens a session and returns the size that the library's log gives
// the cache of the layers with a window.
func swaCache(t *testing.T, m *Model, o SessionOptions) (cells string, s *Session) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "engine.log")
	if err := Init(LibraryOptions{LogFile: log}); err != nil {
		t.Fatal(err)
	}
	s = open(t, m, o)
	if err := Init(LibraryOptions{LogFile: os.Getenv("CEILING_TEST_ENGINE_LOG")}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	found := swaCells.FindSubmatch(text)
	if found == nil {
		t.Fatalf("no SWA cache in the log:\n%s", text)
	}
	return string(found[1]), s
}

// TestWindowCache: layers with a sliding window keep their window and a physical
// batch, padded, as in llama-bench and llama-server; all positions only where
// sequences are to be shared or cut.
func TestWindowCache(t *testing.T) {
	m := load(t, windowModel(t))
	if m.Window() != testWindow {
		t.Fatalf("window of %d tokens, want %d", m.Window(), testWindow)
	}
	o := SessionOptions{Sequences: 2, TokensPerSequence: 4008, Threads: 1}
	cells, windowed := swaCache(t, m, o)
	if cells != "768" {
		t.Errorf("%s cells, want 768: 64 + 512, padded to 256", cells)
	}
	o.FullWindow, o.Unified = true, true
	cells, full := swaCache(t, m, o)
	if cells != "8192" {
		t.Errorf("%s cells, want all 8192", cells)
	}

	// What lies before the window is gone: a shared or cut sequence would be
	// computed from what is left.
	p := prompt(m, 1, 700)
	want := generate(t, windowed, [][]int32{p}, 3)[0]
	for name, err := range map[string]error{"copy": windowed.CopySeq(0, 1, 100), "cut": windowed.RemoveSeq(0, 100)} {
		if !errors.Is(err, ErrInvalidBatch) || !strings.Contains(err.Error(), "FullWindow") {
			t.Errorf("%s of a windowed session gave %v", name, err)
		}
	}
	if err := windowed.RemoveSeq(0, 0); err != nil {
		t.Error(err)
	}
	if got := generate(t, full, [][]int32{p}, 3)[0]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the full cache gave %v, the window %v", got, want)
	}
	if err := full.CopySeq(0, 1, 650); err != nil {
		t.Fatal(err)
	}
	var b Batch
	b.add(1, 650, p[650:]...)
	if err := full.Step(context.Background(), &b); err != nil || b.Out[0] != want[0] {
		t.Errorf("after the copy %v, %v; want %d", b.Out, err, want[0])
	}
}
