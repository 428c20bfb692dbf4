package report

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ceiling/bench/result"
	"ceiling/kernels"
	"ceiling/report/doc"
)

// limited is a run on a machine that reads 10 GB/s and makes 200 G operations a
// second, of a model of 1 GB: 100 ms of reading, 5 ms of arithmetic a token, and
// 1 ms of launches. One user decoded in 125 ms, and two in 450 ms.
func limited() *result.Run {
	mix := func(users float64) *kernels.Mix {
		m := &kernels.Mix{}
		m.Add(kernels.Work{Decode: users, Wanted: users, Graphs: 1}, 0.125)
		m.Add(kernels.Work{Prompt: 100, Graphs: 1}, 1)
		return m
	}
	return &result.Run{
		Results: []result.Summary{{Name: "A|1", Concurrency: 1, TPOTMeanMs: ptr(125.0)}, {Name: "B", Concurrency: 2, TPOTMeanMs: ptr(450.0)}, {Name: "C"}},
		Details: []result.Detail{{Name: "A|1", Mix: mix(1), EnginePrefill: ptr(100.0)}, {Name: "B", Mix: mix(2)}, {Name: "C"}},
		Ceilings: &kernels.Used{
			Roofs: kernels.Roofs{Name: "CPU", Devices: 1, Read: []kernels.Level{{Name: "memory", Rate: 1e10}},
				Compute: map[kernels.Class]float64{kernels.F16: 2e11}, Node: 1e-5, Sources: []kernels.Origin{{What: "memory", Value: "10.00 GB/s"}}},
			Load: kernels.Demand{Layers: []kernels.Weights{{Type: "F16", Bytes: 1e9, Ops: 1e9}}, Nodes: 100, NodesSource: "counted"},
			From: "measured before the run", Date: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC),
		},
	}
}

func TestCeilingsSection(t *testing.T) {
	r := limited()
	// 100 prompt tokens take 0.5 s of arithmetic and 1 ms of launches: 199.6 tok/s.
	want := `| Scenario | Users | TPOT (ms) | Least TPOT (ms) | Share (%) | Bound by | Prefill (tok/s) | Highest prefill (tok/s) | Share (%) | Bound by |
|---|---:|---:|---:|---:|---|---:|---:|---:|---|
| A\|1 | 1 | 125.00 | 101.00 | 81 | memory | 100.0 | 199.6 | 50 | compute |
| B | 2 | 450.00 | 101.00 | 22 | latency | — | — | — | — |

Where the time of an output token goes, by the least that each part takes. The residual is in none of them:

| Scenario | TPOT (ms) | Memory (ms) | Compute (ms) | Link (ms) | Launch (ms) | Sampling (ms) | Residual (ms) |
|---|---:|---:|---:|---:|---:|---:|---:|
| A\|1 | 125.000 | 100.000 | 0.000 | 0.000 | 1.000 | 0.000 | 24.000 |
| B | 450.000 | 100.000 | 0.000 | 0.000 | 1.000 | 0.000 | 349.000 |

- Limits of CPU (measured before the run, 2026-03-04): memory 10.00 GB/s.
- A step reads 1.00 GB of weights and 0 bytes of KV cache for each token of context; its graph has 100 nodes (counted).
- Latency: no part takes a third of the time. Units wait for something that is none of them.`
	if d := cmp.Diff(want, text(t, ceilingsSection(r, scenarios(r))...)); d != "" {
		t.Errorf("section (-want +got):\n%s", d)
	}
}

// A measurement that beats its limit is no news about the engine.
func TestCeilingsBeaten(t *testing.T) {
	r := limited()
	r.Results[0].TPOTMeanMs = ptr(90.0)
	if got := text(t, ceilingsSection(r, scenarios(r))...); !strings.Contains(got, "is at 112% of a limit: the machine was disturbed") {
		t.Error(got)
	}
}

// Without limits there is neither section nor tile, and a run whose scenarios
// failed has an empty one.
func TestCeilingsAbsent(t *testing.T) {
	r := limited()
	if got := limitShare(r); len(got) != 1 || got[0] != (doc.Tile{Label: "Share of the limit", Value: "81", Unit: "%", Note: "decode, A|1; bound by memory"}) {
		t.Errorf("%+v", got)
	}
	failed := "no room"
	for i := range r.Results {
		r.Results[i].Error, r.Details[i].Status = &failed, result.StatusFailed
	}
	if ceilingsSection(r, scenarios(r)) != nil || limitShare(r) != nil {
		t.Error("failed scenarios have shares")
	}
	r = limited()
	r.Ceilings = nil
	if ceilingsSection(r, scenarios(r)) != nil || limitShare(r) != nil {
		t.Error("shares of no limit")
	}
}

// A scenario with settings of its own has the limits of these; where there are none
// its name and the reason stand below.
func TestCeilingsOfSettings(t *testing.T) {
	r := limited()
	for i, s := range []result.Setting{{Name: "kv-type", Value: "q8_0"}, {Name: "threads", Value: "1"}} {
		r.Details[i].Settings = []result.Setting{{Name: "ubatch", Value: "64"}, s}
	}
	if got := text(t, ceilingsSection(r, scenarios(r))...); strings.Contains(got, "| Scenario") ||
		!strings.Contains(got, `- No row for A\|1, B: its settings have limits of their own, and the run has not recorded them.`) {
		t.Error(got)
	}
	own := *r.Ceilings
	own.Roofs.Devices, own.Roofs.Tensors = 2, true
	r.Ceilings.SetOwn("kv-type=q8_0", &own, nil)
	r.Ceilings.SetOwn("threads=1", nil, errors.New("the machine was measured with 2 threads"))
	got := text(t, ceilingsSection(r, scenarios(r))...)
	for _, want := range []string{"| A\\|1 | 1 | 125.00 | 51.00 | 41 | memory |", "- kv-type=q8_0: a step reads 1.00 GB of weights and 0 bytes of KV cache for each token of context, on 2 devices by tensors;",
		"- No row for B: the machine was measured with 2 threads."} {
		if !strings.Contains(got, want) {
			t.Errorf("the section lacks %q:\n%s", want, got)
		}
	}
	r.Details[0].Speculation = &result.Speculation{}
	if got := text(t, ceilingsSection(r, scenarios(r))...); !strings.Contains(got, "the model of a step has no drafts") {
		t.Error(got)
	}
}

// Through a server TPOT is known, and the prompt of a single user.
func TestCeilingsOfServer(t *testing.T) {
	r := limited()
	r.Server = &result.ServerInfo{}
	for i := range r.Details {
		r.Details[i].Mix, r.Details[i].EnginePrefill = nil, nil
		r.Results[i].InputLen, r.Results[i].OutputLen, r.Results[i].TTFTMeanMs = 100, 11, ptr(1000.0)
	}
	got := text(t, ceilingsSection(r, scenarios(r))...)
	for _, want := range []string{"| A\\|1 | 1 | 125.00 | 101.00 | 81 | memory | 100.0 | 199.6 | 50 | compute |\n",
		"| B | 2 | 450.00 | 101.00 | 22 | latency | — | — | — | — |\n", "- A server tells no steps"} {
		if !strings.Contains(got, want) {
			t.Errorf("the section lacks %q:\n%s", want, got)
		}
	}
	r.Details[0].Cache = result.CacheWarm
	if _, prompt := r.Shares(0); prompt != nil {
		t.Error("a prompt that a server's cache may hold has a limit")
	}
}

// Limits that nobody can have measured are refused with the file.
func TestParseCeilings(t *testing.T) {
	const file = `{"results":[{"name":"A","pp_speed":1}],"details":[{}],"ceilings":{"roofs":{"name":"x","devices":1,"read":[{"b_per_s":%s}]},"model":{"layers":[{"type":"F16","bytes":1,"ops":1}]}}}`
	if _, err := result.Parse([]byte(strings.Replace(file, "%s", "1e9", 1))); err != nil {
		t.Error(err)
	}
	if _, err := result.Parse([]byte(strings.Replace(file, "%s", "-1", 1))); err == nil || !strings.Contains(err.Error(), "ceilings") {
		t.Errorf("a negative rate: %v", err)
	}
}
