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
func Markdown(s string) string { return Beginning(Inline(Of(s))) }

// Inline is Markdown for text within a line, blanks left as they are.
func Inline(s string) string {
	runes := []rune(s)
	var b strings.Builder
	for i, r := range runes {
		if active(around(runes, i-1), r, around(runes, i+1)) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return link.ReplaceAllString(b.String(), `$3$5\$1$4$6$2`)
}

// Beginning takes away from a line of Markdown what would make it an item of a
// list or a rule.
func Beginning(line string) string {
	m := marker.FindString(line)
	if m == "" {
		return line
	}
	i := strings.IndexFunc(m, func(r rune) bool { return !unicode.IsDigit(r) })
	return line[:i] + `\` + line[i:]
}

// around is a neighbour; 0 beyond an end.
func around(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return 0
	}
	return runes[i]
}

// active tells whether a character within a line can become markup in Markdown
// as GitHub reads it, HTML included. An underscore within a word, a tilde
// between blanks, an "at" before a blank and a "less than" before a blank or a
// number can't.
func active(before, r, behind rune) bool {
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	switch r {
	case '_':
		return !word(before) || !word(behind)
	case '~':
		blank := func(r rune) bool { return r == 0 || r == ' ' }
		return !blank(before) || !blank(behind)
	case '<':
		return behind != ' ' && !unicode.IsDigit(behind)
	case '@':
		return behind != ' '
	}
	return strings.ContainsRune("\\`*{}[]>|&$^#", r)
}

// FromMarkdown returns the text that Markdown made s of.
func FromMarkdown(s string) string { return escaped.ReplaceAllString(s, "$1") }
