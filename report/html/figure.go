package html

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"

	"ceiling/report/chart"
)

// figure is a chart as the template sees it.
type figure struct {
	ID, Title, Alt, Note string
	SVG, Narrow          template.HTML
	Folded               bool // shown where somebody asks for it
	Header               []string
	Rows                 [][]string
	Numeric              []bool // of the table's columns
}

func newFigure(f *chart.Figure) (figure, error) {
	out := figure{ID: "figure-" + slug(f.ID), Title: f.Title, Alt: f.Alt, Note: f.Note, Folded: f.Place == chart.InScenario, Header: f.Header, Rows: f.Rows}
	var err error
	if out.SVG, err = inline(f.Inline); err != nil {
		return out, err
	}
	if out.Narrow, err = inline(f.Narrow); err != nil {
		return out, err
	}
	for column := range f.Header {
		out.Numeric = append(out.Numeric, numeric(f.Rows, column))
	}
	return out, nil
}

// numeric says whether a column holds numbers, and something at all.
func numeric(rows [][]string, column int) bool {
	some := false
	for _, row := range rows {
		if column >= len(row) || row[column] == "" || row[column] == "—" {
			continue
		}
		if strings.IndexAny(row[column], "0123456789+-−<") != 0 {
			return false
		}
		some = true
	}
	return some
}

// place puts a figure at the end of its section, the first of a run's sweep on
// the page's first screen.
func (d *document) place(f *chart.Figure, fig figure) {
	if f.Place == chart.InScaling && d.Opening == nil {
		d.Opening = []figure{fig}
		return
	}
	s := d.section(string(f.Place))
	if f.Place == chart.InScenario && f.Scenario >= 0 && f.Scenario < len(s.Parts) {
		s = s.Parts[f.Scenario]
	}
	s.Figures = append(s.Figures, fig)
}

// section finds a section by its title, or makes it: behind the others that are
// not folded, that of a comparison's charts behind the last pair's ratios.
func (d *document) section(title string) *section {
	if title == string(chart.InCompare) {
		title = "Charts"
	}
	for _, s := range d.Sections {
		if s.Title == title {
			return s
		}
	}
	s := &section{ID: d.id(title), Title: title, Heading: template.HTML(template.HTMLEscapeString(title))}
	at := len(d.Sections)
	for i, other := range d.Sections {
		switch {
		case title == "Charts" && strings.Contains(other.Title, " against "):
			at = i + 1
		case other.Folded:
			at = min(at, i)
		}
	}
	d.Sections = append(d.Sections[:at], append([]*section{s}, d.Sections[at:]...)...)
	return s
}

// Elements and attributes that would make a page more than a document.
var (
	activeElements = map[string]bool{"script": true, "style": true, "foreignobject": true, "image": true, "iframe": true, "a": true, "animate": true, "set": true}
	errNoSVG       = errors.New("not an <svg> element")
)

// inline checks that a chart is well-formed, is one <svg> element, and neither
// runs nor fetches anything. Names from files are drawn in charts.
func inline(svg []byte) (template.HTML, error) {
	dec := xml.NewDecoder(bytes.NewReader(svg))
	dec.Strict = true
	depth, roots := 0, 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("not well-formed: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
				if t.Name.Local != "svg" {
					return "", errNoSVG
				}
			}
			depth++
			if err := harmless(t); err != nil {
				return "", err
			}
		case xml.EndElement:
			depth--
		case xml.ProcInst, xml.Directive:
			return "", errNoSVG
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return "", errNoSVG
			}
		}
	}
	if roots != 1 {
		return "", errNoSVG
	}
	return template.HTML(svg), nil
}

func harmless(t xml.StartElement) error {
	if name := strings.ToLower(t.Name.Local); activeElements[name] {
		return fmt.Errorf("holds a <%s> element", t.Name.Local)
	}
	for _, a := range t.Attr {
		name := strings.ToLower(a.Name.Local)
		outside := strings.Contains(strings.ReplaceAll(strings.ToLower(a.Value), "url(#", ""), "url(")
		if strings.HasPrefix(name, "on") || name == "href" && !strings.HasPrefix(a.Value, "#") || outside {
			return fmt.Errorf("has the attribute %s=%q", a.Name.Local, a.Value)
		}
	}
	return nil
}
