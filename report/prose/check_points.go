package prose

import "slices"

// atConcurrency are the points that "c=N" can mean: the section's own, and
// those of the scaling curve, or without any all others.
func (c *checker) atConcurrency(n int) []int {
	var own, scaling, all []int
	for i, p := range c.s.Evidence.Points {
		if p.Concurrency != n {
			continue
		}
		all = append(all, i)
		if p.Own {
			own = append(own, i)
		} else if p.Scaling {
			scaling = append(scaling, i)
		}
	}
	if found := append(own, scaling...); len(found) > 0 {
		return found
	}
	return all
}

// placed are the points that a description means.
func (c *checker) placed(where place) []int {
	var out []int
	for i, p := range c.s.Evidence.Points {
		if c.at(where, p) {
			out = append(out, i)
		}
	}
	return out
}

// at says whether a description means the point.
func (c *checker) at(where place, p Point) bool {
	switch where {
	case ownPlace:
		return p.Own
	case previousPlace:
		return p.Previous
	case sweetPlace:
		return p.Sweet
	case peakPlace:
		return p.Peak
	case alonePlace:
		return p.Concurrency == 1 && (p.Own || c.own < 0 || c.s.Evidence.Points[c.own].Concurrency != 1)
	}
	return false
}

// distributed are the metrics with a mean, a median and a p99.
func distributed(m Metric) bool { return m == TTFT || m == TPOT || m == ITL }

// value is a figure of a point.
func (c *checker) value(m Metric, st Stat, point int) (float64, bool) {
	if point < 0 || point >= len(c.s.Evidence.Points) {
		return 0, false
	}
	p := c.s.Evidence.Points[point]
	if m == Concurrency && (st == "" || st == Mean) {
		return float64(p.Concurrency), true
	}
	stats := []Stat{st}
	switch {
	case st == "":
		stats = append(stats, Mean)
	case st == Mean && !distributed(m):
		stats = append(stats, "")
	}
	for _, st := range stats {
		if v, ok := p.Values[Figure{Metric: m, Stat: st}]; ok {
			return v, true
		}
	}
	for _, f := range c.s.Facts {
		if f.Against == (Figure{}) && f.Of.Metric == m && slices.Contains(stats, f.Of.Stat) && c.pointOf(f.Of) == point {
			return f.Value, true
		}
	}
	if m == PerUser && p.Concurrency > 0 {
		if v, ok := c.value(Output, st, point); ok {
			return v / float64(p.Concurrency), true
		}
	}
	return 0, false
}

// pointOf is the index of a figure's scenario, −1 for none.
func (c *checker) pointOf(f Figure) int {
	if f.Scenario == "" {
		return c.own
	}
	return slices.IndexFunc(c.s.Evidence.Points, func(p Point) bool { return p.Scenario == f.Scenario })
}

// curve are the scaling points by rising concurrency.
func (c *checker) curve() []int {
	var out []int
	for i, p := range c.s.Evidence.Points {
		if p.Scaling {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return c.s.Evidence.Points[a].Concurrency - c.s.Evidence.Points[b].Concurrency
	})
	return out
}

// lessIsBetter says which way a metric is good.
func lessIsBetter(m Metric) bool {
	switch m {
	case TTFT, TPOT, ITL, E2EL, QueueTime, PrefillTime, DecodeTime, RunTime, Overhead:
		return true
	}
	return false
}

// isTime says whether a metric is a time.
func isTime(m Metric) bool { return lessIsBetter(m) && m != Overhead }

// upward turns the direction of a word into that of a metric's value: +1 if
// the value has to be larger, −1 if smaller, 0 if the word can't be said of
// the metric.
func upward(e *entry, m Metric) int {
	switch e.sense {
	case bySpeed, byQuality:
		if lessIsBetter(m) {
			return -e.up
		}
		if e.sense == bySpeed && (m == Concurrency || m == Prompts || m == Requests) {
			return 0
		}
	case byTime:
		if !isTime(m) && m != InputLen && m != OutputLen {
			return 0
		}
	}
	return e.up
}

// label is how a message calls a figure: "TTFT p99", without its scenario.
func label(f Figure) string {
	if f.Stat == "" {
		return string(f.Metric)
	}
	return string(f.Metric) + " " + string(f.Stat)
}

// first is the first of points, −1 for none: value knows none of that.
func first(points []int) int {
	if len(points) == 0 {
		return -1
	}
	return points[0]
}
