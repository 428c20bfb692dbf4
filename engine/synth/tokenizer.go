package synth

import (
	"cmp"
	"fmt"
	"slices"

	"ceiling/engine/gguf"
)

// Sizes of a vocabulary. The largest is what the letters below can fill.
const (
	minVocab     = minSpecials + 256
	maxVocab     = 400_000
	minSpecials  = 20
	fullVocab    = 131072 // the vocabulary that has fullSpecials
	fullSpecials = 1000
)

// Ids of the tokens that metadata names.
const (
	unkID = 0
	bosID = 1
	eosID = 2
	padID = 11
)

// specialNames are the first special tokens, as Mistral's Tekken vocabularies
// number them. The others are called <SPECIAL_k>.
var specialNames = [minSpecials]string{
	"<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]",
	"[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]",
	"[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
}

// tokenizer is a byte-level vocabulary for byte pair encoding.
type tokenizer struct {
	tokens   []string
	types    []int32  // a gguf.Token… value for each token
	merges   []string // "left right", in order of rank
	specials int      // ids below are special, then the 256 bytes follow
}

// Specials returns how many special tokens a vocabulary of n tokens has: 1000
// of 131072 as in the original, fewer in proportion, at least 20.
func Specials(n int) int {
	return max(minSpecials, n*fullSpecials/fullVocab)
}

// newTokenizer builds a vocabulary of n tokens, minVocab ≤ n ≤ maxVocab:
// special tokens, the 256 bytes, and then words of growing length, the ones of
// frequent letters first, until it is full. Words may begin with a space. A
// word joins any two words that it can be cut into, so text of lower-case
// letters is spelled with few tokens.
func newTokenizer(n int) *tokenizer {
	t := &tokenizer{specials: Specials(n)}
	for i := range t.specials {
		text := fmt.Sprintf("<SPECIAL_%d>", i)
		if i < len(specialNames) {
			text = specialNames[i]
		}
		t.add(text, gguf.TokenControl)
	}
	alphabet := gguf.ByteAlphabet()
	for _, r := range alphabet {
		t.add(string(r), gguf.TokenNormal)
	}
	rank := map[string]int{} // of the words and their letters
	for _, c := range letters {
		rank[string(alphabet[c])] = len(rank)
	}
	for length := 2; len(t.tokens) < n; length++ {
		for _, w := range words(length, n-len(t.tokens)) {
			runes := make([]rune, len(w))
			for i, c := range w {
				runes[i] = alphabet[c]
			}
			text := string(runes)
			t.join(runes, rank)
			rank[text] = len(rank)
			t.add(text, gguf.TokenNormal)
		}
	}
	return t
}

func (t *tokenizer) add(text string, kind int32) {
	t.tokens = append(t.tokens, text)
	t.types = append(t.types, kind)
}

// join adds the merges that make a word: one for each cut into two known
// words, the cut of the earliest words first.
func (t *tokenizer) join(word []rune, rank map[string]int) {
	type cut struct {
		left, right string
		l, r        int
	}
	var cuts []cut
	for i := 1; i < len(word); i++ {
		left, right := string(word[:i]), string(word[i:])
		l, ok1 := rank[left]
		r, ok2 := rank[right]
		if ok1 && ok2 {
			cuts = append(cuts, cut{left, right, l, r})
		}
	}
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Or(a.l-b.l, a.r-b.r) })
	for _, c := range cuts {
		t.merges = append(t.merges, c.left+" "+c.right)
	}
}

// letters are the bytes that words are made of, about in order of frequency.
// The space can only come first.
const letters = " etaoinshrdlcumwfgypbvkjxqz"

// words returns up to limit words of the given length, those of the most
// frequent letters first.
func words(length, limit int) []string {
	type scored struct {
		word  string
		score int
	}
	list := []scored{{}}
	for i := range length {
		longer := make([]scored, 0, len(list)*len(letters))
		for _, w := range list {
			for s := range len(letters) {
				if s == 0 && i > 0 {
					continue
				}
				longer = append(longer, scored{w.word + letters[s:s+1], w.score + s})
			}
		}
		list = longer
	}
	slices.SortFunc(list, func(a, b scored) int {
		return cmp.Or(a.score-b.score, cmp.Compare(a.word, b.word))
	})
	list = list[:min(limit, len(list))]
	texts := make([]string, len(list))
	for i, w := range list {
		texts[i] = w.word
	}
	return texts
}

// chatTemplate is how messages become a prompt, in Jinja. llama.cpp recognises
// the bracketed marks as Mistral's, version 7.
const chatTemplate = `{{- bos_token }}
{%- for message in messages %}
{%- if message['role'] == 'system' %}{{- '[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]' }}
{%- elif message['role'] == 'user' %}{{- '[INST]' + message['content'] + '[/INST]' }}
{%- else %}{{- message['content'] + eos_token }}
{%- endif %}
{%- endfor %}`
