package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func TestModelFacts(t *testing.T) {
	m := load(t, realModel(t))
	if got := m.Architecture(); got != "llama" {
		t.Errorf("architecture %q", got)
	}
	if m.Params() != 134515008 || m.VocabSize() != 49152 || m.Context() != 8192 {
		t.Errorf("%d parameters, %d tokens, context %d", m.Params(), m.VocabSize(), m.Context())
	}
	if _, ok := m.Meta("no.such.key"); ok {
		t.Error("a missing key was found")
	}
	plain := m.PlainTokens()
	if len(plain) == 0 || slices.Contains(plain, 0) || slices.Contains(plain, 2) {
		t.Errorf("%d plain tokens must hold neither <|endoftext|> (0) nor <|im_end|> (2)", len(plain))
	}
	// 30 layers × 512 cells × 3 KV heads × (64+64) values × 2 bytes.
	if got := kvCache(m, 512, "f16"); got != 30*512*3*128*2 {
		t.Errorf("KV cache of 512 cells: %d bytes", got)
	}
}

func TestTokenizeAndChat(t *testing.T) {
	m := load(t, realModel(t))
	text := "Hello, world! Ünïcödé 🙂\n\tdone"
	ids, err := m.Tokenize(text, false, false)
	if err != nil {
		t.Fatal(err)
	}
	back, err := m.Detokenize(ids, true)
	if err != nil || back != text {
		t.Errorf("round trip gave %q, %v", back, err)
	}
	if _, err := m.Detokenize([]int32{1 << 30}, true); !errors.Is(err, ErrTokenize) {
		t.Errorf("a token outside the vocabulary gave %v", err)
	}
	if err := Refuse("prose", "model"); err != nil {
		t.Logf("not seen: %v", err)
		return
	}
	chat, err := m.Chat([]Message{{"user", "Hi?"}}, true)
	if err != nil || !strings.Contains(chat, "<|im_start|>user\nHi?<|im_end|>") || !strings.HasSuffix(chat, "<|im_start|>assistant\n") {
		t.Errorf("chat gave %q, %v", chat, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := synthModel(t, "q4_0")
	write := func(name string, data []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	head := make([]byte, 1<<20)
	f, err := os.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(head); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		opts       LoadOptions
		want       error
	}{
		{"missing", filepath.Join(t.TempDir(), "none.gguf"), LoadOptions{}, ErrModelFile},
		{"directory", t.TempDir(), LoadOptions{}, ErrModelFile},
		{"empty", write("empty.gguf", nil), LoadOptions{}, ErrModelFile},
		{"text", write("text.gguf", []byte("version https://git-lfs.github.com/spec/v1\n")), LoadOptions{}, ErrModelFile},
		{"truncated", write("cut.gguf", head), LoadOptions{}, ErrModelFile},
		{"device", good, LoadOptions{Devices: []string{"ROCm9"}}, ErrUnknownDevice},
		{"split mode", good, LoadOptions{SplitMode: "rows"}, ErrUnknownOption},
		{"load mode", good, LoadOptions{LoadMode: "fast"}, ErrUnknownOption},
		{"tensor split", good, LoadOptions{TensorSplit: []float32{1, -1}}, ErrUnknownOption},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Load(context.Background(), c.path, c.opts)
			if m != nil || !errors.Is(err, c.want) {
				t.Fatalf("got model %v, error %v; want %v", m != nil, err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func TestLoadProgressAndCancel(t *testing.T) {
	path := synthModel(t, "f16")
	var shares []float64
	m, err := Load(context.Background(), path, LoadOptions{Devices: []string{"none"}, LoadMode: "read",
		Progress: func(s float64) { shares = append(shares, s) }})
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	if len(shares) < 2 || shares[len(shares)-1] != 1 || !slices.IsSorted(shares) {
		t.Errorf("progress %v: want a rise to 1", shares)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m, err = Load(ctx, path, LoadOptions{Devices: []string{"none"}, LoadMode: "read", Progress: func(float64) { cancel() }})
	if m != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled load gave model %v, error %v", m != nil, err)
	}
}

// TestLoadModes: the weights are the same however they were read.
func TestLoadModes(t *testing.T) {
	path := synthModel(t, "q8_0")
	var first []int32
	for _, mode := range LoadModes() {
		m, err := Load(context.Background(), path, LoadOptions{Devices: []string{"none"}, LoadMode: mode})
		if err != nil {
			t.Fatalf("%s: %v", mode, err)
		}
		s := open(t, m, SessionOptions{Sequences: 1, TokensPerSequence: 64})
		got := generate(t, s, [][]int32{prompt(m, 1, 20)}, 8)[0]
		s.Close()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !slices.Equal(got, first) {
			t.Errorf("%s: %v, want %v", mode, got, first)
		}
	}
}

// TestFreesEverything: fifty sessions and five models leave resident memory
// where it was.
func TestFreesEverything(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	path := synthModel(t, "q4_0")
	cycle := func(sessions int) {
		m, err := Load(context.Background(), path, LoadOptions{Devices: []string{"none"}, LoadMode: "read"})
		if err != nil {
			t.Fatal(err)
		}
		for range sessions {
			s, err := m.Open(context.Background(), SessionOptions{Sequences: 4, TokensPerSequence: 2048, Threads: 2, Greedy: true})
			if err != nil {
				t.Fatal(err)
			}
			generate(t, s, [][]int32{prompt(m, 1, 16), prompt(m, 2, 16)}, 2)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); !errors.Is(err, ErrClosed) {
				t.Fatalf("second close gave %v", err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cycle(5)             // pools and arenas that the libraries keep
	debug.FreeOSMemory() // Go's own garbage is not what is measured
	before := memoryBytes(t, "VmRSS:")
	for range 5 {
		cycle(10)
	}
	debug.FreeOSMemory()
	grown := memoryBytes(t, "VmRSS:") - before
	// One leaked session is 4 MiB of KV cache and its compute buffers.
	if grown > 8<<20 {
		t.Errorf("50 sessions and 5 models left %d KiB behind", grown>>10)
	}
	t.Logf("50 sessions and 5 models: resident memory grew by %d KiB", grown>>10)
}

// TestSessionsGetFreshPages: each session's buffers are mapped for it and given
// back when it is closed, the tenth session's like the first one's.
func TestSessionsGetFreshPages(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m, err := Load(context.Background(), synthModel(t, "q4_0"), LoadOptions{Devices: []string{"none"}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	o := SessionOptions{Sequences: 4, TokensPerSequence: 2048, Threads: 2, Greedy: true}
	for n := range 10 {
		s, err := m.Open(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		generate(t, s, [][]int32{prompt(m, 1, 16)}, 2)
		before := memoryBytes(t, "VmSize:")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		freed, kv := before-memoryBytes(t, "VmSize:"), kvCache(m, o.Sequences*o.TokensPerSequence, "f16")
		if freed < kv {
			t.Errorf("session %d gave %d KiB of address space back, its KV cache is %d KiB", n, freed>>10, kv>>10)
		}
	}
}

// memoryBytes is a figure of the process's status.
func memoryBytes(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			var kb int64
			for _, c := range rest {
				if c >= '0' && c <= '9' {
					kb = kb*10 + int64(c-'0')
				}
			}
			return kb << 10
		}
	}
	t.Fatalf("no %s in /proc/self/status", name)
	return 0
}

func TestModelCloseNeedsSessionsClosed(t *testing.T) {
	m, err := Load(context.Background(), synthModel(t, "q4_0"), LoadOptions{Devices: []string{"none"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Open(context.Background(), SessionOptions{Sequences: 1, TokensPerSequence: 64, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); !errors.Is(err, ErrSessionsOpen) {
		t.Errorf("closing under a session gave %v", err)
	}
	s.Close()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestDevices(t *testing.T) {
	if !slices.ContainsFunc(Devices(), func(d Device) bool { return d.Type == DeviceCPU && d.MemoryTotal > 0 }) {
		t.Errorf("no CPU among %v", Devices())
	}
	if b := Backends(); !slices.Contains(b, "CPU") || !slices.Contains(b, "RPC") && Refuse("rpc", "127.0.0.1:1") == nil {
		t.Errorf("back ends %v: want CPU and RPC", b)
	}
	if err := Init(LibraryOptions{RPC: []string{"127.0.0.1:1"}}); !errors.Is(err, ErrRPC) {
		t.Errorf("a server that is not there gave %v", err)
	}
}
