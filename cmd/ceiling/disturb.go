package main

import (
	"cmp"
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
	others := r.othersOnCards()
	r.othersListed = others != nil
	m, err := disturb.New(r.sysroot, others)
	if err != nil {
		r.show.line("note: what disturbs the run is not measured: %v", err)
		return nil, func() {}
	}
	return m, m.Close
}

// othersOnCards names the other processes on the cards that the model runs on;
// nil: no driver lists them.
func (r *runner) othersOnCards() func() []string {
	used := gpuIDs(r.used)
	amd := slices.ContainsFunc(r.machine.GPUs, func(g hip.GPU) bool { return slices.Contains(used, g.PCI) })
	others := func() (list []hip.Process, known bool) {
		list, known = r.nvidia.Others(r.sysroot, used, os.Getpid())
		if amd {
			more, listed := hip.Others(r.sysroot, os.Getpid())
			list, known = append(list, more...), known || listed
		}
		return list, known
	}
	if _, known := others(); !known {
		return nil
	}
	return func() []string {
		var out []string
		list, _ := others()
		for _, p := range list {
			out = append(out, fmt.Sprintf("%s (process %d, %.1f GB)", cmp.Or(p.Name, "?"), p.PID, float64(p.VRAM)/1e9))
		}
		return out
	}
}

// unread notes what of the devices that the model ran on nobody looked at.
func (r *runner) unread(sampled bool, d *result.Detail) {
	if d.Disturbance == nil || len(gpuIDs(r.used)) == 0 {
		return
	}
	if !sampled {
		d.Disturbance.Unread = append(d.Disturbance.Unread, "the clocks of the cards")
	}
	if !r.othersListed {
		d.Disturbance.Unread = append(d.Disturbance.Unread, "other processes on the cards")
	}
}

// warnStrict tells, before anything is measured, that --strict can't be met.
func (s *settings) warnStrict(show *progress) {
	if why := s.suite.NeverValid(); s.strict && why != "" {
		show.line("warning: --strict can't be met: %s; the run will end with exit code %d", why, exitInvalid)
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
