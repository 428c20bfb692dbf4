package doc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
)

// Figure is a chart on a page.
type Figure struct {
	ID, Title string
	Note      string // how to read it; may be ""
	// SVG is an <svg> element whose colours follow the page's; Narrow is the
	// same for a phone.
	SVG, Narrow []byte
	Folded      bool // shown where somebody asks for it
	// Header and Rows are the table of what is drawn, nil for none.
	Header []string
	Rows   [][]string
}

// figureView is a figure as the template sees it.
type figureView struct {
	*Figure
	ID          string
	SVG, Narrow template.HTML
	Numeric     []bool // of the table's columns
}

func newFigure(f *Figure) (figureView, error) {
	out := figureView{Figure: f, ID: "figure-" + slug(f.ID)}
	var err error
	if out.SVG, err = inline(f.SVG); err != nil {
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
