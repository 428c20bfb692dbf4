package hf

// ByteAlphabet returns the character that stands for each byte in a byte-level
// vocabulary: itself where it is printable, else one from U+0100 on.
func ByteAlphabet() [256]rune {
	var a [256]rune
	next := rune(0x100)
	for b := range a {
		switch {
		case b >= 0x21 && b <= 0x7e, b >= 0xa1 && b <= 0xac, b >= 0xae:
			a[b] = rune(b)
		default:
			a[b] = next
			next++
		}
	}
	return a
}

var (
	alphabet = ByteAlphabet()
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
