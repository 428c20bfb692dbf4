package chart

import (
	"testing"

	"gonum.org/v1/plot/vg"
)

// A label stays at its point however crowded it is there: elsewhere it would
// name another one.
func TestLabelsStayAtTheirPoints(t *testing.T) {
	at := vg.Point{X: 100, Y: 100}
	crowded := layout{area: vg.Rectangle{Max: vg.Point{X: 200, Y: 200}}}
	for x := vg.Length(40); x <= 160; x += 5 {
		for y := vg.Length(70); y <= 130; y += 5 {
			crowded.taken = append(crowded.taken, around(vg.Point{X: x, Y: y}, 4))
		}
	}
	for name, l := range map[string]*layout{"free": {area: crowded.area}, "crowded": &crowded} {
		const far, w, h = 7, 30, 10
		corner := l.place(at, far, w, h)
		dx := max(corner.X-at.X, at.X-corner.X-w, 0)
		dy := max(corner.Y-at.Y, at.Y-corner.Y-h, 0)
		if most := vg.Length(far + 8); dx > most || dy > most {
			t.Errorf("%s: the label is %g and %g points away", name, dx, dy)
		}
	}
}
