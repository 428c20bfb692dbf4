package oneline

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	// marker is what makes a line that begins with it a list or a rule.
	marker = regexp.MustCompile(`^([-+]|[0-9]+[.)]( |$))`)
	// link is what is made a link without any markup.
	link = regexp.MustCompile(`(?i)(:)(//)|\b(www)(\.)|\b(mailto|xmpp)(:)`)
	// escaped is what Markdown made added.
	escaped = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")
)

// Markdown returns Of(s) such that Markdown shows it as it is, anywhere: it
// is no markup, no HTML and no link, and stays in its cell of a table.
func Markdown(s string) string {
	runes := []rune(Of(s))
	var b strings.Builder
	for i, r := range runes {
		if active(around(runes, i-1), r, around(runes, i+1)) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	s = link.ReplaceAllString(b.String(), `$3$5\$1$4$6$2`)
	if m := marker.FindString(s); m != "" {
		i := strings.IndexFunc(m, func(r rune) bool { return !unicode.IsDigit(r) })
		s = s[:i] + `\` + s[i:]
	}
	return s
}

// around is a neighbour; 0 beyond an end.
func around(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return 0
	}
	return runes[i]
}

// active tells whether a character within a line can become markup in Markdown
// as GitHub and goldmark read it, HTML included. An underscore within a word,
// an "at" before a blank and a "less than" before a blank or a number can't.
func active(before, r, behind rune) bool {
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	switch r {
	case '_':
		return !word(before) || !word(behind)
	case '<':
		return behind != ' ' && !unicode.IsDigit(behind)
	case '@':
		return behind != ' '
	}
	return strings.ContainsRune("\\`*{}[]>|~&$^#", r)
}

// FromMarkdown returns the text that Markdown made s of.
func FromMarkdown(s string) string { return escaped.ReplaceAllString(s, "$1") }
