package compare

import (
	"fmt"
	"math/rand/v2"

	"ceiling/bench/result"
	"ceiling/report/importer"
	"ceiling/report/metric"
)

// fakeLoad says what a made-up run measured of one load.
type fakeLoad struct {
	name                        string
	input, output, conc, number int
	cache                       string
	passes                      int
	ttft, tpot                  float64 // ms, in the mean
	noise                       float64 // share, over requests
	drift                       float64 // share, over passes
	server                      bool    // records of a run through a server
}

// fakeRun makes a run with a journal. Prompts depend on the load alone, as
// those of one seed do; seed is that of the noise.
func fakeRun(seed uint64, loads ...fakeLoad) *importer.ToolRun {
	r := &importer.ToolRun{Tool: importer.ToolCeiling, Path: fmt.Sprintf("run%d", seed), Model: "m", Hardware: "h", InProcess: true}
	rng := rand.New(rand.NewPCG(seed, 7))
	for _, f := range loads {
		for pass := range max(1, f.passes) {
			speed := 1 + f.drift*rng.NormFloat64()
			r.Loads = append(r.Loads, f.load(rng, pass, speed))
		}
		if f.server {
			r.InProcess = false
			trip := 0.0004
			r.Server = &result.ServerInfo{RoundTripS: &trip}
		}
	}
	return r
}

func (f fakeLoad) load(rng *rand.Rand, pass int, speed float64) importer.ToolLoad {
	closed := 0.0
	l := importer.ToolLoad{Name: f.name, Input: f.input, Output: f.output, Concurrency: f.conc, Prompts: f.number,
		Lengths: importer.LengthsNominal, RangeRatio: &closed, Cache: f.cache, Repeat: pass, Values: map[metric.Key]importer.ToolValue{}}
	var ttft, tpot, e2el []float64
	at := 0.0
	for i := range f.number {
		noise := 1 + f.noise*rng.NormFloat64()
		rec := f.record(i, pass, at, f.ttft*speed*noise/1000, f.tpot*speed*noise/1000)
		l.Records = append(l.Records, rec)
		v, _ := rec.TPOT()
		ttft, tpot, e2el = append(ttft, 1000*rec.TTFT()), append(tpot, 1000*v), append(e2el, 1000*rec.E2EL())
		at = rec.End
	}
	put := func(m metric.Key, v float64, samples []float64) {
		l.Values[m] = importer.ToolValue{V: v, Unit: m.Info().Unit, Same: true, Samples: samples}
	}
	for _, d := range []struct {
		mean, p99 metric.Key
		x         []float64
	}{{metric.TTFTMean, metric.TTFTP99, ttft}, {metric.TPOTMean, metric.TPOTP99, tpot}, {metric.E2ELMean, metric.E2ELP99, e2el}} {
		s := result.NewDist(d.x)
		put(d.mean, s.Mean, d.x)
		put(d.p99, s.P99, d.x)
	}
	put(metric.OutputThroughput, float64(f.number*f.output)/at, nil)
	put(metric.RequestThroughput, float64(f.number)/at, nil)
	put(metric.ReusedTokens, 0, nil)
	return l
}

// record is a request that was admitted at the given second.
func (f fakeLoad) record(i, pass int, at, ttft, tpot float64) result.Record {
	r := result.Record{Name: f.name, Pass: pass, Request: i, Intended: at, Admitted: at, InputTokens: f.input,
		OutputTokens: f.output, PromptHash: fmt.Sprintf("%s-%d-%d", f.name, pass, i)}
	for k := range f.output {
		r.TokenTimes = append(r.TokenTimes, at+ttft+float64(k)*tpot)
	}
	r.FirstToken, r.End = &r.TokenTimes[0], r.TokenTimes[f.output-1]
	if !f.server {
		start := at + 0.001
		r.PrefillStart = &start
		return r
	}
	// The server counts 3 ms less of TTFT, and 1 ms less of the rest.
	prompt, decode := ttft-0.003, r.End-r.TokenTimes[0]-0.001
	r.Server = &result.ServerRecord{PromptS: &prompt, DecodeS: &decode}
	return r
}

// single is one request at a time.
func single(passes int, tpot, noise, drift float64) fakeLoad {
	return fakeLoad{name: "Single User Latency", input: 512, output: 16, conc: 1, number: 20, cache: result.CacheCold,
		passes: passes, ttft: 100, tpot: tpot, noise: noise, drift: drift}
}
