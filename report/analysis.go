package report

import (
	"math"

	"ceiling/bench/result"
	"ceiling/internal/oneline"
)

// analysis is a scenario as the rules see it: its figures, and the scenarios
// that it can be compared with.
type analysis struct {
	*scenario
	label string // the scenario's name, on one line

	ttft, tpot, itl               latency
	out, perUserOut, tg           fact    // tok/s
	bestSecond                    fact    // tok/s, unknown where the peak leaves tokens out
	enginePrefill, impliedPrefill fact    // tok/s; implied: input length / mean TTFT
	requestMs                     float64 // mean duration of a request, 0 if unknown
	waiting                       float64 // part of mean TTFT before the prompt's first step; NaN if unknown
	inFlight                      fact    // requests, mean over the run

	single          *analysis // one request at a time, the nearest in prompt length
	sameConcurrency *analysis // another shape at the same concurrency
	previous        *analysis // the scaling point below
	role            role      // on the scaling curve

	gain          *result.SpecGain // by drafts; nil: none are made, or it is not known
	withoutDrafts *analysis        // what gain compares with
}

// latency is a distribution's figures, in ms.
type latency struct{ mean, median, p99 fact }

// newAnalysis computes what needs no other scenario.
func newAnalysis(s *scenario) *analysis {
	a := &analysis{scenario: s, label: oneline.Of(s.Name),
		ttft: latency{milliseconds(s.TTFTMeanMs), milliseconds(s.TTFTMedianMs), milliseconds(s.TTFTP99Ms)},
		tpot: latency{milliseconds(s.TPOTMeanMs), milliseconds(s.TPOTMedianMs), milliseconds(s.TPOTP99Ms)},
		itl:  latency{milliseconds(s.ITLMeanMs), milliseconds(s.ITLMedianMs), milliseconds(s.ITLP99Ms)},
		out:  tokPerS(s.OutputThroughput), perUserOut: tokPerS(s.perUser()), tg: tokPerS(s.TGSpeed)}
	if !s.bundledITL() && !s.peakCountsLess() {
		a.bestSecond = tokPerS(s.PeakOutputThroughput)
	}
	if s.detail != nil {
		a.enginePrefill = tokPerS(s.detail.EnginePrefill)
	}
	if a.ttft.mean.value > 0 {
		implied := 1000 * float64(s.InputLen) / a.ttft.mean.value
		a.impliedPrefill = tokPerS(&implied)
	}
	a.waiting = a.waitingShare()
	a.requestMs = a.requestTime()
	a.inFlight = a.meanInFlight()
	return a
}

// requestTime is a request's mean duration in ms, 0 if unknown. Without a
// detail it is TTFT + (n−1) TPOT, which holds for the means where all requests
// generate the same n. One shorter than its own TTFT is of other requests.
func (a *analysis) requestTime() float64 {
	ms := 0.0
	switch d := a.detail; {
	case d != nil && d.E2EL != nil:
		ms = 1000 * d.E2EL.Mean
	case a.rangeRatio() == 0 && a.OutputLen > 1 && a.ttft.mean.known() && a.tpot.mean.known():
		ms = a.ttft.mean.value + float64(a.OutputLen-1)*a.tpot.mean.value
	}
	if !(ms > 0) || math.IsInf(ms, 0) || ms < a.ttft.mean.value {
		return 0
	}
	return ms
}

// request is the mean duration as a fact.
func (a *analysis) request() fact { return milliseconds(&a.requestMs) }

// meanInFlight follows from Little's law: the time all requests took over the
// time the run took. Failed requests were in flight too but have no duration
// here; more than there are slots can't be.
func (a *analysis) meanInFlight() fact {
	if a.requestMs <= 0 || a.DurationS == nil || *a.DurationS <= 0 || a.FailedRequests != 0 || a.partial() {
		return fact{}
	}
	n := a.SuccessfulRequests * a.requestMs / 1000 / *a.DurationS
	if !(n > 0 && n <= float64(a.Concurrency)) {
		return fact{}
	}
	return quantity(&n, "")
}

// waitingShare is how much of mean TTFT passed before the engine took the
// prompt up. The two distributions have to be of the same requests.
func (a *analysis) waitingShare() float64 {
	d := a.detail
	if d == nil || d.TTFT == nil || d.Prefill == nil || d.TTFT.Count != d.Prefill.Count || !(d.TTFT.Mean > 0) {
		return math.NaN()
	}
	return 1 - d.Prefill.Mean/d.TTFT.Mean
}

// dead says whether the scenario has no figures to speak of.
func (a *analysis) dead() bool {
	_, failed := a.failed()
	return failed
}

// singleStream says whether requests come one at a time.
func (a *analysis) singleStream() bool { return a.Concurrency == 1 && a.closedLoop() }

// canBeSweet says whether the point has the figures that the choice of the
// sweet spot looks at.
func (a *analysis) canBeSweet() bool {
	return a.ttft.p99.value > 0 && a.tpot.p99.value > 0 && a.out.value > 0
}
