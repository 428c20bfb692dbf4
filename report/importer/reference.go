package importer

import (
	"math"

	"ceiling/bench/result"
	"ceiling/bench/suite"
	"ceiling/internal/oneline"
	"ceiling/report/metric"
)

// Notes on the reference's figures.
const (
	noteRate = "successful_requests / duration_s: the file prints the rate with two decimals only"
	notePeak = "counts streamed chunks in fixed windows of 1 s: equal to ours only where each chunk is one token"
)

// referenceRun is a run of the reports that ceiling's are modelled on: vLLM,
// measured by its own client, every figure printed with two decimals.
func referenceRun(res *result.Run) *ToolRun {
	r := &ToolRun{Tool: ToolReference, Model: oneline.Of(res.Model), Hardware: oneline.Of(res.Hardware), Date: oneline.Of(res.Date)}
	r.set(CondClient, "HTTP, vllm bench serve")
	for i := range res.Results {
		r.Loads = append(r.Loads, referenceLoad(&res.Results[i]))
	}
	return r
}

func referenceLoad(res *result.Summary) ToolLoad {
	l := resultLoad(res, same)
	if res.SuccessfulRequests == 0 && res.FailedRequests == 0 {
		l.Successful, l.Failed = nil, nil // as everywhere in these files, not measured
	}
	l.serverNotes()
	l.referencePP()
	l.judgeITL(0, 0)
	// Two decimals of 0.05 requests/s are 10 % off; the quotient is not.
	if d := res.DurationS; d != nil && *d > 0 && res.SuccessfulRequests > 0 {
		l.put(metric.RequestThroughput, res.SuccessfulRequests / *d, "successful_requests / duration_s", quality{same: true, note: noteRate})
	}
	l.RangeRatio = suiteRatio(&l)
	return l
}

// serverNotes marks what a client of a server measures otherwise than we do.
func (l *ToolLoad) serverNotes() {
	l.requalify(ttft, sameServer)
	l.requalify(e2el, sameServer)
	if v, ok := l.Values[metric.PeakThroughput]; ok {
		v.Same, v.Note = false, notePeak
		l.Values[metric.PeakThroughput] = v
	}
}

// referencePP finds out what pp_speed was divided by: reports of 2025 take
// the mean TTFT, as ours do, later ones the median.
func (l *ToolLoad) referencePP() {
	pp, ok := l.Values[metric.PP]
	if !ok {
		return
	}
	off := func(m metric.Key) float64 {
		t, ok := l.Values[m]
		if !ok || t.V == 0 {
			return math.Inf(1)
		}
		return math.Abs(pp.V*t.V/(1000*float64(l.Input)) - 1)
	}
	q := waitingPP(l.Concurrency)
	if off(metric.TTFTMedian) < off(metric.TTFTMean) {
		l.put(metric.PPMedian, pp.V, pp.Origin, q)
		q = differs("input / MEDIAN TTFT; ours is by the mean")
		if l.Concurrency > 1 {
			q.note += ", and " + waitingPP(l.Concurrency).note
		}
	}
	pp.Same, pp.Note = q.same, q.note
	l.Values[metric.PP] = pp
}

// suiteRatio is the length spread of the load in the suite that the reference
// runs, nil for a load that is not in it: its files don't say.
func suiteRatio(l *ToolLoad) *float64 {
	suite, _ := suite.Builtin("extended")
	for _, sc := range suite.Scenarios {
		if sc.Name == l.Name && sc.Input == l.Input && sc.Output == l.Output && sc.Concurrency == l.Concurrency && sc.Prompts == l.Prompts {
			ratio := sc.RangeRatio
			return &ratio
		}
	}
	return nil
}
