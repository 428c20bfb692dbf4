package gguf

import (
	"fmt"
	"strings"

	"ceiling/internal/oneline"
)

// Token types, the values of tokenizer.ggml.token_type.
const (
	TokenNormal  = 1
	TokenUnknown = 2
	TokenControl = 3
	TokenUser    = 4
	TokenUnused  = 5
	TokenByte    = 6
)

const tok = "tokenizer.ggml."

// vocabulary checks the tokenizer and returns the number of tokens, 0 where it
// can't be known.
func (c *checker) vocabulary() int {
	model, ok := value[string](c, tok+"model")
	if !ok {
		c.addf("the key %smodel is missing", tok)
		return 0
	}
	model = cString(model)
	merged, known := tokenizers[model]
	if !known {
		c.addf("llama.cpp v0.5.0 does not know the tokenizer %s", oneline.Quote(model))
		return 0
	}
	size, hasSize := value[uint32](c, c.arch+".vocab_size")
	if model == "none" || model == "no_vocab" {
		if size > maxVocab {
			c.addf("%s.vocab_size is %d, must be at most %d", c.arch, size, maxVocab)
		}
		return int(min(size, maxVocab))
	}
	tokens, _ := value[[]string](c, tok+"tokens")
	switch n := len(tokens); {
	case n == 0:
		c.addf("the vocabulary %stokens is missing or empty", tok)
		return 0
	case n > maxVocab:
		c.addf("%stokens has an absurd count of %d tokens", tok, n)
		return 0
	case hasSize && int64(size) != int64(n):
		c.addf("%s.vocab_size is %d but there are %d tokens", c.arch, size, n)
	}
	c.unique(tokens)
	c.tokenTypes(tokens, model, merged)
	c.tokenIDs(len(tokens))
	if merged {
		c.merges()
		c.preTokenizer(model)
	}
	if model == "llama" {
		c.byteTokens(tokens)
	}
	c.charsMap(model)
	c.markers(tokens)
	c.phi3(tokens)
	return len(tokens)
}

// unique checks that no two tokens have the same text, which llama.cpp
// asserts. It sees a text up to its first NUL, and names empty ones itself.
func (c *checker) unique(tokens []string) {
	seen := make(map[string]int, len(tokens))
	for i, text := range tokens {
		text = cString(text)
		if text == "" {
			text = fmt.Sprintf("[EMPTY_%d]", i)
		}
		if j, dup := seen[text]; dup {
			c.addf("tokens %d and %d have the same text %s", j, i, oneline.Quote(text))
			return
		}
		seen[text] = i
	}
}

// tokenTypes checks the lists that go beside the tokens, and the texts that
// llama.cpp decodes while loading.
func (c *checker) tokenTypes(tokens []string, model string, merged bool) {
	if v, ok := c.f.Value(tok + "scores"); ok {
		if _, _, n, _ := kindOf(v); n != len(tokens) {
			c.addf("%sscores has %d elements for %d tokens", tok, n, len(tokens))
		}
	}
	kinds, ok := value[[]int32](c, tok+"token_type")
	if ok && len(kinds) != len(tokens) {
		c.addf("%stoken_type has %d elements for %d tokens", tok, len(kinds), len(tokens))
		return
	}
	for i, text := range tokens {
		kind := int32(TokenNormal)
		if ok {
			kind = kinds[i]
		}
		text = cString(text)
		switch {
		case kind < 0 || kind > TokenByte:
			c.addf("token %d has type %d, must be 0 to %d", i, kind, TokenByte)
			return
		case kind == TokenByte && (merged || model == "llama" || model == "t5") && text != "" && len(text) < 3:
			c.addf("token %d is a byte token with the text %s, must be like \"<0x0A>\"", i, oneline.Quote(text))
			return
		case kind == TokenNormal && merged && beyondUnicode(text):
			c.addf("token %d holds a character beyond Unicode: %s", i, oneline.Quote(text))
			return
		}
	}
}

// beyondUnicode reports whether decoding s by bit patterns alone gives a code
// point above 0x10FFFF, which llama.cpp throws on. Other damage to UTF-8 is
// replaced there and harmless.
func beyondUnicode(s string) bool {
	for i := 0; i+3 < len(s); i++ {
		lead := s[i] == 0xf4 && s[i+1] >= 0x90 || s[i] > 0xf4 && s[i] <= 0xf7
		if lead && s[i+1]&0xc0 == 0x80 && s[i+2]&0xc0 == 0x80 && s[i+3]&0xc0 == 0x80 {
			return true
		}
	}
	return false
}

// tokenIDs checks that special tokens exist.
func (c *checker) tokenIDs(tokens int) {
	for _, key := range tokenIDs {
		if id, ok := value[uint32](c, tok+key); ok && int64(id) >= int64(tokens) {
			c.addf("%s%s is %d but there are %d tokens", tok, key, id, tokens)
		}
	}
}

// merges checks the rules of byte pair encoding: "left right".
func (c *checker) merges() {
	pre, _ := value[string](c, tok+"pre")
	merges, ok := value[[]string](c, tok+"merges")
	if !ok {
		if _, present := c.f.Value(tok + "merges"); !present && pre != "kimi-k2" {
			c.addf("the key %smerges is missing", tok)
		}
		return
	}
	for i, m := range merges {
		m = cString(m)
		if len(m) < 3 || strings.IndexByte(m[1:], ' ') < 0 || strings.HasSuffix(m, " ") && strings.Count(m, " ") == 1 {
			c.addf("merge %d is %s, must be two parts with a space between", i, oneline.Quote(m))
			return
		}
	}
}

func (c *checker) preTokenizer(model string) {
	pre, _ := value[string](c, tok+"pre")
	if _, known := preTokenizers[cString(pre)]; !known && model != "gemma4" {
		c.addf("llama.cpp v0.5.0 does not know the pre-tokenizer %s", oneline.Quote(pre))
	}
}

// byteTokens checks that a SentencePiece vocabulary can spell every byte;
// text with a byte that it can't ends the process.
func (c *checker) byteTokens(tokens []string) {
	have := make(map[string]bool, 512)
	for _, text := range tokens {
		if text = cString(text); len(text) == 1 || len(text) == 6 {
			have[text] = true
		}
	}
	for b := range 256 {
		if !have[fmt.Sprintf("<0x%02X>", b)] && (b == 0 || !have[string([]byte{byte(b)})]) {
			c.addf("the vocabulary has no token for the byte 0x%02X", b)
			return
		}
	}
}

// charsMap checks the size in front of the normalisation table of t5.
func (c *checker) charsMap(model string) {
	v, ok := c.f.Value(tok + "precompiled_charsmap")
	if !ok || model != "t5" {
		return
	}
	var head []byte
	_, _, n, _ := kindOf(v)
	switch x := v.(type) {
	case []uint8:
		head = x[:min(n, 4)]
	case []int8:
		for _, b := range x[:min(n, 4)] {
			head = append(head, byte(b))
		}
	}
	if len(head) < 4 || int64(le.Uint32(head))+4 >= int64(n) {
		c.addf("%sprecompiled_charsmap is damaged: its table is larger than itself", tok)
	}
}

// markers checks that a model which wants marks around a text has them:
// llama.cpp asserts it when it splits the first text.
func (c *checker) markers(tokens []string) {
	model, _ := value[string](c, tok+"model")
	pre, _ := value[string](c, tok+"pre")
	// The ids that llama.cpp assumes where the file names none.
	bos, eos := -1, -1
	switch cString(model) {
	case "llama", "plamo2":
		bos, eos = 1, 2
	case "bert":
		bos = 101
	case "t5":
		eos = 1
	case "gpt2", "hybriddna", "whitespace":
		bos, eos = 11, 11
		if pre = cString(pre); pre == "glm4" || pre == "chatglm-bpe" {
			bos = -1
		}
	}
	c.marker("bos", bos, preTokenizers[cString(pre)] || model == "llama" || model == "bert", len(tokens))
	c.marker("eos", eos, model == "t5", len(tokens))
}

func (c *checker) marker(name string, id int, add bool, tokens int) {
	if v, ok := value[bool](c, tok+"add_"+name+"_token"); ok {
		add = v
	}
	if v, ok := value[uint32](c, tok+name+"_token_id"); ok && int64(v) < int64(tokens) {
		id = int(v)
	}
	if add && (id < 0 || id >= tokens) {
		c.addf("texts need a %s token but %s%s_token_id names none", name, tok, name)
	}
}

// phi3 checks the tokens that llama.cpp looks up, and throws without, in
// models with this name.
func (c *checker) phi3(tokens []string) {
	name, _ := value[string](c, "general.name")
	name = strings.ToLower(cString(name))
	if !strings.Contains(name, "phi-3") && !strings.Contains(name, "phi3") {
		return
	}
	missing := map[string]bool{"</s>": true, "<unk>": true, "<s>": true, "<|endoftext|>": true}
	for _, text := range tokens {
		delete(missing, cString(text))
	}
	if len(missing) > 0 {
		c.addf("general.name is %s but the vocabulary lacks tokens of Phi-3", oneline.Quote(name))
	}
}
