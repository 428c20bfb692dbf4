package kernels

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// FormatVersion is that of ceilings.json. A file of another one is refused.
const FormatVersion = 1

// Ceilings is ceilings.json: what a machine's probes measured, and where.
type Ceilings struct {
	Format  int             `json:"format"`
	Version string          `json:"ceiling"` // the program's
	Date    time.Time       `json:"date"`
	Machine MeasuredMachine `json:"machine"`

	Measurements []Measurement `json:"measurements"`
	// Load is what the model asks of each step; nil: measured without a model.
	Load *Demand `json:"model,omitempty"`
}

// MeasuredMachine is what the figures belong to: another machine, other clocks or other
// threads have others.
type MeasuredMachine struct {
	CPU          string   `json:"cpu"`
	Threads      int      `json:"threads"`
	Instructions []string `json:"instructions"` // that the engine's CPU back end uses
	Governor     string   `json:"governor,omitempty"`
	Hypervisor   string   `json:"hypervisor,omitempty"`
	Kernel       string   `json:"kernel,omitempty"`
	// Cards are the GPUs with their clock and power limits, "0000:83:00.0 AMD
	// Instinct MI100, 1502 MHz, 290 W".
	Cards  []string `json:"cards,omitempty"`
	Engine string   `json:"engine,omitempty"` // the tree of its source
}

// Fresh is for how long figures of the same machine hold: what heats, ages or
// moves in shows within days.
const Fresh = 7 * 24 * time.Hour

// Fits tells why the figures are not those of a machine at a time; nil: they are.
func (c *Ceilings) Fits(m MeasuredMachine, now time.Time) error {
	for _, f := range []struct{ what, then, now string }{
		{"CPU", c.Machine.CPU, m.CPU},
		{"threads", fmt.Sprint(c.Machine.Threads), fmt.Sprint(m.Threads)},
		{"instruction sets", strings.Join(c.Machine.Instructions, " "), strings.Join(m.Instructions, " ")},
		{"governor", c.Machine.Governor, m.Governor},
		{"hypervisor", c.Machine.Hypervisor, m.Hypervisor},
		{"kernel", c.Machine.Kernel, m.Kernel},
		{"cards", strings.Join(c.Machine.Cards, "; "), strings.Join(m.Cards, "; ")},
		{"engine", c.Machine.Engine, m.Engine},
	} {
		if f.then != f.now {
			return fmt.Errorf("they were measured with %s %q, here is %q", f.what, f.then, f.now)
		}
	}
	if age := now.Sub(c.Date); age > Fresh || age < -time.Hour {
		return fmt.Errorf("they were measured on %s, more than %d days from now", c.Date.Format(time.DateOnly), int(Fresh.Hours()/24))
	}
	return nil
}

// mostBytes bounds a ceilings.json that is read.
const mostBytes = 16 << 20

// ReadCeilings reads a ceilings.json.
func ReadCeilings(path string) (*Ceilings, error) {
	text, err := readUpTo(path, mostBytes+1)
	if err != nil {
		return nil, err
	}
	c, err := parseCeilings(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no file of ceilings: %w; `ceiling roofline` writes one", path, err)
	}
	return c, nil
}

// readUpTo reads a file's first n bytes at most.
func readUpTo(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}

func parseCeilings(text []byte) (*Ceilings, error) {
	if len(text) > mostBytes {
		return nil, fmt.Errorf("it has more than %d MiB", mostBytes>>20)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var c Ceilings
	if err := d.Decode(&c); err != nil {
		return nil, err
	}
	if c.Format != FormatVersion {
		return nil, fmt.Errorf("its format is %d, this program reads %d", c.Format, FormatVersion)
	}
	for _, m := range c.Measurements {
		if m.Verdict == OK && (m.Summary == nil || !(m.Summary.Best > 0) || !(m.Summary.Median > 0)) {
			return nil, fmt.Errorf("%s %s is ok, and its figure is not above 0", m.Probe, m.Variant)
		}
	}
	if c.Load != nil {
		if err := c.Load.check(); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// check tells what makes a load unusable.
func (l *Demand) check() error {
	for _, w := range slices.Concat(l.Layers, l.Output) {
		if !(w.Bytes >= 0) || !(w.Ops >= 0) {
			return fmt.Errorf("weights %q of %g bytes and %g operations", w.Type, w.Bytes, w.Ops)
		}
	}
	if !(l.WeightBytes() > 0) || l.Nodes < 0 || l.LayerCount < 0 || l.Embedding < 0 || l.Vocab < 0 || !(l.KVBytes >= 0) || !(l.AttentionOps >= 0) {
		return errors.New("its model has no weights, or less than none of something")
	}
	return nil
}

// find returns the measurements that may be used.
func (c *Ceilings) find(probe string, of func(Measurement) bool) []Measurement {
	var out []Measurement
	for _, m := range c.Measurements {
		if m.Probe == probe && m.Verdict == OK && m.Summary != nil && (of == nil || of(m)) {
			out = append(out, m)
		}
	}
	return out
}

// best is the best figure of a probe, 0 for none. A limit must hold, so it is not
// the median.
func (c *Ceilings) best(probe string, of func(Measurement) bool) float64 {
	var v float64
	for _, m := range c.find(probe, of) {
		if v == 0 || m.Unit.LessIsBetter() == (m.Summary.Best < v) {
			v = m.Summary.Best
		}
	}
	return v
}

// ErrNoRoofs: a file has no figure of the memory that the model lies in.
var ErrNoRoofs = errors.New("no rate of the memory was measured")

// The names of measured roofs.
const (
	CPUName   = "CPU"
	CardsName = "cards"
)

// Beyond is in the variant of a reading of more than the last cache holds: "1.5 × L3".
const Beyond = " × L"

// CPURoofs are the limits of the CPU.
func (c *Ceilings) CPURoofs() (Roofs, error) {
	r := Roofs{Name: CPUName, Devices: 1, Compute: map[Class]float64{}, Node: c.best("cpu.node", nil)}
	reads := c.find("cpu.read", nil)
	slices.SortFunc(reads, func(a, b Measurement) int { return cmp.Compare(a.Bytes, b.Bytes) })
	for _, m := range reads {
		sweep := strings.Contains(m.Variant, Beyond)
		if sweep || m.Variant == "memory" {
			r.Sweeps = append(r.Sweeps, TimeForBytes{float64(m.Bytes), float64(m.Bytes) / m.Summary.Best})
		}
		if sweep {
			continue
		}
		level := Level{Name: m.Variant, Rate: m.Summary.Best}
		if m.Variant != "memory" {
			level.Bytes = 2 * float64(m.Bytes) // half of it was read
		}
		r.Read = append(r.Read, level)
		r.Sources = append(r.Sources, source("reading, "+m.Variant, m))
	}
	if n := len(r.Read); n == 0 || r.Read[n-1].Name != "memory" {
		return r, ErrNoRoofs
	}
	fma, dot, bf := c.best("cpu.fma", nil), c.best("cpu.dot", nil), c.best("cpu.bf16", nil)
	for class, rate := range map[Class]float64{F32: fma, F16: fma, BF: max(fma, bf), Int8: dot} {
		if rate > 0 {
			r.Compute[class] = rate
		}
	}
	r.Logits = r.Read[0].Rate
	r.Matrices = c.blockProducts(r.Compute)
	for _, m := range c.Measurements {
		if m.Verdict == OK && m.Summary != nil && m.Probe != "cpu.read" && strings.HasPrefix(m.Probe, "cpu.") {
			what := m.Probe
			if m.Tokens > 0 {
				what = fmt.Sprintf("%s × %d", m.Probe, m.Tokens)
			}
			r.Sources = append(r.Sources, source(what, m))
		}
	}
	return r, r.Check()
}

// For are the roofs without those of storage types that a model has no matrices of.
func (r Roofs) For(l *Demand) Roofs {
	had := r.Matrices
	r.Matrices = map[string]MatrixRates{}
	for _, x := range slices.Concat(l.Layers, l.Output) {
		storage := strings.ToLower(x.Type)
		if rates, ok := had[storage]; ok {
			r.Matrices[storage] = rates
		}
	}
	r.Sources = slices.DeleteFunc(slices.Clone(r.Sources), func(o Origin) bool {
		rest, block := strings.CutPrefix(o.What, cpuBlock)
		storage, _, _ := strings.Cut(rest, " ")
		_, has := r.Matrices[storage]
		return block && !has
	})
	return r
}

const cpuBlock = "cpu.block."

// blockProducts are what was measured of each storage type's. Where nothing but
// one token was, many are as fast as the arithmetic.
func (c *Ceilings) blockProducts(compute map[Class]float64) map[string]MatrixRates {
	out := map[string]MatrixRates{}
	for _, m := range c.Measurements {
		storage, ok := strings.CutPrefix(m.Probe, cpuBlock)
		if !ok || out[storage] != (MatrixRates{}) {
			continue
		}
		of := func(one bool) float64 {
			return c.best(m.Probe, func(m Measurement) bool { return (m.Tokens == 1) == one })
		}
		x := MatrixRates{One: of(true), Many: of(false)}
		if x.Many == 0 {
			x.Many = compute[classOf(storage)]
		}
		out[storage] = x
	}
	return out
}

func source(what string, m Measurement) Origin {
	return Origin{What: what, Value: m.Unit.Format(m.Summary.Best), From: "[meas] " + strings.TrimSpace(m.Probe+" "+m.Variant)}
}

// Format prints a figure with a prefix that leaves one to four digits before the
// point.
func (u Unit) Format(v float64) string {
	if u == Cycles {
		return fmt.Sprintf("%.0f cycles", v)
	}
	if u == Seconds {
		for _, p := range []struct {
			least float64
			name  string
		}{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}} {
			if v >= p.least {
				return fmt.Sprintf("%.2f %s", v/p.least, p.name)
			}
		}
		return fmt.Sprintf("%.0f ns", v*1e9)
	}
	names := map[Unit]string{BytesPerSecond: "B/s", OpsPerSecond: "op/s"}
	for _, p := range []struct {
		least float64
		name  string
	}{{1e12, "T"}, {1e9, "G"}} {
		if v >= p.least {
			return fmt.Sprintf("%.2f %s%s", v/p.least, p.name, names[u])
		}
	}
	return fmt.Sprintf("%.2f M%s", v/1e6, names[u])
}
