package engine

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"ceiling/engine/gguf"
)

var (
	flips    = flag.Int("flips", 20, "damaged files per model in TestBitFlips")
	flipSeed = flag.Uint64("flip-seed", 1, "seed of TestBitFlips")
)

// TestBitFlips damages one bit of a model's header at a time. The file is
// refused, or it loads and computes; the process lives on in both cases.
func TestBitFlips(t *testing.T) {
	for name, path := range map[string]string{"demo": synthModel(t, "q4_0"), "real": realModel(t)} {
		t.Run(name, func(t *testing.T) {
			file, err := gguf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			header := file.Tensors[0].Start // the data section follows
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damaged := filepath.Join(t.TempDir(), "damaged.gguf")
			if err := os.WriteFile(damaged, data, 0o644); err != nil {
				t.Fatal(err)
			}
			copied, err := os.OpenFile(damaged, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer copied.Close()
			rng := rand.New(rand.NewPCG(*flipSeed, 0))
			refused := 0
			for range *flips {
				// Half of the flips go where the numbers are: the first
				// kilobytes and the tensor list at the end of the header.
				at := rng.Int64N(header)
				switch rng.IntN(4) {
				case 0:
					at = rng.Int64N(min(2048, header))
				case 1:
					at = header - 1 - rng.Int64N(min(4096, header))
				}
				bit := byte(1) << rng.IntN(8)
				if _, err := copied.WriteAt([]byte{data[at] ^ bit}, at); err != nil {
					t.Fatal(err)
				}
				// The last line before a crash names the culprit.
				t.Logf("byte %d, bit %08b", at, bit)
				if !survives(t, damaged) {
					refused++
				}
				if _, err := copied.WriteAt(data[at:at+1], at); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d of %d damaged files refused, the others computed", refused, *flips)
		})
	}
}

// survives loads a file and computes a little; false: it was refused.
func survives(t *testing.T, path string) bool {
	t.Helper()
	m, err := Load(context.Background(), path, LoadOptions{Devices: []string{"none"}})
	if err != nil {
		if !errors.Is(err, ErrModelFile) && !errors.Is(err, ErrLoad) && !errors.Is(err, ErrNotGenerative) {
			t.Errorf("refused with %v", err)
		}
		return false
	}
	defer m.Close()
	s, err := m.Open(context.Background(), SessionOptions{Sequences: 2, TokensPerSequence: 64, Threads: 1})
	if err != nil {
		return false
	}
	defer s.Close()
	var b Batch
	for i := range int32(20) {
		b.add(0, i, min(300+i, int32(m.VocabSize())-1))
		b.Want[i] = 0
	}
	if err := s.Step(context.Background(), &b); err != nil {
		return false
	}
	_, _ = m.Tokenize("text of any kind", true, true)
	_, _ = m.Chat([]Message{{"user", "hello"}}, true)
	return true
}
