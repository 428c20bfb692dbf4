package hf

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/engine/gguf"
)

// tekkenNames are the special tokens of files that do not list them.
var tekkenNames = []string{
	"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
	"[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]",
	"[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
}

// maxTekkenToken bounds the bytes of one token: the merges of a token are
// found by trying every cut. The longest real one has 150.
const maxTekkenToken = 1024

// readTekken reads Mistral's own form of the vocabulary: tokens as bytes in
// order of rank. The merges are not in it; they follow from the ranks.
func readTekken(path string, config *strictjson.Value, cfg *ModelConfig) (*tokenizer, error) {
	root, err := strictjson.ReadFile(path, maxTokenizerBytes)
	if err != nil {
		return nil, err
	}
	return parseTekken(root, config, cfg)
}

func parseTekken(root, config *strictjson.Value, cfg *ModelConfig) (*tokenizer, error) {
	f := fields{v: root.Get("config"), name: "config."}
	size := f.int("default_vocab_size", 1, maxVocab)
	specials := f.int("default_num_special_tokens", int64(len(tekkenNames)), maxVocab)
	pattern := f.string("pattern")
	switch {
	case f.err != nil:
		return nil, f.err
	case size != cfg.Vocab:
		return nil, fmt.Errorf("config.default_vocab_size is %d, vocab_size of config.json is %d", size, cfg.Vocab)
	case size < specials+len(alphabet):
		return nil, fmt.Errorf("config.default_vocab_size is %d: too few for %d special tokens and the 256 bytes", size, specials)
	case pattern != tekkenPattern:
		return nil, errors.New("config.pattern is not Tekken's: llama.cpp has no name for this way to cut text")
	}
	t := newTokenizer(size)
	t.pre = preTekken
	if err := t.tekkenSpecials(root.Get("special_tokens"), specials); err != nil {
		return nil, err
	}
	words, err := tekkenWords(root.Get("vocab"), size-specials)
	if err != nil {
		return nil, err
	}
	for rank, word := range words {
		if err := t.place(specials+rank, byteLevel([]byte(word)), gguf.TokenNormal); err != nil {
			return nil, err
		}
	}
	if t.merges, err = tekkenMerges(words); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"bos": "<s>", "eos": "</s>", "unknown": "<unk>", "padding": "<pad>"} {
		if id, ok := t.ids[text]; ok {
			t.special[name] = uint32(id)
		}
	}
	begins, ends := true, false
	t.addBOS, t.addEOS = &begins, &ends
	return t, t.stated(config)
}

// tekkenSpecials places the special tokens; those without a name get one.
func (t *tokenizer) tekkenSpecials(list *strictjson.Value, n int) error {
	names := make([]string, n)
	if list.IsNull() {
		copy(names, tekkenNames)
	}
	for i, v := range list.Items() {
		f := fields{v: v, name: fmt.Sprintf("special_tokens[%d].", i)}
		rank, text := f.int("rank", 0, int64(n)-1), f.string("token_str")
		if f.err != nil {
			return f.err
		}
		if names[rank] != "" {
			return fmt.Errorf("special_tokens[%d].rank %d occurs twice", i, rank)
		}
		names[rank] = text
	}
	for id, name := range names {
		if name == "" {
			name = fmt.Sprintf("<SPECIAL_%d>", id)
		}
		if err := t.place(id, name, gguf.TokenControl); err != nil {
			return err
		}
	}
	return nil
}

// tekkenWords returns the first n tokens by rank, as bytes. A file may hold
// more than the model uses.
func tekkenWords(list *strictjson.Value, n int) ([]string, error) {
	if list.Len() < n || list.Kind() != strictjson.Array {
		return nil, fmt.Errorf("vocab has %d tokens, %d are needed", list.Len(), n)
	}
	words := make([]string, n)
	for i, v := range list.Items() {
		f := fields{v: v, name: fmt.Sprintf("vocab[%d].", i)}
		rank, text := f.int("rank", 0, int64(list.Len())-1), f.string("token_bytes")
		if f.err != nil {
			return nil, f.err
		}
		if rank >= n {
			continue
		}
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		switch {
		case err != nil:
			return nil, fmt.Errorf("vocab[%d].token_bytes is not base64: %w", i, err)
		case len(b) == 0 || len(b) > maxTekkenToken:
			return nil, fmt.Errorf("vocab[%d].token_bytes has %d bytes, must be 1 to %d", i, len(b), maxTekkenToken)
		case words[rank] != "":
			return nil, fmt.Errorf("vocab[%d].rank %d occurs twice", i, rank)
		case rank < len(alphabet) && string(b) != string([]byte{byte(rank)}):
			return nil, fmt.Errorf("vocab[%d]: rank %d is not the byte 0x%02X", i, rank, rank)
		}
		words[rank] = string(b)
	}
	if i := slices.Index(words, ""); i >= 0 {
		return nil, fmt.Errorf("vocab has no token of rank %d", i)
	}
	return words, nil
}

// tekkenMerges finds the merges of each token above the bytes: every cut into
// two tokens, in order of their ranks. Joining by them gives the tokens that
// joining by rank would. The words are all different.
func tekkenMerges(words []string) ([]string, error) {
	rank := make(map[string]int, len(words))
	for i, w := range words {
		rank[w] = i
	}
	type cut struct{ left, right int }
	var merges []string
	spelled := make([]string, len(words))
	for i, w := range words {
		spelled[i] = byteLevel([]byte(w))
	}
	for r := len(alphabet); r < len(words); r++ {
		var cuts []cut
		for j := 1; j < len(words[r]); j++ {
			left, ok1 := rank[words[r][:j]]
			right, ok2 := rank[words[r][j:]]
			if ok1 && ok2 {
				cuts = append(cuts, cut{left, right})
			}
		}
		if len(cuts) == 0 {
			return nil, fmt.Errorf("the token of rank %d can't be made of two others", r)
		}
		slices.SortFunc(cuts, func(a, b cut) int { return cmp.Or(a.left-b.left, a.right-b.right) })
		for _, c := range cuts {
			merges = append(merges, spelled[c.left]+" "+spelled[c.right])
		}
	}
	return merges, nil
}
