package prose

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind tells words, numbers and marks apart.
type tokenKind int

const (
	wordToken tokenKind = iota
	numberToken
	markToken
)

// token is a word, a number in digits or a punctuation mark.
type token struct {
	kind       tokenKind
	text       string // in lower case; of words without a possessive ending
	start, end int    // bytes of the sentence
}

// tokenise splits a sentence. A hyphen inside a word divides it without
// being a token, so that "time-to-first-token" reads as "time to first token".
func tokenise(s string) []token {
	var out []token
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r):
			i += size
		case isDigit(r):
			end := i + numberLength(s[i:])
			out = append(out, token{numberToken, s[i:end], i, end})
			i = end
		case unicode.IsLetter(r):
			end := i + wordLength(s[i:])
			out = append(out, token{wordToken, fold(s[i:end]), i, end})
			i = end
		case hyphen(r) && between(s, i, size):
			i += size
		default:
			out = append(out, token{markToken, s[i : i+size], i, i + size})
			i += size
		}
	}
	return out
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func hyphen(r rune) bool { return r == '-' || r == '\u2010' || r == '\u2011' }

// between says whether the hyphen at s[i] has letters or digits on both
// sides, not digits on both: "16-way" is two words, "220-247" a range.
func between(s string, i, size int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+size:])
	letters := unicode.IsLetter(before) || unicode.IsLetter(after)
	return letters && (unicode.IsLetter(before) || isDigit(before)) && (unicode.IsLetter(after) || isDigit(after))
}

// numberLength is how far digits go, with a decimal point and with commas
// between groups of three.
func numberLength(s string) int {
	n := 0
	point := false
	for n < len(s) {
		switch c := s[n]; {
		case c >= '0' && c <= '9':
			n++
		case c == '.' && !point && n+1 < len(s) && isDigit(rune(s[n+1])):
			point = true
			n++
		case c == ',' && !point && threeDigits(s[n+1:]):
			n++
		default:
			return n
		}
	}
	return n
}

// threeDigits says whether s begins with exactly three digits.
func threeDigits(s string) bool {
	if len(s) < 3 {
		return false
	}
	for i := range 3 {
		if !isDigit(rune(s[i])) {
			return false
		}
	}
	return len(s) == 3 || !isDigit(rune(s[3]))
}

// wordLength is how far letters go, with digits behind the first ("p99") and
// apostrophes inside.
func wordLength(s string) int {
	n := 0
	for n < len(s) {
		r, size := utf8.DecodeRuneInString(s[n:])
		if apostrophe(r) {
			after, _ := utf8.DecodeRuneInString(s[n+size:])
			if !unicode.IsLetter(after) {
				if n > 1 && s[n-1] == 's' {
					return n + size // "requests'"
				}
				return n
			}
		} else if !unicode.IsLetter(r) && !isDigit(r) && !unicode.Is(unicode.Mn, r) {
			return n
		}
		n += size
	}
	return n
}

func apostrophe(r rune) bool { return r == '\'' || r == '\u2019' }

// fold is a word in the form in which it is looked up.
func fold(word string) string {
	w := strings.ReplaceAll(strings.ToLower(word), "\u2019", "'")
	return strings.TrimSuffix(strings.TrimSuffix(w, "'s"), "'")
}
