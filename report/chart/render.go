package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"ceiling/internal/oneline"
)

// Sizes in points. A point of an SVG is one pixel at its natural size.
const (
	chartWidth  vg.Length = 480
	pageWidth   vg.Length = 800 // in a page
	phoneWidth  vg.Length = 360 // in a page on a phone
	chartHeight vg.Length = 300
	titleHeight vg.Length = 26 // above a chart that is a file on its own
	fontSize    vg.Length = 13
	titleSize   vg.Length = 15
	margin      vg.Length = 6
	// pixelsPerInch of a PNG: two pixels per point.
	pixelsPerInch = 144
)

// textHandler measures and draws text in the Liberation fonts, which have the
// widths of Arial and Helvetica.
var textHandler = text.Plain{Fonts: font.NewCache(liberation.Collection())}

// families is what text in an SVG asks for: the fonts with the widths that
// the layout was made with, then whatever the reader has.
const families = "Arial,'Liberation Sans',Helvetica,sans-serif"

// style is text of a tone and size, aligned horizontally.
func style(t tone, size vg.Length, x text.XAlignment) text.Style {
	return text.Style{
		Color: t.color(), XAlign: x, YAlign: draw.YBottom, Handler: textHandler,
		Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
	}
}

// write draws one line of text with its baseline at y.
func write(c draw.Canvas, s text.Style, x, y vg.Length, line string) {
	// The handler puts the baseline above y by what the font's ascent is
	// short of its size.
	c.FillText(s, vg.Point{X: x, Y: y - s.Font.Size + textHandler.Extents(s.Font).Ascent}, oneline.Visible(line))
}

// A drawing is a chart that can be drawn on any canvas.
type drawing struct {
	width, height vg.Length
	below         vg.Length // what the key takes below the data on a phone
	draw          func(draw.Canvas)
}

// at is the drawing at another width.
func (d drawing) at(width vg.Length) drawing {
	d.width = width
	if width <= phoneWidth {
		d.height += d.below
	}
	return d
}

// render gives the figure its three images.
func (d drawing) render(f Chart) (Chart, error) {
	var err error
	if f.Inline, err = d.at(pageWidth).inline(&f, ""); err != nil {
		return Chart{}, err
	}
	if f.Narrow, err = d.at(phoneWidth).inline(&f, "-narrow"); err != nil {
		return Chart{}, err
	}
	alone, err := d.svg(f.Title)
	if err != nil {
		return Chart{}, err
	}
	height := d.height + titleHeight
	f.SVG = append([]byte(xml.Header), d.root(&f, "", alone, height, size(d.width, height), "background:"+lightPage+";")...)
	if f.PNG, err = d.png(f.Title); err != nil {
		return Chart{}, err
	}
	return f, nil
}

// inline is the chart for a page, as wide as that lets it be.
func (d drawing) inline(f *Chart, suffix string) ([]byte, error) {
	svg, err := d.svg("")
	if err != nil {
		return nil, err
	}
	return d.root(f, suffix, themed(svg), d.height, `class="chart" `, "width:100%;height:auto;display:block;"), nil
}

func size(w, h vg.Length) string {
	return fmt.Sprintf(`width="%d" height="%d" `, int(w), int(h))
}

// root wraps the content of an SVG in an element that says what it shows. Its
// ids are unique on a page as long as figures' IDs with the suffix are.
func (d drawing) root(f *Chart, suffix, content string, height vg.Length, attributes, css string) []byte {
	var b bytes.Buffer
	id := escape(f.ID + suffix)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" %sviewBox="0 0 %d %d" role="img" aria-labelledby="chart-%[4]s-title chart-%[4]s-desc" style="%[5]sfont-family:%[6]s">`+"\n",
		attributes, int(d.width), int(height), id, css, families)
	fmt.Fprintf(&b, "<title id=\"chart-%s-title\">%s</title>\n<desc id=\"chart-%s-desc\">%s</desc>\n",
		id, escape(f.Title), id, escape(f.Alt))
	b.WriteString(content)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// escape makes text safe in XML; what XML can't hold at all becomes U+FFFD.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// svg is the content of the chart's root element. A title makes it a chart on
// its own: with the title above and a white ground below.
func (d drawing) svg(title string) (string, error) {
	c := vgsvg.New(d.width, d.total(title))
	d.paint(draw.New(c), title)
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", err
	}
	s := b.String()
	from, to := strings.Index(s, "<g"), strings.LastIndex(s, "</svg>")
	if from < 0 || to < from {
		return "", fmt.Errorf("the plotting library wrote no SVG: %.60q", s)
	}
	return sized(strings.ReplaceAll(s[from:to], fontDeclaration, "")), nil
}

// textElement is a text element as the library writes it: its size and content.
var textElement = regexp.MustCompile(`<text ([^>]*style="font-size:([0-9.]+)px[^>]*)>([^<]*)</text>`)

// sized gives text the width that the layout was made with, for readers
// whose fonts are wider. Text with signs that our font lacks is left alone.
func sized(svg string) string {
	return textElement.ReplaceAllStringFunc(svg, func(element string) string {
		m := textElement.FindStringSubmatch(element)
		content := html.UnescapeString(m[3])
		size, err := strconv.ParseFloat(m[2], 64)
		if err != nil || strings.ContainsFunc(content, func(r rune) bool { return r >= 0x2100 }) {
			return element
		}
		width := style(toneFg, vg.Length(size), draw.XLeft).Width(content)
		return fmt.Sprintf(`<text textLength="%.2f" lengthAdjust="spacingAndGlyphs" %s>%s</text>`, float64(width), m[1], m[3])
	})
}

// fontDeclaration is in the style of each text; the root element's takes
// its place.
const fontDeclaration = "font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;"

func (d drawing) png(title string) ([]byte, error) {
	c := vgimg.NewWith(vgimg.UseWH(d.width, d.total(title)), vgimg.UseDPI(pixelsPerInch))
	d.paint(draw.New(c), title)
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// total is the height with room for a title.
func (d drawing) total(title string) vg.Length {
	if title == "" {
		return d.height
	}
	return d.height + titleHeight
}

func (d drawing) paint(c draw.Canvas, title string) {
	if title != "" {
		c.SetColor(toneBg.color())
		c.Fill(c.Rectangle.Path())
		s := style(toneFg, titleSize, draw.XLeft)
		write(c, s, c.Min.X+margin, c.Max.Y-titleSize-2, fit(s, title, c.Max.X-c.Min.X-2*margin))
		c.Max.Y -= titleHeight
	}
	d.draw(c)
}

// fit shortens a line to a width, with an ellipsis at its end.
func fit(s text.Style, line string, width vg.Length) string {
	if s.Width(line) <= width {
		return line
	}
	runes := []rune(line)
	lo, hi := 0, len(runes) // the longest prefix that fits is in between
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if s.Width(string(runes[:mid])+"…") <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return strings.TrimRight(string(runes[:lo]), " ") + "…"
}
