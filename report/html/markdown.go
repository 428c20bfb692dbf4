package html

import (
	"bytes"
	"html/template"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The parsers are those that reports need. There is none for HTML, links and
// images: what looks like one is text, so that a name in a results file can
// neither vanish nor point anywhere.
var markdownParser = parser.NewParser(
	parser.WithBlockParsers(
		util.Prioritized(parser.NewThematicBreakParser(), 200),
		util.Prioritized(parser.NewListParser(), 300),
		util.Prioritized(parser.NewListItemParser(), 400),
		util.Prioritized(parser.NewATXHeadingParser(), 600),
		util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
		util.Prioritized(parser.NewBlockquoteParser(), 800),
		util.Prioritized(parser.NewParagraphParser(), 1000),
	),
	parser.WithInlineParsers(
		util.Prioritized(parser.NewCodeSpanParser(), 100),
		util.Prioritized(parser.NewEmphasisParser(), 500),
	),
	parser.WithParagraphTransformers(util.Prioritized(extension.NewTableParagraphTransformer(), 200)),
	parser.WithASTTransformers(
		util.Prioritized(extension.NewTableASTTransformer(), 0),
		util.Prioritized(layout{}, 100),
	),
)

var markdownRenderer = renderer.NewRenderer(renderer.WithNodeRenderers(
	util.Prioritized(html.NewRenderer(html.WithHardWraps()), 1000),
	util.Prioritized(extension.NewTableHTMLRenderer(), 500),
	util.Prioritized(scrollBox{}, 100), // instead of the one above for the table itself
))

func parseMarkdown(source []byte) ast.Node {
	return markdownParser.Parse(text.NewReader(source))
}

// render gives the HTML of a node. Errors can't come from a buffer.
func (d *document) render(n ast.Node) template.HTML {
	var b bytes.Buffer
	_ = markdownRenderer.Render(&b, d.source, n)
	return template.HTML(b.String())
}

// inlines gives the HTML of what a block holds, without its own tag.
func (d *document) inlines(block ast.Node) template.HTML {
	var b bytes.Buffer
	for n := block.FirstChild(); n != nil; n = n.NextSibling() {
		_ = markdownRenderer.Render(&b, d.source, n)
	}
	return template.HTML(b.String())
}

func trimHTML(h template.HTML) template.HTML {
	return template.HTML(strings.TrimSpace(string(h)))
}

// plainText is a node's text without its marks.
func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(util.ResolveEntityNames(util.UnescapePunctuations(n.Segment.Value(source))))
				if n.SoftLineBreak() {
					b.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(b.String())
}

// label reads a node as the name in front of a value: "**Purpose:**".
func label(n ast.Node, source []byte) (string, bool) {
	e, ok := n.(*ast.Emphasis)
	if !ok || e.Level != 2 {
		return "", false
	}
	name := plainText(e, source)
	return name, strings.HasSuffix(name, ":")
}

// layout marks what the style sheet lays out in its own way: numeric columns,
// lines that begin with a label, and the list of key metrics.
type layout struct{}

// Transform is parser.ASTTransformer.
func (layout) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	source := reader.Source()
	var next ast.Node
	for n := doc.FirstChild(); n != nil; n = next {
		next = n.NextSibling()
		switch n := n.(type) {
		case *extast.Table:
			alignNumbers(n, source)
		case *ast.Paragraph:
			splitLabels(doc, n, source)
		case *ast.List:
			if name, ok := lastLabel(n.PreviousSibling(), source); ok && name == "Key metrics:" {
				markMetrics(n, source)
			}
		}
	}
}

// splitLabels makes a paragraph of its own of each line that begins with a
// label, as long as all do.
func splitLabels(doc *ast.Document, p *ast.Paragraph, source []byte) {
	var lines [][]ast.Node
	begins := true
	for n := p.FirstChild(); n != nil; n = n.NextSibling() {
		if begins {
			if _, ok := label(n, source); !ok {
				return
			}
			lines = append(lines, nil)
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], n)
		t, ok := n.(*ast.Text)
		begins = ok && t.SoftLineBreak()
	}
	for _, line := range lines {
		one := ast.NewParagraph()
		class := "field"
		if len(line) == 1 || plainLine(line[1:], source) == "" {
			class = "label"
		}
		one.SetAttributeString("class", []byte(class))
		for _, n := range line {
			if t, ok := n.(*ast.Text); ok {
				t.SetSoftLineBreak(false)
			}
			one.AppendChild(one, n) // takes it away from p
		}
		doc.InsertBefore(doc, p, one)
	}
	doc.RemoveChild(doc, p)
}

// plainLine is the text of a line's nodes.
func plainLine(nodes []ast.Node, source []byte) string {
	var b strings.Builder
	for _, n := range nodes {
		b.WriteString(plainText(n, source))
	}
	return b.String()
}

// lastLabel is the label of a paragraph that is nothing but a label.
func lastLabel(n ast.Node, source []byte) (string, bool) {
	p, ok := n.(*ast.Paragraph)
	if !ok || p.ChildCount() == 0 {
		return "", false
	}
	name, ok := label(p.FirstChild(), source)
	return name, ok && plainText(p, source) == name
}

// markMetrics sets the names in a list of "name: value" apart.
func markMetrics(list *ast.List, source []byte) {
	list.SetAttributeString("class", []byte("metrics"))
	for item := list.FirstChild(); item != nil; item = item.NextSibling() {
		line := item.FirstChild()
		if line == nil {
			continue
		}
		t, ok := line.FirstChild().(*ast.Text)
		if !ok {
			continue
		}
		at := bytes.Index(t.Segment.Value(source), []byte(": "))
		if at < 0 {
			continue
		}
		name := ast.NewEmphasis(2)
		name.AppendChild(name, ast.NewTextSegment(t.Segment.WithStop(t.Segment.Start+at+1)))
		t.Segment = t.Segment.WithStart(t.Segment.Start + at + 1)
		line.InsertBefore(line, t, name)
	}
}

// roomy is how wide a table may be for its box to need no scrolling on a wide
// screen: a column of words counts for two, one of numbers for one.
const roomy = 11

// asides are the columns that a phone leaves out, so that the results stay in
// sight: a scenario's load stands among its key metrics, too.
var asides = []string{"Category", "Input (tok)", "Output (tok)", "Concurrency", "Load"}

// alignNumbers marks the cells of the columns that hold numbers. The marks in
// the Markdown say only where the reference has its text.
func alignNumbers(table *extast.Table, source []byte) {
	width := 2 * len(table.Alignments)
	for column, align := range table.Alignments {
		numeric, aside := false, false
		if head, ok := cellAt(table.FirstChild(), column); ok {
			aside = column > 0 && slices.Contains(asides, plainText(head, source))
		}
		if align == extast.AlignRight {
			numeric = numericColumn(table, column, source)
		}
		if numeric {
			width--
		}
		for row := table.FirstChild(); row != nil; row = row.NextSibling() {
			if c, ok := cellAt(row, column); ok {
				c.Alignment = extast.AlignNone
				if class := strings.TrimSpace(map[bool]string{true: "num"}[numeric] + map[bool]string{true: " aside"}[aside]); class != "" {
					c.SetAttributeString("class", []byte(class))
				}
			}
		}
	}
	if width > roomy {
		table.SetAttributeString("class", []byte("wide"))
	}
}

// numericColumn says whether more cells hold numbers than words. Numbers begin
// with a digit or a sign; a dash is neither.
func numericColumn(table *extast.Table, column int, source []byte) bool {
	numbers, words := 0, 0
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		c, ok := cellAt(row, column)
		if _, head := row.(*extast.TableHeader); head || !ok {
			continue
		}
		switch s := plainText(c, source); {
		case s == "" || s == "—":
		case strings.IndexAny(s, "0123456789<>+-−~") == 0:
			numbers++
		default:
			words++
		}
	}
	return numbers >= words
}

func cellAt(row ast.Node, column int) (*extast.TableCell, bool) {
	n := row.FirstChild()
	for ; n != nil && column > 0; column-- {
		n = n.NextSibling()
	}
	c, ok := n.(*extast.TableCell)
	return c, ok
}

// scrollBox renders a table in a box of its own, which scrolls where the
// table is wider than the page.
type scrollBox struct{}

// RegisterFuncs is renderer.NodeRenderer.
func (scrollBox) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(extast.KindTable, func(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		tag := "</tbody>\n</table></div>\n"
		if entering {
			class := "table"
			if _, wide := n.AttributeString("class"); wide {
				class += " wide"
			}
			tag = `<div class="` + class + `" tabindex="0" role="group" aria-label="Table"><table>` + "\n"
		}
		_, err := w.WriteString(tag)
		return ast.WalkContinue, err
	})
}
