package result

import (
	"cmp"
	"fmt"
	"slices"
)

// Pass holds the figures of one pass over a scenario.
type Pass struct {
	Pass   int     `json:"pass"` // from 0
	Result Summary `json:"result"`
	Detail Detail  `json:"detail"`
}

// Combine makes one outcome of a scenario's passes, of which planned were to
// be. Of more, which there are where disturbed ones ran again, it keeps the
// quietest; the others are in Detail.Discarded. The figures are those of a single real pass, so that they fit together
// and mean what they mean in a run without repeats (a p99 of 20 requests stays
// one of 20): the pass with the median output throughput, of an even number
// the lower of the two in the middle. It is looked for among the passes that
// completed without a failed request, where there is none among the other
// complete ones, then the partial, then the failed ones. All passes are in
// Detail.Passes, and what went wrong in the others is a warning.
//
// passes has at least one element. Of a scenario planned for one pass Combine
// returns that unchanged.
func Combine(planned int, passes []Pass) (Summary, Detail) {
	passes, discarded := quietest(max(planned, 1), passes)
	if planned <= 1 {
		r, d := passes[0].Result, passes[0].Detail
		d.Pass, d.Discarded = passes[0].Pass, discarded
		return r, d
	}
	chosen := medianPass(passes)
	r, d := chosen.Result, chosen.Detail
	d.Repeat, d.Pass, d.Passes, d.Discarded = planned, chosen.Pass, slices.Clone(passes), discarded
	d.Warnings = append(slices.Clone(d.Warnings), passWarnings(planned, passes, chosen.Pass)...)
	return r, d
}

// Whole tells whether the pass completed without a failed request.
func (p *Pass) Whole() bool {
	return p.Detail.Status == StatusComplete && p.Result.FailedRequests == 0
}

// soundness ranks passes: only the soundest there are may speak for the rest.
func (p *Pass) soundness() int {
	switch {
	case p.Whole():
		return 3
	case p.Detail.Status == StatusComplete:
		return 2
	case p.Detail.Status == StatusPartial:
		return 1
	}
	return 0
}

func medianPass(passes []Pass) Pass {
	best := 0
	for i := range passes {
		best = max(best, passes[i].soundness())
	}
	var among []Pass
	for i := range passes {
		if passes[i].soundness() == best {
			among = append(among, passes[i])
		}
	}
	rate := func(p Pass) float64 {
		if p.Result.OutputThroughput == nil {
			return 0
		}
		return *p.Result.OutputThroughput
	}
	slices.SortStableFunc(among, func(a, b Pass) int { return cmp.Compare(rate(a), rate(b)) })
	return among[(len(among)-1)/2]
}

// passWarnings say what went wrong in the passes other than the chosen one,
// whose own warnings say so for itself.
func passWarnings(planned int, passes []Pass, chosen int) []string {
	var out []string
	for i := range passes {
		p := &passes[i]
		if p.Pass == chosen {
			continue
		}
		name := fmt.Sprintf("pass %d of %d", p.Pass+1, planned)
		switch {
		case p.Detail.Status == StatusFailed && p.Result.Error != nil:
			out = append(out, name+" failed: "+*p.Result.Error)
		case p.Detail.Status == StatusFailed:
			out = append(out, name+" failed")
		case p.Detail.Status == StatusPartial:
			out = append(out, name+" is partial and counts for nothing here")
		case p.Result.FailedRequests > 0:
			out = append(out, fmt.Sprintf("%s: %.0f of %d requests failed", name, p.Result.FailedRequests, p.Result.NumPrompts))
		}
	}
	if n := len(passes); n < planned {
		out = append(out, fmt.Sprintf("%d of %d passes ran", n, planned))
	}
	return out
}

// Entry is one scenario's outcome.
type Entry struct {
	Result Summary
	Detail Detail
}
