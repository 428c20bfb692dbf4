package chart

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"ceiling/bench/result"
)

// levels marks values of the vertical axis that something is held against.
type levels []level

type level struct {
	y    float64
	text string
}

func (l levels) Plot(c draw.Canvas, p *plot.Plot) {
	_, ty := p.Transforms(&c)
	s := style(toneFg, fontSize, draw.XLeft)
	for _, at := range l {
		y := ty(at.y)
		c.StrokeLine2(draw.LineStyle{Color: toneFg.color(), Width: 1.2, Dashes: pens[1].dashes}, c.Min.X, y, c.Max.X, y)
		below := y - fontSize - 1
		if below < c.Min.Y {
			below = y + 3
		}
		write(c, s, c.Min.X+4, below, at.text)
	}
}

// farLimit is how far above all values a limit may lie to be drawn: an axis that
// holds it would leave the values a tenth of its height.
const farLimit = 10

// limitLine is a limit in ms with what the axis has to hold for it. One that is
// not set has none, and of one far above the values only the note tells.
func limitLine(ms float64, values []float64) (line levels, axis []float64, note string) {
	if !(ms > 0) {
		return nil, values, ""
	}
	text := "limit " + result.Millis(ms)
	if _, most := span(values); ms > farLimit*most {
		return nil, values, "The " + text + " lies above the chart."
	}
	return levels{{ms, text}}, append(values, ms), ""
}

// limitOf is a limit of the run, or the one that all points were counted by; 0:
// none.
func limitOf(r *result.Run, points []scalingPoint, of func(*result.SLO) float64) float64 {
	if r.SLO != nil {
		return of(r.SLO)
	}
	out := math.NaN()
	for _, p := range points {
		ms := 0.0
		if p.detail != nil && p.detail.SLO != nil {
			ms = of(p.detail.SLO)
		}
		if !math.IsNaN(out) && out != ms {
			return 0
		}
		out = ms
	}
	return out
}
