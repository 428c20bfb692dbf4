package html

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// document is a report taken apart into what the template lays out.
type document struct {
	Title    string
	Fields   []field  // below the title: model, hardware, date
	Note     string   // who wrote the prose
	About    []entry  // the rest of the comment in front of the title
	Lead     []block  // between title and first section
	Opening  []figure // the chart of the first screen
	Sections []*section
	Footer   template.HTML

	source []byte
	ids    map[string]int // how often a slug was used
}

// field is a name with its value.
type field struct {
	Name  string
	Value template.HTML
}

// entry is a line "Name: value" of the comment.
type entry struct{ Name, Value string }

// section is a heading with what stands below it.
type section struct {
	ID      string
	Title   string        // plain text
	Heading template.HTML // Title, marked up
	Blocks  []block
	Parts   []*section // below headings of level 3
	Figures []figure
	Folded  bool // shown where somebody asks for it
}

// conditions are the sections that say what was measured under which
// conditions, as reports have them. In a page they stand folded behind the
// results.
var conditions = []string{"System Configuration", "Engine", "Server", "Conditions"}

// fold moves the conditions behind the other sections.
func (d *document) fold() {
	var results, folded []*section
	for _, s := range d.Sections {
		if slices.Contains(conditions, s.Title) {
			s.Folded = true
			folded = append(folded, s)
			continue
		}
		results = append(results, s)
	}
	d.Sections = append(results, folded...)
}

// block is one rendered block; Kind tells the template which is which.
type block struct {
	Kind string // "", or one of the kinds below
	HTML template.HTML
}

// Kinds of blocks that are laid out in their own way.
const (
	kindRule = "rule" // a thematic break
)

// parse reads the Markdown of a report or a comparison.
func parse(markdown []byte) (*document, error) {
	doc := &document{ids: map[string]int{}}
	doc.source = doc.comment(markdown)
	root := parseMarkdown(doc.source)
	if err := doc.fill(root); err != nil {
		return nil, err
	}
	if doc.Title == "" {
		return nil, errors.New("a report without a title can't become a page: no heading of level 1")
	}
	doc.takeFooter()
	doc.fold()
	return doc, nil
}

// comment takes the comment in front of the title apart and returns what
// follows it. A report without one is all text.
func (d *document) comment(markdown []byte) []byte {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(markdown, "\n"), []byte("<!--"))
	if !ok {
		return markdown
	}
	text, rest, ok := bytes.Cut(rest, []byte("-->"))
	if !ok {
		return markdown
	}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !ok:
		case name == "Note":
			d.Note = value
		default:
			d.About = append(d.About, entry{name, value})
		}
	}
	return rest
}

// fill sorts the blocks into sections.
func (d *document) fill(root ast.Node) error {
	var at, part *section
	var next ast.Node
	for n := root.FirstChild(); n != nil; n = next {
		next = n.NextSibling()
		if h, ok := n.(*ast.Heading); ok {
			switch {
			case h.Level == 1 && d.Title == "":
				d.Title = plainText(h, d.source)
			case h.Level <= 2:
				at, part = d.newSection(h), nil
				d.Sections = append(d.Sections, at)
			case at != nil:
				part = d.newSection(h)
				at.Parts = append(at.Parts, part)
			default: // a heading of level 3 in front of the first section
				d.Lead = append(d.Lead, d.block(n)...)
			}
			continue
		}
		blocks := d.block(n)
		switch {
		case part != nil:
			part.Blocks = append(part.Blocks, blocks...)
		case at != nil:
			at.Blocks = append(at.Blocks, blocks...)
		case d.Title != "" && d.takeFields(n):
		default:
			d.Lead = append(d.Lead, blocks...)
		}
	}
	return nil
}

func (d *document) newSection(h *ast.Heading) *section {
	title := plainText(h, d.source)
	return &section{ID: d.id(title), Title: title, Heading: d.inlines(h)}
}

// id is a slug that no other heading of the page has.
func (d *document) id(title string) string {
	s := slug(title)
	d.ids[s]++
	if n := d.ids[s]; n > 1 {
		return d.id(fmt.Sprintf("%s-%d", s, n))
	}
	return s
}

// block renders one block of the text.
func (d *document) block(n ast.Node) []block {
	switch n := n.(type) {
	case *ast.ThematicBreak:
		return []block{{Kind: kindRule}}
	case *ast.FencedCodeBlock:
		// The chart of the same numbers is in the page; mermaid's source
		// would need a script.
		if string(n.Language(d.source)) == "mermaid" {
			return nil
		}
	}
	return []block{{HTML: d.render(n)}}
}

// takeFields reads a paragraph "**Name:** value" below the title.
func (d *document) takeFields(n ast.Node) bool {
	p, ok := n.(*ast.Paragraph)
	if !ok || len(d.Lead) > 0 {
		return false
	}
	name, ok := label(p.FirstChild(), d.source)
	if !ok {
		return false
	}
	p.RemoveChild(p, p.FirstChild())
	d.Fields = append(d.Fields, field{strings.TrimSuffix(name, ":"), trimHTML(d.inlines(p))})
	return true
}

// takeFooter takes the last line, which stands below a rule, off the last
// section.
func (d *document) takeFooter() {
	if len(d.Sections) == 0 {
		return
	}
	last := d.Sections[len(d.Sections)-1]
	blocks := &last.Blocks
	if len(last.Parts) > 0 {
		blocks = &last.Parts[len(last.Parts)-1].Blocks
	}
	n := len(*blocks)
	if n < 2 || (*blocks)[n-2].Kind != kindRule || !strings.HasPrefix(string((*blocks)[n-1].HTML), "<p><em>") {
		return
	}
	d.Footer = (*blocks)[n-1].HTML
	*blocks = (*blocks)[:n-2]
}

// Subject is what the report is about, for the window's title.
func (d *document) Subject() string {
	for _, f := range d.About {
		if f.Name == "Model" {
			return f.Value
		}
	}
	return ""
}
