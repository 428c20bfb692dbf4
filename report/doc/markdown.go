package doc

import (
	"io"
	"strings"

	"ceiling/internal/oneline"
)

// Markdown writes the document as Markdown. The error is w's.
func (d *Document) Markdown(w io.Writer) error {
	head := []string{"# " + T(d.Title).markdown()}
	for _, f := range d.Fields {
		head = append(head, f.markdown())
	}
	pieces := []string{strings.Join(append(head, markdown(d.Lead)...), Normal.lines())}
	for _, s := range d.Sections {
		if !s.OnPage {
			pieces = append(pieces, s.markdown("## "))
		}
	}
	text := d.comment() + strings.Join(pieces, d.Spacing.lines())
	if d.Footer != "" {
		text += "\n\n---\n\n" + Marked(Emphasis, d.Footer).markdown()
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}

// comment is what stands in front of the title.
func (d *Document) comment() string {
	if len(d.Comment) == 0 {
		return ""
	}
	// "-->" would end the comment.
	inside := func(s string) string { return strings.ReplaceAll(oneline.Of(s), "-->", "-- >") }
	var b strings.Builder
	b.WriteString("<!-- \n")
	for _, e := range d.Comment {
		b.WriteString(e.Name + ": " + inside(e.Value) + "\n")
	}
	return b.String() + "Note: " + inside(d.Note) + "\n-->\n\n"
}

// markdown is the section below a heading that begins with mark.
func (s *Section) markdown(mark string) string {
	body := strings.Join(markdown(s.Blocks), s.Spacing.lines())
	parts := []string{}
	if body != "" {
		parts = append(parts, body)
	}
	for _, p := range s.Parts {
		parts = append(parts, p.markdown("#"+mark))
	}
	return mark + T(s.Title).markdown() + s.Heading.lines() + strings.Join(parts, Normal.lines())
}

func markdown(blocks []Block) []string {
	out := make([]string, len(blocks))
	for i, b := range blocks {
		out[i] = b.markdown()
	}
	return out
}

// lines is what stands between two pieces.
func (s Spacing) lines() string {
	switch s {
	case Tight:
		return "\n"
	case Wide:
		return "\n\n\n\n"
	}
	return "\n\n"
}

// markdown is the text anywhere but at a line's beginning, where a dash or a
// number would make a list of it.
func (t Text) markdown() string {
	var b strings.Builder
	for _, s := range t.spans() {
		switch s.Mark {
		case Strong:
			b.WriteString("**" + oneline.Inline(s.Text) + "**")
		case Emphasis:
			b.WriteString("*" + oneline.Inline(s.Text) + "*")
		case Code:
			b.WriteString("`" + strings.ReplaceAll(s.Text, "`", "'") + "`")
		default:
			b.WriteString(oneline.Inline(s.Text))
		}
	}
	return b.String()
}

// line is the text where it begins a line.
func (t Text) line() string { return oneline.Beginning(t.markdown()) }

func (p Paragraph) markdown() string { return p.Text.line() }

func (f Field) markdown() string {
	return Join(Marked(Strong, T(f.Name).plain()+":"), T(" "), f.Value).markdown()
}

func (l List) markdown() string {
	lines := make([]string, 0, len(l))
	for _, item := range l {
		lines = append(lines, "- "+item.Text.line())
		for _, sub := range item.Sub {
			lines = append(lines, "  - "+sub.line())
		}
	}
	return strings.Join(lines, "\n")
}

func (p Properties) markdown() string {
	lines := make([]string, len(p))
	for i, f := range p {
		lines[i] = "- " + Join(T(f.Name+": "), f.Value).line()
	}
	return strings.Join(lines, "\n")
}

func (q Quote) markdown() string { return "> " + q.Text.line() }

func (Divider) markdown() string { return "---" }

func (m Mermaid) markdown() string { return "```mermaid\n" + string(m) + "\n```" }

func (s Stack) markdown() string { return strings.Join(markdown(s.Blocks), s.Spacing.lines()) }

func (t *Table) markdown() string {
	var head, marks strings.Builder
	for _, c := range t.Columns {
		head.WriteString(" " + T(c.Title).markdown() + " |")
		if c.Number || c.Right {
			marks.WriteString("---:|")
		} else {
			marks.WriteString("---|")
		}
	}
	lines := []string{"|" + head.String(), "|" + marks.String()}
	for _, row := range t.Rows {
		var b strings.Builder
		for _, c := range row {
			b.WriteString(" " + c.markdown() + " |")
		}
		lines = append(lines, "|"+b.String())
	}
	return strings.Join(lines, "\n")
}
