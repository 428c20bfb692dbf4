package report

import (
	"slices"

	"ceiling/bench/result"
)

// onTTFT makes a truth of a condition on mean, median and p99 TTFT.
func onTTFT(holds func(mean, median, p99 float64) bool, figures func(r *result.Summary) []float64) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		return positive(r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms) && holds(v.ttft()), figures(r)
	}
}

func onTPOT(holds func(tail float64) bool, ratio bool) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		tail := val(r.TPOTP99Ms) / val(r.TPOTMeanMs)
		figures := []float64{ms(r.TPOTMeanMs), ms(r.TPOTP99Ms)}
		if ratio {
			figures = append(figures, tail)
		}
		return positive(r.TPOTMeanMs, r.TPOTP99Ms) && holds(tail), figures
	}
}

func onITL(holds func(v view, reach float64) bool, more ...float64) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		return !v.bundles() && holds(v, val(r.ITLP99Ms)/val(r.ITLMedianMs)), append([]float64{ms(r.ITLMedianMs), ms(r.ITLP99Ms)}, more...)
	}
}

func onSwing(holds func(swing float64) bool) truth {
	return func(v view) (bool, []float64) {
		r := v.res()
		return val(r.DurationS) >= 3 && holds(v.best()/val(r.OutputThroughput)) || r.DurationS == nil && holds(v.best()/val(r.OutputThroughput)),
			[]float64{val(r.OutputThroughput), v.best()}
	}
}

// unequal is on equal work that took unequal time.
func unequal(holds func(d *result.Detail) bool) truth {
	return onWork(func(v view) bool {
		return v.alone() && v.ranged() == 0 && holds(v.det())
	}, onTTFT(func(_, median, p99 float64) bool { return p99/median >= 2 },
		func(r *result.Summary) []float64 { return []float64{ms(r.TTFTMedianMs), ms(r.TTFTP99Ms)} }))
}

// onWork adds a condition to a truth.
func onWork(also func(v view) bool, t truth) truth {
	return func(v view) (bool, []float64) {
		holds, figures := t(v)
		return holds && also(v), figures
	}
}

func threeTTFT(r *result.Summary) []float64 {
	return []float64{ms(r.TTFTMeanMs), ms(r.TTFTMedianMs), ms(r.TTFTP99Ms)}
}

func twoTTFT(r *result.Summary) []float64 { return []float64{ms(r.TTFTMeanMs), ms(r.TTFTP99Ms)} }

func tailTTFT(r *result.Summary) []float64 {
	return append(twoTTFT(r), val(r.TTFTP99Ms)/val(r.TTFTMeanMs))
}

// onStep is on a point and the one below it.
func onStep(holds func(gain, more float64) bool, shown func(gain, more float64) []float64) truth {
	return func(v view) (bool, []float64) {
		p := v.below()
		if p.i < 0 {
			return false, nil
		}
		gain := val(v.res().OutputThroughput) / val(p.res().OutputThroughput)
		more := n(v.res().Concurrency) / n(p.res().Concurrency)
		figures := append(diff(gain), diff(val(v.res().TPOTMeanMs)/val(p.res().TPOTMeanMs))...)
		figures = append(figures, n(v.res().Concurrency), n(p.res().Concurrency))
		return v.inSweep() && holds(gain, more), append(figures, shown(gain, more)...)
	}
}

// onRole is on a point's p99 TTFT and TPOT against the lowest.
func onRole(ttftOver, tpotOver bool) truth {
	return func(v view) (bool, []float64) {
		points, ttft, tpot := v.candidates()
		a, b := val(v.res().TTFTP99Ms), val(v.res().TPOTP99Ms)
		return v.run.SLO == nil && slices.Contains(points, v) && (a > 2*ttft) == ttftOver && (b > 2*tpot) == tpotOver, []float64{2, a / ttft, b / tpot}
	}
}

// onPeer compares mean TPOT with another shape at the same concurrency.
func onPeer(holds func(q float64) bool, shown func(v, o view) []float64) truth {
	return func(v view) (bool, []float64) {
		o := v.peer()
		if o.i < 0 {
			return false, nil
		}
		differs := v.res().InputLen != o.res().InputLen || v.res().OutputLen != o.res().OutputLen
		return differs && holds(val(v.res().TPOTMeanMs)/val(o.res().TPOTMeanMs)), append(shown(v, o), n(o.res().InputLen), n(o.res().OutputLen))
	}
}

func peerRatio(v, o view) []float64 { return diff(val(v.res().TPOTMeanMs) / val(o.res().TPOTMeanMs)) }

// onSingle compares with a single stream.
func onSingle(holds func(v, s view) bool, shown func(v, s view) []float64) truth {
	return func(v view) (bool, []float64) {
		s := v.single()
		if s.i < 0 || v.res().Concurrency < 2 {
			return false, nil
		}
		return holds(v, s), shown(v, s)
	}
}

func sharingFigures(v, s view) []float64 {
	return []float64{val(v.res().OutputThroughput) / val(s.res().OutputThroughput), val(v.res().TPOTMeanMs) / val(s.res().TPOTMeanMs)}
}

func sharingHolds(v, s view) bool {
	q := sharingFigures(v, s)
	return q[0] >= 1 && q[1] >= 1
}

func impliedFigures(v, s view) []float64 { return []float64{implied(v), implied(s)} }

func always(view) (bool, []float64) { return true, nil }

// lengths is on prompts of varying length.
func lengths(holds func(reach, longest float64) bool) truth {
	return func(v view) (bool, []float64) {
		reach, longest := *v.res().TTFTP99Ms / *v.res().TTFTMedianMs, 1+v.ranged()
		return longest > 1 && holds(reach, longest), []float64{longest, reach}
	}
}

// onLast is on the last step of a sweep that peaks at its end.
func onLast(holds func(gain float64) bool) truth {
	return func(v view) (bool, []float64) {
		last := v.last()
		p := last.below()
		gain := *last.res().OutputThroughput / *p.res().OutputThroughput
		c := n(last.res().Concurrency)
		return v.sweepReliable() && v.top() == last && holds(gain), append(diff(gain), c, c, n(p.res().Concurrency))
	}
}

// onDoubts is on scenarios that can't be relied on, of which the worst have one
// of the states.
func onDoubts(states ...result.State) truth {
	return func(v view) (bool, []float64) {
		bad := v.unreliable()
		var worst result.State
		for _, s := range bad {
			if state := s.det().Verdict.State; worst == "" || state.Worse(worst) {
				worst = state
			}
		}
		return slices.Contains(states, worst), []float64{n(len(bad)), n(len(v.run.Results))}
	}
}
