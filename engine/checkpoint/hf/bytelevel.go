package hf

import "ceiling/engine/gguf"

var (
	alphabet = gguf.ByteAlphabet()
	// letters are the characters of the alphabet.
	letters = func() map[rune]bool {
		m := make(map[rune]bool, len(alphabet))
		for _, r := range alphabet {
			m[r] = true
		}
		return m
	}()
)

// byteLevel spells bytes in the alphabet.
func byteLevel(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = alphabet[c]
	}
	return string(runes)
}

// spelled reports whether s is text in the alphabet.
func spelled(s string) bool {
	for _, r := range s {
		if !letters[r] {
			return false
		}
	}
	return true
}
