package chart

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"regexp"
	"strings"
	"testing"
)

// An element of an SVG, as far as the tests look.
type element struct {
	name string
	attr map[string]string
	text string
}

// parseSVG reads all elements; the SVG must be well-formed XML.
func parseSVG(t *testing.T, svg []byte) []element {
	t.Helper()
	var out []element
	var open []int
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := element{name: tok.Name.Local, attr: map[string]string{}}
			for _, a := range tok.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			out, open = append(out, e), append(open, len(out))
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				out[open[len(open)-1]].text += string(tok)
			}
		}
	}
	return out
}

// count is the number of elements whose style has the declaration.
func count(es []element, name, declaration string) int {
	n := 0
	for _, e := range es {
		if e.name == name && strings.Contains(strings.ToLower(e.attr["style"])+";", declaration+";") {
			n++
		}
	}
	return n
}

// markers are the filled shapes of a series in an SVG of its own.
func markers(es []element, series tone) int { return count(es, "path", "fill:"+series.light) }

// lines are the stroked paths of a series.
func lines(es []element, series tone) int { return count(es, "path", "stroke:"+series.light) }

// texts are the contents of the text elements.
func texts(es []element) []string {
	var out []string
	for _, e := range es {
		if e.name == "text" {
			out = append(out, e.text)
		}
	}
	return out
}

// bad finds what no drawing may have in it: a position that is no number.
var bad = regexp.MustCompile(`(?i)\b(nan|[+-]?inf)\b`)

// checkImages holds a figure's images against what all have in common.
func checkImages(t *testing.T, f *Chart) {
	t.Helper()
	inline := parseSVG(t, f.Inline)
	for suffix, es := range map[string][]element{"": inline, "-narrow": parseSVG(t, f.Narrow), "\x00": parseSVG(t, f.SVG)} {
		id := f.ID + strings.TrimSuffix(suffix, "\x00")
		root := es[0]
		if root.name != "svg" || root.attr["role"] != "img" || root.attr["viewBox"] == "" ||
			root.attr["aria-labelledby"] != "chart-"+id+"-title chart-"+id+"-desc" {
			t.Errorf("%s: root %v", f.ID, root.attr)
		}
		ids := map[string]string{}
		for _, e := range es {
			if id := e.attr["id"]; id != "" {
				ids[id] = e.text
			}
			for _, key := range []string{"d", "x", "y", "transform"} {
				if m := bad.FindString(e.attr[key]); m != "" {
					t.Errorf("%s: %q in %s", f.ID, m, key)
				}
			}
			if e.name == "script" || e.name == "style" || e.name == "image" || e.attr["href"] != "" {
				t.Errorf("%s: a <%s> in it", f.ID, e.name)
			}
		}
		if len(ids) != 2 || ids["chart-"+id+"-title"] != f.Title || ids["chart-"+id+"-desc"] != f.Alt {
			t.Errorf("%s: ids and their texts are %q", f.ID, ids)
		}
	}
	for _, e := range inline {
		style := e.attr["style"]
		if bare := regexp.MustCompile(`var\([^)]*\)`).ReplaceAllString(style, ""); strings.Contains(bare, "#") {
			t.Errorf("%s: a colour that does not follow the page: %s", f.ID, style)
		}
	}
	img, err := png.Decode(bytes.NewReader(f.PNG))
	if err != nil {
		t.Fatalf("%s: %v", f.ID, err)
	}
	if r, g, b, a := img.At(0, 0).RGBA(); r&g&b&a != 0xffff {
		t.Errorf("%s: the PNG's corner is not white", f.ID)
	}
	const most = 500 << 10
	if len(f.Inline)+len(f.Narrow) > 2*most || len(f.SVG) > most || len(f.PNG) > most {
		t.Errorf("%s: %d, %d and %d bytes", f.ID, len(f.Inline), len(f.SVG), len(f.PNG))
	}
	if f.Title == "" || f.Alt == "" || len(f.Header) == 0 || len(f.Rows) == 0 {
		t.Errorf("%s: title %q, alt %q, %d columns, %d rows", f.ID, f.Title, f.Alt, len(f.Header), len(f.Rows))
	}
	for _, row := range f.Rows {
		if len(row) != len(f.Header) {
			t.Errorf("%s: row %q below %q", f.ID, row, f.Header)
		}
	}
	if m := bad.FindString(f.Alt + f.Note + strings.Join(f.Header, " ")); m != "" {
		t.Errorf("%s: %q in its text", f.ID, m)
	}
}

// figures draws an input and checks what all figures have in common.
func figures(t *testing.T, in Input) map[string]*Chart {
	t.Helper()
	fs, err := Figures(in)
	if err != nil {
		t.Fatal(err)
	}
	return byID(t, fs)
}

func byID(t *testing.T, fs []Chart) map[string]*Chart {
	t.Helper()
	out := map[string]*Chart{}
	for i := range fs {
		f := &fs[i]
		if out[f.ID] != nil {
			t.Errorf("two figures %q", f.ID)
		}
		out[f.ID] = f
		checkImages(t, f)
	}
	return out
}
