package main

import (
	"ceiling/internal/machine"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"ceiling/bench/result"
	"ceiling/engine"
	"ceiling/hip"
)

func telemetryFlag() cli.Flag {
	return &cli.FloatFlag{Name: "telemetry-hz", Value: hip.DefaultHz, Validator: func(hz float64) error {
		if !(hz >= 0 && hz <= hip.MaxHz) {
			return fmt.Errorf("%v Hz; use 0 (off) to %d", hz, hip.MaxHz)
		}
		return nil
	}, Usage: "read power, clocks and temperatures `N` times a second; 0: not at all"}
}

// startTelemetry starts the sampler of the machine's sensors on the run's
// clock. It returns nil where none is wanted or nothing can be read.
func (r *runner) startTelemetry(clock *result.Clock) (*hip.TelemetrySampler, error) {
	if r.telemetryHz == 0 {
		return nil, nil
	}
	o := hip.TelemetryOptions{Hz: r.telemetryHz, File: r.dir.File(result.TelemetryFile), CPUUsed: len(gpuIDs(r.used)) == 0, Used: gpuIDs(r.used), NVIDIA: r.nvidia}
	if r.resumed != nil {
		o.Resume = &r.resumed.Offset
	}
	s, notes, err := hip.NewSampler(r.sysroot, r.machine, clock.Now, o)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		r.show.line("note: %s", n)
	}
	if s == nil && len(notes) > 0 {
		r.telemetry = &machine.TelemetryInfo{Hz: r.telemetryHz, Notes: notes}
	}
	return s, nil
}

// observer adds to a scenario's detail what others than the bench have seen.
func (r *runner) observer(s *hip.TelemetrySampler) func(*result.Summary, *result.Detail) {
	return func(summary *result.Summary, detail *result.Detail) {
		if s != nil {
			energy, warnings := s.Observe(detail.StartS, detail.EndS, summary.TotalOutputTokens, summary.OutputThroughput)
			detail.Energy, detail.Warnings = energy, append(detail.Warnings, warnings...)
		}
		r.unread(s != nil, detail)
		r.pauses.observe(detail)
		r.observeDeath(detail)
	}
}

// stopTelemetry ends the sampling, and records how it was done.
func (r *runner) stopTelemetry(s *hip.TelemetrySampler, results *result.Run) error {
	var err error
	if s != nil {
		err = s.Stop()
		r.telemetry = s.Info()
	}
	if results != nil {
		results.Telemetry = r.telemetry
	}
	return err
}

// gpuIDs are the PCI addresses of the GPUs among the devices; a device that
// shares its card with others ("0000:83:00.0-v1") counts as its card. A GPU
// without an address has "".
func gpuIDs(devices []engine.Device) []string {
	var out []string
	for _, d := range devices {
		if d.Type != engine.DeviceGPU && d.Type != engine.DeviceIGPU {
			continue
		}
		id := cardID(d)
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// cardID is the PCI address of a device's card, "" where it has none.
func cardID(d engine.Device) string {
	id, _, _ := strings.Cut(strings.ToLower(d.ID), "-")
	return id
}

// describeGPUs adds the machine's GPUs to the system. Those that the model
// runs on are named by the engine where sysfs does not know them: cards of
// other makers, and those behind an RPC server.
func describeGPUs(s *machine.System, m hip.Machine, nv *hip.NVIDIA, used []engine.Device) {
	m.Describe(s)
	known := slices.ContainsFunc(m.GPUs, func(g hip.GPU) bool { return g.PCI != "" && slices.Contains(gpuIDs(used), g.PCI) })
	if names := gpuNames(used); names != "" && !known {
		s.GPUs, s.XGMI, s.GPULinks, s.Cards = names, "", "", nil
	}
	nv.Describe(s, gpuIDs(used))
}

// ranOn is what the model ran on, in one line.
func ranOn(s *machine.System, used []engine.Device) string {
	if len(gpuIDs(used)) > 0 && s.GPUs != "" {
		return s.GPUs
	}
	if s.CPU == "" && len(used) > 0 {
		return used[0].Description // procfs does not name the CPU, the engine does
	}
	return s.CPU
}
