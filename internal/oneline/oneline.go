// Package oneline makes text of others fit to be shown: what comes from a file,
// a server or a library may hold anything, and goes to terminals, tables and
// lines of JSON.
package oneline

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Of returns s as one line of characters that print. Runs of white space
// are one blank, and those at the ends are gone. What does not print (control
// characters, marks that turn the direction of text, broken UTF-8) is shown as
// the replacement character U+FFFD, so that it can't hide.
func Of(s string) string { return strings.Join(strings.Fields(Visible(s)), " ") }

// Visible is Of with the blanks left as they are.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// Quote quotes text for a message, and cuts it where it is long.
func Quote(s string) string {
	const most = 80
	cut := Cut(s, most)
	if len(cut) < len(s) {
		return strconv.Quote(cut) + "…"
	}
	return strconv.Quote(s)
}

// Cut is as much of the beginning of s as most bytes hold, in whole characters.
func Cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// Shorten is Cut with a sign that there was more.
func Shorten(s string, most int) string {
	if cut := Cut(s, most); len(cut) < len(s) {
		return cut + "…"
	}
	return s
}

// Err is an error's text on one line.
func Err(err error) string { return Of(err.Error()) }

// Cause is an error without the operation and the path that the message which
// wraps it names already.
func Cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
