package prose_test

import (
	"fmt"
	"strings"
	"testing"

	"ceiling/report/prose"
)

// claim is a sentence on two figures with what makes it true.
type claim struct {
	format string // of two names
	holds  func(a, b float64) bool
}

var pairs = []claim{
	{"%s is higher than %s.", func(a, b float64) bool { return a > b }},
	{"%s is lower than %s.", func(a, b float64) bool { return a < b }},
	{"%s exceeds %s.", func(a, b float64) bool { return a > b }},
	{"%s is far above %s.", func(a, b float64) bool { return a >= 1.5*b }},
	{"%s is slightly below %s.", func(a, b float64) bool { return a < b && b <= 1.25*a }},
	{"%s is close to %s.", func(a, b float64) bool { return max(a, b) <= 1.1*min(a, b) }},
	{"%s is not close to %s.", func(a, b float64) bool { return max(a, b) > 1.1*min(a, b) }},
	{"%s is about twice %s.", func(a, b float64) bool { return a >= 1.8*b && a <= 2.2*b }},
	{"%s is more than double %s.", func(a, b float64) bool { return a >= 2*b && a <= 3*b }},
	{"%s is less than half of %s.", func(a, b float64) bool { return a <= 0.5*b && a >= 0.25*b }},
}

// TestClaims makes comparisons of every two figures of a section without
// naming a number and works out by itself which are true: all others have to
// be caught, and most of the true ones have to be taken.
func TestClaims(t *testing.T) {
	var tried, caught, right, taken int
	for run := range runs {
		for key, s := range sections(t, run) {
			if s.Kind == prose.Summary || strings.Contains(key, "Short") {
				continue
			}
			figures, values := comparable(s)
			for i, a := range figures {
				for k, b := range figures {
					if i == k || (i*7+k*3)%17 != 0 || throughput(a) != throughput(b) {
						continue
					}
					c := pairs[(i+k)%len(pairs)]
					name := strings.ToUpper(a[:1]) + a[1:]
					text := fmt.Sprintf(c.format, name, b)
					found := prose.Check(s, text)
					if c.holds(values[i], values[k]) {
						right++
						if len(found) == 0 {
							taken++
						} else {
							t.Logf("refused: %s: %s %v", s.ID, text, found)
						}
						continue
					}
					tried++
					if len(found) > 0 {
						caught++
					} else {
						t.Errorf("%s %s: taken: %s (%v, %v)", run, s.ID, text, values[i], values[k])
					}
				}
			}
		}
	}
	t.Logf("%d of %d false comparisons caught, %d of %d true ones taken", caught, tried, taken, right)
	if tried < 1000 || taken*10 < right*9 {
		t.Errorf("%d false comparisons tried, %d of %d true ones taken", tried, taken, right)
	}
}

func throughput(name string) bool {
	return strings.Contains(name, "throughput") || strings.Contains(name, "peak")
}

// comparable names the figures of a section's points.
func comparable(s *prose.Section) (names []string, values []float64) {
	for _, p := range s.Evidence.Points {
		where := ""
		if !p.Own {
			where = " of " + p.Scenario
		}
		for _, f := range []prose.Figure{
			{Metric: prose.TTFT, Stat: prose.Mean}, {Metric: prose.TTFT, Stat: prose.Median}, {Metric: prose.TTFT, Stat: prose.P99},
			{Metric: prose.TPOT, Stat: prose.Mean}, {Metric: prose.TPOT, Stat: prose.P99}, {Metric: prose.ITL, Stat: prose.P99},
			{Metric: prose.Output}, {Metric: prose.PerUser}, {Metric: prose.Total}, {Metric: prose.PeakOutput},
		} {
			v, ok := p.Values[f]
			if !ok || f.Metric == prose.PeakOutput && s.Kind != prose.Interpretation {
				continue
			}
			name := "the " + string(f.Metric) + where
			if f.Stat != "" {
				name = "the " + string(f.Metric) + " " + string(f.Stat) + where
			}
			names = append(names, name)
			values = append(values, v)
		}
	}
	return names, values
}

// TestCourse says of every two points of a curve which way a metric goes, and
// of every point that it has the most or the least.
func TestCourse(t *testing.T) {
	var tried, right, taken int
	check := func(s *prose.Section, text string, ok bool) {
		found := prose.Check(s, text)
		switch {
		case ok && len(found) == 0:
			taken++
		case ok:
			t.Logf("%s: refused: %s\n\t%v", s.ID, text, found)
		case len(found) == 0:
			t.Errorf("%s: taken: %s", s.ID, text)
		}
		if ok {
			right++
		} else {
			tried++
		}
	}
	for run := range runs {
		for _, s := range sections(t, run) {
			if s.Kind == prose.Summary || s.Kind == prose.Interpretation && !s.Evidence.Points[0].Scaling {
				continue
			}
			for _, f := range []prose.Figure{{Metric: prose.TTFT, Stat: prose.P99}, {Metric: prose.TPOT, Stat: prose.Mean}, {Metric: prose.Output}, {Metric: prose.PerUser}} {
				name := strings.TrimSpace(string(f.Metric) + " " + string(f.Stat))
				name = strings.ToUpper(name[:1]) + name[1:]
				for _, a := range s.Evidence.Points {
					most, least := true, true
					for _, b := range s.Evidence.Points {
						if !a.Scaling || !b.Scaling {
							continue
						}
						most, least = most && a.Values[f] >= b.Values[f], least && a.Values[f] <= b.Values[f]
						if a.Concurrency == b.Concurrency {
							continue
						}
						rises := b.Values[f] > a.Values[f]
						check(s, fmt.Sprintf("%s rises from c=%d to c=%d.", name, a.Concurrency, b.Concurrency), rises)
						check(s, fmt.Sprintf("From c=%d to c=%d, %s falls.", a.Concurrency, b.Concurrency, strings.TrimSpace(string(f.Metric)+" "+string(f.Stat))), b.Values[f] < a.Values[f])
					}
					if a.Scaling {
						check(s, fmt.Sprintf("%s of c=%d is the highest of the curve.", name, a.Concurrency), most)
						check(s, fmt.Sprintf("The lowest %s of the curve is that of c=%d.", strings.TrimSpace(string(f.Metric)+" "+string(f.Stat)), a.Concurrency), least)
					}
				}
			}
		}
	}
	t.Logf("%d false ones tried, %d of %d true ones taken", tried, taken, right)
	if tried < 1000 || taken*10 < right*9 {
		t.Errorf("%d false ones tried, %d of %d true ones taken", tried, taken, right)
	}
}

// TestEvenness says of TTFT, TPOT and ITL of every scenario that they are
// steady, and that they vary.
func TestEvenness(t *testing.T) {
	var tried, taken, right int
	for run := range runs {
		for _, s := range sections(t, run) {
			if s.Kind != prose.Interpretation {
				continue
			}
			v := s.Evidence.Points[0].Values
			for _, m := range []struct {
				metric         prose.Metric
				over           prose.Stat
				steady, varied float64
			}{{prose.TTFT, prose.Mean, 1.10, 2}, {prose.TPOT, prose.Mean, 1.05, 1.5}, {prose.ITL, prose.Median, 1.10, 3}} {
				p99, ok := v[prose.Figure{Metric: m.metric, Stat: prose.P99}]
				ratio := p99 / v[prose.Figure{Metric: m.metric, Stat: m.over}]
				skew := v[prose.Figure{Metric: m.metric, Stat: prose.Mean}] / v[prose.Figure{Metric: m.metric, Stat: prose.Median}]
				for text, holds := range map[string]bool{
					"%s is steady.":                       ok && ratio <= m.steady,
					"%s shows little variation.":          ok && ratio <= m.steady,
					"%s is not stable.":                   ok && ratio > m.steady,
					"%s has a long tail.":                 ok && (ratio >= m.varied || m.metric != prose.ITL && skew >= 1.25 && ratio > m.steady),
					"There is no variation in %s.":        ok && ratio <= m.steady,
					"The spread of %s is small.":          ok && ratio <= m.steady,
					"Requests see a very predictable %s.": ok && ratio <= m.steady,
				} {
					text = fmt.Sprintf(text, m.metric)
					found := prose.Check(s, text)
					switch {
					case holds:
						if right++; len(found) == 0 {
							taken++
						} else {
							t.Logf("%s %s: refused: %s %v", run, s.ID, text, found)
						}
					default:
						if tried++; len(found) == 0 {
							t.Errorf("%s %s: taken: %s (%.3f, %.3f)", run, s.ID, text, ratio, skew)
						}
					}
				}
			}
		}
	}
	t.Logf("%d false ones tried, %d of %d true ones taken", tried, taken, right)
	if tried < 300 || taken*10 < right*9 {
		t.Errorf("%d false ones tried, %d of %d true ones taken", tried, taken, right)
	}
}
