package gguf

// ByteAlphabet returns the character that stands for each byte in byte-level
// vocabularies (tokenizer.ggml.model "gpt2"): itself where it is printable, else
// one from U+0100 on.
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
