package tune

import (
	"fmt"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"

	"ceiling/bench/result"
)

// confidence is that of the intervals that are told, and by which a value leaves a
// race. One that takes the place of another one is to be surer: it is the best of
// several, and looked at after each round.
const (
	confidence = result.Confidence
	sure       = 0.99
)

// spread is what measurements of one thing differ by: a sum of squares with its
// degrees of freedom.
type spread struct{ squares, freedom float64 }

func (s spread) and(o spread) spread { return spread{s.squares + o.squares, s.freedom + o.freedom} }

// deviation is the standard deviation of one measurement, 0 where it is not known.
func (s spread) deviation() float64 {
	if s.freedom == 0 {
		return 0
	}
	return math.Sqrt(s.squares / s.freedom)
}

// difference is a mean difference of log costs over n pairs, with its standard
// error and the degrees of freedom of that; 0: it is not known.
type difference struct {
	mean, se, freedom float64
	n                 int
}

// interval is Student's, unbounded where the error is not known.
func (d difference) interval(confidence float64) (lo, hi float64) {
	if d.n == 0 || d.freedom <= 0 {
		return math.Inf(-1), math.Inf(1)
	}
	half := d.se * stats.InvCDF(stats.TDist{V: d.freedom})((1+confidence)/2)
	return d.mean - half, d.mean + half
}

// above tells whether the whole interval lies above 0: what is compared is slower.
func (d difference) above(confidence float64) bool {
	lo, _ := d.interval(confidence)
	return lo > 0
}

// ratio is it as a speed-up: lower costs are faster.
func (d difference) ratio() result.SpeedRatio {
	r := result.SpeedRatio{Value: math.Exp(-d.mean)}
	if lo, hi := d.interval(confidence); !math.IsInf(lo, 0) {
		lo, hi = math.Exp(-hi), math.Exp(-lo)
		r.Lo, r.Hi = &lo, &hi
	}
	return r
}

// paired is the mean of differences with the error that they show themselves.
func paired(diffs []float64) difference {
	mean, squares := result.Scatter(diffs)
	n := float64(len(diffs))
	return difference{mean, math.Sqrt(squares / (n - 1) / n), n - 1, len(diffs)}
}

// both are the rounds that two values were measured in, as differences a − b.
func (h *heat) both(a, b, goal, rounds int) []float64 {
	var out []float64
	for r := range rounds {
		if x, y := h.logs[a][r], h.logs[b][r]; x != nil && y != nil {
			out = append(out, x[goal]-y[goal])
		}
	}
	return out
}

// between is how much more a costs than b, over the rounds that both were measured
// in. Few rounds say little about the noise, so that it is taken from all values
// and all races, but not lower than that of these two: a value that makes the
// engine unsteady has noise of its own.
func (t *Tuner) between(h *heat, a, b, goal, rounds int) difference {
	diffs := h.both(a, b, goal, rounds)
	n := len(diffs)
	if n == 0 || a == b {
		return difference{}
	}
	own := paired(diffs)
	all := t.noise[goal]
	if all.freedom == 0 || n > 2 && restless(diffs, all) {
		return own
	}
	return difference{own.mean, all.deviation() * math.Sqrt(2/float64(n)), all.freedom, n}
}

// restless tells whether differences vary more than the noise explains: their
// variance is 2σ², and the test is χ²'s at 1 %, by Wilson and Hilferty's
// approximation.
func restless(diffs []float64, all spread) bool {
	_, squares := result.Scatter(diffs)
	const z = 2.326
	k := float64(len(diffs) - 1)
	a := 2 / (9 * k)
	most := k * math.Pow(1-a+z*math.Sqrt(a), 3)
	s := all.deviation()
	return squares > 2*s*s*most
}

// residuals are what the values that are left differ by once their means and those
// of the rounds are taken out.
func (h *heat) residuals(goal, rounds int) spread {
	values := slices.DeleteFunc(slices.Clone(h.alive), func(v int) bool { return slices.ContainsFunc(h.logs[v][:rounds], isNil) })
	k, n := len(values), rounds
	if k < 2 || n < 2 {
		return spread{}
	}
	ofRound := make([]float64, n)
	all := 0.0
	for r := range ofRound {
		for _, v := range values {
			ofRound[r] += h.logs[v][r][goal] / float64(k)
		}
		all += ofRound[r] / float64(n)
	}
	squares := 0.0
	for _, v := range values {
		mean := h.meanOf(v, goal, rounds)
		for r := range n {
			d := h.logs[v][r][goal] - mean - ofRound[r] + all
			squares += d * d
		}
	}
	return spread{squares, float64((k - 1) * (n - 1))}
}

func isNil(y []float64) bool { return y == nil }

// meanOf is a value's mean over the first rounds, infinite without any.
func (h *heat) meanOf(v, goal, rounds int) float64 {
	sum, n := 0.0, 0
	for _, y := range h.logs[v][:rounds] {
		if y != nil {
			sum, n = sum+y[goal], n+1
		}
	}
	if n == 0 {
		return math.Inf(1)
	}
	return sum / float64(n)
}

// middle is the median of each goal.
func middle(list [][]float64) []float64 {
	out := make([]float64, len(list[0]))
	for g := range out {
		var x []float64
		for _, y := range list {
			x = append(x, y[g])
		}
		slices.Sort(x)
		out[g], _ = result.Percentile(x, 50)
	}
	return out
}

// change is a difference of log costs in words.
func change(d float64) string {
	if d > 0 {
		return fmt.Sprintf("%.0f %% slower", 100*(1-math.Exp(-d)))
	}
	return fmt.Sprintf("%.0f %% faster", 100*(math.Exp(-d)-1))
}
