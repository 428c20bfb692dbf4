package capacity

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/aclements/go-moremath/stats"

	"ceiling/bench/result"
)

// Judge pools the samples of a load and holds them against the bounds.
func Judge(n int, bounds []result.Bound, samples []ProbeSample) JudgedLoad {
	p := JudgedLoad{Load: n, Probes: len(samples)}
	for _, s := range samples {
		if s.Failed != "" {
			p.Failed = s.Failed
		}
		if len(s.Values) > 0 {
			p.Requests += len(s.Values[0])
		}
	}
	if p.Failed != "" {
		p.Clear = true
		return p
	}
	p.Holds, p.Clear, p.Enough = true, true, true
	missed := false // by an interval
	for i, b := range bounds {
		f, independent, ok := figure(b, i, samples)
		if !ok {
			return JudgedLoad{Load: n, Probes: p.Probes, Clear: true, Failed: "no request has a " + b.Title()}
		}
		p.Figures = append(p.Figures, f)
		p.Enough = p.Enough && independent >= float64(b.Needs())
		p.Holds = p.Holds && within(f.Value, b.MaxMs)
		p.Clear = p.Clear && f.Hi != nil && within(*f.Hi, b.MaxMs)
		missed = missed || f.Lo != nil && !within(*f.Lo, b.MaxMs)
	}
	if !p.Holds {
		p.Clear = missed
	}
	return p
}

// within compares times as they are measured, in whole microseconds and ratios of
// them: the last bit of a difference of clock readings decides nothing.
func within(ms, most float64) bool { return ms <= most*(1+lastBit) }

// lastBit is the relative difference of two times that is none.
const lastBit = 1e-9

// figure is the i-th bound's, over all samples, and how many independent values
// those are worth.
func figure(b result.Bound, i int, samples []ProbeSample) (f result.CapacityFigure, n float64, ok bool) {
	var all []float64
	var groups [][]float64
	for _, s := range samples {
		all = append(all, s.Values[i]...)
		groups = append(groups, slices.Collect(slices.Chunk(s.Values[i], max(1, s.Together)))...)
	}
	value := b.Of(all)
	if value == nil {
		return f, 0, false
	}
	f.Value = *value
	n = independent(groups)
	f.Lo, f.Hi = interval(b, groups, n)
	return f, n, true
}

// resamples is how often groups are drawn again. The seed is fixed: the same
// samples give the same interval.
const (
	resamples  = 400
	confidence = 0.95
)

// leastGroups is how many groups an interval takes: with fewer there is nothing to
// draw from.
const leastGroups = 3

// interval is the statistic of all values ± t standard errors of its logarithm, by
// the bootstrap
// (Efron, "Bootstrap methods", 1979) with whole groups of requests drawn again:
// those that ran at a time are no independent values (Künsch, "The jackknife and
// the bootstrap for general stationary observations", 1989). Percentiles of the
// resamples would not do, since no p99 of them lies above the largest value seen.
// It reaches further on the side of the tail, by what n independent values are too
// few for.
func interval(b result.Bound, groups [][]float64, n float64) (lo, hi *float64) {
	if len(groups) < leastGroups {
		return nil, nil
	}
	rng := rand.New(rand.NewPCG(1, 2))
	d := newDraws(groups)
	out := make([]float64, resamples)
	all := slices.Concat(groups...)
	for k := range out {
		d.draw(rng, len(all))
		out[k] = math.Log(d.of(b))
	}
	t := stats.InvCDF(stats.TDist{V: max(n-1, 1)})((1 + confidence) / 2)
	value, by, tail := *b.Of(all), t*result.NewDist(out).Std, unseen(b, all, n)
	low, high := value*math.Exp(min(tail, 0)-by), value*math.Exp(max(tail, 0)+by)
	return &low, &high
}

// unseen is how much further out a percentile is to be expected than where n
// values put it, as a logarithm: the largest of four values is no p99. It takes
// logarithms as normal, with the place of the i-th of n values in their
// distribution by Blom ("Statistical estimates and transformed beta-variables",
// 1958).
func unseen(b result.Bound, values []float64, n float64) float64 {
	p, ok := b.Percentile()
	if !ok {
		return 0
	}
	normal := stats.StdNormal
	at := 1 + (n-1)*p/100
	return (stats.InvCDF(normal)(p/100) - stats.InvCDF(normal)((at-0.375)/(n+0.25))) * result.NewDist(logs(values)).Std
}

// independent is how many independent values have the spread of groups of values
// that have something in common: all divided by the design effect (Kish, "Survey
// sampling", 1965) of the intraclass correlation of their logarithms, estimated by
// the analysis of variance. Of groups whose members are alike it is the number of
// groups.
func independent(groups [][]float64) float64 {
	n, k, squares := 0.0, float64(len(groups)), 0.0
	within, means := 0.0, make([]float64, len(groups))
	total := 0.0
	for i, g := range groups {
		d, m := result.NewDist(logs(g)), float64(len(g))
		within += m * d.Std * d.Std
		means[i] = d.Mean
		n, squares, total = n+m, squares+m*m, total+m*d.Mean
	}
	if k < 2 || n == k || result.NewDist(logs(slices.Concat(groups...))).Std < lastBit {
		return n
	}
	between := 0.0
	for i, g := range groups {
		between += float64(len(g)) * (means[i] - total/n) * (means[i] - total/n)
	}
	between, within = between/(k-1), within/(n-k)
	each := (n - squares/n) / (k - 1)
	correlation := (between - within) / (between + (each-1)*within)
	if correlation <= 0 {
		return n
	}
	return n / (1 + (squares/n-1)*correlation)
}

func logs(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.Log(v)
	}
	return out
}

// draws draws groups of values again and again. It counts how often each group
// came: what is looked at is the end of the sorted values that a percentile lies
// at, and not all of them.
type draws struct {
	groups [][]float64
	values []drawn // ascending
	came   []int   // by group
	n      int     // values drawn
}

// drawn is a value of a group.
type drawn struct {
	value float64
	group int
}

func newDraws(groups [][]float64) *draws {
	d := &draws{groups: groups, came: make([]int, len(groups))}
	for i, g := range groups {
		for _, v := range g {
			d.values = append(d.values, drawn{v, i})
		}
	}
	slices.SortFunc(d.values, func(a, b drawn) int { return cmp.Compare(a.value, b.value) })
	return d
}

// draw draws groups until there are n values or more.
func (d *draws) draw(rng *rand.Rand, n int) {
	clear(d.came)
	for d.n = 0; d.n < n; {
		i := rng.IntN(len(d.groups))
		d.came[i]++
		d.n += len(d.groups[i])
	}
}

// of is a statistic of what was drawn, as [result.Percentile] and [result.Mean]
// have it.
func (d *draws) of(b result.Bound) float64 {
	p, ok := b.Percentile()
	if !ok {
		sum := 0.0
		for _, v := range d.values {
			sum += float64(d.came[v.group]) * v.value
		}
		return sum / float64(d.n)
	}
	h := float64(d.n-1) * p / 100
	at := int(math.Floor(h))
	low, high := d.nth(at), d.nth(min(at+1, d.n-1))
	return low + (h-float64(at))*(high-low)
}

// nth is the value at a place of those drawn, in ascending order.
func (d *draws) nth(at int) float64 {
	above := d.n - 1 - at
	for _, v := range slices.Backward(d.values) {
		if above -= d.came[v.group]; above < 0 {
			return v.value
		}
	}
	return d.values[0].value
}
