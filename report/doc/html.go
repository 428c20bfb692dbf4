package doc

import (
	"bytes"
	_ "embed" // the style sheet and the template
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed style.css
var styleSheet string

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// HTML writes the document as one page, which needs no script, asks for nothing
// outside itself, and follows the reader's light or dark scheme; on paper it is
// light. The error is w's, or names a figure that can't be in a page: one that
// is not well-formed, or that holds a script or a reference to something
// outside.
func (d *Document) HTML(w io.Writer) error {
	p, err := newPage(d)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return err
	}
	_, err = w.Write(withoutBlankLines(b.Bytes()))
	return err
}

// page is the document as the template sees it.
type page struct {
	*Document
	Style    template.CSS
	Fields   []fieldView
	Lead     template.HTML
	Opening  []figureView
	Sections []*sectionView
}

type fieldView struct {
	Name    string
	Value   template.HTML
	Warning bool
}

type sectionView struct {
	ID      string
	Title   string
	Body    template.HTML
	Figures []figureView
	Parts   []*sectionView
	Folded  bool
}

func newPage(d *Document) (*page, error) {
	if d.Title == "" {
		return nil, errors.New("a document without a title can't become a page")
	}
	p := &page{Document: d, Style: template.CSS(styleSheet + d.Style), Lead: template.HTML(html(d.Lead))}
	for _, f := range d.Fields {
		p.Fields = append(p.Fields, fieldView{f.Name, template.HTML(f.Value.html()), f.Warning})
	}
	ids := slugs{}
	var folded []*sectionView
	errs := []error{p.figures(&p.Opening, d.Opening)}
	for _, s := range d.Sections {
		if s.OnPage && len(s.Figures) == 0 {
			continue
		}
		v, err := p.section(s, ids)
		errs = append(errs, err)
		if s.Folded {
			folded = append(folded, v)
		} else {
			p.Sections = append(p.Sections, v)
		}
	}
	p.Sections = append(p.Sections, folded...)
	return p, errors.Join(errs...)
}

func (p *page) section(s *Section, ids slugs) (*sectionView, error) {
	title := T(s.Title).plain()
	v := &sectionView{ID: ids.of(title), Title: title, Body: template.HTML(html(s.Blocks)), Folded: s.Folded}
	errs := []error{p.figures(&v.Figures, s.Figures)}
	for _, part := range s.Parts {
		sub, err := p.section(part, ids)
		v.Parts, errs = append(v.Parts, sub), append(errs, err)
	}
	return v, errors.Join(errs...)
}

func (p *page) figures(out *[]figureView, figures []Figure) error {
	for i := range figures {
		f, err := newFigure(&figures[i])
		if err != nil {
			return fmt.Errorf("figure %q: %w", figures[i].ID, err)
		}
		*out = append(*out, f)
	}
	return nil
}

// slugs counts how often each id is used.
type slugs map[string]int

// of is an id made of a title, which no other heading of the page has.
func (ids slugs) of(title string) string {
	s := slug(title)
	ids[s]++
	if n := ids[s]; n > 1 {
		return ids.of(fmt.Sprintf("%s-%d", s, n))
	}
	return s
}

// slug is a title's letters and digits, with dashes between them.
func slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	if len(words) == 0 {
		return "section"
	}
	return strings.Join(words, "-")
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

func html(blocks []Block) string {
	var b strings.Builder
	for _, block := range blocks {
		b.WriteString(block.html())
	}
	return b.String()
}

// plain is the text without its marks.
func (t Text) plain() string {
	var b strings.Builder
	for _, s := range t.spans() {
		b.WriteString(s.Text)
	}
	return b.String()
}

// elements are the marks' own.
var elements = map[Mark]string{Strong: "strong", Emphasis: "em", Code: "code"}

func (t Text) html() string {
	var b strings.Builder
	for _, s := range t.spans() {
		text := template.HTMLEscapeString(s.Text)
		if e := elements[s.Mark]; e != "" {
			text = "<" + e + ">" + text + "</" + e + ">"
		}
		b.WriteString(text)
	}
	return b.String()
}

func (p Paragraph) html() string { return "<p>" + p.Text.html() + "</p>\n" }

func (f Field) html() string {
	class, value := "field", " "+f.Value.html()
	if value == " " {
		class, value = "label", ""
	}
	return `<p class="` + class + `"><strong>` + T(f.Name).html() + ":</strong>" + value + "</p>\n"
}

func (l List) html() string {
	var b strings.Builder
	b.WriteString("<ul>\n")
	for _, item := range l {
		b.WriteString("<li>" + item.Text.html())
		if len(item.Sub) > 0 {
			b.WriteString("\n<ul>\n")
			for _, sub := range item.Sub {
				b.WriteString("<li>" + sub.html() + "</li>\n")
			}
			b.WriteString("</ul>\n")
		}
		b.WriteString("</li>\n")
	}
	return b.String() + "</ul>\n"
}

func (p Properties) html() string {
	var b strings.Builder
	b.WriteString(`<ul class="metrics">` + "\n")
	for _, f := range p {
		b.WriteString("<li><strong>" + T(f.Name).html() + ":</strong> " + f.Value.html() + "</li>\n")
	}
	return b.String() + "</ul>\n"
}

func (q Quote) html() string { return "<blockquote>\n<p>" + q.Text.html() + "</p>\n</blockquote>\n" }

func (Divider) html() string { return "<hr>\n" }

func (Mermaid) html() string { return "" }

func (s Stack) html() string { return html(s.Blocks) }

// roomy is how wide a table may be for its box to need no scrolling on a wide
// screen: a column of words counts for two, one of numbers for one.
const roomy = 11

func (t *Table) html() string {
	width := 0
	for _, c := range t.Columns {
		width += 2
		if c.Number {
			width--
		}
	}
	class := "table"
	if width > roomy {
		class += " wide"
	}
	var b strings.Builder
	// The box scrolls where the table is wider than the page.
	fmt.Fprintf(&b, `<div class="%s" tabindex="0" role="group" aria-label="Table"><table>`+"\n<thead>\n<tr>\n",
		class)
	for _, c := range t.Columns {
		b.WriteString("<th" + c.class() + ">" + T(c.Title).html() + "</th>\n")
	}
	b.WriteString("</tr>\n</thead>\n<tbody>\n")
	for _, row := range t.Rows {
		b.WriteString("<tr>\n")
		for i, cell := range row {
			b.WriteString("<td" + t.Columns[i].class() + ">" + cell.html() + "</td>\n")
		}
		b.WriteString("</tr>\n")
	}
	return b.String() + "</tbody>\n</table></div>\n"
}

// class is the attribute of the column's cells, with a blank in front.
func (c Column) class() string {
	switch {
	case c.Number && c.Aside:
		return ` class="num aside"`
	case c.Number:
		return ` class="num"`
	case c.Aside:
		return ` class="aside"`
	}
	return ""
}
