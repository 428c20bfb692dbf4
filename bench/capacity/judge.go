package capacity

import (
	"math"
	"math/rand/v2"
	"slices"

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
	p.Holds, p.Clear = true, true
	missed := false // by an interval
	for i, b := range bounds {
		f, ok := figure(b, i, samples)
		if !ok {
			return JudgedLoad{Load: n, Probes: p.Probes, Clear: true, Failed: "no request has a " + b.Title()}
		}
		p.Figures = append(p.Figures, f)
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
func within(ms, most float64) bool { return ms <= most*(1+1e-9) }

// figure is the i-th bound's, over all samples.
func figure(b result.Bound, i int, samples []ProbeSample) (f result.CapacityFigure, ok bool) {
	var all []float64
	var groups [][]float64
	for _, s := range samples {
		all = append(all, s.Values[i]...)
		groups = append(groups, slices.Collect(slices.Chunk(s.Values[i], max(1, s.Together)))...)
	}
	value := b.Of(all)
	if value == nil {
		return f, false
	}
	f.Value = *value
	f.Lo, f.Hi = interval(b, groups, len(all))
	return f, true
}

// resamples is how often groups are drawn again. The seed is fixed: the same
// samples give the same interval.
const (
	resamples = 400
	z         = 1.96 // 95 % of a normal distribution
)

// leastGroups is how many groups an interval takes: with fewer there is nothing to
// draw from.
const leastGroups = 3

// interval is the statistic of all values ± z standard errors of its logarithm, by
// the bootstrap
// (Efron, "Bootstrap methods", 1979) with whole groups of requests drawn again:
// those that ran at a time are no independent values (Künsch, "The jackknife and
// the bootstrap for general stationary observations", 1989). Percentiles of the
// resamples would not do, since no p99 of them lies above the largest value seen.
func interval(b result.Bound, groups [][]float64, n int) (lo, hi *float64) {
	if len(groups) < leastGroups {
		return nil, nil
	}
	rng := rand.New(rand.NewPCG(1, 2))
	d := newDraws(groups)
	out := make([]float64, resamples)
	for k := range out {
		d.draw(rng, n)
		out[k] = math.Log(d.of(b))
	}
	value := *b.Of(slices.Concat(groups...))
	by := math.Exp(z * result.NewDist(out).Std)
	low, high := value/by, value*by
	return &low, &high
}

// draws draws groups of values again and again. It counts how often each value
// came instead of sorting them each time.
type draws struct {
	sorted []float64
	groups [][]int // places in sorted
	counts []int   // by place
	n      int     // values drawn
}

func newDraws(groups [][]float64) *draws {
	d := &draws{sorted: slices.Sorted(slices.Values(slices.Concat(groups...)))}
	d.counts = make([]int, len(d.sorted))
	for _, g := range groups {
		places := make([]int, len(g))
		for i, v := range g {
			places[i], _ = slices.BinarySearch(d.sorted, v)
		}
		d.groups = append(d.groups, places)
	}
	return d
}

// draw draws groups until there are n values or more.
func (d *draws) draw(rng *rand.Rand, n int) {
	clear(d.counts)
	for d.n = 0; d.n < n; {
		g := d.groups[rng.IntN(len(d.groups))]
		for _, place := range g {
			d.counts[place]++
		}
		d.n += len(g)
	}
}

// of is a statistic of what was drawn, as [result.Percentile] and [result.Mean]
// have it.
func (d *draws) of(b result.Bound) float64 {
	p, ok := b.Percentile()
	if !ok {
		sum := 0.0
		for i, c := range d.counts {
			sum += float64(c) * d.sorted[i]
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
	for i, c := range d.counts {
		if at -= c; at < 0 {
			return d.sorted[i]
		}
	}
	return d.sorted[len(d.sorted)-1]
}
