package synth

import (
	"slices"
	"strings"
	"testing"
)

func TestTokenizer(t *testing.T) {
	for n, specials := range map[int]int{minVocab: 20, 400: 20, 16384: 125, 131072: 1000, maxVocab: 3051} {
		v := newTokenizer(n)
		if len(v.tokens) != n || len(v.types) != n || v.specials != specials || Specials(n) != specials {
			t.Errorf("%d tokens, %d types, %d special, want %d and %d", len(v.tokens), len(v.types), v.specials, n, specials)
		}
		ids := map[string]int{}
		for i, text := range v.tokens {
			if j, dup := ids[text]; dup || text == "" {
				t.Fatalf("n=%d: tokens %d and %d are %q", n, j, i, text)
			}
			ids[text] = i
			want := int32(1)
			if i < specials {
				want = 3
			}
			if v.types[i] != want {
				t.Fatalf("n=%d: token %d %q has type %d", n, i, text, v.types[i])
			}
		}
		merged := map[string]bool{}
		for _, m := range v.merges {
			left, right, ok := strings.Cut(m, " ")
			_, haveLeft := ids[left]
			_, haveRight := ids[right]
			result, haveBoth := ids[left+right]
			if !ok || !haveLeft || !haveRight || !haveBoth || result < specials+256 {
				t.Fatalf("n=%d: merge %q leaves the vocabulary", n, m)
			}
			merged[left+right] = true
		}
		if len(slices.Compact(slices.Sorted(slices.Values(v.merges)))) != len(v.merges) {
			t.Errorf("n=%d: a merge appears twice", n)
		}
		for _, text := range v.tokens[specials+256:] {
			if !merged[text] {
				t.Fatalf("n=%d: no merge makes %q", n, text)
			}
		}
	}
}

func TestTokenizerIDs(t *testing.T) {
	v := newTokenizer(fullVocab)
	for id, want := range map[int]string{
		unkID: "<unk>", bosID: "<s>", eosID: "</s>", 3: "[INST]", 4: "[/INST]", padID: "<pad>",
		17: "[SYSTEM_PROMPT]", 18: "[/SYSTEM_PROMPT]", 19: "[TOOL_CONTENT]", 20: "<SPECIAL_20>", 999: "<SPECIAL_999>",
		// Byte b is token 1000+b, in the characters that stand for bytes.
		1000: "Ā", 1000 + '\n': "Ċ", 1000 + ' ': "Ġ", 1000 + 'A': "A", 1000 + '~': "~", 1000 + 0x7f: "ġ",
		1000 + 0x80: "Ģ", 1000 + 0xa0: "ł", 1000 + 0xa1: "¡", 1000 + 0xad: "Ń", 1000 + 0xff: "ÿ",
		1256: "Ġe", 1257: "Ġt", 1258: "ee",
	} {
		if v.tokens[id] != want {
			t.Errorf("token %d is %q, want %q", id, v.tokens[id], want)
		}
	}
	if want := []string{"Ġ e", "Ġ t", "e e", "Ġ a"}; !slices.Equal(v.merges[:4], want) {
		t.Errorf("the first merges are %q", v.merges[:4])
	}
	// A word of three letters comes from two cuts, that of the earlier words first.
	i := slices.Index(v.merges, "Ġ ee")
	if i < 1 || v.merges[i+1] != "Ġe e" {
		t.Errorf("merges of Ġee: %q", v.merges[i:i+2])
	}
}

// llama.cpp picks the format of messages by marks in the template.
func TestChatTemplate(t *testing.T) {
	for _, mark := range []string{"[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "bos_token", "eos_token"} {
		if !strings.Contains(chatTemplate, mark) {
			t.Errorf("the template lacks %s", mark)
		}
	}
}
