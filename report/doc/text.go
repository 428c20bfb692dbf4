package doc

import (
	"fmt"
	"strings"

	"ceiling/internal/oneline"
)

// Text is a line of text.
type Text []Span

// Span is a piece of it.
type Span struct {
	Text string
	Mark Mark
}

// Mark is how a piece stands out.
type Mark int

// Marks.
const (
	Plain Mark = iota
	Strong
	Emphasis
	Code
)

// T is plain text.
func T(s string) Text { return Text{{s, Plain}} }

// Tf is plain text from a format.
func Tf(format string, args ...any) Text { return T(fmt.Sprintf(format, args...)) }

// Marked is text that stands out.
func Marked(m Mark, s string) Text { return Text{{s, m}} }

// Join puts texts behind each other.
func Join(texts ...Text) Text {
	var out Text
	for _, t := range texts {
		out = append(out, t...)
	}
	return out
}

// spans are the pieces as they are shown: on one line, with single blanks
// between words and none at the ends.
func (t Text) spans() []Span {
	var out []Span
	blank := true // a blank here would be one too many
	for _, s := range t {
		var b strings.Builder
		for _, r := range oneline.Visible(s.Text) {
			if r != ' ' || !blank {
				b.WriteRune(r)
			}
			blank = r == ' '
		}
		if b.Len() > 0 {
			out = append(out, Span{b.String(), s.Mark})
		}
	}
	for n := len(out); n > 0; n-- {
		last := &out[n-1]
		if last.Text = strings.TrimRight(last.Text, " "); last.Text != "" {
			break
		}
		out = out[:n-1]
	}
	return out
}
