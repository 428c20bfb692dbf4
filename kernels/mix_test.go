package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// small is a model and a machine on which a step of one token is bound by memory,
// and one of more than 20 by compute.
func small() (Demand, Roofs) {
	m := Demand{Layers: []Weights{{"F16", 1e9, 1e9}}, Output: []Weights{{"F16", 1e8, 1e8}},
		LayerCount: 10, Embedding: 1000, Vocab: 1000, KVBytes: 1e4, AttentionOps: 1e4, Nodes: 100}
	return m, Roofs{Devices: 1, Read: []Level{{Rate: 1e10}}, Compute: map[Class]float64{F16: 2e11}, Node: 1e-6,
		Matrices: map[string]MatrixRates{"f16": {One: 1.6e11, Many: 2e11}}}
}

// Whatever steps a scenario has: where each takes its least time, the mean TPOT
// and the prefill time are no less than the limits, and not far from them.
func TestNoMixBeatsItsLimit(t *testing.T) {
	m, r := small()
	random := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		var mix Mix
		var sum, tokens, prompt float64
		for range 1 + random.IntN(40) {
			w := Work{Decode: float64(random.IntN(9)), Graphs: 1}
			if random.IntN(3) == 0 {
				w.Prompt = float64(1 + random.IntN(512))
			}
			if w.Decode+w.Prompt == 0 {
				continue
			}
			w.Context, w.PromptContext = w.Decode*float64(random.IntN(4000)), w.Prompt*float64(random.IntN(1000))
			w.Wanted = w.Decode
			took := r.Step(&m, w).Total()
			mix.Add(w, took)
			sum += w.Decode * took
			tokens += w.Decode
			prompt += took * w.Prompt / (w.Prompt + w.Decode)
		}
		if least, measured, ok := mix.TPOT(&r, &m); ok {
			tpot := sum / tokens
			if math.Abs(measured-tpot) > 1e-9*tpot {
				t.Fatalf("measured %g, not %g", measured, tpot)
			}
			if share := least.Total() / tpot; share > 1+1e-9 || share < 0.7 {
				t.Fatalf("TPOT: %.3f of the limit\n%+v", share, mix)
			}
		}
		if least, _, ok := mix.Prefill(&r, &m); ok {
			if share := least.Total() / prompt; share > 1+1e-9 || share < 0.15 {
				t.Fatalf("prefill: %.3f of the limit\n%+v", share, mix)
			}
		}
	}
}

// Two sequences decode ten steps of 0.11 s; in a third of them a prompt of 400
// tokens takes 2.01 s of arithmetic.
func TestMix(t *testing.T) {
	m, r := small()
	m.AttentionOps, m.KVBytes, r.Node, r.Matrices = 0, 0, 0, nil
	var mix Mix
	for range 10 {
		mix.Add(Work{Decode: 2, Wanted: 2, Graphs: 1}, 0.2)
	}
	for range 5 {
		mix.Add(Work{Decode: 2, Wanted: 2, Prompt: 400, Graphs: 1}, 3)
	}
	mix.Add(Work{Prompt: 400, Wanted: 1, Graphs: 1}, 4)
	least, measured, ok := mix.TPOT(&r, &m)
	near(t, "memory", least.Memory, 0.11*20/30, 1e-9)
	near(t, "compute", least.Compute, (402*1e9+2*1e8)/2e11*10/30, 1e-9)
	near(t, "measured", measured, (20*0.2+10*3)/30.0, 1e-9)
	if !ok || least.Bound() != BoundCompute {
		t.Errorf("%+v", least)
	}
	least, tokens, ok := mix.Prefill(&r, &m)
	near(t, "tokens", tokens, 2400, 0)
	near(t, "prefill", least.Total(), (2400*1e9+1e8)/2e11, 1e-9)
	if !ok {
		t.Error("no prefill")
	}
	if _, _, ok := new(Mix).TPOT(&r, &m); ok {
		t.Error("a limit of nothing")
	}
	if _, _, ok := new(Mix).Prefill(&r, &m); ok {
		t.Error("a limit of no prompt")
	}
}

// Of a server only the scenario's figures are known.
func TestOutside(t *testing.T) {
	m, r := small()
	u := Used{Roofs: r, Load: m}
	o := Outside{Input: 1000, Output: 101, Concurrency: 4, Requests: 8, Duration: 50, TPOT: 0.2, TTFT: 6}
	// 8 requests decode for 20 s each, in 50 s: 3.2 at a time.
	s, ok := u.Decode(o)
	near(t, "memory", s.Least.Memory, (1.1e9+3.2*1050.5*1e4)/1e10, 1e-9)
	if !ok || s.Bound() != BoundMemory || s.Of() >= 1 || math.Abs(s.Residual()-(0.2-s.Least.Total())) > 1e-12 {
		t.Errorf("%+v", s)
	}
	if _, ok := u.Prompt(o); ok {
		t.Error("a TTFT that holds waiting has a limit")
	}
	o.Concurrency = 1
	s, ok = u.Prompt(o)
	near(t, "prompt", 1000*s.Least.Compute, (1000*1e9+1e8+1000*1001/2*1e4)/2e11+1e9*(1/1.6e11-1/2e11), 1e-9)
	if !ok || s.Bound() != BoundCompute {
		t.Errorf("%+v", s)
	}
	// Without a duration one sequence's own context is all that is sure.
	o.Duration, o.Concurrency = 0, 4
	if s, _ = u.Decode(o); math.Abs(s.Least.Memory-(1.1e9+1050.5*1e4)/1e10) > 1e-9 {
		t.Errorf("%+v", s)
	}
	if _, ok := u.Decode(Outside{Output: 1, TPOT: 1}); ok {
		t.Error("a TPOT of one token")
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	var m Mix
	if n := testing.AllocsPerRun(100, func() { m.Add(Work{Decode: 3, Prompt: 2}, 1) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
