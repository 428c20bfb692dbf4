package compare

import (
	"fmt"
	"math"
	"slices"

	"ceiling/bench/result"
	"ceiling/report/metric"
)

// Basis is what the values behind an interval are.
type Basis string

// Bases.
const (
	// Passes: one value per pass over the load. The interval is about what
	// another run would show.
	Passes Basis = "passes"
	// Processes: one value per process that ran the load, the centre of its
	// passes. What differs between processes (memory layout, start-up) is in
	// the interval; within one process nothing shows it.
	Processes Basis = "processes"
	// Requests: one value per request of one run each. Requests share their
	// batches and the state of the machine, so the interval is about these two
	// runs only, and is narrower than one over passes would be.
	Requests Basis = "requests"
)

// Interval is the confidence interval of a ratio, and the test beside it.
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
	// Confidence is what the interval reaches, at least the asked one where
	// it is exact.
	Confidence float64 `json:"confidence"`
	Basis      Basis   `json:"basis"`
	// Paired says that every value of A stands against that of the same
	// prompt in B.
	Paired bool    `json:"paired,omitempty"`
	Method string  `json:"method"`
	P      float64 `json:"p"` // of the test
	Test   string  `json:"test"`
	NA     int     `json:"n_a"`
	NB     int     `json:"n_b"`
	// LeftOut counts the values of 0 that there were beside these: no ratio
	// can be made of them. Of pairs it counts each once.
	LeftOut int `json:"left_out,omitempty"`
}

// processes are the numbers of the processes that made the passes.
func (g *group) processes() []int {
	var out []int
	for i := range g.loads {
		if p := g.loads[i].Process; !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// basis is what the values of two groups are one of each.
func basis(a, b *group) Basis {
	if len(a.processes()) > 1 && len(b.processes()) > 1 {
		return Processes
	}
	return Passes
}

// values are a metric's values, one per process where there are several, else
// one per pass or repetition.
func (g *group) values(m metric.Key) []float64 {
	processes := g.processes()
	if len(processes) < 2 {
		return g.passValues(m, processes[0])
	}
	var out []float64
	for _, p := range processes {
		if own := g.passValues(m, p); len(own) > 0 {
			out = append(out, center(own, Nothing))
		}
	}
	return out
}

// passValues are those of the passes that one process made.
func (g *group) passValues(m metric.Key, process int) []float64 {
	var out []float64
	for _, l := range g.loads {
		if l.Process != process {
			continue
		}
		v, ok := l.Values[m]
		if !ok {
			continue
		}
		if g.repeated && len(v.Samples) > 1 {
			out = append(out, v.Samples...)
		} else {
			out = append(out, v.V)
		}
	}
	return out
}

// value is the figure of a group: the only one, or the centre of its passes.
func (g *group) value(m metric.Key, assume Assumption) *float64 {
	if len(g.loads) == 1 {
		if v, ok := g.loads[0].Values[m]; ok {
			return &v.V
		}
		return nil
	}
	x := g.values(m)
	if len(x) == 0 {
		return nil
	}
	c := center(x, assume)
	return &c
}

func center(x []float64, assume Assumption) float64 {
	if assume == Normal {
		mean, _ := result.Mean(x)
		return mean
	}
	x = slices.Sorted(slices.Values(x))
	median, _ := result.Percentile(x, 50)
	return median
}

// fromRecords are the figures that a request has a value of its own for.
var fromRecords = map[metric.Key]func(*result.Record) (ms float64, ok bool){
	metric.TTFTMean: func(r *result.Record) (float64, bool) { return 1000 * r.TTFT(), true },
	metric.E2ELMean: func(r *result.Record) (float64, bool) { return 1000 * r.E2EL(), true },
	metric.TPOTMean: func(r *result.Record) (float64, bool) {
		v, ok := r.TPOT()
		return 1000 * v, ok || r.OutputTokens > 1 // all at once: a 0, which is left out and counted
	},
}

// requests are a metric's values per request, pooled over passes; nil where
// the file has only summaries, or the metric is none of a request's.
func (g *group) requests(m metric.Key) []float64 {
	if fromRecords[m] == nil || g.repeated {
		return nil
	}
	var out []float64
	for _, l := range g.loads {
		out = append(out, l.Values[m].Samples...)
	}
	return out
}

// paired are a metric's values for the same prompts in both groups, in the
// order of the requests; nil where the prompts are not the same or one failed.
func paired(m metric.Key, a, b *group) (x, y []float64) {
	of := fromRecords[m]
	if of == nil || !samePrompts(a, b) {
		return nil, nil
	}
	inB := b.byRequest()
	for _, l := range a.loads {
		for i := range l.Records {
			ra := &l.Records[i]
			rb := inB[[2]int{l.Repeat, ra.Request}]
			if !ra.OK() || !rb.OK() {
				return nil, nil
			}
			va, okA := of(ra)
			vb, okB := of(rb)
			if !okA || !okB {
				return nil, nil
			}
			x, y = append(x, va), append(y, vb)
		}
	}
	return x, y
}

// newFigure compares one metric.
func newFigure(m metric.Key, a, b *group, opt ComparisonOptions) Measure {
	f := Measure{Metric: m, A: a.value(m, opt.Assume), B: b.value(m, opt.Assume)}
	if f.A == nil || f.B == nil {
		f.Why = "measured on one side only"
		return f
	}
	if f.NotSame = notSame(m, a, b); f.NotSame != "" {
		f.Why = "not the same quantity"
		return f
	}
	if *f.A > 0 {
		q, d := *f.B / *f.A, *f.B-*f.A
		f.Ratio, f.Difference = &q, &d
	}
	f.interval(a, b, opt)
	return f
}

// notSame says why a metric of two runs is not one quantity. Two files of the
// same tool define it alike, whatever it is, unless one of them says that it
// came out as something else there: a gap between deliveries of several
// tokens, say.
func notSame(m metric.Key, a, b *group) string {
	if a.run.Tool == b.run.Tool && a.loads[0].Values[m].Same == b.loads[0].Values[m].Same {
		return ""
	}
	var text string
	for _, g := range []*group{a, b} {
		if v := g.loads[0].Values[m]; !v.Same {
			if text != "" {
				text += "; "
			}
			text += g.label + ": " + v.Note
		}
	}
	return text
}

// minRequests is the least number of requests that a resampled interval is
// given for: with fewer the resamples repeat too few values.
const minRequests = 10

// interval finds the best interval there is: over passes where they suffice,
// else over the requests within the runs, else none. Values of 0 are left out.
func (f *Measure) interval(a, b *group, opt ComparisonOptions) {
	x, y := a.values(f.Metric), b.values(f.Metric)
	zeros := len(x) + len(y)
	x, y = aboveZero(x), aboveZero(y)
	zeros -= len(x) + len(y)
	many := len(x) > 1 && len(y) > 1
	if many {
		if f.overPasses(x, y, basis(a, b), opt); f.Interval != nil {
			f.Interval.LeftOut = zeros
			return
		}
		f.Need, f.tooFew = fewestPasses(len(x), len(y)), true
	} else if opt.Assume == Normal {
		f.Need = "2 passes of each side"
	} else {
		f.Need = "4 passes of each side"
	}
	r := requestsOf(f.Metric, a, b)
	switch {
	case len(r.a) >= minRequests && len(r.b) >= minRequests:
		f.Interval = overRequests(r.a, r.b, r.paired, opt.Assume)
		f.Interval.LeftOut = r.zeros
	case many:
		f.Why = fmt.Sprintf("%d + %d passes are too few", len(x), len(y))
	case fromRecords[f.Metric] == nil:
		f.Why = "one pass each"
		if len(x) > 1 || len(y) > 1 {
			f.Why = "one side has one pass"
		}
	case len(r.a) > 0 && len(r.b) > 0:
		f.Why = fmt.Sprintf("%d + %d requests are too few", len(r.a), len(r.b))
	case len(r.a) > 0:
		f.Why = b.label + " is a summary"
	case len(r.b) > 0:
		f.Why = a.label + " is a summary"
	default:
		f.Why = "summaries only"
	}
}

// overPasses adds the interval from one value per pass, and the test for
// equality where a margin was asked for; neither where there are too few.
func (f *Measure) overPasses(x, y []float64, of Basis, opt ComparisonOptions) {
	if f.Interval = overPasses(x, y, opt.Assume); f.Interval == nil {
		return
	}
	f.Interval.Basis = of
	if opt.EqualWithin > 0 {
		f.Equal = equivalence(x, y, opt.EqualWithin, opt.Assume)
	}
	if f.Verdict() == Undecided {
		f.MorePasses = morePasses(x, y, opt)
	}
}

// requestValues are one value per request of two runs, those of 0 left out.
type requestValues struct {
	a, b   []float64
	paired bool // every value of a stands against that of the same prompt in b
	zeros  int  // left out
}

func requestsOf(m metric.Key, a, b *group) requestValues {
	x, y := paired(m, a, b)
	if x == nil {
		r := requestValues{a: a.requests(m), b: b.requests(m)}
		r.zeros = len(r.a) + len(r.b)
		r.a, r.b = aboveZero(r.a), aboveZero(r.b)
		r.zeros -= len(r.a) + len(r.b)
		return r
	}
	r := requestValues{paired: true}
	for i := range x {
		if len(aboveZero([]float64{x[i], y[i]})) == 2 {
			r.a, r.b = append(r.a, x[i]), append(r.b, y[i])
		}
	}
	r.zeros = len(x) - len(r.a)
	return r
}

// aboveZero are the values that a ratio can be made of.
func aboveZero(x []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return !(v > 0) || math.IsInf(v, 0) })
}
