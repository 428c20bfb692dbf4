package hf

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestTokenizerRefuses(t *testing.T) {
	model := func(o object) object { return o["model"].(object) }
	vocab := func(o object) object { return model(o)["vocab"].(object) }
	add := func(o object, token object) { o["added_tokens"] = append(o["added_tokens"].([]object), token) }
	for _, c := range []struct {
		name   string
		change func(object)
		want   string
	}{
		{"no model", func(o object) { delete(o, "model") }, "model.type is missing"},
		{"WordPiece", func(o object) { model(o)["type"] = "WordPiece" }, `model.type is "WordPiece", must be "BPE"`},
		{"SentencePiece", func(o object) { model(o)["byte_fallback"] = true }, "SentencePiece vocabularies can't be converted"},
		{"suffix", func(o object) { model(o)["end_of_word_suffix"] = "</w>" }, "model.end_of_word_suffix is set"},
		{"normalizer", func(o object) { o["normalizer"] = object{"type": "NFC"} }, "normalizer is set"},
		{"decoder", func(o object) { o["decoder"] = object{"type": "Metaspace"} }, "decoder.type is not"},
		{"vocabulary a list", func(o object) { model(o)["vocab"] = []int{} }, "model.vocab is not an object"},
		{"added an object", func(o object) { o["added_tokens"] = object{} }, "added_tokens is not an array"},
		{"id too large", func(o object) { vocab(o)["x y"] = 282 }, `token "x y" has id 282, vocab_size is 282`},
		{"id negative", func(o object) { vocab(o)["x y"] = -1 }, "has id -1"},
		{"id a text", func(o object) { vocab(o)["x y"] = "7" }, `the id of token "x y" is "7", must be a number`},
		{"id a fraction", func(o object) { vocab(o)["x y"] = 7.5 }, "must be an integer"},
		{"one id twice", func(o object) { vocab(o)["x y"] = 30 }, "have the same id 30"},
		{"one text twice", func(o object) { vocab(o)["<s>"] = 281; delete(vocab(o), "the") }, `token "<s>" has two ids`},
		{"empty token", func(o object) { delete(vocab(o), "the"); vocab(o)[""] = 281 }, "token 281 is empty"},
		{"NUL", func(o object) { delete(vocab(o), "the"); vocab(o)["a\x00"] = 281 }, "NUL character"},
		{"added without id", func(o object) { add(o, object{"content": "x"}) }, "added_tokens[20].id is missing"},
		{"added without content", func(o object) { add(o, object{"id": 1}) }, "added_tokens[20].content is missing"},
		{"special a number", func(o object) { add(o, object{"id": 1, "content": "x", "special": 1}) }, "added_tokens[20].special"},
		{"no merges", func(o object) { model(o)["merges"] = []string{} }, "it has no merges"},
		{"merges missing", func(o object) { delete(model(o), "merges") }, "model.merges is not an array"},
		{"one part", func(o object) { model(o)["merges"] = []string{"h e", "he"} }, `model.merges[1] is "he", must be two parts`},
		{"three parts", func(o object) { model(o)["merges"] = []string{"h e y"} }, "must be two parts"},
		{"empty part", func(o object) { model(o)["merges"] = []any{[]string{"h", ""}} }, "model.merges[0] is not a pair of texts"},
		{"a triple", func(o object) { model(o)["merges"] = []any{[]string{"h", "e", "y"}} }, "is not a pair of texts"},
		{"numbers", func(o object) { model(o)["merges"] = []any{[]int{1, 2}} }, "has a part that is 1, must be a string"},
		{"ignore_merges a text", func(o object) { model(o)["ignore_merges"] = "yes" }, `model.ignore_merges is "yes"`},
	} {
		tok := words()
		c.change(tok)
		_, _, err := load(t, map[string]any{"config.json": small(t), "tokenizer.json": tok}, MetadataOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.name, err, c.want)
		}
	}
}

func TestTekkenRefuses(t *testing.T) {
	config := func(o object) object { return o["config"].(object) }
	vocab := func(o object, rank int) object { return o["vocab"].([]object)[rank] }
	special := func(o object, i int) object { return o["special_tokens"].([]object)[i] }
	for _, c := range []struct {
		name   string
		change func(object)
		want   string
	}{
		{"no config", func(o object) { delete(o, "config") }, "config.default_vocab_size is missing"},
		{"another size", func(o object) { config(o)["default_vocab_size"] = 281 }, "config.default_vocab_size is 281, vocab_size of config.json is 282"},
		{"another pattern", func(o object) { config(o)["pattern"] = "x" }, "config.pattern is not Tekken's"},
		{"few specials", func(o object) { config(o)["default_num_special_tokens"] = 19 }, "default_num_special_tokens is 19, must be 20"},
		{"too many specials", func(o object) { config(o)["default_num_special_tokens"] = 100 }, "too few for 100 special tokens"},
		{"short vocabulary", func(o object) { o["vocab"] = o["vocab"].([]object)[:261] }, "vocab has 261 tokens, 262 are needed"},
		{"no vocabulary", func(o object) { delete(o, "vocab") }, "vocab has 0 tokens"},
		{"rank twice", func(o object) { vocab(o, 257)["rank"] = 256 }, "vocab[257].rank 256 occurs twice"},
		{"rank missing", func(o object) { delete(vocab(o, 257), "rank") }, "vocab[257].rank is missing"},
		{"a rank left out", func(o object) { vocab(o, 257)["rank"] = 262 }, "vocab has no token of rank 257"},
		{"a byte out of place", func(o object) { vocab(o, 65)["token_bytes"] = "Qg==" }, "rank 65 is not the byte 0x41"},
		{"not base64", func(o object) { vocab(o, 257)["token_bytes"] = "a*" }, "vocab[257].token_bytes is not base64"},
		{"spare bits", func(o object) { vocab(o, 257)["token_bytes"] = "aGV=" }, "vocab[257].token_bytes is not base64"},
		{"empty", func(o object) { vocab(o, 257)["token_bytes"] = "" }, "vocab[257].token_bytes has 0 bytes"},
		{"long", func(o object) { vocab(o, 257)["token_bytes"] = strings.Repeat("aaaa", 400) }, "has 1200 bytes"},
		{"the same token twice", func(o object) { vocab(o, 258)["token_bytes"] = vocab(o, 257)["token_bytes"] }, `token "he" has two ids`},
		{"not to be made", func(o object) { vocab(o, 256)["token_bytes"] = "YWJj" }, "the token of rank 256 can't be made of two others"},
		{"special twice", func(o object) { special(o, 3)["rank"] = 2 }, "special_tokens[3].rank 2 occurs twice"},
		{"special out of range", func(o object) { special(o, 3)["rank"] = 20 }, "special_tokens[3].rank is 20"},
		{"special's name twice", func(o object) { special(o, 3)["token_str"] = "<s>" }, `token "<s>" has two ids`},
		{"no end", func(o object) { special(o, 2)["token_str"] = "<end>" }, "no token ends a text"},
	} {
		tok := tekkenJSON()
		c.change(tok)
		_, _, err := load(t, map[string]any{"config.json": small(t), "tekken.json": tok}, MetadataOptions{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.name, err, c.want)
		}
	}
}

func TestNoTokenizer(t *testing.T) {
	_, _, err := load(t, map[string]any{"config.json": small(t)}, MetadataOptions{})
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "neither tokenizer.json nor tekken.json") {
		t.Errorf("no tokenizer gave %v", err)
	}
	_, _, err = load(t, map[string]any{"config.json": small(t), "tokenizer.model": "x"}, MetadataOptions{})
	if err == nil || !strings.Contains(err.Error(), "only a SentencePiece tokenizer.model") {
		t.Errorf("SentencePiece gave %v", err)
	}
}

// Parts of a post-processor.
var (
	begin     = object{"SpecialToken": object{"id": "<s>"}}
	end       = object{"SpecialToken": object{"id": "</s>"}}
	wholeText = object{"Sequence": object{"id": "A"}}
)

func post(parts ...object) object { return object{"type": "TemplateProcessing", "single": parts} }

// specialCases: tokenizer_config.json by text, then config.json by id.
var specialCases = []struct {
	name     string
	config   object // of config.json
	tokens   object // tokenizer_config.json
	post     any
	bos, eos any // nil where the key must be absent
	addBOS   any // likewise
	addEOS   any
	warning  string
	fails    string
}{
	{name: "by text", tokens: object{"bos_token": "[INST]", "eos_token": object{"content": "[/INST]"}}, bos: uint32(3), eos: uint32(4)},
	{name: "by id", config: object{"bos_token_id": 5, "eos_token_id": 6}, bos: uint32(5), eos: uint32(6)},
	{name: "text before id", config: object{"eos_token_id": 6}, tokens: object{"eos_token": "</s>"}, eos: uint32(2), addBOS: false, warning: "token 2 in tokenizer_config.json, token 6"},
	{name: "id where the text is unknown", config: object{"eos_token_id": 6}, tokens: object{"eos_token": "<end>"}, eos: uint32(6), addBOS: false},
	{name: "a list", config: object{"eos_token_id": []int{4, 2}}, eos: uint32(4), addBOS: false, warning: "eos_token_id is a list"},
	{name: "none said as -1", config: object{"bos_token_id": -1, "eos_token_id": 2}, eos: uint32(2), addBOS: false},
	{name: "unknown text", tokens: object{"eos_token": "<end>"}, fails: `eos_token is "<end>", which is not in the vocabulary`},
	{name: "id too large", config: object{"eos_token_id": 282}, fails: "eos_token_id is 282, vocab_size is 282"},
	{name: "id a text", config: object{"eos_token_id": "2"}, fails: "eos_token_id is \"2\""},
	{name: "token a number", tokens: object{"eos_token": 2}, fails: "eos_token is 2, must be a string"},
	{name: "none", fails: "no token ends a text"},
	{name: "by the post-processor", config: object{"bos_token_id": 1, "eos_token_id": 2}, post: post(begin, wholeText, end),
		bos: uint32(1), eos: uint32(2), addBOS: true, addEOS: true},
	{name: "a post-processor that puts nothing", config: object{"bos_token_id": 1, "eos_token_id": 2}, post: object{"type": "ByteLevel"}, bos: uint32(1), eos: uint32(2)},
	{name: "in a sequence", config: object{"bos_token_id": 1, "eos_token_id": 2},
		post: object{"type": "Sequence", "processors": []object{{"type": "ByteLevel"}, post(begin, wholeText)}},
		bos:  uint32(1), eos: uint32(2), addBOS: true},
	{name: "stated otherwise", config: object{"bos_token_id": 1, "eos_token_id": 2}, post: post(begin, wholeText),
		tokens: object{"add_bos_token": false, "add_eos_token": true}, bos: uint32(1), eos: uint32(2), addBOS: false, addEOS: true},
	{name: "another token in front", config: object{"bos_token_id": 3, "eos_token_id": 2}, post: post(begin, wholeText),
		bos: uint32(3), eos: uint32(2), addBOS: false, warning: `texts begin with "<s>"`},
	{name: "a beginning that nothing names", config: object{"eos_token_id": 2}, tokens: object{"add_bos_token": true}, fails: "nothing names"},
	{name: "flag a text", config: object{"eos_token_id": 2}, tokens: object{"add_bos_token": "yes"}, fails: `add_bos_token is "yes"`},
}

func TestSpecialTokens(t *testing.T) {
	for _, c := range specialCases {
		config, tok := small(t), words()
		delete(text(config), "bos_token_id")
		delete(text(config), "eos_token_id")
		for key, v := range c.config {
			text(config)[key] = v
		}
		tok["post_processor"] = c.post
		files := map[string]any{"config.json": config, "tokenizer.json": tok, "chat_template.jinja": "x"}
		if c.tokens != nil {
			files["tokenizer_config.json"] = c.tokens
		}
		m, warnings, err := load(t, files, MetadataOptions{})
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		const ggml = "tokenizer.ggml."
		if m[ggml+"bos_token_id"] != c.bos || m[ggml+"eos_token_id"] != c.eos || m[ggml+"add_bos_token"] != c.addBOS || m[ggml+"add_eos_token"] != c.addEOS {
			t.Errorf("%s: bos %v eos %v add %v %v", c.name, m[ggml+"bos_token_id"], m[ggml+"eos_token_id"], m[ggml+"add_bos_token"], m[ggml+"add_eos_token"])
		}
		if all := strings.Join(warnings, "\n"); (all == "") != (c.warning == "") || !strings.Contains(all, c.warning) {
			t.Errorf("%s: warnings %q, want %q", c.name, all, c.warning)
		}
	}
}
