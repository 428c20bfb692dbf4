package chart

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// An axis is a range with its ticks.
type axis struct {
	min, max float64
	log      bool
	ticks    []plot.Tick
}

// logFrom is the ratio of the largest to the smallest value from which an
// axis of values is logarithmic: on a linear one that begins at zero the
// smallest would have less than a fifteenth of the height.
const logFrom = 15

// marked is the axis' title, which says so where it is logarithmic.
func (a axis) marked(title string) string {
	if a.log {
		return title + ", log scale"
	}
	return title
}

// valueAxis is one for values: linear from zero, or logarithmic where they
// are positive and far apart. NaN is ignored.
func valueAxis(values []float64) axis {
	lo, hi := span(values)
	if lo > 0 && hi >= logFrom*lo {
		return logAxis(lo, hi)
	}
	return zeroAxis(values)
}

// zeroAxis is linear and has zero on it.
func zeroAxis(values []float64) axis {
	lo, hi := span(values)
	return linearAxis(min(lo, 0), max(hi, 0), valueTicks)
}

// span is the least and greatest value, NaN ignored; 0, 0 without any.
func span(values []float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo > hi {
		return 0, 0
	}
	return lo, hi
}

// About how many steps an axis has. More labels stand side by side than one
// above the other need, to read a time off.
const (
	valueTicks = 5
	timeTicks  = 9
)

// linearAxis covers lo to hi in at most about steps steps and ends at ticks.
func linearAxis(lo, hi float64, steps int) axis {
	if hi <= lo {
		hi = lo + max(1, math.Abs(lo))
	}
	step := niceStep((hi - lo) / float64(steps))
	first, last := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
	a := axis{min: first * step, max: last * step}
	for k := first; k <= last; k++ {
		// The quotient of the step's inverse keeps 0.3 from being
		// 0.30000000000000004.
		a.ticks = append(a.ticks, plot.Tick{Value: k * step, Label: tickLabel(k*step, step)})
	}
	return a
}

// niceStep is the least of 1, 2 and 5 times a power of ten that is not below
// v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// tickLabel prints v with the decimals that a step needs.
func tickLabel(v, step float64) string {
	if math.Abs(v) < step/2 {
		return "0"
	}
	// An exponent has four digits at most: not where a step needs more.
	if a := math.Abs(v); (a >= 1e6 || a < 1e-2) && step > a/1000 && (a >= 1e6 || step < 1e-4) {
		return exponent(v)
	}
	decimals := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// exponent is 1.2e9 with at most four digits.
func exponent(v float64) string {
	s := strconv.FormatFloat(v, 'e', 3, 64)
	mantissa, exp, _ := strings.Cut(s, "e")
	mantissa = strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")
	sign := strings.TrimPrefix(exp[:1], "+")
	return mantissa + "e" + sign + strings.TrimLeft(exp[1:], "0")
}

// logAxis covers lo to hi, both positive, and ends at 1, 2 or 5 times a power
// of ten.
func logAxis(lo, hi float64) axis {
	a := axis{log: true, min: below(lo), max: above(hi)}
	if a.max <= a.min {
		a.max = above(a.min * 1.5)
	}
	decades := math.Log10(a.max / a.min)
	every := 1
	if decades > 6 {
		every = int(math.Ceil(decades / 6))
	}
	for k := math.Floor(math.Log10(a.min)+1e-9) - 1; k <= math.Log10(a.max)+1; k++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, k)
			if v < a.min*(1-1e-9) || v > a.max*(1+1e-9) {
				continue
			}
			if m == 1 && int(k)%every == 0 || decades <= 3.3 {
				a.ticks = append(a.ticks, plot.Tick{Value: v, Label: logLabel(v)})
			}
		}
	}
	return a
}

func logLabel(v float64) string {
	if v >= 1e6 || v < 1e-4 {
		return exponent(v)
	}
	return strconv.FormatFloat(v, 'f', max(0, int(math.Ceil(-math.Log10(v)-1e-9))), 64)
}

// below is the greatest of 1, 2 and 5 times a power of ten that is not above
// v; above the least that is not below.
func below(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2, 1} {
		if v >= m*power*(1-1e-9) {
			return m * power
		}
	}
	return power
}

func above(v float64) float64 { return niceStep(v) }

// concurrencyAxis is logarithmic and has its ticks where something was
// measured.
func concurrencyAxis(cs []int) axis {
	cs = slices.Compact(slices.Sorted(slices.Values(cs)))
	lo, hi := float64(cs[0]), float64(cs[len(cs)-1])
	// Room on both sides: a twelfth of the range, half a doubling for one
	// point.
	room := max(math.Pow(hi/lo, 1.0/12), 1.1)
	if lo == hi {
		room = 1.5
	}
	a := axis{min: lo / room, max: hi * room, log: true}
	for _, c := range cs {
		a.ticks = append(a.ticks, plot.Tick{Value: float64(c), Label: strconv.Itoa(c)})
	}
	return a
}

// norm is where v lies on the axis, from 0 to 1.
func (a axis) norm(v float64) float64 {
	if a.log {
		return math.Log(v/a.min) / math.Log(a.max/a.min)
	}
	return (v - a.min) / (a.max - a.min)
}

// thin leaves out labels of a horizontal axis that would touch one another;
// their ticks stay. The last label is kept.
func (a axis) thin(length vg.Length) axis {
	s := style(toneMuted, fontSize, draw.XCenter)
	const gap vg.Length = 8
	half := func(t plot.Tick) vg.Length { return s.Width(t.Label) / 2 }
	at := func(t plot.Tick) vg.Length { return vg.Length(a.norm(t.Value)) * length }
	ticks := slices.Clone(a.ticks)
	next := vg.Length(math.Inf(1)) // left edge of the label to the right
	for i := len(ticks) - 1; i >= 0; i-- {
		if at(ticks[i])+half(ticks[i])+gap > next {
			ticks[i].Label = ""
			continue
		}
		next = at(ticks[i]) - half(ticks[i])
	}
	a.ticks = ticks
	return a
}
