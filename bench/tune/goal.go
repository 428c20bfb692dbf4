package tune

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ceiling/bench/capacity"
	"ceiling/bench/result"
	"ceiling/bench/suite"
)

// mostInFlight bounds the load of a goal.
const mostInFlight = 4096

// ParseGoal reads what to tune for: decode, prefill, throughput or ttft, or slo=
// with limits as [suite.ParseBounds] has them, and behind any of them the requests
// in flight, "@c=8"; one where there is none.
func ParseGoal(text string) (result.TuningGoal, error) {
	const form = "give decode, prefill, throughput, ttft or slo=LIMITS, each with @c=N for N requests in flight"
	what, load, loaded := strings.Cut(strings.TrimSpace(text), "@")
	g := result.TuningGoal{Name: strings.TrimSpace(text), Concurrency: 1}
	if loaded {
		n, ok := strings.CutPrefix(load, "c=")
		c, err := strconv.Atoi(n)
		if !ok || err != nil || c < 1 || c > mostInFlight {
			return g, fmt.Errorf("%q is no load: write @c=N with N from 1 to %d", "@"+load, mostInFlight)
		}
		g.Concurrency = c
	}
	figure, limits, limited := strings.Cut(what, "=")
	g.Figure = strings.ToLower(figure)
	switch {
	case !slices.Contains(result.TuningFigures(), g.Figure):
		return g, fmt.Errorf("%q is nothing to tune for: %s", text, form)
	case limited != (g.Figure == result.TuningSLO):
		return g, fmt.Errorf("%q: limits go with slo, as in slo=ttft_p90=2s,tpot_p90=60ms@c=8", text)
	case !limited:
		return g, nil
	}
	var err error
	g.Bounds, err = suite.ParseBounds(limits)
	return g, err
}

// Words for the figures that are not to become slower.
const (
	GuardAuto = "auto"
	GuardNone = "none"
)

// ParseGoals reads what to tune for, and what is not to become slower meanwhile:
// goals with commas between them, none, or auto: of decode and prefill the other
// one, of TTFT the throughput.
func ParseGoals(target, guard string) ([]result.TuningGoal, error) {
	first, err := ParseGoal(target)
	if err != nil {
		return nil, fmt.Errorf("--for: %w", err)
	}
	goals := []result.TuningGoal{first}
	var names []string
	switch guard {
	case GuardNone:
	case GuardAuto:
		beside := map[string]string{result.TuningDecode: result.TuningPrefill, result.TuningPrefill: result.TuningDecode, result.TuningTTFT: result.TuningThroughput}
		if name := beside[first.Figure]; name != "" {
			names = []string{fmt.Sprintf("%s@c=%d", name, first.Concurrency)}
		}
	default:
		names = strings.Split(guard, ",")
	}
	for _, name := range names {
		g, err := ParseGoal(name)
		if err == nil && g.Figure == result.TuningSLO {
			err = fmt.Errorf("%q: limits are for --for alone", name)
		}
		if err != nil {
			return nil, fmt.Errorf("--guard: %w", err)
		}
		if slices.ContainsFunc(goals, func(o result.TuningGoal) bool { return o.Figure == g.Figure && o.Concurrency == g.Concurrency }) {
			return nil, fmt.Errorf("--guard: %q stands twice, or is what --for is for: leave it away", name)
		}
		goals = append(goals, g)
	}
	return goals, nil
}

// Loads are the requests in flight that the goals need, each once.
func Loads(goals []result.TuningGoal) []int {
	var out []int
	for _, g := range goals {
		if !slices.Contains(out, g.Concurrency) {
			out = append(out, g.Concurrency)
		}
	}
	return out
}

// ValueOf is a goal's figure in its unit, from the outcome of a scenario at its
// load and the records behind it. ok is false where there is none.
func ValueOf(g *result.TuningGoal, sc result.Scenario, e *result.Entry, records []result.Record) (value float64, ok bool) {
	d := &e.Detail
	var v *float64
	switch g.Figure {
	case result.TuningDecode:
		if d.TPOT != nil && d.TPOT.Mean > 0 {
			return 1 / d.TPOT.Mean, true
		}
	case result.TuningPrefill:
		v = d.EnginePrefill
	case result.TuningThroughput:
		v = e.Result.OutputThroughput
	case result.TuningTTFT:
		v = e.Result.TTFTMeanMs
	case result.TuningSLO:
		return shareOfLimits(g.Bounds, capacity.SampleOf(g.Bounds, sc, e, records))
	}
	if v == nil || !(*v > 0) {
		return 0, false
	}
	return *v, true
}

// shareOfLimits is the largest share, in percent, that a figure takes of its limit.
func shareOfLimits(bounds []result.Bound, s capacity.ProbeSample) (share float64, ok bool) {
	for i, b := range bounds {
		if len(s.Values) <= i {
			return 0, false
		}
		v := b.Of(s.Values[i])
		if v == nil {
			return 0, false
		}
		share = max(share, 100**v/b.MaxMs)
	}
	return share, share > 0
}

// Cost is a value as the search takes it: less is faster.
func Cost(g *result.TuningGoal, value float64) float64 {
	if g.LowerIsBetter() {
		return value
	}
	return 1 / value
}
