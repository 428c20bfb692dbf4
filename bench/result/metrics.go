package result

import (
	"ceiling/internal/machine"
	"cmp"
	"math"
	"slices"

	"ceiling/kernels"
)

// Measured is what a scenario's statistics need beyond its records.
type Measured struct {
	Status string // StatusComplete, StatusPartial or StatusFailed
	Error  string // reason of a status other than complete
	Cache  string // CacheCold or CacheWarm

	StartS float64 // scenario start on the run's clock, seconds
	EndS   float64

	Steps    int64
	EngineS  float64 // time inside Step, seconds
	OutsideS float64 // between first and last step, neither in Step nor waiting for arrivals, seconds
	Dropped  int     // requests that never got a slot

	PromptTokens int64   // computed, of all requests
	PromptS      float64 // Σ over steps of time inside Step × the prompt tokens' share of the step's tokens, seconds

	GraphsInSteps int64        // compute graphs of all steps; 0: not counted
	Graphs        *GraphCounts // what the engine tells of them; nil: nothing

	Mix *kernels.Mix // what the steps were made of; nil: not known

	Speculation *Speculation // nil: nothing speculates

	Context *KVContext // nil: no depth was asked for

	KeptCells int // most KV cells of finished prompts

	Warmup *Warmup       // nil: none, or a run through a server
	Links  []NetworkLink // to servers of --rpc, while the scenario ran

	Disturbance *machine.Disturbance // nil: not measured
	Steadiness  *Steadiness          // nil: too few steps were equal

	Notes []string // warnings that the records don't show

	// ClientCPUS is this process's CPU time during a scenario whose requests
	// went to a server, in seconds; nil: a run in process, or not known.
	ClientCPUS *float64
	// CacheQueried and CacheHit are those of [ServerDetail].
	CacheQueried, CacheHit *int64

	InFlight int // requests that an interruption stopped
}

// Summarize computes a scenario's figures from its records. It is a pure
// function: the same records, in memory or read back from the journal in any
// order, give the same figures. A figure that nothing was measured for is
// nil.
//
// With n_i output tokens of request i, and D the seconds from the scenario's
// start to the end of its last request, all sums over successful requests:
//
//	TTFT_i = first token − admission           E2EL_i = last token − admission
//	TPOT_i = (E2EL_i − TTFT_i)/(n_i − 1)       for n_i > 1
//	queue_i = admission − intended start       wait_i = first step of its prompt − admission
//	prefill_i = TTFT_i − wait_i                decode_i = E2EL_i − TTFT_i
//	ITL    = the gaps between consecutive tokens, pooled over requests
//	request throughput = requests/D            output throughput = Σn_i/D
//	total throughput = (Σinput_i + Σn_i)/D
//	pp_speed = nominal input/mean TTFT         tg_speed = 1/mean TPOT
//	engine_prefill = prompt tokens/Σ over steps of step time × their share of the step's tokens
func Summarize(sc Scenario, records []Record, m Measured) (Summary, Detail) {
	s := newSample(records)
	d := s.detail(sc, m)
	r := s.result(sc, m, &d)
	d.PerUser = ratio(r.OutputThroughput, float64(sc.Concurrency))
	d.Warnings = warnings(sc, m, &d, s)
	return r, d
}

// sample is the records of one scenario, taken apart.
type sample struct {
	good, bad []*Record
	duration  *float64 // set by detail

	ttft, tpot, itl, e2el, queue, wait, prefill, decode []float64

	input, output, reused int64
}

// newSample pools the records in the order of their requests, so that sums of
// floating-point numbers don't depend on the order in which they ended.
func newSample(records []Record) *sample {
	s := &sample{}
	for i := range records {
		if r := &records[i]; r.OK() {
			s.good = append(s.good, r)
		} else {
			s.bad = append(s.bad, r)
		}
	}
	slices.SortFunc(s.good, func(a, b *Record) int { return cmp.Compare(a.Request, b.Request) })
	for _, r := range s.good {
		s.add(r)
	}
	return s
}

func (s *sample) add(r *Record) {
	s.input += int64(r.InputTokens)
	s.output += int64(r.OutputTokens)
	s.reused += int64(r.ReusedTokens)
	first := r.TokenTimes[0]
	s.ttft = append(s.ttft, r.TTFT())
	s.e2el = append(s.e2el, r.E2EL())
	s.queue = append(s.queue, r.Admitted-r.Intended)
	if r.PrefillStart != nil {
		s.wait = append(s.wait, *r.PrefillStart-r.Admitted)
		s.prefill = append(s.prefill, first-*r.PrefillStart)
	}
	s.decode = append(s.decode, r.End-first)
	if tpot, ok := r.TPOT(); ok {
		s.tpot = append(s.tpot, tpot)
	}
	s.itl = r.Gaps(s.itl)
}

func (s *sample) detail(sc Scenario, m Measured) Detail {
	d := Detail{
		Name: sc.Name, Category: sc.Category, Purpose: sc.Purpose, Status: m.Status,
		RangeRatio: sc.RangeRatio, PrefixLen: sc.PrefixLen, Settings: sc.Settings, Sweep: sc.Sweep, Depth: sc.Depth, Context: m.Context,
		Dataset: sc.asked(), UntilEnd: sc.UntilEnd,
		Cache: m.Cache, ReusedTokens: s.reused,
		TTFT: NewDist(s.ttft), TPOT: NewDist(s.tpot), ITL: NewDist(s.itl), E2EL: NewDist(s.e2el),
		Queue: NewDist(s.queue), Wait: NewDist(s.wait), Prefill: NewDist(s.prefill), Decode: NewDist(s.decode),
		PeakConcurrent: peakConcurrency(s.good),
		Waves:          float64(sc.Requests()) / float64(sc.Concurrency),
		Dropped:        m.Dropped,
		Steps:          m.Steps, EngineS: m.EngineS,
		StartS: m.StartS, EndS: m.EndS, Warmup: m.Warmup, KeptCells: m.KeptCells, Mix: m.Mix, Speculation: m.Speculation, Links: m.Links, Graphs: m.Graphs,
		Disturbance: m.Disturbance, Steadiness: m.Steadiness,
		Failures: failures(s.bad),
		Server:   s.server(m),
	}
	if sc.SLO.Given() {
		d.SLO = &sc.SLO
	}
	if sc.OpenLoop() {
		rate, b := sc.RequestRate, sc.GammaShape()
		if d.RequestRate, d.Burstiness = &rate, &b; rate == 0 {
			d.RequestRate, d.Burstiness = s.offered(m.StartS), nil
		}
	}
	for _, list := range [][]*Record{s.good, s.bad} {
		for _, r := range list {
			if r.Late {
				d.LateRequests++
			}
		}
	}
	if m.GraphsInSteps > 0 {
		perStep := float64(m.GraphsInSteps) / float64(m.Steps)
		d.GraphsPerStep = &perStep
	}
	if m.EngineS > 0 {
		v := m.OutsideS / m.EngineS
		d.OverheadRatio = &v
	}
	if d.TTFT != nil {
		input, _ := s.nominal(sc)
		d.PPMean = perSecond(float64(input), d.TTFT.Mean)
		d.PPMedian = perSecond(float64(input), d.TTFT.Median)
	}
	if d.Turns = s.turns(sc); d.Turns != nil {
		d.ThinkS = sc.ThinkS
	}
	if sc.Dataset != nil || sc.UntilEnd || d.Turns != nil {
		n := len(s.good)
		d.MeanInput, d.MeanOutput = mean(s.input, n), mean(s.output, n)
	}
	d.EnginePrefill = perSecond(float64(m.PromptTokens), m.PromptS)
	s.duration = s.wall(m.StartS)
	d.Goodput = s.goodput(sc)
	d.SteadyState = s.steadyState(sc)
	return d
}

// nominal are the prompt and output tokens of a request: those asked for, or the
// mean of what came where a dataset says them request by request.
func (s *sample) nominal(sc Scenario) (input, output int) {
	input, output = sc.Input, sc.Output
	if sc.Turns > 1 {
		input = 0 // what was said before is part of a prompt
	}
	if n := float64(len(s.good)); n > 0 {
		input = cmp.Or(input, int(math.Round(float64(s.input)/n)))
		output = cmp.Or(output, int(math.Round(float64(s.output)/n)))
	}
	return input, output
}

// offered is the rate at which the requests of a trace came, in requests/s; 0
// where they came at once.
func (s *sample) offered(start float64) *float64 {
	last, n := start, 0
	for _, list := range [][]*Record{s.good, s.bad} {
		for _, r := range list {
			last = max(last, r.Intended)
			n++
		}
	}
	if rate := perSecond(float64(n), last-start); rate != nil {
		return rate
	}
	return new(float64)
}

// wall is D: the seconds from the scenario's start to the end of its last
// request.
func (s *sample) wall(start float64) *float64 {
	if len(s.good) == 0 {
		return nil
	}
	end := s.good[0].End
	for _, r := range s.good {
		end = max(end, r.End)
	}
	d := end - start
	return &d
}

// goodput is the rate of requests that keep every given limit, in requests/s;
// nil where none is given. In an open loop the limits of TTFT and E2EL hold
// from the intended start: who comes to a full machine waits, and the wait
// counts. A request without a TPOT keeps its limit.
func (s *sample) goodput(sc Scenario) *float64 {
	slo := sc.SLO
	if !slo.Given() || s.duration == nil {
		return nil
	}
	// Times are whole microseconds, and are compared as such: a request that
	// meets its limit to the microsecond keeps it, whatever the last bit of a
	// difference of two clock readings is.
	within := func(v, limitMs float64) bool { return limitMs == 0 || math.Round(v*1e6) <= limitMs*1e3 }
	n := 0
	for _, r := range s.good {
		tpot, _ := r.TPOT()
		wait := 0.0
		if sc.OpenLoop() {
			wait = r.Admitted - r.Intended
		}
		if within(wait+r.TTFT(), slo.TTFTMs) && within(tpot, slo.TPOTMs) && within(wait+r.E2EL(), slo.E2ELMs) {
			n++
		}
	}
	return perSecond(float64(n), *s.duration)
}

func (s *sample) result(sc Scenario, m Measured, d *Detail) Summary {
	input, output := s.nominal(sc)
	r := Summary{
		Name: sc.Name, InputLen: input, OutputLen: output,
		Concurrency: sc.Concurrency, NumPrompts: sc.Requests(),
		SuccessfulRequests: float64(len(s.good)), FailedRequests: float64(len(s.bad)),
		TotalInputTokens: float64(s.input), TotalOutputTokens: float64(s.output),
		DurationS: s.duration,
	}
	if m.Error != "" {
		r.Error = &m.Error
	}
	if s.duration != nil {
		r.RequestThroughput = perSecond(float64(len(s.good)), *s.duration)
		r.OutputThroughput = perSecond(float64(s.output), *s.duration)
		r.TotalThroughput = perSecond(float64(s.input+s.output), *s.duration)
		peak := float64(peakThroughput(s.good))
		r.PeakOutputThroughput = &peak
	}
	r.TTFTMeanMs, r.TTFTMedianMs, r.TTFTP99Ms = milliseconds(d.TTFT)
	r.TPOTMeanMs, r.TPOTMedianMs, r.TPOTP99Ms = milliseconds(d.TPOT)
	r.ITLMeanMs, r.ITLMedianMs, r.ITLP99Ms = milliseconds(d.ITL)
	r.PPSpeed = d.PPMean
	if d.TPOT != nil {
		r.TGSpeed = perSecond(1, d.TPOT.Mean)
	}
	return r
}

// milliseconds returns mean, median and p99 of a distribution in seconds.
func milliseconds(d *Dist) (mean, median, p99 *float64) {
	if d == nil {
		return nil, nil, nil
	}
	a, b, c := d.Mean*1000, d.Median*1000, d.P99*1000
	return &a, &b, &c
}

// perSecond is n/s, nil where no time was measured.
func perSecond(n, s float64) *float64 {
	if !(s > 0) {
		return nil
	}
	v := n / s
	return &v
}

// mean is that of n values with a sum, nil of none.
func mean(sum int64, n int) *float64 {
	if n == 0 {
		return nil
	}
	v := float64(sum) / float64(n)
	return &v
}

func ratio(a *float64, b float64) *float64 {
	if a == nil || b == 0 {
		return nil
	}
	v := *a / b
	return &v
}

// failures counts the failed requests by reason, the most frequent first.
func failures(bad []*Record) []Failure {
	counts := map[string]int{}
	for _, r := range bad {
		counts[r.Error]++
	}
	var out []Failure
	for reason, n := range counts {
		out = append(out, Failure{reason, n})
	}
	slices.SortFunc(out, func(a, b Failure) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
