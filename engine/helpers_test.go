package engine

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"ceiling/engine/synth"
	"ceiling/internal/passive"
)

func TestMain(m *testing.M) {
	passive.Reexec()
	if err := Init(LibraryOptions{LogFile: os.Getenv("CEILING_TEST_ENGINE_LOG")}); err != nil {
		panic(err)
	}
	os.Exit(withModels(m))
}

// withModels runs the tests with a folder for the models that they share.
func withModels(m *testing.M) int {
	dir, err := os.MkdirTemp("", "engine")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	models.dir = dir
	return m.Run()
}

// TestWaitingThreadsSleep: the switch is there before the library is loaded.
func TestWaitingThreadsSleep(t *testing.T) {
	begun, err := os.ReadFile("/proc/self/environ")
	if err != nil || !strings.Contains(string(begun), "OMP_WAIT_POLICY=") {
		t.Errorf("the process began without OMP_WAIT_POLICY: %v", err)
	}
}

// realModel is SmolLM2-135M-Instruct. Without it a test says what it did not
// run; under CI it fails.
func realModel(t testing.TB) string {
	t.Helper()
	path := os.Getenv("CEILING_TEST_MODEL")
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("CEILING_TEST_MODEL is not set: run third_party/fetch-model.sh, or `make test`")
		}
		t.Skipf("%s not run: CEILING_TEST_MODEL is not set; `make test` fetches the model", t.Name())
	}
	return path
}

// librarySource is a file of the source that the libraries were built from.
func librarySource(t *testing.T, name string) string {
	t.Helper()
	header, err := filepath.EvalSymlinks("../build/include/llama.h")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(header), "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// models are the synthetic models of the tests, each made once. Nobody writes to them.
var models = struct {
	dir  string
	made map[string]string // path by kind
}{made: map[string]string{}}

// synthModel is a model of the demo's kind, with a twentieth of its work.
func synthModel(t testing.TB, kind string) string {
	t.Helper()
	if path, ok := models.made[kind]; ok {
		return path
	}
	path := filepath.Join(models.dir, kind+".gguf")
	g, err := synth.Find("demo")
	if err != nil {
		t.Fatal(err)
	}
	g.Layers, g.Hidden, g.HeadDim, g.FFN, g.Vocab = 4, 256, 64, 512, 4096
	if _, err := synth.Write(context.Background(), synth.FileOptions{Geometry: g, Type: kind, Out: path, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	models.made[kind] = path
	return path
}

// load locks the test to its thread, as every user of the engine must: the
// OpenMP pool belongs to the calling thread.
func load(t testing.TB, path string) *Model {
	t.Helper()
	return loadOn(t, path, LoadOptions{Devices: []string{"none"}})
}

func loadOn(t testing.TB, path string, o LoadOptions) *Model {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	m, err := Load(context.Background(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func open(t testing.TB, m *Model, o SessionOptions) *Session {
	t.Helper()
	if o.Threads == 0 {
		o.Threads = runtime.NumCPU()
	}
	s, err := m.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// lack is why the engine in use can't open a session; nil: it can.
func lack(o SessionOptions) error {
	if o.Unified {
		return Refuse("kv-unified", "on")
	}
	if o.Greedy {
		return Refuse("sampling", "backend")
	}
	return nil
}

// canDo tells whether the engine in use can open such a session; why it can't is
// logged. llama.cpp can open all.
func canDo(t *testing.T, o SessionOptions) bool {
	t.Helper()
	err := lack(o)
	if err != nil {
		t.Logf("not seen: %v", err)
	}
	return err == nil
}

// prompt is n plain tokens that depend on seed.
func prompt(m *Model, seed, n int) []int32 {
	plain := m.PlainTokens()
	out := make([]int32, n)
	x := uint32(seed)*2654435761 + 12345
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = plain[int(x>>8)%len(plain)]
	}
	return out
}

// add appends tokens of a sequence; the last one is wanted.
func (b *Batch) add(seq, from int32, tokens ...int32) {
	for i, id := range tokens {
		b.Tokens = append(b.Tokens, id)
		b.Pos = append(b.Pos, from+int32(i))
		b.Seqs = append(b.Seqs, seq)
		want := int8(0)
		if i == len(tokens)-1 {
			want = 1
		}
		b.Want = append(b.Want, want)
	}
}

func (b *Batch) reset() {
	b.Tokens, b.Pos, b.Seqs, b.Want = b.Tokens[:0], b.Pos[:0], b.Seqs[:0], b.Want[:0]
}

// generate decodes n greedy tokens after each prompt, all sequences in flight
// together: one prompt per step, then one token of every sequence per step.
func generate(t testing.TB, s *Session, prompts [][]int32, n int) [][]int32 {
	t.Helper()
	out, err := tryGenerate(s, prompts, n)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryGenerate(s *Session, prompts [][]int32, n int) ([][]int32, error) {
	ctx := context.Background()
	out := make([][]int32, len(prompts))
	var b Batch
	for i, p := range prompts {
		b.reset()
		b.add(int32(i), 0, p...)
		if err := s.Step(ctx, &b); err != nil {
			return nil, err
		}
		out[i] = append(out[i], b.Out[0])
	}
	for k := 1; k < n; k++ {
		b.reset()
		for i, p := range prompts {
			b.add(int32(i), int32(len(p)+k-1), out[i][k-1])
		}
		if err := s.Step(ctx, &b); err != nil {
			return nil, err
		}
		for i := range prompts {
			out[i] = append(out[i], b.Out[i])
		}
	}
	return out, nil
}

// kvCache is the KV cache of a session in bytes: 2 × layers × cells × KV heads
// × head dimension × bytes per value. Exact for dense
// transformers.
func kvCache(m *Model, cells int, kvType string) int64 {
	t, err := kvTypes.lookup("KV type", kvType)
	if err != nil {
		return 0
	}
	layers, kvHeads, _, embedding := m.native.Shape()
	head := func(key string) int64 {
		if text, ok := m.Meta(m.Architecture() + ".attention." + key); ok {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return n
			}
		}
		return int64(embedding / max(1, m.native.Heads()))
	}
	values := int64(layers) * int64(cells) * int64(kvHeads) * (head("key_length") + head("value_length"))
	return values / 32 * kvBytes[t]
}

// seqLen is the number of positions that a sequence holds.
func seqLen(s *Session, seq int32) int { return int(s.native.SeqEnd(seq)) + 1 }
