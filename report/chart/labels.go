package chart

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// endLabels names curves at their right ends, beside the data, with a thin
// line where a name had to move away from its curve.
type endLabels []curve

// named says where the names of curves go: beside the data, or, for those that
// end before others do, beside their last point. A line from there to the
// edge would look like data.
func named(curves []curve) (beside endLabels, inside notes) {
	far := math.Inf(-1)
	for _, l := range curves {
		if x, _, ok := l.last(); ok {
			far = max(far, x)
		}
	}
	inside.about = curves
	for _, l := range curves {
		x, y, ok := l.last()
		switch {
		case !ok:
		case x < far:
			inside.of = append(inside.of, note{x: x, y: y, text: l.name})
		default:
			beside = append(beside, l)
		}
	}
	return beside, inside
}

// width is the room that the names take.
func (e endLabels) width() vg.Length {
	s := style(toneFg, fontSize, draw.XLeft)
	var w vg.Length
	for _, l := range e {
		w = max(w, s.Width(fit(s, l.name, maxName)))
	}
	return w + endGap + keyWidth + 8
}

// endGap is the distance from the data to a name's marker, and maxName the
// most room that a name gets.
const (
	endGap  vg.Length = 14
	maxName vg.Length = 150
)

func (e endLabels) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	type end struct {
		curve
		at vg.Point
	}
	var ends []end
	for _, l := range e {
		if x, y, ok := l.last(); ok {
			ends = append(ends, end{l, vg.Point{X: tx(x), Y: ty(y)}})
		}
	}
	// From below upwards, the first of equal ends on top.
	slices.Reverse(ends)
	slices.SortStableFunc(ends, func(a, b end) int { return cmp.Compare(a.at.Y, b.at.Y) })
	want := make([]vg.Length, len(ends))
	for i := range ends {
		want[i] = ends[i].at.Y
	}
	got := spread(want, lineHeight, c.Min.Y, c.Max.Y)
	s := style(toneFg, fontSize, draw.XLeft)
	for i, l := range ends {
		x, y := c.Max.X+endGap, got[i]
		thin := draw.LineStyle{Color: toneMuted.color(), Width: 0.6}
		c.StrokeLine2(thin, l.at.X+markerSize+1.5, l.at.Y, x-3, y)
		sample := l.pen.line()
		c.StrokeLine2(sample, x, y, x+keyWidth, y)
		l.pen.mark(c, vg.Point{X: x + keyWidth/2, Y: y}, 2.8)
		write(c, s, x+keyWidth+5, y-fontSize*0.36, fit(s, l.name, maxName))
	}
}

// spread moves rising positions apart until neighbours are gap apart, each as
// little as may be, between lo and hi as far as they fit.
func spread(want []vg.Length, gap, lo, hi vg.Length) []vg.Length {
	// Clusters of positions that touch share one centre: merging the last two
	// until nothing touches is the least-squares solution.
	type cluster struct {
		sum vg.Length // of (position − offset in the cluster)
		n   int
	}
	var cs []cluster
	first := func(k cluster) vg.Length {
		return min(max(k.sum/vg.Length(k.n), lo), max(lo, hi-gap*vg.Length(k.n-1)))
	}
	for _, w := range want {
		cs = append(cs, cluster{w, 1})
		for len(cs) > 1 {
			a, b := cs[len(cs)-2], cs[len(cs)-1]
			if first(a)+gap*vg.Length(a.n) <= first(b) {
				break
			}
			merged := cluster{a.sum + b.sum - gap*vg.Length(a.n*b.n), a.n + b.n}
			cs = append(cs[:len(cs)-2], merged)
		}
	}
	var out []vg.Length
	for _, k := range cs {
		for i := range k.n {
			out = append(out, first(k)+gap*vg.Length(i))
		}
	}
	return out
}

// A note is text at a point of the data.
type note struct {
	x, y float64
	text string
	bold bool // the point stands out: a ring round its marker
}

// notes writes text beside points so that it covers neither other text nor
// markers, and as few lines as may be.
type notes struct {
	of    []note
	about []curve // what to keep clear of
	edges *region // so are its edges; nil: none
}

func (n notes) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	l := layout{area: c.Rectangle}
	// Text may stand above and to the right of the data.
	l.area.Max.Y += fontSize
	l.area.Max.X += margin
	for _, k := range n.about {
		var before *vg.Point
		for i := range k.x {
			if math.IsNaN(k.y[i]) {
				before = nil
				continue
			}
			at := vg.Point{X: tx(k.x[i]), Y: ty(k.y[i])}
			l.taken = append(l.taken, around(at, markerSize+1))
			if before != nil {
				l.lines = append(l.lines, [2]vg.Point{*before, at})
			}
			before = &at
		}
	}
	if n.edges != nil {
		corner := vg.Point{X: tx(n.edges.x), Y: ty(n.edges.y)}
		l.lines = append(l.lines, [2]vg.Point{corner, {X: corner.X, Y: c.Min.Y}}, [2]vg.Point{corner, {X: c.Min.X, Y: corner.Y}})
	}
	for _, k := range n.of {
		at := vg.Point{X: tx(k.x), Y: ty(k.y)}
		if k.bold {
			c.StrokeLines(draw.LineStyle{Color: toneFg.color(), Width: 1.4}, ring(at, markerSize+4))
			l.taken = append(l.taken, around(at, markerSize+5))
		}
	}
	for _, k := range n.of {
		s := style(toneFg, fontSize, draw.XLeft)
		at := vg.Point{X: tx(k.x), Y: ty(k.y)}
		far := markerSize + 3
		if k.bold {
			far += 4
		}
		corner := l.place(at, far, s.Width(k.text), fontSize*0.75)
		write(c, s, corner.X, corner.Y, k.text)
	}
}

// ring is a circle as a line.
func ring(at vg.Point, r vg.Length) []vg.Point {
	const corners = 32
	var out []vg.Point
	for i := range corners + 1 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		out = append(out, vg.Point{X: at.X + r*vg.Length(cos), Y: at.Y + r*vg.Length(sin)})
	}
	return out
}

func around(at vg.Point, r vg.Length) vg.Rectangle {
	return vg.Rectangle{Min: vg.Point{X: at.X - r, Y: at.Y - r}, Max: vg.Point{X: at.X + r, Y: at.Y + r}}
}

// layout finds places for text.
type layout struct {
	area  vg.Rectangle
	taken []vg.Rectangle
	lines [][2]vg.Point
}

// place takes the best spot for text of width w and height h about a point,
// at least far from it, and returns its lower left corner.
func (l *layout) place(at vg.Point, far, w, h vg.Length) vg.Point {
	best, cost := vg.Rectangle{}, math.Inf(1)
	for _, d := range []vg.Length{0, 4, 8} {
		for i, side := range []struct{ x, y vg.Length }{{0, 1}, {1, 0}, {-1, 1}, {1, 1}, {0, -1}, {-1, 0}, {1, -1}, {-1, -1}} {
			r := far + d
			if side.x != 0 && side.y != 0 {
				r *= 0.9 // the corner of the text is nearer than its side
			}
			// The centre of the text, from its distance to the point.
			mid := vg.Point{X: at.X + side.x*(r+w/2), Y: at.Y + side.y*(r+h/2)}
			box := vg.Rectangle{Min: vg.Point{X: mid.X - w/2, Y: mid.Y - h/2}, Max: vg.Point{X: mid.X + w/2, Y: mid.Y + h/2}}
			if k := l.cost(box) + float64(d) + float64(i)/2; k < cost {
				best, cost = box, k
			}
		}
	}
	l.taken = append(l.taken, best)
	return best.Min
}

// cost is how bad a place is: text on text or outside is worst, text on a
// line bad.
func (l *layout) cost(b vg.Rectangle) float64 {
	cost := 0.0
	if b.Min.X < l.area.Min.X || b.Max.X > l.area.Max.X || b.Min.Y < l.area.Min.Y || b.Max.Y > l.area.Max.Y {
		cost += 1000
	}
	for _, t := range l.taken {
		x := min(b.Max.X, t.Max.X) - max(b.Min.X, t.Min.X)
		y := min(b.Max.Y, t.Max.Y) - max(b.Min.Y, t.Min.Y)
		if x > -2 && y > -1 {
			cost += 100
		}
	}
	for _, s := range l.lines {
		if crosses(s, b) {
			cost += 12
		}
	}
	return cost
}

// crosses says whether a segment touches a box.
func crosses(s [2]vg.Point, b vg.Rectangle) bool {
	t0, t1 := vg.Length(0), vg.Length(1)
	d := s[1].Sub(s[0])
	for _, e := range []struct{ p, q vg.Length }{
		{-d.X, s[0].X - b.Min.X}, {d.X, b.Max.X - s[0].X}, {-d.Y, s[0].Y - b.Min.Y}, {d.Y, b.Max.Y - s[0].Y},
	} {
		switch {
		case e.p == 0 && e.q < 0:
			return false
		case e.p < 0:
			t0 = max(t0, e.q/e.p)
		case e.p > 0:
			t1 = min(t1, e.q/e.p)
		}
	}
	return t0 <= t1
}
