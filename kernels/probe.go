// Package kernels says what a machine could do at most: the measurements of its
// probes, and the model of a step that is made of them. The probes themselves
// are in kernels/gpu and kernels/cpu.
package kernels

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Unit is what a probe's figures count.
type Unit string

// The units. A multiplication and an addition are two operations, of integers
// as of floats.
const (
	BytesPerSecond Unit = "B/s"
	OpsPerSecond   Unit = "op/s"
	Seconds        Unit = "s"
	Cycles         Unit = "cycles"
)

// LessIsBetter tells of a unit whether the best figure is the smallest.
func (u Unit) LessIsBetter() bool { return u == Seconds || u == Cycles }

// ProbeVerdict says whether a measurement may be used.
type ProbeVerdict string

// The verdicts. Only figures of OK may be shown or reckoned with.
const (
	// OK: the result was right, and two clocks agree on the time.
	OK ProbeVerdict = "ok"
	// Unknown: something was measured, and it is not known what.
	Unknown ProbeVerdict = "unknown"
	// Wrong: the probe computed something else than it should have.
	Wrong ProbeVerdict = "wrong"
	// Missing: the machine does not have what the probe measures.
	Missing ProbeVerdict = "missing"
	// NoTiming: the result was right, and the device is a stand-in, on which
	// no time means anything.
	NoTiming ProbeVerdict = "stand-in: no timing"
)

// Measurement is what one probe found out in one variant on one device, or on
// several at once.
type Measurement struct {
	Probe   string `json:"probe"`             // "hbm.read"
	Variant string `json:"variant,omitempty"` // "random bits", "32x32, 4 accumulators", "graph"
	// Devices are those that took part, as the HIP runtime numbers them; none:
	// the CPU. Figures of several that ran at once are of all together.
	Devices []int `json:"devices,omitempty"`
	// Bytes is the size that the probe worked on, of one device; 0 where there
	// is none.
	Bytes int64 `json:"bytes,omitempty"`
	// Tokens are those that each block of weights was multiplied with, of probes
	// of block products.
	Tokens int `json:"tokens,omitempty"`

	Unit    Unit           `json:"unit"`
	Samples []float64      `json:"samples,omitempty"` // in the order taken, in Unit
	Summary *SampleSummary `json:"summary,omitempty"` // of Samples, where there are any

	// Peak is the nominal limit in Unit at the nominal clock; PeakAtClock at
	// the clock during the samples. nil: none is known.
	Peak        *float64 `json:"peak,omitempty"`
	PeakAtClock *float64 `json:"peak_at_clock,omitempty"`

	// ClockHz is the median of the clock during the samples, counted by the
	// device itself. PowerW is the mean of what was drawn. nil: not known.
	ClockHz *float64 `json:"clock_hz,omitempty"`
	PowerW  *float64 `json:"power_w,omitempty"`

	Verdict ProbeVerdict `json:"verdict"`
	Reason  string       `json:"reason,omitempty"` // of any verdict but OK
}

// SampleSummary describes samples.
type SampleSummary struct {
	Median float64 `json:"median"`
	Best   float64 `json:"best"`
	// Low and High bound the median with 95 % confidence, without an assumption
	// about the distribution. nil: six samples are needed.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
}

const confidence = 0.95

// Summarize describes samples of a unit; nil where there are none.
func Summarize(samples []float64, unit Unit) *SampleSummary {
	if len(samples) == 0 {
		return nil
	}
	sample := benchmath.NewSample(slices.Clone(samples), &benchmath.DefaultThresholds)
	found := benchmath.AssumeNothing.Summary(sample, confidence)
	s := &SampleSummary{Median: found.Center, Best: slices.Max(samples)}
	if unit.LessIsBetter() {
		s.Best = slices.Min(samples)
	}
	if !math.IsInf(found.Lo, 0) && !math.IsInf(found.Hi, 0) {
		s.Low, s.High = &found.Lo, &found.Hi
	}
	return s
}
