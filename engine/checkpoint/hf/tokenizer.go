package hf

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/engine/gguf"
	"ceiling/internal/absent"
	"ceiling/internal/files"
	"ceiling/internal/oneline"
)

// maxTokenizerBytes bounds tokenizer.json and tekken.json. Real ones have 20 MB.
const maxTokenizerBytes = 256 << 20

// tokenizer is a byte-level vocabulary for byte pair encoding, as GGUF holds
// it.
type tokenizer struct {
	pre    string   // llama.cpp's name for how text is cut into words
	tokens []string // by id
	types  []int32  // a gguf.Token… value for each token
	merges []string // "left right", in order of rank
	// special holds the ids of "bos", "eos", "unknown" and "padding", where
	// the model has them.
	special map[string]uint32
	// addBOS and addEOS say whether texts get them; nil where the checkpoint
	// does not say, and llama.cpp's own rule for the pre-tokenizer holds.
	addBOS, addEOS *bool
	// noSpacePrefix says that the checkpoint states that no space is put in
	// front of a text.
	noSpacePrefix bool
	warnings      []string

	ids map[string]int // of tokens
}

func (t *tokenizer) warnf(format string, args ...any) {
	t.warnings = append(t.warnings, fmt.Sprintf(format, args...))
}

// tokenizer adds the vocabulary's entries.
func (m *metadata) tokenizer(t *tokenizer) {
	m.warnings = append(m.warnings, t.warnings...)
	m.add("tokenizer.ggml.model", "gpt2")
	m.add("tokenizer.ggml.pre", t.pre)
	m.add("tokenizer.ggml.tokens", t.tokens)
	m.add("tokenizer.ggml.token_type", t.types)
	m.add("tokenizer.ggml.merges", t.merges)
	for _, name := range specialNames {
		if id, ok := t.special[name]; ok {
			m.add("tokenizer.ggml."+name+"_token_id", id)
		}
	}
	if t.addBOS != nil {
		m.add("tokenizer.ggml.add_bos_token", *t.addBOS)
	}
	if t.addEOS != nil {
		m.add("tokenizer.ggml.add_eos_token", *t.addEOS)
	}
	if t.noSpacePrefix {
		m.add("tokenizer.ggml.add_space_prefix", false)
	}
}

// readTokenizer reads tokenizer.json or, where there is none or its way to cut
// text is not Tekken's, tekken.json.
func readTokenizer(dir string, cfg *ModelConfig) (*tokenizer, error) {
	config, err := readOptional(filepath.Join(dir, "tokenizer_config.json"), maxConfigBytes)
	if err != nil {
		return nil, err
	}
	tekken := filepath.Join(dir, "tekken.json")
	path := filepath.Join(dir, "tokenizer.json")
	root, err := readOptional(path, maxTokenizerBytes)
	var t *tokenizer
	switch {
	case err != nil:
		return nil, err
	case root != nil:
		t, err = parseTokenizer(root, config, cfg)
		if errors.Is(err, errPre) && files.Exists(tekken) {
			path = tekken
			if t, err = readTekken(tekken, config, cfg); err == nil {
				t.warnf("tokenizer.json cuts text by an unknown pattern: tekken.json is used")
			}
		}
	case files.Exists(tekken):
		path = tekken
		t, err = readTekken(tekken, config, cfg)
	case files.Exists(filepath.Join(dir, "tokenizer.model")):
		return nil, fmt.Errorf("%q has only a SentencePiece tokenizer.model, which can't be converted; add tokenizer.json or tekken.json", dir)
	default:
		return nil, absent.Errorf("%q has neither tokenizer.json nor tekken.json", dir)
	}
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return t, nil
}

// readOptional reads an object from a file; nil where there is no file.
func readOptional(path string, limit int64) (*strictjson.Value, error) {
	v, err := strictjson.ReadFile(path, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && v.Kind() != strictjson.Object {
		return nil, fmt.Errorf("%q is %s, must be an object", path, v.Kind())
	}
	return v, err
}

// newTokenizer has room for n tokens, none of them known yet.
func newTokenizer(n int) *tokenizer {
	return &tokenizer{
		tokens: make([]string, n), types: make([]int32, n),
		special: map[string]uint32{}, ids: make(map[string]int, n),
	}
}

// place gives a token its id. An id and a text are given once: llama.cpp
// aborts on two tokens of the same text.
func (t *tokenizer) place(id int, text string, kind int32) error {
	switch before, taken := t.ids[text]; {
	case id < 0 || id >= len(t.tokens):
		return fmt.Errorf("token %q has id %d, vocab_size is %d", oneline.Shorten(text, shown), id, len(t.tokens))
	case t.types[id] != 0:
		return fmt.Errorf("tokens %q and %q have the same id %d", oneline.Shorten(t.tokens[id], shown), oneline.Shorten(text, shown), id)
	case taken:
		return fmt.Errorf("token %q has two ids, %d and %d", oneline.Shorten(text, shown), before, id)
	case text == "":
		return fmt.Errorf("token %d is empty", id)
	case strings.IndexByte(text, 0) >= 0:
		return fmt.Errorf("token %d contains a NUL character", id)
	}
	t.tokens[id], t.types[id], t.ids[text] = text, kind, id
	return nil
}

// fill gives the ids that no token has a name of their own.
func (t *tokenizer) fill() error {
	for id := range t.tokens {
		if t.types[id] == 0 {
			if err := t.place(id, fmt.Sprintf("[PAD%d]", id), gguf.TokenUnused); err != nil {
				return err
			}
		}
	}
	return nil
}

// check finds what both kinds of tokenizer may lack.
func (t *tokenizer) check() error {
	if len(t.merges) == 0 {
		return errors.New("it has no merges: every text would be spelled letter by letter")
	}
	for b, r := range alphabet {
		if id, ok := t.ids[string(r)]; !ok || t.types[id] != gguf.TokenNormal {
			t.warnf("the vocabulary has no token for the byte 0x%02X: text with it can't be read", b)
			break
		}
	}
	odd := 0
	for id, text := range t.tokens {
		if t.types[id] == gguf.TokenNormal && !spelled(text) {
			odd++
		}
	}
	if odd > 0 {
		t.warnf("%d ordinary tokens are not spelled in the byte alphabet", odd)
	}
	if _, ok := t.special["eos"]; !ok {
		return errors.New("no token ends a text: eos_token is named neither in tokenizer_config.json nor in config.json")
	}
	if _, ok := t.special["bos"]; !ok && t.addBOS == nil {
		t.addBOS = new(bool) // llama.cpp would take a number of its own for it
	} else if !ok && *t.addBOS {
		return errors.New("texts begin with a token that nothing names: set bos_token in tokenizer_config.json")
	}
	return nil
}
