package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/aclements/go-moremath/stats"

	"ceiling/bench/result"
	"ceiling/internal/figure"
	"ceiling/internal/oneline"
	"ceiling/report/doc"
	"ceiling/report/metric"
)

// sweep is a scenario that lists made several points of.
type sweep struct {
	of     string
	axes   []string // its lists
	points []sweepPoint
}

// sweepPoint is one of a sweep's scenarios.
type sweepPoint struct {
	*scenario
	at []string // its values of the axes
}

// sweepColumn is a figure that points are compared by.
type sweepColumn struct{ metric.Info }

var sweepColumns = []metric.Key{metric.OutputThroughput, metric.TTFTMean, metric.TPOTMean, metric.EnginePrefill, metric.TG}

// sweeps are those of a run, in its order.
func sweeps(all []scenario) []sweep {
	var out []sweep
	for i := range all {
		s := &all[i]
		if s.detail == nil || s.detail.Sweep == nil {
			continue
		}
		var axes, at []string
		for _, x := range s.detail.Sweep.At {
			axes, at = append(axes, oneline.Of(x.Name)), append(at, oneline.Of(x.Value))
		}
		k := slices.IndexFunc(out, func(w sweep) bool { return w.of == oneline.Of(s.detail.Sweep.Of) && slices.Equal(w.axes, axes) })
		if k < 0 {
			k = len(out)
			out = append(out, sweep{of: oneline.Of(s.detail.Sweep.Of), axes: axes})
		}
		out[k].points = append(out[k].points, sweepPoint{s, at})
	}
	return out
}

// values are a figure of a point, one of each pass that is sound; of a point of a
// single pass that one's. None of a point that failed.
func (c *sweepColumn) values(p *sweepPoint) []float64 {
	passes := soundPasses(p.detail)
	if _, failed := p.failed(); len(p.detail.Passes) == 0 && !failed {
		passes = []result.Pass{{Result: p.Summary, Detail: *p.detail}}
	}
	var out []float64
	for i := range passes {
		if v := c.Of(&passes[i].Result, &passes[i].Detail); v != nil && *v > 0 {
			out = append(out, *v)
		}
	}
	return out
}

// best is the point with the best mean of a figure: of those that nothing speaks
// against, or where there are none of all; −1 where nothing was measured.
func (w *sweep) best(c *sweepColumn) int {
	at, best, trusted := -1, 0.0, false
	for i := range w.points {
		x := c.values(&w.points[i])
		if len(x) == 0 {
			continue
		}
		mean, _ := result.MeanInterval(x)
		sound := w.points[i].trusted() && !w.points[i].synthetic()
		better := mean > best
		if c.Better == metric.Lower {
			better = mean < best
		}
		if at < 0 || sound && !trusted || sound == trusted && better {
			at, best, trusted = i, mean, sound
		}
	}
	return at
}

// like are the points that a figure does not tell from the best: Welch's test of
// their passes finds no difference at 5 %. None where a side has a single pass.
func (w *sweep) like(c *sweepColumn, best int) []int {
	var out []int
	b := c.values(&w.points[best])
	for i := range w.points {
		x := c.values(&w.points[i])
		if i == best || len(x) < 2 || len(b) < 2 {
			continue
		}
		r, err := stats.TwoSampleWelchTTest(stats.Sample{Xs: x}, stats.Sample{Xs: b}, stats.LocationDiffers)
		if err == nil && r.P > 1-result.Confidence {
			out = append(out, i)
		}
	}
	return out
}

// SweepMatrix is a sweep as a table, the best of each column marked, and lines that
// name the best with their intervals.
type SweepMatrix struct {
	Of   string
	Head []string // axes, figures and the verdict
	Rows [][]string
	Best []string // a line for each figure
}

// Sweeps are the matrices of a run's sweeps; none for a run without.
func Sweeps(r *result.Run) []SweepMatrix {
	var out []SweepMatrix
	for _, w := range sweeps(scenarios(r)) {
		out = append(out, w.matrix())
	}
	return out
}

func (w *sweep) matrix() SweepMatrix {
	m := SweepMatrix{Of: w.of, Head: slices.Clone(w.axes), Rows: make([][]string, len(w.points))}
	for i, p := range w.points {
		m.Rows[i] = slices.Clone(p.at)
	}
	for _, key := range sweepColumns {
		c := &sweepColumn{key.Info()}
		best := w.best(c)
		if best < 0 {
			continue
		}
		m.Head = append(m.Head, c.Heading())
		for i := range w.points {
			text := c.text(&w.points[i])
			if i == best {
				text += " *"
			}
			m.Rows[i] = append(m.Rows[i], text)
		}
		m.Best = append(m.Best, w.bestText(c, best))
	}
	if slices.ContainsFunc(w.points, func(p sweepPoint) bool { return p.detail.Context != nil }) {
		m.Head = append(m.Head, "Context computed (tok)", "Context reused (tok)")
		for i := range w.points {
			computed, reused := contextTokens(w.points[i].detail)
			m.Rows[i] = append(m.Rows[i], computed, reused)
		}
	}
	m.Head = append(m.Head, "Verdict")
	for i := range w.points {
		m.Rows[i] = append(m.Rows[i], w.points[i].state())
	}
	return m
}

// contextTokens are those that requests began behind, of all passes: computed
// before the clock, and kept from a point before.
func contextTokens(d *result.Detail) (computed, reused string) {
	passes := d.Passes
	if len(passes) == 0 {
		passes = []result.Pass{{Detail: *d}}
	}
	c, r := 0, 0
	for i := range passes {
		if x := passes[i].Detail.Context; x != nil {
			c, r = c+x.Computed, r+x.Reused
		}
	}
	if c+r == 0 {
		return figure.Missing, figure.Missing
	}
	return figure.Grouped(c), figure.Grouped(r)
}

// state is the point's verdict, or why it has no figures.
func (p *sweepPoint) state() string {
	if reason, failed := p.failed(); failed {
		return "failed: " + oneline.Of(reason)
	}
	if p.synthetic() {
		return "SYNTHETIC acceptance; " + p.verdict()
	}
	return p.verdict()
}

// text is a figure with its interval, where there is one.
func (c *sweepColumn) text(p *sweepPoint) string {
	x := c.values(p)
	if len(x) == 0 {
		return figure.Missing
	}
	mean, half := result.MeanInterval(x)
	text := figure.Decimals(&mean, c.Decimals)
	if !math.IsNaN(half) {
		text += " ±" + figure.Decimals(&half, c.Decimals)
	}
	return text
}

// mostNamed is how many points are named that a figure does not tell from its best.
const mostNamed = 4

// bestText names the best of a figure, its interval and what it is not told from.
func (w *sweep) bestText(c *sweepColumn, best int) string {
	p := &w.points[best]
	x := c.values(p)
	mean, half := result.MeanInterval(x)
	text := fmt.Sprintf("%s: best %s with %s", c.Heading(), figure.Decimals(&mean, c.Decimals), w.place(best))
	if !p.trusted() {
		text += " (" + p.verdict() + ", as every point)"
	}
	if math.IsNaN(half) {
		return text + "; one pass, so no interval: --repeat 3 gives one"
	}
	lo, hi := max(mean-half, 0), mean+half // of what is never below 0
	text += fmt.Sprintf(", %s to %s (95 %% of the mean of %d passes)", figure.Decimals(&lo, c.Decimals), figure.Decimals(&hi, c.Decimals), len(x))
	var names []string
	for _, i := range w.like(c, best) {
		names = append(names, w.place(i))
	}
	if more := len(names) - mostNamed; more > 0 {
		names = append(names[:mostNamed], fmt.Sprintf("%d more", more))
	}
	if len(names) > 0 {
		text += "; not told apart: " + strings.Join(names, ", ")
	}
	return text
}

// place is a point's values of the axes.
func (w *sweep) place(i int) string {
	parts := make([]string, len(w.axes))
	for k, axis := range w.axes {
		parts[k] = axis + "=" + w.points[i].at[k]
	}
	return strings.Join(parts, " ")
}

// sweepSection has a table for each sweep of the run; nil for none.
func sweepSection(all []scenario) []doc.Block {
	var out []doc.Block
	for _, w := range sweeps(all) {
		m := w.matrix()
		t := &doc.Table{Columns: append(doc.Words(m.Head[:len(w.axes)]...), doc.Numbers(m.Head[len(w.axes):len(m.Head)-1]...)...)}
		t.Columns = append(t.Columns, doc.Words("Verdict")...)
		for _, row := range m.Rows {
			t.Add(row...)
		}
		out = append(out, doc.Field{Name: w.of}, t, doc.Bullets(m.Best))
	}
	if out == nil {
		return nil
	}
	return append([]doc.Block{doc.Paragraph{Text: doc.T(sweepText)}}, out...)
}

const sweepText = "Every combination of a scenario's lists. Figures are means over the passes that completed without a failed request, ± half of their 95% interval (Student's t) where there are two or more; * is the best of its column, among points that nothing speaks against where there are such. Context: tokens that the requests began behind, computed before the clock or kept from a point before, over all passes. Of many points the best is a little too good by chance alone."
