package awqtest

import (
	"encoding/base64"
	"fmt"
	"strings"

	"ceiling/engine/gguf"
)

// Sizes of the vocabulary: special tokens, the bytes, words.
const (
	specials   = 32
	wordCount  = 96
	vocabulary = specials + 256 + wordCount
)

// specialNames are the special tokens; the others are called <SPECIAL_k>.
var specialNames = []string{"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
	"[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]",
	"[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"}

// pattern is how Tekken cuts text into words.
const pattern = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|` +
	`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|` +
	`\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// chatTemplate has the marks by which llama.cpp recognises Mistral's form.
const chatTemplate = `{{- bos_token }}{%- for message in messages %}` +
	`{%- if message['role'] == 'system' %}{{- '[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]' }}` +
	`{%- elif message['role'] == 'user' %}{{- '[INST]' + message['content'] + '[/INST]' }}` +
	`{%- else %}{{- message['content'] + eos_token }}{%- endif %}{%- endfor %}`

func special(id int) string {
	if id < len(specialNames) {
		return specialNames[id]
	}
	return fmt.Sprintf("<SPECIAL_%d>", id)
}

// wordList returns the words in order of rank, each with the two tokens that
// make it: pairs of letters, then pairs with a letter behind.
func wordList() (words, left, right []string) {
	const alphabet = " etaoinshr"
	add := func(l, r string) {
		words, left, right = append(words, l+r), append(left, l), append(right, r)
	}
	for _, a := range alphabet {
		for _, b := range alphabet[1:] {
			if len(words) < 80 {
				add(string(a), string(b))
			}
		}
	}
	for i := 0; len(words) < wordCount; i++ {
		add(words[i], "d")
	}
	return words, left, right
}

// writeTokenizer writes tokenizer.json or tekken.json, and
// tokenizer_config.json.
func writeTokenizer(dir string, o VariantOptions) error {
	config := object{"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": true, "add_eos_token": false,
		"bos_token": "<s>", "eos_token": object{"content": "</s>", "special": true}, "unk_token": "<unk>", "pad_token": "<pad>",
		"chat_template": chatTemplate}
	if err := writeJSON(dir, "tokenizer_config.json", config); err != nil {
		return err
	}
	if o.Tekken {
		return writeJSON(dir, "tekken.json", tekken())
	}
	return writeJSON(dir, "tokenizer.json", tokenizer())
}

// tekken is the content of a tekken.json. It has more words than the model
// uses, as the real one does.
func tekken() object {
	words, _, _ := wordList()
	var vocab, control []object
	add := func(b []byte) {
		vocab = append(vocab, object{"rank": len(vocab), "token_bytes": base64.StdEncoding.EncodeToString(b), "token_str": nil})
	}
	for b := range 256 {
		add([]byte{byte(b)})
	}
	for _, w := range words {
		add([]byte(w))
	}
	add([]byte("zq"))
	for id := range specialNames {
		control = append(control, object{"rank": id, "token_str": special(id), "is_control": true})
	}
	return object{
		"config": object{"pattern": pattern, "num_vocab_tokens": len(vocab), "default_vocab_size": vocabulary,
			"default_num_special_tokens": specials, "version": "v13"},
		"vocab": vocab, "special_tokens": control,
	}
}

// tokenizer is the content of a tokenizer.json.
func tokenizer() object {
	letters := gguf.ByteAlphabet()
	spell := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			b.WriteRune(letters[s[i]])
		}
		return b.String()
	}
	words, left, right := wordList()
	vocab, added, merges := object{}, []object{}, [][2]string{}
	for id := range specials {
		vocab[special(id)] = id
		added = append(added, object{"id": id, "content": special(id), "special": true, "normalized": false,
			"single_word": false, "lstrip": false, "rstrip": false})
	}
	for b, r := range letters {
		vocab[string(r)] = specials + b
	}
	for i, w := range words {
		vocab[spell(w)] = specials + 256 + i
		merges = append(merges, [2]string{spell(left[i]), spell(right[i])})
	}
	return object{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil,
		"pre_tokenizer": object{"type": "Sequence", "pretokenizers": []object{
			{"type": "Split", "pattern": object{"Regex": pattern}, "behavior": "Isolated", "invert": false},
			{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
		}},
		"post_processor": object{"type": "TemplateProcessing", "single": []object{
			{"SpecialToken": object{"id": "<s>", "type_id": 0}}, {"Sequence": object{"id": "A", "type_id": 0}}}},
		"decoder": object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model": object{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
			"end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
			"vocab": vocab, "merges": merges},
	}
}
