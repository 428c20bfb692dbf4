package hf

import (
	"errors"

	"ceiling/engine/checkpoint/internal/strictjson"
)

// errPre says that the way in which text is cut into words can't be named.
var errPre = errors.New("pre_tokenizer is none that can be converted; those of Tekken, Llama 3, GPT-2 and SmolLM can")

// Names of llama.cpp for ways to cut text.
const (
	preTekken = "tekken"
	preLlama3 = "llama-bpe"
	preGPT2   = "gpt-2"
	preSmolLM = "smollm"
)

// The patterns of tokenizer.json for which llama.cpp v0.5.0 has an equivalent,
// given there as the original beside its own form.
const (
	tekkenPattern = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|` +
		`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|` +
		`\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	llama3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|` +
		`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// preTokenizer names what a tokenizer.json does before it joins letters. It
// recognises the exact form alone: llama.cpp has the patterns built in, and a
// wrong name gives plausible text of the wrong tokens.
func preTokenizer(v *strictjson.Value, ignoreMerges bool) (string, error) {
	steps := []*strictjson.Value{v}
	if isText(v.Get("type"), "Sequence") {
		steps = steps[:0]
		for _, step := range v.Get("pretokenizers").Items() {
			steps = append(steps, step)
		}
	}
	if len(steps) < 1 || len(steps) > 2 {
		return "", errPre
	}
	// The last step spells bytes as letters. Where it also cuts words, it does
	// so by GPT-2's pattern.
	last := steps[len(steps)-1]
	cuts := last.Get("use_regex") == nil || isBool(last.Get("use_regex"), true)
	if !isText(last.Get("type"), "ByteLevel") || !isBool(last.Get("add_prefix_space"), false) {
		return "", errPre
	}
	// llama.cpp fixes ignore_merges by the name.
	first := steps[0]
	switch pattern := splitPattern(first); {
	case len(steps) == 1 && cuts && !ignoreMerges:
		return preGPT2, nil
	case len(steps) == 1:
		return "", errPre
	case cuts && !ignoreMerges && isText(first.Get("type"), "Digits") && isBool(first.Get("individual_digits"), true):
		return preSmolLM, nil
	case !cuts && pattern == tekkenPattern:
		return preTekken, nil
	case !cuts && pattern == llama3Pattern && ignoreMerges:
		return preLlama3, nil
	}
	return "", errPre
}

// splitPattern is the regular expression of a step that makes every match a
// word of its own, "" for any other step.
func splitPattern(v *strictjson.Value) string {
	if !isText(v.Get("type"), "Split") || !isText(v.Get("behavior"), "Isolated") || isBool(v.Get("invert"), true) {
		return ""
	}
	pattern, err := v.Get("pattern").Get("Regex").Str()
	if err != nil {
		return ""
	}
	return pattern
}

func isText(v *strictjson.Value, want string) bool {
	s, err := v.Str()
	return err == nil && s == want
}

func isBool(v *strictjson.Value, want bool) bool {
	b, err := v.Bool()
	return err == nil && b == want
}
