package chart

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A panel is a chart with two axes. The title of the vertical one stands
// above it, level, where it can be read without turning the head.
type panel struct {
	x, y           axis
	xTitle, yTitle string
	right          vg.Length // room beside the data for labels
	key            []keyItem // what colours and shapes stand for, below yTitle
	names          []curve   // that are named at their ends, on a phone in the key; the highest first
	besideAll      bool      // all of them beside the data, wherever they end
	headroom       vg.Length // between the head and the data, for labels
	hideY          bool      // no vertical axis: rows speak for themselves
	height         vg.Length // 0: chartHeight
	marks          []plot.Plotter
}

// A keyItem shows a shape and says what it means.
type keyItem struct {
	draw func(c draw.Canvas, x, y vg.Length) // about (x, y), keyWidth wide
	text string
}

const keyWidth vg.Length = 16

// lineHeight is the distance of two lines of text.
const lineHeight = fontSize + 4

func (p *panel) drawing() drawing {
	d := drawing{width: chartWidth, height: chartHeight, draw: p.draw}
	if p.height > 0 {
		d.height = p.height
	}
	if rows := len(rowsOf(p.phoneKey(), phoneWidth-2*margin)); rows > 0 {
		d.below = lineHeight*vg.Length(rows-len(rowsOf(p.key, phoneWidth-2*margin))) + margin
	}
	return d
}

func (p *panel) draw(c draw.Canvas) {
	phone := c.Max.X-c.Min.X <= phoneWidth
	c = draw.Crop(c, margin, -margin, margin, -margin)
	key, marks, right := p.key, p.marks, p.right
	if phone {
		key, right = nil, max(right, 14)
		for _, row := range slices.Backward(rowsOf(p.phoneKey(), c.Max.X-c.Min.X)) {
			drawKey(c, row, c.Min.Y+2)
			c.Min.Y += lineHeight
		}
		if len(p.phoneKey()) > 0 {
			c.Min.Y += margin
		}
	} else if len(p.names) > 0 {
		beside, inside := named(p.names)
		if p.besideAll {
			beside, inside = p.names, notes{}
		}
		marks, right = append(slices.Clone(marks), beside, inside), beside.width()
	}
	top := p.drawHead(c, key)
	pl := plot.New()
	pl.BackgroundColor = nil
	room := c.Max.X - c.Min.X - right
	p.setAxis(&pl.X, p.x.thin(room-60), draw.XCenter)
	pl.X.Tick.Label.YAlign = draw.YTop
	p.setAxis(&pl.Y, p.y, draw.XRight)
	pl.Y.Tick.Label.YAlign = draw.YCenter
	pl.Y.LineStyle.Width = 0
	pl.Y.Tick.LineStyle.Width = 0
	if p.hideY {
		pl.HideY()
	} else {
		pl.Add(grid{p.y})
	}
	pl.Add(marks...)
	area := draw.Crop(c, 0, -max(right, 4), lineHeight, -top)
	pl.Draw(area)
	// The library makes room on the wrong side for the title of a logarithmic
	// axis; so it does not get to see it.
	data := pl.DataCanvas(area)
	write(c, style(toneMuted, fontSize, draw.XCenter), data.Center().X, c.Min.Y+2, p.xTitle)
}

// setAxis dresses one of the plot's axes.
func (p *panel) setAxis(a *plot.Axis, from axis, align text.XAlignment) {
	a.Min, a.Max = from.min, from.max
	if from.log {
		a.Scale = plot.LogScale{}
	}
	a.Padding = 0
	a.LineStyle = draw.LineStyle{Color: toneMuted.color(), Width: 1}
	a.Tick.LineStyle = draw.LineStyle{Color: toneMuted.color(), Width: 1}
	a.Tick.Length = 4
	a.Tick.Label = style(toneMuted, fontSize, align)
	a.Tick.Marker = plot.ConstantTicks(from.ticks)
}

// phoneKey is the key with the names of curves in it.
func (p *panel) phoneKey() []keyItem {
	out := slices.Clone(p.key)
	for _, l := range p.names {
		out = append(out, keyItem{text: fit(style(toneMuted, fontSize, draw.XLeft), l.name, maxName), draw: func(c draw.Canvas, x, y vg.Length) {
			c.StrokeLine2(l.pen.line(), x, y, x+keyWidth, y)
			l.pen.mark(c, vg.Point{X: x + keyWidth/2, Y: y}, 2.8)
		}})
	}
	return out
}

// keyGap is the distance of two items of a key.
const keyGap vg.Length = 16

func (k keyItem) width() vg.Length {
	return keyWidth + 5 + style(toneMuted, fontSize, draw.XLeft).Width(k.text)
}

// rowsOf breaks a key into rows of a width.
func rowsOf(key []keyItem, width vg.Length) [][]keyItem {
	var rows [][]keyItem
	x := width
	for _, k := range key {
		if x > 0 && x+k.width() > width {
			rows, x = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], k)
		x += k.width() + keyGap
	}
	return rows
}

// drawKey writes a row of a key with its baseline at y.
func drawKey(c draw.Canvas, row []keyItem, y vg.Length) {
	x, s := c.Min.X, style(toneMuted, fontSize, draw.XLeft)
	for _, k := range row {
		k.draw(c, x, y+fontSize*0.36)
		write(c, s, x+keyWidth+5, y, k.text)
		x += k.width() + keyGap
	}
}

// drawHead writes the vertical axis' title and a key, and returns the height
// that they took.
func (p *panel) drawHead(c draw.Canvas, key []keyItem) vg.Length {
	y := c.Max.Y - fontSize
	s := style(toneMuted, fontSize, draw.XLeft)
	if p.yTitle != "" {
		write(c, s, c.Min.X, y, fit(s, p.yTitle, c.Max.X-c.Min.X))
		y -= lineHeight
	}
	for _, row := range rowsOf(key, c.Max.X-c.Min.X) {
		drawKey(c, row, y)
		y -= lineHeight
	}
	// Half a line of air above the data.
	return c.Max.Y - fontSize - y + fontSize/2 + p.headroom
}

// grid draws a level line at every labelled tick of the vertical axis.
type grid struct{ y axis }

func (g grid) Plot(c draw.Canvas, p *plot.Plot) {
	_, ty := p.Transforms(&c)
	for _, t := range g.y.ticks {
		if t.Label != "" {
			c.StrokeLine2(draw.LineStyle{Color: toneGrid.color(), Width: 1}, c.Min.X, ty(t.Value), c.Max.X, ty(t.Value))
		}
	}
}

// A pen is how one line among several looks: three ways to tell it apart.
type pen struct {
	tone   tone
	shape  draw.GlyphDrawer
	dashes []vg.Length
}

// pens are the looks of lines, told apart by colour, marker and dashes.
var pens = []pen{
	{series[0], draw.CircleGlyph{}, nil},
	{series[1], draw.BoxGlyph{}, []vg.Length{6, 3}},
	{series[2], draw.PyramidGlyph{}, []vg.Length{2, 2}},
	{series[3], diamond{}, []vg.Length{8, 3, 2, 3}},
	{series[4], nabla{}, []vg.Length{1.5, 3}},
	{series[5], hourglass{}, []vg.Length{10, 3}},
}

// penOf is the i-th look. After all colours have been used once the dashes
// go on by one, so that no two of the first thirty lines are alike.
func penOf(i int) pen {
	p := pens[i%len(pens)]
	p.dashes = pens[(i+i/len(pens))%len(pens)].dashes
	return p
}

// markerSize is the radius of a marker, in points, and maxRings the most
// markers of a line that have their full size and a ring.
const (
	markerSize vg.Length = 3.6
	maxRings             = 40
)

func (p pen) line() draw.LineStyle {
	return draw.LineStyle{Color: p.tone.color(), Width: 1.8, Dashes: p.dashes}
}

// mark draws a marker with a ring of the ground's colour, which keeps it
// apart from lines and other markers.
func (p pen) mark(c draw.Canvas, at vg.Point, radius vg.Length) {
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: toneBg.color(), Radius: radius + 1.2, Shape: p.shape}, at)
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: p.tone.color(), Radius: radius, Shape: p.shape}, at)
}

// polygon is a marker with straight sides, its corners in radii.
func polygon(c *draw.Canvas, s draw.GlyphStyle, at vg.Point, corners ...vg.Point) {
	var path vg.Path
	for i, k := range corners {
		x, y := at.X+k.X*s.Radius, at.Y+k.Y*s.Radius
		if i == 0 {
			path.Move(vg.Point{X: x, Y: y})
		} else {
			path.Line(vg.Point{X: x, Y: y})
		}
	}
	path.Close()
	c.Fill(path)
}

type diamond struct{}

func (diamond) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	polygon(c, s, at, vg.Point{X: 0, Y: 1.3}, vg.Point{X: 1.3, Y: 0}, vg.Point{X: 0, Y: -1.3}, vg.Point{X: -1.3, Y: 0})
}

// nabla is a triangle on its tip.
type nabla struct{}

func (nabla) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	polygon(c, s, at, vg.Point{X: 0, Y: -1.25}, vg.Point{X: 1.1, Y: 0.65}, vg.Point{X: -1.1, Y: 0.65})
}

type hourglass struct{}

func (hourglass) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	polygon(c, s, at, vg.Point{X: -1, Y: -1}, vg.Point{X: 1, Y: -1}, vg.Point{X: -1, Y: 1}, vg.Point{X: 1, Y: 1})
}

// A curve is a line with markers through measured points. A NaN in y is a
// gap; nothing is drawn across it.
type curve struct {
	name string // stands at its right end; "": nowhere
	pen  pen
	x, y []float64
}

// Plot draws the curve's pieces, then its markers.
func (l curve) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	var piece []vg.Point
	var marks []vg.Point
	flush := func() {
		if len(piece) > 1 {
			c.StrokeLines(l.pen.line(), piece)
		}
		piece = nil
	}
	for i := range l.x {
		if math.IsNaN(l.y[i]) {
			flush()
			continue
		}
		at := vg.Point{X: tx(l.x[i]), Y: ty(l.y[i])}
		piece, marks = append(piece, at), append(marks, at)
	}
	flush()
	for _, at := range marks {
		if len(marks) > maxRings {
			// Rings would wipe the line out.
			c.DrawGlyphNoClip(draw.GlyphStyle{Color: l.pen.tone.color(), Radius: 1.8, Shape: l.pen.shape}, at)
			continue
		}
		l.pen.mark(c, at, markerSize)
	}
}

// last is the curve's last point; ok is false for a curve without any.
func (l curve) last() (x, y float64, ok bool) {
	for i := len(l.x) - 1; i >= 0; i-- {
		if !math.IsNaN(l.y[i]) {
			return l.x[i], l.y[i], true
		}
	}
	return 0, 0, false
}
