package main

import (
	"fmt"
	"os"
	"slices"

	"ceiling/bench"
	"ceiling/bench/result"
	"ceiling/hip"
	"ceiling/hip/disturb"
)

// startMeter watches what others do to the engine. Where the machine can't be
// read, the run goes on without, and its verdict says so.
func (r *runner) startMeter() (meter bench.Meter, stop func()) {
	m, err := disturb.New(r.sysroot, r.othersOnCards())
	if err != nil {
		r.show.line("note: what disturbs the run is not measured: %v", err)
		return nil, func() {}
	}
	return m, m.Close
}

// othersOnCards names the other processes with memory on AMD's cards that the
// model runs on; nil: there are none of these cards, or the driver does not list
// processes.
func (r *runner) othersOnCards() func() []string {
	used := gpuIDs(r.used)
	amd := slices.ContainsFunc(r.machine.GPUs, func(g hip.GPU) bool { return slices.Contains(used, g.PCI) })
	if !amd {
		return nil
	}
	return func() []string {
		var out []string
		for _, p := range hip.ReadState(r.sysroot, os.Getpid()).Processes {
			if p.VRAM > 0 {
				out = append(out, fmt.Sprintf("%s (process %d, %.1f GB)", p.Name, p.PID, float64(p.VRAM)/1e9))
			}
		}
		return out
	}
}

// unread notes what of the devices that the model ran on nobody looked at.
func (r *runner) unread(sampled bool, d *result.Detail) {
	if d.Disturbance != nil && len(gpuIDs(r.used)) > 0 && !sampled {
		d.Disturbance.Unread = append(d.Disturbance.Unread, "the clocks of the cards")
	}
}

// belowValid is the error of --strict, nil for a run that holds. Nobody can see
// a server's threads, so that of a run through one "unknown" is enough.
func (r *runner) belowValid(results *result.Run) error {
	v := results.Verdict
	if !r.strict || v.Valid() || results.Server != nil && v.Trusted() {
		return nil
	}
	return codedError{exitInvalid, fmt.Errorf("--strict: the run is %s", v)}
}
