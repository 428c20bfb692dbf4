// Package jsontext makes JSON of what tools write in its place: other encodings
// of text, and numbers that JSON can't hold.
package jsontext

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// UTF8 takes the byte order mark away that editors add, and turns UTF-16 into
// UTF-8: Windows PowerShell writes what it redirects so.
func UTF8(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	}
	units := make([]uint16, 0, len(b)/2)
	for b = b[2:]; len(b) >= 2; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return []byte(string(utf16.Decode(units)))
}

// nonFinite are the literals that Python's json and C's printf write for
// numbers that JSON can't hold.
var nonFinite = [][]byte{
	[]byte("NaN"), []byte("Infinity"), []byte("-Infinity"),
	[]byte("nan"), []byte("-nan"), []byte("inf"), []byte("-inf"),
}

var null = []byte("null")

// Finite replaces those literals by null. Strings stay as they are, and so
// does every other token.
func Finite(b []byte) []byte {
	if !bytes.Contains(b, []byte("NaN")) && !bytes.Contains(b, []byte("nan")) &&
		!bytes.Contains(b, []byte("Inf")) && !bytes.Contains(b, []byte("inf")) {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for i := 0; i < len(b); {
		token := b[i : i+tokenLength(b[i:])]
		i += len(token)
		if isNonFinite(token) {
			token = null
		}
		out = append(out, token...)
	}
	return out
}

func isNonFinite(token []byte) bool {
	for _, literal := range nonFinite {
		if bytes.Equal(token, literal) {
			return true
		}
	}
	return false
}

// tokenLength is the length of the token that b, which is not empty, begins
// with: a string with its quotes, a word or number, or one byte of anything
// else. A string that does not end goes on to the end of b.
func tokenLength(b []byte) int {
	if b[0] == '"' {
		for i := 1; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return len(b)
	}
	n := 0
	for n < len(b) && isWord(b[n]) {
		n++
	}
	return max(n, 1)
}

// isWord tells whether c can be part of a number or a literal.
func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.' || c == '_'
}
