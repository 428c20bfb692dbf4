package result

import (
	"cmp"
	"slices"
)

// SteadyState is the time in which all slots of a closed loop were busy: from
// the instant at which each of the first requests has its first token to the
// end of the request that no other follows in its slot. What lies before is the
// ramp, what lies behind the tail. Its figures stand beside those of the whole
// scenario, which are vLLM's.
type SteadyState struct {
	StartS float64 `json:"start_s"` // on the run's clock
	EndS   float64 `json:"end_s"`
	// Outside is the share of the scenario's duration that is not in it.
	Outside float64 `json:"outside"`
	Tokens  int     `json:"tokens"` // output tokens after its start, up to its end
	// OutputThroughput is tokens / its length, tokens/s.
	OutputThroughput float64 `json:"output_throughput"`
	// TPOTMs is the mean time between two tokens of one request that both lie
	// in it, in ms; nil where there are none.
	TPOTMs *float64 `json:"tpot_ms"`
}

// steadyState is nil in an open loop, which has no slots to fill, while users
// think between turns, and where
// they were never all busy.
func (s *sample) steadyState(sc Scenario) *SteadyState {
	if sc.OpenLoop() || sc.ThinkS > 0 || s.duration == nil || *s.duration <= 0 {
		return nil
	}
	from, to, ok := s.full(sc.Concurrency)
	if !ok {
		return nil
	}
	out := &SteadyState{StartS: from, EndS: to, Outside: max(0, 1-(to-from)/(*s.duration))}
	gaps, between := 0, 0.0
	for _, r := range s.good {
		before := from - 1
		for _, t := range r.TokenTimes {
			if t > from && t <= to {
				out.Tokens++
				if before >= from {
					gaps, between = gaps+1, between+t-before
				}
			}
			before = t
		}
	}
	out.OutputThroughput = float64(out.Tokens) / (to - from)
	if gaps > 0 {
		ms := 1000 * between / float64(gaps)
		out.TPOTMs = &ms
	}
	return out
}

// full is when all slots are busy. The loop gives a slot to the next request as
// soon as one ends, so that of n requests the first n − slots to end have one
// that follows.
func (s *sample) full(slots int) (from, to float64, ok bool) {
	all := append(slices.Clone(s.good), s.bad...)
	if len(all) < slots {
		return 0, 0, false
	}
	slices.SortFunc(all, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.Admitted, b.Admitted), cmp.Compare(a.Request, b.Request))
	})
	for _, r := range all[:slots] {
		began := r.End
		if len(r.TokenTimes) > 0 {
			began = r.TokenTimes[0]
		}
		from = max(from, began)
	}
	slices.SortFunc(all, func(a, b *Record) int { return cmp.Compare(a.End, b.End) })
	to = all[len(all)-slots].End
	return from, to, to > from
}

// Steadiness compares steps of equal batches: the same tokens of prompts, as
// many sequences that decode, and KV cells of one quarter octave. Each step is
// taken relative to the median of its equals.
type Steadiness struct {
	Steps int `json:"steps"` // that have enough equals
	// P99 is the 99th percentile of a step's time / the median of its equals;
	// nil for too few.
	P99 *float64 `json:"p99_over_median"`
	// Drift is the median of the last third of the scenario / that of the first,
	// over classes that occur in both, − 1; nil where none does.
	Drift *float64 `json:"drift"`
}
