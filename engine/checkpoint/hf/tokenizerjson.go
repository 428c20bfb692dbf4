package hf

import (
	"errors"
	"fmt"
	"strings"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/engine/gguf"
	"ceiling/internal/oneline"
)

// parseTokenizer reads a tokenizer.json with what tokenizer_config.json and
// config.json add to it.
func parseTokenizer(root, config *strictjson.Value, cfg *ModelConfig) (*tokenizer, error) {
	model := root.Get("model")
	if err := bytePairs(root, model); err != nil {
		return nil, err
	}
	t := newTokenizer(cfg.Vocab)
	if err := t.vocabulary(model.Get("vocab"), root.Get("added_tokens")); err != nil {
		return nil, err
	}
	if err := t.readMerges(model.Get("merges")); err != nil {
		return nil, err
	}
	ignoreMerges, err := optionalBool(model, "ignore_merges")
	if err != nil {
		return nil, fmt.Errorf("model.%w", err)
	}
	t.pre, err = preTokenizer(root.Get("pre_tokenizer"), ignoreMerges)
	if errors.Is(err, errPre) && t.tekkenShape() {
		t.warnf("tokenizer.json cuts text by a pattern that is not Tekken's, though the vocabulary is: text is cut as Tekken does")
		t.pre, err = preTekken, nil
	}
	if err != nil {
		return nil, err
	}
	if t.pre == preTekken && !ignoreMerges {
		t.warnf("tokenizer.json has ignore_merges off, llama.cpp v0.5.0 has it on for Tekken vocabularies")
	}
	return t, t.specials(root, config, cfg)
}

// bytePairs refuses everything but plain byte-level BPE.
func bytePairs(root, model *strictjson.Value) error {
	f := fields{v: model, name: "model."}
	if kind := f.string("type"); f.err == nil && kind != "BPE" {
		return fmt.Errorf("model.type is %q, must be \"BPE\"", oneline.Shorten(kind, shown))
	}
	if f.err != nil {
		return f.err
	}
	fallback, err := optionalBool(model, "byte_fallback")
	if err != nil || fallback {
		return errors.New("model.byte_fallback is set: SentencePiece vocabularies can't be converted; byte-level ones can")
	}
	for _, key := range []string{"continuing_subword_prefix", "end_of_word_suffix"} {
		if v := model.Get(key); !v.IsNull() {
			if s, err := v.Str(); err != nil || s != "" {
				return fmt.Errorf("model.%s is set: only byte-level vocabularies can be converted", key)
			}
		}
	}
	if v := root.Get("normalizer"); !v.IsNull() {
		return errors.New("normalizer is set: llama.cpp does not normalise text for byte-level vocabularies; only null can be converted")
	}
	if kind, err := root.Get("decoder").Get("type").Str(); err != nil || kind != "ByteLevel" {
		return errors.New("decoder.type is not \"ByteLevel\": only byte-level vocabularies can be converted")
	}
	return nil
}

// optionalBool is false where the member is absent or null.
func optionalBool(v *strictjson.Value, key string) (bool, error) {
	item := v.Get(key)
	if item.IsNull() {
		return false, nil
	}
	b, err := item.Bool()
	if err != nil {
		return false, fmt.Errorf("%s %w", key, err)
	}
	return b, nil
}

// vocabulary places the tokens: first the added ones, which may repeat entries
// of the vocabulary and then decide their type.
func (t *tokenizer) vocabulary(vocab, added *strictjson.Value) error {
	if vocab.Kind() != strictjson.Object {
		return errors.New("model.vocab is not an object")
	}
	if !added.IsNull() && added.Kind() != strictjson.Array {
		return errors.New("added_tokens is not an array")
	}
	content := map[string]int{} // as written, for the comparison with vocab
	for i, item := range added.Items() {
		text, id, kind, err := addedToken(item)
		if err != nil {
			return fmt.Errorf("added_tokens[%d].%w", i, err)
		}
		content[text] = id
		if kind == gguf.TokenUser {
			text = strings.ReplaceAll(text, "\u2581", " ")
		}
		if err := t.place(id, text, kind); err != nil {
			return err
		}
	}
	for text, v := range vocab.Members() {
		id, err := v.Int()
		if err != nil {
			return fmt.Errorf("the id of token %q %w", oneline.Shorten(text, shown), err)
		}
		if other, ok := content[text]; ok && other == int(id) {
			continue
		}
		if err := t.place(int(id), text, gguf.TokenNormal); err != nil {
			return err
		}
	}
	return t.fill()
}

// addedToken reads an entry of added_tokens.
func addedToken(v *strictjson.Value) (text string, id int, kind int32, err error) {
	f := fields{v: v}
	text, id = f.string("content"), f.int("id", 0, maxVocab)
	special, err := optionalBool(v, "special")
	f.fail("special", err)
	kind = gguf.TokenUser
	if special || looksSpecial(text) {
		kind = gguf.TokenControl
	}
	return text, id, kind, f.err
}

// looksSpecial recognises control tokens that some checkpoints do not mark as
// such. The forms are those that llama.cpp's own converter knows.
func looksSpecial(text string) bool {
	between := func(left, right string) bool {
		return strings.HasPrefix(text, left) && strings.HasSuffix(text, right)
	}
	switch text {
	case "<pad>", "<mask>", "<2mass>", "[@BOS@]":
		return true
	}
	return between("<|", "|>") || between("<｜", "｜>") || between("<unused", ">")
}

// readMerges reads the merges, each "left right" or ["left", "right"].
func (t *tokenizer) readMerges(list *strictjson.Value) error {
	if list.Kind() != strictjson.Array {
		return errors.New("model.merges is not an array")
	}
	t.merges = make([]string, 0, list.Len())
	unknown := 0
	for i, item := range list.Items() {
		left, right, err := mergeParts(item)
		if err != nil {
			return fmt.Errorf("model.merges[%d] %w", i, err)
		}
		t.merges = append(t.merges, left+" "+right)
		for _, part := range []string{left, right, left + right} {
			if _, ok := t.ids[part]; !ok {
				unknown++
				break
			}
		}
	}
	if unknown > 0 {
		t.warnf("%d of %d merges join or make tokens that the vocabulary lacks", unknown, len(t.merges))
	}
	return nil
}

// mergeParts splits one merge. A space inside a part of a pair, which
// byte-level data never has, becomes the letter that stands for it.
func mergeParts(v *strictjson.Value) (left, right string, err error) {
	if v.Kind() == strictjson.Array {
		var parts []string
		for _, item := range v.Items() {
			s, err := item.Str()
			if err != nil {
				return "", "", fmt.Errorf("has a part that %w", err)
			}
			parts = append(parts, strings.ReplaceAll(s, " ", string(alphabet[' '])))
		}
		if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
			return "", "", errors.New("is not a pair of texts")
		}
		return parts[0], parts[1], nil
	}
	s, err := v.Str()
	if err != nil {
		return "", "", err
	}
	left, right, _ = strings.Cut(s, " ")
	if left == "" || right == "" || strings.Contains(right, " ") {
		return "", "", fmt.Errorf("is %q, must be two parts with a space between", oneline.Shorten(s, shown))
	}
	return left, right, nil
}

// tekkenSpecials are the special tokens in front of a Tekken vocabulary.
const tekkenSpecials = 1000

// tekkenShape reports whether the vocabulary is laid out as Tekken's:
// 1000 special tokens, then the 256 bytes in order.
func (t *tokenizer) tekkenShape() bool {
	if len(t.tokens) < tekkenSpecials+len(alphabet) {
		return false
	}
	for id := range tekkenSpecials {
		if t.types[id] != gguf.TokenControl {
			return false
		}
	}
	for b, r := range alphabet {
		if t.tokens[tekkenSpecials+b] != string(r) {
			return false
		}
	}
	return true
}
