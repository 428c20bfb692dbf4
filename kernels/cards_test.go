package kernels

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCardRoofs(t *testing.T) {
	of := func(probe, variant string, unit Unit, best float64, bytes int64, devices ...int) Measurement {
		return Measurement{Probe: probe, Variant: variant, Unit: unit, Bytes: bytes, Devices: devices, Samples: []float64{best},
			Summary: Summarize([]float64{best}, unit), Verdict: OK}
	}
	unknown := of("hbm.read", "", BytesPerSecond, 9e12, 0, 0)
	unknown.Verdict = Unknown
	c := &Ceilings{Measurements: []Measurement{
		of("hbm.read", "", BytesPerSecond, 1.1e12, 0, 0),
		of("hbm.read", "", BytesPerSecond, 1.15e12, 0, 1),
		of("hbm.read", "", BytesPerSecond, 2.2e12, 0, 0, 1), // both at once: not one card's
		unknown,
		of("hbm.gemv.q4_0", "5120 × 32768", BytesPerSecond, 0.95e12, 0, 0),
		of("hbm.gemv.q4_0", "32768 × 5120", BytesPerSecond, 1.0e12, 0, 1),
		of("hbm.gemv.f16", "5120 × 32768", BytesPerSecond, 2.1e12, 0, 0, 1), // both at once
		of("mfma.f16", "", OpsPerSecond, 150e12, 0, 0),
		of("mfma.i8", "", OpsPerSecond, 160e12, 0, 0),
		of("valu.dot4", "", OpsPerSecond, 90e12, 0, 0),
		of("launch.graph", "each node", Seconds, 1.5e-6, 0, 0),
		of("launch.graph", "graph of 1 node", Seconds, 1e-6, 0, 0),
		of("allreduce.butterfly", "20 KiB, in a stream", Seconds, 60e-6, 20480, 0, 1),
		of("allreduce.butterfly", "10 KiB, in a stream", Seconds, 50e-6, 10240, 0, 1),
		of("allreduce.push", "10 KiB, in a graph", Seconds, 5e-6, 10240, 0, 1), // llama.cpp has none
	}}
	if n := c.Cards(); n != 2 {
		t.Errorf("%d cards", n)
	}
	got, err := c.CardRoofs(2, true)
	if err != nil {
		t.Fatal(err)
	}
	want := Roofs{Name: "cards", Devices: 2, Tensors: true, Read: []Level{{Name: "HBM", Rate: 1.15e12}},
		Compute: map[Class]float64{F16: 150e12, Int8: 160e12}, Matrices: map[string]MatrixRates{"q4_0": {Read: 1.0e12}}, Dot: 90e12, DotTokens: mmvqTokens, Node: 1.5e-6,
		AllReduce: []TimeForBytes{{10240, 50e-6}, {20480, 60e-6}}}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Roofs{}, "Sources")); d != "" {
		t.Error(d)
	}
	// Weights of q4_0 are read at their own rate, the rest at that of the stream.
	m := Demand{Layers: []Weights{{"Q4_0", 2e12, 0}}, Output: []Weights{{"F16", 1.15e12, 0}}, KVBytes: 1.15e12}
	near(t, "reading", got.Step(&m, Work{Decode: 1, Context: 1}).Memory, (2+1+1)/2.0, 1e-9)
	c.Measurements = append(c.Measurements, of("allreduce.rccl", "10 KiB, in a stream", Seconds, 40e-6, 10240, 0, 1))
	if got, err = c.CardRoofs(2, true); err != nil || len(got.AllReduce) != 1 || got.AllReduce[0].Seconds != 40e-6 {
		t.Errorf("with RCCL: %v, %v", got.AllReduce, err)
	}
	if got, err = c.CardRoofs(2, false); err != nil || got.AllReduce != nil || got.Tensors {
		t.Errorf("by layers: %+v, %v", got, err)
	}
	if _, err := (&Ceilings{}).CardRoofs(1, false); !errors.Is(err, ErrNoRoofs) {
		t.Errorf("nothing measured: %v", err)
	}
}
