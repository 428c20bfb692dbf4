package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A vocabulary that is read alone is that of the loaded model, so prompts made
// of it are the same.
func TestLoadVocabEqualsLoad(t *testing.T) {
	for _, c := range []struct {
		name string
		path func(testing.TB) string
	}{
		{"real", realModel},
		{"demo", func(t testing.TB) string { return synthModel(t, "q4_0") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.path(t)
			whole := load(t, path)
			vocab, err := LoadVocab(path)
			if err != nil {
				t.Fatal(err)
			}
			defer vocab.Close()
			if n := len(vocab.PlainTokens()); n < 1000 || !slices.Equal(vocab.PlainTokens(), whole.PlainTokens()) {
				t.Errorf("%d plain tokens, %d in the loaded model", n, len(whole.PlainTokens()))
			}
			bos, add := vocab.BOS()
			wholeBOS, wholeAdd := whole.BOS()
			if bos != wholeBOS || add != wholeAdd || vocab.VocabSize() != whole.VocabSize() || vocab.EOS() != whole.EOS() {
				t.Errorf("BOS %d %v, %d ids, EOS %d; loaded: %d %v, %d, %d", bos, add, vocab.VocabSize(), vocab.EOS(),
					wholeBOS, wholeAdd, whole.VocabSize(), whole.EOS())
			}
			if eos := vocab.EOS(); eos < 0 || !whole.EndsGeneration(eos) {
				t.Errorf("EOS %d does not end a text", eos)
			}
			if vocab.Params() != whole.Params() || vocab.Bytes() != whole.Bytes() || vocab.Architecture() != whole.Architecture() {
				t.Errorf("%d parameters in %d bytes, loaded %d in %d", vocab.Params(), vocab.Bytes(), whole.Params(), whole.Bytes())
			}
			if _, err := vocab.Open(context.Background(), SessionOptions{Sequences: 1, TokensPerSequence: 8, Threads: 1}); !errors.Is(err, ErrSession) {
				t.Errorf("opened without weights: %v", err)
			}
		})
	}
}

func TestLoadVocabErrors(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.gguf")
	if err := os.WriteFile(text, []byte("not a model"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, filepath.Join(t.TempDir(), "none.gguf")} {
		if _, err := LoadVocab(path); !errors.Is(err, ErrModelFile) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
