package hf

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ceiling/engine/checkpoint/internal/strictjson"
	"ceiling/engine/gguf"
)

// A small vocabulary: special tokens, the bytes, words. Twenty special tokens
// are the fewest that tekken.json can have.
var (
	specialTexts = tekkenNames
	wordTexts    = []string{" t", "he", " th", "in", " the", "the"}
	wordMerges   = []string{"Ġ t", "h e", "Ġt h"}
)

// words is a tokenizer.json with the small vocabulary.
func words() object {
	vocab, added := object{}, []object{}
	for id, name := range specialTexts {
		vocab[name] = id
		added = append(added, object{"id": id, "content": name, "special": true})
	}
	for b, r := range alphabet {
		vocab[string(r)] = len(specialTexts) + b
	}
	for i, w := range wordTexts {
		vocab[byteLevel([]byte(w))] = len(specialTexts) + 256 + i
	}
	return object{
		"added_tokens": added, "normalizer": nil, "post_processor": nil,
		"pre_tokenizer": sequence(split(tekkenPattern), bytes(false)),
		"decoder":       object{"type": "ByteLevel"},
		"model":         object{"type": "BPE", "byte_fallback": false, "ignore_merges": true, "vocab": vocab, "merges": wordMerges},
	}
}

func sequence(steps ...object) object { return object{"type": "Sequence", "pretokenizers": steps} }

func split(pattern string) object {
	return object{"type": "Split", "pattern": object{"Regex": pattern}, "behavior": "Isolated", "invert": false}
}

func bytes(cuts bool) object {
	return object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": cuts}
}

// tekkenJSON is the same vocabulary as a tekken.json, with a word more than
// the model uses.
func tekkenJSON() object {
	var vocab, control []object
	add := func(s string) {
		vocab = append(vocab, object{"rank": len(vocab), "token_bytes": base64.StdEncoding.EncodeToString([]byte(s)), "token_str": nil})
	}
	for b := range 256 {
		add(string([]byte{byte(b)}))
	}
	for _, w := range wordTexts {
		add(w)
	}
	add("unused")
	for id, name := range specialTexts[:13] {
		control = append(control, object{"rank": id, "token_str": name, "is_control": true})
	}
	return object{
		"config": object{"pattern": tekkenPattern, "num_vocab_tokens": len(vocab), "version": "v13",
			"default_vocab_size": len(specialTexts) + 256 + len(wordTexts), "default_num_special_tokens": len(specialTexts)},
		"vocab": vocab, "special_tokens": control,
	}
}

func TestByteAlphabet(t *testing.T) {
	for b, want := range map[byte]rune{
		0x00: 'Ā', 0x0a: 'Ċ', 0x20: 'Ġ', 0x21: '!', 0x7e: '~', 0x7f: 0x121, 0x80: 0x122, 0xa0: 0x142, 0xa1: '¡', 0xac: '¬', 0xad: 0x143, 0xae: '®', 0xff: 'ÿ',
	} {
		if alphabet[b] != want {
			t.Errorf("byte 0x%02X is %c, want %c", b, alphabet[b], want)
		}
	}
	if len(letters) != 256 {
		t.Errorf("%d different letters", len(letters))
	}
}

func TestTokenizerJSON(t *testing.T) {
	tok := words()
	vocab := tok["model"].(object)["vocab"].(object)
	delete(vocab, "<unk>") // an added token need not be in the vocabulary
	delete(vocab, byteLevel([]byte("in")))
	tok["added_tokens"] = append(tok["added_tokens"].([]object),
		object{"id": 20 + 256 + 3, "content": "a\u2581b", "special": false})
	config := small(t)
	text(config)["vocab_size"] = 300
	m, warnings, err := load(t, map[string]any{"config.json": config, "tokenizer.json": tok, "chat_template.jinja": "x",
		"tokenizer_config.json": object{"bos_token": "<s>", "eos_token": object{"content": "</s>"}, "unk_token": nil}}, MetadataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tokens, types := m["tokenizer.ggml.tokens"].([]string), m["tokenizer.ggml.token_type"].([]int32)
	for id, want := range map[int]string{0: "<unk>", 2: "</s>", 20: "Ā", 20 + 0x20: "Ġ", 276: "Ġt", 279: "a b", 281: "the", 282: "[PAD282]", 299: "[PAD299]"} {
		if tokens[id] != want {
			t.Errorf("token %d is %q, want %q", id, tokens[id], want)
		}
	}
	for id, want := range map[int]int32{0: gguf.TokenControl, 19: gguf.TokenControl, 20: gguf.TokenNormal, 279: gguf.TokenUser, 281: gguf.TokenNormal, 282: gguf.TokenUnused} {
		if types[id] != want {
			t.Errorf("token %d is of type %d, want %d", id, types[id], want)
		}
	}
	want := map[string]any{"pre": "tekken", "model": "gpt2", "bos_token_id": uint32(1), "eos_token_id": uint32(2),
		"merges": wordMerges, "add_bos_token": nil, "add_eos_token": nil} // where nothing says so llama.cpp's own rule holds
	for key, v := range want {
		if got := m["tokenizer.ggml."+key]; !reflect.DeepEqual(got, v) {
			t.Errorf("%s is %v, want %v", key, got, v)
		}
	}
	if _, ok := m["tokenizer.ggml.unknown_token_id"]; ok || len(tokens) != 300 || len(warnings) > 0 {
		t.Errorf("%d tokens, an unknown token %v, warnings %q", len(tokens), ok, warnings)
	}
}

// TestTekken: the merges follow from the ranks, in order of the tokens that
// they make and then of their parts.
func TestTekken(t *testing.T) {
	m, warnings, err := load(t, map[string]any{"config.json": small(t), "tekken.json": tekkenJSON(), "chat_template.jinja": "x"}, MetadataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := load(t, map[string]any{"config.json": small(t), "tokenizer.json": words(),
		"tokenizer_config.json": object{"bos_token": "<s>", "eos_token": "</s>"}}, MetadataOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tokens := append([]string(nil), other["tokenizer.ggml.tokens"].([]string)...)
	for id := 13; id < 20; id++ { // those that the file does not name
		tokens[id] = fmt.Sprintf("<SPECIAL_%d>", id)
	}
	merges := []string{"Ġ t", "h e", "Ġt h", "i n", "Ġ the", "Ġt he", "Ġth e", "t he"}
	want := map[string]any{"tokens": tokens, "token_type": other["tokenizer.ggml.token_type"], "merges": merges, "pre": "tekken",
		"bos_token_id": uint32(1), "eos_token_id": uint32(2), "unknown_token_id": uint32(0), "padding_token_id": uint32(11),
		"add_bos_token": true, "add_eos_token": false}
	for key, v := range want {
		if got := m["tokenizer.ggml."+key]; !reflect.DeepEqual(got, v) {
			t.Errorf("%s is %v, want %v", key, got, v)
		}
	}
	if len(warnings) > 0 {
		t.Errorf("warnings %q", warnings)
	}
	old := tekkenJSON()
	delete(old, "special_tokens") // versions up to 7 leave out the names
	m, _, err = load(t, map[string]any{"config.json": small(t), "tekken.json": old}, MetadataOptions{})
	if err != nil || m["tokenizer.ggml.tokens"].([]string)[19] != "[TOOL_CONTENT]" {
		t.Errorf("without names: %v", err)
	}
}

func TestPreTokenizers(t *testing.T) {
	digits := object{"type": "Digits", "individual_digits": true}
	prefixed := bytes(true)
	prefixed["add_prefix_space"] = true
	inverted := split(tekkenPattern)
	inverted["invert"] = true
	for _, c := range []struct {
		name         string
		pre          any
		ignoreMerges bool
		want         string // "" where it is refused
	}{
		{"Tekken", sequence(split(tekkenPattern), bytes(false)), true, "tekken"},
		{"Tekken with merges", sequence(split(tekkenPattern), bytes(false)), false, "tekken"},
		{"Llama 3", sequence(split(llama3Pattern), bytes(false)), true, "llama-bpe"},
		{"Llama 3's pattern with merges", sequence(split(llama3Pattern), bytes(false)), false, ""},
		{"GPT-2", bytes(true), false, "gpt-2"},
		{"GPT-2 in a sequence", sequence(bytes(true)), false, "gpt-2"},
		{"GPT-2 without merges", bytes(true), true, ""},
		{"SmolLM", sequence(digits, bytes(true)), false, "smollm"},
		{"digits in runs", sequence(object{"type": "Digits", "individual_digits": false}, bytes(true)), false, ""},
		{"both patterns", sequence(split(tekkenPattern), bytes(true)), true, ""},
		{"another pattern", sequence(split(tekkenPattern+"|x"), bytes(false)), true, ""},
		{"inverted", sequence(inverted, bytes(false)), true, ""},
		{"with a space in front", prefixed, false, ""},
		{"bytes only", bytes(false), false, ""},
		{"three steps", sequence(digits, split(tekkenPattern), bytes(false)), true, ""},
		{"an empty sequence", sequence(), true, ""},
		{"words", object{"type": "Whitespace"}, false, ""},
		{"nothing", nil, false, ""},
	} {
		tok := words()
		tok["pre_tokenizer"] = c.pre
		tok["model"].(object)["ignore_merges"] = c.ignoreMerges
		m, _, err := load(t, map[string]any{"config.json": small(t), "tokenizer.json": tok,
			"tokenizer_config.json": object{"eos_token": "</s>"}}, MetadataOptions{})
		switch {
		case c.want == "" && (err == nil || !strings.Contains(err.Error(), "pre_tokenizer is none that can be converted")):
			t.Errorf("%s: error %v, want a refusal", c.name, err)
		case c.want != "" && (err != nil || m["tokenizer.ggml.pre"] != c.want):
			t.Errorf("%s: %v, %v, want %q", c.name, m["tokenizer.ggml.pre"], err, c.want)
		}
	}
}

// TestWrongPattern: files with another pattern than Tekken's are known; the
// vocabulary says what is right, or tekken.json does.
func TestWrongPattern(t *testing.T) {
	wrong := words()
	wrong["pre_tokenizer"] = sequence(split(llama3Pattern), bytes(false))
	wrong["model"].(object)["ignore_merges"] = false
	m, warnings, err := load(t, map[string]any{"config.json": small(t), "tokenizer.json": wrong, "tekken.json": tekkenJSON()}, MetadataOptions{})
	if err != nil || m["tokenizer.ggml.pre"] != "tekken" || !strings.Contains(strings.Join(warnings, "\n"), "tekken.json is used") {
		t.Errorf("beside tekken.json: %v, %v, %q", m["tokenizer.ggml.pre"], err, warnings)
	}
	if got := m["tokenizer.ggml.tokens"].([]string)[13]; got != "<SPECIAL_13>" {
		t.Errorf("token 13 is %q, not tekken.json's", got)
	}

	var added []object
	vocab := object{}
	for id := range tekkenSpecials {
		added = append(added, object{"id": id, "content": fmt.Sprintf("<%d>", id), "special": true})
	}
	for b, r := range alphabet {
		vocab[string(r)] = tekkenSpecials + b
	}
	vocab["he"] = tekkenSpecials + 256
	wrong["added_tokens"], wrong["model"].(object)["vocab"], wrong["model"].(object)["merges"] = added, vocab, []string{"h e"}
	config := small(t)
	text(config)["vocab_size"], text(config)["eos_token_id"] = tekkenSpecials+257, 2
	m, warnings, err = load(t, map[string]any{"config.json": config, "tokenizer.json": wrong}, MetadataOptions{})
	if err != nil || m["tokenizer.ggml.pre"] != "tekken" || !strings.Contains(strings.Join(warnings, "\n"), "not Tekken's, though the vocabulary is") {
		t.Errorf("by its vocabulary: %v, %v, %q", m["tokenizer.ggml.pre"], err, warnings)
	}
}

// TestLooksSpecial: control tokens that a file does not mark as special.
func TestLooksSpecial(t *testing.T) {
	for text, want := range map[string]bool{
		"<|im_start|>": true, "<pad>": true, "<mask>": true, "<｜end｜>": true, "<unused7>": true,
		"<|im_start": false, "im_end|>": false, "<s>": false, "hello": false, "": false,
	} {
		_, _, kind, err := addedToken(value(t, object{"id": 1, "content": text, "special": false}))
		if err != nil || (kind == gguf.TokenControl) != want {
			t.Errorf("%q is of type %d (%v), want special %v", text, kind, err, want)
		}
	}
}

// value turns test data into what the parsers read.
func value(t *testing.T, v any) *strictjson.Value {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := strictjson.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}
