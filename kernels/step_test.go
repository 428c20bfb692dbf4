package kernels

import (
	"math"
	"strings"
	"testing"
)

// devstral is Devstral-Small-2-24B at 4.5 bits a weight: 22.901 G weights are
// read for each token, 0.671 G of them the output.
func devstral() Demand {
	const bits, params, output = 4.5, 22.901e9, 0.671e9
	return Demand{
		Layers:     []Weights{{Type: "Q4_1", Bytes: (params - output) * bits / 8, Ops: 2 * (params - output)}},
		Output:     []Weights{{Type: "Q4_1", Bytes: output * bits / 8, Ops: 2 * output}},
		LayerCount: 40, Embedding: 5120, Vocab: 131072, KVBytes: 163840, AttentionOps: 4 * 32 * 128 * 40,
		Nodes: 760,
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: %g, not %g", what, got, want)
	}
}

func machine(t *testing.T, name string) Roofs {
	t.Helper()
	list, err := FindMachines(name)
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %d machines, %v", name, len(list), err)
	}
	return list[0]
}

// The worked figures for one user without a context, in milliseconds.
func TestWorkedDecode(t *testing.T) {
	one := Work{Decode: 1, Wanted: 1}
	for _, c := range []struct {
		name    string
		machine string
		launch  bool
		want    float64
	}{
		{"one card", "mi100", false, 10.9},
		{"four, push", "mi100x4-push", false, 3.15},
		{"four, RCCL", "mi100x4-rccl", false, 4.25},
		{"four, RCCL, nodes", "mi100x4-rccl", true, 5.26},
	} {
		r, m := machine(t, c.machine), devstral()
		if !c.launch {
			r.Node = 0
		}
		near(t, c.name, 1e3*r.Step(&m, one).Total(), c.want, 0.01)
	}
	r, m := machine(t, "mi100x4-push"), devstral()
	l := r.Step(&m, one)
	near(t, "four cards' bytes", 1e3*l.Memory, 2.73, 0.01)
	near(t, "sums", 1e6*l.Link, 80*5.3, 0.01)
	if got := l.Bound(); got != BoundMemory {
		t.Errorf("bound by %s", got)
	}
}

// Single card, batch 1, 4.5 bits: ms by bandwidth and context.
func TestWorkedContext(t *testing.T) {
	m := devstral()
	for _, c := range []struct {
		rate                 float64
		none, short, sixteen float64
	}{
		{1228.8, 10.48, 10.76, 12.67}, {1137, 11.33, 11.62, 13.69}, {1020, 12.63, 12.96, 15.26}, {837, 15.39, 15.79, 18.60}, {590, 21.8, 22.4, 26.4},
	} {
		r := Roofs{Devices: 1, Read: []Level{{Rate: c.rate * 1e9}}}
		for context, want := range map[float64]float64{0: c.none, 2048: c.short, 16384: c.sixteen} {
			near(t, "context", 1e3*r.Step(&m, Work{Decode: 1, Context: context}).Total(), want, 0.06)
		}
	}
	// Four cards at 2K: the memory term, and all with RCCL in a graph.
	r := Roofs{Devices: 4, Tensors: true, Read: []Level{{Rate: 1020e9}}, AllReduce: []TimeForBytes{{20480, 19e-6}}}
	l := r.Step(&m, Work{Decode: 1, Context: 2048})
	near(t, "memory of four", 1e3*l.Memory, 3.24, 0.01)
	near(t, "rate of four", 1/l.Total(), 210, 1)
}

// Prefill: 22.8 TFLOP a card of 2048 tokens take 455 ms at 50 TF, the sums 35 ms.
func TestWorkedPrefill(t *testing.T) {
	m := devstral()
	m.Nodes = 0
	r := machine(t, "mi100x4-rccl")
	for c := range r.Compute {
		r.Compute[c] = 50e12
	}
	m.AttentionOps = 0
	l := r.Step(&m, Work{Prompt: 2048})
	near(t, "compute", 1e3*l.Compute, 455, 1)
	near(t, "sums", 1e3*l.Link, 35, 0.1)
	if got := l.Bound(); got != BoundCompute {
		t.Errorf("bound by %s", got)
	}
	// One card at the peak: 4150 tok/s.
	r = machine(t, "mi100")
	near(t, "peak rate", 2048/r.Step(&m, Work{Prompt: 2048}).Compute, 4150, 5)
}

// From 52 tokens of 5120 values on the sums are of 2 bytes.
func TestReducedBytes(t *testing.T) {
	m := devstral()
	for tokens, want := range map[float64]float64{1: 20480, 16: 327680, 51: 1044480, 52: 532480, 2048: 20971520} {
		near(t, "bytes", reduced(&m, tokens), want, 0)
	}
}

// Devices that have a layer each work one after the other in a step of one graph.
func TestLayers(t *testing.T) {
	m := devstral()
	r := machine(t, "mi100x4-rccl")
	r.Tensors, r.Node = false, 0
	near(t, "decode", 1e3*r.Step(&m, Work{Decode: 1}).Total(), 10.9, 0.01)
	one := machine(t, "mi100")
	one.Node = 0
	work := Work{Prompt: 2048, Graphs: 4}
	near(t, "prefill", r.Step(&m, work).Compute, one.Step(&m, work).Compute/4, 1e-9)
}

// What fits into a cache is read from there; the bytes beyond come from memory.
func TestReadTime(t *testing.T) {
	r := Roofs{Read: []Level{{"L2", 1e6, 100e9}, {"L3", 31e6, 40e9}, {"memory", 0, 10e9}}}
	for bytes, want := range map[float64]float64{
		1e6: 1e-5, 2e6: 2.5e-5, 32e6: 31e6 / 40e9, 132e6: 1e8 / 10e9,
		40e6: 39e6 / 40e9, // eight of them from memory meanwhile
	} {
		near(t, "time", r.readTime(bytes), want, 1e-12)
	}
}

// What was swept through takes no less than the sweep, in proportion between two;
// of less than the first nothing is known but the levels.
func TestSweeps(t *testing.T) {
	r := Roofs{Read: []Level{{"L3", 32e6, 40e9}, {"memory", 0, 10e9}}, Sweeps: []TimeForBytes{{32e6, 1e-3}, {64e6, 6e-3}, {512e6, 51.2e-3}}}
	for bytes, want := range map[float64]float64{
		30e6: 30e6 / 40e9, 32e6: 1e-3, 48e6: 3.5e-3, 512e6: 51.2e-3, 1024e6: 51.2e-3 + 512*45.2e-3/448,
	} {
		near(t, "time", r.readTime(bytes), want, 1e-12)
	}
}

// Blocks are unpacked once in each graph, and multiplied with each token; the
// output's where a sequence decodes. A type of which nothing is known has the rate
// of its arithmetic.
func TestBlockProducts(t *testing.T) {
	m := Demand{Layers: []Weights{{"Q8_0", 1, 1200}, {"Q6_K", 1, 1000}}, Output: []Weights{{"F16", 1, 600}}}
	r := Roofs{Devices: 1, Read: []Level{{Rate: 1e10}}, Compute: map[Class]float64{Int8: 1000, F16: 300},
		Matrices: map[string]MatrixRates{"q8_0": {One: 200, Many: 600}, "f16": {One: 150, Many: 300}}}
	for _, c := range []struct {
		name string
		work Work
		want float64
	}{
		{"one token", Work{Decode: 1, Wanted: 1}, 1200/200.0 + 1 + 600/150.0},
		{"three", Work{Decode: 3, Wanted: 3}, 4 + 3*2 + 3 + 2 + 3*2},
		{"a prompt in two graphs", Work{Prompt: 10, Wanted: 1, Graphs: 2}, 2*4 + 10*2 + 10 + 2},
	} {
		near(t, c.name, r.Step(&m, c.work).Compute, c.want, 1e-9)
	}
	near(t, "a node", r.Least("q8_0", 1, 2400, 2), 4+2*2, 1e-9)
}

func TestAllReduceTime(t *testing.T) {
	r := Roofs{AllReduce: []TimeForBytes{{1000, 10e-6}, {2000, 12e-6}, {4000, 20e-6}}}
	for bytes, want := range map[float64]float64{1: 10e-6, 1000: 10e-6, 1500: 11e-6, 3000: 16e-6, 6000: 28e-6} {
		near(t, "time", r.allReduce(bytes), want, 1e-12)
	}
	if r.AllReduce = nil; r.allReduce(1) != 0 {
		t.Error("an all-reduce that nobody measured takes time")
	}
}

func TestBoundOf(t *testing.T) {
	l := Limit{Memory: 3, Compute: 1, Link: 2}
	for measured, want := range map[float64]string{4: BoundMemory, 9: BoundMemory, 9.1: BoundLatency} {
		if got := l.Spent().BoundOf(measured); got != want {
			t.Errorf("%g s: %s, not %s", measured, got, want)
		}
	}
	if total := l.Total(); total != 5 || l.Spent().Total() != 5 {
		t.Errorf("total %g, %+v", total, l.Spent())
	}
	// Of what goes on side by side the longer one counts.
	l = Limit{Memory: 1, Compute: 3}
	if s := l.Spent(); s.Memory != 0 || s.Compute != 3 || s.Bound() != BoundCompute {
		t.Errorf("%+v", s)
	}
}

func TestMachines(t *testing.T) {
	for _, name := range Machines() {
		list, err := FindMachines(name)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 3, false: 1}[name == "mi100x4"]; len(list) != want {
			t.Errorf("%s: %d machines", name, len(list))
		}
		for _, r := range list {
			if err := r.Check(); err != nil || r.Name == "" {
				t.Errorf("%q: %v", r.Name, err)
			}
			for _, what := range []string{"memory", "compute", "dot", "node"} {
				if !hasSource(r, what) {
					t.Errorf("%s: %s has no source", r.Name, what)
				}
			}
			if r.Devices > 1 && !hasSource(r, "all-reduce") {
				t.Errorf("%s: the all-reduce has no source", r.Name)
			}
		}
	}
	if _, err := FindMachines("mi200"); err == nil || !strings.Contains(err.Error(), `"mi200"`) {
		t.Errorf("a machine that is not known: %v", err)
	}
}

func hasSource(r Roofs, what string) bool {
	for _, s := range r.Sources {
		if s.What == what && s.Value != "" && strings.Contains(s.From, "[") {
			return true
		}
	}
	return false
}

func TestCheck(t *testing.T) {
	good := func() Roofs { return Roofs{Name: "x", Devices: 1, Read: []Level{{"memory", 0, 1e9}}} }
	for name, spoil := range map[string]func(*Roofs){
		"no memory":       func(r *Roofs) { r.Read = nil },
		"no devices":      func(r *Roofs) { r.Devices = 0 },
		"no rate":         func(r *Roofs) { r.Read[0].Rate = 0 },
		"not a number":    func(r *Roofs) { r.Read[0].Rate = math.NaN() },
		"negative op/s":   func(r *Roofs) { r.Compute = map[Class]float64{F16: -1} },
		"a type's rate":   func(r *Roofs) { r.Matrices = map[string]MatrixRates{"q4_0": {One: -1}} },
		"sweeps fall":     func(r *Roofs) { r.Sweeps = []TimeForBytes{{2, 1}, {1, 1}} },
		"sizes fall":      func(r *Roofs) { r.AllReduce = []TimeForBytes{{2, 1}, {1, 1}} },
		"time flies back": func(r *Roofs) { r.Node = -1 },
	} {
		r := good()
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		if spoil(&r); r.Check() == nil {
			t.Errorf("%s: passed", name)
		}
	}
}
