package kernels

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func measured(probe, variant string, bytes int64, unit Unit, best float64) Measurement {
	return Measurement{Probe: probe, Variant: variant, Bytes: bytes, Unit: unit, Verdict: OK,
		Summary: &SampleSummary{Median: best, Best: best}}
}

func block(storage string, tokens int, rate float64) Measurement {
	m := measured("cpu.block."+storage, "", 0, OpsPerSecond, rate)
	m.Tokens = tokens
	return m
}

func example() Ceilings {
	return Ceilings{
		Format: FormatVersion, Date: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		Machine: MeasuredMachine{CPU: "a CPU", Threads: 2, Governor: "performance"},
		Measurements: []Measurement{
			measured("cpu.read", "memory", 512<<20, BytesPerSecond, 20e9),
			measured("cpu.read", "L3", 16<<20, BytesPerSecond, 80e9),
			measured("cpu.read", "2 × L3", 64<<20, BytesPerSecond, 25e9),
			measured("cpu.read", "L2", 512<<10, BytesPerSecond, 200e9),
			measured("cpu.fma", "AVX2", 0, OpsPerSecond, 200e9),
			measured("cpu.dot", "AVX2", 0, OpsPerSecond, 400e9),
			block("q8_0", 1, 150e9), block("q8_0", 16, 300e9), block("f16", 1, 100e9),
			measured("cpu.node", "", 0, Seconds, 1e-6),
		},
	}
}

func TestCPURoofs(t *testing.T) {
	c := example()
	r, err := c.CPURoofs()
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Read) != 3 || r.Read[0].Rate != 200e9 || r.Read[1].Bytes != 32<<20 || r.Read[2].Rate != 20e9 || r.Read[2].Bytes != 0 {
		t.Errorf("%+v", r.Read)
	}
	if r.Compute[F16] != 200e9 || r.Compute[Int8] != 400e9 || r.Compute[BF] != 200e9 || r.Node != 1e-6 || len(r.Sources) != 9 {
		t.Errorf("%+v", r)
	}
	if len(r.Sweeps) != 2 || r.Sweeps[0] != (TimeForBytes{64 << 20, (64 << 20) / 25e9}) || r.Sweeps[1].Bytes != 512<<20 {
		t.Errorf("%+v", r.Sweeps)
	}
	want := map[string]MatrixRates{"q8_0": {One: 150e9, Many: 300e9}, "f16": {One: 100e9, Many: 200e9}}
	if diff := cmp.Diff(want, r.Matrices); diff != "" {
		t.Error(diff)
	}
	// Of a model's types alone.
	model := Demand{Layers: []Weights{{Type: "F16"}, {Type: "F32"}}, Output: []Weights{{Type: "Q6_K"}}}
	of := r.For(&model)
	if len(of.Matrices) != 1 || of.Matrices["f16"].One != 100e9 || len(of.Sources) != len(r.Sources)-2 || len(r.Matrices) != 2 {
		t.Errorf("%+v\n%+v", of.Matrices, of.Sources)
	}
	// A figure whose probe was wrong is none.
	c.Measurements[5].Verdict = Wrong
	if r, err = c.CPURoofs(); err != nil || r.Compute[Int8] != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	c.Measurements[0].Verdict = Unknown
	if _, err = c.CPURoofs(); !errors.Is(err, ErrNoRoofs) {
		t.Errorf("without memory: %v", err)
	}
}

func TestFits(t *testing.T) {
	c := example()
	if err := c.Fits(c.Machine, c.Date.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*MeasuredMachine, *time.Time){
		"CPU":      func(m *MeasuredMachine, _ *time.Time) { m.CPU = "another" },
		"threads":  func(m *MeasuredMachine, _ *time.Time) { m.Threads = 1 },
		"governor": func(m *MeasuredMachine, _ *time.Time) { m.Governor = "powersave" },
		"cards":    func(m *MeasuredMachine, _ *time.Time) { m.Cards = []string{"one, 200 W"} },
		"days":     func(_ *MeasuredMachine, now *time.Time) { *now = now.Add(8 * 24 * time.Hour) },
	} {
		m, now := c.Machine, c.Date
		change(&m, &now)
		if err := c.Fits(m, now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestReadCeilings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ceilings.json")
	write := func(c Ceilings) {
		text, err := json.Marshal(c)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(example())
	if c, err := ReadCeilings(path); err != nil || len(c.Measurements) != 10 {
		t.Fatalf("%+v, %v", c, err)
	}
	for want, spoil := range map[string]func(*Ceilings){
		"format is 9":   func(c *Ceilings) { c.Format = 9 },
		"not above 0":   func(c *Ceilings) { c.Measurements[0].Summary.Best = -1 },
		"cpu.read L3":   func(c *Ceilings) { c.Measurements[1].Summary = nil },
		"has no weight": func(c *Ceilings) { c.Load = &Demand{} },
	} {
		c := example()
		spoil(&c)
		write(c)
		if _, err := ReadCeilings(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadCeilings(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("half a file: %v", err)
	}
}

func TestFormat(t *testing.T) {
	for want, c := range map[string]struct {
		unit Unit
		v    float64
	}{"1.18 TB/s": {BytesPerSecond, 1.181e12}, "20.00 GB/s": {BytesPerSecond, 20e9}, "92.28 Top/s": {OpsPerSecond, 92.28e12},
		"1.33 µs": {Seconds, 1.33e-6}, "10.90 ms": {Seconds, 0.0109}, "703 cycles": {Cycles, 703}, "40 ns": {Seconds, 40e-9}} {
		if got := c.unit.Format(c.v); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
