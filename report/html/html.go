// Package html makes one self-contained page of a report: its Markdown, with
// the charts at the sections they belong to.
//
// The Markdown is the page's only source of text and numbers. A page needs no
// script, asks for nothing outside itself, and follows the reader's light or
// dark scheme; on paper it is light.
package html

import (
	"bytes"
	_ "embed" // the style sheet and the template
	"fmt"
	"html/template"
	"io"
	"strings"

	"ceiling/report/chart"
)

// Page is what a page is made of.
type Page struct {
	// Markdown is the text, as report.Markdown or a comparison renders it.
	// HTML in it is shown as text, and so are links: names come from files.
	Markdown []byte
	// Figures stand at the end of their sections; those whose section the
	// text does not have come in one of their own.
	Figures []chart.Figure
	// Highlights are the few figures that stand above the text.
	Highlights []Highlight
}

// Highlight is one of the figures at the head of a page.
type Highlight struct {
	Label string // "Peak throughput"
	Value string // "351.0"
	Unit  string // "tok/s"
	Note  string // "c=16"; may be ""
}

//go:embed style.css
var styleSheet string

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// view is the page as the template sees it.
type view struct {
	*document
	Style      template.CSS
	Highlights []Highlight
}

// Write renders the page. It is a pure function of p. The error is w's, or
// names a figure that can't be in a page: one that is not well-formed, or
// that holds a script or a reference to something outside.
func Write(w io.Writer, p Page) error {
	doc, err := parse(p.Markdown)
	if err != nil {
		return err
	}
	for i := range p.Figures {
		f := &p.Figures[i]
		fig, err := newFigure(f)
		if err != nil {
			return fmt.Errorf("figure %q: %w", f.ID, err)
		}
		doc.place(f, fig)
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view{doc, template.CSS(styleSheet + chart.CSS()), p.Highlights}); err != nil {
		return err
	}
	_, err = w.Write(withoutBlankLines(b.Bytes()))
	return err
}

// withoutBlankLines drops the lines that the template's actions leave behind.
func withoutBlankLines(b []byte) []byte {
	var out []byte
	for line := range bytes.Lines(b) {
		if len(bytes.TrimSpace(line)) > 0 {
			out = append(out, line...)
		}
	}
	return out
}

// slug makes an id of a heading.
func slug(title string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(title) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
			dash = false
			continue
		}
		dash = true
	}
	if b.Len() == 0 {
		return "section"
	}
	return b.String()
}
