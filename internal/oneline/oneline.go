// Package oneline makes text of others fit to be shown: what comes from a file,
// a server or a library may hold anything, and goes to terminals, tables and
// lines of JSON.
package oneline

import (
	"errors"
	"io/fs"
	"strings"
	"unicode"
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
