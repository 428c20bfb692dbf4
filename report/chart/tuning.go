package chart

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ceiling/bench/result"
	"ceiling/internal/figure"
)

// tuningFigures draws what each value of each setting was worth: how many times as
// fast as with the setting's default, with the interval.
func tuningFigures(r *result.Run) []sketch {
	if r.Tuning == nil || len(r.Tuning.Goals) == 0 {
		return nil
	}
	f := Chart{ID: "tuning", Place: InTuning, Scenario: -1, Title: "What each setting was worth: " + r.Tuning.Goals[0].Title(),
		Header: []string{"Setting", "Times as fast as the default", "From", "To"},
		Note:   "Bars are 95 % intervals. Left of the line is slower than the default of the setting, right of it faster."}
	var rows worths
	all := []float64{1}
	for _, k := range r.Tuning.Knobs {
		for _, v := range k.Values {
			if len(v.Ratios) == 0 {
				continue
			}
			ratio := v.Ratios[0]
			w := worthRow{name: k.Name + "=" + v.Value, at: drawable(&ratio.Value), lo: drawable(ratio.Lo), hi: drawable(ratio.Hi)}
			if math.IsNaN(w.at) {
				continue
			}
			rows, all = append(rows, w), append(all, w.at, w.lo, w.hi)
			f.Rows = append(f.Rows, []string{w.name, twoDecimals(w.at), figure.Decimals(ratio.Lo, 2), figure.Decimals(ratio.Hi, 2)})
			f.Alt = joinSentences(f.Alt, fmt.Sprintf("%s: %s times as fast.", w.name, twoDecimals(w.at)))
		}
	}
	if rows == nil {
		return nil
	}
	p := panel{x: zeroAxis(all), y: axis{max: 1}, hideY: true, xTitle: "Times as fast as the default", marks: []plot.Plotter{rows}}
	p.right = style(toneFg, fontSize, draw.XLeft).Width("0.000") + 8
	p.height = vg.Length(len(rows))*(groupPitch+barPitch) + 4.2*lineHeight + 2*margin
	return []sketch{{f, p.drawing()}}
}

// worths draws ratios with their intervals below each other, and a line where both
// sides are as fast.
type worths []worthRow

type worthRow struct {
	name       string
	at, lo, hi float64
}

func (w worths) Plot(c draw.Canvas, p *plot.Plot) {
	tx, _ := p.Transforms(&c)
	s := style(toneFg, fontSize, draw.XLeft)
	c.StrokeLine2(draw.LineStyle{Color: toneMuted.color(), Width: 1}, tx(1), c.Min.Y, tx(1), c.Max.Y)
	y := c.Max.Y
	for _, row := range w {
		y -= groupPitch
		write(c, s, c.Min.X, y+4, fit(s, row.name, c.Max.X-c.Min.X))
		y -= barPitch
		middle, end, look := y+barPitch/2, row.at, penOf(0)
		if !math.IsNaN(row.lo) && !math.IsNaN(row.hi) {
			line := draw.LineStyle{Color: look.tone.color(), Width: 1.6}
			c.StrokeLine2(line, tx(row.lo), middle, tx(row.hi), middle)
			for _, x := range []float64{row.lo, row.hi} {
				c.StrokeLine2(line, tx(x), middle-3, tx(x), middle+3)
			}
			end = row.hi
		}
		look.mark(c, vg.Point{X: tx(row.at), Y: middle}, 3)
		write(c, s, tx(end)+6, y+barPitch*0.25, twoDecimals(row.at))
	}
}

// shownAlone tells whether a scenario has charts of its own. Of a search for
// settings only the defaults and the best ones have: the others were measured to be
// compared.
func shownAlone(r *result.Run, i int) bool {
	if r.Tuning == nil || i >= len(r.Details) {
		return true
	}
	text := result.SettingsText(r.Details[i].Settings)
	return text == "" || text == result.SettingsText(r.Tuning.Best)
}
