// Package doc is a document before it is text: sections with paragraphs, lists
// and tables, and the tiles and figures that a page has beside them. A report
// is built once; Markdown and HTML are written from it, and nothing is ever
// read back.
//
// Text is held as what it says. It may come from a file or a server and hold
// anything: the writers see to it that it neither becomes markup nor vanishes,
// and that it stays on its line.
package doc

// Document is a report.
type Document struct {
	// Comment is in front of the title in Markdown, and at a page's end.
	Comment []Remark
	Note    string // who wrote the prose: the comment's last line, on a page below the title
	Title   string
	Subject string  // what the report is about, for a page's window
	Fields  []Field // below the title: model, hardware, date
	Lead    []Block // between those and the first section
	Tiles   []Tile  // the few figures at the head of a page
	Opening []Figure
	// Sections come on a page in this order too, but for folded ones, which
	// stand behind the others.
	Sections []*Section
	Footer   string  // the last line, below a rule
	Spacing  Spacing // between sections
	Style    string  // CSS that the figures need
}

// Remark is a line "Name: value".
type Remark struct{ Name, Value string }

// Tile is one of the figures at the head of a page.
type Tile struct {
	Label string // "Peak throughput"
	Value string // "351.0"
	Unit  string // "tok/s"
	Note  string // "c=16"; may be ""
}

// Section is a heading with what stands below it.
type Section struct {
	Title   string
	Heading Spacing // below the heading
	Spacing Spacing // between blocks
	Blocks  []Block
	Parts   []*Section // below headings of the next level
	Figures []Figure   // on a page, at the section's end
	Folded  bool       // a page shows it where somebody asks for it
	OnPage  bool       // Markdown leaves it out; so does a page without figures for it
}

// Add puts a section at the end.
func (d *Document) Add(title string, blocks ...Block) *Section {
	s := &Section{Title: title, Blocks: blocks}
	d.Sections = append(d.Sections, s)
	return s
}

// Section is the section of that title; one that the document does not have is
// put at its end.
func (d *Document) Section(title string) *Section {
	for _, s := range d.Sections {
		if s.Title == title {
			return s
		}
	}
	s := d.Add(title)
	s.OnPage = true
	return s
}

// Spacing is how many empty lines Markdown has between two pieces.
type Spacing int

// Spacings.
const (
	Normal Spacing = iota // one
	Tight                 // none
	Wide                  // three, as in the reference
)

// Block is a piece of a section.
type Block interface {
	markdown() string
	html() string
}

// Paragraph is a paragraph of text.
type Paragraph struct{ Text Text }

// Field is a line "Name: value". One without a value is the label of what
// follows.
type Field struct {
	Name    string
	Value   Text
	Warning bool // it must not be missed
}

// List is a list of items.
type List []Item

// Item is an item of a list, with a list of its own or none.
type Item struct {
	Text Text
	Sub  []Text
}

// Properties is a list of fields.
type Properties []Field

// Quote is a paragraph that stands out.
type Quote struct{ Text Text }

// Divider is a line across the page.
type Divider struct{}

// Mermaid is a chart's source for readers that draw it. A page leaves it out:
// it would need a script, and has figures of its own.
type Mermaid string

// Stack is several blocks with other spaces between them than their section's.
type Stack struct {
	Spacing Spacing
	Blocks  []Block
}

// Bullets is a list of plain lines.
func Bullets(lines []string) List {
	out := make(List, len(lines))
	for i, line := range lines {
		out[i].Text = T(line)
	}
	return out
}

// Table is a table. Each row has a cell for every column.
type Table struct {
	Columns []Column
	Rows    [][]Text
}

// Column is a column of a table.
type Column struct {
	Title  string
	Number bool // it holds numbers: they stand right
	Right  bool // words that Markdown sets right, as the reference does
	Aside  bool // a narrow page leaves it out, so that the results stay in sight
}

// Words are columns of words.
func Words(titles ...string) []Column { return columns(Column{}, titles) }

// Numbers are columns of numbers.
func Numbers(titles ...string) []Column { return columns(Column{Number: true}, titles) }

// Asides are columns of numbers that a narrow page leaves out.
func Asides(titles ...string) []Column { return columns(Column{Number: true, Aside: true}, titles) }

func columns(like Column, titles []string) []Column {
	out := make([]Column, len(titles))
	for i, title := range titles {
		out[i] = like
		out[i].Title = title
	}
	return out
}

// Add adds a row of plain cells.
func (t *Table) Add(cells ...string) {
	row := make([]Text, len(cells))
	for i, c := range cells {
		row[i] = T(c)
	}
	t.Rows = append(t.Rows, row)
}
