package result

import "cmp"
import "slices"

// Disturbed tells whether others took the machine from the engine.
func (d *Detail) Disturbed() bool { return d.Verdict != nil && d.Verdict.State == StateDisturbed }

// Sound tells whether a pass can take the place of a disturbed one.
func (e *Entry) Sound() bool {
	return e.Detail.Verdict != nil && StateDisturbed.Worse(e.Detail.Verdict.State)
}

// quietest splits passes into the n to keep, in their order, and the rest: what
// was measured whole goes before what failed, what was not disturbed before what
// was, less waiting for a core before more, earlier before later.
func quietest(n int, passes []Pass) (kept, rest []Pass) {
	if len(passes) <= n {
		return passes, nil
	}
	order := make([]int, len(passes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		p, q := &passes[a], &passes[b]
		return cmp.Or(cmp.Compare(q.soundness(), p.soundness()), cmp.Compare(p.loudness(), q.loudness()))
	})
	keep := map[int]bool{}
	for _, i := range order[:n] {
		keep[i] = true
	}
	for i, p := range passes {
		if keep[i] {
			kept = append(kept, p)
		} else {
			rest = append(rest, p)
		}
	}
	return kept, rest
}

// loudness is 0 for a pass that was not disturbed, else more than 1: how much
// its threads waited.
func (p *Pass) loudness() float64 {
	if !p.Detail.Disturbed() {
		return 0
	}
	if p.Detail.Disturbance == nil {
		return 2
	}
	return 1 + p.Detail.Disturbance.Threads.WaitShare()
}
