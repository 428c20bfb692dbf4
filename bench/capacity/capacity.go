// Package capacity searches the highest load that keeps limits on latencies: by
// doubling until one is missed, by bisection between the last load that keeps them
// and the first that does not, and by measuring those two neighbours again. What
// to measure next is a function of what was measured, without a clock or an
// engine.
package capacity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ceiling/bench/result"
)

// Question says what is searched for. Loads are whole numbers from 1 to Most: a
// concurrency, or the place in a list of rates.
type Question struct {
	Bounds []result.Bound
	Most   int
	// Repeats is how often a load whose intervals hold a limit is measured, once its
	// requests are enough for its statistics; 0: DefaultRepeats.
	Repeats int
	// Grow is the load to try after one that keeps the bounds while none is known
	// to miss them; nil: twice it.
	Grow func(load int) int
	// Name is how notes call a load; nil: "c=8".
	Name func(load int) string
	// Told gets the answer so far after each probe; nil: nobody is told.
	Told func(*Answer)
}

// DefaultRepeats is how often a load next to the answer is measured, unless it is
// clearly on one side of the limits, for which twice is enough.
const DefaultRepeats = 4

// ProbeSample is what one probe has measured.
type ProbeSample struct {
	// Values are the requests' values for each bound, in seconds, in the order in
	// which the requests were admitted.
	Values [][]float64
	// Together is how many requests ran at a time: they share their steps, and
	// with them their luck.
	Together int
	// Failed says why the load counts as missing the bounds without figures:
	// requests failed, or it could not run; "": it did.
	Failed string
}

// ProbeFunc measures a load once. An error ends the search.
type ProbeFunc func(ctx context.Context, load int) (ProbeSample, error)

// JudgedLoad is what is known of one load.
type JudgedLoad struct {
	Load     int
	Probes   int
	Requests int
	Figures  []result.CapacityFigure // by bound; nil where it failed
	Holds    bool
	Clear    bool // the figures' intervals say so too
	Enough   bool // the requests are worth as many independent values as the statistics take
	Failed   string
}

// Answer is what a search comes to. From and To are as in [result.Capacity];
// To < 0: no probe above is that sure.
type Answer struct {
	Load, From, To int
	AtLeast        bool
	Points         []JudgedLoad // by rising load
	Notes          []string
}

// Search probes until the answer is confirmed. With an error, which is the
// probe's, there is an answer from what was measured.
func Search(ctx context.Context, cfg Question, probe ProbeFunc) (*Answer, error) {
	s := newSearch(cfg)
	for {
		n, ok := s.next()
		if !ok {
			return s.answer(), nil
		}
		sample, err := probe(ctx, n)
		if err != nil {
			return s.answer(), err
		}
		s.add(n, sample)
		if s.Told != nil {
			s.Told(s.answer())
		}
	}
}

// search is one under way.
type search struct {
	Question
	loads map[int]*load
}

func newSearch(cfg Question) *search {
	if cfg.Repeats == 0 {
		cfg.Repeats = DefaultRepeats
	}
	if cfg.Grow == nil {
		cfg.Grow = func(n int) int { return 2 * n }
	}
	if cfg.Name == nil {
		cfg.Name = func(n int) string { return fmt.Sprintf("c=%d", n) }
	}
	return &search{Question: cfg, loads: map[int]*load{}}
}

// load is what was measured of one.
type load struct {
	samples []ProbeSample
	point   JudgedLoad
}

func (s *search) add(n int, sample ProbeSample) {
	l := s.loads[n]
	if l == nil {
		l = &load{}
		s.loads[n] = l
	}
	l.samples = append(l.samples, sample)
	l.point = Judge(n, s.Bounds, l.samples)
}

// edge are the lowest load that misses the bounds, Most + 1 where none does, and
// the highest below it that keeps them, 0 where none does. It is where all that
// was measured puts the limit, however it got there: a load that is found to have
// been on the other side when it is measured again moves the edge with it.
func (s *search) edge() (holds, misses int) {
	misses = s.Most + 1
	for n, l := range s.loads {
		if !l.point.Holds {
			misses = min(misses, n)
		}
	}
	for n, l := range s.loads {
		if l.point.Holds && n < misses {
			holds = max(holds, n)
		}
	}
	return holds, misses
}

// next is the load to measure; ok is false once the answer stands.
func (s *search) next() (n int, ok bool) {
	holds, misses := s.edge()
	switch {
	case holds == 0 && misses > s.Most:
		return 1, true
	case misses > s.Most && holds < s.Most:
		return min(s.Grow(holds), s.Most), true
	case misses-holds > 1:
		return (holds + misses) / 2, true
	case !s.settled(holds):
		return holds, true
	case !s.settled(misses):
		return misses, true
	}
	return 0, false
}

// settled tells whether nothing more is to be learnt about a load. One that keeps
// the limits takes requests for the whole of a percentile, however short the
// intervals are: too few of them lack the tail, and err on that side alone. In lock
// step, where a wave is one value, a p99 takes a hundred waves.
func (s *search) settled(n int) bool {
	l := s.loads[n]
	if l == nil { // 0, and what lies beyond Most
		return true
	}
	p := &l.point
	return p.Probes >= 2 && p.Clear && (p.Enough || !p.Holds) || p.Probes >= s.Repeats && p.Enough
}

// answer is what the points say.
func (s *search) answer() *Answer {
	holds, misses := s.edge()
	a := &Answer{Load: holds, To: -1, AtLeast: misses > s.Most && holds == s.Most}
	for _, l := range s.loads {
		a.Points = append(a.Points, l.point)
	}
	slices.SortFunc(a.Points, func(p, q JudgedLoad) int { return p.Load - q.Load })
	for _, p := range a.Points {
		if p.Load <= holds && p.Clear {
			a.From = p.Load
		}
		if p.Load >= misses && !p.Holds && p.Clear && a.To < 0 {
			a.To = p.Load - 1
		}
	}
	a.Notes = s.notes(a)
	return a
}

// notes say what does not fit one limit between two loads.
func (s *search) notes(a *Answer) []string {
	var out, above, unclear []string
	for _, p := range a.Points {
		if p.Load > a.Load && p.Holds {
			above = append(above, s.Name(p.Load))
		}
		if !p.Clear && s.settled(p.Load) {
			unclear = append(unclear, fmt.Sprintf("%s after %d probes", s.Name(p.Load), p.Probes))
		}
	}
	if len(above) > 0 {
		_, misses := s.edge()
		out = append(out, fmt.Sprintf("not monotone: %s keeps the limits though %s does not", strings.Join(above, ", "), s.Name(misses)))
	}
	if len(unclear) > 0 {
		out = append(out, "noisy: the limits lie within the intervals at "+strings.Join(unclear, ", "))
	}
	return out
}
